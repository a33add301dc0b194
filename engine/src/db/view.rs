//! Point lookups: the rows of a view that have a key, as they are at this moment.

use std::sync::Arc;

use sluicedb_sql::limits::TEXT_BYTES_MAX;
use sluicedb_sql::{Column, DataType, SqlError, Value};

use super::changes::{Changes, Published};
use super::error::Error;
use crate::core::graph::ViewSpec;
use crate::core::hash::{hash_rows, owner, partition};
use crate::core::ids::{Epoch, ShardId};
use crate::core::morsel::{Morsel, Pool};
use crate::shell::desk::{Asker, Lookup};
use crate::shell::in_turn;
use crate::shell::life::Life;

/// A key to look up: a value, or a tuple of them, of the types of the view's key columns.
pub trait Key {
    /// Hands over the values in the order of the key columns.
    fn write(&self, to: &mut KeyWriter<'_>);
}

/// Takes the values of a key.
pub struct KeyWriter<'a> {
    columns: &'a mut [Column],
    /// How many values there were.
    values: usize,
    /// Whether no row can have the key, because a column of its type cannot hold a value of it.
    absent: bool,
    /// The first value of another type than its column.
    fault: Option<(usize, DataType)>,
}

impl KeyWriter<'_> {
    #[inline]
    fn next(&mut self) -> Option<&mut Column> {
        self.values += 1;
        self.columns.get_mut(self.values - 1)
    }

    #[cold]
    fn refuse(&mut self, found: DataType) {
        self.fault.get_or_insert((self.values - 1, found));
    }

    /// An integer, a DATE in days, or a TIME, TIMESTAMP or TIMESTAMPTZ in microseconds.
    #[inline]
    pub fn i64(&mut self, value: i64) {
        let Some(column) = self.next() else { return };
        match column.data_type() {
            DataType::BigInt | DataType::Time | DataType::Timestamp | DataType::TimestampTz => {
                column.push_i64(value)
            }
            DataType::SmallInt if i16::try_from(value).is_err() => self.absent = true,
            DataType::Int | DataType::SmallInt | DataType::Date => match i32::try_from(value) {
                Ok(small) => column.push_i32(small),
                Err(_) => self.absent = true,
            },
            _ => self.refuse(DataType::BigInt),
        }
    }

    /// A TEXT.
    #[inline]
    pub fn text(&mut self, value: &str) {
        let Some(column) = self.next() else { return };
        match column.data_type() {
            DataType::Text if value.len() <= TEXT_BYTES_MAX => column.push_text(value),
            DataType::Text => self.absent = true,
            _ => self.refuse(DataType::Text),
        }
    }

    /// A value of any type; NULL finds NULL.
    pub fn value(&mut self, value: &Value) {
        match value {
            Value::Text(text) => self.text(text),
            _ => {
                let Some(column) = self.next() else { return };
                match value.data_type() {
                    Some(found) if !column.data_type().holds(found) => self.refuse(found),
                    _ => column.push(value),
                }
            }
        }
    }
}

impl Key for i64 {
    #[inline]
    fn write(&self, to: &mut KeyWriter<'_>) {
        to.i64(*self);
    }
}

impl Key for i32 {
    #[inline]
    fn write(&self, to: &mut KeyWriter<'_>) {
        to.i64(i64::from(*self));
    }
}

impl Key for str {
    #[inline]
    fn write(&self, to: &mut KeyWriter<'_>) {
        to.text(self);
    }
}

impl Key for String {
    fn write(&self, to: &mut KeyWriter<'_>) {
        to.text(self);
    }
}

impl Key for Value {
    fn write(&self, to: &mut KeyWriter<'_>) {
        to.value(self);
    }
}

impl<K: Key> Key for [K] {
    fn write(&self, to: &mut KeyWriter<'_>) {
        self.iter().for_each(|value| value.write(to));
    }
}

impl<K: Key + ?Sized> Key for &K {
    #[inline]
    fn write(&self, to: &mut KeyWriter<'_>) {
        K::write(self, to);
    }
}

impl<A: Key, B: Key> Key for (A, B) {
    #[inline]
    fn write(&self, to: &mut KeyWriter<'_>) {
        self.0.write(to);
        self.1.write(to);
    }
}

impl<A: Key, B: Key, C: Key> Key for (A, B, C) {
    #[inline]
    fn write(&self, to: &mut KeyWriter<'_>) {
        self.0.write(to);
        self.1.write(to);
        self.2.write(to);
    }
}

/// Finds rows of a view by its key, with one lookup on the shard that owns it.
///
/// What it finds is the present state of that shard: it may hold changes of the open epoch, and need
/// not hold what was pushed a moment ago. [`Database::flush`](super::Database::flush) waits for that.
pub struct View {
    relation: Arc<Published>,
    types: Vec<DataType>,
    /// Where the columns that place a row stand in the key.
    placed: Vec<usize>,
    names: Vec<String>,
    hashes: Vec<u64>,
    lookup: Option<Box<Lookup>>,
    /// What was found, as [`Changes`] show it.
    found: Morsel,
    /// By shard; none where the caller turns the database.
    askers: Vec<Asker>,
    shards: u16,
    /// Of the view.
    life: Arc<Life>,
    /// Of the database it is in.
    database: Arc<Life>,
}

impl View {
    pub(super) fn new(
        spec: &ViewSpec,
        relation: Arc<Published>,
        pool: &mut Pool,
        askers: Vec<Asker>,
        shards: u16,
        [life, database]: [Arc<Life>; 2],
    ) -> Result<View, Error> {
        let Some(options) = &spec.kept else {
            return Err(Error::Sql(
                SqlError::invalid_parameter(format!(
                    "\"{}\" is a stream, which keeps no rows to look up",
                    spec.name
                ))
                .hint("Make it a view, or subscribe to it."),
            ));
        };
        let place = |column: &usize| options.key.iter().position(|key| key == column);
        let placed: Option<Vec<usize>> =
            spec.placed.as_ref().and_then(|placed| placed.iter().map(place).collect());
        let Some(placed) = placed else {
            return Err(Error::Sql(
                SqlError::invalid_parameter(format!("view \"{}\" has no key", spec.name))
                    .hint("Name the key columns where the view is made."),
            ));
        };
        let types: Vec<DataType> = options.key.iter().map(|&key| options.types[key]).collect();
        let field = |&key: &usize| spec.schema.field(key).name.clone();
        let new = |types: &[DataType]| types.iter().map(|&t| Column::new(t)).collect::<Vec<_>>();
        let lookup = Lookup {
            view: spec.id,
            hash: 0,
            key: new(&types),
            columns: new(&options.types),
            weights: Vec::new(),
        };
        Ok(View {
            names: options.key.iter().map(field).collect(),
            found: pool.take(options.shape),
            relation,
            types,
            placed,
            hashes: Vec::new(),
            lookup: Some(Box::new(lookup)),
            askers,
            shards,
            life,
            database,
        })
    }

    /// The rows with this key, each with how often it is there; usually one or none.
    ///
    /// Waits for the owning shard, a few hundred nanoseconds where that is awake. A database that its
    /// caller turns is asked by [`InlineDatabase::get`](super::InlineDatabase::get) instead.
    #[inline]
    pub fn get(&mut self, key: impl Key) -> Result<Changes<'_>, Error> {
        let Some((shard, lookup)) = self.question(&key)? else { return Ok(self.none()) };
        let Some(asker) = self.askers.get_mut(shard.index()) else {
            self.lookup = Some(lookup);
            return Err(Error::WouldWait);
        };
        if in_turn() {
            self.lookup = Some(lookup);
            return Err(Error::WouldWait);
        }
        asker.ask(lookup);
        let answer = asker.wait();
        match answer {
            Some(lookup) => Ok(self.answered(lookup)),
            None => Err(Error::Ended(self.life.why())),
        }
    }

    /// Refuses a view that was made by another database.
    #[inline]
    pub(super) fn is_of(&self, life: &Arc<Life>) -> Result<(), Error> {
        if Arc::ptr_eq(&self.database, life) {
            return Ok(());
        }
        let what = format!("\"{}\" was made by another database", self.relation.name());
        Err(Error::Option { name: "view", what })
    }

    /// The question for a key, and the shard that can answer; nothing where no row can have the key.
    #[inline]
    pub(super) fn question(
        &mut self,
        key: &impl Key,
    ) -> Result<Option<(ShardId, Box<Lookup>)>, Error> {
        self.life.check()?;
        // It is gone if the database ended in the middle of a lookup, which was looked at above.
        let Some(mut lookup) = self.lookup.take() else {
            return Err(Error::Ended(self.life.why()));
        };
        lookup.key.iter_mut().for_each(Column::clear);
        lookup.columns.iter_mut().for_each(Column::clear);
        lookup.weights.clear();
        let mut writer =
            KeyWriter { columns: &mut lookup.key, values: 0, absent: false, fault: None };
        key.write(&mut writer);
        let KeyWriter { values, absent, fault, .. } = writer;
        if fault.is_some() || values != self.types.len() {
            self.lookup = Some(lookup);
            return Err(Error::Sql(self.misfit(values, fault)));
        }
        if absent {
            self.lookup = Some(lookup);
            return Ok(None);
        }
        let placed = self.placed.iter().map(|&at| &lookup.key[at]);
        hash_rows(placed, 1, &mut self.hashes);
        let shard = owner(partition(self.hashes[0]), self.shards);
        hash_rows(lookup.key.iter(), 1, &mut self.hashes);
        lookup.hash = self.hashes[0];
        Ok(Some((shard, lookup)))
    }

    /// Takes an answer, and shows it.
    #[inline]
    pub(super) fn answered(&mut self, mut lookup: Box<Lookup>) -> Changes<'_> {
        self.found.clear();
        std::mem::swap(&mut self.found.columns, &mut lookup.columns);
        std::mem::swap(&mut self.found.weights, &mut lookup.weights);
        let rows = self.found.weights.len();
        self.found.set_rows(rows);
        self.lookup = Some(lookup);
        Changes::new(&self.relation, Epoch(0), &self.found)
    }

    pub(super) fn none(&mut self) -> Changes<'_> {
        self.found.clear();
        Changes::new(&self.relation, Epoch(0), &self.found)
    }

    #[cold]
    fn misfit(&self, values: usize, fault: Option<(usize, DataType)>) -> SqlError {
        let columns = self.names.iter().zip(&self.types);
        let key: Vec<String> = columns.map(|(name, t)| format!("{name} {t}")).collect();
        let view = self.relation.name();
        let what = match fault {
            Some((at, found)) => format!(
                "value {} of the key is {found}, and column \"{}\" of view \"{view}\" is {}",
                at + 1,
                self.names[at],
                self.types[at]
            ),
            None => format!("the key of view \"{view}\" has {} columns, not {values}", key.len()),
        };
        SqlError::datatype_mismatch(what).hint(format!("The key is ({}).", key.join(", ")))
    }
}
