//! What functions take and give, and the casts that their arguments need.

use crate::decimal::PRECISION_MAX;
use crate::error::SqlError;
use crate::expr::bind::{self, Typed};
use crate::expr::function::{Function, Native};
use crate::expr::kernel::{self, Prepared};
use crate::expr::rules;
use crate::expr::{BinaryOp, Expr};
use crate::limits::FUNCTION_ARGUMENTS_MAX;
use crate::types::DataType;
use crate::value::Value;

/// An argument as far as it is known before there are rows.
#[derive(Clone, Copy, Debug)]
pub struct Argument<'a> {
    /// Its type.
    pub data_type: DataType,
    /// Its value, where that is the same for all rows.
    pub constant: Option<&'a Value>,
}

/// What a function takes, exactly, and gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signature {
    pub(super) args: Vec<DataType>,
    pub(super) result: DataType,
}

const TEXT: DataType = DataType::Text;
const BIGINT: DataType = DataType::BigInt;
const DOUBLE: DataType = DataType::Double;
const BOOLEAN: DataType = DataType::Boolean;
const TIMESTAMP: DataType = DataType::Timestamp;
const JSON: DataType = DataType::Json;
const INTERVAL: DataType = DataType::Interval;

/// The call with the casts that its arguments need, and its type.
pub(in crate::expr) fn bind(function: &Function, args: Vec<Typed>) -> Result<Typed, SqlError> {
    let types: Vec<DataType> = args.iter().map(|arg| arg.1).collect();
    // An IN list has its own limit.
    let listed = matches!(function, Function::Native(Native::InList));
    if args.len() > FUNCTION_ARGUMENTS_MAX && !listed {
        let what = format!("arguments of function {}", function.name());
        return Err(SqlError::limit_exceeded(&what, args.len(), FUNCTION_ARGUMENTS_MAX));
    }
    let Function::Native(native) = function else {
        let Function::Library(library) = function else { unreachable!("the other kind") };
        let result = library.result(&types)?;
        let args = args.into_iter().map(|(arg, _)| arg).collect();
        return Ok((Expr::Call { function: function.clone(), args }, result));
    };
    let known: Vec<Argument<'_>> = args.iter().map(argument).collect();
    let signature = signature(*native, &known)
        .ok_or_else(|| SqlError::undefined_function(native.name(), &types))?;
    if *native == Native::Modulo {
        let [left, right]: [Typed; 2] = args.try_into().expect("it takes two");
        return bind::binary(BinaryOp::Mod, left, right);
    }
    let spell = matches!(native, Native::Concat | Native::ConcatWs);
    let args = args.into_iter().map(|arg| if spell { spelled(arg) } else { arg });
    let wanted = args.zip(&signature.args);
    let args: Vec<Typed> = wanted.map(|(arg, to)| (convert(arg, *to), *to)).collect();
    // What is wrong with a constant pattern is said before there are rows.
    Prepared::new(*native, &args.iter().map(argument).collect::<Vec<_>>())?;
    let args = args.into_iter().map(|(arg, _)| arg).collect();
    Ok((Expr::Call { function: function.clone(), args }, signature.result))
}

/// The type of a call whose arguments are bound.
pub(in crate::expr) fn result(native: Native, args: &[Argument<'_>]) -> DataType {
    signature(native, args).expect("binding refuses what it does not take").result
}

fn argument((expr, data_type): &Typed) -> Argument<'_> {
    let constant = match expr {
        Expr::Literal(value, _) => Some(value),
        _ => None,
    };
    Argument { data_type: *data_type, constant }
}

/// `concat` writes a truth as one letter, which casts do not.
fn spelled((expr, data_type): Typed) -> Typed {
    if data_type != BOOLEAN {
        return (expr, data_type);
    }
    let letter = |text: &str| Expr::Literal(Value::text(text), TEXT);
    let branches = vec![(expr.clone(), letter("t")), (expr.not(), letter("f"))];
    (Expr::case(branches, Some(Expr::null(TEXT))), TEXT)
}

/// A cast, of a constant at once: what is known of a constant must not hide behind a cast.
fn convert((expr, from): Typed, to: DataType) -> Expr {
    let cast = match &expr {
        Expr::Literal(value, _) if from != to && !value.is_null() => {
            kernel::cast_of(value, from, to)
        }
        _ => None,
    };
    match cast {
        Some(value) => Expr::Literal(value, to),
        None => bind::cast((expr, from), to),
    }
}

/// What `native` takes and gives, for arguments like these; `None` where it does not take them.
pub(super) fn signature(native: Native, args: &[Argument<'_>]) -> Option<Signature> {
    use Native as N;
    let of = |wanted: &[DataType], result| fixed(args, wanted, result);
    match native {
        N::Abs | N::Sign | N::Floor | N::Ceil | N::Round | N::Trunc | N::Modulo => {
            number(native, args)
        }
        N::Sqrt | N::Ln | N::Exp => of(&[DOUBLE], DOUBLE),
        N::Log => of(&[DOUBLE], DOUBLE).or_else(|| of(&[DOUBLE, DOUBLE], DOUBLE)),
        N::Power => of(&[DOUBLE, DOUBLE], DOUBLE),
        N::Greatest | N::Least | N::Coalesce => alike(args),
        N::NullIf => nullif(args),
        N::InList => in_list(args),
        N::Distinct => {
            let common = alike(args).filter(|_| args.len() == 2)?;
            Some(Signature { args: common.args, result: BOOLEAN })
        }
        N::IsTrue | N::IsFalse => of(&[BOOLEAN], BOOLEAN),
        N::Hash64 => {
            let args: Vec<DataType> = args.iter().map(|arg| arg.data_type).collect();
            (!args.is_empty()).then_some(Signature { args, result: BIGINT })
        }
        _ => text(native, args).or_else(|| time(native, args)).or_else(|| nested(native, args)),
    }
}

/// Functions of texts.
fn text(native: Native, args: &[Argument<'_>]) -> Option<Signature> {
    use Native as N;
    let of = |wanted: &[DataType], result| fixed(args, wanted, result);
    match native {
        N::Like | N::ILike => of(&[TEXT, TEXT], BOOLEAN).or_else(|| of(&[TEXT; 3], BOOLEAN)),
        N::Lower | N::Upper | N::Reverse | N::InitCap => of(&[TEXT], TEXT),
        N::Substr => of(&[TEXT, BIGINT], TEXT).or_else(|| of(&[TEXT, BIGINT, BIGINT], TEXT)),
        N::SplitPart => of(&[TEXT, TEXT, BIGINT], TEXT),
        N::Concat | N::ConcatWs => texts(args),
        N::Append => {
            let any = args.iter().any(|arg| arg.data_type == TEXT);
            texts(args).filter(|_| any && args.len() == 2)
        }
        N::Length | N::OctetLength | N::BitLength => {
            of(&[TEXT], DataType::Int).or_else(|| of(&[DataType::Bytea], DataType::Int))
        }
        N::Trim | N::TrimStart | N::TrimEnd => {
            of(&[TEXT], TEXT).or_else(|| of(&[TEXT, TEXT], TEXT))
        }
        N::Replace | N::Translate => of(&[TEXT; 3], TEXT),
        N::Position => of(&[TEXT, TEXT], DataType::Int),
        N::Left | N::Right | N::Repeat => of(&[TEXT, BIGINT], TEXT),
        N::StartsWith | N::EndsWith | N::Contains => of(&[TEXT, TEXT], BOOLEAN),
        N::PadLeft | N::PadRight => {
            of(&[TEXT, BIGINT], TEXT).or_else(|| of(&[TEXT, BIGINT, TEXT], TEXT))
        }
        N::Ascii => of(&[TEXT], DataType::Int),
        N::Chr => of(&[BIGINT], TEXT),
        N::RegexpLike => of(&[TEXT, TEXT], BOOLEAN).or_else(|| of(&[TEXT; 3], BOOLEAN)),
        N::RegexpReplace => of(&[TEXT; 3], TEXT).or_else(|| of(&[TEXT; 4], TEXT)),
        N::RegexpCapture => of(&[TEXT, TEXT, BIGINT], TEXT),
        _ => None,
    }
}

/// Functions of moments, times and intervals.
fn time(native: Native, args: &[Argument<'_>]) -> Option<Signature> {
    use Native as N;
    let of = |wanted: &[DataType], result| fixed(args, wanted, result);
    match native {
        N::DatePart => first_of(&[
            of(&[TEXT, TIMESTAMP], DOUBLE),
            of(&[TEXT, DataType::TimestampTz], DOUBLE),
            of(&[TEXT, DataType::Time], DOUBLE),
            of(&[TEXT, INTERVAL], DOUBLE),
        ]),
        N::DateTrunc => first_of(&[
            of(&[TEXT, TIMESTAMP], TIMESTAMP),
            of(&[TEXT, DataType::TimestampTz], DataType::TimestampTz),
            of(&[TEXT, INTERVAL], INTERVAL),
        ]),
        N::DateBin => moments(args, 1, &|moment| {
            of(&[INTERVAL, moment], moment).or_else(|| of(&[INTERVAL, moment, moment], moment))
        }),
        N::ToChar => moments(args, 0, &|moment| of(&[moment, TEXT], TEXT)),
        N::AtZone => at_zone(args),
        N::ToTimestamp => of(&[DOUBLE], DataType::TimestampTz),
        N::OfSeconds | N::OfMillis | N::OfMicros | N::OfNanos => of(&[BIGINT], TIMESTAMP),
        N::MakeTimestamp => of(&[BIGINT, BIGINT, BIGINT, BIGINT, BIGINT, DOUBLE], TIMESTAMP),
        N::MakeDate => of(&[BIGINT; 3], DataType::Date),
        N::TumbleStart | N::TumbleEnd => moments(args, 0, &|moment| {
            first_of(&[
                of(&[moment, BIGINT], moment),
                of(&[moment, BIGINT, BIGINT], moment),
                of(&[moment, INTERVAL], moment),
                of(&[moment, INTERVAL, INTERVAL], moment),
            ])
        }),
        _ => None,
    }
}

/// From what clocks show to a moment, and from a moment to what they show.
fn at_zone(args: &[Argument<'_>]) -> Option<Signature> {
    let mut args = args.to_vec();
    let moment = args.get_mut(1)?;
    if moment.data_type == TEXT && moment.constant.is_some() {
        // What is written in quotes is a moment, as in PostgreSQL.
        moment.data_type = DataType::TimestampTz;
    }
    let (moment, result) = match moment.data_type {
        TIMESTAMP => (TIMESTAMP, DataType::TimestampTz),
        _ => (DataType::TimestampTz, TIMESTAMP),
    };
    let of = |zone| fixed(&args, &[zone, moment], result);
    of(TEXT).or_else(|| of(INTERVAL))
}

/// Functions of JSON, arrays and maps.
fn nested(native: Native, args: &[Argument<'_>]) -> Option<Signature> {
    use Native as N;
    let of = |wanted: &[DataType], result| fixed(args, wanted, result);
    match native {
        N::JsonGet | N::JsonGetText => {
            let result = if native == N::JsonGet { JSON } else { TEXT };
            of(&[JSON, TEXT], result).or_else(|| of(&[JSON, BIGINT], result))
        }
        N::JsonGetPath | N::JsonGetPathText => {
            let path = DataType::array(TEXT).ok()?;
            of(&[JSON, path], if native == N::JsonGetPath { JSON } else { TEXT })
        }
        N::JsonExtractPath | N::JsonExtractPathText => {
            let mut wanted = vec![TEXT; args.len().max(2)];
            wanted[0] = JSON;
            of(&wanted, if native == N::JsonExtractPath { JSON } else { TEXT })
        }
        N::JsonTypeof => of(&[JSON], TEXT),
        N::JsonArrayLength => of(&[JSON], DataType::Int),
        N::JsonExists => of(&[JSON, TEXT], BOOLEAN),
        N::StringToArray => {
            let result = DataType::array(TEXT).ok()?;
            of(&[TEXT, TEXT], result).or_else(|| of(&[TEXT; 3], result))
        }
        N::MapGet => of(&[DataType::Map, TEXT], TEXT),
        N::Subscript
        | N::Cardinality
        | N::ArrayLength
        | N::ArrayContains
        | N::EqualsAny
        | N::ArrayPosition
        | N::ArrayToString => array(native, args),
        _ => None,
    }
}

/// Functions whose first argument is an array.
fn array(native: Native, args: &[Argument<'_>]) -> Option<Signature> {
    let array @ DataType::Array(element) = args.first()?.data_type else { return None };
    let of = |wanted: &[DataType], result| fixed(args, wanted, result);
    match native {
        Native::Subscript => of(&[array, BIGINT], *element),
        Native::Cardinality => of(&[array], DataType::Int),
        Native::ArrayLength => of(&[array, BIGINT], DataType::Int),
        Native::ArrayToString => {
            of(&[array, TEXT], TEXT).or_else(|| of(&[array, TEXT, TEXT], TEXT))
        }
        // The value and the items come to one type, so that equal ones have equal bytes.
        _ => {
            let [_, value] = args else { return None };
            let null = matches!(value.constant, Some(Value::Null));
            let common = match null {
                true => *element,
                false => rules::common_type(*element, value.data_type)?,
            };
            let result = match native {
                Native::ArrayPosition => DataType::Int,
                _ => BOOLEAN,
            };
            Some(Signature { args: vec![DataType::array(common).ok()?, common], result })
        }
    }
}

fn first_of(signatures: &[Option<Signature>]) -> Option<Signature> {
    signatures.iter().flatten().next().cloned()
}

/// The signature for the kind of moment that argument `at` is; a date is its midnight.
fn moments(
    args: &[Argument<'_>],
    at: usize,
    signature: &dyn Fn(DataType) -> Option<Signature>,
) -> Option<Signature> {
    match args.get(at)?.data_type {
        DataType::TimestampTz => signature(DataType::TimestampTz),
        _ => signature(TIMESTAMP),
    }
}

/// Exactly these, after casts that lose nothing.
fn fixed(args: &[Argument<'_>], wanted: &[DataType], result: DataType) -> Option<Signature> {
    let fits = args.len() == wanted.len()
        && args.iter().zip(wanted).all(|(arg, to)| is_implicit(arg, *to));
    fits.then(|| Signature { args: wanted.to_vec(), result })
}

/// Whether PostgreSQL would cast the argument without being told to.
fn is_implicit(arg: &Argument<'_>, to: DataType) -> bool {
    let from = arg.data_type;
    let null = matches!(arg.constant, Some(Value::Null));
    match to {
        _ if from == to || null => true,
        DataType::BigInt => from.is_integer(),
        DataType::Double => from.is_numeric(),
        DataType::Timestamp => from == DataType::Date,
        DataType::TimestampTz => matches!(from, DataType::Date | DataType::Timestamp),
        // What is written in quotes is of the type that it is wanted as.
        DataType::Json | DataType::Array(_) => from == TEXT && arg.constant.is_some(),
        _ => false,
    }
}

/// Values of any type, as text.
fn texts(args: &[Argument<'_>]) -> Option<Signature> {
    (!args.is_empty()).then(|| Signature { args: vec![TEXT; args.len()], result: TEXT })
}

/// Values of one type, which is the result's too.
fn alike(args: &[Argument<'_>]) -> Option<Signature> {
    let common = common(args)?;
    Some(Signature { args: vec![common; args.len()], result: common })
}

/// The one type that holds all of them. A NULL that nobody gave a type, which is then TEXT, has no
/// say where others have; one that was folded from an expression keeps the type of that.
fn common(args: &[Argument<'_>]) -> Option<DataType> {
    let null =
        |arg: &&Argument<'_>| matches!(arg.constant, Some(Value::Null)) && arg.data_type == TEXT;
    let typed = args.iter().filter(|arg| !null(arg)).map(|arg| arg.data_type);
    let found = typed.map(Some).reduce(|left, right| rules::common_type(left?, right?));
    found.unwrap_or_else(|| args.first().map(|arg| arg.data_type))
}

/// Two decimals are compared whatever their scales, so that the first keeps its own.
fn nullif(args: &[Argument<'_>]) -> Option<Signature> {
    let [first, second] = args else { return None };
    match (first.data_type, second.data_type) {
        (left @ DataType::Decimal { .. }, right @ DataType::Decimal { .. }) => {
            Some(Signature { args: vec![left, right], result: left })
        }
        _ => alike(args),
    }
}

/// The value and constants of its type.
fn in_list(args: &[Argument<'_>]) -> Option<Signature> {
    let constant = args.iter().skip(1).all(|arg| arg.constant.is_some());
    let common = alike(args).filter(|_| constant && args.len() > 1)?;
    Some(Signature { args: common.args, result: BOOLEAN })
}

/// Functions that give the kind of number that they take.
fn number(native: Native, args: &[Argument<'_>]) -> Option<Signature> {
    let one = |args: DataType, result| Some(Signature { args: vec![args], result });
    match (native, args) {
        (Native::Modulo, [left, right]) => {
            let exact =
                |arg: &Argument<'_>| arg.data_type.is_numeric() && !arg.data_type.is_float();
            let (as_left, as_right) = rules::coerced(left.data_type, right.data_type);
            let result = rules::arithmetic_type(BinaryOp::Mod, as_left, as_right);
            (exact(left) && exact(right))
                .then(|| Signature { args: vec![as_left, as_right], result })
        }
        (Native::Abs, [of]) if of.data_type.is_numeric() => one(of.data_type, of.data_type),
        (Native::Abs | Native::Modulo, _) => None,
        (_, [of]) => match of.data_type {
            of @ DataType::Decimal { .. } => one(of, whole(native, of)),
            of if of.is_numeric() => one(DOUBLE, DOUBLE),
            _ => None,
        },
        (Native::Round | Native::Trunc, [of, digits]) if is_implicit(digits, BIGINT) => {
            let from = match of.data_type {
                DataType::Real => DOUBLE,
                other => rules::as_decimal(other),
            };
            let result = match (from, digits.constant) {
                (DataType::Decimal { precision, scale }, Some(Value::Int(digits))) => {
                    narrowed(precision, scale, i64::from(*digits))
                }
                (DataType::Decimal { precision, scale }, Some(Value::BigInt(digits))) => {
                    narrowed(precision, scale, *digits)
                }
                (DataType::Decimal { precision, scale }, _) => narrowed(precision, scale, 38),
                (DOUBLE, _) => DOUBLE,
                _ => return None,
            };
            Some(Signature { args: vec![from, BIGINT], result })
        }
        _ => None,
    }
}

/// Whole numbers of a decimal.
fn whole(native: Native, of: DataType) -> DataType {
    match of {
        _ if native == Native::Sign => DataType::Decimal { precision: 1, scale: 0 },
        DataType::Decimal { precision, scale } => narrowed(precision, scale, 0),
        other => other,
    }
}

/// What rounding to `digits` behind the point leaves: one digit more in front of it.
fn narrowed(precision: u8, scale: u8, digits: i64) -> DataType {
    let kept = u8::try_from(digits.clamp(0, i64::from(scale))).expect("clamped to a scale");
    let precision = (precision - scale + kept + 1).min(PRECISION_MAX);
    DataType::Decimal { precision, scale: kept }
}
