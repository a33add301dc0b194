//! How syntax becomes expressions and types where we differ from the planner.

use super::functions;
use super::types::arrow_field;
use crate::dialect;
use crate::expr::{BinaryOp, Native};
use crate::schema::Field;
use arrow::datatypes::FieldRef;
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawBinaryExpr, TypePlanner};
use datafusion::logical_expr::{Expr, ExprSchemable};
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
        let RawBinaryExpr { op, left, right } = expr;
        let (function, args) = if let Some(op) = arithmetic(&op) {
            (functions::operator(op), [left, right].map(narrow))
        } else if op == BinaryOperator::StringConcat && !is_list(&left, schema)? {
            (functions::native(Native::Append), [left, right])
        } else {
            return Ok(PlannerResult::Original(RawBinaryExpr { op, left, right }));
        };
        let call = Expr::ScalarFunction(ScalarFunction::new_udf(function, args.to_vec()));
        // Refused here, where it stands, rather than when all is put together.
        call.get_type(schema)?;
        Ok(PlannerResult::Planned(call))
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
