//! What groups compute: functions, their result types, and the event time of windows.

use std::fmt;

use crate::decimal::{PRECISION_MAX, QUOTIENT_SCALE};
use crate::error::SqlError;
use crate::plan::{EventTime, Node, Window};
use crate::schema::{Field, Schema};
use crate::types::DataType;

/// When an aggregate puts out the row of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emit {
    /// At every change: the new row, and the old one with negative weight.
    Changes,
    /// Once the watermark passes the end of the window. Corrections follow as changes while late
    /// rows are allowed.
    OnClose,
}

/// One result of a group. Column `C` is a position, or a name before it is resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call<C = usize> {
    /// The name of the output column.
    pub name: String,
    /// What is computed.
    pub function: Function,
    /// Of which column of the input; none for [`Function::CountRows`] only.
    pub argument: Option<C>,
    /// The TIMESTAMP column that says which row is first or last; for those two only.
    pub order: Option<C>,
}

/// What is computed of the rows of a group. NULL arguments are skipped by all but `CountRows`; of
/// no arguments `Count` is 0 and every other function is NULL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Function {
    /// COUNT(*)
    CountRows,
    /// COUNT of arguments.
    Count,
    /// SUM
    Sum,
    /// MIN
    Min,
    /// MAX
    Max,
    /// AVG
    Avg,
    /// The argument of the row with the earliest `order`. Rows without one are skipped.
    First,
    /// The argument of the row with the latest `order`. Rows without one are skipped.
    Last,
}

/// An aggregate as a user states it: columns by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AggregateSpec {
    /// Windows are part of the group.
    pub window: Option<Window<String>>,
    /// The columns of the group.
    pub keys: Vec<String>,
    /// What is computed of each group.
    pub calls: Vec<Call<String>>,
    /// When rows are put out.
    pub emit: Emit,
    /// How long a window that the watermark passed still takes rows; 0 without one.
    pub allowed_lateness_us: i64,
}

impl Call<String> {
    /// COUNT(*)
    pub fn count_rows(name: &str) -> Call<String> {
        let name = name.into();
        Call { name, function: Function::CountRows, argument: None, order: None }
    }

    /// A function of one column.
    pub fn of(name: &str, function: Function, argument: &str) -> Call<String> {
        Call { name: name.into(), function, argument: Some(argument.into()), order: None }
    }

    /// FIRST or LAST of a column by the time in another one.
    pub fn by(name: &str, function: Function, argument: &str, order: &str) -> Call<String> {
        Call { order: Some(order.into()), ..Call::of(name, function, argument) }
    }

    pub(super) fn resolve(&self, input: &Schema) -> Result<Call, SqlError> {
        let position =
            |name: &Option<String>| name.as_ref().map(|name| input.resolve(name)).transpose();
        let (argument, order) = (position(&self.argument)?, position(&self.order)?);
        Ok(Call { name: self.name.clone(), function: self.function, argument, order })
    }
}

impl Function {
    /// The type of the result for an argument of type `argument`.
    pub fn result_type(self, argument: DataType) -> Result<DataType, SqlError> {
        let decimal = |scale| DataType::Decimal { precision: PRECISION_MAX, scale };
        Ok(match (self, argument) {
            (Function::CountRows | Function::Count, _) => DataType::BigInt,
            (Function::Min | Function::Max | Function::First | Function::Last, same) => same,
            (Function::Sum | Function::Avg, DataType::Double) => DataType::Double,
            (Function::Sum, DataType::Int) => DataType::BigInt,
            (Function::Sum, DataType::BigInt) => decimal(0),
            (Function::Sum, DataType::Decimal { scale, .. }) => decimal(scale),
            (Function::Avg, DataType::Int | DataType::BigInt) => decimal(QUOTIENT_SCALE),
            (Function::Avg, DataType::Decimal { scale, .. }) => decimal(scale.max(QUOTIENT_SCALE)),
            (Function::Sum | Function::Avg, other) => {
                return Err(SqlError::datatype_mismatch(format!("{self} does not take {other}"))
                    .hint("Cast the argument to a number."));
            }
        })
    }

    const fn takes_order(self) -> bool {
        matches!(self, Function::First | Function::Last)
    }
}

impl Call {
    /// The output column. `grouped` says that a group without rows does not exist.
    pub(super) fn field(&self, input: &Schema, grouped: bool) -> Result<Field, SqlError> {
        let function = self.function;
        let refuse = |text: &str| {
            Err(SqlError::invalid_parameter(format!("{function} as \"{}\" {text}", self.name)))
        };
        match (function.takes_order(), self.order) {
            (true, None) => return refuse("needs a column that says which row comes first"),
            (false, Some(_)) => return refuse("does not depend on an order"),
            _ => {}
        }
        if let Some(order) = self.order {
            check_timestamp(input.field(order), "the order of FIRST and LAST")?;
        }
        let Some(argument) = self.argument else {
            return match function {
                Function::CountRows => Ok(Field::not_null(&self.name, DataType::BigInt)),
                _ => refuse("needs an argument"),
            };
        };
        if function == Function::CountRows {
            return refuse("takes no argument");
        }
        let argument = input.field(argument);
        let orderless = self.order.is_some_and(|order| input.field(order).nullable);
        let nullable = function != Function::Count && (!grouped || argument.nullable || orderless);
        let data_type = function.result_type(argument.data_type)?;
        Ok(Field { name: self.name.clone(), data_type, nullable })
    }
}

/// Refuses a column that is no TIMESTAMP where `place` needs one.
pub(super) fn check_timestamp(field: &Field, place: &str) -> Result<(), SqlError> {
    match field.data_type {
        DataType::Timestamp => Ok(()),
        other => Err(SqlError::datatype_mismatch(format!(
            "{place} must be a TIMESTAMP column, and \"{}\" is {other}",
            field.name
        ))
        .hint("Cast the column in a projection beneath.")),
    }
}

/// The event times of `window_start` and `window_end`, or none where nothing closes the windows.
///
/// A window `[s, e)` puts out rows until the watermark of its time column has reached `e +
/// lateness`: the first one at `e` if it waits for the close, the last correction before `e +
/// lateness`. The watermark of the column is `w - lag`, so that once `w` is passed on, every row
/// still to come has `e + lateness > w - lag`, which for integers is `e >= w - (lag + lateness -
/// 1)`; and `s = e - size`.
pub(super) fn window_times(
    input: &Node,
    window: &Window,
    lateness_us: i64,
) -> Result<Vec<EventTime>, SqlError> {
    let Some(time) = input.time_of(*window.time()) else { return Ok(Vec::new()) };
    let end_lag = time.lag_us.checked_add(lateness_us).and_then(|lag| lag.checked_sub(1));
    let start_lag = end_lag.and_then(|lag| lag.checked_add(window.size_us()));
    match (start_lag, end_lag) {
        (Some(start), Some(end)) => {
            Ok(vec![EventTime { column: 0, lag_us: start }, EventTime { column: 1, lag_us: end }])
        }
        _ => Err(SqlError::invalid_parameter(format!(
            "window size {} us and allowed lateness {lateness_us} us exceed the range of time",
            window.size_us()
        ))),
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Function::CountRows => "COUNT(*)",
            Function::Count => "COUNT",
            Function::Sum => "SUM",
            Function::Min => "MIN",
            Function::Max => "MAX",
            Function::Avg => "AVG",
            Function::First => "FIRST",
            Function::Last => "LAST",
        })
    }
}
