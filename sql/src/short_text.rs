//! A text of a few dozen bytes without allocation, for numbers and moments on their way to text.

use std::fmt;

const BYTES_MAX: usize = 64;

/// A short text on the stack; writing more than 64 bytes is an error.
pub(crate) struct ShortText {
    bytes: [u8; BYTES_MAX],
    len: usize,
}

impl ShortText {
    pub(crate) fn of(write: impl FnOnce(&mut ShortText) -> fmt::Result) -> ShortText {
        let mut text = ShortText { bytes: [0; BYTES_MAX], len: 0 };
        write(&mut text).expect("no number and no moment takes 64 bytes");
        text
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.len]).expect("only whole texts are written")
    }
}

impl fmt::Write for ShortText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = self.bytes.get_mut(self.len..self.len + text.len()).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.len += text.len();
        Ok(())
    }
}
