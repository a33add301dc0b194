//! Functions of DataFusion in expression programs: columns become arrays and come back.
//!
//! A morsel whose call fails is called again row by row, so that only the rows that are to blame
//! fail.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef};
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{
    DataType as ArrowType, Field as ArrowField, FieldRef, Schema as ArrowSchema, TimeUnit,
};
use datafusion::arrow::util::display::FormatOptions;
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::config::ConfigOptions;
use datafusion::logical_expr::type_coercion::functions::fields_with_udf;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, Volatility,
};

use crate::column::Column;
use crate::column::arrow::{Incoming, arrow_type, schema_of};
use crate::error::SqlError;
use crate::expr::failure::{Failures, RowError};
use crate::expr::function::{Argument, LibraryArgument, LibraryFunction};
use crate::schema::Field;
use crate::types::DataType;

/// What goes wrong with the arguments as a whole stays an error of the row.
const CAST: CastOptions<'_> = CastOptions { safe: false, format_options: FormatOptions::new() };

/// A function of DataFusion over arguments of fixed types.
struct Library {
    udf: Arc<ScalarUDF>,
    /// The types the function takes, which may not be those of columns.
    takes: Vec<FieldRef>,
    gives: FieldRef,
    result: Field,
    options: Arc<ConfigOptions>,
}

/// A pure function of DataFusion for arguments like these, after the casts that it asks for.
pub fn library(
    udf: Arc<ScalarUDF>,
    args: &[Argument<'_>],
) -> Result<Arc<dyn LibraryFunction>, SqlError> {
    if udf.signature().volatility == Volatility::Volatile {
        return Err(SqlError::unsupported(format!(
            "function {} gives another value for every call",
            udf.name()
        ))
        .hint("Compute the value where the rows come from."));
    }
    let types: Vec<DataType> = args.iter().map(|arg| arg.data_type).collect();
    let refuse = |error: DataFusionError| {
        SqlError::undefined_function(udf.name(), &types).hint(error.strip_backtrace())
    };
    let field = |(at, arg): (usize, &Argument<'_>)| {
        Arc::new(ArrowField::new(format!("arg{at}"), arrow_type(arg.data_type), true))
    };
    let fields: Vec<FieldRef> = args.iter().enumerate().map(field).collect();
    let takes = fields_with_udf(&fields, udf.as_ref()).map_err(refuse)?;
    let constants = args
        .iter()
        .zip(&takes)
        .map(|(arg, takes)| arg.constant.map(|value| scalar_of(arg, value, takes)).transpose())
        .collect::<Result<Vec<Option<ScalarValue>>, _>>()
        .map_err(refuse)?;
    let scalars: Vec<Option<&ScalarValue>> = constants.iter().map(Option::as_ref).collect();
    let gives = udf
        .return_field_from_args(ReturnFieldArgs { arg_fields: &takes, scalar_arguments: &scalars })
        .map_err(refuse)?;
    let result = Field::nullable(udf.name(), column_type(gives.data_type())?);
    let options = Arc::new(ConfigOptions::default());
    Ok(Arc::new(Library { udf, takes, gives, result, options }))
}

fn scalar_of(
    arg: &Argument<'_>,
    value: &crate::value::Value,
    takes: &FieldRef,
) -> Result<ScalarValue, DataFusionError> {
    let array = Column::of(arg.data_type, [value]).into_array();
    scalar(&array, takes.data_type())
}

fn scalar(array: &ArrayRef, to: &ArrowType) -> Result<ScalarValue, DataFusionError> {
    ScalarValue::try_from_array(&as_type(array, to)?, 0)
}

fn as_type(array: &ArrayRef, to: &ArrowType) -> Result<ArrayRef, DataFusionError> {
    match array.data_type() == to {
        true => Ok(Arc::clone(array)),
        false => Ok(cast_with_options(array, to, &CAST)?),
    }
}

/// The column that holds what a function gives, for types of which there are no columns too.
fn column_type(arrow: &ArrowType) -> Result<DataType, SqlError> {
    let wider = match arrow {
        ArrowType::Null => ArrowType::Utf8View,
        ArrowType::Int8 | ArrowType::UInt8 | ArrowType::UInt16 => ArrowType::Int32,
        ArrowType::UInt32 | ArrowType::UInt64 => ArrowType::Int64,
        ArrowType::Float16 => ArrowType::Float64,
        ArrowType::Timestamp(TimeUnit::Nanosecond, zone) => {
            ArrowType::Timestamp(TimeUnit::Microsecond, zone.clone())
        }
        ArrowType::Dictionary(_, values) => values.as_ref().clone(),
        other => other.clone(),
    };
    let schema = ArrowSchema::new(vec![ArrowField::new("result", wider, true)]);
    Ok(schema_of(&schema)?.field(0).data_type)
}

impl Library {
    /// The arguments of rows `start..start + rows`.
    fn arguments(
        &self,
        args: &[Input],
        start: usize,
        rows: usize,
    ) -> Result<Vec<ColumnarValue>, DataFusionError> {
        let args = args.iter().zip(&self.takes).map(|(arg, takes)| match arg {
            Input::Scalar(array) => scalar(array, takes.data_type()).map(ColumnarValue::Scalar),
            Input::Array(array) => {
                as_type(&array.slice(start, rows), takes.data_type()).map(ColumnarValue::Array)
            }
        });
        args.collect()
    }

    /// The results of rows `start..start + rows`, of the type that a column takes.
    fn invoke(
        &self,
        args: &[Input],
        start: usize,
        rows: usize,
    ) -> Result<Incoming, DataFusionError> {
        let args = ScalarFunctionArgs {
            args: self.arguments(args, start, rows)?,
            arg_fields: self.takes.clone(),
            number_rows: rows,
            return_field: Arc::clone(&self.gives),
            config_options: Arc::clone(&self.options),
        };
        let array = self.udf.invoke_with_args(args)?.into_array_of_size(rows)?;
        let array = as_type(&array, &arrow_type(self.result.data_type))?;
        Incoming::new(array, &self.result).map_err(|error| DataFusionError::External(error.into()))
    }
}

/// An argument as DataFusion sees it.
enum Input {
    /// One row, the same for all.
    Scalar(ArrayRef),
    Array(ArrayRef),
}

impl LibraryFunction for Library {
    fn name(&self) -> &str {
        self.udf.name()
    }

    fn result(&self, _: &[DataType]) -> Result<DataType, SqlError> {
        Ok(self.result.data_type)
    }

    fn call(
        &self,
        args: &[LibraryArgument<'_>],
        rows: usize,
        out: &mut Column,
        failed: &mut Failures,
    ) {
        let input = |arg: &LibraryArgument<'_>| {
            let mut column = Column::new(arg.column.data_type());
            column.append_range(arg.column, 0, if arg.constant { 1 } else { rows });
            let array = column.into_array();
            if arg.constant { Input::Scalar(array) } else { Input::Array(array) }
        };
        if rows == 0 {
            return;
        }
        let inputs: Vec<Input> = args.iter().map(input).collect();
        out.clear();
        if let Ok(incoming) = self.invoke(&inputs, 0, rows) {
            incoming.append_to(0..rows, out);
            return;
        }
        for row in 0..rows {
            match self.invoke(&inputs, row, 1) {
                Ok(incoming) => incoming.append_to(0..1, out),
                Err(_) => {
                    out.push_null();
                    failed.add(row as u32, RowError::Library);
                }
            }
        }
    }
}

impl fmt::Debug for Library {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.udf.name())
    }
}

#[cfg(test)]
mod tests;
