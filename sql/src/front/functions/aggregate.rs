//! Aggregates whose types or meaning are ours: exact sums and means, FIRST and LAST, percentiles.
//! STRING_AGG and ARRAY_AGG are in `lists.rs`, and all others are the library's.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{DataType as ArrowType, Field as ArrowField, FieldRef};
use arrow::datatypes::{Float64Type, Int64Type};
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Expr as Planned, Signature, Volatility,
};

use super::outside;
use crate::SqlError;
use crate::column::Column;
use crate::column::arrow::{Incoming, arrow_type};
use crate::decimal;
use crate::front::literal;
use crate::front::types::type_of_field;
use crate::limits::MORSEL_ROWS_MAX;
use crate::plan::{Fraction, Function, Moment};
use crate::schema::Field;
use crate::types::DataType;
use crate::value::Value;

/// The names that are ours.
const OURS: [&str; 11] = [
    "sum",
    "avg",
    "mean",
    "first",
    "last",
    "mode",
    "median",
    "percentile_cont",
    "percentile_disc",
    "approx_percentile",
    "approx_percentile_cont",
];

/// An aggregate of ours.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Own {
    name: &'static str,
    signature: Signature,
}

/// All of them.
pub(super) fn own() -> impl Iterator<Item = Arc<AggregateUDF>> {
    OURS.into_iter().map(|name| {
        let signature = Signature::user_defined(Volatility::Immutable);
        Arc::new(AggregateUDF::from(Own { name, signature }))
    })
}

/// The function of a plan that SQL calls so, with what its constants say.
pub(crate) fn of_plan(name: &str, args: &[Planned]) -> Result<Function, SqlError> {
    let fraction = || match args.get(1) {
        Some(Planned::Literal(scalar, _)) => match literal::value(scalar)?.0 {
            Value::Double(part) => Fraction::new(part),
            Value::Int(part) => Fraction::new(part.into()),
            Value::BigInt(part) => Fraction::new(part as f64),
            Value::Decimal { units, scale } => Fraction::new(decimal::to_f64(units, scale)),
            other => Err(SqlError::datatype_mismatch(format!("{other} is no fraction"))),
        },
        _ => Err(SqlError::invalid_parameter(format!("{name} takes a constant fraction"))
            .hint(format!("Write {name}(0.99) WITHIN GROUP (ORDER BY x)."))),
    };
    Ok(match name {
        "count" => Function::Count,
        "sum" => Function::Sum,
        "avg" | "mean" => Function::Avg,
        "min" => Function::Min,
        "max" => Function::Max,
        "first" | "first_value" => Function::First,
        "last" | "last_value" => Function::Last,
        "bool_and" => Function::BoolAnd,
        "bool_or" => Function::BoolOr,
        "mode" => Function::Mode,
        "median" => Function::MEDIAN,
        "percentile_cont" => Function::PercentileCont(fraction()?),
        "percentile_disc" => Function::PercentileDisc(fraction()?),
        "approx_percentile" | "approx_percentile_cont" => Function::ApproxPercentile(fraction()?),
        "approx_distinct" => Function::ApproxDistinct,
        "string_agg" => Function::StringAgg,
        "array_agg" => Function::ArrayAgg,
        other => Function::Moment(moment(other).ok_or_else(|| {
            SqlError::unsupported(format!("{other} in a continuous query"))
                .hint("Create a view without it, and compute it when you read.")
        })?),
    })
}

fn moment(name: &str) -> Option<Moment> {
    Some(match name {
        "var" | "var_samp" | "variance" => Moment::VarSamp,
        "var_pop" => Moment::VarPop,
        "stddev" | "stddev_samp" => Moment::StddevSamp,
        "stddev_pop" => Moment::StddevPop,
        "covar" | "covar_samp" => Moment::CovarSamp,
        "covar_pop" => Moment::CovarPop,
        "corr" => Moment::Corr,
        "regr_slope" => Moment::RegrSlope,
        "regr_intercept" => Moment::RegrIntercept,
        "regr_r2" => Moment::RegrR2,
        _ => return None,
    })
}

/// With one half where a fraction is: the type does not hang on it.
fn any_fraction(name: &str) -> Result<Function, SqlError> {
    let half = Planned::Literal(ScalarValue::Float64(Some(0.5)), None);
    of_plan(name, &[half.clone(), half])
}

impl AggregateUDFImpl for Own {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[ArrowType]) -> Result<Vec<ArrowType>> {
        self.return_type(types)?;
        Ok(types.to_vec())
    }

    fn return_type(&self, types: &[ArrowType]) -> Result<ArrowType> {
        let Some(first) = types.first() else {
            let error = SqlError::unknown_function(format!("{} takes an argument", self.name));
            return Err(outside(error));
        };
        let result = type_of_field(&ArrowField::new("", first.clone(), true))
            .and_then(|of| any_fraction(self.name)?.result_type(of));
        result.map(arrow_type).map_err(outside)
    }

    fn is_nullable(&self) -> bool {
        true
    }

    fn supports_within_group_clause(&self) -> bool {
        self.name.contains("percentile") || self.name == "mode"
    }

    /// FIRST and LAST compare what orders rows themselves, and are given it behind the value.
    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        match self.name {
            "first" | "last" => AggregateOrderSensitivity::Beneficial,
            _ => AggregateOrderSensitivity::Insensitive,
        }
    }

    /// Rows that come in order already are compared all the same.
    fn with_beneficial_ordering(
        self: Arc<Self>,
        _: bool,
    ) -> Result<Option<Arc<dyn AggregateUDFImpl>>> {
        Ok(Some(self))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let argument = type_of_field(&args.input_fields[0]).map_err(outside)?;
        let order = match args.ordering_fields.first() {
            Some(field) => type_of_field(field).map_err(outside)?,
            None => argument,
        };
        let list = |of: DataType| {
            ArrowType::List(Arc::new(ArrowField::new_list_field(arrow_type(of), true)))
        };
        let states = [
            ("count", ArrowType::Int64),
            ("units", ArrowType::Binary),
            ("double", ArrowType::Float64),
            ("values", list(argument)),
            ("orders", list(order)),
        ];
        let field = |(state, of): (&str, ArrowType)| -> FieldRef {
            Arc::new(ArrowField::new(format!("{}[{state}]", args.name), of, true))
        };
        Ok(states.map(field).to_vec())
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let constant = |expr: &Arc<dyn datafusion::physical_expr::PhysicalExpr>| {
            let literal = expr.downcast_ref::<datafusion::physical_expr::expressions::Literal>();
            Planned::Literal(literal.map_or(ScalarValue::Null, |of| of.value().clone()), None)
        };
        let constants: Vec<Planned> = args.exprs.iter().map(constant).collect();
        let function = of_plan(self.name, &constants).map_err(outside)?;
        let argument = type_of_field(&args.expr_fields[0]).map_err(outside)?;
        let descending = args.order_bys.first().is_some_and(|by| by.options.descending);
        let of_one_row = matches!(function, Function::First | Function::Last);
        let order = match args.order_bys {
            [by] if of_one_row => {
                let field = by.expr.return_field(args.schema)?;
                Some(Field::nullable("order", type_of_field(&field).map_err(outside)?))
            }
            _ if of_one_row => {
                let message = format!("{} needs to know which row is first", self.name);
                let hint = format!("Write {}(x ORDER BY ts).", self.name);
                return Err(outside(SqlError::invalid_parameter(message).hint(hint)));
            }
            _ => None,
        };
        Ok(Box::new(Bounded {
            function,
            order: order.unwrap_or_else(|| Field::nullable("order", argument)),
            best: None,
            field: Field::nullable(self.name, argument),
            result: function.result_type(argument).map_err(outside)?,
            distinct: (args.is_distinct && !of_one_row).then(BTreeSet::new),
            descending,
            values: Vec::new(),
            sum: Sum::default(),
        }))
    }
}

/// What a bounded query keeps of one group.
#[derive(Debug)]
struct Bounded {
    function: Function,
    field: Field,
    /// What orders rows, for FIRST and LAST.
    order: Field,
    /// Of the row whose value they have.
    best: Option<Value>,
    result: DataType,
    /// The values that came, where each counts once.
    distinct: Option<BTreeSet<Value>>,
    descending: bool,
    /// All that came, where the result needs them.
    values: Vec<Value>,
    sum: Sum,
}

#[derive(Debug, Default)]
struct Sum {
    count: i64,
    units: i128,
    double: f64,
}

impl Bounded {
    fn add(&mut self, value: Value) -> Result<(), SqlError> {
        let fresh = self.distinct.as_mut().is_none_or(|seen| seen.insert(value.clone()));
        if !fresh {
            return Ok(());
        }
        match self.function {
            Function::Sum | Function::Avg => {
                self.sum.count += 1;
                let units = match value {
                    Value::Double(_) | Value::Real(_) => {
                        self.sum.double += number(&value);
                        0
                    }
                    other => units(&other),
                };
                let sum = self.sum.units.checked_add(units);
                self.sum.units = sum.ok_or_else(|| self.overflow())?;
            }
            _ => self.values.push(value),
        }
        Ok(())
    }

    /// Keeps the value of a row that stands before, or behind, all that came. Of rows that agree
    /// the first is the one that came first, and the last the one that came last.
    fn offer(&mut self, value: Value, order: Value) {
        let last = (self.function == Function::Last) != self.descending;
        let ordering = self.best.as_ref().map(|best| order.cmp(best));
        let better = match (ordering, self.function) {
            (None, _) => true,
            (Some(Ordering::Equal), function) => function == Function::Last,
            (Some(ordering), _) => (ordering == Ordering::Greater) == last,
        };
        if better {
            self.best = Some(order);
            self.values = vec![value];
        }
    }

    fn overflow(&self) -> SqlError {
        SqlError::out_of_range(format!("the {} does not fit {}", self.function, self.result))
    }

    fn result(&mut self) -> Result<Value, SqlError> {
        match self.function {
            Function::Sum | Function::Avg if self.sum.count == 0 => Ok(Value::Null),
            Function::Sum => self.total(),
            Function::Avg => self.mean(),
            Function::First | Function::Last => {
                Ok(self.values.first().cloned().unwrap_or(Value::Null))
            }
            _ => Ok(self.ordered()),
        }
    }

    fn total(&self) -> Result<Value, SqlError> {
        let Sum { units, double, .. } = self.sum;
        match self.result {
            DataType::Double => Ok(Value::Double(double)),
            DataType::Real => Ok(Value::Real(double as f32)),
            DataType::BigInt => {
                i64::try_from(units).map(Value::BigInt).map_err(|_| self.overflow())
            }
            DataType::Decimal { precision, scale } if decimal::fits(units, precision) => {
                Ok(Value::Decimal { units, scale })
            }
            _ => Err(self.overflow()),
        }
    }

    fn mean(&self) -> Result<Value, SqlError> {
        let Sum { count, units, double } = self.sum;
        let DataType::Decimal { scale, .. } = self.result else {
            return Ok(Value::Double(double / count as f64));
        };
        let shift = scale - scale_of(self.field.data_type);
        let units = decimal::divide(units, count.into(), shift).ok_or_else(|| self.overflow())?;
        Ok(Value::Decimal { units, scale })
    }

    /// Of all values in order.
    fn ordered(&mut self) -> Value {
        self.values.sort();
        if self.descending {
            self.values.reverse();
        }
        let Some(last) = self.values.len().checked_sub(1) else { return Value::Null };
        match self.function {
            Function::PercentileCont(fraction) => {
                let place = fraction.get() * last as f64;
                let (low, high) = (place.floor(), place.ceil());
                let [low, high] = [low, high].map(|at| number(&self.values[at as usize]));
                Value::Double(low + (high - low) * place.fract())
            }
            Function::PercentileDisc(fraction) | Function::ApproxPercentile(fraction) => {
                let rank = (fraction.get() * self.values.len() as f64).ceil() as usize;
                let value = &self.values[rank.saturating_sub(1)];
                match self.result {
                    DataType::Double => Value::Double(number(value)),
                    _ => value.clone(),
                }
            }
            Function::Mode => {
                let runs = self.values.chunk_by(|left, right| left == right);
                // Of equals the first, which is the least.
                let longest = runs.rev().max_by_key(|run| run.len());
                longest.map_or(Value::Null, |run| run[0].clone())
            }
            other => unreachable!("{other} keeps no values"),
        }
    }
}

fn units(value: &Value) -> i128 {
    match value {
        Value::SmallInt(value) => (*value).into(),
        Value::Int(value) => (*value).into(),
        Value::BigInt(value) => (*value).into(),
        Value::Decimal { units, .. } => *units,
        other => unreachable!("{other} is not summed"),
    }
}

fn scale_of(data_type: DataType) -> u8 {
    match data_type {
        DataType::Decimal { scale, .. } => scale,
        _ => 0,
    }
}

fn number(value: &Value) -> f64 {
    match value {
        Value::SmallInt(value) => (*value).into(),
        Value::Int(value) => (*value).into(),
        Value::BigInt(value) => *value as f64,
        Value::Real(value) => (*value).into(),
        Value::Double(value) => *value,
        Value::Decimal { units, scale } => decimal::to_f64(*units, *scale),
        other => unreachable!("{other} is no number"),
    }
}

impl Accumulator for Bounded {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let incoming = Incoming::new(Arc::clone(&values[0]), &self.field).map_err(outside)?;
        let orders = match self.function {
            Function::First | Function::Last => {
                let orders = Incoming::new(Arc::clone(&values[1]), &self.order);
                Some(orders.map_err(outside)?)
            }
            _ => None,
        };
        // A column has at most a morsel of rows, and a batch of the planner may have more.
        for start in (0..incoming.len()).step_by(MORSEL_ROWS_MAX) {
            let rows = start..incoming.len().min(start + MORSEL_ROWS_MAX);
            let column = incoming.part(rows.clone());
            let present = (0..column.len()).filter(|row| !column.is_null(*row));
            let Some(orders) = &orders else {
                let mut values = present.map(|row| column.value(row));
                values.try_for_each(|value| self.add(value)).map_err(outside)?;
                continue;
            };
            let orders = orders.part(rows);
            for row in present.filter(|row| !orders.is_null(*row)) {
                self.offer(column.value(row), orders.value(row));
            }
        }
        Ok(())
    }

    /// Rows that a frame leaves behind, of sums that are exact.
    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let incoming = Incoming::new(Arc::clone(&values[0]), &self.field).map_err(outside)?;
        for start in (0..incoming.len()).step_by(MORSEL_ROWS_MAX) {
            let column = incoming.part(start..incoming.len().min(start + MORSEL_ROWS_MAX));
            for row in (0..column.len()).filter(|row| !column.is_null(*row)) {
                self.sum.count -= 1;
                let sum = self.sum.units.checked_sub(units(&column.value(row)));
                self.sum.units = sum.ok_or_else(|| outside(self.overflow()))?;
            }
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        let sums = matches!(self.function, Function::Sum | Function::Avg);
        sums && self.distinct.is_none() && !self.field.data_type.is_float()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let value = self.result().map_err(outside)?;
        ScalarValue::try_from_array(&Column::of(self.result, [&value]).into_array(), 0)
    }

    fn size(&self) -> usize {
        let kept = self.values.capacity() + self.distinct.as_ref().map_or(0, BTreeSet::len);
        size_of_val(self) + kept * size_of::<Value>()
    }

    /// What a part of the rows came to: the sums, and the values where they are needed.
    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let Sum { count, units, double } = self.sum;
        let values: Vec<&Value> = match &self.distinct {
            Some(seen) => seen.iter().collect(),
            None => self.values.iter().collect(),
        };
        let list = |column: Column| {
            SingleRowListArrayBuilder::new(column.into_array()).build_list_scalar()
        };
        let values = list(Column::of(self.field.data_type, values));
        let orders = list(Column::of(self.order.data_type, &self.best));
        Ok(vec![
            ScalarValue::Int64(Some(count)),
            ScalarValue::Binary(Some(units.to_le_bytes().to_vec())),
            ScalarValue::Float64(Some(double)),
            values,
            orders,
        ])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let [counts, units, doubles, values, orders] = states else {
            return internal_err!("an aggregate has five states and was given {}", states.len());
        };
        let orders = orders.as_list::<i32>();
        let (counts, doubles) =
            (counts.as_primitive::<Int64Type>(), doubles.as_primitive::<Float64Type>());
        let (units, values) = (units.as_binary::<i32>(), values.as_list::<i32>());
        for row in 0..counts.len() {
            if self.distinct.is_none() {
                let Ok(bytes) = units.value(row).try_into() else {
                    return internal_err!("a sum has sixteen bytes");
                };
                let sum = self.sum.units.checked_add(i128::from_le_bytes(bytes));
                self.sum.units = sum.ok_or_else(|| outside(self.overflow()))?;
                self.sum.count += counts.value(row);
                self.sum.double += doubles.value(row);
            }
            // Of values that count once each, the sums are made anew.
            self.update_batch(&[values.value(row), orders.value(row)])?;
        }
        Ok(())
    }
}
