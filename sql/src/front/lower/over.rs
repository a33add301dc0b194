//! Window functions: results of each row over the rows of its partition.

use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::expr::{NullTreatment, WindowFunction};
use datafusion::logical_expr::{
    Expr as Planned, Window, WindowFrame, WindowFrameBound, WindowFrameUnits,
    WindowFunctionDefinition,
};

use super::{Lowering, Out, Relation};
use crate::SqlError;
use crate::expr::Expr;
use crate::front::functions::of_plan;
use crate::front::literal;
use crate::plan::{Edge, Frame, Function, OrderBy, OverCall, OverFunction, OverSpec, Unit};
use crate::schema::Schema;
use crate::types::DataType;
use crate::value::Value;

/// A call before its columns are there: its expressions are counted from the first of the call on.
struct Draft {
    function: OverFunction,
    /// The argument, what stands in for it, and the filter, each if there is one.
    takes: [Option<Expr>; 3],
    frame: Frame,
}

impl Lowering<'_> {
    pub(super) fn window_results(&mut self, window: &Window) -> Result<Relation, SqlError> {
        let mut relation = self.relation(&window.input)?;
        let width = relation.columns.len();
        let functions = window.window_expr.iter().map(function);
        let functions = functions.collect::<Result<Vec<&WindowFunction>, SqlError>>()?;
        let mut done: Vec<usize> = Vec::new();
        for (first, function) in functions.iter().enumerate() {
            if done.contains(&first) {
                continue;
            }
            // Those over the same rows in the same order are one operator.
            let alike = |other: &WindowFunction| {
                other.params.partition_by == function.params.partition_by
                    && other.params.order_by == function.params.order_by
            };
            let mut members: Vec<usize> = (0..functions.len()).collect();
            members.retain(|&at| at >= first && !done.contains(&at) && alike(functions[at]));
            let calls: Vec<&WindowFunction> = members.iter().map(|&at| functions[at]).collect();
            relation = self.over(relation, window.input.schema(), &calls)?;
            done.extend(members);
        }
        // The results stand in the order in which they were made.
        let columns = relation.columns.clone();
        for (made, &asked) in done.iter().enumerate() {
            relation.columns[width + asked] = columns[width + made];
        }
        Ok(relation)
    }

    /// A relation with the results of calls over the same rows behind its columns. `schema` is that of
    /// its first columns.
    fn over(
        &mut self,
        input: Relation,
        schema: &DFSchema,
        functions: &[&WindowFunction],
    ) -> Result<Relation, SqlError> {
        let params = &functions[0].params;
        let mut wanted = Vec::new();
        for expr in params.partition_by.iter().chain(params.order_by.iter().map(|by| &by.expr)) {
            wanted.push(self.expr(expr, &input, schema)?);
        }
        let mut drafts = Vec::with_capacity(functions.len());
        for function in functions {
            let draft = self.draft(function, &input, schema)?;
            wanted.extend(draft.takes.iter().flatten().cloned());
            drafts.push(draft);
        }
        let constant = |expr: &Expr| matches!(expr, Expr::Literal(..));
        let (input, places) = self.narrowed(input, &wanted)?;
        let node = self.builder.node(input.node)?.schema.clone();
        let name = |place: usize| node.field(place).name.clone();
        let (keys, rest) = places.split_at(params.partition_by.len());
        let (order, mut taken) = rest.split_at(params.order_by.len());
        let mut partition: Vec<usize> = Vec::new();
        for (place, expr) in keys.iter().zip(&wanted) {
            // A constant tells no row from another.
            if !partition.contains(place) && !constant(expr) {
                partition.push(*place);
            }
        }
        let by = params.order_by.iter().zip(order).map(|(by, &place)| OrderBy {
            column: name(place),
            descending: !by.asc,
            nulls_first: by.nulls_first,
        });
        let by = by.collect();
        let mut names: Vec<String> = node.names().map(str::to_owned).collect();
        let mut calls = Vec::with_capacity(drafts.len());
        for Draft { function, takes, frame } in drafts {
            let mut next = |taken_expr: &Option<Expr>| {
                taken_expr.as_ref().map(|_| {
                    let (first, others) = taken.split_first().expect("a place for each");
                    taken = others;
                    name(*first)
                })
            };
            let [argument, default, filter] = takes.each_ref().map(&mut next);
            let mut name = function.to_string();
            while names.contains(&name) {
                name.push('\'');
            }
            names.push(name.clone());
            calls.push(OverCall { name, function, argument, default, filter, frame });
        }
        let made = calls.len();
        let partition = partition.into_iter().map(name).collect();
        let over = self.builder.results_over(input.node, &OverSpec { partition, by, calls })?;
        let mut columns = input.columns;
        columns.extend((0..made).map(|at| Out::Column(node.len() + at)));
        Ok(Relation { node: over, columns, key: input.key })
    }

    fn draft(
        &self,
        function: &WindowFunction,
        input: &Relation,
        schema: &DFSchema,
    ) -> Result<Draft, SqlError> {
        let params = &function.params;
        let name = function.fun.name().to_owned();
        if params.distinct {
            return Err(SqlError::unsupported(format!("{name}(DISTINCT ..) OVER"))
                .hint("Group by the value beneath, or leave DISTINCT out."));
        }
        if params.null_treatment == Some(NullTreatment::IgnoreNulls) {
            let what = format!("{name} .. IGNORE NULLS OVER in a continuous query");
            return Err(SqlError::unsupported(what).hint("Filter the NULLs out beneath."));
        }
        let filter = params.filter.as_ref().map(|filter| self.expr(filter, input, schema));
        let filter = filter.transpose()?;
        let frame = self.frame(&params.window_frame, input, schema, &params.order_by)?;
        let args = &params.args[..];
        let value = |at: usize| args.get(at).map(|expr| self.expr(expr, input, schema)).transpose();
        let plain = |function| Ok((function, [None, None, None]));
        let of_value = |function| Ok((function, [value(0)?, None, None]));
        let counts = |arg: &Planned| matches!(arg, Planned::Literal(of, _) if !of.is_null());
        let windows = matches!(function.fun, WindowFunctionDefinition::WindowUDF(_));
        let (function, takes) = match name.as_str() {
            "first_value" => of_value(OverFunction::FirstValue),
            "last_value" => of_value(OverFunction::LastValue),
            "nth_value" => of_value(OverFunction::NthValue(positive(args, 1, &name)?)),
            "row_number" => plain(OverFunction::RowNumber),
            "rank" => plain(OverFunction::Rank),
            "dense_rank" => plain(OverFunction::DenseRank),
            "percent_rank" => plain(OverFunction::PercentRank),
            "cume_dist" => plain(OverFunction::CumeDist),
            "ntile" => plain(OverFunction::Ntile(positive(args, 0, &name)?)),
            "lag" | "lead" => {
                let rows = args.get(1).map_or(Ok(1), |expr| number(expr, &name))?;
                let rows = if name == "lag" { rows } else { rows.saturating_neg() };
                let argument = value(0)?;
                let default = self.default(argument.as_ref(), value(2)?, input)?;
                Ok((OverFunction::Lag(rows), [argument, default, None]))
            }
            "count" if args.iter().all(counts) => {
                Ok((OverFunction::Aggregate(Function::CountRows), [None, None, filter]))
            }
            other if windows => {
                Err(SqlError::unsupported(format!("{other} OVER in a continuous query"))
                    .hint("Compute it when you read."))
            }
            aggregate => {
                let function = of_plan(aggregate, args)?;
                function.check_over(aggregate)?;
                Ok((OverFunction::Aggregate(function), [value(0)?, None, filter]))
            }
        }?;
        Ok(Draft { function, takes, frame })
    }

    /// What stands in for a row that is not there, as a value of the argument's type.
    fn default(
        &self,
        argument: Option<&Expr>,
        default: Option<Expr>,
        input: &Relation,
    ) -> Result<Option<Expr>, SqlError> {
        let (Some(argument), Some(default)) = (argument, default) else { return Ok(None) };
        if matches!(default, Expr::Literal(Value::Null, _)) {
            return Ok(None);
        }
        let schema = &self.builder.node(input.node)?.schema;
        let wanted = argument.data_type(schema)?;
        if default.data_type(schema)? == wanted {
            return Ok(Some(default));
        }
        self.cast(default, wanted, input).map(Some)
    }

    fn frame(
        &self,
        frame: &WindowFrame,
        input: &Relation,
        schema: &DFSchema,
        by: &[datafusion::logical_expr::SortExpr],
    ) -> Result<Frame, SqlError> {
        let unit = match frame.units {
            WindowFrameUnits::Rows => Unit::Rows,
            WindowFrameUnits::Range => Unit::Range,
            WindowFrameUnits::Groups => Unit::Groups,
        };
        let ordered = match (unit, by) {
            (Unit::Range, [by]) => {
                let expr = self.expr(&by.expr, input, schema)?;
                let of: &Schema = &self.builder.node(input.node)?.schema;
                Some(expr.data_type(of)?)
            }
            _ => None,
        };
        let edge = |bound: &WindowFrameBound, begins: bool| {
            Ok::<Edge, SqlError>(match bound {
                WindowFrameBound::CurrentRow => Edge::Current,
                WindowFrameBound::Preceding(distance) if distance.is_null() => Edge::First,
                WindowFrameBound::Following(distance) if distance.is_null() => Edge::Last,
                WindowFrameBound::Preceding(of) => match distance(of, ordered)? {
                    0 if unit == Unit::Rows && begins => Edge::Current,
                    units => Edge::Before(units),
                },
                WindowFrameBound::Following(of) => Edge::After(distance(of, ordered)?),
            })
        };
        Ok(Frame {
            unit,
            start: edge(&frame.start_bound, true)?,
            end: edge(&frame.end_bound, false)?,
        })
    }
}

fn function(expr: &Planned) -> Result<&WindowFunction, SqlError> {
    match expr {
        Planned::WindowFunction(function) => Ok(function),
        Planned::Alias(alias) => function(&alias.expr),
        other => Err(SqlError::unsupported(format!("{other} as a window function"))),
    }
}

/// A constant above zero that a function takes.
fn positive(args: &[Planned], at: usize, function: &str) -> Result<u64, SqlError> {
    let found = args.get(at).map_or(Ok(0), |expr| number(expr, function))?;
    u64::try_from(found).ok().filter(|found| *found > 0).ok_or_else(|| {
        SqlError::invalid_parameter(format!("{function} takes a number above 0, not {found}"))
    })
}

/// A constant that a function takes.
fn number(expr: &Planned, function: &str) -> Result<i64, SqlError> {
    let found = match expr {
        Planned::Cast(cast) => return number(&cast.expr, function),
        Planned::Alias(alias) => return number(&alias.expr, function),
        Planned::Negative(of) => return Ok(number(of, function)?.saturating_neg()),
        Planned::Literal(scalar, _) => whole(scalar)?,
        _ => None,
    };
    found.and_then(|number| i64::try_from(number).ok()).ok_or_else(|| {
        SqlError::unsupported(format!("{function} with a number that is no constant"))
            .hint("Write the number.")
    })
}

/// A whole number.
fn whole(scalar: &ScalarValue) -> Result<Option<i128>, SqlError> {
    if let ScalarValue::UInt64(found) = scalar {
        return Ok(found.map(i128::from));
    }
    Ok(match literal::value(scalar)?.0 {
        Value::SmallInt(found) => Some(i128::from(found)),
        Value::Int(found) => Some(i128::from(found)),
        Value::BigInt(found) => Some(i128::from(found)),
        Value::Decimal { units, scale: 0 } => Some(units),
        Value::Text(text) => text.trim().parse().ok(),
        _ => None,
    })
}

/// How far an edge is, in the units of the column that orders where that is said.
fn distance(scalar: &ScalarValue, ordered: Option<DataType>) -> Result<i128, SqlError> {
    let refuse = || {
        SqlError::invalid_parameter(format!("{scalar} is no distance that a frame can have"))
            .hint("Write a number that is not negative, or INTERVAL '5 minutes' over times.")
    };
    let units = match ordered {
        Some(
            time @ (DataType::Timestamp | DataType::TimestampTz | DataType::Time | DataType::Date),
        ) => span(scalar, time).ok_or_else(refuse)?,
        Some(DataType::Decimal { scale, .. }) => match literal::value(scalar)?.0 {
            Value::Decimal { units, scale: from } => {
                crate::decimal::rescale(units, from, scale).ok_or_else(refuse)?
            }
            _ => {
                let units = whole(scalar)?.ok_or_else(refuse)?;
                crate::decimal::rescale(units, 0, scale).ok_or_else(refuse)?
            }
        },
        _ => whole(scalar)?.ok_or_else(refuse)?,
    };
    if units < 0 { Err(refuse()) } else { Ok(units) }
}

/// A span of time in the units of a column, which are days or microseconds.
fn span(scalar: &ScalarValue, ordered: DataType) -> Option<i128> {
    const DAY_US: i128 = 86_400_000_000;
    let us = match scalar {
        ScalarValue::IntervalMonthDayNano(Some(span)) if span.months == 0 => {
            i128::from(span.days) * DAY_US + i128::from(span.nanoseconds / 1000)
        }
        ScalarValue::IntervalDayTime(Some(span)) => {
            i128::from(span.days) * DAY_US + i128::from(span.milliseconds) * 1000
        }
        _ => return None,
    };
    match ordered {
        DataType::Date => (us % DAY_US == 0).then_some(us / DAY_US),
        _ => Some(us),
    }
}
