//! What the planner may know: relations, functions, options.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::datatypes::{DataType as ArrowType, SchemaRef};
use datafusion::common::config::ConfigOptions;
use datafusion::common::{Result, TableReference};
use datafusion::datasource::DefaultTableSource;
use datafusion::execution::SessionStateDefaults;
use datafusion::logical_expr::builder::LogicalTableSource;
use datafusion::logical_expr::planner::{ContextProvider, ExprPlanner, TypePlanner};
use datafusion::logical_expr::{
    AggregateUDF, Expr, HigherOrderUDF, LogicalPlan, ScalarUDF, TableScan, TableSource, WindowUDF,
};
use sqlparser::ast::Query;

use super::error::known;
use super::functions::{self, outside};
use super::planner::{Operators, Types};
use super::series;
use crate::SqlError;
use crate::column::arrow::arrow_schema;
use crate::schema::Schema;

/// A function as the planner calls it.
pub(crate) type Udf = Arc<ScalarUDF>;

/// An aggregate as the planner calls it.
pub(crate) type Udaf = Arc<AggregateUDF>;

/// The relations and functions that a query may name.
pub(crate) trait Relations {
    /// The columns of a relation.
    fn columns(&self, name: &str) -> Option<Schema>;

    /// The query that stands for a relation, if it is one under a name.
    fn query(&self, name: &str) -> Option<&Query>;

    /// All names, for the hint at a wrong one.
    fn names(&self) -> Vec<&str>;

    /// The function of the application's that SQL calls so.
    fn function(&self, name: &str) -> Option<Udf>;

    /// The aggregate of the application's that SQL calls so.
    fn aggregate(&self, name: &str) -> Option<Udaf>;
}

/// The name of a relation as the catalog has it: all schemas but that of the system are one.
pub(crate) fn table_name(reference: &TableReference) -> String {
    match reference.schema() {
        None | Some("public") => reference.table().to_owned(),
        Some(schema) => format!("{schema}.{}", reference.table()),
    }
}

/// Whether the rows of a scan are those of a relation, and not made by a function in FROM.
pub(crate) fn is_relation(scan: &TableScan) -> bool {
    !scan.source.is::<DefaultTableSource>()
}

/// A query under a name, which is put in where it is read.
struct Named {
    plan: LogicalPlan,
    schema: SchemaRef,
}

impl TableSource for Named {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn get_logical_plan(&self) -> Option<Cow<'_, LogicalPlan>> {
        Some(Cow::Borrowed(&self.plan))
    }
}

/// The planner's view of the world.
pub(super) struct Context<'a> {
    relations: &'a dyn Relations,
    options: ConfigOptions,
    planners: Vec<Arc<dyn ExprPlanner>>,
}

impl<'a> Context<'a> {
    pub(super) fn new(relations: &'a dyn Relations) -> Context<'a> {
        let mut planners: Vec<Arc<dyn ExprPlanner>> = vec![Arc::new(Operators)];
        planners.extend(SessionStateDefaults::default_expr_planners());
        Context { relations, options: ConfigOptions::default(), planners }
    }
}

impl ContextProvider for Context<'_> {
    fn get_table_source(&self, name: TableReference) -> Result<Arc<dyn TableSource>> {
        let wanted = table_name(&name);
        let Some(schema) = self.relations.columns(&wanted) else {
            let names = self.relations.names();
            let error = SqlError::undefined_relation("relation", &wanted);
            return Err(outside(error.hint(known("relation", &wanted, &names))));
        };
        if let Some(query) = self.relations.query(&wanted) {
            let plan = super::bind(query, self.relations, None).map_err(outside)?;
            return Ok(Arc::new(Named { plan, schema: Arc::new(arrow_schema(&schema)) }));
        }
        Ok(Arc::new(LogicalTableSource::new(Arc::new(arrow_schema(&schema)))))
    }

    fn get_expr_planners(&self) -> &[Arc<dyn ExprPlanner>] {
        &self.planners
    }

    fn get_type_planner(&self) -> Option<Arc<dyn TypePlanner>> {
        Some(Arc::new(Types))
    }

    fn get_table_function_source(
        &self,
        name: &str,
        args: Vec<Expr>,
    ) -> Result<Arc<dyn TableSource>> {
        series::source(name, args)
    }

    fn get_function_meta(&self, name: &str) -> Option<Arc<ScalarUDF>> {
        functions::all().scalar.get(name).cloned().or_else(|| self.relations.function(name))
    }

    fn get_higher_order_meta(&self, name: &str) -> Option<Arc<HigherOrderUDF>> {
        functions::all().higher.get(name).cloned()
    }

    fn get_aggregate_meta(&self, name: &str) -> Option<Arc<AggregateUDF>> {
        functions::all().aggregate.get(name).cloned().or_else(|| self.relations.aggregate(name))
    }

    fn get_window_meta(&self, name: &str) -> Option<Arc<WindowUDF>> {
        functions::all().window.get(name).cloned()
    }

    fn get_variable_type(&self, _: &[String]) -> Option<ArrowType> {
        None
    }

    fn options(&self) -> &ConfigOptions {
        &self.options
    }

    fn udf_names(&self) -> Vec<String> {
        functions::all().scalar.keys().filter(|name| !name.starts_with("__")).cloned().collect()
    }

    fn higher_order_function_names(&self) -> Vec<String> {
        functions::all().higher.keys().cloned().collect()
    }

    fn udaf_names(&self) -> Vec<String> {
        functions::all().aggregate.keys().cloned().collect()
    }

    fn udwf_names(&self) -> Vec<String> {
        functions::all().window.keys().cloned().collect()
    }
}
