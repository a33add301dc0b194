//! How syntax becomes expressions and types where we differ from the planner.

use super::compare;
use super::functions;
use super::types::{arrow_field, type_of_field};
use crate::SqlError;
use crate::dialect;
use crate::expr::{BinaryOp, Native};
use crate::schema::Field;
use crate::types::DataType;
use arrow::datatypes::FieldRef;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{
    ExprPlanner, PlannerResult, RawAggregateExpr, RawBinaryExpr, RawFieldAccessExpr, TypePlanner,
};
use datafusion::logical_expr::{Expr, ExprSchemable, GetFieldAccess, lit, not};
use datafusion::sql::sqlparser::ast::{BinaryOperator, DataType as SqlType};

/// Arithmetic is checked and has the types of PostgreSQL.
#[derive(Debug)]
pub(super) struct Operators;

impl ExprPlanner for Operators {
    fn plan_binary_op(
        &self,
        expr: RawBinaryExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawBinaryExpr>> {
        let RawBinaryExpr { op, mut left, mut right } = expr;
        alike(&mut left, &mut right, schema)?;
        if comparison(&op).is_some() {
            (left, right) = compare::sides(left, right, schema)?;
        }
        let (function, args) = if let Some(op) = arithmetic(&op) {
            (functions::operator(op), [left, right].map(narrow))
        } else if op == BinaryOperator::StringConcat && !is_list(&left, schema)? {
            (functions::native(Native::Append), [left, right])
        } else if let Some(native) = json(&op)
            && type_of(&left, schema)? == Some(DataType::Json)
        {
            (functions::native(native), [left, right])
        } else if let Some((ignores_case, negated)) = regex(&op) {
            let mut args = vec![left, right];
            args.extend(ignores_case.then(|| lit("i")));
            let found = call(Native::RegexpLike, args);
            return Ok(PlannerResult::Planned(if negated { not(found) } else { found }));
        } else if let Some(op) = comparison(&op)
            && type_of(&left, schema)? == Some(DataType::Interval)
            && type_of(&right, schema)? == Some(DataType::Interval)
        {
            // A month is thirty days.
            (functions::operator(op), [left, right])
        } else {
            return Ok(PlannerResult::Original(RawBinaryExpr { op, left, right }));
        };
        let call = Expr::ScalarFunction(ScalarFunction::new_udf(function, args.to_vec()));
        // Refused here, where it stands, rather than when all is put together.
        call.get_type(schema)?;
        Ok(PlannerResult::Planned(call))
    }

    /// `array[n]`, `map['key']`, `json['key']`, and the group of a match.
    fn plan_field_access(
        &self,
        expr: RawFieldAccessExpr,
        schema: &DFSchema,
    ) -> Result<PlannerResult<RawFieldAccessExpr>> {
        let RawFieldAccessExpr { field_access, expr: of } = expr;
        let key = match &field_access {
            GetFieldAccess::ListIndex { key } => key.as_ref().clone(),
            GetFieldAccess::NamedStructField { name } => Expr::Literal(name.clone(), None),
            GetFieldAccess::ListRange { .. } => {
                return Ok(PlannerResult::Original(RawFieldAccessExpr { field_access, expr: of }));
            }
        };
        if let Expr::ScalarFunction(function) = &of
            && function.func.name() == "regexp_match"
        {
            let args = function.args.iter().cloned().chain([key]).collect();
            return Ok(PlannerResult::Planned(call(Native::RegexpCapture, args)));
        }
        let native = match type_of(&of, schema)? {
            Some(DataType::Map) => Native::MapGet,
            Some(DataType::Json) => Native::JsonGet,
            Some(DataType::Array(_)) => Native::Subscript,
            _ => {
                return Ok(PlannerResult::Original(RawFieldAccessExpr { field_access, expr: of }));
            }
        };
        Ok(PlannerResult::Planned(call(native, vec![of, key])))
    }

    /// Values that are taken once each come in their own order.
    fn plan_aggregate(
        &self,
        mut expr: RawAggregateExpr,
    ) -> Result<PlannerResult<RawAggregateExpr>> {
        let name = expr.func.name();
        if expr.distinct
            && matches!(name, "string_agg" | "array_agg")
            && let Some(value) = expr.args.first()
        {
            match &expr.order_by[..] {
                [] => expr.order_by.push(value.clone().sort(true, false)),
                [sort] if sort.expr == *value => {}
                _ => {
                    let message = format!("{name} with DISTINCT goes by the order of its argument");
                    let error = SqlError::invalid_reference(message);
                    let hint = "Order by the argument itself, or leave DISTINCT out.";
                    return Err(functions::outside(error.hint(hint)));
                }
            }
        }
        Ok(PlannerResult::Original(expr))
    }

    fn plan_extract(&self, args: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        Ok(PlannerResult::Planned(call(Native::DatePart, args)))
    }

    fn plan_position(&self, args: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        Ok(PlannerResult::Planned(call(Native::Position, args)))
    }

    fn plan_substring(&self, args: Vec<Expr>) -> Result<PlannerResult<Vec<Expr>>> {
        Ok(PlannerResult::Planned(call(Native::Substr, args)))
    }
}

fn call(native: Native, args: Vec<Expr>) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(functions::native(native), args))
}

/// Arrays are put together by the library.
fn is_list(expr: &Expr, schema: &DFSchema) -> Result<bool> {
    Ok(expr.get_type(schema)?.is_list())
}

/// Operators that take JSON apart.
fn json(op: &BinaryOperator) -> Option<Native> {
    Some(match op {
        BinaryOperator::Arrow => Native::JsonGet,
        BinaryOperator::LongArrow => Native::JsonGetText,
        BinaryOperator::HashArrow => Native::JsonGetPath,
        BinaryOperator::HashLongArrow => Native::JsonGetPathText,
        BinaryOperator::Question => Native::JsonExists,
        _ => return None,
    })
}

/// Of an operator that matches a regular expression: whether case is ignored, and whether it is
/// denied.
fn regex(op: &BinaryOperator) -> Option<(bool, bool)> {
    Some(match op {
        BinaryOperator::PGRegexMatch => (false, false),
        BinaryOperator::PGRegexIMatch => (true, false),
        BinaryOperator::PGRegexNotMatch => (false, true),
        BinaryOperator::PGRegexNotIMatch => (true, true),
        _ => return None,
    })
}

fn comparison(op: &BinaryOperator) -> Option<BinaryOp> {
    Some(match op {
        BinaryOperator::Eq => BinaryOp::Eq,
        BinaryOperator::NotEq => BinaryOp::NotEq,
        BinaryOperator::Lt => BinaryOp::Lt,
        BinaryOperator::LtEq => BinaryOp::LtEq,
        BinaryOperator::Gt => BinaryOp::Gt,
        BinaryOperator::GtEq => BinaryOp::GtEq,
        _ => return None,
    })
}

/// A parameter whose type nothing says yet has that of the other side.
fn alike(left: &mut Expr, right: &mut Expr, schema: &DFSchema) -> Result<()> {
    let (parameter, other) = match (left, right) {
        (Expr::Placeholder(left), Expr::Placeholder(_)) if left.field.is_none() => return Ok(()),
        (Expr::Placeholder(parameter), other) | (other, Expr::Placeholder(parameter)) => {
            (parameter, other)
        }
        _ => return Ok(()),
    };
    if parameter.field.is_none() {
        let (_, field) = narrow(other.clone()).to_field(schema)?;
        parameter.field = Some(field.as_ref().clone().with_nullable(true).into());
    }
    Ok(())
}

/// The type of an expression, if a column can have it.
fn type_of(expr: &Expr, schema: &DFSchema) -> Result<Option<DataType>> {
    let (_, field) = expr.to_field(schema)?;
    Ok(type_of_field(&field).ok())
}

fn arithmetic(op: &BinaryOperator) -> Option<BinaryOp> {
    Some(match op {
        BinaryOperator::Plus => BinaryOp::Add,
        BinaryOperator::Minus => BinaryOp::Sub,
        BinaryOperator::Multiply => BinaryOp::Mul,
        BinaryOperator::Divide => BinaryOp::Div,
        BinaryOperator::Modulo => BinaryOp::Mod,
        _ => return None,
    })
}

/// A whole number that an INT holds is an INT, so that it does not widen what it is added to.
fn narrow(expr: Expr) -> Expr {
    if let Expr::Literal(ScalarValue::Int64(Some(value)), metadata) = &expr
        && let Ok(small) = i32::try_from(*value)
    {
        return Expr::Literal(ScalarValue::Int32(Some(small)), metadata.clone());
    }
    expr
}

/// Names of types mean ours.
#[derive(Debug)]
pub(super) struct Types;

impl TypePlanner for Types {
    fn plan_type_field(&self, sql_type: &SqlType) -> Result<Option<FieldRef>> {
        let data_type = dialect::data_type(sql_type).map_err(functions::outside)?;
        Ok(Some(arrow_field(&Field::nullable("", data_type))))
    }
}
