//! Expressions of the planner as ours.

use datafusion::common::DFSchema;
use datafusion::logical_expr::expr::{
    Between, BinaryExpr, Case, InList, Placeholder, ScalarFunction,
};
use datafusion::logical_expr::{Expr as Planned, Operator, ScalarUDF};
use std::any::Any;
use std::sync::Arc;

use super::{Lowering, Out, Output, Relation};
use crate::SqlError;
use crate::expr::{Argument, BinaryOp, Expr, Function, Native, library, lit};
use crate::front::functions::{Ours, WindowKind, WindowMark};
use crate::front::literal;
use crate::front::parameters;
use crate::front::types::type_of_field;
use crate::types::DataType;
use crate::value::Value;

/// The window that an expression stands for, and what it is given.
pub(in crate::front) fn window_mark(expr: &Planned) -> Option<(WindowKind, &[Planned])> {
    match expr {
        Planned::ScalarFunction(ScalarFunction { func, args }) => {
            let inner: &dyn Any = func.inner().as_ref();
            inner.downcast_ref::<WindowMark>().map(|mark| (mark.kind, &args[..]))
        }
        Planned::Alias(alias) => window_mark(&alias.expr),
        _ => None,
    }
}

impl Lowering<'_> {
    /// A column of a projection: one that is there, or one to compute.
    pub(super) fn output(
        &self,
        expr: &Planned,
        input: &Relation,
        schema: &DFSchema,
    ) -> Result<Output, SqlError> {
        match expr {
            Planned::Alias(alias) => self.output(&alias.expr, input, schema),
            Planned::Column(column) => {
                let at = schema.index_of_column(column).map_err(super::super::of_planner)?;
                Ok(Output::Moved(input.columns[at]))
            }
            _ => Ok(match self.expr(expr, input, schema)? {
                Expr::Column(column) => Output::Moved(Out::Column(column)),
                computed => Output::Computed(computed),
            }),
        }
    }

    /// The expression over the columns of the input's node, bound.
    pub(super) fn expr(
        &self,
        expr: &Planned,
        input: &Relation,
        schema: &DFSchema,
    ) -> Result<Expr, SqlError> {
        let inner = |expr: &Planned| self.expr(expr, input, schema);
        let found = match expr {
            Planned::Alias(alias) => return inner(&alias.expr),
            Planned::Column(_) => match self.output(expr, input, schema)? {
                Output::Moved(Out::Column(column)) => return Ok(Expr::Column(column)),
                _ => {
                    return Err(SqlError::unsupported("a window is no value")
                        .hint("Use window_start and window_end."));
                }
            },
            Planned::Literal(scalar, metadata) => {
                let field = arrow::datatypes::Field::new("constant", scalar.data_type(), true);
                let field = match metadata {
                    Some(metadata) => metadata.add_to_field(field),
                    None => field,
                };
                let (value, data_type) = literal::value_of(scalar, &field)?;
                return Ok(Expr::Literal(value, data_type));
            }
            Planned::Placeholder(parameter) => return self.parameter(parameter),
            Planned::BinaryExpr(BinaryExpr { left, op, right }) => {
                self.binary(*op, inner(left)?, inner(right)?, input)?
            }
            Planned::Not(operand) => inner(operand)?.not(),
            Planned::IsNull(operand) | Planned::IsUnknown(operand) => inner(operand)?.is_null(),
            Planned::IsNotNull(operand) | Planned::IsNotUnknown(operand) => {
                inner(operand)?.is_null().not()
            }
            Planned::IsTrue(operand) => Expr::native(Native::IsTrue, vec![inner(operand)?]),
            Planned::IsFalse(operand) => Expr::native(Native::IsFalse, vec![inner(operand)?]),
            Planned::IsNotTrue(operand) => {
                Expr::native(Native::IsTrue, vec![inner(operand)?]).not()
            }
            Planned::IsNotFalse(operand) => {
                Expr::native(Native::IsFalse, vec![inner(operand)?]).not()
            }
            Planned::Negative(operand) => inner(operand)?.negate(),
            Planned::Between(Between { expr, negated, low, high }) => {
                let value = inner(expr)?;
                let low = self.binary(Operator::GtEq, value.clone(), inner(low)?, input)?;
                let high = self.binary(Operator::LtEq, value, inner(high)?, input)?;
                let between = low.and(high);
                if *negated { between.not() } else { between }
            }
            Planned::Case(case) => self.case(case, input, schema)?,
            Planned::Cast(cast) => {
                let to = type_of_field(&cast.field)?;
                self.cast(inner(&cast.expr)?, to, input)?
            }
            Planned::Like(like) => {
                let mut args = vec![inner(&like.expr)?, inner(&like.pattern)?];
                args.extend(like.escape_char.map(|escape| lit(escape.to_string().as_str())));
                let native = if like.case_insensitive { Native::ILike } else { Native::Like };
                let found = Expr::native(native, args);
                if like.negated { found.not() } else { found }
            }
            Planned::InList(list) => self.in_list(list, input, schema)?,
            Planned::ScalarFunction(function) => self.function(function, input, schema)?,
            other => {
                return Err(SqlError::unsupported(format!("{other} in a continuous query")));
            }
        };
        found.bind(&self.builder.node(input.node)?.schema)
    }

    fn parameter(&self, parameter: &Placeholder) -> Result<Expr, SqlError> {
        let first = self.parameters.zip(parameters::place(&parameter.id));
        let column = first.map(|(first, place)| Expr::Column(first + place));
        column.ok_or_else(|| SqlError::undefined_parameter(&parameter.id))
    }

    fn type_of(&self, expr: &Expr, input: &Relation) -> Result<DataType, SqlError> {
        expr.data_type(&self.builder.node(input.node)?.schema)
    }

    /// A cast, unless the value is of the type already.
    pub(super) fn cast(
        &self,
        expr: Expr,
        to: DataType,
        input: &Relation,
    ) -> Result<Expr, SqlError> {
        if let Expr::Literal(Value::Null, _) = expr {
            return Ok(Expr::null(to));
        }
        Ok(if self.type_of(&expr, input)? == to { expr } else { expr.cast(to) })
    }

    fn binary(
        &self,
        op: Operator,
        left: Expr,
        right: Expr,
        input: &Relation,
    ) -> Result<Expr, SqlError> {
        let op = match op {
            Operator::Eq => BinaryOp::Eq,
            Operator::NotEq => BinaryOp::NotEq,
            Operator::Lt => BinaryOp::Lt,
            Operator::LtEq => BinaryOp::LtEq,
            Operator::Gt => BinaryOp::Gt,
            Operator::GtEq => BinaryOp::GtEq,
            Operator::And => BinaryOp::And,
            Operator::Or => BinaryOp::Or,
            Operator::IsDistinctFrom => {
                return Ok(Expr::native(Native::Distinct, vec![left, right]));
            }
            Operator::IsNotDistinctFrom => {
                return Ok(Expr::native(Native::Distinct, vec![left, right]).not());
            }
            other => {
                return Err(SqlError::unsupported(format!("{other} in a continuous query")));
            }
        };
        // A bare NULL is of the type of the other side.
        let (left, right) = match (left, right) {
            (Expr::Literal(Value::Null, _), right) => {
                (Expr::null(self.type_of(&right, input)?), right)
            }
            (left, Expr::Literal(Value::Null, _)) => {
                let null = Expr::null(self.type_of(&left, input)?);
                (left, null)
            }
            both => both,
        };
        Ok(Expr::Binary { op, left: Box::new(left), right: Box::new(right) })
    }

    fn case(&self, case: &Case, input: &Relation, schema: &DFSchema) -> Result<Expr, SqlError> {
        let inner = |expr: &Planned| self.expr(expr, input, schema);
        let Case { expr, when_then_expr, else_expr } = case;
        let subject = expr.as_ref().map(|expr| inner(expr)).transpose()?;
        let mut branches = Vec::with_capacity(when_then_expr.len());
        for (when, then) in when_then_expr {
            let when = match &subject {
                Some(subject) => self.binary(Operator::Eq, subject.clone(), inner(when)?, input)?,
                None => inner(when)?,
            };
            branches.push((when, inner(then)?));
        }
        let otherwise = else_expr.as_ref().map(|expr| inner(expr)).transpose()?;
        Ok(Expr::case(branches, otherwise))
    }

    fn in_list(
        &self,
        list: &InList,
        input: &Relation,
        schema: &DFSchema,
    ) -> Result<Expr, SqlError> {
        let value = self.expr(&list.expr, input, schema)?;
        let items = list.list.iter().map(|item| self.expr(item, input, schema));
        let items: Vec<Expr> = items.collect::<Result<_, SqlError>>()?;
        let any = if items.iter().all(|item| matches!(item, Expr::Literal(..))) {
            Expr::native(Native::InList, std::iter::once(value).chain(items).collect())
        } else {
            let mut any = lit(false);
            for item in items {
                any = any.or(self.binary(Operator::Eq, value.clone(), item, input)?);
            }
            any
        };
        Ok(if list.negated { any.not() } else { any })
    }

    fn function(
        &self,
        function: &ScalarFunction,
        input: &Relation,
        schema: &DFSchema,
    ) -> Result<Expr, SqlError> {
        let ScalarFunction { func, args } = function;
        let inner: &dyn Any = func.inner().as_ref();
        if let Some(mark) = inner.downcast_ref::<WindowMark>() {
            return self.bound_of_window(mark.kind, args, input, schema);
        }
        let args = args.iter().map(|arg| self.expr(arg, input, schema));
        let args: Vec<Expr> = args.collect::<Result<_, SqlError>>()?;
        if let Some(ours) = inner.downcast_ref::<Ours>() {
            let found = ours.meaning().of(args.clone())?;
            match (found.bind(&self.builder.node(input.node)?.schema), ours.library()) {
                (Ok(_), _) | (_, None) => return Ok(found),
                (Err(_), Some(library)) => {
                    return self.library(library, args, input);
                }
            }
        }
        self.library(func, args, input)
    }

    /// A function that the library computes, row by row of our columns.
    fn library(
        &self,
        function: &Arc<ScalarUDF>,
        args: Vec<Expr>,
        input: &Relation,
    ) -> Result<Expr, SqlError> {
        let mut known = Vec::with_capacity(args.len());
        for arg in &args {
            let constant = match arg {
                Expr::Literal(value, _) => Some(value),
                _ => None,
            };
            known.push(Argument { data_type: self.type_of(arg, input)?, constant });
        }
        let found = library(Arc::clone(function), &known)?;
        Ok(Expr::call(Function::Library(found), args))
    }

    /// `window_start` and `window_end` of a window that is grouped by beneath.
    fn bound_of_window(
        &self,
        kind: WindowKind,
        args: &[Planned],
        input: &Relation,
        schema: &DFSchema,
    ) -> Result<Expr, SqlError> {
        let [window] = args else {
            return Err(SqlError::unsupported("a window outside GROUP BY")
                .hint("Group by the window, and select window_start."));
        };
        if let Some((WindowKind::Tumble, [time, size, offset, Planned::Literal(zone, _)])) =
            window_mark(window)
            && zone.is_null()
        {
            // Outside GROUP BY each row has a window of its own.
            let mut args = vec![self.moment(time, input, schema)?];
            for arg in [size, offset] {
                args.push(self.expr(arg, input, schema)?);
            }
            let end = kind == WindowKind::End;
            return Ok(Expr::native(
                if end { Native::TumbleEnd } else { Native::TumbleStart },
                args,
            ));
        }
        match (kind, self.output_of_window(window, input, schema)?) {
            (WindowKind::Start, (start, _)) => Ok(Expr::Column(start)),
            (WindowKind::End, (_, end)) => Ok(Expr::Column(end)),
            _ => Err(SqlError::unsupported("a window as a value")),
        }
    }

    /// The time of a window: a BIGINT counts what its source says.
    pub(super) fn moment(
        &self,
        time: &Planned,
        input: &Relation,
        schema: &DFSchema,
    ) -> Result<Expr, SqlError> {
        let found = self.expr(time, input, schema)?;
        if self.type_of(&found, input)? != DataType::BigInt {
            return Ok(found);
        }
        let node = self.builder.node(input.node)?;
        let known = match found {
            Expr::Column(column) => node.time_of(column),
            _ => None,
        };
        let known = known.ok_or_else(|| {
            SqlError::datatype_mismatch(format!(
                "a window goes over a moment, and {} is a BIGINT of which nobody says what it counts",
                match time {
                    Planned::Column(column) => format!("\"{}\"", column.name),
                    _ => "what this one goes over".to_owned(),
                }
            ))
            .hint("Make it the watermark of its source, or write to_timestamp_millis(..).")
        })?;
        Ok(Expr::native(Native::of_count(known.unit), vec![found]))
    }

    fn output_of_window(
        &self,
        window: &Planned,
        input: &Relation,
        schema: &DFSchema,
    ) -> Result<(usize, usize), SqlError> {
        if let Planned::Column(_) | Planned::Alias(_) = window
            && let Output::Moved(Out::Window { start, end }) = self.output(window, input, schema)?
        {
            return Ok((start, end));
        }
        Err(SqlError::grouping("window_start and window_end need a window in GROUP BY")
            .hint("Write GROUP BY tumble(ts, INTERVAL '1 minute')."))
    }
}
