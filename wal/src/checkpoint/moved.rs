//! A checkpoint on its way to another place: verified while it is read, and there the file of whichever
//! database it is to belong to.

use super::layout;
use super::read::{Content, Source};
use crate::bytes::wide;
use crate::checkpoint::CheckpointId;
use crate::disk::Files;
use crate::error::OpenError;
use crate::hash::Hasher;
use crate::manifest::FileRef;

/// Reads one file, unit by unit.
pub struct Moved<'a> {
    source: Source<'a>,
    content: Content,
    /// Of the file that is read.
    hash: u128,
    /// What the file is where it goes.
    id: CheckpointId,
    hasher: Hasher,
    file_bytes: u64,
    next: Next,
}

/// The unit that comes next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    Header,
    Chunk,
    Nothing,
}

impl<'a> Moved<'a> {
    /// Will read the file that a manifest of the database `from` refers to as `file_ref`, for a file of
    /// the database `to`, which may be the same.
    pub fn new(
        files: &'a dyn Files,
        (from, to): (u128, u128),
        file_ref: &FileRef,
    ) -> Result<Moved<'a>, OpenError> {
        let (source, content) = Source::open(files, from, file_ref)?;
        let id = CheckpointId { database: to, ..content.id };
        let (hash, hasher) = (file_ref.hash, Hasher::default());
        Ok(Moved { source, content, hash, id, hasher, file_bytes: 0, next: Next::Header })
    }

    /// The next bytes of the other file, whole blocks; none behind the last. Only then is all that was
    /// given known to be what was written.
    pub fn unit(&mut self) -> Result<Option<Vec<u8>>, OpenError> {
        let unit = match self.next {
            Next::Header => {
                self.next = Next::Chunk;
                layout::header(&self.id)
            }
            Next::Chunk => {
                let mut content = Vec::new();
                if self.source.chunk(&mut self.content, &mut content)? {
                    layout::chunk(&self.id, self.file_bytes, &content)
                } else {
                    self.source.close(self.hash)?;
                    self.next = Next::Nothing;
                    let Content { entry_count, content_bytes, .. } = self.content;
                    layout::footer(&self.id, self.file_bytes, entry_count, content_bytes)
                }
            }
            Next::Nothing => return Ok(None),
        };
        self.hasher.update(&unit);
        self.file_bytes += wide(unit.len());
        Ok(Some(unit))
    }

    /// The other file, all of which was given.
    pub fn done(&self) -> FileRef {
        assert!(self.next == Next::Nothing, "a file is done behind its last unit");
        FileRef { name: self.id.file(), bytes: self.file_bytes, hash: self.hasher.finish() }
    }
}
