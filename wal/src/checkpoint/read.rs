//! Reads a checkpoint back and verifies all of it.

use super::layout::{self, Bad, ENTRY_HEAD_BYTES, VERSION};
use super::{CheckpointId, Entry};
use crate::bytes::{Cursor, wide};
use crate::disk::Files;
use crate::error::OpenError;
use crate::hash::Hasher;
use crate::manifest::FileRef;
use crate::name::FileName;
use crate::options::BLOCK_BYTES;

/// A checkpoint that was read, all but its entries.
#[derive(Debug)]
pub struct CheckpointFile {
    /// Which it is.
    pub id: CheckpointId,
    /// Its front section.
    pub front: Vec<u8>,
    /// How many entries it has.
    pub entry_count: u64,
}

/// The content of a file, taken apart as it comes.
#[derive(Default)]
struct Parser {
    /// Content that is not taken apart yet.
    pending: Vec<u8>,
    front: Option<Vec<u8>>,
    entry_count: u64,
}

impl Parser {
    /// Takes apart what is there; the last entry may go on in the next chunk.
    fn take_apart(&mut self, each: &mut impl FnMut(Entry<'_>)) {
        let mut cursor = Cursor::new(&self.pending);
        if self.front.is_none() {
            let Some(front) = cursor.sized() else { return };
            self.front = Some(front.to_vec());
        }
        let mut left = cursor.rest();
        while let Some(entry) = entry(&mut cursor) {
            self.entry_count += 1;
            left = cursor.rest();
            each(entry);
        }
        let taken = self.pending.len() - left.len();
        self.pending.drain(..taken);
    }
}

fn entry<'a>(cursor: &mut Cursor<'a>) -> Option<Entry<'a>> {
    let head: [u8; ENTRY_HEAD_BYTES] = cursor.array()?;
    let block_bytes = usize::try_from(cursor.u32()?).ok()?;
    Some(Entry { head, block: cursor.take(block_bytes)? })
}

/// Reads and hashes a file from front to end.
pub(super) struct Source<'a> {
    files: &'a dyn Files,
    file: FileName,
    offset: u64,
    hasher: Hasher,
}

impl Source<'_> {
    fn take(&mut self, bytes: u64) -> Result<Vec<u8>, OpenError> {
        let read = self.at(self.offset, bytes)?;
        self.hasher.update(&read);
        self.offset += bytes;
        Ok(read)
    }

    fn at(&self, offset: u64, bytes: u64) -> Result<Vec<u8>, OpenError> {
        let file = self.file;
        self.files.read(&file, offset, bytes).map_err(|failure| OpenError::Io { file, failure })
    }

    fn corrupt(&self, offset: u64, what: &'static str) -> OpenError {
        OpenError::Corrupt { file: self.file, offset, what }
    }
}

/// What the ends of a file say, and how much of its middle was read.
pub(super) struct Content {
    pub(super) id: CheckpointId,
    pub(super) entry_count: u64,
    /// Of the whole file.
    pub(super) content_bytes: u64,
    /// Bytes of it that no chunk had so far.
    left: u64,
    footer_at: u64,
}

impl<'a> Source<'a> {
    /// The file that a manifest of `database` refers to as `file_ref`, and what its ends say.
    pub(super) fn open(
        files: &'a dyn Files,
        database: u128,
        file_ref: &FileRef,
    ) -> Result<(Source<'a>, Content), OpenError> {
        let FileRef { name: file, bytes, hash: _ } = *file_ref;
        let found = files.size(&file).ok_or(OpenError::Missing { file })?;
        let mut source = Source { files, file, offset: 0, hasher: Hasher::default() };
        if found != bytes || bytes < 2 * BLOCK_BYTES || !bytes.is_multiple_of(BLOCK_BYTES) {
            return Err(source.corrupt(found.min(bytes), "the file has another length"));
        }
        let id = read_header(&mut source, database)?;
        let footer_at = bytes - BLOCK_BYTES;
        let footer = source.at(footer_at, BLOCK_BYTES)?;
        let (entry_count, content_bytes) = layout::decode_footer(&id, footer_at, &footer)
            .map_err(|what| source.corrupt(footer_at, what))?;
        if content_bytes > bytes {
            return Err(source.corrupt(footer_at, "the footer counts more than there is"));
        }
        Ok((source, Content { id, entry_count, content_bytes, left: content_bytes, footer_at }))
    }

    /// Appends the content of the next chunk; there is none behind the last.
    pub(super) fn chunk(
        &mut self,
        content: &mut Content,
        into: &mut Vec<u8>,
    ) -> Result<bool, OpenError> {
        let (offset, end) = (self.offset, content.footer_at);
        if content.left == 0 {
            let what = "bytes between the last chunk and the footer";
            return if offset == end { Ok(false) } else { Err(self.corrupt(offset, what)) };
        }
        let chunk_bytes = layout::chunk_bytes(content.left);
        if offset + chunk_bytes > end {
            return Err(self.corrupt(offset, "the chunk is cut"));
        }
        let chunk = self.take(chunk_bytes)?;
        let now = content.left.min(wide(layout::CHUNK_CONTENT_BYTES));
        let part = layout::decode_chunk(&content.id, offset, now, &chunk);
        let part = part.map_err(|what| self.corrupt(offset, what))?;
        content.left -= now;
        into.extend_from_slice(part);
        Ok(true)
    }

    /// Reads the footer, behind the last chunk: all of the file has this hash.
    pub(super) fn close(&mut self, hash: u128) -> Result<(), OpenError> {
        self.take(BLOCK_BYTES)?;
        if self.hasher.finish() == hash {
            return Ok(());
        }
        Err(self.corrupt(0, "the hash of the file differs"))
    }
}

/// Reads the checkpoint that a manifest of `database` refers to as `file_ref`, and hands over its entries,
/// in the order in which they were written, a verified chunk at a time. What was handed over counts only
/// if all of the file is whole.
pub fn read(
    files: &dyn Files,
    database: u128,
    file_ref: &FileRef,
    mut each: impl FnMut(Entry<'_>),
) -> Result<CheckpointFile, OpenError> {
    let (mut source, mut content) = Source::open(files, database, file_ref)?;
    let mut parser = Parser::default();
    while source.chunk(&mut content, &mut parser.pending)? {
        parser.take_apart(&mut each);
    }
    source.close(file_ref.hash)?;
    let Content { id, entry_count, footer_at, .. } = content;
    let whole = parser.pending.is_empty() && parser.entry_count == entry_count;
    let front = parser.front.filter(|_| whole);
    let front = front
        .ok_or_else(|| source.corrupt(footer_at, "the entries are not what the footer counts"))?;
    Ok(CheckpointFile { id, front, entry_count })
}

fn read_header(source: &mut Source<'_>, database: u128) -> Result<CheckpointId, OpenError> {
    let file = source.file;
    let header = source.take(BLOCK_BYTES)?;
    let id = match layout::decode_header(&header) {
        Ok(id) => id,
        Err(Bad::Unit(what)) => return Err(source.corrupt(0, what)),
        Err(Bad::Version(found)) => {
            return Err(OpenError::Version { file, found, known: VERSION });
        }
    };
    if id.database != database {
        return Err(OpenError::Foreign { file, found: id.database, expected: database });
    }
    if id.file() != file {
        return Err(source.corrupt(0, "this is the header of another checkpoint"));
    }
    Ok(id)
}
