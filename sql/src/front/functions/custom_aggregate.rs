//! Aggregates of the application's, as aggregates of the planner: bounded queries run them here,
//! continuous ones find in them what they call.

use std::any::Any;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::{DataType as ArrowType, Field as ArrowField, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility,
};

use super::outside;
use crate::SqlError;
use crate::column::Column;
use crate::column::arrow::{Incoming, arrow_type};
use crate::limits::MORSEL_ROWS_MAX;
use crate::plan::{AggregateFunction, Arguments};
use crate::schema::Field;

/// An aggregate of the application's.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct CustomAggregate {
    function: AggregateFunction,
    signature: Signature,
}

impl CustomAggregate {
    pub(crate) fn udaf(function: AggregateFunction) -> Arc<AggregateUDF> {
        let args = function.args.iter().map(|of| arrow_type(*of)).collect();
        let signature = Signature::exact(args, Volatility::Immutable);
        Arc::new(AggregateUDF::from(CustomAggregate { function, signature }))
    }
}

/// What the planner's function stands for, if it is one of the application's.
pub(crate) fn custom_aggregate(udaf: &AggregateUDF) -> Option<&AggregateFunction> {
    let inner: &dyn Any = udaf.inner().as_ref();
    inner.downcast_ref::<CustomAggregate>().map(|custom| &custom.function)
}

impl AggregateUDFImpl for CustomAggregate {
    fn name(&self) -> &str {
        &self.function.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[ArrowType]) -> Result<ArrowType> {
        Ok(arrow_type(self.function.result))
    }

    fn is_nullable(&self) -> bool {
        true
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let name = format!("{}[state]", args.name);
        Ok(vec![Arc::new(ArrowField::new(name, ArrowType::Binary, true))])
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        if args.is_distinct {
            return Err(outside(refuse_distinct(&self.function)));
        }
        let named = |of: &_| Field::nullable("argument", *of);
        Ok(Box::new(Bounded {
            fields: self.function.args.iter().map(named).collect(),
            picks: (0..self.function.args.len()).collect(),
            function: self.function.clone(),
            state: None,
        }))
    }
}

/// Why DISTINCT is none of what such a function takes.
pub(crate) fn refuse_distinct(function: &AggregateFunction) -> SqlError {
    let name = &function.name;
    SqlError::unsupported(format!("{name} with DISTINCT"))
        .hint(format!("Group by its arguments in a subquery, and call {name} over that."))
}

/// What a bounded query keeps of one group.
#[derive(Debug)]
struct Bounded {
    function: AggregateFunction,
    /// Of the arguments.
    fields: Vec<Field>,
    picks: Vec<usize>,
    /// None where no row counts so far.
    state: Option<Vec<u8>>,
}

impl Bounded {
    fn work(&mut self, values: &[ArrayRef], weight: i64) -> Result<()> {
        let columns = values.iter().zip(&self.fields);
        let columns = columns.map(|(array, field)| Incoming::new(Arc::clone(array), field));
        let columns: Vec<Incoming> =
            columns.collect::<std::result::Result<_, SqlError>>().map_err(outside)?;
        let rows = columns.first().map_or(0, Incoming::len);
        // A column has at most a morsel of rows, and a batch of the planner may have more.
        for start in (0..rows).step_by(MORSEL_ROWS_MAX) {
            let rows = start..rows.min(start + MORSEL_ROWS_MAX);
            let part: Vec<Column> = columns.iter().map(|of| of.part(rows.clone())).collect();
            for row in 0..rows.len() {
                let args = Arguments::new(&part, &self.picks, row);
                if !self.function.body.takes(args) {
                    continue;
                }
                let fresh = self.state.is_none();
                let empty = || vec![0; self.function.body.state_bytes()];
                let state = self.state.get_or_insert_with(empty);
                self.function.update(state, fresh, args, weight).map_err(outside)?;
            }
        }
        Ok(())
    }

    fn merge(&mut self, state: &[u8]) -> std::result::Result<(), SqlError> {
        match &mut self.state {
            Some(own) => self.function.merge(own, state),
            none => {
                *none = Some(state.to_vec());
                Ok(())
            }
        }
    }
}

impl Accumulator for Bounded {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.work(values, 1)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let value = self.function.finish(self.state.as_deref()).map_err(outside)?;
        ScalarValue::try_from_array(&Column::of(self.function.result, [&value]).into_array(), 0)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.state.as_ref().map_or(0, Vec::capacity)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![ScalarValue::Binary(self.state.clone())])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let states = states[0].as_binary::<i32>();
        states.iter().flatten().try_for_each(|state| self.merge(state)).map_err(outside)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.work(values, -1)
    }

    fn supports_retract_batch(&self) -> bool {
        self.function.body.retracts()
    }
}
