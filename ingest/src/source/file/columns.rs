//! Files of columns: Arrow and Parquet. Their batches move on as they are, as far as types agree.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufReader, Read, Seek};
use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch, new_empty_array};
use arrow::compute::filter_record_batch;
use arrow::datatypes::{DataType as ArrowType, SchemaRef, TimeUnit};
use arrow::error::ArrowError;
use arrow::ipc::reader::{FileReader, StreamReader};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use sluicedb::db::{Position, Schema, SqlError};
use sluicedb_sql::column::arrow::{Incoming, arrow_schema};

use super::open::gone;
use super::open::{no_column, open};
use super::reader::{Found, Rejected};
use crate::file::{Format, Options};
use crate::format::rows::{ROWS_MAX, Read as RowsRead};
use crate::witness::Witness;

/// What a file of Arrow begins with; a stream of it does not.
const ARROW_FILE: &[u8] = b"ARROW1";

/// Batches of a file, with the columns that were asked for.
type Batches = Box<dyn Iterator<Item = Result<RecordBatch, ArrowError>> + Send>;

/// A file of columns whose kind is known and whose columns have been looked at.
pub(super) struct Opened {
    /// All its columns.
    pub(super) columns: SchemaRef,
    content: Content,
    /// Tells it from others.
    check: u64,
}

enum Content {
    ArrowFile(Box<FileReader<BufReader<File>>>),
    ArrowStream(Box<StreamReader<BufReader<File>>>),
    Parquet(Box<ParquetRecordBatchReaderBuilder<File>>),
}

/// A file of columns that is read as rows.
pub(crate) struct Columns {
    path: String,
    schema: Schema,
    arrow: SchemaRef,
    batches: Batches,
    /// The place of each column in those batches.
    places: Vec<usize>,
    /// Parts of a batch that wait.
    parts: VecDeque<RecordBatch>,
    /// How many rows were read.
    rows: u64,
    /// So many are there already, and are left out.
    skip: u64,
    check: u64,
}

impl Columns {
    /// Opens the file, and looks whether it has the columns, with types that they hold.
    pub(super) fn open(file: &Options, schema: &Schema) -> Result<Columns, SqlError> {
        let Options { path, at, .. } = file;
        let opened = Opened::new(file)?;
        let check = opened.check;
        let names: Vec<&str> = opened.columns.fields().iter().map(|f| f.name().as_str()).collect();
        let mut wanted = Vec::with_capacity(schema.len());
        for field in schema.fields() {
            let found = names.iter().position(|name| *name == field.name);
            let place =
                found.ok_or_else(|| no_column(path, "the schema", &field.name, &names).at(*at))?;
            let empty = new_empty_array(opened.columns.field(place).data_type());
            Incoming::new(empty, field).map_err(|error| of_file(path, error).at(*at))?;
            wanted.push(place);
        }
        let mut read = wanted.clone();
        read.sort_unstable();
        let place = |column: &usize| read.binary_search(column).expect("it is read");
        let places = wanted.iter().map(place).collect();
        Ok(Columns {
            path: path.clone(),
            schema: schema.clone(),
            arrow: Arc::new(arrow_schema(schema)),
            batches: opened.batches(&read).map_err(|error| unreadable(path, &error).at(*at))?,
            places,
            parts: VecDeque::new(),
            rows: 0,
            skip: 0,
            check,
        })
    }

    /// The position behind so many rows.
    pub(super) fn position(&self, rows: u64) -> Position {
        Position { offset: rows, check: self.check }
    }

    /// Leaves out the rows up to there, if the file is what it was.
    pub(super) fn resume(&mut self, position: Position) -> Result<(), String> {
        if position.check != self.check {
            return Err(gone("it is another file than the one that was read"));
        }
        self.skip = position.offset;
        Ok(())
    }

    /// Reads at most as many rows as one push has.
    pub(super) fn next(&mut self, reject: &mut dyn FnMut(&Rejected<'_>)) -> Result<Found, String> {
        while self.parts.is_empty() {
            let Some(batch) = self.batches.next() else { return Ok(Found::End) };
            let batch = batch.map_err(|error| error.to_string())?;
            let skipped = self.skip.min(batch.num_rows() as u64);
            (self.skip, self.rows) = (self.skip - skipped, self.rows + skipped);
            let skipped = skipped as usize;
            let batch = batch.slice(skipped, batch.num_rows() - skipped);
            let batch = batch.project(&self.places).map_err(|error| error.to_string())?;
            let starts = (0..batch.num_rows()).step_by(ROWS_MAX);
            let part = |start| batch.slice(start, ROWS_MAX.min(batch.num_rows() - start));
            self.parts.extend(starts.map(part));
        }
        let part = self.parts.pop_front().expect("there is one");
        let first = self.rows + 1;
        self.rows += part.num_rows() as u64;
        Ok(match self.conform(&part) {
            Ok(batch) => Found::Rows(RowsRead { batch, ends: (first..=self.rows).collect() }),
            Err(_) => self.rows_that_conform(&part, first, reject),
        })
    }

    /// The rows as a column of the relation holds them.
    fn conform(&self, batch: &RecordBatch) -> Result<RecordBatch, SqlError> {
        let arrays = batch.columns().iter().zip(self.schema.fields()).map(|(array, field)| {
            Ok(Incoming::new(Arc::clone(array), field)?.into_column().into_array())
        });
        let batch =
            RecordBatch::try_new(Arc::clone(&self.arrow), arrays.collect::<Result<_, _>>()?);
        Ok(batch.expect("the arrays have the types and the length of the columns"))
    }

    /// Row by row, so that one that does not fit takes no other with it.
    fn rows_that_conform(
        &self,
        part: &RecordBatch,
        first: u64,
        reject: &mut dyn FnMut(&Rejected<'_>),
    ) -> Found {
        let keep: BooleanArray = (first..)
            .zip(0..part.num_rows())
            .map(|(number, row)| {
                let refused = self.conform(&part.slice(row, 1)).err();
                let kept = refused.is_none();
                if let Some(error) = refused {
                    let place = format!("{}, row {number}", self.path);
                    reject(&Rejected { place, offset: number - 1, raw: b"", why: error.message });
                }
                Some(kept)
            })
            .collect();
        let kept = filter_record_batch(part, &keep).expect("there is a bit for each row");
        match self.conform(&kept) {
            Ok(batch) if batch.num_rows() > 0 => {
                let ends = (first..).zip(keep.values());
                let ends = ends.filter_map(|(number, kept)| kept.then_some(number)).collect();
                Found::Rows(RowsRead { batch, ends })
            }
            _ => Found::Rejected,
        }
    }
}

impl Opened {
    /// Opens a file and reads what its columns are.
    pub(super) fn new(options: &Options) -> Result<Opened, SqlError> {
        let Options { path, format, at, .. } = options;
        let file = open(options)?;
        let check = Witness::of(&file).and_then(|witness| witness.whole());
        let check = check.map_err(|error| unreadable(path, &error.into()).at(*at))?;
        let is_empty = file.metadata().is_ok_and(|known| known.is_file() && known.len() == 0);
        let content = if is_empty {
            Err(ArrowError::ParseError("it is empty".to_owned()))
        } else if *format == Format::Arrow {
            arrow_content(file)
        } else {
            parquet_content(file)
        };
        let content = content.map_err(|error| unreadable(path, &error).at(*at))?;
        let columns = match &content {
            Content::ArrowFile(reader) => reader.schema(),
            Content::ArrowStream(reader) => reader.schema(),
            Content::Parquet(reader) => Arc::clone(reader.schema()),
        };
        Ok(Opened { columns, content, check })
    }

    /// The batches, with these columns in their order.
    fn batches(self, columns: &[usize]) -> Result<Batches, ArrowError> {
        Ok(match self.content {
            Content::ArrowFile(reader) => {
                let columns = columns.to_vec();
                Box::new(reader.map(move |batch| batch?.project(&columns)))
            }
            Content::ArrowStream(reader) => {
                let columns = columns.to_vec();
                Box::new(reader.map(move |batch| batch?.project(&columns)))
            }
            Content::Parquet(reader) => {
                let columns = columns.iter().copied();
                let mask = ProjectionMask::roots(reader.parquet_schema(), columns);
                Box::new(reader.with_projection(mask).with_batch_size(ROWS_MAX).build()?)
            }
        })
    }
}

fn arrow_content(mut file: File) -> Result<Content, ArrowError> {
    let mut magic = [0; ARROW_FILE.len()];
    let is_file = file.read_exact(&mut magic).is_ok() && magic == *ARROW_FILE;
    file.rewind()?;
    let file = BufReader::with_capacity(1 << 18, file);
    Ok(if is_file {
        Content::ArrowFile(Box::new(FileReader::try_new(file, None)?))
    } else {
        Content::ArrowStream(Box::new(StreamReader::try_new(file, None)?))
    })
}

fn parquet_content(file: File) -> Result<Content, ArrowError> {
    Ok(Content::Parquet(Box::new(ParquetRecordBatchReaderBuilder::try_new(file)?)))
}

/// The same error, said of a file.
pub(super) fn of_file(path: &str, mut error: SqlError) -> SqlError {
    error.message = format!("\"{path}\": {}", error.message);
    error
}

fn unreadable(path: &str, error: &ArrowError) -> SqlError {
    let why = match error {
        ArrowError::ParseError(why) => why.clone(),
        other => other.to_string(),
    };
    SqlError::invalid_parameter(format!("\"{path}\" cannot be read: {why}")).hint(
        "Say what it has where its name misleads: format = 'csv', 'json', 'parquet' or 'arrow'.",
    )
}

/// An array of a type that a column holds, where the own type of an array is close to one.
pub(super) fn column_type(found: &ArrowType) -> ArrowType {
    match found {
        ArrowType::Timestamp(_, zone) => ArrowType::Timestamp(TimeUnit::Microsecond, zone.clone()),
        ArrowType::Time64(_) => ArrowType::Time64(TimeUnit::Microsecond),
        other => other.clone(),
    }
}
