//! Reads a shard's log back: the longest valid prefix, and whether what follows was ever durable.
//!
//! Invariants:
//! - Segments form a chain from the newest valid header back. A segment outside it is dead.
//! - A bad place is corruption if anything proves that it was durable: a valid group behind it, a
//!   segment that builds on it, or a witness from a manifest. Otherwise a crash tore it.
//! - A group that knows of a newer manifest than there is proves that one is missing.
//! - The last durable group has no later witness in the log. Its rot looks like a torn tail unless
//!   the manifest, or an empty group ([`crate::Log::witness`]), covers it.

mod segment;
mod survey;

use crate::disk::Files;
use crate::error::OpenError;
use crate::lsn::Lsn;
use crate::name::FileName;
use crate::record::{Record, Statement};
use crate::retire::Span;
use crate::segment::Link;
use segment::Walk;
pub(crate) use segment::group_at;
use survey::Survey;

/// Which log to read, and what is known about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seek {
    /// Whose.
    pub database: u128,
    /// Whose log.
    pub shard: u16,
    /// Records behind this position are wanted; it is where one ends. Zero for all.
    pub from: Lsn,
    /// The log is known to have been durable up to here.
    pub witness: Lsn,
    /// Epoch of the newest manifest that is there; zero where there is none.
    pub sealed: u64,
}

/// How the log ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tail {
    /// With its last group.
    Clean,
    /// With bytes that a crash left and nothing proves to have been durable.
    Torn {
        /// Where.
        file: FileName,
        /// First byte of what is not valid.
        offset: u64,
        /// What is wrong with it.
        what: &'static str,
    },
}

/// A log as read back.
#[derive(Debug)]
pub struct Replayed {
    /// The records behind `from`, each with the position behind it.
    pub records: Vec<(Lsn, Record)>,
    /// Where the log ends; at or above the last record's position.
    pub end: Lsn,
    /// How it ends.
    pub tail: Tail,
    seek: Seek,
    survey: Survey,
    marks: Vec<Mark>,
}

/// Where a group ends, and what a header that builds on it says.
#[derive(Debug, Clone, Copy)]
struct Mark {
    end: Lsn,
    segment: u64,
    chain: u32,
}

/// What [`crate::Log::resume`] needs to go on behind what was recovered.
#[derive(Debug, Clone)]
pub struct Resume {
    pub(crate) database: u128,
    pub(crate) shard: u16,
    pub(crate) end: Lsn,
    pub(crate) durable: Lsn,
    pub(crate) link: Option<Link>,
    pub(crate) next_number: u64,
    pub(crate) spans: Vec<Span>,
}

impl Resume {
    /// Of a log that was never written.
    pub(crate) fn nothing(database: u128, shard: u16) -> Resume {
        let (end, durable) = (Lsn(0), Lsn(0));
        Resume { database, shard, end, durable, link: None, next_number: 1, spans: Vec::new() }
    }

    /// Of a log that begins anew, whatever is there of an earlier one of the shard.
    pub fn anew(files: &dyn Files, database: u128, shard: u16) -> Resume {
        let number = |file: FileName| match file {
            FileName::Segment { shard: of, number } if of == shard => Some(number),
            _ => None,
        };
        let dead: Vec<u64> = files.list().into_iter().filter_map(number).collect();
        let next_number = dead.iter().max().map_or(1, |last| last + 1);
        let span = |number| Span { shard, number, end: Some(Lsn(0)) };
        let spans = dead.into_iter().map(span).collect();
        Resume { next_number, spans, ..Resume::nothing(database, shard) }
    }

    /// Where the log goes on.
    pub fn end(&self) -> Lsn {
        self.end
    }
}

/// Reads the log of a stopped shard.
pub fn replay(files: &dyn Files, seek: &Seek) -> Result<Replayed, OpenError> {
    let mut sealed = 0;
    let replayed = read_log(files, seek, &mut sealed);
    if replayed.is_err() {
        sealed = sealed.max(survey::newest_known(files, seek));
    }
    if sealed > seek.sealed {
        // Whatever else is wrong follows from it, or is found again once it is back.
        return Err(OpenError::Missing { file: FileName::Manifest { epoch: sealed } });
    }
    replayed
}

/// Reads the log; `sealed` becomes the newest epoch whose manifest its groups know of.
fn read_log(files: &dyn Files, seek: &Seek, sealed: &mut u64) -> Result<Replayed, OpenError> {
    let survey = survey::survey(files, seek)?;
    let mut replayed = Replayed {
        records: Vec::new(),
        end: Lsn(0),
        tail: Tail::Clean,
        seek: *seek,
        survey,
        marks: Vec::new(),
    };
    let start = replayed.survey.start(seek)?;
    // The log cannot be read from the middle of a record: `from` must turn up as an end.
    let mut from_seen = start.is_none() && seek.from == Lsn(0);
    let count = replayed.survey.chain.len();
    for index in start.unwrap_or(count)..count {
        from_seen |= read_segment(files, &mut replayed, index, sealed)?;
    }
    let short = replayed.end < seek.witness || replayed.end < seek.from;
    if short || !from_seen {
        let (file, offset) = match &replayed.tail {
            Tail::Torn { file, offset, .. } => (*file, *offset),
            Tail::Clean => replayed.survey.newest(files, seek),
        };
        let what = match short {
            true => "the log ends before a position that was durable",
            false => "no record ends at the position of the manifest",
        };
        return Err(OpenError::Corrupt { file, offset, what });
    }
    if let (Tail::Clean, Some(torn)) = (&replayed.tail, &replayed.survey.torn) {
        replayed.tail = torn.clone();
    }
    Ok(replayed)
}

/// Adds what the segment at `index` of the chain holds; whether `from` is an end in it.
fn read_segment(
    files: &dyn Files,
    replayed: &mut Replayed,
    index: usize,
    sealed: &mut u64,
) -> Result<bool, OpenError> {
    let from = replayed.seek.from;
    let header = replayed.survey.chain[index].0;
    let next = replayed.survey.chain.get(index + 1).map(|(next, _)| *next);
    let mut walk = Walk::new(files, &replayed.survey.chain[index])?;
    let mut position = header.first;
    let mut from_seen = position == from;
    let mark = |end, chain| Mark { end, segment: header.number, chain };
    replayed.marks.push(mark(header.first, walk.chain()));
    let link = next.and_then(|next| next.previous);
    while link.is_none_or(|link| !walk.is_at(link)) {
        let Some((group, records)) = walk.next(link.is_some())? else { break };
        *sealed = (*sealed).max(group.header.sealed);
        for record in records {
            position = position.after(record.encoded_bytes());
            let alive = link.is_none_or(|link| position <= link.end);
            if !alive {
                break;
            }
            from_seen |= position == from;
            if position > from {
                replayed.records.push((position, record));
            }
        }
        let end = link.map_or(walk.end(), |link| link.end.min(walk.end()));
        replayed.marks.push(mark(end, group.crc));
        position = walk.end();
    }
    match link {
        Some(link) => walk.ends_at(link)?,
        None => replayed.tail = walk.judge_tail()?,
    }
    replayed.end = next.map_or(walk.end(), |next| next.first);
    Ok(from_seen)
}

impl Replayed {
    /// Their statements, in order: what [`crate::settled`] wants.
    pub fn statements(&self) -> Vec<Statement> {
        self.records.iter().map(|(_, record)| record.statement).collect()
    }

    /// Cuts off all but the first `count` records. The log goes on behind the others all the same:
    /// positions are not used again.
    pub fn keep(&mut self, count: usize) {
        assert!(count <= self.records.len(), "a cut is a prefix");
        self.records.truncate(count);
    }

    /// What the log needs to go on behind the records that were kept.
    pub fn resume(&self) -> Resume {
        let kept = self.records.last().map_or(self.seek.from, |(end, _)| *end);
        let Seek { database, shard, from, witness, sealed: _ } = self.seek;
        let mark = self.marks.iter().find(|mark| mark.end >= kept);
        let link = mark.map(|mark| Link { number: mark.segment, end: kept, chain: mark.chain });
        assert!(link.is_some() || kept == Lsn(0), "what was kept lies in a group");
        Resume {
            database,
            shard,
            end: self.end,
            durable: from.max(witness.min(kept)),
            link,
            next_number: self.survey.next_number,
            spans: self.survey.spans(shard, link, self.end),
        }
    }
}
