//! The planner's logical plan to our plan.
//!
//! Invariant: the columns of the planner's schema are found by [`Relation::columns`], so that a
//! projection that only moves columns costs nothing; names are given at the end.

mod aggregate;
mod expr;
mod join;
mod not_in;
mod over;
mod relation;
mod row;
mod top;

use datafusion::common::DFSchema;
use datafusion::logical_expr::{Expr as Planned, LogicalPlan, Projection};

use crate::SqlError;
use crate::dialect::window::Notice;
use crate::expr::{Expr, lit};
use crate::plan::{Builder, Emit, NodeId, Op};

pub(super) use aggregate::shape;
pub(super) use expr::window_mark;
use relation::{Out, Relation, unique_names};
pub(crate) use row::RowPrograms;

/// How a query is to run.
#[derive(Clone, Debug)]
pub(crate) struct Wishes {
    /// When windows put out rows.
    pub(crate) emit: Emit,
    /// How long a closed window takes rows.
    pub(crate) allowed_lateness_us: i64,
    /// The name of the stream of late rows.
    pub(crate) late_to: Option<String>,
}

/// A query as nodes of a plan.
pub(crate) struct Lowered {
    /// The node whose rows are the result.
    pub(crate) node: NodeId,
    /// The columns by which one row is told from another, if they are part of the result.
    pub(crate) key: Vec<usize>,
    /// The stream of late rows.
    pub(crate) late: Option<NodeId>,
    /// What the user should know.
    pub(crate) notices: Vec<Notice>,
}

/// Puts queries on top of relations that are there.
pub(crate) struct Lowering<'a> {
    builder: &'a mut Builder,
    relations: &'a dyn Fn(&str) -> Option<NodeId>,
    wishes: Wishes,
    /// Aggregates over windows, in order.
    windowed: Vec<NodeId>,
    /// For each of those, the columns of its input that late rows are to show.
    late_columns: Vec<Vec<(String, Expr)>>,
    notices: Vec<Notice>,
    /// The column of the first parameter, where parameters are columns behind those of the rows.
    parameters: Option<usize>,
}

impl<'a> Lowering<'a> {
    pub(crate) fn new(
        builder: &'a mut Builder,
        relations: &'a dyn Fn(&str) -> Option<NodeId>,
        wishes: Wishes,
    ) -> Lowering<'a> {
        let (windowed, late_columns, notices) = (Vec::new(), Vec::new(), Vec::new());
        let parameters = None;
        Lowering { builder, relations, wishes, windowed, late_columns, notices, parameters }
    }

    /// Adds the nodes of a query; `names` are its columns' if they were declared.
    pub(crate) fn query(
        mut self,
        plan: &LogicalPlan,
        names: &[String],
    ) -> Result<Lowered, SqlError> {
        let relation = match plan {
            // Nothing above asks for more than what is selected.
            LogicalPlan::Projection(projection) => self.projection(projection, false)?,
            other => self.relation(other)?,
        };
        if self.wishes.emit == Emit::OnClose && self.windowed.is_empty() {
            return Err(SqlError::invalid_parameter(
                "EMIT ON WINDOW CLOSE: the query has no window that could close",
            )
            .hint("Group by tumble(ts, INTERVAL '1 minute') or another window, or leave it out."));
        }
        let late = self.late()?;
        let (node, key) = self.named(&relation, plan.schema(), names)?;
        Ok(Lowered { node, key, late, notices: self.notices })
    }

    fn relation(&mut self, plan: &LogicalPlan) -> Result<Relation, SqlError> {
        match plan {
            LogicalPlan::TableScan(scan) => self.scan(scan),
            LogicalPlan::SubqueryAlias(alias) => self.relation(&alias.input),
            LogicalPlan::Projection(projection) => self.projection(projection, true),
            LogicalPlan::Filter(filter) => self.filtered(filter, None),
            LogicalPlan::Limit(limit) => self.limited(limit),
            LogicalPlan::Window(window) => self.window_results(window),
            LogicalPlan::Aggregate(aggregate) => self.aggregate(aggregate),
            LogicalPlan::Join(join) => self.join(join),
            other => Err(refused(other)),
        }
    }

    fn scan(&mut self, scan: &datafusion::logical_expr::TableScan) -> Result<Relation, SqlError> {
        let name = &super::table_name(&scan.table_name);
        let node = (self.relations)(name);
        let node = node.ok_or_else(|| {
            SqlError::unsupported(format!("\"{name}\" cannot be read by a continuous query"))
                .hint("Read a source, a stream or a materialized view.")
        })?;
        let width = self.builder.node(node)?.schema.len();
        let mut relation = Relation {
            node,
            columns: (0..width).map(Out::Column).collect(),
            key: self.view_key(node)?,
        };
        let all = DFSchema::try_from_qualified_schema(
            scan.table_name.clone(),
            scan.source.schema().as_ref(),
        );
        let all = all.map_err(super::of_planner)?;
        for filter in &scan.filters {
            relation = self.filter(relation, filter, &all)?;
        }
        if let Some(columns) = &scan.projection {
            relation.columns = columns.iter().map(|column| Out::Column(*column)).collect();
        }
        Ok(relation)
    }

    /// The columns by which rows of a view are told apart.
    fn view_key(&self, node: NodeId) -> Result<Option<Vec<usize>>, SqlError> {
        Ok(match &self.builder.node(node)?.op {
            Op::View { key, .. } if !key.is_empty() => Some(key.clone()),
            _ => None,
        })
    }

    fn filter(
        &mut self,
        input: Relation,
        predicate: &datafusion::logical_expr::Expr,
        schema: &DFSchema,
    ) -> Result<Relation, SqlError> {
        let predicate = self.expr(predicate, &input, schema)?;
        if predicate == lit(true) {
            return Ok(input);
        }
        let node = self.builder.filter(input.node, &predicate)?;
        Ok(Relation { node, ..input })
    }

    fn projection(&mut self, projection: &Projection, keep: bool) -> Result<Relation, SqlError> {
        let schema = projection.input.schema();
        let mut used = vec![false; schema.fields().len()];
        let read = projection.expr.iter().flat_map(|expr| expr.column_refs());
        for at in read.filter_map(|column| schema.index_of_column(column).ok()) {
            used[at] = true;
        }
        let input = self.read_by(&projection.input, &used)?;
        self.projected(projection, input, keep)
    }

    /// A relation of which some columns are read and no others.
    fn read_by(&mut self, plan: &LogicalPlan, used: &[bool]) -> Result<Relation, SqlError> {
        match plan {
            LogicalPlan::SubqueryAlias(alias) => self.read_by(&alias.input, used),
            LogicalPlan::Filter(filter) => self.filtered(filter, Some(used)),
            other => self.relation(other),
        }
    }

    /// A projection of a relation that has been lowered.
    fn projected(
        &mut self,
        projection: &Projection,
        input: Relation,
        keep: bool,
    ) -> Result<Relation, SqlError> {
        let schema = projection.input.schema();
        let mut outs = Vec::with_capacity(projection.expr.len());
        for expr in &projection.expr {
            outs.push(self.output(expr, &input, schema)?);
        }
        if outs.iter().all(|out| !matches!(out, Output::Computed(_))) {
            let moved = outs.into_iter().map(|out| match out {
                Output::Moved(out) => out,
                Output::Computed(_) => unreachable!("looked for above"),
            });
            return Ok(Relation { columns: moved.collect(), ..input });
        }
        let beneath = &self.builder.node(input.node)?.schema;
        let names = projection.expr.iter().zip(&outs).map(|(expr, out)| match (expr, out) {
            (Planned::Alias(alias), _) => alias.name.clone(),
            (Planned::Column(column), _) => column.name.clone(),
            (_, Output::Computed(expr)) => expr.text(beneath),
            (other, _) => other.schema_name().to_string(),
        });
        let names = names.collect();
        self.computed(&input, outs, names, keep)
    }

    /// Computes a projection. If `keep`, what the planner does not ask for goes on beside it because
    /// operators above may need it: event time, and what tells rows apart.
    fn computed(
        &mut self,
        input: &Relation,
        outs: Vec<Output>,
        names: Vec<String>,
        keep: bool,
    ) -> Result<Relation, SqlError> {
        let node = self.builder.node(input.node)?.clone();
        let mut exprs: Vec<(String, Expr)> = Vec::new();
        let mut columns = Vec::new();
        let place = |exprs: &mut Vec<(String, Expr)>, expr: Expr, name: &str| {
            let found = exprs.iter().position(|(_, known)| *known == expr);
            found.unwrap_or_else(|| {
                exprs.push((name.to_owned(), expr));
                exprs.len() - 1
            })
        };
        for (out, name) in outs.into_iter().zip(&names) {
            columns.push(match out {
                Output::Computed(expr) => Out::Column(place(&mut exprs, expr, name)),
                Output::Moved(Out::Column(column)) => {
                    Out::Column(place(&mut exprs, Expr::Column(column), name))
                }
                Output::Moved(Out::Window { start, end }) => Out::Window {
                    start: place(&mut exprs, Expr::Column(start), "window_start"),
                    end: place(&mut exprs, Expr::Column(end), "window_end"),
                },
            });
        }
        let times = node.times.iter().map(|time| time.column);
        let kept = times.chain(input.key.iter().flatten().copied());
        for column in kept.filter(|_| keep) {
            place(&mut exprs, Expr::Column(column), &node.schema.field(column).name);
        }
        let moved =
            |column: &usize| exprs.iter().position(|(_, expr)| *expr == Expr::Column(*column));
        let key = input.key.as_ref().and_then(|key| key.iter().map(moved).collect());
        let node = self.builder.project(input.node, unique_names(exprs))?;
        Ok(Relation { node, columns, key })
    }

    /// The stream of rows that came too late, if the query asks for it.
    fn late(&mut self) -> Result<Option<NodeId>, SqlError> {
        let Some(name) = self.wishes.late_to.clone() else { return Ok(None) };
        let [aggregate] = self.windowed[..] else {
            let message = match self.windowed.len() {
                0 => "LATE DATA TO: no row is late for a query without windows".to_owned(),
                n => format!("LATE DATA TO: the query has {n} windows that rows may be late for"),
            };
            return Err(
                SqlError::unsupported(message).hint("Use it on a query that groups by one window.")
            );
        };
        let late = self.builder.late(aggregate)?;
        let shown = self.builder.project(late, self.late_columns[0].clone())?;
        Ok(Some(self.builder.stream(shown, &name)?))
    }

    /// The result under the names it is to have, and its key.
    fn named(
        &mut self,
        relation: &Relation,
        schema: &DFSchema,
        declared: &[String],
    ) -> Result<(NodeId, Vec<usize>), SqlError> {
        if !declared.is_empty() && declared.len() != relation.columns.len() {
            let (found, wanted) = (relation.columns.len(), declared.len());
            return Err(SqlError::syntax(format!(
                "{wanted} columns are declared and the query has {found}"
            )));
        }
        let mut outputs = Vec::with_capacity(relation.columns.len());
        for (at, (out, field)) in relation.columns.iter().zip(schema.fields()).enumerate() {
            let name = declared.get(at).unwrap_or(field.name()).clone();
            let Out::Column(column) = *out else {
                return Err(SqlError::unsupported("a window is no value")
                    .hint("Select window_start and window_end."));
            };
            outputs.push((name, Expr::Column(column)));
        }
        let place =
            |column: &usize| outputs.iter().position(|(_, expr)| *expr == Expr::Column(*column));
        let key = relation.key.as_ref().and_then(|key| key.iter().map(place).collect());
        let same = self.builder.node(relation.node)?.schema.clone();
        let is_same = outputs.len() == same.len()
            && outputs.iter().enumerate().all(|(at, (name, expr))| {
                *expr == Expr::Column(at) && *name == same.field(at).name
            });
        let node = match is_same {
            true => relation.node,
            false => self.builder.project(relation.node, outputs)?,
        };
        Ok((node, key.unwrap_or_default()))
    }
}

/// A column of a projection.
enum Output {
    Moved(Out),
    Computed(Expr),
}

/// The parts of SQL that nothing here runs yet.
fn refused(plan: &LogicalPlan) -> SqlError {
    let (what, hint) = match plan {
        LogicalPlan::Union(_) => ("UNION in a continuous query", "Create one view for each part."),
        LogicalPlan::Sort(_) => (
            "ORDER BY without LIMIT in a continuous query",
            "Sort when you read: a view has no order. ORDER BY .. LIMIT 10 keeps the first rows.",
        ),
        LogicalPlan::Values(_) | LogicalPlan::EmptyRelation(_) => {
            ("a continuous query that reads no relation", "Read a source, a stream or a view.")
        }
        LogicalPlan::Unnest(_) => ("UNNEST in a continuous query", "Unnest when you read."),
        LogicalPlan::Subquery(_) => {
            ("a subquery as a value in a continuous query", "Create a view of it.")
        }
        _ => ("this part of a continuous query", "See EXPLAIN for its plan."),
    };
    SqlError::unsupported(format!("{what} is not supported")).hint(hint)
}
