//! What our expressions compute, as functions of the planner: one meaning for continuous queries,
//! which run the expression, and for bounded ones, which call the function.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::{DataType as ArrowType, Field as ArrowField, FieldRef};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::type_coercion::functions::fields_with_udf;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use crate::column::Column;
use crate::column::arrow::Incoming;
use crate::expr::{BinaryOp, Expr, Failures, Native, Program};
use crate::front::functions::outside;
use crate::front::literal;
use crate::front::types::{arrow_field, type_of_field};
use crate::limits::MORSEL_ROWS_MAX;
use crate::schema::{Field, Schema};
use crate::types::DataType;
use crate::{SqlError, Value};

/// What a function of the planner is in our expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Meaning {
    /// An operator between two values.
    Binary(BinaryOp),
    /// Minus.
    Negate,
    /// A cast to a type.
    Cast(DataType),
    /// A call.
    Call(Native),
}

impl Meaning {
    /// The expression over these operands, which are as many as the meaning takes.
    pub(crate) fn of(self, mut operands: Vec<Expr>) -> Result<Expr, SqlError> {
        if let Meaning::Call(native) = self {
            return Ok(Expr::native(native, operands));
        }
        let wanted = if matches!(self, Meaning::Binary(_)) { 2 } else { 1 };
        if operands.len() != wanted {
            let found = operands.len();
            let message = format!("an operator of {wanted} operands was given {found}");
            return Err(SqlError::invalid_parameter(message));
        }
        let last = operands.pop().expect("counted above");
        Ok(match self {
            Meaning::Binary(op) => {
                let left = Box::new(operands.pop().expect("counted above"));
                Expr::Binary { op, left, right: Box::new(last) }
            }
            Meaning::Negate => last.negate(),
            Meaning::Cast(to) => last.cast(to),
            Meaning::Call(_) => unreachable!("made above"),
        })
    }
}

/// One function.
pub(crate) struct Ours {
    name: String,
    meaning: Meaning,
    /// What is called over operands that we do not take.
    library: Option<Arc<ScalarUDF>>,
    signature: Signature,
}

impl Ours {
    /// The function of this name.
    pub(crate) fn udf(
        name: impl Into<String>,
        meaning: Meaning,
        library: Option<Arc<ScalarUDF>>,
    ) -> Arc<ScalarUDF> {
        let signature = Signature::user_defined(Volatility::Immutable);
        Arc::new(ScalarUDF::from(Ours { name: name.into(), meaning, library, signature }))
    }

    pub(crate) fn meaning(&self) -> Meaning {
        self.meaning
    }

    /// What is called over operands that we do not take.
    pub(crate) fn library(&self) -> Option<&Arc<ScalarUDF>> {
        self.library.as_ref()
    }

    /// The type over operands of these types, if we take them.
    fn takes(&self, types: &[ArrowType]) -> Result<DataType, SqlError> {
        let operand = |of: &ArrowType| Operand::new(&ArrowField::new("", of.clone(), true), None);
        let operands: Vec<Operand> = types.iter().map(operand).collect::<Result<_, _>>()?;
        Ok(self.bind(&operands)?.1)
    }

    /// The bound expression and the type of its result over operands of these types.
    fn bind(&self, operands: &[Operand]) -> Result<(Expr, DataType, Schema), SqlError> {
        let named = |(at, operand): (usize, &Operand)| {
            Field::nullable(format!("operand {}", at + 1), operand.data_type)
        };
        let schema = Schema::new(operands.iter().enumerate().map(named).collect())?;
        let expr = |(at, operand): (usize, &Operand)| match &operand.constant {
            Some(value) => Expr::Literal(value.clone(), operand.data_type),
            None => Expr::Column(at),
        };
        let mut operands: Vec<Expr> = operands.iter().enumerate().map(expr).collect();
        if let (Meaning::Binary(_), [left, right]) = (self.meaning, &mut operands[..]) {
            // A bare NULL is of the type of the other side.
            let other = match (&*left, &*right) {
                (Expr::Literal(Value::Null, DataType::Text), other)
                | (other, Expr::Literal(Value::Null, DataType::Text)) => {
                    Some(other.data_type(&schema)?)
                }
                _ => None,
            };
            for side in [left, right] {
                if let (Expr::Literal(Value::Null, _), Some(other)) = (&*side, other) {
                    *side = Expr::null(other);
                }
            }
        }
        let expr = self.meaning.of(operands)?;
        let expr = expr.bind(&schema)?;
        let data_type = expr.data_type(&schema)?;
        Ok((expr, data_type, schema))
    }
}

/// What is known of an operand.
struct Operand {
    data_type: DataType,
    constant: Option<Value>,
}

impl Operand {
    fn new(field: &ArrowField, constant: Option<&ScalarValue>) -> Result<Operand, SqlError> {
        // A bare NULL has no column to be in.
        if *field.data_type() == ArrowType::Null {
            return Ok(Operand { data_type: DataType::Text, constant: Some(Value::Null) });
        }
        let constant = constant.and_then(|value| literal::value_of(value, field).ok());
        match constant {
            Some((value, data_type)) => Ok(Operand { data_type, constant: Some(value) }),
            None => Ok(Operand { data_type: type_of_field(field)?, constant: None }),
        }
    }
}

impl ScalarUDFImpl for Ours {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    /// Operands keep their types: the expression casts them as it needs.
    fn coerce_types(&self, types: &[ArrowType]) -> Result<Vec<ArrowType>> {
        // What is JSON and what is text is seen with the fields, not with their types alone.
        let Some(library) = &self.library else { return Ok(types.to_vec()) };
        match self.takes(types) {
            Ok(_) => Ok(types.to_vec()),
            // Where the library does not take them either, ours is the better error.
            Err(error) => {
                let field = |of: &ArrowType| Arc::new(ArrowField::new("", of.clone(), true));
                let fields: Vec<FieldRef> = types.iter().map(field).collect();
                let fields = fields_with_udf(&fields, library.as_ref());
                let fields = fields.map_err(|_| outside(error))?;
                Ok(fields.iter().map(|field| field.data_type().clone()).collect())
            }
        }
    }

    fn return_type(&self, types: &[ArrowType]) -> Result<ArrowType> {
        let fields: Vec<FieldRef> =
            types.iter().map(|of| Arc::new(ArrowField::new("", of.clone(), true))).collect();
        let scalar_arguments = vec![None; fields.len()];
        let args = ReturnFieldArgs { arg_fields: &fields, scalar_arguments: &scalar_arguments };
        Ok(self.return_field_from_args(args)?.data_type().clone())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let operands = args.arg_fields.iter().zip(args.scalar_arguments);
        let operands: Result<Vec<Operand>, SqlError> =
            operands.map(|(field, constant)| Operand::new(field, *constant)).collect();
        match (operands.and_then(|operands| self.bind(&operands)), &self.library) {
            (Ok((_, data_type, _)), _) => Ok(arrow_field(&Field::nullable(&self.name, data_type))),
            (Err(error), Some(library)) => {
                library.return_field_from_args(args).map_err(|_| outside(error))
            }
            (Err(error), None) => Err(outside(error)),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let types: Vec<ArrowType> =
            args.arg_fields.iter().map(|field| field.data_type().clone()).collect();
        if let (Err(_), Some(library)) = (self.takes(&types), &self.library) {
            return library.invoke_with_args(args);
        }
        let all_constant = args.args.iter().all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let rows = if all_constant { 1 } else { args.number_rows };
        let array = self.run(&args, rows).map_err(outside)?;
        Ok(match all_constant {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&array, 0)?),
            false => ColumnarValue::Array(array),
        })
    }
}

impl Ours {
    fn run(&self, args: &ScalarFunctionArgs, rows: usize) -> Result<ArrayRef, SqlError> {
        let (mut operands, mut given) = (Vec::new(), Vec::new());
        for (field, arg) in args.arg_fields.iter().zip(&args.args) {
            let constant = match arg {
                ColumnarValue::Scalar(value) => Some(value),
                ColumnarValue::Array(_) => None,
            };
            let operand = Operand::new(field, constant)?;
            given.push(match arg {
                ColumnarValue::Array(array) if operand.constant.is_none() => {
                    let field = Field::nullable(field.name(), operand.data_type);
                    Some(Incoming::new(signed(array)?, &field)?)
                }
                _ => None,
            });
            operands.push(operand);
        }
        let (expr, _, schema) = self.bind(&operands)?;
        let program = Program::compile(&[expr], &schema)?;
        let types: Vec<DataType> = operands.iter().map(|operand| operand.data_type).collect();
        if rows <= MORSEL_ROWS_MAX {
            return run_part(&program, &given, &types, 0..rows);
        }
        // A program takes a morsel at a time, and a batch of the planner may be larger.
        let starts = (0..rows).step_by(MORSEL_ROWS_MAX);
        let parts = starts.map(|start| {
            let part = start..rows.min(start + MORSEL_ROWS_MAX);
            run_part(&program, &given, &types, part)
        });
        let parts = parts.collect::<Result<Vec<ArrayRef>, SqlError>>()?;
        let parts: Vec<&dyn Array> = parts.iter().map(|part| &**part).collect();
        arrow::compute::concat(&parts).map_err(|error| SqlError::out_of_range(error.to_string()))
    }
}

/// Runs a program over some rows of what it was given; a constant has none and is in the program.
fn run_part(
    program: &Program,
    given: &[Option<Incoming>],
    types: &[DataType],
    rows: Range<usize>,
) -> Result<ArrayRef, SqlError> {
    let columns = given.iter().zip(types).map(|(given, data_type)| match given {
        Some(array) => array.part(rows.clone()),
        None => {
            let mut column = Column::new(*data_type);
            column.resize(rows.len());
            column
        }
    });
    let columns: Vec<Column> = columns.collect();
    let (mut scratch, mut failures) = (program.scratch(), Failures::new());
    program.run(&columns, rows.len(), &mut scratch, &mut failures);
    match failures.rows().first() {
        Some((_, error)) => Err(SqlError::of_row(*error)),
        None => Ok(program.output(&scratch, &columns, 0).clone().into_array()),
    }
}

/// Ranks come without a sign, which no column of ours does.
fn signed(array: &ArrayRef) -> Result<ArrayRef, SqlError> {
    if *array.data_type() != ArrowType::UInt64 {
        return Ok(Arc::clone(array));
    }
    let cast = arrow::compute::cast(array, &ArrowType::Int64);
    cast.map_err(|error| SqlError::out_of_range(error.to_string()))
}

impl fmt::Debug for Ours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:?})", self.name, self.meaning)
    }
}

impl PartialEq for Ours {
    fn eq(&self, other: &Ours) -> bool {
        self.name == other.name && self.meaning == other.meaning
    }
}

impl Eq for Ours {}

impl Hash for Ours {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
        self.meaning.hash(state);
    }
}
