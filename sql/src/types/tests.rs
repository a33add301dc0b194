use super::*;

#[test]
fn a_decimal_has_1_to_38_digits_and_no_more_of_them_behind_the_point() {
    let check = |precision, scale| DataType::Decimal { precision, scale }.check().is_ok();
    assert!(check(1, 0) && check(1, 1) && check(38, 38));
    assert!(!check(0, 0) && !check(39, 0) && !check(5, 6));
    let inside = DataType::Array(&DataType::Decimal { precision: 39, scale: 0 });
    assert!(inside.check().is_err(), "a decimal inside an array is checked too");
}

#[test]
fn a_nested_type_is_described_once_however_often_it_is_asked_for() {
    let list = || DataType::array(DataType::Uuid).unwrap();
    let (DataType::Array(first), DataType::Array(second)) = (list(), list()) else { panic!() };
    assert!(std::ptr::eq(first, second));
    let pair = || DataType::structure([("a", DataType::Int), ("b", list())]).unwrap();
    let (DataType::Struct(first), DataType::Struct(second)) = (pair(), pair()) else { panic!() };
    assert!(std::ptr::eq(first, second));
    assert_eq!(list(), DataType::Array(&DataType::Uuid), "a description elsewhere is equal");
    assert_eq!(pair().to_string(), "STRUCT<a INT, b UUID[]>");
    assert_eq!(DataType::array(list()).unwrap().postgres_name(), "uuid[][]");
}

#[test]
fn a_type_nests_no_deeper_than_the_limit() {
    let mut data_type = DataType::Date;
    for _ in 0..TYPE_DEPTH_MAX {
        data_type = DataType::array(data_type).unwrap();
    }
    let error = DataType::array(data_type).unwrap_err();
    assert_eq!(error.sqlstate, "54000");
    assert!(error.message.starts_with("levels of a nested type"), "{error}");
}

#[test]
fn a_struct_refuses_fields_that_cannot_be() {
    let state = |names: &[&str]| {
        let fields = names.iter().map(|name| (*name, DataType::Int));
        DataType::structure(fields).err().map_or("ok", |error| error.sqlstate)
    };
    assert_eq!(state(&["a", "A"]), "ok");
    assert_eq!(state(&["a", "a"]), "42701");
    assert_eq!(state(&[""]), "42602");
    assert_eq!(state(&[]), "22023");
}

#[test]
fn a_type_holds_decimals_of_its_scale_alone_or_inside() {
    let decimal = |precision, scale| DataType::Decimal { precision, scale };
    assert!(decimal(10, 2).holds(decimal(38, 2)) && !decimal(10, 2).holds(decimal(10, 3)));
    let array = |element| DataType::array(element).unwrap();
    assert!(array(decimal(10, 2)).holds(array(decimal(38, 2))));
    assert!(!array(decimal(10, 2)).holds(array(decimal(10, 3))));
    assert!(!array(DataType::Int).holds(array(DataType::BigInt)));
}
