//! Writes a shard's part of a checkpoint in the background, and reads one back.
//!
//! Invariants:
//! - At most one checkpoint is being written. Its freeze is released once all its bytes have been
//!   handed over, and its files become the ones that the next delta builds on only when it is sealed.
//! - A base comes first, and again after a bounded number of deltas.
//! - What was kept of refused rows lies behind the blocks: of a delta, what came behind its base.

mod front;

use sluicedb_wal::checkpoint::{CheckpointId, Entry, Writer};
use sluicedb_wal::{DiskOp, Failure, FileName, FileRef, Issued, Lsn, Ticket, Tickets};

use super::{ShardOptions, flush_owner, removal_owner};
use crate::core::arena::{
    Arena, BLOCK_BYTES, Block, BlockEntry, BlockId, Changed, ExtentId, FreezeKind, Image,
    ImageError, Tables, ZoneId,
};
use crate::core::effect::{Effect, Part, Report};
use crate::core::ids::{Epoch, ShardId};
pub(super) use front::Front;
pub(crate) use front::decode_watermarks;
use front::{decode_tables, encode_tables};

/// What an entry of the file holds.
const KIND_BLOCK: u32 = 0;
const KIND_TABLES: u32 = 1;
const KIND_LETTERS: u32 = 2;
/// Bytes of letters that are handed over at a time.
const LETTERS_ENTRY_BYTES: usize = 32 << 10;

/// The checkpoints of one shard.
pub(super) struct Flush {
    shard: ShardId,
    database: u128,
    deltas_max: usize,
    writes_max: usize,
    /// The checkpoint that the next one builds on.
    base: Option<(Epoch, Vec<FileRef>)>,
    writing: Option<Writing>,
    /// A checkpoint whose file is durable, and which waits for the log.
    written: Option<Part>,
    /// A checkpoint that is acknowledged and not yet sealed.
    acknowledged: Option<(Epoch, Vec<FileRef>)>,
    remover: Tickets,
}

struct Writing {
    part: Part,
    writer: Writer,
    /// Blocks that are still to be handed over; none once they all were.
    changed: Option<Changed>,
    letters: Letters,
}

/// What was kept of refused rows.
enum Letters {
    /// Whoever keeps them was asked.
    Asked,
    /// So many of these bytes were handed over.
    Told(Vec<u8>, usize),
    /// All were.
    Written,
}

impl Flush {
    /// Goes on behind the checkpoint that was restored, if any.
    pub(super) fn new(options: &ShardOptions, base: Option<(Epoch, Vec<FileRef>)>) -> Flush {
        Flush {
            shard: options.shard,
            database: options.database,
            deltas_max: options.checkpoint_deltas_max,
            writes_max: options.checkpoint_writes_max,
            base,
            writing: None,
            written: None,
            acknowledged: None,
            remover: Tickets::of(removal_owner(options.shard)),
        }
    }

    /// Begins to write the frozen state, and asks for the letters.
    pub(super) fn begin(
        &mut self,
        epoch: Epoch,
        (front, digest): (Front, u64),
        arena: &mut Arena,
        effects: &mut Vec<Effect>,
    ) {
        assert!(self.rests(), "one checkpoint at a time");
        // With as many files as a base and its deltas may be, a new base replaces them all.
        let base = self.base.as_ref().filter(|(_, files)| files.len() <= self.deltas_max);
        effects.push(Effect::LettersWanted { since: base.map(|(epoch, _)| *epoch), epoch });
        let since = base.map(|(epoch, _)| epoch.0);
        let id = CheckpointId {
            database: self.database,
            shard: self.shard.0,
            epoch: epoch.0,
            base: since,
        };
        let tickets = Tickets::of(flush_owner(self.shard));
        let writer = Writer::new(id, &front.encode(), self.writes_max, tickets);
        let part = Part {
            epoch,
            files: base.map_or_else(Vec::new, |(_, files)| files.clone()),
            log_from: front.log_from,
            log_durable: Lsn(0),
            digest,
            feeders: front.feeders,
            sources: front.sources,
        };
        let changed = Some(arena.changed(since));
        self.writing = Some(Writing { part, writer, changed, letters: Letters::Asked });
    }

    /// Takes the letters up to the end of an epoch.
    pub(super) fn letters(&mut self, epoch: Epoch, bytes: Vec<u8>) {
        let writing = self.writing.as_mut().expect("a checkpoint is not done without its letters");
        assert_eq!(writing.part.epoch, epoch, "letters of another checkpoint");
        assert!(matches!(writing.letters, Letters::Asked), "letters are told once");
        writing.letters = Letters::Told(bytes, 0);
    }

    /// Hands over blocks as far as the fuel and the writes in flight allow; returns whether more fuel
    /// would help.
    #[inline]
    pub(super) fn work(
        &mut self,
        fuel: usize,
        arena: &mut Arena,
        effects: &mut Vec<Effect>,
    ) -> bool {
        self.writing.is_some() && self.write(fuel, arena, effects)
    }

    fn write(&mut self, fuel: usize, arena: &mut Arena, effects: &mut Vec<Effect>) -> bool {
        let Some(Writing { writer, changed, letters, .. }) = &mut self.writing else {
            return false;
        };
        let mut left = fuel;
        let mut released = false;
        while let Some(blocks) = changed
            && writer.wants()
            && left > 0
        {
            left -= 1;
            let more = blocks.advance(arena, 1, |entry, block| {
                writer.entry(Entry { head: head(KIND_BLOCK, &entry), block });
            });
            if !more && writer.wants() {
                let tables = encode_tables(&changed.take().expect("matched above").finish());
                writer.entry(Entry { head: head(KIND_TABLES, &NO_BLOCK), block: &tables });
                arena.release(FreezeKind::Checkpoint);
                released = true;
            }
        }
        if changed.is_none() {
            letters.hand_over(writer);
        }
        let owes = writer.wants() && (changed.is_some() || matches!(letters, Letters::Told(..)));
        let mut issued = Vec::new();
        writer.pump(&mut issued);
        effects.extend(issued.into_iter().map(Effect::Disk));
        // Operators may have waited for the blocks that the freeze held.
        owes || released
    }

    /// Reports how a disk operation ended.
    pub(super) fn completed(
        &mut self,
        ticket: Ticket,
        result: Result<(), Failure>,
        effects: &mut Vec<Effect>,
    ) -> Result<(), Failure> {
        if ticket.owner() == removal_owner(self.shard) {
            // A segment that stays is found when the database is opened next, and goes with the
            // first checkpoint then.
            return Ok(());
        }
        let writing = self.writing.as_mut().expect("only a checkpoint has its tickets");
        let mut issued = Vec::new();
        writing.writer.completed(ticket, result, &mut issued);
        effects.extend(issued.into_iter().map(Effect::Disk));
        if let Some(failure) = writing.writer.poisoned() {
            return Err(failure.clone());
        }
        if let Some(file) = writing.writer.done() {
            let Writing { mut part, .. } = self.writing.take().expect("looked at above");
            part.files.push(file);
            self.written = Some(part);
        }
        Ok(())
    }

    /// Acknowledges a checkpoint whose file is durable, once the log is durable up to where replay
    /// would start: a log that ends before that has lost bytes.
    pub(super) fn acknowledge(&mut self, log_durable: Lsn, effects: &mut Vec<Effect>) {
        let Some(mut part) = self.written.take_if(|part| part.log_from <= log_durable) else {
            return;
        };
        part.log_durable = log_durable;
        self.acknowledged = Some((part.epoch, part.files.clone()));
        effects.push(Effect::Tell(Report::Acknowledged(part)));
    }

    /// A checkpoint is sealed; `retired` are log segments that no recovery needs any more.
    pub(super) fn sealed(
        &mut self,
        epoch: Epoch,
        retired: Vec<FileName>,
        effects: &mut Vec<Effect>,
    ) {
        let sealed = self.acknowledged.take().expect("what is sealed was acknowledged");
        assert_eq!(sealed.0, epoch, "another checkpoint was sealed than was acknowledged");
        self.base = Some(sealed);
        for file in retired {
            let ticket = self.remover.take();
            effects.push(Effect::Disk(Issued { ticket, op: DiskOp::Remove { file } }));
        }
    }

    /// Whether no checkpoint is being written or waits to be sealed.
    pub(super) fn rests(&self) -> bool {
        self.writing.is_none() && self.written.is_none() && self.acknowledged.is_none()
    }
}

impl Letters {
    /// Hands over what there is room for. With the last of them the file has all that it will.
    fn hand_over(&mut self, writer: &mut Writer) {
        let Letters::Told(bytes, from) = self else { return };
        while *from < bytes.len() && writer.wants() {
            let to = (*from + LETTERS_ENTRY_BYTES).min(bytes.len());
            let block = &bytes[*from..to];
            writer.entry(Entry { head: head(KIND_LETTERS, &NO_BLOCK), block });
            *from = to;
        }
        if *from == bytes.len() {
            *self = Letters::Written;
            writer.finish();
        }
    }
}

/// Why a checkpoint that was read back is not the state of a shard.
pub(crate) enum ApplyError {
    /// It has another form than this build writes.
    Form(&'static str),
    /// Its blocks do not form an arena in the memory given.
    Image(ImageError),
}

/// How many blocks an arena has at least that a checkpoint with this entry is put into.
pub(crate) fn blocks_of(entry: &Entry<'_>) -> u32 {
    split_head(&entry.head).1.block.0.saturating_add(1)
}

/// A checkpoint that is put over the ones before it, entry by entry.
pub(crate) struct Applied<'a> {
    image: &'a mut Image,
    tables: Option<Tables>,
    /// None of a checkpoint of a build that wrote none.
    letters: Vec<u8>,
    /// Why it cannot be; what is behind that is passed over.
    refused: Option<ApplyError>,
}

impl<'a> Applied<'a> {
    /// Begins with nothing of it.
    pub(crate) fn over(image: &'a mut Image) -> Applied<'a> {
        Applied { image, tables: None, letters: Vec::new(), refused: None }
    }

    /// Takes the next entry.
    pub(crate) fn take(&mut self, entry: &Entry<'_>) {
        if self.refused.is_none() {
            self.refused = self.put(entry).err();
        }
    }

    fn put(&mut self, &Entry { head, block }: &Entry<'_>) -> Result<(), ApplyError> {
        let form = ApplyError::Form;
        let (kind, entry) = split_head(&head);
        match kind {
            KIND_BLOCK => {
                let bytes: &Block =
                    block.try_into().map_err(|_| form("a block has another size"))?;
                self.image.put(entry, bytes).map_err(ApplyError::Image)
            }
            KIND_TABLES if self.tables.is_none() => {
                let tables = decode_tables(block).ok_or(form("its tables have another form"))?;
                self.tables = Some(tables);
                Ok(())
            }
            KIND_LETTERS => {
                self.letters.extend_from_slice(block);
                Ok(())
            }
            _ => Err(form("an entry is of an unknown kind")),
        }
    }

    /// All of it was taken, and is whole. Returns its letters.
    pub(crate) fn complete(self) -> Result<Vec<u8>, ApplyError> {
        if let Some(refused) = self.refused {
            return Err(refused);
        }
        let tables = self.tables.ok_or(ApplyError::Form("it has no tables"))?;
        self.image.complete(tables).map_err(ApplyError::Image)?;
        Ok(self.letters)
    }
}

/// What an entry says that is no block.
const NO_BLOCK: BlockEntry =
    BlockEntry { block: BlockId(0), zone: ZoneId(0), extent: ExtentId(0), epoch: 0 };

fn head(kind: u32, entry: &BlockEntry) -> [u8; 24] {
    let mut head = [0; 24];
    let words = [kind, entry.block.0, entry.zone.0, entry.extent.0];
    for (bytes, word) in head.chunks_exact_mut(4).zip(words) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    head[16..].copy_from_slice(&entry.epoch.to_le_bytes());
    head
}

fn split_head(head: &[u8; 24]) -> (u32, BlockEntry) {
    let (words, epoch) = head.split_at(16);
    let (words, _) = words.as_chunks::<4>();
    let word = |at: usize| u32::from_le_bytes(words[at]);
    let entry = BlockEntry {
        block: BlockId(word(1)),
        zone: ZoneId(word(2)),
        extent: ExtentId(word(3)),
        epoch: u64::from_le_bytes(epoch.try_into().expect("24 bytes less 16")),
    };
    (word(0), entry)
}

const _: () = assert!(BLOCK_BYTES == 4096, "the format of checkpoints names the block size");
