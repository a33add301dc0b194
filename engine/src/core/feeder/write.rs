//! Who takes a row value by value: into a record, or into the columns of a morsel.
//!
//! Invariant: a row that is refused leaves nothing behind, and no row allocates once its buffers
//! have grown.

use std::sync::Arc;

use sluicedb_sql::column::View;
use sluicedb_sql::interval::DAY_US;
use sluicedb_sql::limits::{DATE_DAYS_MAX, TEXT_BYTES_MAX, TIMESTAMP_US_MAX};
use sluicedb_sql::{Column, DataType, Json, Value, decimal, nested};

use super::record::{Record, RecordLayout, Slot};
use super::rows::{RowsError, record_bytes_max};
use super::{Cells, Feeder};
use crate::core::limits::{BATCH_BYTES_MAX, BATCH_TEXT_BYTES_MAX, MORSEL_ROWS_MAX, RECORD_WORDS};
use crate::core::morsel::{Morsel, Pool, ShapeId};

/// Walks the columns of one row and refuses what they do not hold.
#[derive(Debug)]
struct Cursor {
    column: usize,
    row: usize,
    /// Of this row and those before it.
    text_bytes: usize,
    fault: Option<RowsError>,
}

impl Cursor {
    const START: Cursor = Cursor { column: 0, row: 0, text_bytes: 0, fault: None };

    /// The place of the next value, unless the row is refused already or has too many.
    #[inline]
    fn next(&mut self, layout: &RecordLayout) -> Option<Slot> {
        let slot = layout.slots.get(self.column).copied();
        self.column += 1;
        if self.fault.is_some() { None } else { slot }
    }

    #[inline]
    fn plain(&mut self, layout: &RecordLayout, data_type: DataType) -> Option<Slot> {
        let slot = self.next(layout)?;
        assert_eq!(slot.data_type, data_type, "value {} of a row", self.column);
        Some(slot)
    }

    #[inline]
    fn i32(&mut self, layout: &RecordLayout, value: i32) -> Option<Slot> {
        let slot = self.next(layout)?;
        match slot.data_type {
            DataType::Int => Some(slot),
            DataType::SmallInt if i16::try_from(value).is_ok() => Some(slot),
            DataType::SmallInt => self.refuse(layout, &Value::Int(value)),
            DataType::Date if value.unsigned_abs() <= DATE_DAYS_MAX as u32 => Some(slot),
            DataType::Date => self.refuse(layout, &Value::Date(value)),
            other => panic!("value {} of a row is an INT for {other}", self.column),
        }
    }

    #[inline]
    fn i64(&mut self, layout: &RecordLayout, value: i64) -> Option<Slot> {
        let slot = self.next(layout)?;
        let near = value.unsigned_abs() <= TIMESTAMP_US_MAX as u64;
        match slot.data_type {
            DataType::BigInt => Some(slot),
            DataType::Timestamp | DataType::TimestampTz if near => Some(slot),
            DataType::Timestamp => self.refuse(layout, &Value::Timestamp(value)),
            DataType::TimestampTz => self.refuse(layout, &Value::TimestampTz(value)),
            DataType::Time if (0..=DAY_US).contains(&value) => Some(slot),
            DataType::Time => self.refuse(layout, &Value::Time(value)),
            other => panic!("value {} of a row is a BIGINT for {other}", self.column),
        }
    }

    /// The place of a float, and the value as the column holds it.
    #[inline]
    fn f64(&mut self, layout: &RecordLayout, value: f64) -> (Option<Slot>, f64) {
        let Some(slot) = self.next(layout) else { return (None, value) };
        match slot.data_type {
            DataType::Double => (Some(slot), value),
            DataType::Real => (Some(slot), f64::from(value as f32)),
            other => panic!("value {} of a row is a DOUBLE for {other}", self.column),
        }
    }

    #[inline]
    fn i128(&mut self, layout: &RecordLayout, units: i128) -> Option<Slot> {
        let slot = self.next(layout)?;
        match slot.data_type {
            DataType::Decimal { precision, .. } if decimal::fits(units, precision) => Some(slot),
            DataType::Decimal { scale, .. } => {
                self.refuse(layout, &Value::Decimal { units, scale })
            }
            DataType::Uuid | DataType::Interval => Some(slot),
            other => panic!("value {} of a row is a DECIMAL for {other}", self.column),
        }
    }

    #[inline]
    fn text(&mut self, layout: &RecordLayout, value: &str) -> Option<Slot> {
        let slot = self.next(layout)?;
        match slot.data_type {
            DataType::Text if value.len() > TEXT_BYTES_MAX => {
                return self.refuse(layout, &Value::text(value));
            }
            DataType::Json if value.len() > TEXT_BYTES_MAX => {
                return self.refuse(layout, &Value::Json(Json::of_canonical(value)));
            }
            DataType::Text | DataType::Json => {}
            other => panic!("value {} of a row is a TEXT for {other}", self.column),
        }
        self.count_bytes(slot, value.len())
    }

    #[inline]
    fn bytes(&mut self, layout: &RecordLayout, value: &[u8]) -> Option<Slot> {
        let slot = self.next(layout)?;
        let wrong = match slot.data_type {
            DataType::Bytea => value.len() > TEXT_BYTES_MAX,
            other if other.is_nested() => {
                value.len() > TEXT_BYTES_MAX || nested::decoded(value, other).is_none()
            }
            other => panic!("value {} of a row is a BYTEA for {other}", self.column),
        };
        if wrong {
            return self.refuse(layout, &Value::bytea(value));
        }
        self.count_bytes(slot, value.len())
    }

    #[inline]
    fn count_bytes(&mut self, slot: Slot, bytes: usize) -> Option<Slot> {
        self.text_bytes += bytes;
        if self.text_bytes > BATCH_TEXT_BYTES_MAX {
            self.fault = Some(RowsError::Texts { bytes: self.text_bytes });
            return None;
        }
        Some(slot)
    }

    #[inline]
    fn null(&mut self, layout: &RecordLayout) -> Option<Slot> {
        let slot = self.next(layout)?;
        if slot.nullable { Some(slot) } else { self.refuse(layout, &Value::Null) }
    }

    #[cold]
    fn refuse(&mut self, layout: &RecordLayout, value: &Value) -> Option<Slot> {
        let fits = value.fits(layout.schema.field(self.column - 1));
        let error = fits.expect_err("refused because the column does not hold it");
        self.fault = Some(RowsError::Value { row: self.row, error });
        None
    }

    /// Ends the row.
    #[inline]
    fn finish(&mut self, layout: &RecordLayout) -> Result<(), RowsError> {
        let (values, columns) = (self.column, layout.slots.len());
        self.column = 0;
        if let Some(fault) = self.fault.take() {
            return Err(fault);
        }
        if values != columns {
            return Err(RowsError::Width { row: self.row, values, columns });
        }
        Ok(())
    }
}

/// Takes one row for [`Feeder::push_row`]: as a record, or, if it does not fit one, as a morsel.
#[derive(Debug)]
pub struct RowWriter<'a> {
    layout: &'a RecordLayout,
    shape: ShapeId,
    record: &'a mut Record,
    wide: &'a mut Option<Morsel>,
    written: &'a mut bool,
    pool: &'a mut Pool,
    cursor: Cursor,
    nulls: u64,
}

impl RowWriter<'_> {
    /// Ends the row: it can be pushed, or nothing of it was taken.
    // Inlined, so that the writer is not moved to where it ends.
    #[inline(always)]
    pub fn finish(mut self) -> Result<(), RowsError> {
        self.end()
    }

    #[inline]
    fn end(&mut self) -> Result<(), RowsError> {
        if let Err(error) = self.cursor.finish(self.layout) {
            self.wide.take().into_iter().for_each(|morsel| self.pool.put(morsel));
            return Err(error);
        }
        match self.wide {
            Some(morsel) => morsel.set_rows(1),
            None if self.layout.has_nulls => self.record.0[0] = self.nulls,
            None => {}
        }
        *self.written = true;
        Ok(())
    }

    #[inline]
    fn put(
        &mut self,
        slot: Option<Slot>,
        record: impl FnOnce(&mut [u64; RECORD_WORDS], usize),
        column: impl FnOnce(&mut Column),
    ) {
        let Some(slot) = slot else { return };
        match self.wide {
            None => record(&mut self.record.0, slot.at()),
            Some(morsel) => column(&mut morsel.columns[self.cursor.column - 1]),
        }
    }

    /// Goes on in a morsel, behind the values before the last.
    #[cold]
    fn widen(&mut self) {
        let mut morsel = self.pool.take(self.shape);
        if self.layout.has_nulls {
            self.record.0[0] = self.nulls;
        }
        if let Some(before) = self.cursor.column.checked_sub(1) {
            self.layout.append(self.record, &mut morsel.columns[..before]);
        }
        *self.wide = Some(morsel);
    }
}

impl Cells for RowWriter<'_> {
    #[inline]
    fn bool(&mut self, value: bool) {
        let slot = self.cursor.plain(self.layout, DataType::Boolean);
        self.put(slot, |words, at| words[at] = value.into(), |column| column.push_bool(value));
    }

    #[inline]
    fn i32(&mut self, value: i32) {
        let slot = self.cursor.i32(self.layout, value);
        self.put(slot, |words, at| words[at] = value as u64, |column| column.push_i32(value));
    }

    #[inline]
    fn i64(&mut self, value: i64) {
        let slot = self.cursor.i64(self.layout, value);
        self.put(slot, |words, at| words[at] = value as u64, |column| column.push_i64(value));
    }

    #[inline]
    fn f64(&mut self, value: f64) {
        let (slot, value) = self.cursor.f64(self.layout, value);
        self.put(slot, |words, at| words[at] = value.to_bits(), |column| column.push_f64(value));
    }

    #[inline]
    fn i128(&mut self, value: i128) {
        let slot = self.cursor.i128(self.layout, value);
        let halves = [value as u64, (value >> 64) as u64];
        self.put(slot, |words, at| set_pair(words, at, halves), |column| column.push_i128(value));
    }

    #[inline]
    fn text(&mut self, value: &str) {
        let slot = self.cursor.text(self.layout, value);
        let view = View::short(value);
        if view.is_none() && slot.is_some() && self.wide.is_none() {
            self.widen();
        }
        let halves = view.unwrap_or_default().to_words();
        self.put(slot, |words, at| set_pair(words, at, halves), |column| column.push_text(value));
    }

    #[inline]
    fn bytes(&mut self, value: &[u8]) {
        let slot = self.cursor.bytes(self.layout, value);
        let view = View::inline(value);
        if view.is_none() && slot.is_some() && self.wide.is_none() {
            self.widen();
        }
        let halves = view.unwrap_or_default().to_words();
        self.put(slot, |words, at| set_pair(words, at, halves), |column| column.push_bytes(value));
    }

    #[inline]
    fn null(&mut self) {
        let slot = self.cursor.null(self.layout);
        let bit = 1 << ((self.cursor.column - 1) % 64);
        let nulls = &mut self.nulls;
        let Some(_) = slot else { return };
        match self.wide {
            None => *nulls |= bit,
            Some(morsel) => morsel.columns[self.cursor.column - 1].push_null(),
        }
    }
}

#[inline]
fn set_pair(words: &mut [u64; RECORD_WORDS], at: usize, [low, high]: [u64; 2]) {
    words[at] = low;
    words[(at + 1) % RECORD_WORDS] = high;
}

/// Takes rows for [`Feeder::push`], each into the columns of one morsel.
#[derive(Debug)]
pub struct BatchWriter {
    layout: Arc<RecordLayout>,
    morsel: Morsel,
    cursor: Cursor,
}

impl BatchWriter {
    /// Rows so far.
    pub fn rows(&self) -> usize {
        self.morsel.rows()
    }

    /// Ends a row: it is in the batch, or nothing of it was taken. The rows before it stay.
    pub fn finish_row(&mut self) -> Result<(), RowsError> {
        let (rows, columns) = (self.morsel.rows() + 1, self.morsel.columns.len());
        let mut outcome = self.cursor.finish(&self.layout);
        if outcome.is_ok() {
            let bytes = record_bytes_max(columns, rows, self.cursor.text_bytes);
            outcome = match () {
                () if rows > MORSEL_ROWS_MAX => Err(RowsError::TooManyRows { rows }),
                () if bytes > BATCH_BYTES_MAX => Err(RowsError::Batch { bytes }),
                () => Ok(()),
            };
        }
        if outcome.is_err() {
            self.morsel.columns.iter_mut().for_each(|column| column.truncate(rows - 1));
            self.cursor.text_bytes = self.morsel.text_bytes(0..rows - 1);
            return outcome;
        }
        self.morsel.set_rows(rows);
        self.cursor.row = rows;
        Ok(())
    }

    /// The batch. A row that was not ended is not in it.
    pub fn into_morsel(mut self) -> Morsel {
        let rows = self.morsel.rows();
        self.morsel.columns.iter_mut().for_each(|column| column.truncate(rows));
        self.morsel
    }

    #[inline]
    fn put(&mut self, slot: Option<Slot>, column: impl FnOnce(&mut Column)) {
        if slot.is_some() {
            column(&mut self.morsel.columns[self.cursor.column - 1]);
        }
    }
}

impl Cells for BatchWriter {
    #[inline]
    fn bool(&mut self, value: bool) {
        let slot = self.cursor.plain(&self.layout, DataType::Boolean);
        self.put(slot, |column| column.push_bool(value));
    }

    #[inline]
    fn i32(&mut self, value: i32) {
        let slot = self.cursor.i32(&self.layout, value);
        self.put(slot, |column| column.push_i32(value));
    }

    #[inline]
    fn i64(&mut self, value: i64) {
        let slot = self.cursor.i64(&self.layout, value);
        self.put(slot, |column| column.push_i64(value));
    }

    #[inline]
    fn f64(&mut self, value: f64) {
        let (slot, value) = self.cursor.f64(&self.layout, value);
        self.put(slot, |column| column.push_f64(value));
    }

    #[inline]
    fn i128(&mut self, value: i128) {
        let slot = self.cursor.i128(&self.layout, value);
        self.put(slot, |column| column.push_i128(value));
    }

    #[inline]
    fn text(&mut self, value: &str) {
        let slot = self.cursor.text(&self.layout, value);
        self.put(slot, |column| column.push_text(value));
    }

    #[inline]
    fn bytes(&mut self, value: &[u8]) {
        let slot = self.cursor.bytes(&self.layout, value);
        self.put(slot, |column| column.push_bytes(value));
    }

    #[inline]
    fn null(&mut self) {
        let slot = self.cursor.null(&self.layout);
        self.put(slot, Column::push_null);
    }
}

impl Feeder {
    /// Takes one row, for [`Feeder::push_row`]; a row that was written and not pushed is forgotten.
    #[inline]
    pub fn write_row<'a>(&'a mut self, pool: &'a mut Pool) -> RowWriter<'a> {
        assert!(self.rests(), "a statement is still being published");
        if let Some(wide) = self.wide.take() {
            pool.put(wide);
        }
        self.written = false;
        let mut writer = RowWriter {
            layout: &self.layout,
            shape: self.options.shape,
            record: &mut self.row.record,
            wide: &mut self.wide,
            written: &mut self.written,
            pool,
            cursor: Cursor::START,
            nulls: 0,
        };
        if !writer.layout.fits() {
            writer.widen();
        }
        writer
    }

    /// Takes rows into an empty morsel of the source's shape, for [`Feeder::push`].
    pub fn write_batch(&self, morsel: Morsel) -> BatchWriter {
        assert!(morsel.is_empty(), "rows are written into an empty morsel");
        BatchWriter { layout: Arc::clone(&self.layout), morsel, cursor: Cursor::START }
    }
}

#[cfg(test)]
mod tests;
