use super::*;

fn array(element: DataType, items: &[Value]) -> Value {
    Value::array(element, items.to_vec()).unwrap()
}

#[test]
fn the_bytes_of_values_order_as_the_values_and_come_back() {
    let text = Value::text;
    let double = Value::Double;
    let inner = DataType::array(DataType::Int).unwrap();
    let pair = DataType::structure([("a", DataType::Int), ("b", DataType::Text)]).unwrap();
    let DataType::Struct(of) = pair else { panic!() };
    let row = |a: Value, b: Value| Value::Struct { of, values: [a, b].into() };
    let sets: [(DataType, Vec<Value>); 5] = [
        (
            DataType::Text,
            [
                &[][..],
                &[text("")],
                &[text(""), text("")],
                &[text("a")],
                &[text("a\0")],
                &[text("a\0b")],
                &[text("ab")],
                &[text("b"), Value::Null],
                &[Value::Null],
            ]
            .map(|items| array(DataType::Text, items))
            .to_vec(),
        ),
        (
            DataType::Double,
            [f64::NEG_INFINITY, -1.5, -1e-300, 0.0, 1e-300, 2.0, f64::INFINITY, f64::NAN]
                .map(|item| array(DataType::Double, &[double(item)]))
                .to_vec(),
        ),
        (
            inner,
            [
                &[][..],
                &[Value::Int(i32::MIN)],
                &[Value::Int(-1)],
                &[Value::Int(0), Value::Int(1)],
                &[Value::Int(1)],
                &[Value::Null],
            ]
            .map(|items| array(inner, &[array(DataType::Int, items)]))
            .to_vec(),
        ),
        (
            pair,
            vec![
                array(pair, &[row(Value::Int(1), text("z"))]),
                array(pair, &[row(Value::Int(2), text("a"))]),
                array(pair, &[row(Value::Int(2), Value::Null)]),
                array(pair, &[row(Value::Null, text("a"))]),
            ],
        ),
        (
            DataType::Map,
            [&[][..], &[("a", Some("1"))], &[("a", Some("2"))], &[("a", None)], &[("b", Some(""))]]
                .map(|pairs| array(DataType::Map, &[Value::Map(Map::new(pairs.to_vec()))]))
                .to_vec(),
        ),
    ];
    for (element, values) in sets {
        check_order(DataType::array(element).unwrap(), &values);
    }
}

/// That bytes order as values do, which are in order, and give the values back.
fn check_order(data_type: DataType, values: &[Value]) {
    for (at, left) in values.iter().enumerate() {
        let bytes = encoded(left, data_type);
        assert_eq!(decoded(&bytes, data_type).as_ref(), Some(left));
        for cut in 0..bytes.len() {
            assert_eq!(decoded(&bytes[..cut], data_type), None, "{left} cut at {cut}");
        }
        for (other, right) in values.iter().enumerate() {
            assert_eq!(left.cmp(right), at.cmp(&other), "{left} and {right}");
            assert_eq!(bytes.cmp(&encoded(right, data_type)), at.cmp(&other), "{left} {right}");
        }
    }
}

#[test]
fn nested_values_are_written_and_read_as_in_postgresql() {
    let list = DataType::array(DataType::Text).unwrap();
    let numbers = DataType::array(DataType::array(DataType::Int).unwrap()).unwrap();
    let truths = DataType::array(DataType::Boolean).unwrap();
    let pair = DataType::structure([("a", DataType::Int), ("b", DataType::Text)]).unwrap();
    for (data_type, text, wanted) in [
        (list, "{a,b}", "{a,b}"),
        (list, "{ a , \"b c\" , NULL, \"NULL\",\"\" }", "{a,\"b c\",NULL,\"NULL\",\"\"}"),
        (list, "{\"q\\\"\\\\\",\"{}\"}", "{\"q\\\"\\\\\",\"{}\"}"),
        (list, "{}", "{}"),
        (numbers, "{{1,2},{},NULL,{3}}", "{{1,2},{},NULL,{3}}"),
        (truths, "{true,f,null}", "{t,f,NULL}"),
        (pair, "(1,\"b \"\"c\"\"\")", "(1,\"b \"\"c\"\"\")"),
        (pair, "(,)", "(,)"),
        (pair, "(5,\"\")", "(5,\"\")"),
        (
            DataType::Map,
            "{\"b\":\"x\",\"a\":1,\"c\":null}",
            "{\"a\": \"1\", \"b\": \"x\", \"c\": null}",
        ),
    ] {
        let value = Value::parse(text, data_type).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(value.to_string(), wanted, "{data_type} of {text}");
        assert_eq!(Value::parse(wanted, data_type).as_ref(), Ok(&value), "{wanted}");
    }
    for (data_type, text) in [
        (list, "a"),
        (list, "{a"),
        (list, "{a}}"),
        (list, "{,}"),
        (list, "{a,}"),
        (numbers, "{{x}}"),
        (pair, "(1)"),
        (pair, "(1,2,3)"),
        (pair, "(x,a)"),
        (DataType::Map, "{\"a\":[1]}"),
        (DataType::Map, "[]"),
    ] {
        let error = Value::parse(text, data_type).unwrap_err();
        assert_eq!(error.sqlstate, "22P02", "{text}: {error}");
    }
}
