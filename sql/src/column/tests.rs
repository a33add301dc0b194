use super::*;

fn decimal() -> DataType {
    DataType::Decimal { precision: 10, scale: 2 }
}

/// For each type some values, with NULL and a repetition.
fn samples() -> Vec<(DataType, Vec<Value>)> {
    let text = |text: &str| Value::text(text);
    let units = |units| Value::Decimal { units, scale: 2 };
    let mut samples = vec![
        (DataType::Boolean, vec![Value::Boolean(true), Value::Boolean(false)]),
        (DataType::Int, vec![Value::Int(i32::MIN), Value::Int(7)]),
        (DataType::BigInt, vec![Value::BigInt(i64::MAX), Value::BigInt(-7)]),
        (DataType::Timestamp, vec![Value::Timestamp(-1), Value::Timestamp(0)]),
        (DataType::Double, vec![Value::Double(f64::NAN), Value::Double(-0.0)]),
        (decimal(), vec![units(-1), units(9_999_999_999)]),
        (DataType::Text, vec![text("short"), text("a text behind the views \u{e9}"), text("")]),
    ];
    for (_, values) in &mut samples {
        values.push(Value::Null);
        values.push(values[0].clone());
    }
    samples
}

fn values(column: &Column) -> Vec<Value> {
    (0..column.len()).map(|row| column.value(row)).collect()
}

#[test]
fn what_is_pushed_comes_back() {
    for (data_type, sample) in samples() {
        assert_eq!(values(&Column::of(data_type, &sample)), sample);
    }
}

#[test]
fn copied_rows_keep_values_and_nulls_whichever_way_they_are_copied() {
    for (data_type, sample) in samples() {
        let from = Column::of(data_type, &sample);
        for prefix in [vec![], vec![sample[0].clone()], vec![Value::Null]] {
            let fresh = || Column::of(data_type, &prefix);
            let (mut gathered, mut ranged, mut pushed) = (fresh(), fresh(), fresh());
            let rows: Vec<u32> = (0..from.len() as u32).collect();
            gathered.append(&from, &rows);
            ranged.append_range(&from, 0, from.len());
            rows.iter().for_each(|row| pushed.push_from(&from, *row as usize));
            let expected: Vec<Value> = prefix.iter().chain(&sample).cloned().collect();
            assert_eq!(values(&gathered), expected);
            assert_eq!(gathered, ranged);
            assert_eq!(gathered, pushed);
        }
    }
}

#[test]
fn rows_may_be_gathered_in_any_order_and_more_than_once() {
    let from = Column::of(DataType::Int, &[Value::Int(1), Value::Null, Value::Int(3)]);
    let mut to = Column::new(DataType::Int);
    to.append(&from, &[2, 0, 2]);
    assert!(!to.has_nulls());
    to.append(&from, &[1]);
    assert_eq!(to.i32s(), [3, 1, 3, 0]);
    assert!(to.is_null(3) && !to.is_null(2));
}

#[test]
fn a_null_holds_the_default_value() {
    for (data_type, sample) in samples() {
        let mut column = Column::of(data_type, &sample);
        column.set_null(0);
        let mut defaults = Column::new(data_type);
        defaults.resize(1);
        column.clear_nulls();
        assert!(column.equal(0, &defaults, 0));
    }
}

#[test]
fn cutting_off_the_last_null_forgets_that_there_were_any() {
    let mut column = Column::of(DataType::Int, &[Value::Int(1), Value::Null]);
    column.truncate(1);
    assert!(!column.has_nulls());
    column.push_i32(2);
    column.push_null();
    assert_eq!(values(&column), [Value::Int(1), Value::Int(2), Value::Null]);
}

#[test]
fn a_cleared_column_takes_the_same_rows_without_more_memory() {
    for (data_type, sample) in samples() {
        let from = Column::of(data_type, &sample);
        let rows: Vec<u32> = (0..from.len() as u32).collect();
        let mut to = Column::new(data_type);
        to.append(&from, &rows);
        let held = to.memory_bytes();
        for _ in 0..5 {
            to.clear();
            to.append(&from, &rows);
        }
        assert_eq!(to.memory_bytes(), held);
        assert_eq!(to, from);
    }
}

#[test]
fn the_last_row_is_repeated_up_to_the_wanted_length() {
    for (data_type, sample) in samples() {
        for value in &sample {
            let mut column = Column::of(data_type, [value]);
            column.repeat_last(70);
            assert_eq!(values(&column), vec![value.clone(); 70]);
        }
    }
}

#[test]
fn columns_are_equal_by_what_they_say() {
    let left = Column::of(DataType::Double, &[Value::Double(f64::NAN), Value::Double(0.0)]);
    let right = Column::of(DataType::Double, &[Value::Double(-f64::NAN), Value::Double(-0.0)]);
    assert_eq!(left, right);
    let other = Column::of(DataType::Double, &[Value::Double(f64::NAN), Value::Null]);
    assert_ne!(left, other);
}
