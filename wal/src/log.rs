//! The log of one shard: records in, disk operations out, a durable position back.
//!
//! Invariants:
//! - One group is in flight: written, then synced, then the next. Records gather meanwhile.
//! - A group goes only into a segment whose header and name are durable.
//! - After a failed operation nothing is issued and `durable` stands still for ever.

use std::collections::VecDeque;

use crate::bytes::{narrow, wide};
use crate::disk::{DiskOp, Failure, Issued, Ticket, Tickets};
use crate::group::{self, GroupHeader, Place};
use crate::lsn::Lsn;
use crate::name::FileName;
use crate::options::Options;
use crate::record::Record;
use crate::replay::Resume;
use crate::retire::Span;
use crate::segment::{self, HEADER_BYTES, Header, Link};

/// A shard's log.
#[derive(Debug)]
pub struct Log {
    options: Options,
    database: u128,
    shard: u16,
    /// Salts of the segments come from it.
    seed: u64,
    tickets: Tickets,
    pending: Pending,
    /// Behind the last record that was appended.
    end: Lsn,
    /// Behind the last record in a group.
    closed: Lsn,
    durable: Lsn,
    /// The newest epoch whose manifest is known to be durable.
    sealed: u64,
    /// Where the segment before the next one ends.
    link: Option<Link>,
    next_number: u64,
    segment: Option<Segment>,
    /// Whether a segment of this incarnation is durable.
    open: bool,
    /// Segments that are not written any more.
    spans: Vec<Span>,
    stage: Stage,
    witness: Witness,
    poisoned: Option<Failure>,
}

/// Encoded records that are in no group.
#[derive(Debug, Default)]
struct Pending {
    bytes: Vec<u8>,
    /// Length and epoch of each record.
    records: VecDeque<(usize, u64)>,
}

/// The segment being written.
#[derive(Debug, Clone, Copy)]
struct Segment {
    number: u64,
    salt: u64,
    /// Where the next group goes.
    offset: u64,
    /// Checksum of the last group, or of the header.
    chain: u32,
}

/// What is in flight.
#[derive(Debug)]
enum Stage {
    Idle,
    Create(Ticket),
    Header(Ticket),
    /// Sync of the header and of the directory.
    Name(Option<Ticket>, Option<Ticket>),
    Write(Ticket),
    Sync(Ticket),
}

/// Whether an empty group stands, or shall stand, behind the last record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Witness {
    None,
    Wanted,
    There,
}

impl Log {
    /// The log of a shard that has none. The owner of `tickets` and the shard's log are one.
    ///
    /// `seed` is random: it tells segments of this log from remains of others.
    pub fn create(
        options: Options,
        shard: u16,
        database: u128,
        seed: u64,
        tickets: Tickets,
    ) -> Log {
        Log::resume(options, Resume::nothing(database, shard), seed, tickets)
    }

    /// The log after what recovery found, and without what recovery cut off. `seed` is fresh.
    ///
    /// What was cut off can come back until [`Log::is_open`]: no shard takes input before the
    /// logs of all are open.
    pub fn resume(options: Options, resume: Resume, seed: u64, tickets: Tickets) -> Log {
        options.check();
        let Resume { database, shard, end, durable, link, next_number, spans } = resume;
        assert!(durable <= end, "what is durable was found");
        Log {
            options,
            database,
            shard,
            seed,
            tickets,
            pending: Pending::default(),
            end,
            closed: end,
            durable,
            sealed: 0,
            link,
            next_number,
            segment: None,
            open: false,
            spans,
            stage: Stage::Idle,
            // Without a group behind it, rot of the first header would look like a creation that
            // a crash cut short, and what recovery cut off would come back.
            witness: Witness::Wanted,
            poisoned: None,
        }
    }

    /// Takes a record, to be written by the next group; the position behind it.
    ///
    /// It is durable once [`Log::durable`] has reached that position. A poisoned log forgets it.
    pub fn append(&mut self, record: &Record) -> Lsn {
        let payload_bytes = wide(record.payload.len());
        assert!(payload_bytes <= u64::from(self.options.record_bytes_max), "checked on entry");
        let shards = record.statement.parts;
        assert!(self.shard >= 64 || shards >> self.shard & 1 == 1, "a part names its shard");
        self.end = self.end.after(record.encoded_bytes());
        if self.poisoned.is_none() {
            record.encode(&mut self.pending.bytes);
            self.pending.records.push_back((narrow(record.encoded_bytes()), record.epoch));
        }
        self.end
    }

    /// Behind the last record.
    pub fn end(&self) -> Lsn {
        self.end
    }

    /// Every record up to here survives power loss.
    pub fn durable(&self) -> Lsn {
        self.durable
    }

    /// Bytes that wait for a group: what the caller bounds.
    pub fn pending_bytes(&self) -> u64 {
        wide(self.pending.bytes.len())
    }

    /// Whether a segment of this incarnation is durable, so that what recovery cut off is dead.
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Why nothing becomes durable any more.
    pub fn poisoned(&self) -> Option<&Failure> {
        self.poisoned.as_ref()
    }

    /// Asks for an empty group behind the last record once nothing else is to be written.
    ///
    /// Rot of the last group with records looks like a write that a crash tore, until something
    /// valid stands behind it. Meant for idle moments and the clean end.
    pub fn witness(&mut self) {
        if self.witness == Witness::None {
            self.witness = Witness::Wanted;
        }
    }

    /// The manifest of `epoch` is durable: groups say so from here on, and one that does is written.
    ///
    /// Nothing else outside the manifest names it, so without that nobody would miss it.
    pub fn sealed(&mut self, epoch: u64) {
        assert!(epoch >= self.sealed, "epochs are sealed in order");
        if epoch > self.sealed {
            self.sealed = epoch;
            self.witness = Witness::Wanted;
        }
    }

    /// Issues what can go on now: opens a segment, or closes a group if none is in flight.
    pub fn pump(&mut self, issued: &mut Vec<Issued>) {
        if !matches!(self.stage, Stage::Idle) {
            return;
        }
        assert!(self.poisoned.is_none(), "a failed operation stays in flight for ever");
        let Some(segment) = self.segment else {
            self.create_segment(issued);
            return;
        };
        let (count, payload_bytes) = self.pending.group(self.options.group_bytes_max);
        if count == 0 && self.witness != Witness::Wanted {
            return;
        }
        let room = self.options.segment_bytes().saturating_sub(segment.offset);
        let used = segment.offset > HEADER_BYTES;
        if used && group::disk_bytes(wide(payload_bytes)) > room {
            self.roll(segment, issued);
        } else {
            self.write_group(segment, count, payload_bytes, issued);
        }
    }

    /// Reports how the operation of `ticket` ended, and goes on.
    pub fn completed(
        &mut self,
        ticket: Ticket,
        result: Result<(), Failure>,
        issued: &mut Vec<Issued>,
    ) {
        assert!(ticket.owner() == self.tickets.owner(), "a completion goes to its issuer");
        if self.poisoned.is_some() {
            return;
        }
        if let Err(failure) = result {
            self.poisoned = Some(failure);
            self.pending = Pending::default();
            return;
        }
        self.advance(ticket, issued);
        self.pump(issued);
    }

    /// Segments that hold nothing at or above `below`, and forgets them.
    ///
    /// The caller removes them once the manifest that makes `below` its `log_from` is durable.
    pub fn retire(&mut self, below: Lsn) -> Vec<FileName> {
        if !self.open || self.is_rolling() {
            // The segment that is being opened is not durable: recovery would start from the last
            // of the others.
            return Vec::new();
        }
        let mut retired = Vec::new();
        let shard = self.shard;
        self.spans.retain(|span| {
            let needed = span.end.is_none_or(|end| end > below);
            if !needed {
                retired.push(FileName::Segment { shard, number: span.number });
            }
            needed
        });
        retired
    }

    /// Which segments there are, and where each ends; the one being written has no end.
    pub fn spans(&self) -> Vec<Span> {
        let mut spans = self.spans.clone();
        if let Some(Segment { number, .. }) = self.segment {
            spans.push(Span { shard: self.shard, number, end: None });
        }
        spans
    }

    fn is_rolling(&self) -> bool {
        match self.stage {
            Stage::Create(_) | Stage::Header(_) | Stage::Name(..) => true,
            Stage::Idle | Stage::Write(_) | Stage::Sync(_) => false,
        }
    }

    fn file(&self, number: u64) -> FileName {
        FileName::Segment { shard: self.shard, number }
    }

    /// Ends `segment`, which is durable as a whole, and starts the next.
    fn roll(&mut self, segment: Segment, issued: &mut Vec<Issued>) {
        assert!(self.durable == self.closed, "nothing is in flight");
        let Segment { number, chain, .. } = segment;
        self.link = Some(Link { number, end: self.closed, chain });
        self.spans.push(Span { shard: self.shard, number, end: Some(self.closed) });
        self.create_segment(issued);
    }

    fn create_segment(&mut self, issued: &mut Vec<Issued>) {
        let number = self.next_number;
        self.next_number += 1;
        let salt = segment::salt(self.seed, number);
        self.segment = Some(Segment { number, salt, offset: 0, chain: 0 });
        let op = DiskOp::Create { file: self.file(number) };
        self.stage = Stage::Create(self.tickets.issue(op, issued));
    }

    fn write_header(&mut self, issued: &mut Vec<Issued>) {
        let (database, shard) = (self.database, self.shard);
        let (first, previous) = (self.closed, self.link);
        let segment = self.segment.as_mut().expect("its creation has completed");
        let Segment { number, salt, .. } = *segment;
        let header = Header { database, shard, number, first, salt, previous };
        let (bytes, chain) = header.encode();
        segment.offset = wide(bytes.len());
        segment.chain = chain;
        let op = DiskOp::Write { file: self.file(number), offset: 0, bytes };
        self.stage = Stage::Header(self.tickets.issue(op, issued));
    }

    fn write_group(
        &mut self,
        mut segment: Segment,
        count: usize,
        payload_bytes: usize,
        issued: &mut Vec<Issued>,
    ) {
        assert!(self.durable == self.closed, "the group before is durable");
        let epochs = self.pending.records.drain(..count).map(|(_, epoch)| epoch);
        let header = GroupHeader {
            chain: segment.chain,
            salt: segment.salt,
            first: self.closed,
            durable_upto: self.durable,
            epoch: epochs.max().unwrap_or(0),
            sealed: self.sealed,
            record_count: u32::try_from(count).expect("a group has fewer records than bytes"),
        };
        let place = Place { shard: self.shard, segment: segment.number, offset: segment.offset };
        let payload = &self.pending.bytes[..payload_bytes];
        let (bytes, crc) = group::encode(place, &header, payload);
        self.pending.bytes.drain(..payload_bytes);
        self.witness = if count == 0 { Witness::There } else { self.witness.again() };
        self.closed = self.closed.after(wide(payload_bytes));
        segment.offset += wide(bytes.len());
        segment.chain = crc;
        self.segment = Some(segment);
        let op = DiskOp::Write { file: self.file(segment.number), offset: place.offset, bytes };
        self.stage = Stage::Write(self.tickets.issue(op, issued));
    }

    fn advance(&mut self, ticket: Ticket, issued: &mut Vec<Issued>) {
        let done = Some(ticket);
        self.stage = match self.stage {
            Stage::Create(at) if at == ticket => {
                self.write_header(issued);
                return;
            }
            Stage::Header(at) if at == ticket => {
                let sync = self.issue_sync(issued);
                let name = self.tickets.issue(DiskOp::SyncDirectory, issued);
                Stage::Name(Some(sync), Some(name))
            }
            Stage::Name(sync, name) if sync == done => self.named(None, name),
            Stage::Name(sync, name) if name == done => self.named(sync, None),
            Stage::Write(at) if at == ticket => Stage::Sync(self.issue_sync(issued)),
            Stage::Sync(at) if at == ticket => {
                self.durable = self.closed;
                Stage::Idle
            }
            _ => panic!("{ticket:?} completed, but {:?} is in flight", self.stage),
        };
    }

    /// Whether all of a segment's opening is done.
    fn named(&mut self, sync: Option<Ticket>, name: Option<Ticket>) -> Stage {
        if sync.is_some() || name.is_some() {
            return Stage::Name(sync, name);
        }
        // What recovery found was synced before it was read.
        self.durable = self.closed;
        self.open = true;
        Stage::Idle
    }

    fn issue_sync(&mut self, issued: &mut Vec<Issued>) -> Ticket {
        let segment = self.segment.expect("something was written");
        let op = DiskOp::Sync { file: self.file(segment.number) };
        self.tickets.issue(op, issued)
    }
}

impl Pending {
    /// How many records the next group takes, and their bytes: at least one if there is one.
    fn group(&self, bytes_max: u32) -> (usize, usize) {
        let mut bytes = 0;
        for (count, (record_bytes, _)) in self.records.iter().enumerate() {
            if count > 0 && bytes + record_bytes > bytes_max as usize {
                return (count, bytes);
            }
            bytes += record_bytes;
        }
        (self.records.len(), bytes)
    }
}

impl Witness {
    /// After a group with records.
    fn again(self) -> Witness {
        if self == Witness::Wanted { Witness::Wanted } else { Witness::None }
    }
}

#[cfg(test)]
mod tests;
