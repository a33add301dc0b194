//! Records and their encoding.

use crate::bytes::{Cursor, wide};

/// Bytes in front of a record's payload.
pub const RECORD_HEADER_BYTES: u64 = 32;

/// Names a statement and the shards that log a part of it. All parts bear one epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Statement {
    /// Who made it.
    pub feeder: u32,
    /// Counts the statements of the feeder; with it, names the statement.
    pub sequence: u64,
    /// Bit `s` is set if shard `s` logs a part.
    pub parts: u64,
}

/// One logical entry of a shard's log: its part of a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The epoch it belongs to.
    pub epoch: u64,
    /// The statement it is a part of.
    pub statement: Statement,
    /// What the engine needs to do it again.
    pub payload: Vec<u8>,
}

impl Record {
    /// Bytes of the encoding: how far the record moves the lsn.
    pub fn encoded_bytes(&self) -> u64 {
        RECORD_HEADER_BYTES + wide(self.payload.len())
    }

    /// Appends the encoding.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let Record { epoch, statement: Statement { feeder, sequence, parts }, payload } = self;
        let bytes = u32::try_from(payload.len()).expect("the log checks the size of a record");
        out.extend_from_slice(&bytes.to_le_bytes());
        out.extend_from_slice(&feeder.to_le_bytes());
        out.extend_from_slice(&sequence.to_le_bytes());
        out.extend_from_slice(&parts.to_le_bytes());
        out.extend_from_slice(&epoch.to_le_bytes());
        out.extend_from_slice(payload);
    }

    /// All records of `bytes`, or nothing if they are not whole records.
    pub fn decode_all(bytes: &[u8]) -> Option<Vec<Record>> {
        let mut cursor = Cursor::new(bytes);
        let mut records = Vec::new();
        while !cursor.is_empty() {
            let payload_bytes = usize::try_from(cursor.u32()?).ok()?;
            let feeder = cursor.u32()?;
            let sequence = cursor.u64()?;
            let parts = cursor.u64()?;
            let epoch = cursor.u64()?;
            let payload = cursor.take(payload_bytes)?.to_vec();
            let statement = Statement { feeder, sequence, parts };
            records.push(Record { epoch, statement, payload });
        }
        Some(records)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_back_and_a_cut_one_is_refused() {
        let records: Vec<Record> = (0..4u32)
            .map(|n| Record {
                epoch: u64::from(n) * 7,
                statement: Statement { feeder: n, sequence: u64::MAX - u64::from(n), parts: 5 },
                payload: vec![0xA5; usize::try_from(n).unwrap() * 3],
            })
            .collect();
        let mut bytes = Vec::new();
        let mut ends = vec![0];
        for record in &records {
            record.encode(&mut bytes);
            ends.push(bytes.len());
            assert_eq!(wide(bytes.len() - ends[ends.len() - 2]), record.encoded_bytes());
        }
        for cut in 0..=bytes.len() {
            let whole = ends.iter().position(|end| *end == cut);
            let expected = whole.map(|count| records[..count].to_vec());
            assert_eq!(Record::decode_all(&bytes[..cut]), expected);
        }
    }
}
