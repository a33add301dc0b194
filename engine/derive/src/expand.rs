//! From a struct to the implementation of its trait.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, GenericParam};

use crate::member::{Kind, Member};

/// The implementation of `Row`, or the errors of the struct.
pub(crate) fn row(input: TokenStream) -> TokenStream {
    expand(input, |input, members| Ok(implement_row(input, members)))
}

/// The implementation of `FromRow`, or the errors of the struct.
pub(crate) fn from_row(input: TokenStream) -> TokenStream {
    expand(input, implement_from_row)
}

fn expand(
    input: TokenStream,
    implement: impl FnOnce(&DeriveInput, &[Member]) -> Result<TokenStream, Error>,
) -> TokenStream {
    let parsed = syn::parse2::<DeriveInput>(input);
    let expanded = parsed.and_then(|input| implement(&input, &members(&input)?));
    expanded.unwrap_or_else(Error::into_compile_error)
}

/// The columns of a struct, or everything that is wrong with it.
fn members(input: &DeriveInput) -> Result<Vec<Member>, Error> {
    let refuse = |message| Err(Error::new_spanned(&input.ident, message));
    let fields = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) if !fields.named.is_empty() => &fields.named,
            _ => return refuse("a row is a struct with named fields, one for each column"),
        },
        Data::Enum(_) | Data::Union(_) => {
            return refuse("a row is a struct with named fields, one for each column");
        }
    };
    let lifetimes = |param: &GenericParam| matches!(param, GenericParam::Lifetime(_));
    if let Some(param) = input.generics.params.iter().find(|param| !lifetimes(param)) {
        let message = "a row has the same columns for every value: only lifetimes may be generic";
        return Err(Error::new_spanned(param, message));
    }
    let (mut members, mut errors) = (Vec::<Member>::new(), None::<Error>);
    for field in fields {
        let member = Member::of(field).and_then(|member| match twin(&members, &member) {
            Some(message) => Err(Error::new_spanned(field, message)),
            None => Ok(member),
        });
        match (member, &mut errors) {
            (Ok(member), _) => members.push(member),
            (Err(error), Some(errors)) => errors.combine(error),
            (Err(error), None) => errors = Some(error),
        }
    }
    errors.map_or(Ok(members), Err)
}

fn twin(members: &[Member], member: &Member) -> Option<String> {
    let twin = members.iter().find(|other| other.name == member.name)?;
    Some(format!("field `{}` already is column \"{}\"", twin.ident, twin.name))
}

fn implement_row(input: &DeriveInput, members: &[Member]) -> TokenStream {
    let (ident, (generics, arguments, bounds)) = (&input.ident, input.generics.split_for_impl());
    let fields = members.iter().map(|member| {
        let (name, data_type) = (&member.name, data_type(member.kind));
        let of = if member.nullable { quote!(nullable) } else { quote!(not_null) };
        quote!(::sluicedb::db::Field::#of(#name, #data_type))
    });
    let writes = members.iter().map(write);
    let params = input.generics.lifetimes().map(|_| quote!('at));
    let at = if input.generics.params.is_empty() { quote!() } else { quote!(<#(#params),*>) };
    quote! {
        #[automatically_derived]
        impl #generics ::sluicedb::db::RowAt for #ident #arguments #bounds {
            type At<'at> = #ident #at;
        }

        #[automatically_derived]
        impl #generics ::sluicedb::db::Row for #ident #arguments #bounds {
            fn fields() -> ::std::vec::Vec<::sluicedb::db::Field> {
                ::std::vec![#(#fields),*]
            }

            fn write(&self, cells: &mut impl ::sluicedb::db::Cells) {
                #(#writes)*
            }
        }
    }
}

fn write(member: &Member) -> TokenStream {
    let field = &member.ident;
    let cell = match member.kind {
        Kind::Bool => quote!(bool),
        Kind::I16 | Kind::I32 | Kind::Date => quote!(i32),
        Kind::I64 | Kind::Timestamp | Kind::Time | Kind::Timestamptz => quote!(i64),
        Kind::F32 | Kind::F64 => quote!(f64),
        Kind::Decimal { .. } | Kind::Uuid | Kind::Interval => quote!(i128),
        Kind::String | Kind::Str | Kind::Cow | Kind::Json => quote!(text),
        Kind::Vec | Kind::Bytes => quote!(bytes),
    };
    let by_reference = matches!(
        member.kind,
        Kind::String | Kind::Str | Kind::Cow | Kind::Json | Kind::Vec | Kind::Bytes
    );
    let place = if by_reference { quote!(&self.#field) } else { quote!(self.#field) };
    let held = |value: TokenStream| match member.kind {
        Kind::I16 => quote!(::core::convert::From::from(#value)),
        Kind::F32 => quote!(::core::convert::From::from(#value)),
        Kind::Date | Kind::Time | Kind::Timestamptz => quote!(#value.0),
        Kind::Uuid => quote!(::sluicedb::db::binary::uuid_to_i128(#value)),
        Kind::Interval => quote!(::sluicedb::db::Interval::to_i128(#value)),
        Kind::Json => quote!(::sluicedb::db::Json::as_str(#value)),
        _ => value,
    };
    let cell = quote!(::sluicedb::db::Cells::#cell);
    if !member.nullable {
        let value = held(place);
        return quote!(#cell(cells, #value););
    }
    let value = held(quote!(value));
    quote! {
        match #place {
            ::core::option::Option::Some(value) => #cell(cells, #value),
            ::core::option::Option::None => ::sluicedb::db::Cells::null(cells),
        }
    }
}

fn implement_from_row(input: &DeriveInput, members: &[Member]) -> Result<TokenStream, Error> {
    if let Some(member) = members.iter().find(|m| matches!(m.kind, Kind::Str | Kind::Bytes)) {
        let message = match member.kind {
            Kind::Str => "a row that is read owns its texts: use String",
            _ => "a row that is read owns its bytes: use Vec<u8>",
        };
        return Err(Error::new_spanned(&member.ident, message));
    }
    let (ident, (generics, arguments, bounds)) = (&input.ident, input.generics.split_for_impl());
    let fields = members.iter().map(|member| {
        let (name, data_type, nullable) = (&member.name, data_type(member.kind), member.nullable);
        quote!(::sluicedb::db::StaticField {
            name: #name,
            data_type: #data_type,
            nullable: #nullable,
        })
    });
    let reads = members.iter().enumerate().map(|(at, member)| {
        let field = &member.ident;
        quote!(#field: row.get(#at)?)
    });
    Ok(quote! {
        #[automatically_derived]
        impl #generics ::sluicedb::db::FromRow for #ident #arguments #bounds {
            fn fields() -> &'static [::sluicedb::db::StaticField] {
                const FIELDS: &[::sluicedb::db::StaticField] = &[#(#fields),*];
                FIELDS
            }

            fn read(
                row: &::sluicedb::db::RowRef<'_>,
            ) -> ::core::result::Result<Self, ::sluicedb::db::SqlError> {
                ::core::result::Result::Ok(Self { #(#reads),* })
            }
        }
    })
}

fn data_type(kind: Kind) -> TokenStream {
    let variant = match kind {
        Kind::Bool => quote!(Boolean),
        Kind::I16 => quote!(SmallInt),
        Kind::I32 => quote!(Int),
        Kind::F32 => quote!(Real),
        Kind::Vec | Kind::Bytes => quote!(Bytea),
        Kind::Uuid => quote!(Uuid),
        Kind::Date => quote!(Date),
        Kind::Time => quote!(Time),
        Kind::Timestamptz => quote!(TimestampTz),
        Kind::Interval => quote!(Interval),
        Kind::Json => quote!(Json),
        Kind::I64 => quote!(BigInt),
        Kind::Timestamp => quote!(Timestamp),
        Kind::F64 => quote!(Double),
        Kind::Decimal { precision, scale } => {
            quote!(Decimal { precision: #precision, scale: #scale })
        }
        Kind::String | Kind::Str | Kind::Cow => quote!(Text),
    };
    quote!(::sluicedb::db::DataType::#variant)
}
