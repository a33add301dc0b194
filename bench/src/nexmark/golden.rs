//! A result in little: what is committed of what another engine computed.
//!
//! `rows N` says how many rows there are, `column NAME DIGEST` what is in each column, and `every N`
//! how many rows there are to one of the lines that follow it. Rows are in the order of their
//! canonical lines; the digest of a column is the CRC-32 of its values in that order, each with a
//! line feed behind it, so that a value in another row is another digest.

use std::fmt::Write;

/// What a result comes to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Golden {
    rows: usize,
    columns: Vec<(String, u32)>,
    every: usize,
    sample: Vec<String>,
}

impl Golden {
    /// Of canonical lines in any order, of which one in `every` is kept.
    pub fn of(names: &[&str], mut lines: Vec<String>, every: usize) -> Golden {
        assert!(every > 0, "one row in none is no sample");
        lines.sort_unstable();
        let mut digests = vec![crc32fast::Hasher::new(); names.len()];
        for line in &lines {
            let values = line.split('\t');
            for (digest, value) in digests.iter_mut().zip(values) {
                digest.update(value.as_bytes());
                digest.update(b"\n");
            }
        }
        let digests = digests.into_iter().map(crc32fast::Hasher::finalize);
        let columns = names.iter().map(|name| (*name).to_owned()).zip(digests).collect();
        let rows = lines.len();
        Golden { rows, columns, every, sample: lines.into_iter().step_by(every).collect() }
    }

    /// Reads what was committed.
    pub fn parse(text: &str) -> Result<Golden, String> {
        let mut golden = Golden { rows: 0, columns: Vec::new(), every: 0, sample: Vec::new() };
        let mut lines = text.lines();
        for line in lines.by_ref() {
            let words: Vec<&str> = line.split(' ').collect();
            let number = |word: &str| word.parse().map_err(|_| format!("no number in \"{line}\""));
            match words[..] {
                ["rows", rows] => golden.rows = number(rows)?,
                ["column", name, digest] => {
                    let digest = u32::from_str_radix(digest, 16);
                    let digest = digest.map_err(|_| format!("no digest in \"{line}\""))?;
                    golden.columns.push((name.to_owned(), digest));
                }
                ["every", every] => {
                    golden.every = number(every)?;
                    break;
                }
                _ => return Err(format!("\"{line}\" is not what a golden result has")),
            }
        }
        golden.sample = lines.map(str::to_owned).collect();
        let sample = golden.rows.div_ceil(golden.every.max(1));
        if golden.every == 0 || golden.columns.is_empty() || golden.sample.len() != sample {
            return Err("a golden result is not whole".to_owned());
        }
        Ok(golden)
    }

    /// How many rows there are.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// One row in so many is in the sample.
    pub fn every(&self) -> usize {
        self.every
    }

    /// What is another one in `found`, for people; none where both are equal.
    pub fn difference(&self, found: &Golden) -> Option<String> {
        if self == found {
            return None;
        }
        let mut out = String::new();
        let mut note = |line: std::fmt::Arguments<'_>| {
            writeln!(out, "  {line}").expect("writing to a string does not fail");
        };
        if self.rows != found.rows {
            note(format_args!("{} rows, and not {}", found.rows, self.rows));
        }
        let names = |golden: &Golden| -> Vec<String> {
            golden.columns.iter().map(|(name, _)| name.clone()).collect()
        };
        if names(self) != names(found) {
            note(format_args!("columns {:?}, and not {:?}", names(found), names(self)));
        }
        for ((name, wanted), (_, digest)) in self.columns.iter().zip(&found.columns) {
            if wanted != digest {
                note(format_args!("column {name} is {digest:08x}, and not {wanted:08x}"));
            }
        }
        let rows = self.sample.iter().zip(&found.sample);
        for (wanted, row) in rows.filter(|(wanted, row)| wanted != row).take(SHOWN) {
            note(format_args!("found  {row}"));
            note(format_args!("wanted {wanted}"));
        }
        Some(out)
    }
}

/// Rows of a sample that a difference shows.
const SHOWN: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "rows 3\ncolumn a 775f54d8\ncolumn b 0090468e\nevery 2\n1\tx\n3\tx\n";

    fn of(lines: &[&str]) -> Golden {
        Golden::of(&["a", "b"], lines.iter().map(|line| (*line).to_owned()).collect(), 2)
    }

    #[test]
    fn rows_in_any_order_come_to_the_same() {
        let golden = Golden::parse(TEXT).unwrap();
        assert_eq!((golden.rows(), golden.every()), (3, 2));
        assert_eq!(golden.difference(&of(&["3\tx", "1\tx", "2\ty"])), None);
    }

    #[test]
    fn whatever_differs_is_said() {
        let golden = of(&["1\tx", "2\ty", "3\tx"]);
        let says = |lines: &[&str], what: &str| {
            let difference = golden.difference(&of(lines)).unwrap();
            assert!(difference.contains(what), "{difference}");
        };
        says(&["1\tx", "2\ty"], "2 rows, and not 3");
        says(&["1\tx", "2\tx", "3\tx"], "column b is ");
        says(&["1\tx", "2\tx", "3\ty"], "found  3\ty\n  wanted 3\tx");
        let renamed = Golden::of(&["a", "c"], vec!["1\tx".into(), "2\ty".into(), "3\tx".into()], 2);
        assert!(golden.difference(&renamed).unwrap().contains("[\"a\", \"c\"]"));
    }

    #[test]
    fn a_text_that_is_cut_or_something_else_is_refused() {
        let cut = TEXT.strip_suffix("3\tx\n").unwrap();
        let other = TEXT.replace("rows", "row");
        for text in ["", cut, &other, &TEXT.replace("775f54d8", "x"), &TEXT.replace("3\nc", "b\nc")]
        {
            assert!(Golden::parse(text).is_err(), "{text}");
        }
    }
}
