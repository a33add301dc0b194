//! Every bound of the core, with its reason.

/// Rows of one morsel: large enough to amortise dispatch, small enough to stay in a first-level
/// cache column by column.
pub const MORSEL_ROWS_MAX: usize = sluicedb_sql::limits::MORSEL_ROWS_MAX;

/// Partitions of the key space. Fixed for ever: it is how state is divided on disk.
pub const PARTITIONS: usize = 1024;

/// Shards of one database. A statement names its shards in one 64-bit mask.
pub const SHARDS_MAX: usize = 64;

/// Stages of one graph: exchanges in a row on the longest path.
pub const STAGES_MAX: usize = 64;

/// Kinds of morsels, by the types of their columns, that a database has in one life.
pub const SHAPES_MAX: usize = 1 << 16;

/// Feeders of one database; a tie holds the feeder in 16 bits.
pub const FEEDERS_MAX: usize = 1 << 16;

/// Rows one feeder can number; a tie holds the number in 48 bits.
pub const FEEDER_ROWS_MAX: u64 = 1 << 48;

/// Statements of a feeder that may be published and not settled: what the coordinator remembers of
/// each until the disks of all its shards have it.
pub const UNSETTLED_STATEMENTS_MAX: u64 = 1 << 14;

/// Bytes of the name of a producer, each of which is in every manifest.
pub const PRODUCER_NAME_BYTES_MAX: usize = 255;

/// Bytes of one text.
pub const TEXT_BYTES_MAX: usize = sluicedb_sql::limits::TEXT_BYTES_MAX;

/// Bytes of text in one pushed batch: an operator must have room for the texts of a whole morsel
/// before it starts on its first row, and the batch is one record of the log.
pub const BATCH_TEXT_BYTES_MAX: usize = 4 << 20;

/// Bytes of one pushed batch as a record of the log, which is the least that a record may hold.
pub const BATCH_BYTES_MAX: usize = 8 << 20;

/// Words of the values of one row that travels as a record: 128 bytes, so that with its marks it is
/// three cache lines on a ring. A wider row travels as a morsel.
pub const RECORD_WORDS: usize = 16;

/// Rows of a frame that is copied behind the rows that wait at stage 0 already. Above this a frame
/// amortises its own way through the operators, and a copy would only cost.
pub const MERGE_ROWS_MAX: usize = 128;

/// Bytes of long texts up to which frames are merged: beside one frame, what waits as one morsel has
/// no more of them than this.
pub const MERGE_TEXT_BYTES_MAX: usize = 64 << 10;

/// Frames that wait at a stage, beside those that feeders were held with when an epoch ended, at most
/// one each. More would only add latency: pressure must reach the feeder. At stage 0 rows that were
/// merged are one frame, and watermarks, at most one of each source behind each frame, do not count.
pub const STAGE_QUEUE_FRAMES: usize = 4;

/// Blocks of state that an operator needs before its first row: its root, and what its containers
/// begin with.
pub const OPERATOR_BLOCKS_MIN: usize = 16;

/// Queries that stand still while a source goes on: it remembers of each in its first block where that
/// is.
pub const MARKS_MAX: usize = 64;

/// Blocks of state one row may make an operator take, beside the blocks of its text.
pub const STATE_BLOCKS_PER_ROW: usize = 24;

/// Blocks one row may make an operator copy for an open freeze, beside the blocks of its text.
pub const SHADOW_BLOCKS_PER_ROW: usize = 32;

/// Rows that were late that a shard keeps to be looked at, and as many that failed: a screen full of
/// pages to a person, and enough to find out what is wrong with a producer. The oldest go first, some
/// at a time.
pub const LETTERS_ROWS_MAX: usize = 16_384;

/// Bytes of either, beside the newest rows that came together: little beside the state of a shard,
/// whatever its rows hold.
pub const LETTERS_BYTES_MAX: usize = 4 << 20;

/// Bytes of them that go at a time: a small part of all, and enough that few pieces make up the whole,
/// which is looked at piece by piece.
pub const LETTERS_PIECE_BYTES: usize = 64 << 10;

/// Bytes of a line or message of a connector that are kept with the reason why it is no row. A line
/// may have as many as fit in memory; its beginning shows what it is.
pub const REJECTED_BYTES_MAX: usize = 64 << 10;

/// Epochs that are remembered: some seconds of a busy database, whose checkpoints are among them.
pub const EPOCHS_KEPT: usize = 512;

/// Keys of one feeder that the watermark waits for, of a source that has one for each key: what a feeder
/// remembers of all of them is a few MiB.
pub const WATERMARK_KEYS_MAX: usize = 1 << 16;

/// Nanoseconds between two steps of event time that goes on with the clock: each ends an epoch of a
/// database that is idle otherwise.
pub const ADVANCE_EVERY_NS: u64 = 100_000_000;

// A morsel's row index is stored in 16 bits by cursors and selections are `u32`.
const _: () = assert!(MORSEL_ROWS_MAX <= 1 << 16);
// A record has its nulls in one word.
const _: () = assert!(RECORD_WORDS <= u64::BITS as usize && RECORD_WORDS.is_power_of_two());
const _: () = assert!(MERGE_ROWS_MAX <= MORSEL_ROWS_MAX);
// Shards own whole partitions, at least one each.
const _: () = assert!(SHARDS_MAX <= PARTITIONS && SHARDS_MAX <= u64::BITS as usize);
const _: () = assert!(FEEDERS_MAX as u128 * FEEDER_ROWS_MAX as u128 == 1 << 64);
const _: () =
    assert!(TEXT_BYTES_MAX <= BATCH_TEXT_BYTES_MAX && BATCH_TEXT_BYTES_MAX < BATCH_BYTES_MAX);
const _: () = assert!(LETTERS_PIECE_BYTES * 16 <= LETTERS_BYTES_MAX);
const _: () = assert!(REJECTED_BYTES_MAX * 16 <= LETTERS_BYTES_MAX);
// The byte heap keeps every text that can be pushed.
const _: () = assert!(TEXT_BYTES_MAX <= super::arena::HEAP_VALUE_BYTES_MAX);

/// Bytes of records that may wait for the log before a shard takes no more rows to log.
pub const JOURNAL_PENDING_BYTES_MAX: u64 = 4 << 20;

/// Nanoseconds after which the last group of an idle log gets a witness behind it: until then its
/// rot would look like a write that a crash tore.
pub const WITNESS_AFTER_NS: u64 = 10_000_000;

/// How often one row that a join makes may be there. Weights multiply there and only there; below
/// this bound no sum of them leaves an i64 in the life of a machine.
pub const WEIGHT_MAX: i64 = 1 << 32;

/// Deltas on one base, at most: each is a file that recovery reads.
pub const CHECKPOINT_DELTAS_MAX: usize = 64;
