//! Changes as columns: files of Arrow and Parquet.

use std::fs::File;
use std::io::{self, BufWriter};
use std::sync::Arc;

use arrow::array::{AsArray, RecordBatch, UInt64Array};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::{
    DataType as ArrowType, Field as ArrowField, Int64Type, Schema as ArrowSchema, SchemaRef,
};
use arrow::error::ArrowError;
use arrow::ipc::writer::FileWriter;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use sluicedb::db::arrow::WEIGHT_COLUMN;
use sluicedb::db::{ChangeSet, Schema, SqlError, Weights};
use sluicedb_sql::column::arrow::arrow_schema;

use super::{Chosen, Envelope, Write};
use crate::file::{Format, Options};

/// How the pages of a file of Parquet may be compressed.
pub(super) const COMPRESSIONS: [&str; 4] = ["snappy", "zstd", "lz4", "none"];

/// Rows that are gathered before they are written: changes come in small batches.
const GATHERED_ROWS: usize = 8192;

/// Bytes of a group of rows of Parquet, which is held in memory until it is written.
const GROUP_BYTES: usize = 64 << 20;

/// What the columns of a file are, and how they lie in it.
#[derive(Clone)]
pub(super) struct Shape {
    schema: SchemaRef,
    weighted: bool,
    format: Format,
    compression: &'static str,
}

/// A file that changes are written to column by column.
pub(super) struct Columns {
    content: Content,
    shape: Shape,
    gathered: Vec<RecordBatch>,
    rows: usize,
}

/// What is written to.
enum Content {
    Arrow(Box<FileWriter<BufWriter<File>>>),
    Parquet(Box<ArrowWriter<File>>),
}

impl Shape {
    /// Refuses columns that the format does not hold.
    pub(super) fn new(chosen: &Chosen, schema: &Schema) -> Result<Shape, SqlError> {
        let Chosen { file: Options { format, at, .. }, envelope, compression } = chosen;
        let arrow = arrow_schema(schema);
        if *format == Format::Parquet {
            refuse_intervals(&arrow).map_err(|error| error.at(*at))?;
        }
        let weighted = *envelope == Envelope::Weight;
        let weight = weighted.then(|| ArrowField::new(WEIGHT_COLUMN, ArrowType::Int64, false));
        let fields = arrow.fields().iter().cloned().chain(weight.map(Arc::new));
        let schema = Arc::new(ArrowSchema::new(fields.collect::<Vec<_>>()));
        let compression = compression.unwrap_or(COMPRESSIONS[0]);
        Ok(Shape { schema, weighted, format: *format, compression })
    }

    /// What the names of such files end with.
    pub(super) fn extension(&self) -> &'static str {
        if self.format == Format::Arrow { ".arrow" } else { ".parquet" }
    }
}

impl Columns {
    /// Begins a file.
    pub(super) fn over(file: File, shape: &Shape) -> io::Result<Columns> {
        let shape = shape.clone();
        let content = if shape.format == Format::Arrow {
            let file = BufWriter::with_capacity(1 << 18, file);
            Content::Arrow(Box::new(FileWriter::try_new(file, &shape.schema).map_err(outside)?))
        } else {
            parquet_content(file, &shape.schema, shape.compression)?
        };
        Ok(Columns { content, shape, gathered: Vec::new(), rows: 0 })
    }

    /// Writes what was gathered.
    fn write(&mut self) -> io::Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        let batch = concat_batches(&self.shape.schema, &self.gathered).map_err(outside)?;
        self.gathered.clear();
        self.rows = 0;
        match &mut self.content {
            Content::Arrow(writer) => writer.write(&batch).map_err(outside),
            Content::Parquet(writer) => writer.write(&batch).map_err(|e| outside(e.into())),
        }
    }

    /// Writes the end of the file, and gives it back.
    pub(super) fn end(mut self) -> io::Result<File> {
        self.write()?;
        Ok(match self.content {
            Content::Arrow(mut writer) => {
                writer.finish().map_err(outside)?;
                let out = writer.into_inner().map_err(outside)?;
                out.into_inner().map_err(io::IntoInnerError::into_error)?
            }
            Content::Parquet(writer) => (*writer).into_inner().map_err(|e| outside(e.into()))?,
        })
    }
}

impl Write for Columns {
    fn take(&mut self, set: &ChangeSet) -> io::Result<()> {
        let mut batch = set.changes().to_record_batch(Weights::Always);
        if !self.shape.weighted {
            batch = repeated(batch).map_err(outside)?;
        }
        self.rows += batch.num_rows();
        self.gathered.push(batch);
        if self.rows >= GATHERED_ROWS { self.write() } else { Ok(()) }
    }

    fn rest(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Each row as often as it came, without saying so.
fn repeated(mut batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
    let last = batch.num_columns() - 1;
    let weights = batch.remove_column(last);
    let weights = weights.as_primitive::<Int64Type>().values();
    if weights.iter().all(|weight| *weight == 1) {
        return Ok(batch);
    }
    let picks = (0_u64..).zip(weights).flat_map(|(row, weight)| {
        let times = usize::try_from(*weight).expect("rows of this relation never go");
        std::iter::repeat_n(row, times)
    });
    take_record_batch(&batch, &UInt64Array::from_iter_values(picks))
}

/// Parquet knows intervals without microseconds only.
fn refuse_intervals(schema: &ArrowSchema) -> Result<(), SqlError> {
    fn has(data_type: &ArrowType) -> bool {
        match data_type {
            ArrowType::Interval(_) => true,
            ArrowType::List(item) => has(item.data_type()),
            ArrowType::Struct(fields) => fields.iter().any(|field| has(field.data_type())),
            _ => false,
        }
    }
    match schema.fields().iter().find(|field| has(field.data_type())) {
        None => Ok(()),
        Some(field) => Err(SqlError::unsupported(format!(
            "column \"{}\" is an INTERVAL, which Parquet does not hold exactly",
            field.name()
        ))
        .hint("Cast it to TEXT, or take format = 'arrow'.")),
    }
}

fn parquet_content(file: File, schema: &SchemaRef, compression: &str) -> io::Result<Content> {
    let compression = match compression {
        "zstd" => Compression::ZSTD(ZstdLevel::default()),
        "lz4" => Compression::LZ4_RAW,
        "none" => Compression::UNCOMPRESSED,
        _ => Compression::SNAPPY,
    };
    let properties = WriterProperties::builder()
        .set_compression(compression)
        .set_max_row_group_bytes(Some(GROUP_BYTES))
        .build();
    let writer = ArrowWriter::try_new(file, Arc::clone(schema), Some(properties));
    Ok(Content::Parquet(Box::new(writer.map_err(|error| outside(error.into()))?)))
}

fn outside(error: ArrowError) -> io::Error {
    match error {
        ArrowError::IoError(_, error) => error,
        other => io::Error::other(other),
    }
}
