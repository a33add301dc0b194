//! One field of a struct: which column it is, or why it cannot be one.

use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::{Attribute, Error, GenericArgument, Ident, LitInt, LitStr, PathArguments, Type};

const TYPES: &str = "bool, i16, i32, i64, f32, f64, String, &str, Cow<str>, Vec<u8>, &[u8], \
                     [u8; 16], Date, Time, Timestamptz, Interval, Json, i64 with \
                     #[row(timestamp)], i128 with #[row(decimal(precision, scale))], or Option of \
                     one of these; a macro does not see through aliases";
const ATTRIBUTES: &str = "name = \"..\", timestamp, decimal(precision, scale)";
const NAME_BYTES_MAX: usize = 255;
const DIGITS_MAX: u8 = 38;

/// The type of a column, and how a field holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    I16,
    I32,
    I64,
    Timestamp,
    F32,
    F64,
    Vec,
    Bytes,
    Uuid,
    Date,
    Time,
    Timestamptz,
    Interval,
    Json,
    Decimal { precision: u8, scale: u8 },
    String,
    Str,
    Cow,
}

/// A field that is a column.
pub(crate) struct Member {
    pub(crate) ident: Ident,
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) nullable: bool,
}

/// What the attributes of a field say.
#[derive(Default)]
struct Marks {
    name: Option<String>,
    timestamp: bool,
    decimal: Option<(u8, u8)>,
}

impl Member {
    pub(crate) fn of(field: &syn::Field) -> Result<Member, Error> {
        let marks = marks(&field.attrs)?;
        let ident = field.ident.clone().expect("the caller takes structs with named fields only");
        let name = marks.name.clone().unwrap_or_else(|| ident.unraw().to_string());
        let (nullable, bare) = match argument_of(&field.ty, "Option") {
            Some(inner) => (true, inner),
            None => (false, &field.ty),
        };
        Ok(Member { ident, name, kind: kind(bare, &marks)?, nullable })
    }
}

fn kind(bare: &Type, marks: &Marks) -> Result<Kind, Error> {
    let shown = quote::quote!(#bare).to_string().replace(' ', "");
    let refuse = |message: String| Err(Error::new(bare.span(), message));
    let kind = match (last_name(bare).as_deref(), marks.decimal) {
        (Some("bool"), None) => Kind::Bool,
        (Some("i16"), None) => Kind::I16,
        (Some("i32"), None) => Kind::I32,
        (Some("f32"), None) => Kind::F32,
        (Some("Vec"), None) if argument_of(bare, "Vec").is_some_and(is_u8) => Kind::Vec,
        (Some("Date"), None) => Kind::Date,
        (Some("Time"), None) => Kind::Time,
        (Some("Timestamptz"), None) => Kind::Timestamptz,
        (Some("Interval"), None) => Kind::Interval,
        (Some("Json"), None) => Kind::Json,
        (None, None) if matches!(bare, Type::Reference(to) if is_bytes(&to.elem)) => Kind::Bytes,
        (None, None) if is_uuid(bare) => Kind::Uuid,
        (Some("i64"), None) if marks.timestamp => return Ok(Kind::Timestamp),
        (Some("i64"), None) => Kind::I64,
        (Some("f64"), None) => Kind::F64,
        (Some("String"), None) => Kind::String,
        (Some("Cow"), None) if argument_of(bare, "Cow").is_some_and(is_str) => Kind::Cow,
        (Some("i128"), Some((precision, scale))) => Kind::Decimal { precision, scale },
        (Some("i128"), None) if !marks.timestamp => {
            return refuse("an i128 is a DECIMAL: write #[row(decimal(precision, scale))]".into());
        }
        (None, None) if matches!(bare, Type::Reference(to) if is_str(&to.elem)) => Kind::Str,
        (_, Some(_)) => {
            return refuse(format!("decimal(precision, scale) is for an i128, not for `{shown}`"));
        }
        _ if marks.timestamp => Kind::Bool,
        _ => return refuse(format!("`{shown}` is not the type of a column; use {TYPES}")),
    };
    if marks.timestamp {
        return refuse(format!("timestamp is for an i64 in microseconds, not for `{shown}`"));
    }
    Ok(kind)
}

fn is_u8(ty: &Type) -> bool {
    last_name(ty).is_some_and(|name| name == "u8")
}

fn is_bytes(ty: &Type) -> bool {
    matches!(ty, Type::Slice(slice) if is_u8(&slice.elem))
}

fn is_uuid(ty: &Type) -> bool {
    let Type::Array(array) = ty else { return false };
    let len = &array.len;
    is_u8(&array.elem) && quote::quote!(#len).to_string() == "16"
}

fn is_str(ty: &Type) -> bool {
    last_name(ty).is_some_and(|name| name == "str")
}

/// The last name of a path without arguments that matter.
fn last_name(ty: &Type) -> Option<String> {
    match ty {
        Type::Path(path) if path.qself.is_none() => {
            path.path.segments.last().map(|segment| segment.ident.to_string())
        }
        Type::Group(group) => last_name(&group.elem),
        Type::Paren(paren) => last_name(&paren.elem),
        _ => None,
    }
}

/// The type argument of `name<..>`.
fn argument_of<'a>(ty: &'a Type, name: &str) -> Option<&'a Type> {
    let Type::Path(path) = ty else { return None };
    let segment = path.path.segments.last().filter(|segment| segment.ident == name)?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}

fn marks(attributes: &[Attribute]) -> Result<Marks, Error> {
    let mut marks = Marks::default();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("row")) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("name") {
                let name: LitStr = meta.value()?.parse()?;
                check_name(&name)?;
                let twice = marks.name.replace(name.value()).is_some();
                return once(&name, twice);
            }
            if meta.path.is_ident("timestamp") {
                return once(&meta.path, std::mem::replace(&mut marks.timestamp, true));
            }
            if meta.path.is_ident("decimal") {
                let content;
                syn::parenthesized!(content in meta.input);
                let precision: LitInt = content.parse()?;
                content.parse::<syn::Token![,]>()?;
                let scale: LitInt = content.parse()?;
                if !content.is_empty() {
                    return Err(content.error("decimal takes a precision and a scale"));
                }
                let twice = marks.decimal.replace(digits(&precision, &scale)?).is_some();
                return once(&meta.path, twice);
            }
            Err(meta.error(format!("row takes {ATTRIBUTES}")))
        })?;
    }
    Ok(marks)
}

fn once(what: &impl quote::ToTokens, twice: bool) -> Result<(), Error> {
    if twice { Err(Error::new_spanned(what, "this is said twice")) } else { Ok(()) }
}

fn check_name(name: &LitStr) -> Result<(), Error> {
    match name.value().len() {
        1..=NAME_BYTES_MAX => Ok(()),
        0 => Err(Error::new(name.span(), "the name of a column is not empty")),
        bytes => {
            let message = format!("a name of {bytes} bytes; it may have {NAME_BYTES_MAX}");
            Err(Error::new(name.span(), message))
        }
    }
}

fn digits(precision: &LitInt, scale: &LitInt) -> Result<(u8, u8), Error> {
    let all: u8 = precision.base10_parse()?;
    let behind: u8 = scale.base10_parse()?;
    if !(1..=DIGITS_MAX).contains(&all) {
        let message = format!("the precision is between 1 and {DIGITS_MAX}");
        return Err(Error::new(precision.span(), message));
    }
    if behind > all {
        let message = format!("the scale is between 0 and the precision {all}");
        return Err(Error::new(scale.span(), message));
    }
    Ok((all, behind))
}
