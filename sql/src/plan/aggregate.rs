//! What groups compute: functions, their result types, and the event time of windows.

use crate::error::SqlError;
use crate::plan::function::TakesOrder;
use crate::plan::{AggregateFunction, EventTime, Function, Moment, Node, Window};
use crate::schema::{Field, Schema};
use crate::types::{DataType, Physical};

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
    /// Of which column of the input; none for [`Function::CountRows`] and [`Function::Custom`] only.
    pub argument: Option<C>,
    /// The other column of functions of two.
    pub second: Option<C>,
    /// For FIRST and LAST the TIMESTAMP column that says which row is first or last. For STRING_AGG
    /// and ARRAY_AGG the column that orders the values, if any; rows that agree follow in order of arrival.
    pub order: Option<C>,
    /// Whether order, or the values of a percentile, go from the greatest down.
    pub descending: bool,
    /// A BOOLEAN column: rows where it is not true are skipped.
    pub filter: Option<C>,
    /// Whether equal arguments count once.
    pub distinct: bool,
    /// What stands between the values of STRING_AGG.
    pub separator: String,
    /// What [`Function::Custom`] stands for, and nothing else has.
    pub custom: Option<CustomCall<C>>,
}

/// A call of an aggregate of the application's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CustomCall<C = usize> {
    /// What is called.
    pub function: AggregateFunction,
    /// A column for each argument.
    pub args: Vec<C>,
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
        Call::new(name, Function::CountRows, None)
    }

    /// A function of one column.
    pub fn of(name: &str, function: Function, argument: &str) -> Call<String> {
        Call::new(name, function, Some(argument.into()))
    }

    /// FIRST or LAST of a column by the time in another one.
    pub fn by(name: &str, function: Function, argument: &str, order: &str) -> Call<String> {
        Call::of(name, function, argument).ordered(order)
    }

    /// A function of two columns, the dependent one first.
    pub fn of_two(name: &str, moment: Moment, y: &str, x: &str) -> Call<String> {
        let second = Some(x.into());
        Call { second, ..Call::of(name, Function::Moment(moment), y) }
    }

    /// The same, of values ordered by a column.
    #[must_use]
    pub fn ordered(self, order: &str) -> Call<String> {
        Call { order: Some(order.into()), ..self }
    }

    /// The same, from the greatest value down.
    #[must_use]
    pub fn descending(self) -> Call<String> {
        Call { descending: true, ..self }
    }

    /// The same, of the rows where a BOOLEAN column is true.
    #[must_use]
    pub fn filter(self, column: &str) -> Call<String> {
        Call { filter: Some(column.into()), ..self }
    }

    /// The same, of each value once.
    #[must_use]
    pub fn distinct(self) -> Call<String> {
        Call { distinct: true, ..self }
    }

    /// The same, with this between the values.
    #[must_use]
    pub fn separator(self, text: &str) -> Call<String> {
        Call { separator: text.into(), ..self }
    }

    pub(super) fn resolve(&self, input: &Schema) -> Result<Call, SqlError> {
        // No `..`: a part of a call that nothing reads does not compile.
        let Call { name, function, argument, second, order, .. } = self;
        let Call { descending, filter, distinct, separator, custom, .. } = self;
        let resolve_custom = |CustomCall { function, args }: &CustomCall<String>| {
            let args = args.iter().map(|name| input.resolve(name));
            let args = args.collect::<Result<Vec<usize>, SqlError>>()?;
            Ok::<_, SqlError>(CustomCall { function: function.clone(), args })
        };
        let position =
            |name: &Option<String>| name.as_ref().map(|name| input.resolve(name)).transpose();
        Ok(Call {
            name: name.clone(),
            function: *function,
            argument: position(argument)?,
            second: position(second)?,
            order: position(order)?,
            descending: *descending,
            filter: position(filter)?,
            distinct: *distinct,
            separator: separator.clone(),
            custom: custom.as_ref().map(resolve_custom).transpose()?,
        })
    }
}

impl<C> CustomCall<C> {
    /// The same call over other columns.
    pub fn map<D>(&self, column: impl FnMut(&C) -> D) -> CustomCall<D> {
        CustomCall { function: self.function.clone(), args: self.args.iter().map(column).collect() }
    }
}

impl<C> Call<C> {
    /// A call of a function with this argument, and nothing else said.
    pub fn new(name: &str, function: Function, argument: Option<C>) -> Call<C> {
        Call {
            name: name.into(),
            function,
            argument,
            second: None,
            order: None,
            descending: false,
            filter: None,
            distinct: false,
            separator: String::new(),
            custom: None,
        }
    }
}

impl Call {
    /// The output column. `grouped` says that a group without rows does not exist.
    pub(super) fn field(&self, input: &Schema, grouped: bool) -> Result<Field, SqlError> {
        let function = self.function;
        self.check(input)?;
        if let Some(CustomCall { function, args }) = &self.custom {
            return function.field(&self.name, args, input);
        }
        let Some(argument) = self.argument else {
            return Ok(Field::not_null(&self.name, DataType::BigInt));
        };
        let argument = input.field(argument);
        let orderless = function.takes_order() == TakesOrder::Time
            && self.order.is_some_and(|order| input.field(order).nullable);
        let null_argument = argument.nullable && function != Function::ArrayAgg;
        let skips = !grouped || null_argument || self.filter.is_some() || orderless;
        let nullable = !function.counts() && (skips || function.may_be_undefined());
        let data_type = function.result_type(argument.data_type)?;
        if let Some(second) = self.second {
            function.result_type(input.field(second).data_type)?;
        }
        Ok(Field { name: self.name.clone(), data_type, nullable })
    }

    /// Refuses what the function does not take.
    fn check(&self, input: &Schema) -> Result<(), SqlError> {
        let function = self.function;
        let refuse = |text: &str| {
            Err(SqlError::invalid_parameter(format!("{function} as \"{}\" {text}", self.name)))
        };
        match (function.takes_order(), self.order) {
            (TakesOrder::Time, None) => {
                return refuse("needs a column that says which row comes first");
            }
            (TakesOrder::Time, Some(order)) => {
                check_timestamp(input.field(order), "the order of FIRST and LAST")?;
            }
            (TakesOrder::No, Some(_)) => return refuse("does not depend on an order"),
            (TakesOrder::Any, Some(order)) => self.check_order(input, order)?,
            (TakesOrder::No | TakesOrder::Any, None) => {}
        }
        let custom = function == Function::Custom;
        if custom != self.custom.is_some() {
            return refuse("is a function of the application's, or not");
        }
        match (function == Function::CountRows || custom, self.argument) {
            (true, Some(_)) => return refuse("takes no argument"),
            (false, None) => return refuse("needs an argument"),
            _ => {}
        }
        match (function.takes_two(), self.second) {
            (true, None) => return refuse("needs a second argument"),
            (false, Some(_)) => return refuse("takes one argument"),
            _ => {}
        }
        if let Some(filter) = self.filter
            && input.field(filter).data_type != DataType::Boolean
        {
            let Field { name, data_type, .. } = input.field(filter);
            return Err(SqlError::datatype_mismatch(format!(
                "FILTER takes a BOOLEAN column, and \"{name}\" is {data_type}"
            )));
        }
        if self.distinct && !function.takes_distinct() {
            return refuse("does not take DISTINCT");
        }
        if self.descending && !function.takes_descending() {
            return refuse("has no direction");
        }
        if !self.separator.is_empty() && function != Function::StringAgg {
            return refuse("has no separator");
        }
        Ok(())
    }

    /// Refuses an order that values cannot be kept by.
    fn check_order(&self, input: &Schema, order: usize) -> Result<(), SqlError> {
        if Some(order) == self.argument {
            return Ok(());
        }
        let Field { name, data_type, .. } = input.field(order);
        if self.distinct {
            return Err(SqlError::invalid_parameter(format!(
                "{} with DISTINCT is ordered by its argument, and not by \"{name}\"",
                self.function
            )));
        }
        // Such values do not compare as numbers of one size do.
        let ordered = match data_type.physical() {
            Physical::Text => false,
            Physical::I128 => matches!(data_type, DataType::Decimal { .. }),
            _ => true,
        };
        if !ordered {
            let text = format!("{} in the order of another column of {data_type}", self.function);
            return Err(SqlError::unsupported(text));
        }
        Ok(())
    }
}

/// Refuses a column that is no TIMESTAMP where `place` needs one.
pub(super) fn check_timestamp(field: &Field, place: &str) -> Result<(), SqlError> {
    match field.data_type {
        DataType::Timestamp | DataType::TimestampTz => Ok(()),
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
    if let (Some(lag_us), true) = (end_lag, window.is_session()) {
        // A session may have begun at any time.
        return Ok(vec![EventTime::new(1, lag_us)]);
    }
    let longest_us = window.longest_us();
    let start_lag = end_lag.zip(longest_us).and_then(|(lag, longest)| lag.checked_add(longest));
    match (start_lag, end_lag) {
        (Some(start), Some(end)) => Ok(vec![EventTime::new(0, start), EventTime::new(1, end)]),
        _ => Err(SqlError::invalid_parameter(format!(
            "window size {} us and allowed lateness {lateness_us} us exceed the range of time",
            window.size_us()
        ))),
    }
}
