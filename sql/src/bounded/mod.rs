//! Queries that run once, over rows handed to them: the one place that runs DataFusion.

mod lookup;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType as ArrowType, Schema as ArrowSchema, SchemaRef, TimeUnit};
use datafusion::common::Column;
use datafusion::common::tree_node::Transformed;
use datafusion::datasource::{MemTable, provider_as_source};
use datafusion::execution::SessionStateBuilder;
use datafusion::logical_expr::{Cast, Expr, LogicalPlan, LogicalPlanBuilder, TableScan, try_cast};
use datafusion::prelude::{SessionConfig, SessionContext};
use sqlparser::ast::Query;

use crate::SqlError;
use crate::catalog::Catalog;
use crate::column::arrow::schema_of;
use crate::front::{self, Relations, arrow_field, of_planner};
use crate::schema::{Field, Schema};
use crate::types::DataType;
use crate::value::Value;

pub use lookup::Lookup;

/// A query that is ready to run.
#[derive(Clone, Debug)]
pub struct Bounded {
    plan: LogicalPlan,
    reads: BTreeSet<String>,
    /// Rows of relations that are there already.
    given: BTreeMap<String, Vec<RecordBatch>>,
    parameters: Vec<DataType>,
}

impl Bounded {
    /// Binds a query that was read from `text`. It may have parameters if the types are `declared`
    /// that the first ones of them have.
    pub fn new(
        mut query: Query,
        catalog: &Catalog,
        text: &str,
        declared: Option<&[DataType]>,
    ) -> Result<Bounded, SqlError> {
        let _ = crate::dialect::window::rewrite(&mut query, text)?;
        crate::catalog::name_columns(&mut query);
        let relations = catalog as &dyn Relations;
        let (plan, parameters) = match declared {
            Some(declared) => front::bind_prepared(&query, relations, text, declared)?,
            None => (front::bind(&query, relations, Some(text))?, Vec::new()),
        };
        let plan = storable(front::assign_windows(plan)?).map_err(of_planner)?;
        let reads = front::reads(&plan);
        Ok(Bounded { plan, reads, given: BTreeMap::new(), parameters })
    }

    /// The types of its parameters.
    pub fn parameters(&self) -> &[DataType] {
        &self.parameters
    }

    /// Values for its parameters, each as one of the type that the parameter has.
    pub fn values(&self, given: Vec<Value>) -> Result<Vec<Value>, SqlError> {
        let (found, wanted) = (given.len(), self.parameters.len());
        if found != wanted {
            let types: Vec<String> = self.parameters.iter().map(DataType::to_string).collect();
            return Err(SqlError::syntax(format!(
                "the statement has {wanted} parameters and was given {found} values"
            ))
            .hint(format!("They are ({}).", types.join(", "))));
        }
        let fit = |(at, (value, of)): (usize, (Value, &DataType))| {
            let value = value.converted(*of, &format!("parameter ${}", at + 1))?;
            value.fits(&Field::nullable(format!("${}", at + 1), *of))?;
            Ok(value)
        };
        given.into_iter().zip(&self.parameters).enumerate().map(fit).collect()
    }

    /// The query with values for its parameters, which are of their types.
    pub fn with_values(&self, values: &[Value]) -> Result<Bounded, SqlError> {
        if self.parameters.is_empty() {
            return Ok(self.clone());
        }
        let plan = front::with_values(self.plan.clone(), &self.parameters, values)?;
        let Bounded { reads, given, .. } = self.clone();
        Ok(Bounded { plan, reads, given, parameters: Vec::new() })
    }

    /// The lookup that answers it, where it asks for one key of one view of this catalog.
    pub fn lookup(&self, catalog: &Catalog) -> Option<Lookup> {
        let mut reads = self.reads();
        let (Some(relation), None) = (reads.next(), reads.next()) else { return None };
        Lookup::of(&self.plan, relation, catalog, &self.parameters)
    }

    /// The same at a time of day that stands still, in microseconds since 1970.
    pub fn at(self, now_us: i64) -> Result<Bounded, SqlError> {
        let Bounded { plan, reads, given, parameters } = self;
        Ok(Bounded { plan: front::at_moment(plan, now_us)?, reads, given, parameters })
    }

    /// The relations whose rows it needs.
    pub fn reads(&self) -> impl Iterator<Item = &str> {
        self.reads.iter().map(String::as_str)
    }

    /// Gives the rows of a relation that it reads, so that it needs none of it any more.
    pub fn give(&mut self, name: &str, rows: Vec<RecordBatch>) {
        assert!(self.reads.remove(name), "\"{name}\" is read");
        self.given.insert(name.to_owned(), rows);
    }

    /// The columns of its result.
    pub fn schema(&self) -> Result<Schema, SqlError> {
        schema_of(self.plan.schema().as_arrow())
    }

    /// The plan, for people.
    pub fn explain(&self, catalog: &Catalog) -> String {
        let plan = self.plan.display_indent().to_string();
        match self.lookup(catalog) {
            Some(lookup) => format!("{}\n{plan}", lookup.explain()),
            None => plan,
        }
    }

    /// The same rows as those of a relation with these columns: what goes to column `targets[i]` is
    /// the `i`-th, and NULL to all others.
    pub fn assigned(self, to: &Schema, targets: &[usize]) -> Result<Bounded, SqlError> {
        let found = self.plan.schema().fields().len();
        if found != targets.len() {
            let wanted = targets.len();
            return Err(SqlError::syntax(format!(
                "INSERT names {wanted} columns and gives {found} values a row"
            )));
        }
        let given = self.plan.schema().columns();
        let mut outputs = Vec::with_capacity(to.len());
        for (at, field) in to.fields().iter().enumerate() {
            let target = arrow_field(field);
            let value = match targets.iter().position(|target| *target == at) {
                Some(place) => Expr::Column(given[place].clone()),
                None if field.nullable => {
                    Expr::Literal(datafusion::common::ScalarValue::Null, None)
                }
                None => return Err(SqlError::not_null(&field.name)),
            };
            let cast = Cast::new_from_field(Box::new(value), target);
            outputs.push(Expr::Cast(cast).alias(&field.name));
        }
        let Bounded { plan, reads, given, parameters } = self;
        let plan = LogicalPlanBuilder::from(plan).project(outputs);
        let plan = plan.and_then(LogicalPlanBuilder::build).map_err(of_planner)?;
        Ok(Bounded { plan, reads, given, parameters })
    }

    /// Runs it over the rows that `relations` gives for each relation that it reads.
    pub fn run(
        self,
        mut relations: impl FnMut(&str) -> Result<Vec<RecordBatch>, SqlError>,
    ) -> Result<(SchemaRef, Vec<RecordBatch>), SqlError> {
        let Bounded { plan, given, .. } = self;
        let mut rows_of = |name: &str| match given.get(name) {
            Some(rows) => Ok(rows.clone()),
            None => relations(name),
        };
        let mut failed = None;
        let plan = plan.transform_up_with_subqueries(|node| match node {
            LogicalPlan::TableScan(scan) if front::is_relation(&scan) => {
                match rows_of(&front::table_name(&scan.table_name)) {
                    Ok(rows) => Ok(Transformed::yes(LogicalPlan::TableScan(over(scan, rows)?))),
                    Err(error) => {
                        failed = Some(error);
                        Ok(Transformed::no(LogicalPlan::TableScan(scan)))
                    }
                }
            }
            other => Ok(Transformed::no(other)),
        });
        if let Some(error) = failed {
            return Err(error);
        }
        let plan = plan.and_then(|plan| front::meant(plan.data)).map_err(of_planner)?;
        execute(plan)
    }
}

/// The types that no column has become others: a bare NULL is a text, a number of rows a BIGINT, and
/// a moment to the nanosecond one to the microsecond.
fn storable(plan: LogicalPlan) -> datafusion::error::Result<LogicalPlan> {
    let other = |data_type: &ArrowType| match data_type {
        // As columns have them, so that a query that runs once gives the arrays that a view gives.
        ArrowType::Utf8 | ArrowType::LargeUtf8 => Some(ArrowType::Utf8View),
        ArrowType::Binary | ArrowType::LargeBinary => Some(ArrowType::BinaryView),
        ArrowType::Null => Some(ArrowType::Utf8View),
        ArrowType::UInt64 => Some(ArrowType::Int64),
        ArrowType::Timestamp(TimeUnit::Nanosecond, zone) => {
            Some(ArrowType::Timestamp(TimeUnit::Microsecond, zone.clone()))
        }
        _ => None,
    };
    if plan.schema().fields().iter().all(|field| other(field.data_type()).is_none()) {
        return Ok(plan);
    }
    let columns = plan.schema().iter().map(|(relation, field)| {
        let column = Expr::Column(Column::from((relation, field)));
        match other(field.data_type()) {
            Some(to) => try_cast(column, to).alias(field.name()),
            None => column,
        }
    });
    let columns: Vec<Expr> = columns.collect();
    LogicalPlanBuilder::from(plan).project(columns)?.build()
}

/// A scan of rows that are there.
fn over(scan: TableScan, rows: Vec<RecordBatch>) -> datafusion::error::Result<TableScan> {
    let schema = scan.source.schema();
    let table = MemTable::try_new(schema, vec![rows])?;
    Ok(TableScan { source: provider_as_source(Arc::new(table)), ..scan })
}

fn execute(plan: LogicalPlan) -> Result<(SchemaRef, Vec<RecordBatch>), SqlError> {
    let config = SessionConfig::new().with_target_partitions(1);
    // The check takes a common expression that may be NULL for one that may not.
    let config = config.set_bool("datafusion.execution.skip_physical_aggregate_schema_check", true);
    let state = SessionStateBuilder::new_with_default_features().with_config(config).build();
    let context = SessionContext::new_with_state(state);
    // It takes sums of sums, which are of another type than sums.
    context.remove_optimizer_rule("single_distinct_aggregation_to_group_by");
    let schema: SchemaRef = Arc::new(ArrowSchema::clone(plan.schema().as_arrow()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.map_err(|error| SqlError::resources(error.to_string()))?;
    let batches =
        runtime.block_on(async { context.execute_logical_plan(plan).await?.collect().await });
    Ok((schema, batches.map_err(of_planner)?))
}
