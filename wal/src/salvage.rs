//! What can still be used of a database whose files are proven corrupt, and the files that let it go on
//! without the rest.
//!
//! Invariants:
//! - What recovery would read is kept, all of it: there is nothing to salvage then.
//! - The newest manifest whose checkpoints are whole is gone on from, and of each log the longest run of
//!   records without a gap. Nothing behind a gap is brought back.
//! - Records that an earlier recovery cut off stay dead.

use std::collections::BTreeMap;

use crate::bytes::{blocks_up, wide};
use crate::checkpoint;
use crate::disk::Files;
use crate::error::OpenError;
use crate::group::{self, Group, GroupHeader, Place};
use crate::lsn::Lsn;
use crate::manifest::{self, Manifest};
use crate::name::FileName;
use crate::options::BLOCK_BYTES;
use crate::record::Record;
use crate::replay::{Seek, group_at, replay};
use crate::segment::{self, HEADER_BYTES, Header, Link};

/// Bytes of records that are written into one group, unless a single one has more.
const GROUP_BYTES: usize = 64 << 10;

/// How a database goes on without what cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Salvage {
    /// Where it goes on, if it was ever sealed: to be published again, since less of the logs is said to be
    /// durable.
    pub manifest: Option<Manifest>,
    /// Newer manifests, which are given up or gone, and what is wrong with the newest.
    pub manifests: Option<(Vec<u64>, OpenError)>,
    /// Logs that are given up in part.
    pub logs: Vec<CutLog>,
}

/// A log that is given up behind some record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutLog {
    /// Whose.
    pub shard: u16,
    /// What is wrong with it.
    pub cause: OpenError,
    /// How many records are kept.
    pub kept: usize,
    /// Those behind the gap that can be read.
    pub given_up: Vec<Record>,
    /// Bytes of records that cannot be read.
    pub unreadable: u64,
    /// The segment that takes the place of all others.
    pub segment: (FileName, Vec<u8>),
}

impl CutLog {
    /// Whether all of it is kept: it is written anew because it knows of a manifest that is given up.
    pub fn is_whole(&self) -> bool {
        newer_manifest(&self.cause).is_some() && self.given_up.is_empty() && self.unreadable == 0
    }
}

impl Salvage {
    /// The epochs of manifests that are given up.
    pub fn newer(&self) -> &[u64] {
        self.manifests.as_ref().map_or(&[], |(epochs, _)| epochs)
    }
}

/// What of the files can be gone on from; nothing if recovery has nothing against them as they are.
///
/// `seed` is random: it tells new segments from remains of others.
pub fn salvage(files: &dyn Files, database: u128, seed: u64) -> Result<Option<Salvage>, OpenError> {
    let (manifest, mut manifests) = newest_sound(files, database)?;
    let segments = files.list().into_iter().filter_map(|file| match file {
        FileName::Segment { shard, .. } => Some(shard + 1),
        _ => None,
    });
    let shards = match &manifest {
        Some(manifest) => manifest.shards.len() as u16,
        None => segments.max().unwrap_or(0),
    };
    let sealed = manifest.as_ref().map_or(0, |manifest| manifest.epoch);
    let (mut logs, mut gone) = (Vec::new(), None);
    for shard in 0..shards {
        let part = manifest.as_ref().map(|manifest| &manifest.shards[usize::from(shard)]);
        let (from, witness) = part.map_or((Lsn(0), Lsn(0)), |p| (p.log_from, p.log_durable));
        let seek = Seek { database, shard, from, witness, sealed };
        match replay(files, &seek) {
            Ok(_) => {}
            Err(cause) if is_loss(&cause) => {
                gone = gone.max(newer_manifest(&cause));
                logs.push(cut(files, &seek, cause, seed)?);
            }
            Err(other) => return Err(other),
        }
    }
    if let Some(epoch) = gone {
        let missing = OpenError::Missing { file: FileName::Manifest { epoch } };
        if manifest.is_none() {
            // Without any checkpoint nobody knows what the logs are about.
            return Err(missing);
        }
        manifests.get_or_insert((vec![epoch], missing));
    }
    if manifests.is_none() && logs.is_empty() {
        return Ok(None);
    }
    let manifest = manifest.map(|mut manifest| {
        for log in &logs {
            let part = &mut manifest.shards[usize::from(log.shard)];
            part.log_durable = part.log_from;
        }
        manifest
    });
    Ok(Some(Salvage { manifest, manifests, logs }))
}

/// The epoch of a manifest that a log knows of and that is not there.
fn newer_manifest(error: &OpenError) -> Option<u64> {
    match error {
        OpenError::Missing { file: FileName::Manifest { epoch } } => Some(*epoch),
        _ => None,
    }
}

/// Whether something is gone; all else is no reason to give anything up.
fn is_loss(error: &OpenError) -> bool {
    matches!(error, OpenError::Corrupt { .. } | OpenError::Missing { .. })
}

type Newer = Option<(Vec<u64>, OpenError)>;

/// The newest manifest that can be gone on from, and those that are newer.
fn newest_sound(files: &dyn Files, database: u128) -> Result<(Option<Manifest>, Newer), OpenError> {
    let epochs = files.list().into_iter().filter_map(|file| match file {
        FileName::Manifest { epoch } => Some(epoch),
        _ => None,
    });
    let mut epochs: Vec<u64> = epochs.collect();
    epochs.sort_unstable();
    let mut newer: Newer = None;
    for epoch in epochs.into_iter().rev() {
        match sound(files, database, epoch) {
            Ok(manifest) => return Ok((Some(manifest), newer)),
            Err(error) if is_loss(&error) => {
                newer.get_or_insert((Vec::new(), error)).0.push(epoch);
            }
            Err(other) => return Err(other),
        }
    }
    match newer {
        None => Ok((None, None)),
        // Without any checkpoint the logs begin in the middle.
        Some((_, error)) => Err(error),
    }
}

/// The manifest of an epoch, all of whose checkpoints are whole.
fn sound(files: &dyn Files, database: u128, epoch: u64) -> Result<Manifest, OpenError> {
    let manifest = manifest::read(files, epoch)?;
    if manifest.database != database {
        let (found, expected) = (manifest.database, database);
        return Err(OpenError::Foreign { file: FileName::Manifest { epoch }, found, expected });
    }
    for file in manifest.shards.iter().flat_map(|part| &part.files) {
        checkpoint::read(files, database, file, |_| ())?;
    }
    Ok(manifest)
}

/// A segment whose header can be read, and the groups in it that can.
struct Remains {
    header: Header,
    groups: Vec<(Group, Vec<Record>)>,
}

impl Remains {
    fn read(files: &dyn Files, seek: &Seek, number: u64) -> Result<Option<Remains>, OpenError> {
        let file = FileName::Segment { shard: seek.shard, number };
        let file_bytes = files.size(&file).ok_or(OpenError::Missing { file })?;
        let block = files.read(&file, 0, file_bytes.min(HEADER_BYTES));
        let block = block.map_err(|failure| OpenError::Io { file, failure })?;
        let Ok((header, _)) = Header::decode(&block) else { return Ok(None) };
        if (header.database, header.shard, header.number) != (seek.database, seek.shard, number) {
            return Ok(None);
        }
        let mut place = Place { shard: seek.shard, segment: number, offset: HEADER_BYTES };
        let mut groups = Vec::new();
        while place.offset < file_bytes {
            let read = group_at(files, file, file_bytes, place, Some(header.salt))?;
            let whole = read.ok().and_then(|group| {
                let records = Record::decode_all(&group.payload)?;
                Some((group, records))
            });
            let bytes = whole
                .as_ref()
                .map_or(BLOCK_BYTES, |(group, _)| group::disk_bytes(wide(group.payload.len())));
            place.offset += bytes;
            groups.extend(whole);
        }
        Ok(Some(Remains { header, groups }))
    }
}

/// What is read of a log with gaps.
struct Log {
    remains: BTreeMap<u64, Remains>,
    next_number: u64,
}

impl Log {
    fn read(files: &dyn Files, seek: &Seek) -> Result<Log, OpenError> {
        let mut log = Log { remains: BTreeMap::new(), next_number: 1 };
        for file in files.list() {
            let FileName::Segment { shard, number } = file else { continue };
            if shard == seek.shard {
                log.next_number = log.next_number.max(number + 1);
                let remains = Remains::read(files, seek, number)?;
                log.remains.extend(remains.map(|remains| (number, remains)));
            }
        }
        Ok(log)
    }

    /// The segment that builds on segment `number`, and where that one ends.
    fn next(&self, number: u64) -> Option<(&Remains, Link)> {
        let builds =
            |remains: &Remains| remains.header.previous.filter(|link| link.number == number);
        self.remains.values().rev().find_map(|remains| Some((remains, builds(remains)?)))
    }

    /// The records behind `from` up to the first gap, and where that is.
    fn run(&self, from: Lsn) -> (Vec<&Record>, Lsn) {
        let mut kept = Vec::new();
        let mut end = from;
        let mut at = self.remains.values().rfind(|remains| remains.header.first <= from);
        while let Some(remains) = at {
            let next = self.next(remains.header.number);
            for (begins, ends, record) in records(remains, next.map(|(_, link)| link)) {
                if begins == end && ends > from {
                    kept.push(record);
                    end = ends;
                }
            }
            at = None;
            if let Some((next, link)) = next
                && link.end <= end
                && next.header.first >= end
            {
                end = next.header.first;
                at = Some(next);
            }
        }
        (kept, end)
    }
}

/// The records of a segment that nothing has cut off, and where each begins and ends.
fn records(remains: &Remains, link: Option<Link>) -> impl Iterator<Item = (Lsn, Lsn, &Record)> {
    let all = remains.groups.iter().flat_map(|(group, records)| {
        let mut end = group.header.first;
        records.iter().map(move |record| {
            let begins = end;
            end = end.after(record.encoded_bytes());
            (begins, end, record)
        })
    });
    all.filter(move |(_, end, _)| link.is_none_or(|link| *end <= link.end))
}

fn cut(files: &dyn Files, seek: &Seek, cause: OpenError, seed: u64) -> Result<CutLog, OpenError> {
    let log = Log::read(files, seek)?;
    let (kept, end) = log.run(seek.from);
    let mut behind = BTreeMap::new();
    let mut upto = seek.witness.max(end);
    for remains in log.remains.values() {
        let link = log.next(remains.header.number).map(|(_, link)| link);
        for (begins, ends, record) in records(remains, link) {
            upto = upto.max(ends);
            if begins >= end {
                behind.insert(begins, record);
            }
        }
    }
    let readable: u64 = behind.values().map(|record| record.encoded_bytes()).sum();
    let number = log.next_number;
    Ok(CutLog {
        shard: seek.shard,
        cause,
        kept: kept.len(),
        unreadable: (upto.0 - end.0).saturating_sub(readable),
        segment: (
            FileName::Segment { shard: seek.shard, number },
            write(seek, number, &kept, seed),
        ),
        given_up: behind.into_values().cloned().collect(),
    })
}

/// A segment that holds these records from `seek.from` on, and an empty group behind them. It knows of no
/// manifest behind the one that is gone on from.
fn write(seek: &Seek, number: u64, records: &[&Record], seed: u64) -> Vec<u8> {
    let Seek { database, shard, from, sealed, .. } = *seek;
    let salt = segment::salt(seed, number);
    let header = Header { database, shard, number, first: from, salt, previous: None };
    let (mut bytes, mut chain) = header.encode();
    let (mut first, mut rest) = (from, records);
    loop {
        let mut payload = Vec::new();
        let mut count = 0;
        while let Some(record) = rest.get(count)
            && (count == 0 || payload.len() + record.payload.len() <= GROUP_BYTES)
        {
            record.encode(&mut payload);
            count += 1;
        }
        let epoch = rest[..count].iter().map(|record| record.epoch).max().unwrap_or(0);
        let header = GroupHeader {
            chain,
            salt,
            first,
            durable_upto: first,
            epoch,
            sealed,
            record_count: u32::try_from(count).expect("a group has few records"),
        };
        let place = Place { shard, segment: number, offset: wide(bytes.len()) };
        let (group, crc) = group::encode(place, &header, &payload);
        bytes.extend(group);
        (chain, first) = (crc, first.after(wide(payload.len())));
        rest = &rest[count..];
        if count == 0 {
            assert!(blocks_up(wide(bytes.len())) == wide(bytes.len()), "groups are whole blocks");
            return bytes;
        }
    }
}

#[cfg(test)]
mod tests;
