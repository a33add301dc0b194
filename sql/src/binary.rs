//! BYTEA and UUID as text, and a UUID as the number a column holds.

use std::fmt;

use crate::expr::RowError;

type Found<T> = Result<T, RowError>;

/// Writes bytes as PostgreSQL does: `\x0aff`.
pub(crate) fn format_bytea(bytes: &[u8], f: &mut impl fmt::Write) -> fmt::Result {
    f.write_str("\\x")?;
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// Reads `\x` and hexadecimal digits, spaces between bytes allowed, or the escape format: bytes as
/// they are, `\\` for a backslash and `\nnn` for an octal number.
pub(crate) fn parse_bytea(text: &str, out: &mut Vec<u8>) -> Found<()> {
    match text.strip_prefix("\\x") {
        Some(digits) => hexadecimal(digits.as_bytes(), out),
        None => escaped(text.as_bytes(), out),
    }
}

fn hexadecimal(digits: &[u8], out: &mut Vec<u8>) -> Found<()> {
    let mut rest = digits;
    loop {
        match rest {
            [] => return Ok(()),
            [byte, after @ ..] if byte.is_ascii_whitespace() => rest = after,
            [high, low, after @ ..] => {
                out.push(digit(*high)? << 4 | digit(*low)?);
                rest = after;
            }
            [_] => return Err(RowError::InvalidText),
        }
    }
}

fn escaped(text: &[u8], out: &mut Vec<u8>) -> Found<()> {
    let mut rest = text;
    while let [first, after @ ..] = rest {
        rest = match (first, after) {
            (b'\\', [b'\\', after @ ..]) => {
                out.push(b'\\');
                after
            }
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..]) => {
                out.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                after
            }
            (b'\\', _) => return Err(RowError::InvalidText),
            (byte, after) => {
                out.push(*byte);
                after
            }
        };
    }
    Ok(())
}

fn digit(byte: u8) -> Found<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8).ok_or(RowError::InvalidText)
}

/// Writes a UUID in groups of 8, 4, 4, 4 and 12 digits.
pub(crate) fn format_uuid(bytes: [u8; 16], f: &mut impl fmt::Write) -> fmt::Result {
    for (at, byte) in bytes.into_iter().enumerate() {
        let dash = if matches!(at, 4 | 6 | 8 | 10) { "-" } else { "" };
        write!(f, "{dash}{byte:02x}")?;
    }
    Ok(())
}

/// Reads 32 hexadecimal digits in any case, with a dash behind any group of four, in braces or not.
pub(crate) fn parse_uuid(text: &str) -> Found<[u8; 16]> {
    let text = text.trim_ascii();
    let inner = match text.strip_prefix('{') {
        Some(rest) => rest.strip_suffix('}').ok_or(RowError::InvalidText)?,
        None => text,
    };
    let (mut bytes, mut count, mut dash) = ([0; 16], 0, true);
    for byte in inner.bytes() {
        if byte == b'-' {
            if dash || count % 4 != 0 || count == 32 {
                return Err(RowError::InvalidText);
            }
            dash = true;
            continue;
        }
        let place: &mut u8 = bytes.get_mut(count / 2).ok_or(RowError::InvalidText)?;
        *place = *place << 4 | digit(byte)?;
        count += 1;
        dash = false;
    }
    if count == 32 { Ok(bytes) } else { Err(RowError::InvalidText) }
}

/// The number a column holds for a UUID: the order of the numbers is that of the bytes.
pub fn uuid_to_i128(bytes: [u8; 16]) -> i128 {
    // The highest bit is the sign of the number, and negative numbers come first.
    (u128::from_be_bytes(bytes) ^ 1 << 127) as i128
}

/// What [`uuid_to_i128`] was given.
pub fn uuid_of_i128(number: i128) -> [u8; 16] {
    (number as u128 ^ 1 << 127).to_be_bytes()
}
