//! A query over rows that are at hand: what of it can run as programs over their columns, without the
//! planner.

use datafusion::common::DFSchema;
use datafusion::logical_expr::{Expr as Planned, Filter, LogicalPlan, Projection, TableScan};

use super::{Lowering, Out, Relation, Wishes};
use crate::SqlError;
use crate::column::Column;
use crate::expr::{Expr, Failures, Program, Scratch};
use crate::front::of_planner;
use crate::front::types::type_of_field;
use crate::plan::{Builder, Emit};
use crate::schema::{Field, Schema};
use crate::types::DataType;

/// A filter and a projection over the rows of one relation, compiled. Parameters are columns behind
/// those of the rows.
#[derive(Debug)]
pub(crate) struct RowPrograms {
    /// Whether a row is taken.
    passes: Option<(Program, Scratch)>,
    outputs: Program,
    scratch: Scratch,
    schema: Schema,
    failures: Failures,
    picks: Vec<u32>,
}

impl RowPrograms {
    /// Compiles a query over one scan of a relation with these columns; nothing where it does more
    /// than to filter and to project, or computes what programs do not.
    pub(crate) fn new(plan: &LogicalPlan, rows: &Schema, parameters: &[DataType]) -> Option<Self> {
        let parts = Parts::of(plan)?;
        Self::compile(plan, &parts, rows, parameters).ok()
    }

    fn compile(
        plan: &LogicalPlan,
        parts: &Parts<'_>,
        rows: &Schema,
        parameters: &[DataType],
    ) -> Result<Self, SqlError> {
        let all = with_parameters(rows, parameters)?;
        let mut builder = Builder::new();
        let node = builder.source("rows", all.clone(), None)?;
        let wishes = Wishes { emit: Emit::Changes, allowed_lateness_us: 0, late_to: None };
        let none = |_: &str| None;
        let mut lowering = Lowering::new(&mut builder, &none, wishes);
        lowering.parameters = Some(rows.len());
        let columns: Vec<Out> = match &parts.scan.projection {
            Some(columns) => columns.iter().map(|column| Out::Column(*column)).collect(),
            None => (0..rows.len()).map(Out::Column).collect(),
        };
        let whole =
            Relation { node, columns: (0..rows.len()).map(Out::Column).collect(), key: None };
        let relation = Relation { node, columns, key: None };
        let lowered = |exprs: &[&Planned], relation: &Relation, schema: &DFSchema| {
            let exprs = exprs.iter().map(|expr| lowering.expr(expr, relation, schema));
            exprs.collect::<Result<Vec<Expr>, SqlError>>()
        };
        let shown: &DFSchema = &parts.scan.projected_schema;
        let scanned: Vec<&Planned> = parts.scan.filters.iter().collect();
        let mut passes = lowered(&scanned, &whole, &parts.scanned()?)?;
        passes.extend(lowered(&parts.filters, &relation, shown)?);
        let passes = passes.into_iter().reduce(Expr::and);
        let outputs = match parts.outputs {
            Some(outputs) => lowered(&outputs.iter().collect::<Vec<_>>(), &relation, shown)?,
            None => {
                let column = |out: &Out| match out {
                    Out::Column(column) => Expr::Column(*column),
                    Out::Window { .. } => unreachable!("a scan has columns only"),
                };
                relation.columns.iter().map(column).collect()
            }
        };
        let passes = passes.map(|passes| Program::compile(&[passes], &all)).transpose()?;
        let outputs = Program::compile(&outputs, &all)?;
        // What the library says when it fails is worth more than the time it takes.
        if passes.iter().chain([&outputs]).any(|program| program.counts().library > 0) {
            return Err(SqlError::unsupported("functions of the library"));
        }
        Ok(RowPrograms {
            schema: result(plan, &outputs)?,
            passes: passes.map(|program| (program.clone(), program.scratch())),
            scratch: outputs.scratch(),
            outputs,
            failures: Failures::new(),
            picks: Vec::new(),
        })
    }

    /// The columns of the result.
    pub(crate) fn schema(&self) -> &Schema {
        &self.schema
    }

    /// Runs it over `rows` rows, behind whose columns are those of the parameters.
    pub(crate) fn run(
        &mut self,
        input: &mut [Column],
        rows: usize,
    ) -> Result<Vec<Column>, SqlError> {
        let RowPrograms { passes, outputs, scratch, failures, picks, .. } = self;
        picks.clear();
        match passes {
            Some((program, scratch)) => {
                program.run(input, rows, scratch, failures);
                failed(failures)?;
                program.selected(scratch, input, 0, picks);
            }
            None => picks.extend(0..rows as u32),
        }
        outputs.run_picked(input, picks, scratch, failures);
        failed(failures)?;
        let mut found = Vec::with_capacity(outputs.output_count());
        for index in 0..outputs.output_count() {
            let mut column = Column::new(outputs.data_type(index));
            outputs.take_output(scratch, input, Some(picks), index, &mut column);
            found.push(column);
        }
        Ok(found)
    }
}

/// The columns of rows, and behind them those of parameters, with names that no other has.
fn with_parameters(rows: &Schema, parameters: &[DataType]) -> Result<Schema, SqlError> {
    let mut fields = rows.fields().to_vec();
    for (at, of) in parameters.iter().enumerate() {
        let mut name = format!("${}", at + 1);
        while rows.index_of(&name).is_some() {
            name.push('\'');
        }
        fields.push(Field::nullable(name, *of));
    }
    Schema::new(fields)
}

/// The columns that the planner says a query gives, if they are what programs compute.
fn result(plan: &LogicalPlan, outputs: &Program) -> Result<Schema, SqlError> {
    let fields = plan.schema().fields().iter().enumerate().map(|(at, field)| {
        let data_type = type_of_field(field)?;
        if outputs.data_type(at) != data_type {
            let message = format!("column {} is {data_type} to the planner", at + 1);
            return Err(SqlError::datatype_mismatch(message));
        }
        Ok(Field { name: field.name().clone(), data_type, nullable: field.is_nullable() })
    });
    Schema::new(fields.collect::<Result<_, SqlError>>()?)
}

fn failed(failures: &Failures) -> Result<(), SqlError> {
    failures.rows().first().map_or(Ok(()), |(_, error)| Err(SqlError::of_row(*error)))
}

/// What a query does with the rows of a scan.
struct Parts<'a> {
    scan: &'a TableScan,
    /// Beside those of the scan.
    filters: Vec<&'a Planned>,
    outputs: Option<&'a [Planned]>,
}

impl<'a> Parts<'a> {
    fn of(plan: &'a LogicalPlan) -> Option<Parts<'a>> {
        let (outputs, mut next) = match plan {
            LogicalPlan::Projection(Projection { expr, input, .. }) => {
                (Some(expr.as_slice()), input.as_ref())
            }
            other => (None, other),
        };
        let mut filters = Vec::new();
        while let LogicalPlan::Filter(Filter { predicate, input, .. }) = next {
            filters.push(predicate);
            next = input.as_ref();
        }
        let LogicalPlan::TableScan(scan) = next else { return None };
        scan.fetch.is_none().then_some(Parts { scan, filters, outputs })
    }

    /// All columns of the scan, which its own filters name.
    fn scanned(&self) -> Result<DFSchema, SqlError> {
        let TableScan { table_name, source, .. } = self.scan;
        let all = DFSchema::try_from_qualified_schema(table_name.clone(), source.schema().as_ref());
        all.map_err(of_planner)
    }
}
