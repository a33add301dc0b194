//! `FROM GENERATOR (preset = 'trades', rate = 1000, seed = 1, rows = 10000, start = '2024-01-01')`.
//!
//! Row `n` is a function of the seed and of `n` alone: the rate says when it comes, and how far event
//! time moves between two rows. As fast as it goes, event time moves as at 1 000 rows a second.

mod preset;

use std::time::{Duration, Instant};

use sluicedb::db::{BatchSource, DataType, Fault, Feed, Link, Position, Schema, SqlError, Value};
use sluicedb_sql::dialect::options::{Options, Reader};
use sluicedb_sql::dialect::syntax::Connector;

use super::sleep;
use crate::format::rows::{ROWS_MAX, Read, Rows};
use crate::linked::variable;
use preset::{Draw, Made};

/// Rows a second where nothing else is said.
const RATE: i64 = 1000;

/// How long rows are gathered at most before they are pushed.
const PUSH_EVERY: Duration = Duration::from_millis(10);

/// Makes rows up.
#[derive(Debug)]
pub(crate) struct Generator {
    /// Rows a second; none for as fast as it goes.
    rate: Option<u64>,
    rows: Option<u64>,
    content: Content,
    batch: Rows,
}

/// What the rows are.
#[derive(Debug)]
struct Content {
    seed: u64,
    start_us: i64,
    /// Rows in a second of event time.
    per_second: u64,
    made: Vec<(Made, DataType)>,
}

impl Content {
    fn row(&self, number: u64) -> Vec<Value> {
        let micros = u128::from(number) * 1_000_000 / u128::from(self.per_second);
        let time_us = self.start_us.saturating_add(i64::try_from(micros).unwrap_or(i64::MAX));
        let columns = (0_u64..).zip(&self.made);
        let value = |(column, (made, data_type)): (u64, &(Made, DataType))| {
            made.value(*data_type, number, time_us, &mut Draw::new(self.seed, number, column))
        };
        columns.map(value).collect()
    }

    /// Tells the same rows from others: an option may be read from the environment.
    fn check(&self) -> u64 {
        let Content { seed, start_us, per_second, made: _ } = self;
        Draw::new(*seed, *start_us as u64, *per_second).bits()
    }
}

/// The columns of a preset.
pub(crate) fn columns(connector: &Connector) -> Result<Schema, SqlError> {
    // The other options are looked at when the source is made.
    let preset = connector.options.entries.iter().filter(|entry| entry.key == "preset");
    let options = Options { entries: preset.cloned().collect() };
    let mut options = Reader::new(&options, "FROM GENERATOR", &variable);
    preset::columns(options.choice("preset", &preset::NAMES)?.unwrap_or(preset::NAMES[0]))
}

impl Generator {
    /// Reads the options, and finds what each column gets.
    pub(crate) fn new(connector: &Connector, schema: &Schema) -> Result<Generator, SqlError> {
        let mut options = Reader::new(&connector.options, "FROM GENERATOR", &variable);
        let preset = options.choice("preset", &preset::NAMES)?;
        let rate = options.integer("rate", 0, 1_000_000_000)?.unwrap_or(RATE);
        let seed = options.integer("seed", i64::MIN, i64::MAX)?.unwrap_or(1);
        let rows = options.integer("rows", 0, i64::MAX)?;
        let start = options.text("start")?;
        options.finish()?;
        let start = start.as_deref().unwrap_or("2024-01-01");
        let start_us = match Value::parse(start, DataType::Timestamp) {
            Ok(Value::Timestamp(start_us)) => start_us,
            Ok(_) => unreachable!("a timestamp was asked for"),
            Err(error) => return Err(error.at(connector.at)),
        };
        let made = schema.fields().iter().map(|field| {
            let made = preset::of(preset, &field.name, field.data_type);
            if made == Made::Null && !field.nullable {
                let message = format!("no {} is made up for a column", field.data_type);
                let error = SqlError::unsupported(message).at(connector.at);
                return Err(error.hint(format!("Allow NULL in \"{}\".", field.name)));
            }
            Ok((made, field.data_type))
        });
        let per_second = if rate == 0 { RATE } else { rate }.unsigned_abs();
        let made = made.collect::<Result<_, SqlError>>()?;
        Ok(Generator {
            rate: (rate != 0).then_some(per_second),
            rows: rows.map(i64::unsigned_abs),
            content: Content { seed: seed as u64, start_us, per_second, made },
            batch: Rows::new(schema),
        })
    }

    /// How many rows are to be there by now.
    fn due(&self, since: Instant) -> u64 {
        let most = self.rows.unwrap_or(u64::MAX);
        let Some(rate) = self.rate else { return most };
        // The first row comes at once.
        let due = since.elapsed().as_nanos() * u128::from(rate) / 1_000_000_000 + 1;
        u64::try_from(due).unwrap_or(u64::MAX).min(most)
    }
}

impl Feed for Generator {
    fn ends(&self) -> bool {
        self.rows.is_some()
    }

    fn resumes(&self) -> bool {
        true
    }

    fn run(mut self: Box<Self>, mut source: BatchSource, link: &Link) -> Result<(), Fault> {
        let check = self.content.check();
        let first = match source.position() {
            None => 0,
            Some(position) if position.check == check => position.offset,
            Some(_) => {
                let why = "its options are others than when it began: set them back, or drop the \
                           source and create it anew";
                return Err(Fault::Failed(why.to_owned()));
            }
        };
        let since = Instant::now();
        let mut number = first;
        while !link.is_stopped() {
            if self.rows.is_some_and(|rows| number >= rows) {
                return Ok(source.finish()?);
            }
            let due = self.due(since).saturating_add(first);
            let until = due.min(number + ROWS_MAX as u64).min(self.rows.unwrap_or(u64::MAX));
            if until <= number {
                sleep(PUSH_EVERY, link);
                continue;
            }
            for number in number..until {
                let row = self.content.row(number);
                if let Err(error) = self.batch.push(&row, number + 1) {
                    link.reject(format!("row {number}: {error}"));
                }
            }
            number = until;
            if let Some(Read { batch, ends }) = self.batch.take() {
                source
                    .push_wait_at(batch, |rows| Ok(Position { offset: ends[rows - 1], check }))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
