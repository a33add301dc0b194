//! Functions of texts, as lists of characters.

use sluicedb_sql::Value;
use sluicedb_sql::expr::Native;

use super::super::expr::{Computed, Failure};
use super::{REFUSED, text_of, whole_of};

/// Bytes of the longest text.
const BYTES_MAX: usize = 1 << 20;

pub(super) fn call(native: Native, args: &[Value]) -> Option<Computed> {
    let written = |value: &Value| (!value.is_null()).then(|| text_of(value).to_owned());
    match native {
        Native::Concat => {
            let parts: Vec<String> = args.iter().filter_map(written).collect();
            return Some(Ok(Value::text(&parts.concat())));
        }
        Native::ConcatWs => {
            let parts: Vec<String> = args[1..].iter().filter_map(written).collect();
            let joined = written(&args[0]).map(|separator| parts.join(&separator));
            return Some(Ok(joined.map_or(Value::Null, |text| Value::text(&text))));
        }
        _ => {}
    }
    let first = match args.first() {
        Some(Value::Text(text)) => text.chars().collect::<Vec<char>>(),
        _ if native == Native::Chr => return Some(character(whole_of(&args[0]))),
        _ => return None,
    };
    let second = || text_of(&args[1]).chars().collect::<Vec<char>>();
    Some(match native {
        Native::Like => like(&first, args, false),
        Native::ILike => like(&first, args, true),
        Native::StartsWith => truth(first.starts_with(&second())),
        Native::EndsWith => truth(first.ends_with(&second())),
        Native::Contains => truth(places(&first, &second()).next().is_some()),
        Native::Position => number(places(&first, &second()).next().map_or(0, |place| place + 1)),
        Native::Length => number(first.len()),
        Native::OctetLength => number(text_of(&args[0]).len()),
        Native::BitLength => number(text_of(&args[0]).len() * 8),
        Native::Ascii => number(first.first().map_or(0, |one| *one as usize)),
        _ => return made(native, &first, args),
    })
}

/// Functions whose result is a text.
fn made(native: Native, first: &[char], args: &[Value]) -> Option<Computed> {
    let chars = |at: usize| text_of(&args[at]).chars().collect::<Vec<char>>();
    let result = match native {
        Native::Lower => first.iter().map(|one| single(*one, one.to_lowercase())).collect(),
        Native::Upper => first.iter().map(|one| single(*one, one.to_uppercase())).collect(),
        Native::Reverse => first.iter().rev().copied().collect(),
        Native::Append => [first, &chars(1)].concat(),
        Native::Substr => {
            let from = i128::from(whole_of(&args[1]));
            let end = match args.get(2).map(whole_of) {
                None => i128::MAX,
                Some(..0) => return Some(Err(REFUSED)),
                Some(length) => from + i128::from(length),
            };
            let numbered = first.iter().zip(1_i128..);
            numbered.filter(|(_, at)| *at >= from && *at < end).map(|(one, _)| *one).collect()
        }
        Native::Left | Native::Right => {
            let (all, wanted) = (first.len() as i128, i128::from(whole_of(&args[1])));
            let kept = if wanted < 0 { (all + wanted).max(0) } else { wanted.min(all) } as usize;
            match native {
                Native::Left => first[..kept].to_vec(),
                _ => first[first.len() - kept..].to_vec(),
            }
        }
        Native::Repeat => {
            let times = whole_of(&args[1]).max(0) as usize;
            if text_of(&args[0]).len().saturating_mul(times) > BYTES_MAX {
                return Some(Err(REFUSED));
            }
            if first.is_empty() { Vec::new() } else { first.repeat(times) }
        }
        Native::PadLeft | Native::PadRight => match pad(native, first, args) {
            Ok(padded) => padded,
            Err(failure) => return Some(Err(failure)),
        },
        Native::SplitPart => match split_part(first, &chars(1), whole_of(&args[2])) {
            Ok(part) => part,
            Err(failure) => return Some(Err(failure)),
        },
        Native::Trim | Native::TrimStart | Native::TrimEnd => {
            let set = if args.len() > 1 { chars(1) } else { vec![' '] };
            let mut rest = first.to_vec();
            while native != Native::TrimStart && rest.last().is_some_and(|one| set.contains(one)) {
                rest.pop();
            }
            while native != Native::TrimEnd && rest.first().is_some_and(|one| set.contains(one)) {
                rest.remove(0);
            }
            rest
        }
        Native::Replace => replace(first, &chars(1), &chars(2)),
        Native::Translate => {
            let (from, to) = (chars(1), chars(2));
            let turned = |one: &char| match from.iter().position(|other| other == one) {
                Some(place) => to.get(place).copied(),
                None => Some(*one),
            };
            first.iter().filter_map(turned).collect()
        }
        _ => return None,
    };
    Some(Ok(Value::text(&result.into_iter().collect::<String>())))
}

fn truth(value: bool) -> Computed {
    Ok(Value::Boolean(value))
}

fn number(value: usize) -> Computed {
    Ok(Value::Int(value as i32))
}

fn character(code: i64) -> Computed {
    let one = u32::try_from(code).ok().filter(|code| *code > 0).and_then(char::from_u32);
    one.map(|one| Value::text(&one.to_string())).ok_or(REFUSED)
}

fn single(one: char, cased: impl Iterator<Item = char>) -> char {
    match cased.collect::<Vec<char>>()[..] {
        [cased] => cased,
        _ => one,
    }
}

/// Where `part` is in `all`.
fn places<'a>(all: &'a [char], part: &'a [char]) -> impl Iterator<Item = usize> + 'a {
    (0..=all.len()).filter(move |at| all[*at..].starts_with(part))
}

fn like(text: &[char], args: &[Value], fold: bool) -> Computed {
    let folded = |one: &char| if fold { single(*one, one.to_lowercase()) } else { *one };
    let text: Vec<char> = text.iter().map(folded).collect();
    let pattern: Vec<char> = text_of(&args[1]).chars().map(|one| folded(&one)).collect();
    let escape = args.get(2).map_or("\\", text_of);
    if escape.chars().count() > 1 {
        return Err(REFUSED);
    }
    let escape = escape.chars().next();
    // A pattern whose last character escapes nothing is none, wherever matching would stop.
    let mut at = 0;
    while at < pattern.len() {
        let escapes = Some(pattern[at]) == escape;
        if escapes && at + 1 == pattern.len() {
            return Err(REFUSED);
        }
        at += if escapes { 2 } else { 1 };
    }
    truth(matches(&text, &pattern, escape))
}

fn matches(text: &[char], pattern: &[char], escape: Option<char>) -> bool {
    match pattern {
        [] => text.is_empty(),
        [first, one, rest @ ..] if Some(*first) == escape => {
            text.first() == Some(one) && matches(&text[1..], rest, escape)
        }
        ['%', rest @ ..] => (0..=text.len()).any(|skipped| matches(&text[skipped..], rest, escape)),
        ['_', rest @ ..] => !text.is_empty() && matches(&text[1..], rest, escape),
        [one, rest @ ..] => text.first() == Some(one) && matches(&text[1..], rest, escape),
    }
}

fn pad(native: Native, first: &[char], args: &[Value]) -> Result<Vec<char>, Failure> {
    let wanted = whole_of(&args[1]).max(0) as usize;
    let fill: Vec<char> = args.get(2).map_or(" ", text_of).chars().collect();
    if wanted <= first.len() || fill.is_empty() {
        return Ok(first[..wanted.min(first.len())].to_vec());
    }
    if wanted > BYTES_MAX {
        return Err(REFUSED);
    }
    let mut filled = Vec::new();
    while filled.len() < wanted - first.len() {
        filled.push(fill[filled.len() % fill.len()]);
    }
    Ok(match native {
        Native::PadLeft => [&filled[..], first].concat(),
        _ => [first, &filled[..]].concat(),
    })
}

fn split_part(text: &[char], by: &[char], number: i64) -> Result<Vec<char>, Failure> {
    if number == 0 {
        return Err(REFUSED);
    }
    let mut fields = vec![Vec::new()];
    let mut at = 0;
    while at < text.len() {
        if !by.is_empty() && text[at..].starts_with(by) {
            fields.push(Vec::new());
            at += by.len();
        } else {
            fields.last_mut().expect("there is one").push(text[at]);
            at += 1;
        }
    }
    let count = fields.len() as i64;
    let place = if number > 0 { number - 1 } else { count.saturating_add(number) };
    Ok(usize::try_from(place).ok().and_then(|place| fields.get(place).cloned()).unwrap_or_default())
}

fn replace(text: &[char], from: &[char], to: &[char]) -> Vec<char> {
    let (mut result, mut at) = (Vec::new(), 0);
    while at < text.len() {
        if !from.is_empty() && text[at..].starts_with(from) {
            result.extend(to);
            at += from.len();
        } else {
            result.push(text[at]);
            at += 1;
        }
    }
    result
}
