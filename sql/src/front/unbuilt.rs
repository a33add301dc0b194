//! What the grammar takes and no plan has: the planner passes over some of it in silence, takes some for
//! something else, and shows its own notation of the rest.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Join, JoinOperator, Query, Select, SetExpr, SetOperator, SetQuantifier, TableFactor, Visit,
    Visitor,
};

use crate::SqlError;

/// Refuses a query that has any of it.
pub(super) fn refuse(query: &Query) -> Result<(), SqlError> {
    match query.visit(&mut Unbuilt) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Unbuilt;

type Found = ControlFlow<SqlError>;

fn no(what: &str, instead: &str) -> Found {
    ControlFlow::Break(SqlError::unsupported(format!("{what} is not supported")).hint(instead))
}

impl Visitor for Unbuilt {
    type Break = SqlError;

    fn pre_visit_query(&mut self, query: &Query) -> Found {
        if query.fetch.is_some() {
            return no(
                "FETCH beside LIMIT, WITH TIES or in PERCENT",
                "Write LIMIT, or rank() <= 10.",
            );
        }
        body(&query.body)
    }

    fn pre_visit_select(&mut self, select: &Select) -> Found {
        if select.top.is_some() {
            return no("TOP", "Write ORDER BY .. LIMIT.");
        }
        if !(select.sort_by.is_empty() && select.cluster_by.is_empty()) {
            return no("SORT BY or CLUSTER BY", "Write ORDER BY.");
        }
        let joins = select.from.iter().flat_map(|from| &from.joins);
        joins.map(join).find(Found::is_break).unwrap_or(ControlFlow::Continue(()))
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> Found {
        match factor {
            TableFactor::Table { version: Some(_), .. } => no(
                "FOR SYSTEM_TIME AS OF",
                "Join with a view of the last row of each key: SELECT key, last(value ORDER BY ts) .. \
                 GROUP BY key. Results follow it as it changes.",
            ),
            TableFactor::Table { sample: Some(_), .. }
            | TableFactor::Derived { sample: Some(_), .. } => {
                no("TABLESAMPLE", "Take some of the rows by a condition: WHERE id % 10 = 0.")
            }
            TableFactor::Table { with_ordinality: true, .. } => {
                no("WITH ORDINALITY", "Number the rows: row_number() OVER (ORDER BY ..).")
            }
            TableFactor::Table { with_hints, partitions, index_hints, json_path, .. }
                if !(with_hints.is_empty() && partitions.is_empty() && index_hints.is_empty())
                    || json_path.is_some() =>
            {
                no("a hint or a part behind the name of a relation", "Leave it out.")
            }
            TableFactor::NestedJoin { table_with_joins, .. } => {
                let joins = table_with_joins.joins.iter();
                joins.map(join).find(Found::is_break).unwrap_or(ControlFlow::Continue(()))
            }
            TableFactor::Pivot { .. } => {
                no("PIVOT", "Write an aggregate for each column: sum(x) FILTER (WHERE k = 'a').")
            }
            TableFactor::Unpivot { .. } => no("UNPIVOT", "Write UNION ALL of one SELECT a column."),
            TableFactor::MatchRecognize { .. } => {
                no("MATCH_RECOGNIZE", "Compare a row with those around it by lag() and lead().")
            }
            _ => ControlFlow::Continue(()),
        }
    }
}

/// Rows that are there several times would come out as often as the left side has them.
fn body(of: &SetExpr) -> Found {
    let SetExpr::SetOperation { left, op, set_quantifier, right } = of else {
        return ControlFlow::Continue(());
    };
    let all = matches!(set_quantifier, SetQuantifier::All | SetQuantifier::AllByName);
    if all && *op != SetOperator::Union {
        return no(
            &format!("{op} ALL"),
            "Leave ALL out, or number equal rows on both sides: row_number() OVER (PARTITION BY all \
             columns).",
        );
    }
    body(left)?;
    body(right)
}

fn join(of: &Join) -> Found {
    match of.join_operator {
        JoinOperator::AsOf { .. } => no(
            "ASOF JOIN",
            "JOIN on the key and the times, and keep the latest match: row_number() OVER (PARTITION BY \
             id ORDER BY ts DESC) = 1.",
        ),
        JoinOperator::CrossApply | JoinOperator::OuterApply => {
            no("APPLY", "Write JOIN .. ON, or unnest(..) behind SELECT.")
        }
        JoinOperator::ArrayJoin | JoinOperator::LeftArrayJoin | JoinOperator::InnerArrayJoin => {
            no("ARRAY JOIN", "Write unnest(..) behind SELECT.")
        }
        JoinOperator::StraightJoin(_) => no("STRAIGHT_JOIN", "Write JOIN .. ON."),
        _ => ControlFlow::Continue(()),
    }
}
