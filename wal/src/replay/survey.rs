//! Finds out which segments of a shard form its log.

use super::segment::{Walk, holds_group};
use super::{Seek, Tail};
use crate::disk::Files;
use crate::error::OpenError;
use crate::lsn::Lsn;
use crate::name::FileName;
use crate::retire::Span;
use crate::segment::{Bad, HEADER_BYTES, Header, Link, VERSION};

/// The segments of a shard.
#[derive(Debug)]
pub(super) struct Survey {
    /// Those of the log with the checksums of their headers, oldest first.
    pub(super) chain: Vec<(Header, u32)>,
    /// All others that are there.
    dead: Vec<u64>,
    /// The number that no segment ever had.
    pub(super) next_number: u64,
    /// A segment whose creation a crash cut short.
    pub(super) torn: Option<Tail>,
}

type Found = (u64, Result<(Header, u32), &'static str>);

fn numbers(files: &dyn Files, seek: &Seek) -> Vec<u64> {
    let number = |file: FileName| match file {
        FileName::Segment { shard, number } if shard == seek.shard => Some(number),
        _ => None,
    };
    let mut numbers: Vec<u64> = files.list().into_iter().filter_map(number).collect();
    numbers.sort_unstable();
    numbers
}

/// The newest epoch that any group which can be read says was sealed, in a log that cannot be read as a
/// whole.
pub(super) fn newest_known(files: &dyn Files, seek: &Seek) -> u64 {
    let mut newest = 0;
    for number in numbers(files, seek) {
        let Ok(Ok(header)) = read_header(files, seek, number) else { continue };
        let Ok(mut walk) = Walk::new(files, &header) else { continue };
        while let Ok(Some((group, _))) = walk.next(false) {
            newest = newest.max(group.header.sealed);
        }
    }
    newest
}

/// Reads all headers and follows the links from the newest valid one.
pub(super) fn survey(files: &dyn Files, seek: &Seek) -> Result<Survey, OpenError> {
    let numbers = numbers(files, seek);
    let next_number = numbers.last().map_or(1, |last| last + 1);
    let found: Vec<Found> = numbers
        .iter()
        .map(|n| Ok((*n, read_header(files, seek, *n)?)))
        .collect::<Result<_, _>>()?;
    let newest = found.iter().rposition(|(_, header)| header.is_ok());
    let mut torn = None;
    for (number, header) in &found[newest.map_or(0, |newest| newest + 1)..] {
        let file = FileName::Segment { shard: seek.shard, number: *number };
        let what = header.expect_err("the newest valid header is before");
        if holds_group(files, file)? {
            return Err(OpenError::Corrupt { file, offset: 0, what });
        }
        torn = Some(Tail::Torn { file, offset: 0, what });
    }
    let chain = follow(seek, &found)?;
    let in_chain = |number: &u64| chain.iter().any(|(header, _)| header.number == *number);
    let dead = numbers.into_iter().filter(|number| !in_chain(number)).collect();
    Ok(Survey { chain, dead, next_number, torn })
}

/// The header of a segment, or what is wrong with it.
fn read_header(
    files: &dyn Files,
    seek: &Seek,
    number: u64,
) -> Result<Result<(Header, u32), &'static str>, OpenError> {
    let file = FileName::Segment { shard: seek.shard, number };
    let bytes = files.size(&file).ok_or(OpenError::Missing { file })?.min(HEADER_BYTES);
    let block = files.read(&file, 0, bytes).map_err(|failure| OpenError::Io { file, failure })?;
    match Header::decode(&block) {
        Err(Bad::Block(what)) => Ok(Err(what)),
        Err(Bad::Version(found)) => Err(OpenError::Version { file, found, known: VERSION }),
        Ok((header, _)) if header.database != seek.database => {
            let (found, expected) = (header.database, seek.database);
            Err(OpenError::Foreign { file, found, expected })
        }
        Ok((header, _)) if header.number != number || header.shard != seek.shard => {
            let what = "this is the header of another segment";
            Err(OpenError::Corrupt { file, offset: 0, what })
        }
        Ok(header) => Ok(Ok(header)),
    }
}

/// The chain of links, oldest first, as far back as segments are there.
fn follow(seek: &Seek, found: &[Found]) -> Result<Vec<(Header, u32)>, OpenError> {
    let mut chain: Vec<(Header, u32)> = Vec::new();
    let mut next = found.iter().rev().find_map(|(_, header)| header.as_ref().ok().copied());
    while let Some(header) = next {
        chain.push(header);
        let (Header { first, previous, .. }, _) = header;
        let Some(Link { number, end, .. }) = previous else { break };
        let file = FileName::Segment { shard: seek.shard, number };
        let before = found.binary_search_by_key(&number, |(number, _)| *number);
        next = match before.map(|index| &found[index].1) {
            Ok(Ok(before)) if before.0.first > end => {
                let what = "the segment starts behind the place where it ends";
                return Err(OpenError::Corrupt { file, offset: 0, what });
            }
            Ok(Ok(before)) => Some(*before),
            // What is not read need not be there.
            _ if first <= seek.from => None,
            Ok(Err(what)) => return Err(OpenError::Corrupt { file, offset: 0, what }),
            Err(_) => return Err(OpenError::Missing { file }),
        };
    }
    chain.reverse();
    Ok(chain)
}

impl Survey {
    /// Index of the segment that holds `from`, unless there is no log at all.
    pub(super) fn start(&self, seek: &Seek) -> Result<Option<usize>, OpenError> {
        let start = self.chain.iter().rposition(|(header, _)| header.first <= seek.from);
        if start.is_none() && (!self.chain.is_empty() || seek.from.max(seek.witness) > Lsn(0)) {
            let number = self.chain.first().map_or(1, |(header, _)| header.number.max(2) - 1);
            let file = FileName::Segment { shard: seek.shard, number };
            return Err(OpenError::Missing { file });
        }
        Ok(start)
    }

    /// The newest segment of the log and its length.
    pub(super) fn newest(&self, files: &dyn Files, seek: &Seek) -> (FileName, u64) {
        let number = self.chain.last().map_or(1, |(header, _)| header.number);
        let file = FileName::Segment { shard: seek.shard, number };
        (file, files.size(&file).unwrap_or(0))
    }

    /// How far each segment reaches once the log goes on at `end`, behind `link`.
    pub(super) fn spans(&self, shard: u16, link: Option<Link>, end: Lsn) -> Vec<Span> {
        let last = link.map_or(0, |link| link.number);
        let dead = self.dead.iter().map(|number| (*number, Lsn(0)));
        let ends = self.chain[..].iter().enumerate().map(|(index, (header, _))| {
            let number = header.number;
            let next = self.chain.get(index + 1).map_or(end, |(next, _)| next.first);
            let reach = match number.cmp(&last) {
                std::cmp::Ordering::Less => next,
                std::cmp::Ordering::Equal => end,
                std::cmp::Ordering::Greater => Lsn(0),
            };
            (number, reach)
        });
        ends.chain(dead).map(|(number, end)| Span { shard, number, end: Some(end) }).collect()
    }
}
