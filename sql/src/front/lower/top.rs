//! The first rows of each partition: row_number() and its like under a condition, and LIMIT.

use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::expr::{BinaryExpr, WindowFunction};
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{
    Expr as Planned, FetchType, Filter, Limit, LogicalPlan, Operator, SkipType, Sort, SortExpr,
    Window, WindowFunctionDefinition,
};

use super::relation::unique_names;
use super::{Lowering, Out, Relation};
use crate::SqlError;
use crate::expr::Expr;
use crate::plan::{OrderBy, Ranking, TopSpec};

/// Which numbers pass.
#[derive(Clone, Copy)]
struct Range {
    first: u64,
    last: Option<u64>,
}

/// The columns of a plan as those of the only window function beneath: by position of the plan's
/// column, that of the function's plan.
struct Beneath<'a> {
    window: &'a Window,
    columns: Vec<usize>,
}

impl Lowering<'_> {
    /// A filter. `used` are the columns of its output that anybody reads, if that is known.
    pub(super) fn filtered(
        &mut self,
        filter: &Filter,
        used: Option<&[bool]>,
    ) -> Result<Relation, SqlError> {
        if let Some(ranked) = self.ranked(filter, used)? {
            return Ok(ranked);
        }
        let input = self.relation(&filter.input)?;
        self.filter(input, &filter.predicate, filter.input.schema())
    }

    /// A filter by the number of a row in its partition, if it is one.
    fn ranked(
        &mut self,
        filter: &Filter,
        used: Option<&[bool]>,
    ) -> Result<Option<Relation>, SqlError> {
        let Some(Beneath { window, columns }) = only_window(&filter.input) else { return Ok(None) };
        let Some((ranking, function)) = ranking(window) else { return Ok(None) };
        let schema = filter.input.schema();
        let number_at = window.input.schema().fields().len();
        let is_number = |at: usize| columns.get(at) == Some(&number_at);
        let mut range = Range { first: 1, last: None };
        let mut others = Vec::new();
        for part in split_conjunction(&filter.predicate) {
            if !range.narrow(part, &|expr| position(expr, schema).is_some_and(is_number)) {
                others.push(part);
            }
        }
        let Some(last) = range.last else { return Ok(None) };
        let input = self.relation(&window.input)?;
        let by_number = |at: usize| is_number(at) && used.is_none_or(|used| used[at]);
        let asked = |expr: &&Planned| {
            let found = expr.column_refs();
            let mut found = found.iter().map(|column| schema.index_of_column(column));
            found.any(|at| at.is_ok_and(is_number))
        };
        let numbered = (0..columns.len()).any(by_number) || others.iter().any(asked);
        let params = &function.params;
        let top = Top {
            partition: &params.partition_by,
            by: &params.order_by,
            ranking,
            first: range.first,
            last,
            numbered,
        };
        let (top, number) = self.top(input, window.input.schema(), &top)?;
        // Nobody looks at the number where it is not put out.
        let number = Out::Column(number.unwrap_or(0));
        let of = |&at: &usize| top.columns.get(at).copied().unwrap_or(number);
        let columns = columns.iter().map(of).collect();
        let mut relation = Relation { columns, ..top };
        for other in others {
            relation = self.filter(relation, other, schema)?;
        }
        Ok(Some(relation))
    }

    /// ORDER BY with LIMIT.
    pub(super) fn limited(&mut self, limit: &Limit) -> Result<Relation, SqlError> {
        let constant = || {
            SqlError::unsupported("a LIMIT that is computed in a continuous query")
                .hint("Write a number.")
        };
        let skip = match limit.get_skip_type().map_err(super::super::of_planner)? {
            SkipType::Literal(rows) => rows as u64,
            SkipType::UnsupportedExpr => return Err(constant()),
        };
        let fetch = match limit.get_fetch_type().map_err(super::super::of_planner)? {
            FetchType::Literal(Some(rows)) => rows as u64,
            FetchType::Literal(None) => {
                return Err(SqlError::unsupported("OFFSET without LIMIT in a continuous query")
                    .hint("Say how many rows: LIMIT 10 OFFSET 5."));
            }
            FetchType::UnsupportedExpr => return Err(constant()),
        };
        let (first, last) = (skip.saturating_add(1), skip.saturating_add(fetch));
        self.limit_of(&limit.input, first, last)
    }

    fn limit_of(
        &mut self,
        plan: &LogicalPlan,
        first: u64,
        last: u64,
    ) -> Result<Relation, SqlError> {
        match plan {
            LogicalPlan::SubqueryAlias(alias) => self.limit_of(&alias.input, first, last),
            // It makes of each row one, so that it may as well come behind.
            LogicalPlan::Projection(projection) => {
                let input = self.limit_of(&projection.input, first, last)?;
                self.projected(projection, input, true)
            }
            LogicalPlan::Sort(Sort { expr, input, .. }) => {
                let relation = self.relation(input)?;
                let ranking = Ranking::RowNumber;
                let top = Top { partition: &[], by: expr, ranking, first, last, numbered: false };
                Ok(self.top(relation, input.schema(), &top)?.0)
            }
            _ => Err(SqlError::unsupported("LIMIT without ORDER BY in a continuous query")
                .hint("Say which rows come first: ORDER BY .. LIMIT 10.")),
        }
    }

    /// The first rows of each partition of a relation, and the column of their numbers.
    fn top(
        &mut self,
        input: Relation,
        schema: &DFSchema,
        top: &Top<'_>,
    ) -> Result<(Relation, Option<usize>), SqlError> {
        let Top { partition, by, ranking, first, last, numbered } = *top;
        let mut wanted = Vec::with_capacity(partition.len() + by.len());
        for expr in partition.iter().chain(by.iter().map(|by| &by.expr)) {
            wanted.push(self.expr(expr, &input, schema)?);
        }
        let constant = |expr: &Expr| matches!(expr, Expr::Literal(..));
        let (input, places) = self.narrowed(input, &wanted)?;
        let node = self.builder.node(input.node)?.schema.clone();
        let name = |at: usize| node.field(places[at]).name.clone();
        let mut keys: Vec<usize> = Vec::new();
        for (at, place) in places[..partition.len()].iter().enumerate() {
            // A constant tells no row from another.
            if !keys.contains(place) && !constant(&wanted[at]) {
                keys.push(*place);
            }
        }
        let ordered = by.iter().enumerate().map(|(at, by)| OrderBy {
            column: name(partition.len() + at),
            descending: !by.asc,
            nulls_first: by.nulls_first,
        });
        let mut number = ranking.to_string();
        while node.index_of(&number).is_some() {
            number.push('\'');
        }
        let spec = TopSpec {
            partition: keys.iter().map(|&key| node.field(key).name.clone()).collect(),
            by: ordered.collect(),
            ranking,
            first,
            last,
            number: numbered.then_some(number),
        };
        let made = self.builder.top(input.node, &spec)?;
        let number = numbered.then_some(node.len());
        let key = match (ranking, number) {
            (Ranking::RowNumber, _) if first == last && !keys.is_empty() => Some(keys),
            (Ranking::RowNumber, Some(number)) => {
                keys.push(number);
                Some(keys)
            }
            _ => None,
        };
        Ok((Relation { node: made, columns: input.columns, key }, number))
    }

    /// A relation without what nobody reads, and with more expressions, whose places are returned.
    pub(super) fn narrowed(
        &mut self,
        input: Relation,
        wanted: &[Expr],
    ) -> Result<(Relation, Vec<usize>), SqlError> {
        let schema = self.builder.node(input.node)?.schema.clone();
        let mut exprs: Vec<Expr> = Vec::new();
        let mut place = |expr: Expr| {
            let found = exprs.iter().position(|known| *known == expr);
            found.unwrap_or_else(|| {
                exprs.push(expr);
                exprs.len() - 1
            })
        };
        let mut columns = Vec::with_capacity(input.columns.len());
        for out in &input.columns {
            columns.push(match *out {
                Out::Column(column) => Out::Column(place(Expr::Column(column))),
                Out::Window { start, end } => {
                    Out::Window { start: place(Expr::Column(start)), end: place(Expr::Column(end)) }
                }
            });
        }
        let places: Vec<usize> = wanted.iter().map(|expr| place(expr.clone())).collect();
        let plain = |expr: &Expr| match expr {
            Expr::Column(column) => Some(*column),
            _ => None,
        };
        let moved: Option<Vec<usize>> = exprs.iter().map(plain).collect();
        if let Some(moved) = moved.filter(|moved| moved.len() == schema.len()) {
            let places = places.into_iter().map(|place| moved[place]).collect();
            return Ok((input, places));
        }
        let named = exprs.into_iter().map(|expr| match expr {
            Expr::Column(column) => (schema.field(column).name.clone(), expr),
            computed => (computed.text(&schema), computed),
        });
        let named = unique_names(named.collect());
        let node = self.builder.project(input.node, named)?;
        Ok((Relation { node, columns, key: None }, places))
    }
}

/// First rows, as the planner says it.
struct Top<'a> {
    partition: &'a [Planned],
    by: &'a [SortExpr],
    ranking: Ranking,
    first: u64,
    last: u64,
    numbered: bool,
}

impl Range {
    /// Whether a condition compares the number with a constant and nothing else; it is kept then.
    fn narrow(&mut self, condition: &Planned, is_number: &dyn Fn(&Planned) -> bool) -> bool {
        match condition {
            Planned::BinaryExpr(BinaryExpr { left, op, right }) => {
                let (op, constant) = match (number(left), number(right)) {
                    (None, Some(constant)) if is_number(left) => (Some(*op), constant),
                    (Some(constant), None) if is_number(right) => (op.swap(), constant),
                    _ => return false,
                };
                op.is_some_and(|op| self.compare(op, constant))
            }
            Planned::Between(between) if !between.negated && is_number(&between.expr) => {
                let (Some(low), Some(high)) = (number(&between.low), number(&between.high)) else {
                    return false;
                };
                self.compare(Operator::GtEq, low) && self.compare(Operator::LtEq, high)
            }
            _ => false,
        }
    }

    fn compare(&mut self, op: Operator, constant: i64) -> bool {
        let (low, high) = match op {
            Operator::Eq => (Some(constant), Some(constant)),
            Operator::Lt => (None, Some(constant.saturating_sub(1))),
            Operator::LtEq => (None, Some(constant)),
            Operator::Gt => (Some(constant.saturating_add(1)), None),
            Operator::GtEq => (Some(constant), None),
            _ => return false,
        };
        let of = |number: i64| number.max(0).unsigned_abs();
        self.first = low.map_or(self.first, |low| self.first.max(of(low)));
        let last = high.map(of);
        self.last =
            self.last.map_or(last, |known| Some(last.map_or(known, |last| last.min(known))));
        true
    }
}

/// The column of a schema that an expression is, under whatever type.
fn position(expr: &Planned, schema: &DFSchema) -> Option<usize> {
    match expr {
        Planned::Column(column) => schema.index_of_column(column).ok(),
        Planned::Alias(alias) => position(&alias.expr, schema),
        Planned::Cast(cast) => position(&cast.expr, schema),
        _ => None,
    }
}

/// A whole number that an expression is.
fn number(expr: &Planned) -> Option<i64> {
    match expr {
        Planned::Cast(cast) => number(&cast.expr),
        Planned::Alias(alias) => number(&alias.expr),
        Planned::Literal(scalar, _) => match *scalar {
            ScalarValue::Int8(value) => value.map(i64::from),
            ScalarValue::Int16(value) => value.map(i64::from),
            ScalarValue::Int32(value) => value.map(i64::from),
            ScalarValue::Int64(value) => value,
            ScalarValue::UInt64(value) => i64::try_from(value?).ok(),
            _ => None,
        },
        _ => None,
    }
}

/// The window function beneath what only moves columns, if there is one and no other.
fn only_window(plan: &LogicalPlan) -> Option<Beneath<'_>> {
    match plan {
        LogicalPlan::Window(window) => {
            let columns = (0..window.schema.fields().len()).collect();
            (window.window_expr.len() == 1).then_some(Beneath { window, columns })
        }
        LogicalPlan::SubqueryAlias(alias) => only_window(&alias.input),
        LogicalPlan::Projection(projection) => {
            let beneath = only_window(&projection.input)?;
            let schema = projection.input.schema();
            let moved = |expr: &Planned| match expr {
                Planned::Cast(_) => None,
                expr => position(expr, schema).map(|at| beneath.columns[at]),
            };
            let columns = projection.expr.iter().map(moved).collect::<Option<Vec<usize>>>()?;
            Some(Beneath { columns, ..beneath })
        }
        _ => None,
    }
}

/// How a window function numbers rows, if it does.
fn ranking(window: &Window) -> Option<(Ranking, &WindowFunction)> {
    let function = function(&window.window_expr[0])?;
    let WindowFunctionDefinition::WindowUDF(of) = &function.fun else { return None };
    let ranking = match of.name() {
        "row_number" => Ranking::RowNumber,
        "rank" => Ranking::Rank,
        "dense_rank" => Ranking::DenseRank,
        _ => return None,
    };
    Some((ranking, function))
}

fn function(expr: &Planned) -> Option<&WindowFunction> {
    match expr {
        Planned::WindowFunction(function) => Some(function),
        Planned::Alias(alias) => function(&alias.expr),
        _ => None,
    }
}
