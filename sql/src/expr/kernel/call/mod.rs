//! Calls of functions over whole columns.

mod choose;
mod fill;
mod hash;
mod in_list;
mod json;
mod letters;
mod like;
mod nested;
mod number;
mod prepared;
mod regex;
mod texts;
mod time;
mod work;

use std::cmp::Ordering;

use crate::column::{Column, Text};
use crate::expr::function::{Function, LibraryArgument, Native};
use crate::expr::kernel::strict;
use crate::expr::program::{Call, Operand, Register, Slot};
use crate::limits::FUNCTION_ARGUMENTS_MAX;
use crate::types::DataType;

pub(in crate::expr) use prepared::Prepared;
pub(in crate::expr) use work::Work;

/// Arguments of nearly all calls.
const ARGUMENTS_FEW: usize = 4;

/// Collects the arguments on the stack and calls the function.
pub(super) fn call<'a>(
    call: &Call,
    operand: impl Fn(Slot) -> Operand<'a>,
    rows: usize,
    out: &mut Register,
) {
    match call.args.as_slice() {
        [] => over(call, &[], rows, out),
        [first, ..] if call.args.len() <= ARGUMENTS_FEW => {
            let mut args = [operand(*first); ARGUMENTS_FEW];
            args.iter_mut().zip(&call.args).for_each(|(arg, slot)| *arg = operand(*slot));
            over(call, &args[..call.args.len()], rows, out);
        }
        [first, ..] => {
            let mut args = [operand(*first); FUNCTION_ARGUMENTS_MAX];
            args.iter_mut().zip(&call.args).for_each(|(arg, slot)| *arg = operand(*slot));
            over(call, &args[..call.args.len()], rows, out);
        }
    }
}

fn over(call: &Call, args: &[Operand<'_>], rows: usize, out: &mut Register) {
    let library = match &call.function {
        Function::Native(function) => return native(*function, &call.prepared, args, out),
        Function::Library(library) => library,
    };
    let constant = |slot: &Slot| matches!(slot, Slot::Constant(_));
    let args = args.iter().zip(&call.args);
    let known = args
        .clone()
        .map(|(arg, slot)| LibraryArgument { column: arg.column, constant: constant(slot) });
    let known: Vec<LibraryArgument<'_>> = known.collect();
    library.call(&known, rows, &mut out.column, &mut out.failed);
    for (arg, _) in args {
        out.failed.add_if(arg.failed, |_| true);
    }
    out.failed.settle();
    for (row, _) in out.failed.rows() {
        out.column.set_null(*row as usize);
    }
}

/// One branch a morsel, then plain loops.
fn native(function: Native, prepared: &Prepared, args: &[Operand<'_>], out: &mut Register) {
    use Native as N;
    if function.is_strict() {
        strict(args, out);
    }
    match function {
        N::Like | N::ILike => like::like(prepared.pattern(), function == N::ILike, args, out),
        N::RegexpLike => regex::like(prepared.regex(), args, out),
        N::RegexpReplace => regex::replace(prepared.regex(), args, out),
        N::RegexpCapture => regex::capture(prepared.regex(), args, out),
        N::InList => match prepared {
            Prepared::Set(set) => in_list::in_list(set, args, out),
            other => unreachable!("an IN was prepared as {other:?}"),
        },
        N::Coalesce => choose::coalesce(args, out),
        N::Greatest => choose::extreme(Ordering::Greater, args, out),
        N::Least => choose::extreme(Ordering::Less, args, out),
        N::NullIf => choose::null_if(args, out),
        N::Distinct => choose::distinct(args, out),
        N::IsTrue => choose::is(true, args, out),
        N::IsFalse => choose::is(false, args, out),
        N::Hash64 => hash::hash64(args, out),
        N::Abs => number::abs(args, out),
        N::Round | N::Trunc | N::Floor | N::Ceil | N::Sign => {
            number::rounded(function, args, out);
        }
        N::Sqrt => number::sqrt(args, out),
        N::Exp => number::exp(args, out),
        N::Ln => number::ln(args, out),
        N::Log => number::log(args, out),
        N::Power => number::power(args, out),
        N::Modulo => unreachable!("binding makes an operator of it"),
        N::DatePart => time::date_part(prepared.field(), args, out),
        N::DateTrunc => time::date_trunc(prepared.field(), args, out),
        N::DateBin => time::bin(args, out),
        N::ToChar => time::to_char(prepared.moments(), args, out),
        N::AtZone => time::at_zone(prepared.zone(), args, out),
        N::ToTimestamp => time::to_timestamp(args, out),
        N::OfSeconds | N::OfMillis | N::OfMicros | N::OfNanos => {
            let unit = function.counts().expect("these count");
            time::of_count(unit, args, out);
        }
        N::MakeTimestamp => time::make_timestamp(args, out),
        N::MakeDate => time::make_date(args, out),
        N::TumbleStart | N::TumbleEnd => time::tumble(function == N::TumbleEnd, args, out),
        N::JsonGet
        | N::JsonGetText
        | N::JsonGetPath
        | N::JsonGetPathText
        | N::JsonExtractPath
        | N::JsonExtractPathText => json::get(function, args, out),
        N::JsonTypeof => json::type_of(args, out),
        N::JsonArrayLength => json::array_length(args, out),
        N::JsonExists => json::exists(args, out),
        N::Subscript => nested::subscript(args, out),
        N::MapGet => nested::map_get(args, out),
        N::Cardinality => nested::count(Some(0), args, out),
        N::ArrayLength => nested::count(None, args, out),
        N::ArrayContains => nested::contains(true, args, out),
        N::EqualsAny => nested::contains(false, args, out),
        N::ArrayPosition => nested::position(args, out),
        N::ArrayToString => nested::to_text(args, out),
        N::StringToArray => nested::of_text(args, out),
        _ => text(function, args, out),
    }
}

/// Functions of texts that nothing is prepared for.
fn text(function: Native, args: &[Operand<'_>], out: &mut Register) {
    use Native as N;
    let texts = args.first().map(|arg| arg.column);
    let bytes = texts.is_some_and(|column| column.data_type() == DataType::Bytea);
    match function {
        N::Length if bytes => text(N::OctetLength, args, out),
        N::Lower => letters::lower(args, out),
        N::Upper => letters::upper(args, out),
        N::InitCap => letters::initcap(args, out),
        N::Substr => letters::substr(args, out),
        N::Left => letters::left(args, out),
        N::Right => letters::right(args, out),
        N::Reverse => letters::reverse(args, out),
        N::Repeat => letters::repeat(args, out),
        N::PadLeft | N::PadRight => letters::pad(function == N::PadLeft, args, out),
        N::Chr => letters::chr(args, out),
        N::Concat => texts::concat(args, out),
        N::ConcatWs => texts::concat_ws(args, out),
        N::Append => texts::append(args, out),
        N::SplitPart => texts::split_part(args, out),
        N::Trim | N::TrimStart | N::TrimEnd => texts::trim(function, args, out),
        N::Replace => texts::replace(args, out),
        N::Translate => texts::translate(args, out),
        _ => {
            let texts = texts.expect("it takes a text").texts();
            let other = args.get(1).map(|arg| arg.column.texts());
            of_text(function, texts, other, out);
        }
    }
}

/// Functions of one or two texts that give numbers and truths.
fn of_text(function: Native, texts: &Text, other: Option<&Text>, out: &mut Register) {
    use Native as N;
    let second = |row: usize| other.expect("it takes two texts").bytes(row);
    let second_text = |row: usize| other.expect("it takes two texts").get(row);
    let count = |out: &mut Register, find: &dyn Fn(usize) -> usize| {
        fill::numbers(out, Column::i32s_mut, |row| Ok(find(row) as i32));
    };
    match function {
        N::Length => count(out, &|row| letters::count(texts.bytes(row))),
        N::OctetLength => count(out, &|row| texts.views()[row].len()),
        N::BitLength => count(out, &|row| texts.views()[row].len() * 8),
        N::Ascii => fill::numbers(out, Column::i32s_mut, |row| Ok(letters::ascii(texts.get(row)))),
        N::Position => fill::numbers(out, Column::i32s_mut, |row| {
            letters::position(texts.get(row), second_text(row))
        }),
        N::StartsWith => fill::truths(out, |row| texts.bytes(row).starts_with(second(row))),
        N::EndsWith => fill::truths(out, |row| texts.bytes(row).ends_with(second(row))),
        N::Contains => fill::truths(out, |row| texts.get(row).contains(second_text(row))),
        other => unreachable!("{other:?} has no kernel"),
    }
}
