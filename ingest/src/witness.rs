//! Tells whether a file is still the one that was read or written.
//!
//! A file may be large, so what is compared is its beginning, and what comes last in front of a
//! position. One that was changed only between the two passes for the same.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use sluicedb::db::Position;

/// Bytes that are compared at each of the two places.
const SEEN_BYTES: u64 = 4096;

/// Bytes that are looked through for lines at a time.
const LINES_BYTES: usize = 1 << 18;

/// A file, looked at beside whoever reads or writes it.
#[derive(Debug)]
pub(crate) struct Witness(File);

impl Witness {
    /// Of a file that can be read.
    pub(crate) fn of(file: &File) -> io::Result<Witness> {
        Ok(Witness(file.try_clone()?))
    }

    /// The position behind so many bytes, which are there.
    pub(crate) fn behind(&self, offset: u64) -> io::Result<Position> {
        let first = self.seen(0, offset.min(SEEN_BYTES))?;
        let last = self.seen(offset.saturating_sub(SEEN_BYTES), offset)?;
        Ok(Position { offset, check: hash(&[&first, &last]) })
    }

    /// Of a file that does not grow. A pipe has nothing to look at, and is not read again.
    pub(crate) fn whole(&self) -> io::Result<u64> {
        let known = self.0.metadata()?;
        if !known.is_file() {
            return Ok(0);
        }
        let Position { offset, check } = self.behind(known.len())?;
        Ok(check ^ offset)
    }

    /// What is wrong with a file that has something else in front of a position than was there, if
    /// anything is.
    pub(crate) fn differs(&self, position: Position) -> io::Result<Option<String>> {
        let Position { offset, .. } = position;
        let bytes = self.0.metadata()?.len();
        if bytes < offset {
            return Ok(Some(format!("it has {bytes} bytes, and had {offset}")));
        }
        let same = self.behind(offset)? == position;
        Ok((!same).then(|| format!("its first {offset} bytes are not those that were there")))
    }

    /// How many lines end in front of an offset.
    pub(crate) fn lines(&self, offset: u64) -> io::Result<u64> {
        let mut bytes = vec![0; LINES_BYTES];
        let (mut at, mut lines) = (0, 0);
        while at < offset {
            let part = (offset - at).min(LINES_BYTES as u64) as usize;
            self.0.read_exact_at(&mut bytes[..part], at)?;
            lines += bytes[..part].iter().filter(|byte| **byte == b'\n').count() as u64;
            at += part as u64;
        }
        Ok(lines)
    }

    fn seen(&self, from: u64, to: u64) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; (to - from) as usize];
        self.0.read_exact_at(&mut bytes, from)?;
        Ok(bytes)
    }
}

/// FNV-1a over texts with their lengths: it is kept with checkpoints.
fn hash(texts: &[&[u8]]) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut take = |byte: u8| hash = (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
    for text in texts {
        (text.len() as u64).to_le_bytes().into_iter().for_each(&mut take);
        text.iter().copied().for_each(&mut take);
    }
    hash
}
