//! Results of each row over rows around it: functions, frames, and what a query states of them.

use std::fmt;

use crate::error::SqlError;
use crate::plan::{Builder, Function, Node, NodeId, Op, OrderBy};
use crate::schema::{Field, Schema};
use crate::types::DataType;

/// What is computed of a row and the rows around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverFunction {
    /// The place of the row.
    RowNumber,
    /// One more than there are rows in front of it and its peers.
    Rank,
    /// The same without gaps.
    DenseRank,
    /// `rank - 1` by the number of other rows.
    PercentRank,
    /// The part of all rows that is not behind it and its peers.
    CumeDist,
    /// Which of so many parts of equal size it is in.
    Ntile(u64),
    /// The value of the row so many in front of it; of one behind it where that is negative.
    Lag(i64),
    /// The value of the first row of the frame.
    FirstValue,
    /// The value of its last row.
    LastValue,
    /// The value of the row of this number in the frame.
    NthValue(u64),
    /// An aggregate of the rows of the frame.
    Aggregate(Function),
}

/// How far a frame reaches, seen from its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Edge {
    /// To the first row of the partition.
    First,
    /// So many rows or groups of peers in front, or so much less: units of the column that orders.
    Before(i128),
    /// To the row, or to its peers.
    Current,
    /// So many behind it, or so much more.
    After(i128),
    /// To the last row of the partition.
    Last,
}

/// What the edges of a frame count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Rows.
    Rows,
    /// Differences of the values that order rows.
    Range,
    /// Groups of rows that the order leaves alike.
    Groups,
}

/// The rows around a row that a call looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// What the edges count.
    pub unit: Unit,
    /// Where it begins.
    pub start: Edge,
    /// Where it ends.
    pub end: Edge,
}

/// One result of a row. Column `C` is a position, or a name before it is resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverCall<C = usize> {
    /// The name of the output column.
    pub name: String,
    /// What is computed.
    pub function: OverFunction,
    /// Of which column.
    pub argument: Option<C>,
    /// The column of the same row that stands in where LAG and LEAD find no row.
    pub default: Option<C>,
    /// A BOOLEAN column: rows where it is not true are skipped by aggregates.
    pub filter: Option<C>,
    /// Which rows are looked at, where the function has a frame.
    pub frame: Frame,
}

/// Results as a user states them: columns by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OverSpec {
    /// The columns whose values make a partition; without any, all rows are one.
    pub partition: Vec<String>,
    /// What orders the rows of a partition.
    pub by: Vec<OrderBy<String>>,
    /// What is computed of each row.
    pub calls: Vec<OverCall<String>>,
}

impl Frame {
    /// The whole partition.
    pub const ALL: Frame = Frame { unit: Unit::Rows, start: Edge::First, end: Edge::Last };
}

impl OverFunction {
    /// Whether it looks at the rows of a frame.
    pub fn has_frame(self) -> bool {
        matches!(
            self,
            OverFunction::FirstValue
                | OverFunction::LastValue
                | OverFunction::NthValue(_)
                | OverFunction::Aggregate(_)
        )
    }
}

impl OverCall<String> {
    fn resolve(&self, input: &Schema) -> Result<OverCall, SqlError> {
        // No `..`: a part of a call that nothing reads does not compile.
        let OverCall { name, function, argument, default, filter, frame } = self;
        let position =
            |name: &Option<String>| name.as_ref().map(|name| input.resolve(name)).transpose();
        let call = OverCall {
            name: name.clone(),
            function: *function,
            argument: position(argument)?,
            default: position(default)?,
            filter: position(filter)?,
            frame: *frame,
        };
        let of = |column: usize| input.field(column).data_type;
        if let (Some(argument), Some(default)) = (call.argument, call.default)
            && of(argument) != of(default)
        {
            let what = format!("{} of {} and {}", function, of(argument), of(default));
            return Err(SqlError::datatype_mismatch(what).hint("Cast one of them."));
        }
        if let Some(filter) = call.filter.map(of).filter(|found| *found != DataType::Boolean) {
            return Err(SqlError::datatype_mismatch(format!("FILTER takes BOOLEAN, not {filter}")));
        }
        Ok(call)
    }
}

impl OverCall {
    /// The output column.
    fn field(&self, input: &Schema) -> Result<Field, SqlError> {
        let argument = self.argument.map(|column| input.field(column));
        let data_type = match self.function {
            OverFunction::RowNumber
            | OverFunction::Rank
            | OverFunction::DenseRank
            | OverFunction::Ntile(_) => DataType::BigInt,
            OverFunction::PercentRank | OverFunction::CumeDist => DataType::Double,
            OverFunction::Aggregate(function) => {
                function.check_over(&function.to_string())?;
                function.result_type(argument.map_or(DataType::BigInt, |field| field.data_type))?
            }
            OverFunction::Lag(_)
            | OverFunction::FirstValue
            | OverFunction::LastValue
            | OverFunction::NthValue(_) => match argument {
                Some(field) => field.data_type,
                None => {
                    let what = format!("{} takes an argument", self.function);
                    return Err(SqlError::unknown_function(what));
                }
            },
        };
        let counts =
            matches!(self.function, OverFunction::Aggregate(Function::Count | Function::CountRows));
        let nullable = self.argument.is_some() && !counts;
        Ok(Field { name: self.name.clone(), data_type, nullable })
    }
}

impl Function {
    /// Refuses an aggregate, called by this name, that is not computed over frames.
    pub fn check_over(self, name: &str) -> Result<(), SqlError> {
        match self {
            Function::CountRows
            | Function::Count
            | Function::Sum
            | Function::Avg
            | Function::Min
            | Function::Max
            | Function::BoolAnd
            | Function::BoolOr => Ok(()),
            _ => Err(SqlError::unsupported(format!("{name} OVER in a continuous query"))
                .hint("count, sum, avg, min, max, bool_and and bool_or are there.")),
        }
    }
}

impl fmt::Display for OverFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OverFunction::RowNumber => f.write_str("row_number"),
            OverFunction::Rank => f.write_str("rank"),
            OverFunction::DenseRank => f.write_str("dense_rank"),
            OverFunction::PercentRank => f.write_str("percent_rank"),
            OverFunction::CumeDist => f.write_str("cume_dist"),
            OverFunction::Ntile(parts) => write!(f, "ntile {parts}"),
            OverFunction::Lag(rows) if *rows < 0 => write!(f, "lead {}", rows.unsigned_abs()),
            OverFunction::Lag(rows) => write!(f, "lag {rows}"),
            OverFunction::FirstValue => f.write_str("first_value"),
            OverFunction::LastValue => f.write_str("last_value"),
            OverFunction::NthValue(number) => write!(f, "nth_value {number}"),
            OverFunction::Aggregate(function) => function.fmt(f),
        }
    }
}

impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Edge::First => f.write_str("unbounded preceding"),
            Edge::Before(units) => write!(f, "{units} preceding"),
            Edge::Current => f.write_str("current row"),
            Edge::After(units) => write!(f, "{units} following"),
            Edge::Last => f.write_str("unbounded following"),
        }
    }
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Rows => "rows",
            Unit::Range => "range",
            Unit::Groups => "groups",
        };
        write!(f, "{unit} {} to {}", self.start, self.end)
    }
}

impl OverCall {
    /// As EXPLAIN writes it.
    pub(super) fn text(&self, input: &Schema) -> String {
        let name = |column: usize| &input.field(column).name;
        let mut text = self.function.to_string();
        if let Some(argument) = self.argument {
            text += &format!("({}", name(argument));
            if let Some(default) = self.default {
                text += &format!(", {}", name(default));
            }
            text.push(')');
        }
        if let Some(filter) = self.filter {
            text += &format!(" where {}", name(filter));
        }
        if self.function.has_frame() {
            text += &format!(" of {}", self.frame);
        }
        text
    }
}

impl Builder {
    /// Each row with results over the rows of its partition, in the order of [`Builder::top`].
    pub fn results_over(&mut self, input: NodeId, spec: &OverSpec) -> Result<NodeId, SqlError> {
        // No `..`: a part of the specification that nothing reads does not compile.
        let OverSpec { partition, by, calls } = spec;
        let node = self.node(input)?;
        let partition = super::builder::resolve(partition, &node.schema)?;
        let by = by.iter().map(|by| super::top::order_by(by, &node.schema));
        let by = by.collect::<Result<Vec<OrderBy>, SqlError>>()?;
        let calls = calls.iter().map(|call| call.resolve(&node.schema));
        let calls = calls.collect::<Result<Vec<OverCall>, SqlError>>()?;
        let mut fields = node.schema.fields().to_vec();
        for call in &calls {
            fields.push(call.field(&node.schema)?);
            if call.frame.unit == Unit::Range && call.frame.counts() {
                let ordered: Vec<DataType> =
                    by.iter().map(|by| node.schema.field(by.column).data_type).collect();
                check_range(&ordered)?;
            }
        }
        let schema = Schema::new(fields)?;
        let op = Op::Over { input, partition, by, calls };
        // A row that comes may change the results of those around it.
        self.push(Node { op, schema, times: Vec::new(), retracts: true })
    }
}

impl Frame {
    /// Whether an edge is so many units away.
    pub fn counts(&self) -> bool {
        let counts = |edge| matches!(edge, Edge::Before(_) | Edge::After(_));
        counts(self.start) || counts(self.end)
    }
}

/// Differences are those of one column that is counted exactly.
fn check_range(ordered: &[DataType]) -> Result<(), SqlError> {
    match ordered {
        [
            DataType::SmallInt
            | DataType::Int
            | DataType::BigInt
            | DataType::Date
            | DataType::Time
            | DataType::Timestamp
            | DataType::TimestampTz
            | DataType::Decimal { .. },
        ] => Ok(()),
        [other] => {
            let what = format!("RANGE with a distance over a column of type {other}");
            Err(SqlError::unsupported(what + " in a continuous query")
                .hint("Order by an integer, a DECIMAL or a time."))
        }
        _ => Err(SqlError::unsupported("RANGE with a distance over an order of several columns")
            .hint("Order by one column.")),
    }
}
