//! What is given up of a database whose files are corrupt, in terms of statements and rows.

use std::collections::{BTreeMap, BTreeSet};

use sluicedb_wal::replay::{Seek, replay};
use sluicedb_wal::settle::settled;
use sluicedb_wal::{Files, Manifest, Record, manifest};

use super::RecoverError;
use crate::core::coordinator::Front;
use crate::core::ids::{FeederId, ShardId, SourceId};
use crate::core::shard::source_of;

/// Statements of one feeder that are given up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LostStatements {
    /// The source they were pushed to.
    pub source: SourceId,
    /// Who pushed them.
    pub feeder: FeederId,
    /// Their numbers, each once: from and to.
    pub sequences: Vec<(u64, u64)>,
    /// Their first epoch and their last.
    pub epochs: (u64, u64),
    /// Rows of the parts that could be read.
    pub rows: u64,
}

/// What records hold, by feeder.
pub fn statements<'a>(records: impl Iterator<Item = &'a Record>) -> Vec<LostStatements> {
    let mut sequences: BTreeMap<u32, BTreeSet<u64>> = BTreeMap::new();
    let mut found: BTreeMap<u32, LostStatements> = BTreeMap::new();
    for record in records {
        let Ok(source) = source_of(record) else { continue };
        let feeder = record.statement.feeder;
        let lost = found.entry(feeder).or_insert_with(|| LostStatements {
            source,
            feeder: FeederId(feeder),
            sequences: Vec::new(),
            epochs: (record.epoch, record.epoch),
            rows: 0,
        });
        lost.epochs = (lost.epochs.0.min(record.epoch), lost.epochs.1.max(record.epoch));
        lost.rows += rows_of(record);
        sequences.entry(feeder).or_default().insert(record.statement.sequence);
    }
    for (feeder, lost) in &mut found {
        for sequence in &sequences[feeder] {
            match lost.sequences.last_mut() {
                Some((_, last)) if *last + 1 == *sequence => *last = *sequence,
                _ => lost.sequences.push((*sequence, *sequence)),
            }
        }
    }
    found.into_values().collect()
}

/// The rows of a record: they are counted behind its source, watermark and number.
fn rows_of(record: &Record) -> u64 {
    let count = record.payload.get(18..22).and_then(|bytes| bytes.try_into().ok());
    count.map_or(0, |count| u64::from(u32::from_le_bytes(count)))
}

/// What lies in the logs and is not recovered from them, because another part of it is not there or what
/// was before it.
pub fn unsettled(files: &dyn Files, database: u128) -> Result<Vec<Record>, RecoverError> {
    let newest: Option<Manifest> = manifest::newest(files)?;
    let Some(newest) = newest else { return Ok(Vec::new()) };
    let another = |what| RecoverError::AnotherPlan { shard: ShardId(0), what };
    let front = Front::decode(&newest.front);
    let front = front.ok_or_else(|| another("its front has another form"))?;
    let mut logs = Vec::new();
    for (shard, part) in (0..).zip(&newest.shards) {
        let (from, witness) = (part.log_from, part.log_durable);
        logs.push(replay(files, &Seek { database, shard, from, witness, sealed: newest.epoch })?);
    }
    let statements: Vec<_> = logs.iter().map(|log| log.statements()).collect();
    let before: Vec<u64> = front.feeders.iter().map(|mark| mark.sequence).collect();
    let kept = settled(&statements, &before);
    let cut = logs.into_iter().zip(kept).flat_map(|(log, kept)| log.records.into_iter().skip(kept));
    Ok(cut.map(|(_, record)| record).collect())
}
