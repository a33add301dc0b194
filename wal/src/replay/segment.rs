//! Walks over the groups of one segment.

use super::Tail;
use crate::bytes::{is_zero, u64_at, wide};
use crate::disk::Files;
use crate::error::OpenError;
use crate::group::{self, Group, Place};
use crate::lsn::Lsn;
use crate::name::FileName;
use crate::options::BLOCK_BYTES;
use crate::record::Record;
use crate::segment::{HEADER_BYTES, Header, Link};

/// A place between two groups of a segment.
pub(super) struct Walk<'a> {
    files: &'a dyn Files,
    file: FileName,
    file_bytes: u64,
    place: Place,
    salt: u64,
    chain: u32,
    end: Lsn,
    /// What is wrong with the group at `place`.
    bad: Option<&'static str>,
}

impl<'a> Walk<'a> {
    /// Before the first group.
    pub(super) fn new(
        files: &'a dyn Files,
        (header, crc): &(Header, u32),
    ) -> Result<Walk<'a>, OpenError> {
        let Header { shard, number, first, salt, .. } = *header;
        let file = FileName::Segment { shard, number };
        let file_bytes = files.size(&file).ok_or(OpenError::Missing { file })?;
        let place = Place { shard, segment: number, offset: HEADER_BYTES };
        Ok(Walk { files, file, file_bytes, place, salt, chain: *crc, end: first, bad: None })
    }

    /// Checksum of the group before.
    pub(super) fn chain(&self) -> u32 {
        self.chain
    }

    /// Behind the last record of the group before.
    pub(super) fn end(&self) -> Lsn {
        self.end
    }

    /// The next group and its records. Nothing where the segment ends, or where a group is bad
    /// and is not known to have been `durable`.
    pub(super) fn next(
        &mut self,
        durable: bool,
    ) -> Result<Option<(Group, Vec<Record>)>, OpenError> {
        if self.place.offset >= self.file_bytes {
            return Ok(None);
        }
        let (file, offset) = (self.file, self.place.offset);
        let read = group_at(self.files, file, self.file_bytes, self.place, Some(self.salt))?;
        match read.and_then(|group| self.follows(group)) {
            Ok((group, records)) => {
                let payload_bytes = wide(group.payload.len());
                self.place.offset += group::disk_bytes(payload_bytes);
                self.chain = group.crc;
                self.end = self.end.after(payload_bytes);
                Ok(Some((group, records)))
            }
            Err(what) if durable => Err(OpenError::Corrupt { file, offset, what }),
            Err(what) => {
                self.bad = Some(what);
                Ok(None)
            }
        }
    }

    /// Whether a valid group is the one that comes here.
    fn follows(&self, group: Group) -> Result<(Group, Vec<Record>), &'static str> {
        if group.header.chain != self.chain || group.header.first != self.end {
            return Err("the group does not follow the one before");
        }
        let records = Record::decode_all(&group.payload).ok_or("the group cuts a record")?;
        let epoch = records.iter().map(|record| record.epoch).max().unwrap_or(0);
        if wide(records.len()) != u64::from(group.header.record_count)
            || epoch != group.header.epoch
        {
            return Err("the group holds other records than it says");
        }
        Ok((group, records))
    }

    /// Whether the segment after, which says `link`, builds on this very place.
    pub(super) fn is_at(&self, link: Link) -> bool {
        link.chain == self.chain && link.end <= self.end
    }

    /// The same as a result.
    pub(super) fn ends_at(&self, link: Link) -> Result<(), OpenError> {
        if self.is_at(link) {
            return Ok(());
        }
        let what = "the segment ends before the place that the next one builds on";
        Err(OpenError::Corrupt { file: self.file, offset: self.place.offset, what })
    }

    /// Whether what stands here, in the newest segment, was ever durable.
    pub(super) fn judge_tail(&self) -> Result<Tail, OpenError> {
        let (file, bad_offset) = (self.file, self.place.offset);
        let what = self.bad.unwrap_or("bytes behind the last group");
        let mut zero = true;
        let mut offset = bad_offset;
        while offset < self.file_bytes {
            let bytes = BLOCK_BYTES.min(self.file_bytes - offset);
            let block = read(self.files, file, offset, bytes)?;
            zero &= is_zero(&block);
            let salted = block.len() >= group::GROUP_HEADER_BYTES && u64_at(&block, 8) == self.salt;
            if salted && offset > bad_offset {
                let place = Place { offset, ..self.place };
                let group = group_at(self.files, file, self.file_bytes, place, Some(self.salt))?;
                if group.is_ok_and(|group| group.header.durable_upto >= self.end) {
                    return Err(OpenError::Corrupt { file, offset: bad_offset, what });
                }
            }
            offset += BLOCK_BYTES;
        }
        Ok(if zero { Tail::Clean } else { Tail::Torn { file, offset: bad_offset, what } })
    }
}

/// The group at `place`, or what is wrong with it.
pub(crate) fn group_at(
    files: &dyn Files,
    file: FileName,
    file_bytes: u64,
    place: Place,
    salt: Option<u64>,
) -> Result<Result<Group, &'static str>, OpenError> {
    const CUT: &str = "the group is cut";
    let rest = file_bytes.saturating_sub(place.offset);
    if rest < BLOCK_BYTES {
        return Ok(Err(CUT));
    }
    let mut bytes = read(files, file, place.offset, BLOCK_BYTES)?;
    let Some(claimed) = group::claimed_bytes(&bytes, salt) else {
        return Ok(Err("the group has another salt"));
    };
    if claimed > rest {
        return Ok(Err(CUT));
    }
    if claimed > BLOCK_BYTES {
        bytes = read(files, file, place.offset, claimed)?;
    }
    Ok(group::decode(place, &bytes))
}

fn read(files: &dyn Files, file: FileName, at: u64, bytes: u64) -> Result<Vec<u8>, OpenError> {
    files.read(&file, at, bytes).map_err(|failure| OpenError::Io { file, failure })
}

/// Whether a segment whose header is bad holds a group, and so once had a good one.
pub(super) fn holds_group(files: &dyn Files, file: FileName) -> Result<bool, OpenError> {
    let FileName::Segment { shard, number } = file else {
        panic!("{file} is not a segment");
    };
    let file_bytes = files.size(&file).ok_or(OpenError::Missing { file })?;
    let mut place = Place { shard, segment: number, offset: HEADER_BYTES };
    while place.offset < file_bytes {
        if group_at(files, file, file_bytes, place, None)?.is_ok() {
            return Ok(true);
        }
        place.offset += BLOCK_BYTES;
    }
    Ok(false)
}
