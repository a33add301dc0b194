//! Windows as functions: marks that the planner carries from GROUP BY to lowering.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, StructArray};
use arrow::datatypes::{DataType as ArrowType, Field, FieldRef, Fields, TimeUnit as ArrowUnit};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::outside;
use crate::SqlError;
use crate::dialect::window;
use crate::expr::Native;
use crate::front::types::type_of_field;

/// What a mark stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum WindowKind {
    Tumble,
    Hop,
    Session,
    Cumulate,
    Start,
    End,
}

impl WindowKind {
    const ALL: [WindowKind; 6] = [
        WindowKind::Tumble,
        WindowKind::Hop,
        WindowKind::Session,
        WindowKind::Cumulate,
        WindowKind::Start,
        WindowKind::End,
    ];

    fn name(self) -> &'static str {
        match self {
            WindowKind::Tumble => window::TUMBLE,
            WindowKind::Hop => window::HOP,
            WindowKind::Session => window::SESSION,
            WindowKind::Cumulate => window::CUMULATE,
            WindowKind::Start => window::WINDOW_START,
            WindowKind::End => window::WINDOW_END,
        }
    }
}

/// A function that means something above or in a GROUP BY only.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct WindowMark {
    pub(crate) kind: WindowKind,
    signature: Signature,
}

/// All of them.
pub(super) fn marks() -> impl Iterator<Item = Arc<ScalarUDF>> {
    WindowKind::ALL.into_iter().map(|kind| {
        let signature = Signature::user_defined(Volatility::Immutable);
        Arc::new(ScalarUDF::from(WindowMark { kind, signature }))
    })
}

/// The type of a window over moments of this type: its start and its end.
pub(super) fn pair(moment: &ArrowType) -> Result<ArrowType> {
    if let ArrowType::Timestamp(..) | ArrowType::Int64 = moment {
        // What a BIGINT counts is not known here; its windows are bounded by moments anyway.
        let of = match moment {
            ArrowType::Int64 => ArrowType::Timestamp(ArrowUnit::Microsecond, None),
            moment => moment.clone(),
        };
        let bound = |name: &str| Field::new(name, of.clone(), false);
        return Ok(ArrowType::Struct(Fields::from(vec![bound("start"), bound("end")])));
    }
    let found = type_of_field(&Field::new("", moment.clone(), true));
    let found = found.map_or_else(|_| moment.to_string(), |found| found.to_string());
    let message = format!("a window goes over a TIMESTAMP or TIMESTAMPTZ, not {found}");
    Err(outside(SqlError::datatype_mismatch(message)))
}

fn has_no_zone(args: &ScalarFunctionArgs) -> bool {
    let null = |arg: &ColumnarValue| matches!(arg, ColumnarValue::Scalar(of) if of.is_null());
    args.args.len() == 4 && null(&args.args[3])
}

/// The windows that rows are in.
fn tumble(args: &ScalarFunctionArgs) -> Result<ArrayRef> {
    let ArrowType::Struct(fields) = args.return_field.data_type() else {
        return plan_err!("a window is a start and an end");
    };
    let bound = |native: Native| {
        let mut of = args.clone();
        of.args.truncate(3);
        of.arg_fields.truncate(3);
        of.return_field = Arc::clone(&fields[0]);
        super::native(native).invoke_with_args(of)?.into_array(args.number_rows)
    };
    let bounds = vec![bound(Native::TumbleStart)?, bound(Native::TumbleEnd)?];
    Ok(Arc::new(StructArray::try_new(fields.clone(), bounds, None)?))
}

impl ScalarUDFImpl for WindowMark {
    fn name(&self) -> &str {
        self.kind.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[ArrowType]) -> Result<Vec<ArrowType>> {
        Ok(types.to_vec())
    }

    /// A window is a pair of its start and its end, of the type of the time column.
    fn return_type(&self, types: &[ArrowType]) -> Result<ArrowType> {
        let Some(first) = types.first() else { return plan_err!("a window takes a time column") };
        match (self.kind, first) {
            (WindowKind::Start | WindowKind::End, ArrowType::Struct(fields)) => {
                Ok(fields[0].data_type().clone())
            }
            (WindowKind::Start | WindowKind::End, other) => {
                plan_err!("{} takes a window, not {other}", self.kind.name())
            }
            (_, moment) => pair(moment),
        }
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let types: Vec<ArrowType> =
            args.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        Ok(Arc::new(Field::new(self.name(), self.return_type(&types)?, false)))
    }

    /// What a bounded query computes; a continuous one has windows of its own.
    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let rows = args.number_rows;
        let found = match self.kind {
            WindowKind::Start | WindowKind::End => {
                let window = args.args[0].to_array(rows)?;
                let at = usize::from(self.kind == WindowKind::End);
                Arc::clone(window.as_struct().column(at))
            }
            WindowKind::Tumble if args.arg_fields[0].data_type() == &ArrowType::Int64 => {
                let error =
                    SqlError::unsupported("a window over a BIGINT in a query that runs once");
                return Err(outside(error.hint("Write tumble(to_timestamp_millis(ts), ..).")));
            }
            WindowKind::Tumble if has_no_zone(&args) => tumble(&args)?,
            _ => {
                let error = SqlError::unsupported("this window in a query that runs once");
                return Err(outside(error.hint("Create a materialized view of it.")));
            }
        };
        Ok(ColumnarValue::Array(found))
    }
}
