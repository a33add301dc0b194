//! The first rows of each partition: what orders them, and what numbers them.

use std::fmt;

use crate::error::SqlError;
use crate::limits::TOP_ROWS_MAX;
use crate::plan::{Builder, Node, NodeId, Op, Plan};
use crate::schema::{Field, Schema};
use crate::types::DataType;

/// A column that orders rows. Column `C` is a position, or a name before it is resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderBy<C = usize> {
    /// Which.
    pub column: C,
    /// Whether greater values come first.
    pub descending: bool,
    /// Whether NULL comes first.
    pub nulls_first: bool,
}

/// What number a row of a partition has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ranking {
    /// Its place: no two rows have the same.
    RowNumber,
    /// One more than there are rows in front of it: rows that the order leaves alike have the same.
    Rank,
    /// The same without gaps.
    DenseRank,
}

/// The first rows as a user states them: columns by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopSpec {
    /// The columns whose values make a partition; without any, all rows are one.
    pub partition: Vec<String>,
    /// What orders the rows of a partition.
    pub by: Vec<OrderBy<String>>,
    /// What number a row has.
    pub ranking: Ranking,
    /// The least number of a row that is put out, from 1 on.
    pub first: u64,
    /// The greatest number of a row that is put out; less than `first` where none is.
    pub last: u64,
    /// The column that tells the number, if it is asked for.
    pub number: Option<String>,
}

impl fmt::Display for Ranking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Ranking::RowNumber => "row_number",
            Ranking::Rank => "rank",
            Ranking::DenseRank => "dense_rank",
        })
    }
}

impl OrderBy {
    /// As EXPLAIN writes it.
    pub(super) fn text(&self, schema: &Schema) -> String {
        let OrderBy { column, descending, nulls_first } = self;
        let mut text = schema.field(*column).name.clone();
        if *descending {
            text += " descending";
        }
        if nulls_first != descending {
            text += if *nulls_first { " nulls first" } else { " nulls last" };
        }
        text
    }
}

impl Builder {
    /// The first rows of each partition. Rows that the order leaves alike follow as they came, where
    /// that is known, and otherwise by their columns from left to right.
    pub fn top(&mut self, input: NodeId, spec: &TopSpec) -> Result<NodeId, SqlError> {
        // No `..`: a part of the specification that nothing reads does not compile.
        let TopSpec { partition, by, ranking, first, last, number } = spec;
        let node = self.node(input)?;
        let partition = super::builder::resolve(partition, &node.schema)?;
        let by = by.iter().map(|by| order_by(by, &node.schema)).collect::<Result<Vec<_>, _>>()?;
        let rows = usize::try_from(*last).unwrap_or(usize::MAX);
        if rows > TOP_ROWS_MAX && first <= last {
            return Err(SqlError::limit_exceeded("first rows of a partition", rows, TOP_ROWS_MAX));
        }
        let mut fields = node.schema.fields().to_vec();
        fields.extend(number.iter().map(|name| Field::not_null(name, DataType::BigInt)));
        let schema = Schema::new(fields)?;
        let (ranking, first, last, numbered) = (*ranking, *first, *last, number.is_some());
        let op = Op::Top { input, partition, by, ranking, first, last, numbered };
        // A row that comes may push out one that was put out before.
        self.push(Node { op, schema, times: Vec::new(), retracts: true })
    }
}

/// A column that orders rows, if its values have an order.
pub(super) fn order_by(by: &OrderBy<String>, schema: &Schema) -> Result<OrderBy, SqlError> {
    let OrderBy { column, descending, nulls_first } = by;
    let found = schema.resolve(column)?;
    let data_type = schema.field(found).data_type;
    if let DataType::Json | DataType::Map | DataType::Array(_) | DataType::Struct(_) = data_type {
        let what = format!("ORDER BY a column of type {data_type} in a continuous query");
        return Err(SqlError::unsupported(what).hint("Order by a part of it, or by its text."));
    }
    Ok(OrderBy { column: found, descending: *descending, nulls_first: *nulls_first })
}

impl Plan {
    /// Whether the rows of a node are told apart by where they came from: those of a source, before
    /// anything has put them together or kept them without that.
    pub fn comes_in_order(&self, id: NodeId) -> bool {
        match &self.node(id).op {
            Op::Source { .. } => true,
            Op::Filter { input, .. } | Op::Project { input, .. } | Op::Stream { input, .. } => {
                self.comes_in_order(*input)
            }
            Op::Aggregate { .. }
            | Op::Over { .. }
            | Op::Top { .. }
            | Op::Late { .. }
            | Op::Join { .. }
            | Op::View { .. } => false,
        }
    }
}
