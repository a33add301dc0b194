//! STRING_AGG and ARRAY_AGG of bounded queries. They sort what they gather themselves, so that
//! several in one query may go by different orders.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType as ArrowType, Field as ArrowField, FieldRef};
use datafusion::common::utils::SingleRowListArrayBuilder;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, Signature, Volatility,
};
use datafusion::physical_expr::expressions::Literal;

use super::outside;
use crate::SqlError;
use crate::column::Column;
use crate::column::arrow::{Incoming, arrow_type};
use crate::front::literal;
use crate::front::types::{arrow_field, type_of_field};
use crate::limits::MORSEL_ROWS_MAX;
use crate::plan::Function;
use crate::schema::Field;
use crate::types::DataType;
use crate::value::Value;

/// One of the two.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Listing {
    name: &'static str,
    function: Function,
    signature: Signature,
}

/// Both of them.
pub(super) fn listings() -> impl Iterator<Item = Arc<AggregateUDF>> {
    let names = [("string_agg", Function::StringAgg), ("array_agg", Function::ArrayAgg)];
    names.into_iter().map(|(name, function)| {
        let signature = Signature::user_defined(Volatility::Immutable);
        Arc::new(AggregateUDF::from(Listing { name, function, signature }))
    })
}

impl Listing {
    /// The type of the result of arguments of these types.
    fn result(&self, args: &[DataType]) -> Result<DataType, SqlError> {
        let wanted = if self.function == Function::StringAgg { 2 } else { 1 };
        match args {
            [first, ..] if args.len() == wanted => self.function.result_type(*first),
            _ => Err(SqlError::undefined_function(self.name, args).hint(match wanted {
                1 => "Write array_agg(x).",
                _ => "Write string_agg(x, ', ').",
            })),
        }
    }
}

impl AggregateUDFImpl for Listing {
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
        let field = |of: &ArrowType| Arc::new(ArrowField::new("", of.clone(), true));
        let fields: Vec<FieldRef> = types.iter().map(field).collect();
        Ok(self.return_field(&fields)?.data_type().clone())
    }

    /// An array knows more of its items than their types in Arrow say.
    fn return_field(&self, args: &[FieldRef]) -> Result<FieldRef> {
        let types = args.iter().map(|field| type_of_field(field)).collect::<Result<Vec<_>, _>>();
        let result = types.and_then(|types| self.result(&types)).map_err(outside)?;
        Ok(arrow_field(&Field::nullable(self.name, result)))
    }

    fn is_nullable(&self) -> bool {
        true
    }

    /// What orders rows is given behind the arguments.
    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Beneficial
    }

    /// Rows that come in order already are sorted all the same.
    fn with_beneficial_ordering(
        self: Arc<Self>,
        _: bool,
    ) -> Result<Option<Arc<dyn AggregateUDFImpl>>> {
        Ok(Some(self))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let values = args.input_fields.iter().take(1).chain(args.ordering_fields);
        let list = |(at, field): (usize, &FieldRef)| -> Result<FieldRef> {
            let item = arrow_type(type_of_field(field).map_err(outside)?);
            let item = Arc::new(ArrowField::new_list_field(item, true));
            let name = format!("{}[values {at}]", args.name);
            Ok(Arc::new(ArrowField::new(name, ArrowType::List(item), true)))
        };
        values.enumerate().map(list).collect()
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let field = |field: &ArrowField| -> Result<Field> {
            Ok(Field::nullable("value", type_of_field(field).map_err(outside)?))
        };
        let types: Vec<DataType> = args
            .expr_fields
            .iter()
            .map(|found| Ok(field(found)?.data_type))
            .collect::<Result<_>>()?;
        let mut orders = Vec::new();
        for by in args.order_bys {
            orders.push((field(by.expr.return_field(args.schema)?.as_ref())?, by.options));
        }
        let separator = match self.function {
            Function::StringAgg => {
                let constant = args.exprs[1].downcast_ref::<Literal>();
                let value = constant.map(|constant| literal::value(constant.value()));
                Some(separator(value.transpose().map_err(outside)?).map_err(outside)?)
            }
            _ => None,
        };
        Ok(Box::new(Gathered {
            result: self.result(&types).map_err(outside)?,
            argument: field(&args.expr_fields[0])?,
            arguments: types.len(),
            orders,
            separator,
            distinct: args.is_distinct,
            rows: Vec::new(),
        }))
    }
}

/// What stands between texts.
pub(crate) fn separator(constant: Option<(Value, DataType)>) -> Result<String, SqlError> {
    match constant {
        Some((Value::Text(text), _)) => Ok(text.into()),
        _ => Err(SqlError::invalid_parameter("string_agg takes a constant separator")
            .hint("Write string_agg(x, ', ').")),
    }
}

/// The rows of one group.
#[derive(Debug)]
struct Gathered {
    result: DataType,
    argument: Field,
    /// How many arguments come before what orders rows.
    arguments: usize,
    orders: Vec<(Field, SortOptions)>,
    /// What stands between texts; none where the values make up an array.
    separator: Option<String>,
    distinct: bool,
    /// Of each row the value, and then what orders it.
    rows: Vec<Box<[Value]>>,
}

impl Gathered {
    /// Takes rows in the order in which they come.
    fn gather(&mut self, value: &ArrayRef, orders: &[ArrayRef]) -> Result<(), SqlError> {
        let fields = self.orders.iter().map(|(field, _)| field);
        let arrays = std::iter::once((value, &self.argument)).chain(orders.iter().zip(fields));
        let arrays = arrays.map(|(array, field)| Incoming::new(Arc::clone(array), field));
        let arrays = arrays.collect::<Result<Vec<Incoming>, SqlError>>()?;
        // A column has at most a morsel of rows, and a batch of the planner may have more.
        for start in (0..value.len()).step_by(MORSEL_ROWS_MAX) {
            let part = start..value.len().min(start + MORSEL_ROWS_MAX);
            let columns: Vec<Column> =
                arrays.iter().map(|array| array.part(part.clone())).collect();
            let taken =
                (0..part.len()).filter(|row| self.separator.is_none() || !columns[0].is_null(*row));
            let row = |row| columns.iter().map(|column| column.value(row)).collect();
            self.rows.extend(taken.map(row));
        }
        Ok(())
    }

    /// The values in their order; rows that agree stay as they came.
    fn sorted(&mut self) -> impl Iterator<Item = &Value> {
        let Gathered { rows, orders, distinct, .. } = self;
        rows.sort_by(|left, right| {
            let keys = left[1..].iter().zip(&right[1..]).zip(orders.iter());
            keys.fold(Ordering::Equal, |known, ((left, right), (_, options))| {
                known.then_with(|| compare(left, right, *options))
            })
        });
        if *distinct {
            // Each is ordered by itself.
            rows.dedup_by(|left, right| left[0] == right[0]);
        }
        rows.iter().map(|row| &row[0])
    }

    fn text(&mut self) -> Value {
        let separator = self.separator.take().expect("it makes up a text");
        let mut text: Option<String> = None;
        for value in self.sorted() {
            let Value::Text(value) = value else { unreachable!("only texts are gathered") };
            match &mut text {
                Some(text) => {
                    text.push_str(&separator);
                    text.push_str(value);
                }
                None => text = Some(value.to_string()),
            }
        }
        self.separator = Some(separator);
        text.map_or(Value::Null, |text| Value::Text(text.into()))
    }

    fn array(&mut self) -> Result<Value, SqlError> {
        let element = self.argument.data_type;
        let items: Vec<Value> = self.sorted().cloned().collect();
        if items.is_empty() { Ok(Value::Null) } else { Value::array(element, items) }
    }
}

fn compare(left: &Value, right: &Value, options: SortOptions) -> Ordering {
    let nulls = right.is_null().cmp(&left.is_null());
    if nulls != Ordering::Equal {
        return if options.nulls_first { nulls } else { nulls.reverse() };
    }
    if options.descending { right.cmp(left) } else { left.cmp(right) }
}

impl Accumulator for Gathered {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.gather(&values[0], &values[self.arguments..]).map_err(outside)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let value = match self.separator {
            Some(_) => self.text(),
            None => self.array().map_err(outside)?,
        };
        let array = Column::of(self.result, [&value]).into_array();
        match self.separator {
            Some(_) => ScalarValue::try_from_array(&array, 0),
            // Taken out of the array a list would forget what its items are beyond their type.
            None => Ok(ScalarValue::List(Arc::new(array.as_list().clone()))),
        }
    }

    fn size(&self) -> usize {
        let row = (1 + self.orders.len()) * size_of::<Value>() + size_of::<Box<[Value]>>();
        size_of_val(self) + self.rows.capacity() * row
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let fields = std::iter::once(&self.argument).chain(self.orders.iter().map(|(of, _)| of));
        let list = |(at, field): (usize, &Field)| {
            let column = Column::of(field.data_type, self.rows.iter().map(|row| &row[at]));
            SingleRowListArrayBuilder::new(column.into_array()).build_list_scalar()
        };
        Ok(fields.enumerate().map(list).collect())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let lists: Vec<_> = states.iter().map(|state| state.as_list::<i32>()).collect();
        for row in 0..lists[0].len() {
            let parts: Vec<ArrayRef> = lists.iter().map(|list| list.value(row)).collect();
            self.gather(&parts[0], &parts[1..]).map_err(outside)?;
        }
        Ok(())
    }
}
