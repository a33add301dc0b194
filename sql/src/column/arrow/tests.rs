use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Date32Array, Date64Array, Decimal128Array,
    DictionaryArray, Float32Array, Float64Array, Int32Array, Int64Array, IntervalYearMonthArray,
    LargeStringArray, StringArray, StringViewArray, StringViewBuilder, Time32SecondArray,
    TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray,
    TimestampSecondArray, UInt8Array, UInt32Array, make_array,
};
use arrow::datatypes::{
    DataType as ArrowType, Field as ArrowField, Int32Type, Schema as ArrowSchema, TimeUnit,
};

use super::*;
use crate::column::{Column, Values};
use crate::error::SqlError;
use crate::interval::Interval;
use crate::json::Json;
use crate::limits::{MORSEL_ROWS_MAX, TEXT_BYTES_MAX, TIMESTAMP_US_MAX};
use crate::nested::Map;
use crate::schema::{Field, Schema};
use crate::types::{DataType, StructField, StructType};
use crate::value::Value;

const DECIMAL: DataType = DataType::Decimal { precision: 10, scale: 2 };
const PAIR: DataType = DataType::Struct(&StructType {
    fields: &[
        StructField { name: "a", data_type: DataType::Date },
        StructField { name: "b", data_type: DataType::Array(&DataType::Text) },
    ],
});
/// The types whose layout is that of their Arrow arrays.
const TYPES: [DataType; 11] = [
    DataType::Boolean,
    DataType::Int,
    DataType::BigInt,
    DataType::Double,
    DECIMAL,
    DataType::Text,
    DataType::Timestamp,
    DataType::Date,
    DataType::Time,
    DataType::TimestampTz,
    DataType::Bytea,
];
/// The others.
const COPIED: [DataType; 9] = [
    DataType::SmallInt,
    DataType::Real,
    DataType::Uuid,
    DataType::Interval,
    DataType::Json,
    DataType::Array(&DECIMAL),
    DataType::Array(&DataType::Array(&DataType::Int)),
    DataType::Map,
    PAIR,
];

fn value(data_type: DataType, row: usize) -> Value {
    let number = (row as i64 - 3) * 1_000_003;
    match data_type {
        DataType::Boolean => Value::Boolean(row.is_multiple_of(3)),
        DataType::Int => Value::Int(number as i32),
        DataType::BigInt => Value::BigInt(number << 20),
        DataType::Double => Value::Double(number as f64 / 7.0),
        DataType::Decimal { scale, .. } => Value::Decimal { units: i128::from(number), scale },
        DataType::Text => Value::text(&"abc\u{e9}".repeat(row % 9)),
        DataType::Timestamp => Value::Timestamp(number),
        DataType::TimestampTz => Value::TimestampTz(number),
        DataType::SmallInt => Value::SmallInt(number as i16),
        DataType::Real => Value::Real(number as f32 / 7.0),
        DataType::Bytea => Value::bytea(&[0xff, row as u8].repeat(row % 11)),
        DataType::Uuid => Value::Uuid([(row * 37) as u8; 16]),
        DataType::Date => Value::Date(row as i32 - 3),
        DataType::Time => Value::Time(number.rem_euclid(86_400_000_001)),
        DataType::Interval => {
            Value::Interval(Interval::new(row as i32 % 3, row as i32 - 3, number).unwrap())
        }
        DataType::Json => {
            Value::Json(Json::parse(&format!("{{\"k\": [{row}, \"text\"]}}")).unwrap())
        }
        DataType::Map => {
            let value = (!row.is_multiple_of(4)).then_some("v");
            Value::Map(Map::new((0..row % 3).map(|at| (format!("key {at}"), value))))
        }
        DataType::Array(element) => {
            let item =
                |at: usize| if at == 2 { Value::Null } else { self::value(*element, row + at) };
            Value::Array { element, items: (0..row % 4).map(item).collect() }
        }
        DataType::Struct(of) => {
            let field = |(at, field): (usize, &StructField)| match (row + at) % 5 {
                0 => Value::Null,
                _ => self::value(field.data_type, row + at),
            };
            Value::Struct { of, values: of.fields.iter().enumerate().map(field).collect() }
        }
    }
}

/// A column where every `null_every`th row is NULL; none where that is 0.
fn column(data_type: DataType, rows: usize, null_every: usize) -> Column {
    let null = |row: usize| null_every > 0 && row % null_every == null_every - 1;
    let value = |row| if null(row) { Value::Null } else { value(data_type, row) };
    Column::of(data_type, &(0..rows).map(value).collect::<Vec<_>>())
}

fn field(data_type: DataType) -> Field {
    Field::nullable("c", data_type)
}

fn incoming(array: ArrayRef, data_type: DataType) -> Incoming {
    Incoming::new(array, &field(data_type)).expect("the array fits")
}

fn values(column: &Column) -> Vec<Value> {
    (0..column.len()).map(|row| column.value(row)).collect()
}

/// Where the values lie.
fn address(column: &Column) -> usize {
    match column.values() {
        Values::Bool(bits) => bits.words().as_ptr().addr(),
        Values::I32(values) => values.as_ptr().addr(),
        Values::I64(values) => values.as_ptr().addr(),
        Values::F64(values) => values.as_ptr().addr(),
        Values::I128(values) => values.as_ptr().addr(),
        Values::Text(text) => text.views().as_ptr().addr(),
    }
}

fn heap_address(column: &Column) -> Option<usize> {
    match column.values() {
        Values::Text(text) => Some(text.heap().as_ptr().addr()),
        _ => None,
    }
}

fn array_address(array: &ArrayRef) -> usize {
    array.to_data().buffers()[0].as_ptr().addr()
}

#[test]
fn every_type_goes_out_and_comes_back() {
    for data_type in TYPES.into_iter().chain(COPIED) {
        for (rows, null_every) in
            [(0, 0), (1, 0), (1, 1), (63, 2), (64, 64), (65, 1), (1000, 7), (MORSEL_ROWS_MAX, 5)]
        {
            let out = column(data_type, rows, null_every);
            let array = out.clone().into_array();
            assert_eq!(*array.data_type(), arrow_type(data_type));
            array.to_data().validate_full().expect("a valid array");
            let nulls = rows.checked_div(null_every).unwrap_or(0);
            assert_eq!((array.len(), array.null_count()), (rows, nulls));
            let back = incoming(array, data_type).into_column();
            assert_eq!(back, out, "{rows} rows of {data_type}");
            assert_eq!(back.nulls(), out.nulls(), "{rows} rows of {data_type}");
        }
    }
}

#[test]
fn a_buffer_stays_where_it_is_on_the_way_out_and_back() {
    for data_type in TYPES {
        for null_every in [0, 7] {
            let out = column(data_type, 1000, null_every);
            let (values, heap) = (address(&out), heap_address(&out));
            let array = out.into_array();
            assert_eq!(array_address(&array), values, "out, {data_type}");
            if let Some(heap) = heap {
                let data = array.to_data();
                assert_eq!(data.buffers()[1].as_ptr().addr(), heap);
            }
            let back = incoming(array, data_type).into_column();
            assert_eq!((address(&back), heap_address(&back)), (values, heap), "back, {data_type}");
        }
    }
}

#[test]
fn a_buffer_that_somebody_else_holds_is_copied() {
    for data_type in TYPES {
        let array = column(data_type, 1000, 7).into_array();
        let held = make_array(array.to_data());
        let back = incoming(array, data_type).into_column();
        assert_ne!(address(&back), array_address(&held), "{data_type}");
        assert_eq!(back, column(data_type, 1000, 7));
        assert_eq!(incoming(held, data_type).into_column(), back, "the other is unchanged");
    }
}

#[test]
fn of_a_slice_only_its_rows_are_taken() {
    for data_type in TYPES.into_iter().chain(COPIED) {
        for (start, len) in [(0, 10), (3, 70), (64, 64), (200, 0), (990, 10)] {
            let whole = column(data_type, 1000, 7);
            let expected = values(&whole)[start..start + len].to_vec();
            let slice = whole.into_array().slice(start, len);
            let taken = incoming(slice, data_type).into_column();
            assert_eq!(values(&taken), expected, "{start}+{len} of {data_type}");
            let held = taken.memory_bytes();
            assert!(held <= 80 << 10, "{held} bytes for {len} rows of {data_type}");
        }
    }
}

#[test]
fn a_few_rows_do_not_keep_the_memory_of_a_large_batch() {
    let rows = 100_000;
    let texts = (0..rows).map(|row| format!("the text of row number {row}"));
    let text: ArrayRef = Arc::new(StringViewArray::from_iter_values(texts));
    let number: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
    let one_buffer = Column::of(DataType::Text, &vec![Value::text(&"x".repeat(200)); 1000]);
    let one_buffer = one_buffer.into_array();
    assert_eq!(one_buffer.as_string_view().data_buffers().len(), 1);
    let text = [(text, DataType::Text), (one_buffer, DataType::Text)];
    for (array, data_type) in text.into_iter().chain([(number, DataType::BigInt)]) {
        let cut = array.slice(0, 3);
        drop(array);
        let column = incoming(cut, data_type).into_column();
        assert_eq!(column.len(), 3);
        assert!(column.memory_bytes() < 1000, "{} bytes", column.memory_bytes());
    }
}

#[test]
fn rows_are_appended_from_any_part_of_an_array() {
    for data_type in TYPES.into_iter().chain(COPIED) {
        for (before_nulls, null_every) in [(0, 0), (0, 3), (2, 0), (2, 3)] {
            let from = column(data_type, 300, null_every);
            let array = incoming(from.clone().into_array(), data_type);
            let mut to = column(data_type, 5, before_nulls);
            let expected = [values(&to), values(&from)[100..271].to_vec()].concat();
            array.append_to(100..100, &mut to);
            array.append_to(100..271, &mut to);
            assert_eq!(values(&to), expected, "{data_type}");
        }
    }
}

#[test]
fn what_arrow_keeps_in_the_place_of_a_null_is_not_taken_over() {
    let nulls = || Some(vec![false, true].into());
    let long = "longer than a view has room for";
    let arrays: [(ArrayRef, DataType); 4] = [
        (Arc::new(Int64Array::new(vec![7, 8].into(), nulls())), DataType::BigInt),
        (
            Arc::new(TimestampMicrosecondArray::new(vec![i64::MIN, 8].into(), nulls())),
            DataType::Timestamp,
        ),
        (Arc::new(BooleanArray::new(vec![true, true].into(), nulls())), DataType::Boolean),
        (
            Arc::new({
                let (views, buffers, _) =
                    StringViewArray::from_iter_values([long, long]).into_parts();
                StringViewArray::new(views, buffers, nulls())
            }),
            DataType::Text,
        ),
    ];
    for (array, data_type) in arrays {
        let mut appended = Column::new(data_type);
        let taken = incoming(array, data_type);
        taken.append_to(0..2, &mut appended);
        let mut moved = taken.into_column();
        for column in [&mut moved, &mut appended] {
            assert!(column.is_null(0) && !column.is_null(1));
            column.clear_nulls();
            let mut blank = Column::new(data_type);
            blank.resize(1);
            assert!(column.equal(0, &blank, 0), "{data_type}");
        }
    }
}

#[test]
fn a_text_over_the_limit_in_the_place_of_a_null_is_no_text() {
    let long = "x".repeat(TEXT_BYTES_MAX + 1);
    let nulls = || Some(vec![true, false].into());
    let (views, buffers, _) = StringViewArray::from_iter_values(["a", &long]).into_parts();
    let (offsets, bytes, _) = StringArray::from_iter_values(["a", &long]).into_parts();
    let arrays: [ArrayRef; 2] = [
        Arc::new(StringViewArray::new(views, buffers, nulls())),
        Arc::new(StringArray::new(offsets, bytes, nulls())),
    ];
    for array in arrays {
        let taken = incoming(array, DataType::Text);
        let mut appended = Column::new(DataType::Text);
        taken.append_to(0..2, &mut appended);
        assert_eq!(values(&appended), [Value::text("a"), Value::Null]);
        assert_eq!(taken.into_column(), appended);
    }
}

#[test]
fn texts_come_from_every_layout_of_arrow() {
    let texts = vec![Some("short"), None, Some("a text behind the views \u{e9}"), Some("")];
    let mut several = StringViewBuilder::new().with_fixed_block_size(30);
    texts.iter().for_each(|text| several.append_option(*text));
    several.append_value("another text, in a second block");
    let several = several.finish();
    assert!(several.data_buffers().len() > 1, "the texts lie in several buffers");
    let arrays: [ArrayRef; 4] = [
        Arc::new(StringArray::from(texts.clone())),
        Arc::new(LargeStringArray::from(texts.clone())),
        Arc::new(StringViewArray::from(texts.clone())),
        Arc::new(several.slice(0, 4)),
    ];
    let expected: Vec<Value> =
        texts.iter().map(|text| text.map_or(Value::Null, Value::text)).collect();
    for array in arrays {
        let taken = incoming(array.clone(), DataType::Text);
        let bytes: Vec<usize> = (0..4).map(|row| taken.text_bytes(row)).collect();
        assert_eq!(bytes, [5, 0, 26, 0]);
        let mut appended = Column::new(DataType::Text);
        taken.append_to(0..4, &mut appended);
        assert_eq!(values(&appended), expected);
        assert_eq!(values(&taken.into_column()), expected);
    }
}

#[test]
fn moments_in_coarser_units_become_microseconds() {
    let us = |array: ArrayRef| values(&incoming(array, DataType::Timestamp).into_column());
    let is = |us: i64| vec![Value::Timestamp(us), Value::Null];
    let days = i64::from(i32::MIN / 25);
    assert_eq!(us(Arc::new(TimestampSecondArray::from(vec![Some(-3), None]))), is(-3_000_000));
    assert_eq!(us(Arc::new(TimestampMillisecondArray::from(vec![Some(-3), None]))), is(-3000));
    assert_eq!(
        us(Arc::new(Date32Array::from(vec![Some(days as i32), None]))),
        is(days * 86_400_000_000)
    );
    assert_eq!(us(Arc::new(Date64Array::from(vec![Some(86_400_000), None]))), is(86_400_000_000));
}

fn refused(array: ArrayRef, field: &Field) -> String {
    Incoming::new(array, field).expect_err("the array does not fit").to_string()
}

#[test]
fn an_array_of_another_type_is_refused_with_the_cast() {
    let array = Arc::new(Float64Array::from(vec![1.0]));
    assert_eq!(
        refused(array, &Field::nullable("price", DataType::Real)),
        "column \"price\" is REAL and was given an Arrow array of Float64 (42804) Cast the array \
         to Float32."
    );
    let array = Arc::new(TimestampNanosecondArray::from(vec![1000, 1]));
    assert_eq!(
        refused(array, &Field::nullable("ts", DataType::Timestamp)),
        "row 1 of column \"ts\": 1 as Timestamp(ns) is no whole number of microseconds (22003) Leave \
         the row out, or make the value NULL."
    );
    let zoned = TimestampMicrosecondArray::from(vec![1]).with_timezone("UTC");
    assert!(refused(Arc::new(zoned), &field(DataType::Timestamp)).contains("UTC"));
    let scale = Decimal128Array::from(vec![1]).with_precision_and_scale(10, 3).unwrap();
    assert!(
        refused(Arc::new(scale), &field(DECIMAL)).contains("Cast the array to Decimal128(10, 2)")
    );
    let moments = Arc::new(TimestampMicrosecondArray::from(vec![1]));
    assert!(refused(moments, &field(DataType::BigInt)).contains("Int64"));
}

#[test]
fn a_null_is_refused_where_there_may_be_none() {
    let strict = Field::not_null("k", DataType::Int);
    let array: ArrayRef = Arc::new(Int32Array::from(vec![Some(1), None]));
    assert_eq!(
        refused(array.clone(), &strict),
        "column \"k\" is NOT NULL and was given NULL (23502) Row 1 of the batch is NULL: fill it, \
         or declare the column without NOT NULL."
    );
    assert!(Incoming::new(array.slice(0, 1), &strict).is_ok());
}

#[test]
fn values_that_the_column_does_not_hold_are_refused_with_their_row() {
    let wide = |precision| {
        let units = vec![Some(9_999_999_999), None, Some(10_000_000_000)];
        Decimal128Array::from(units).with_precision_and_scale(precision, 2).unwrap()
    };
    for precision in [10, 38] {
        let text = refused(Arc::new(wide(precision)), &field(DECIMAL));
        assert!(text.starts_with("row 2 of column \"c\" has more than the 10 digits"), "{text}");
    }
    assert!(Incoming::new(Arc::new(wide(38).slice(0, 2)), &field(DECIMAL)).is_ok());

    let ends = |us: i64| -> [(ArrayRef, bool); 2] {
        let array = |us| Arc::new(TimestampMicrosecondArray::from(vec![0, us])) as ArrayRef;
        [(array(us), true), (array(us + us.signum()), false)]
    };
    for (array, fits) in [ends(TIMESTAMP_US_MAX), ends(-TIMESTAMP_US_MAX)].concat() {
        assert_eq!(Incoming::new(array, &field(DataType::Timestamp)).is_ok(), fits);
    }
    let coarse: [ArrayRef; 4] = [
        Arc::new(TimestampSecondArray::from(vec![0, i64::MAX / 1_000_000])),
        Arc::new(TimestampMillisecondArray::from(vec![0, i64::MIN])),
        Arc::new(Date32Array::from(vec![0, i32::MAX])),
        Arc::new(Date64Array::from(vec![0, i64::MAX])),
    ];
    for array in coarse {
        let text = refused(array, &field(DataType::Timestamp));
        assert!(text.starts_with("row 1 of column \"c\": "), "{text}");
    }
}

#[test]
fn a_text_over_the_limit_is_refused_whatever_its_layout() {
    for (bytes, fits) in [(TEXT_BYTES_MAX, true), (TEXT_BYTES_MAX + 1, false)] {
        let text = "x".repeat(bytes);
        let arrays: [ArrayRef; 2] = [
            Arc::new(StringArray::from(vec!["a", &text])),
            Arc::new(StringViewArray::from(vec!["a", &text])),
        ];
        for array in arrays {
            let taken = Incoming::new(array, &field(DataType::Text));
            let expected = format!(
                "bytes of the text in row 1 of column \"c\": {bytes} is more than the limit of \
                 {TEXT_BYTES_MAX} (54000) Shorten the text, or keep it elsewhere and store a \
                 reference."
            );
            assert_eq!(
                taken.map(|_| ()).map_err(|error| error.to_string()),
                if fits { Ok(()) } else { Err(expected) }
            );
        }
    }
}

fn relation() -> Schema {
    let field = |(at, data_type): (usize, &DataType)| Field {
        name: format!("c{at}"),
        data_type: *data_type,
        nullable: at.is_multiple_of(2),
    };
    Schema::new(TYPES.iter().chain(&COPIED).enumerate().map(field).collect()).unwrap()
}

#[test]
fn a_schema_goes_out_and_comes_back() {
    assert_eq!(schema_of(&arrow_schema(&relation())), Ok(relation()));
}

#[test]
fn types_that_a_column_takes_over_exactly_make_a_schema() {
    let types = [
        ArrowType::Utf8,
        ArrowType::LargeUtf8,
        ArrowType::Date32,
        ArrowType::Timestamp(TimeUnit::Second, None),
    ];
    let fields =
        types.into_iter().enumerate().map(|(at, t)| ArrowField::new(format!("c{at}"), t, false));
    let schema = schema_of(&ArrowSchema::new(fields.collect::<Vec<_>>())).unwrap();
    assert_eq!(
        schema.to_string(),
        "(c0 TEXT NOT NULL, c1 TEXT NOT NULL, c2 DATE NOT NULL, c3 TIMESTAMP NOT NULL)"
    );
}

#[test]
fn types_that_no_column_holds_say_what_to_cast_to() {
    let advice = |data_type: ArrowType| -> String {
        let schema = ArrowSchema::new(vec![ArrowField::new("c", data_type, true)]);
        schema_of(&schema).expect_err("no column holds it").hint.expect("there is advice")
    };
    let cases = [
        (ArrowType::UInt64, "Int64."),
        (ArrowType::Timestamp(TimeUnit::Nanosecond, None), "Timestamp(\u{b5}s)."),
        (ArrowType::Decimal128(5, -1), "whose scale is not negative."),
        (ArrowType::Decimal256(50, 2), "at most 38 digits."),
        (ArrowType::Dictionary(Box::new(ArrowType::Int32), Box::new(ArrowType::Int8)), "Utf8View."),
    ];
    for (data_type, end) in cases {
        let advice = advice(data_type);
        assert!(advice.ends_with(end), "{advice}");
    }
}

#[test]
fn a_batch_with_other_columns_is_refused_with_the_names_in_order() {
    let arrow = |names: &[&str]| {
        let field = |name: &&str| ArrowField::new(*name, ArrowType::Int32, true);
        ArrowSchema::new(names.iter().map(field).collect::<Vec<_>>())
    };
    let schema =
        Schema::new(["a", "b"].map(|name| Field::nullable(name, DataType::Int)).to_vec()).unwrap();
    let check = |names: &[&str]| -> Result<(), SqlError> { check_columns(&arrow(names), &schema) };
    assert_eq!(check(&["a", "b"]), Ok(()));
    assert_eq!(
        check(&["a"]).unwrap_err().to_string(),
        "the batch has 1 columns and the relation has 2 (42804) Columns go by position. Select \
         them as: a, b."
    );
    assert_eq!(
        check(&["b", "a"]).unwrap_err().to_string(),
        "column 1 of the batch is \"b\" and that of the relation \"a\" (42804) Columns go by \
         position. Select them as: a, b."
    );
}

#[test]
fn neighbours_of_a_type_are_taken_where_no_value_is_lost() {
    let all = |array: ArrayRef, data_type| values(&incoming(array, data_type).into_column());
    let words = DictionaryArray::<Int32Type>::from_iter([Some("a"), None, Some("a")]);
    let text = Value::text;
    assert_eq!(all(Arc::new(words), DataType::Text), [text("a"), Value::Null, text("a")]);
    let bytes: ArrayRef = Arc::new(UInt8Array::from(vec![255]));
    assert_eq!(all(bytes.clone(), DataType::SmallInt), [Value::SmallInt(255)]);
    assert_eq!(all(bytes, DataType::BigInt), [Value::BigInt(255)]);
    assert_eq!(
        all(Arc::new(UInt32Array::from(vec![u32::MAX])), DataType::BigInt),
        [Value::BigInt(u32::MAX.into())]
    );
    let nanos = TimestampNanosecondArray::from(vec![5000]).with_timezone("+02:00");
    assert_eq!(all(Arc::new(nanos), DataType::TimestampTz), [Value::TimestampTz(5)]);
    assert_eq!(
        all(Arc::new(Time32SecondArray::from(vec![3])), DataType::Time),
        [Value::Time(3_000_000)]
    );
    assert_eq!(
        all(Arc::new(Float32Array::from(vec![0.5])), DataType::Double),
        [Value::Double(0.5)]
    );
    let json = Arc::new(StringArray::from(vec!["{ \"b\":1.0,\"a\":2 }"]));
    assert_eq!(all(json, DataType::Json)[0].to_string(), "{\"a\": 2, \"b\": 1}");
    let bad = Arc::new(StringArray::from(vec!["1", "{"]));
    assert!(refused(bad, &field(DataType::Json)).starts_with("row 1 of column \"c\": invalid"));
    let months = Arc::new(IntervalYearMonthArray::from(vec![14]));
    assert_eq!(all(months, DataType::Interval)[0].to_string(), "1 year 2 mons");
}
