//! Aggregates that an application writes: typed states over typed arguments, as plans call them.

mod output;
mod state;

use std::sync::Arc;

use sluicedb_sql::plan::{AggregateBody, AggregateFunction, Arguments};
use sluicedb_sql::{Column, DataType, SqlError, Value};

use super::row::CellOf;

pub use output::AggregateOutput;
pub use state::AggregateState;

/// An aggregate function that SQL can call once [`Builder::aggregate_function`] has registered it.
///
/// The state of a group lies in the database, as bytes, where checkpoints and the budget of memory
/// cover it; it is read before a row is added, and written behind that. So it has a fixed size, of
/// at most 1000 bytes, and small states cost little: numbers, arrays and tuples of them are states,
/// and [`AggregateState`] says how to make one of a struct.
///
/// - **NULL**: a row is skipped where an argument is NULL that is no `Option`.
/// - **Order**: rows come in any order, and states of parts of them are merged in any order.
/// - **Pure**: equal rows give equal results, whenever and wherever it is called.
/// - **A panic** while a row is added leaves the group without a row of results, as a sum does that
///   overflows, until its window is over or all its rows are taken back; the row is told of in
///   `sluice.dead_letters`, and the database goes on. In a bounded query it is the error of that
///   query.
///
/// ```
/// use sluicedb::db::{Aggregate, DataType, Database, Retract, Value, values};
///
/// /// The price that was paid on average, by volume.
/// struct Vwap;
///
/// impl Aggregate for Vwap {
///     type Args<'a> = (f64, i64);
///     type State = (f64, i64);
///     type Output = Option<f64>;
///
///     fn begin(&self) -> (f64, i64) {
///         (0.0, 0)
///     }
///
///     fn add(&self, (paid, volume): &mut (f64, i64), (price, size): (f64, i64)) {
///         *paid += price * size as f64;
///         *volume += size;
///     }
///
///     fn merge(&self, into: &mut (f64, i64), from: &(f64, i64)) {
///         *into = (into.0 + from.0, into.1 + from.1);
///     }
///
///     fn finish(&self, (paid, volume): &(f64, i64)) -> Option<f64> {
///         (*volume != 0).then(|| paid / *volume as f64)
///     }
/// }
///
/// impl Retract for Vwap {
///     fn retract(&self, (paid, volume): &mut (f64, i64), (price, size): (f64, i64)) {
///         *paid -= price * size as f64;
///         *volume -= size;
///     }
/// }
///
/// let args = [DataType::Double, DataType::BigInt];
/// let db = Database::builder()
///     .shards(1)
///     .retractable_aggregate_function("vwap", &args, DataType::Double, Vwap)
///     .start(&sluicedb::plan::Plan::empty())?;
/// db.execute("CREATE SOURCE trades (symbol TEXT, price DOUBLE, size BIGINT)")?;
/// db.execute(
///     "CREATE MATERIALIZED VIEW paid AS
///      SELECT symbol, vwap(price, size) FILTER (WHERE size < 1000) AS mean
///      FROM trades GROUP BY symbol",
/// )?;
/// db.execute("INSERT INTO trades VALUES ('ACME', 10, 1), ('ACME', 13, 2), ('ACME', 1, 5000)")?;
/// let found = db.query("SELECT mean FROM paid WHERE symbol = 'ACME'")?;
/// assert_eq!(values(&found.batches[0]), [[Value::Double(12.0)]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// [`Builder::aggregate_function`]: super::Builder::aggregate_function
pub trait Aggregate: Send + Sync + 'static {
    /// What it takes of a row: a tuple of the types that [`RowRef::get`](super::RowRef::get) reads, an
    /// `Option` where NULL is to be seen.
    type Args<'a>: AggregateArgs<'a>;
    /// What is kept of a group.
    type State: AggregateState;
    /// What it gives: an `Option` where that may be NULL.
    type Output: AggregateOutput;

    /// The state of no rows.
    fn begin(&self) -> Self::State;

    /// Adds a row.
    fn add(&self, state: &mut Self::State, args: Self::Args<'_>);

    /// Adds the rows of another state.
    fn merge(&self, into: &mut Self::State, from: &Self::State);

    /// The result, also of no rows.
    fn finish(&self, state: &Self::State) -> Self::Output;
}

/// An aggregate that rows can be taken from again, so that it can be called over results that change:
/// those of another view, say.
pub trait Retract: Aggregate {
    /// Takes back a row that was added. Where paths from one source meet again, it may also be one
    /// that is added later: adding and taking back must come to nothing in any order.
    fn retract(&self, state: &mut Self::State, args: Self::Args<'_>);
}

/// The arguments of an aggregate: a tuple of one to eight values of columns.
pub trait AggregateArgs<'a>: Sized + sealed::Sealed {
    /// How many there are.
    const COUNT: usize;

    /// The first that a column of its type cannot be read as, with what reads it.
    fn misfit(columns: &'a [Column]) -> Option<(usize, &'static str)>;

    /// Reads a row; none where a NULL has no place.
    fn read(args: Arguments<'a>) -> Option<Self>;
}

mod sealed {
    /// Tuples alone are arguments.
    pub trait Sealed {}
}

#[inline]
fn cell<'a, T: CellOf<'a>>(args: Arguments<'a>, at: usize) -> Option<T> {
    let column = args.column(at);
    let values = T::values(column).expect("the types are checked when it is registered");
    T::read(values, column.nulls(), args.row())
}

macro_rules! arguments {
    ($count:literal: $($type:ident $at:literal)+) => {
        impl<$($type),+> sealed::Sealed for ($($type,)+) {}
        impl<'a, $($type: CellOf<'a>),+> AggregateArgs<'a> for ($($type,)+) {
            const COUNT: usize = $count;

            fn misfit(columns: &'a [Column]) -> Option<(usize, &'static str)> {
                $(if $type::values(&columns[$at]).is_none() {
                    return Some(($at, std::any::type_name::<$type>()));
                })+
                None
            }

            #[inline]
            fn read(args: Arguments<'a>) -> Option<Self> {
                Some(($(cell::<$type>(args, $at)?,)+))
            }
        }
    };
}

arguments!(1: A 0);
arguments!(2: A 0 B 1);
arguments!(3: A 0 B 1 C 2);
arguments!(4: A 0 B 1 C 2 D 3);
arguments!(5: A 0 B 1 C 2 D 3 E 4);
arguments!(6: A 0 B 1 C 2 D 3 E 4 F 5);
arguments!(7: A 0 B 1 C 2 D 3 E 4 F 5 G 6);
arguments!(8: A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7);

/// An aggregate over states as they are kept.
struct Typed<A: Aggregate> {
    aggregate: A,
    retract: Option<Takes<A>>,
    result: DataType,
}

/// [`Retract::retract`] of an aggregate that has it.
type Takes<A> = for<'a> fn(&A, &mut <A as Aggregate>::State, <A as Aggregate>::Args<'a>);

impl<A: Aggregate> AggregateBody for Typed<A> {
    fn state_bytes(&self) -> usize {
        A::State::BYTES
    }

    fn retracts(&self) -> bool {
        self.retract.is_some()
    }

    fn takes(&self, args: Arguments<'_>) -> bool {
        A::Args::read(args).is_some()
    }

    fn update(&self, bytes: &mut [u8], fresh: bool, args: Arguments<'_>, weight: i64) {
        let begin = || self.aggregate.begin();
        let mut state = if fresh { begin() } else { A::State::read(bytes) };
        let read = || A::Args::read(args).expect("only rows that count are worked in");
        for _ in 0..weight.unsigned_abs() {
            match self.retract {
                Some(retract) if weight < 0 => retract(&self.aggregate, &mut state, read()),
                _ => self.aggregate.add(&mut state, read()),
            }
        }
        state.write(bytes);
    }

    fn merge(&self, into: &mut [u8], from: &[u8]) {
        let mut state = A::State::read(into);
        self.aggregate.merge(&mut state, &A::State::read(from));
        state.write(into);
    }

    fn finish(&self, state: Option<&[u8]>) -> Value {
        let state = state.map_or_else(|| self.aggregate.begin(), A::State::read);
        self.aggregate.finish(&state).into_value(self.result)
    }
}

/// An aggregate that takes no row back.
pub(super) fn plain<A: Aggregate>(
    name: &str,
    args: &[DataType],
    result: DataType,
    aggregate: A,
) -> Result<AggregateFunction, SqlError> {
    function(name, args, Typed { aggregate, retract: None, result })
}

/// An aggregate that takes rows back.
pub(super) fn retractable<A: Retract>(
    name: &str,
    args: &[DataType],
    result: DataType,
    aggregate: A,
) -> Result<AggregateFunction, SqlError> {
    function(name, args, Typed { aggregate, retract: Some(A::retract), result })
}

/// Refuses types in SQL that those in Rust do not hold.
fn function<A: Aggregate>(
    name: &str,
    args: &[DataType],
    body: Typed<A>,
) -> Result<AggregateFunction, SqlError> {
    let wanted = <A::Args<'_> as AggregateArgs<'_>>::COUNT;
    if args.len() != wanted {
        let found = args.len();
        return Err(SqlError::invalid_parameter(format!(
            "aggregate {name} is registered with {found} arguments and takes {wanted}"
        )));
    }
    let columns: Vec<Column> = args.iter().map(|of| Column::new(*of)).collect();
    if let Some((at, held)) = A::Args::misfit(&columns) {
        let (number, found) = (at + 1, args[at]);
        return Err(SqlError::datatype_mismatch(format!(
            "argument {number} of {name} is {found} and is read as {held}"
        ))
        .hint("Read it as the type that holds it, or register another type."));
    }
    let result = body.result;
    if !A::Output::holds(result) {
        let given = std::any::type_name::<A::Output>();
        return Err(SqlError::datatype_mismatch(format!(
            "the result of {name} is {result} and is given as {given}"
        ))
        .hint("Give the type that holds it, or register another type."));
    }
    Ok(AggregateFunction {
        name: name.to_owned(),
        args: args.to_vec(),
        result,
        body: Arc::new(body),
    })
}
