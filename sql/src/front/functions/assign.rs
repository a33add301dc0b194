//! The windows of rows, for queries that run once: continuous ones have operators for them.

use std::fmt;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::array::{Array, ArrayRef, ListArray, StructArray, TimestampMicrosecondArray};
use arrow::buffer::OffsetBuffer;
use arrow::compute::cast;
use arrow::datatypes::{
    DataType as ArrowType, Field, FieldRef, TimeUnit, TimestampMicrosecondType,
};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{
    ColumnarValue, PartitionEvaluator, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF,
    ScalarUDFImpl, Signature, Volatility, WindowUDF, WindowUDFImpl,
};

use super::outside;
use super::windows::pair;
use crate::SqlError;
use crate::plan::Window;

/// Gives a list of all windows of fixed size that a moment is in.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Assign {
    window: Window<()>,
    signature: Signature,
}

/// The function that assigns windows of fixed size, as a list.
pub(crate) fn assign(window: Window<()>) -> Arc<ScalarUDF> {
    let signature = Signature::user_defined(Volatility::Immutable);
    Arc::new(ScalarUDF::from(Assign { window, signature }))
}

/// The type of a window over moments of this type, as an item of a list.
fn item(moment: &ArrowType) -> Result<FieldRef> {
    Ok(Arc::new(Field::new("item", pair(moment)?, true)))
}

fn microseconds(moments: &ArrayRef) -> Result<TimestampMicrosecondArray> {
    let zone = match moments.data_type() {
        ArrowType::Timestamp(_, zone) => zone.clone(),
        other => return plan_err!("a window over {other}"),
    };
    let cast = cast(moments, &ArrowType::Timestamp(TimeUnit::Microsecond, zone))?;
    Ok(cast.as_primitive::<TimestampMicrosecondType>().clone())
}

/// Windows from their starts and ends, over moments of type `moment`.
fn windows(moment: &ArrowType, starts: Vec<i64>, ends: Vec<i64>) -> Result<StructArray> {
    let ArrowType::Struct(fields) = pair(moment)? else { return plan_err!("a window is a pair") };
    let zone = match moment {
        ArrowType::Timestamp(_, zone) => zone.clone(),
        other => return plan_err!("a window over {other}"),
    };
    let bound = |values: Vec<i64>| {
        let array = TimestampMicrosecondArray::from(values).with_timezone_opt(zone.clone());
        cast(&array, moment)
    };
    Ok(StructArray::try_new(fields, vec![bound(starts)?, bound(ends)?], None)?)
}

impl ScalarUDFImpl for Assign {
    fn name(&self) -> &str {
        "__windows"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[ArrowType]) -> Result<Vec<ArrowType>> {
        Ok(types.to_vec())
    }

    fn return_type(&self, types: &[ArrowType]) -> Result<ArrowType> {
        let Some(moment) = types.first() else { return plan_err!("a window takes a time column") };
        Ok(ArrowType::List(item(moment)?))
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let types: Vec<ArrowType> =
            args.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        Ok(Arc::new(Field::new(self.name(), self.return_type(&types)?, false)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let moments = args.args[0].to_array(args.number_rows)?;
        let micros = microseconds(&moments)?;
        let (mut starts, mut ends, mut lengths) = (Vec::new(), Vec::new(), Vec::new());
        for row in 0..micros.len() {
            let before = starts.len();
            if !micros.is_null(row) {
                let slice = self.window.slice_start(micros.value(row));
                let slice = slice.ok_or_else(|| outside(too_far()))?;
                for number in self.window.windows_of_slice(slice) {
                    starts.push(self.window.start_of(number));
                    ends.push(self.window.end_of(number));
                }
            }
            lengths.push(starts.len() - before);
        }
        let windows = windows(moments.data_type(), starts, ends)?;
        let field = item(moments.data_type())?;
        let offsets = OffsetBuffer::from_lengths(lengths);
        let lists = ListArray::try_new(field, offsets, Arc::new(windows), None)?;
        Ok(ColumnarValue::Array(Arc::new(lists)))
    }
}

fn too_far() -> SqlError {
    SqlError::datetime_overflow("a window would begin or end outside what a TIMESTAMP can say")
}

/// Gives for each of the rows of one key, in order of time, the session that it is in.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Sessions {
    gap_us: i64,
    signature: Signature,
}

/// The function that assigns sessions to the rows of a partition.
pub(crate) fn sessions(gap_us: i64) -> WindowUDF {
    let signature = Signature::user_defined(Volatility::Immutable);
    WindowUDF::from(Sessions { gap_us, signature })
}

impl WindowUDFImpl for Sessions {
    fn name(&self) -> &str {
        "__sessions"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[ArrowType]) -> Result<Vec<ArrowType>> {
        Ok(types.to_vec())
    }

    fn field(&self, args: WindowUDFFieldArgs<'_>) -> Result<FieldRef> {
        match args.get_input_field(0) {
            Some(moment) => Ok(Arc::new(Field::new(args.name(), pair(moment.data_type())?, false))),
            None => plan_err!("a session takes a time column"),
        }
    }

    fn partition_evaluator(
        &self,
        _: PartitionEvaluatorArgs<'_>,
    ) -> Result<Box<dyn PartitionEvaluator>> {
        Ok(Box::new(Gaps { gap_us: self.gap_us }))
    }
}

struct Gaps {
    gap_us: i64,
}

impl fmt::Debug for Gaps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "sessions with a gap of {} us", self.gap_us)
    }
}

impl PartitionEvaluator for Gaps {
    fn evaluate_all(&mut self, values: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        let micros = microseconds(&values[0])?;
        let (mut starts, mut ends) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
        let mut first = 0;
        while first < rows {
            let times = micros.values();
            let goes_on = |row: &usize| times[*row] - times[*row - 1] < self.gap_us;
            let behind = (first + 1..rows).find(|row| !goes_on(row)).unwrap_or(rows);
            let end = times[behind - 1].checked_add(self.gap_us);
            let end = end.ok_or_else(|| outside(too_far()))?;
            starts.resize(behind, times[first]);
            ends.resize(behind, end);
            first = behind;
        }
        Ok(Arc::new(windows(values[0].data_type(), starts, ends)?))
    }
}
