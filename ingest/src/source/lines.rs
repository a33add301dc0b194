//! The lines of a file, however large it is.

use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

/// A line or record of more bytes is refused: memory is bounded.
pub(crate) const LINE_BYTES_MAX: usize = 16 << 20;

/// What comes next.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Next {
    /// A line, which [`Lines::line`] shows.
    Line,
    /// A line that is too long, and was left out.
    TooLong,
    /// Nothing for now: the file may grow.
    Nothing,
    /// Nothing any more.
    End,
}

/// Reads lines, or records of several lines.
#[derive(Debug)]
pub(crate) struct Lines<R> {
    input: BufReader<R>,
    line: Vec<u8>,
    /// Whether the line was given out, and the next one takes its place.
    given: bool,
    /// Whether the rest of a line that is too long is left out.
    skipping: bool,
    /// Whether a line without an end is not there yet.
    grows: bool,
    number: u64,
    /// Bytes that were read.
    read: u64,
    /// Where the line begins.
    offset: u64,
}

impl<R: Read> Lines<R> {
    /// The lines of an input; of one that grows, the last one counts when its end is there.
    pub(crate) fn new(input: R, grows: bool) -> Lines<R> {
        Lines {
            input: BufReader::with_capacity(1 << 18, input),
            line: Vec::new(),
            given: true,
            skipping: false,
            grows,
            number: 0,
            read: 0,
            offset: 0,
        }
    }

    /// What is read.
    pub(crate) fn input(&self) -> &R {
        self.input.get_ref()
    }

    /// The line without its end.
    pub(crate) fn line(&self) -> &[u8] {
        let line = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        line.strip_suffix(b"\r").unwrap_or(line)
    }

    /// How many lines there were so far, from the beginning or from where it was sought to.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// Bytes in front of the line.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Behind the line.
    pub(crate) fn end(&self) -> u64 {
        self.read
    }

    /// Reads on until there is a line that is `whole`, which may have several.
    pub(crate) fn next(&mut self, whole: impl Fn(&[u8]) -> bool) -> io::Result<Next> {
        if std::mem::take(&mut self.given) {
            self.line.clear();
        }
        if self.line.is_empty() && !self.skipping {
            self.offset = self.read;
        }
        loop {
            let room = LINE_BYTES_MAX.saturating_sub(self.line.len()) as u64 + 1;
            let read = self.input.by_ref().take(room).read_until(b'\n', &mut self.line)?;
            self.read += read as u64;
            let ended = self.line.ends_with(b"\n");
            self.number += u64::from(ended && read > 0);
            if read == 0 {
                return Ok(self.at_end());
            }
            if self.skipping || self.line.len() > LINE_BYTES_MAX {
                self.skipping = !ended;
                self.line.clear();
                if ended {
                    return Ok(Next::TooLong);
                }
            } else if ended && whole(&self.line) {
                self.given = true;
                return Ok(Next::Line);
            }
        }
    }

    fn at_end(&mut self) -> Next {
        if self.grows {
            return Next::Nothing;
        }
        if std::mem::take(&mut self.skipping) {
            return Next::TooLong;
        }
        if self.line.is_empty() {
            return Next::End;
        }
        self.number += u64::from(!self.line.ends_with(b"\n"));
        self.given = true;
        Next::Line
    }
}

impl<R: Read + Seek> Lines<R> {
    /// Goes on with the line at this offset, from which lines are counted.
    pub(crate) fn seek(&mut self, offset: u64) -> io::Result<()> {
        self.input.seek(SeekFrom::Start(offset))?;
        self.line.clear();
        (self.given, self.skipping) = (true, false);
        (self.read, self.offset, self.number) = (offset, offset, 0);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::csv;

    fn all(text: &[u8], grows: bool) -> Vec<String> {
        let mut lines = Lines::new(text, grows);
        let mut found = Vec::new();
        loop {
            match lines.next(csv::is_whole).unwrap() {
                Next::Line => found.push(String::from_utf8_lossy(lines.line()).into_owned()),
                other => {
                    found.push(format!("{other:?} {} at {}", lines.number(), lines.offset()));
                    if other != Next::TooLong {
                        return found;
                    }
                }
            }
        }
    }

    #[test]
    fn a_record_ends_with_a_line_unless_a_quoted_field_goes_on() {
        let text = b"a,b\r\n\"c\nd\",e\n\nlast";
        assert_eq!(all(text, false), ["a,b", "\"c\nd\",e", "", "last", "End 5 at 18"]);
    }

    #[test]
    fn of_a_file_that_grows_the_last_line_counts_when_its_end_is_there() {
        assert_eq!(all(b"a\nhalf", true), ["a", "Nothing 1 at 2"]);
    }

    #[test]
    fn a_line_that_is_too_long_is_left_out_and_the_next_one_is_read() {
        let mut text = vec![b'x'; LINE_BYTES_MAX + 5];
        text.extend_from_slice(b"\nshort\n");
        let end = format!("End 2 at {}", text.len());
        assert_eq!(all(&text, false), ["TooLong 1 at 0", "short", &end]);
    }
}
