//! Queries that ask for one key of one view: the rows are found with one lookup, and need no
//! barrier and no planner.

use std::fmt::Write as _;

use datafusion::common::tree_node::TreeNode;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, LogicalPlan, Operator};

use crate::SqlError;
use crate::catalog::{Catalog, Definition};
use crate::column::Column;
use crate::front::{self, RowPrograms, literal_value};
use crate::schema::Schema;
use crate::types::DataType;
use crate::value::Value;

/// A query whose WHERE names all of a view's key.
#[derive(Debug)]
pub struct Lookup {
    view: String,
    /// Names and values of the key columns.
    key: Vec<(String, Part)>,
    /// How many columns the view has.
    width: usize,
    parameters: Vec<DataType>,
    /// What the query does with the rows; none where the planner has to.
    programs: Option<RowPrograms>,
}

/// What a key column is to be equal to.
#[derive(Clone, Debug, PartialEq)]
enum Part {
    Constant(Value),
    Parameter(usize),
}

impl Lookup {
    /// The lookup that answers a query, if one does. `parameters` are the types of its own.
    pub(super) fn of(
        plan: &LogicalPlan,
        relation: &str,
        catalog: &Catalog,
        parameters: &[DataType],
    ) -> Option<Lookup> {
        let object = catalog.object(relation)?;
        let Definition::MaterializedView { key, .. } = &object.definition else { return None };
        let filters = plan.exists(|node| Ok(matches!(node, LogicalPlan::Filter(_))));
        if key.is_empty() || !filters.expect("nothing in the walk fails") {
            return None;
        }
        // Without it conditions do not stand where they belong, nor constants without casts. What it
        // refuses fails when the query runs, with the same words.
        let plan = front::optimise(plan.clone()).ok()?;
        let given = equalities(&plan)?;
        let part = |column: &usize| {
            let field = object.schema.field(*column);
            let (_, value) = given.iter().find(|(name, _)| *name == field.name)?;
            Some((field.name.clone(), part(value, field.data_type, parameters)?))
        };
        let key = key.iter().map(part).collect::<Option<Vec<_>>>()?;
        let programs = RowPrograms::new(&plan, &object.schema, parameters);
        Some(Lookup {
            view: relation.to_owned(),
            key,
            width: object.schema.len(),
            parameters: parameters.to_vec(),
            programs,
        })
    }

    /// The view.
    pub fn view(&self) -> &str {
        &self.view
    }

    /// The key that is asked for with these parameters.
    pub fn key(&self, parameters: &[Value]) -> Vec<Value> {
        let value = |(_, part): &(String, Part)| match part {
            Part::Constant(value) => value.clone(),
            Part::Parameter(at) => parameters[*at].clone(),
        };
        self.key.iter().map(value).collect()
    }

    /// The columns of the result, where [`Lookup::rows`] makes them.
    pub fn schema(&self) -> Option<&Schema> {
        self.programs.as_ref().map(RowPrograms::schema)
    }

    /// What the query makes of the rows that were found, each of which is there as often as its
    /// weight says. To be asked only where [`Lookup::schema`] says of which columns.
    pub fn rows(
        &mut self,
        found: &[Column],
        weights: &[i64],
        parameters: &[Value],
    ) -> Result<Vec<Column>, SqlError> {
        assert_eq!(found.len(), self.width, "columns of \"{}\"", self.view);
        let programs = self.programs.as_mut().expect("asked only where there are programs");
        // A row that is still to go, because what it takes back has not come, is not there.
        let picks: Vec<u32> = (0..)
            .zip(weights)
            .flat_map(|(row, weight)| std::iter::repeat_n(row, (*weight).max(0) as usize))
            .collect();
        let mut input: Vec<Column> = Vec::with_capacity(self.width + self.parameters.len());
        for column in found {
            let mut rows = Column::new(column.data_type());
            rows.append(column, &picks);
            input.push(rows);
        }
        for (of, value) in self.parameters.iter().zip(parameters) {
            input.push(Column::of(*of, std::iter::repeat_n(value, picks.len())));
        }
        programs.run(&mut input, picks.len())
    }

    /// For people.
    pub(super) fn explain(&self) -> String {
        let mut text = format!("Lookup: view {} by key (", self.view);
        for (at, (name, part)) in self.key.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            let written = match part {
                Part::Constant(value) => write!(text, "{comma}{name} = {value}"),
                Part::Parameter(at) => write!(text, "{comma}{name} = ${}", at + 1),
            };
            written.expect("a text takes all");
        }
        let how = if self.programs.is_some() { "programs" } else { "the planner's executor" };
        write!(text, "), one shard, its present state; then by {how}").expect("a text takes all");
        text
    }
}

/// What a key column of this type is equal to where it equals an expression, if keys of the type are
/// equal only where their bytes are.
fn part(value: &Expr, key: DataType, parameters: &[DataType]) -> Option<Part> {
    let by_bytes = !matches!(
        key,
        DataType::Real
            | DataType::Double
            | DataType::Interval
            | DataType::Json
            | DataType::Array(_)
            | DataType::Map
            | DataType::Struct(_)
    );
    match value {
        _ if !by_bytes => None,
        Expr::Literal(scalar, _) => {
            let (value, of) = literal_value(scalar).ok()?;
            (of == key || value.is_null()).then_some(Part::Constant(value))
        }
        Expr::Placeholder(parameter) => {
            let at = front::parameter_place(&parameter.id)?;
            (parameters.get(at) == Some(&key)).then_some(Part::Parameter(at))
        }
        _ => None,
    }
}

/// Columns of the only scan of a plan, and what they must be equal to.
fn equalities(plan: &LogicalPlan) -> Option<Vec<(String, &Expr)>> {
    let mut found = Vec::new();
    let mut next = plan;
    loop {
        match next {
            LogicalPlan::TableScan(scan) => {
                found.extend(scan.filters.iter().flat_map(split_conjunction).filter_map(equality));
                return Some(found);
            }
            LogicalPlan::Filter(filter) => {
                let conditions = split_conjunction(&filter.predicate);
                found.extend(conditions.into_iter().filter_map(equality));
            }
            // A condition above it is not one on rows of the scan.
            _ => found.clear(),
        }
        let inputs = next.inputs();
        let [input] = inputs[..] else { return None };
        next = input;
    }
}

fn equality(condition: &Expr) -> Option<(String, &Expr)> {
    let Expr::BinaryExpr(BinaryExpr { left, op: Operator::Eq, right }) = condition else {
        return None;
    };
    match (left.as_ref(), right.as_ref()) {
        (Expr::Column(column), other) | (other, Expr::Column(column)) => {
            Some((column.name.clone(), other))
        }
        _ => None,
    }
}
