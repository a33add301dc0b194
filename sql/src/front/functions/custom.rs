//! Functions of the application's, as functions of the planner: bounded queries call them, and
//! programs of continuous ones through the library.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::{DataType as ArrowType, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::outside;
use crate::SqlError;
use crate::column::arrow::arrow_type;
use crate::front::context::Udf;
use crate::front::types::arrow_field;
use crate::plan::said;
use crate::schema::Field;
use crate::types::DataType;

/// What a function of the application's does with its columns.
pub type Body = Arc<dyn Fn(&[ArrayRef]) -> Outcome + Send + Sync>;

/// A column as long as those that were given, or why there is none.
pub type Outcome = std::result::Result<ArrayRef, Box<dyn std::error::Error + Send + Sync>>;

/// A function of the application's.
pub(crate) struct Custom {
    name: String,
    result: DataType,
    signature: Signature,
    body: Body,
}

impl Custom {
    pub(crate) fn udf(name: &str, args: &[DataType], result: DataType, body: Body) -> Udf {
        let signature = match args {
            [] => Signature::nullary(Volatility::Immutable),
            args => {
                let args = args.iter().map(|of| arrow_type(*of)).collect();
                Signature::exact(args, Volatility::Immutable)
            }
        };
        Arc::new(ScalarUDF::from(Custom { name: name.to_owned(), result, signature, body }))
    }

    /// The column of the result, of the type and length that it must have.
    fn call(&self, args: &[ArrayRef], rows: usize) -> std::result::Result<ArrayRef, SqlError> {
        let name = &self.name;
        let failed = |why: String| SqlError::external(format!("function {name}: {why}"));
        // Whatever a panic left half done belongs to the function.
        let made = catch_unwind(AssertUnwindSafe(|| (self.body)(args)));
        let array = made
            .map_err(|panic| failed(format!("it panicked: {}", said(panic.as_ref()))))?
            .map_err(|error| failed(error.to_string()))?;
        if array.len() != rows {
            return Err(failed(format!("it was given {rows} rows and gave {}", array.len())));
        }
        let wanted = arrow_type(self.result);
        if *array.data_type() == wanted {
            return Ok(array);
        }
        let found = array.data_type().clone();
        // A text may come in another layout; another kind of value may not.
        let same = crate::column::arrow::data_type_of(&found).ok().flatten() == Some(self.result);
        match arrow::compute::cast(&array, &wanted) {
            Ok(array) if same => Ok(array),
            _ => Err(failed(format!("it gave {found}, and {} is {wanted}", self.result))),
        }
    }
}

impl ScalarUDFImpl for Custom {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[ArrowType]) -> Result<ArrowType> {
        Ok(arrow_type(self.result))
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        Ok(arrow_field(&Field::nullable(&self.name, self.result)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let ScalarFunctionArgs { args, number_rows, .. } = args;
        let constant =
            !args.is_empty() && args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { number_rows };
        let columns =
            args.into_iter().map(|arg| arg.into_array(rows)).collect::<Result<Vec<_>>>()?;
        let array = self.call(&columns, rows).map_err(outside)?;
        Ok(match constant {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?),
            false => ColumnarValue::Array(array),
        })
    }
}

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl PartialEq for Custom {
    fn eq(&self, other: &Custom) -> bool {
        self.name == other.name && Arc::ptr_eq(&self.body, &other.body)
    }
}

impl Eq for Custom {}

impl Hash for Custom {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}
