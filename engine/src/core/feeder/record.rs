//! One row in words of eight bytes, so that a place on a ring holds it without a pointer.
//!
//! What is at most 64 bits wide takes one word; a DECIMAL, UUID or INTERVAL, or a TEXT and its like
//! of at most 12 bytes, two. Where a column may be NULL, the first word has a bit for each column that is.
//! The source's schema says where what lies; words between and behind hold anything.

use sluicedb_sql::column::View;
use sluicedb_sql::{Column, DataType, Physical, Schema};

use crate::core::frame::FeederRow;
use crate::core::hash::RowHash;
use crate::core::limits::RECORD_WORDS;
use crate::core::morsel::{self, Morsel, Tie};

/// The values of one row.
#[derive(Clone, Copy, Debug)]
pub struct Record(pub(super) [u64; RECORD_WORDS]);

impl Record {
    /// No values.
    pub const EMPTY: Record = Record([0; RECORD_WORDS]);

    #[inline]
    fn pair(&self, at: usize) -> [u64; 2] {
        [self.0[at % RECORD_WORDS], self.0[(at + 1) % RECORD_WORDS]]
    }
}

/// Where a column lies in a record.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) data_type: DataType,
    pub(super) nullable: bool,
    at: u8,
}

impl Slot {
    /// The first word.
    #[inline]
    pub(super) fn at(self) -> usize {
        // Spares the check of the bound where the words are indexed.
        usize::from(self.at) % RECORD_WORDS
    }
}

/// How the rows of a source lie in records.
#[derive(Clone, Debug)]
pub struct RecordLayout {
    pub(super) schema: Schema,
    pub(super) slots: Box<[Slot]>,
    pub(super) has_nulls: bool,
    fits: bool,
}

impl RecordLayout {
    /// For the columns of a source.
    pub fn new(schema: &Schema) -> RecordLayout {
        let has_nulls = schema.fields().iter().any(|field| field.nullable);
        let mut words = usize::from(has_nulls);
        let mut slots = Vec::with_capacity(schema.len());
        for field in schema.fields() {
            // Where the row does not fit nobody looks at the place.
            let at = words.min(RECORD_WORDS) as u8;
            slots.push(Slot { data_type: field.data_type, nullable: field.nullable, at });
            words += match field.data_type.physical() {
                Physical::Bool | Physical::I32 | Physical::I64 | Physical::F64 => 1,
                Physical::I128 | Physical::Text => 2,
            };
        }
        let fits = words <= RECORD_WORDS;
        RecordLayout { schema: schema.clone(), slots: slots.into(), has_nulls, fits }
    }

    /// Whether a row without long texts fits a record.
    #[inline]
    pub fn fits(&self) -> bool {
        self.fits
    }

    /// The columns that are NULL, a bit each.
    #[inline]
    fn nulls(&self, record: &Record) -> u64 {
        if self.has_nulls { record.0[0] } else { 0 }
    }

    /// The value of an event-time column, in the unit of that.
    #[inline]
    pub(in crate::core) fn count(&self, record: &Record, column: usize) -> i64 {
        let slot = self.slots[column];
        let counts = matches!(
            slot.data_type,
            DataType::Timestamp | DataType::TimestampTz | DataType::BigInt
        );
        assert!(counts, "column {column} is the event time");
        record.0[slot.at()] as i64
    }

    /// Appends the values of a row to the columns of a morsel.
    #[inline]
    pub(crate) fn append(&self, record: &Record, columns: &mut [Column]) {
        debug_assert!(self.fits, "a row that does not fit is no record");
        let nulls = self.nulls(record);
        for (at, (slot, column)) in self.slots.iter().zip(columns).enumerate() {
            if nulls >> at & 1 == 1 {
                column.push_null();
            } else {
                slot.append(record, column);
            }
        }
    }

    /// The hash of some columns of a row: what [`crate::core::hash::hash_rows`] says of it.
    pub(super) fn hash(&self, record: &Record, key: &[usize]) -> u64 {
        let nulls = self.nulls(record);
        let fold = |hash: RowHash, &column: &usize| {
            if nulls >> column & 1 == 1 {
                hash.null()
            } else {
                self.slots[column].hash(record, hash)
            }
        };
        key.iter().fold(RowHash::START, fold).finish()
    }

    /// Appends the bytes that a morsel of this one row would have in the log.
    pub(crate) fn encode(&self, row: &FeederRow, tied: bool, out: &mut Vec<u8>) {
        morsel::encode_row_marks(tied.then(|| row.tie()), row.behind, out);
        let nulls = self.nulls(&row.record);
        for (at, slot) in self.slots.iter().enumerate() {
            let null = nulls >> at & 1;
            out.push(null as u8);
            if null == 1 {
                out.extend(null.to_le_bytes());
                slot.encode(&Record::EMPTY, out);
            } else {
                slot.encode(&row.record, out);
            }
        }
    }
}

impl Slot {
    #[inline]
    fn append(self, record: &Record, column: &mut Column) {
        let word = record.0[self.at()];
        match self.data_type.physical() {
            Physical::Bool => column.push_bool(word == 1),
            Physical::I32 => column.push_i32(word as i32),
            Physical::I64 => column.push_i64(word as i64),
            Physical::F64 => column.push_f64(f64::from_bits(word)),
            Physical::I128 => column.push_i128(self.wide(record)),
            Physical::Text => column.push_short(View::from_words(record.pair(self.at()))),
        }
    }

    fn hash(self, record: &Record, hash: RowHash) -> RowHash {
        let word = record.0[self.at()];
        match self.data_type.physical() {
            Physical::Bool | Physical::I64 => hash.word(word),
            Physical::I32 => hash.word(i64::from(word as i32) as u64),
            Physical::F64 => hash.double(f64::from_bits(word)),
            Physical::I128 if self.data_type == DataType::Interval => {
                hash.interval(self.wide(record))
            }
            Physical::I128 => hash.wide(self.wide(record)),
            Physical::Text => hash.text(View::from_words(record.pair(self.at())).short_bytes()),
        }
    }

    fn encode(self, record: &Record, out: &mut Vec<u8>) {
        let word = record.0[self.at()];
        match self.data_type.physical() {
            Physical::Bool | Physical::I64 | Physical::F64 => out.extend(word.to_le_bytes()),
            Physical::I32 => out.extend((word as i32).to_le_bytes()),
            Physical::I128 => out.extend(self.wide(record).to_le_bytes()),
            Physical::Text => {
                let view = View::from_words(record.pair(self.at()));
                out.extend((view.len() as u32).to_le_bytes());
                out.extend(view.short_bytes());
            }
        }
    }

    #[inline]
    fn wide(self, record: &Record) -> i128 {
        let [low, high] = record.pair(self.at());
        (u128::from(high) << 64 | u128::from(low)) as i128
    }
}

impl FeederRow {
    /// Where the row came from: the number its feeder gave it.
    pub fn tie(&self) -> Tie {
        Tie::numbered(self.feeder, self.rows_numbered - 1)
    }

    /// Appends the row to a morsel of its source.
    #[inline]
    pub(crate) fn append(&self, layout: &RecordLayout, tied: bool, morsel: &mut Morsel) {
        layout.append(&self.record, &mut morsel.columns);
        morsel.count_row(tied.then(|| self.tie()), self.behind);
    }
}

#[cfg(test)]
mod tests;
