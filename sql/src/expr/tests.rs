use super::*;
use crate::schema::Field;

fn schema() -> Schema {
    let decimal = |precision, scale| DataType::Decimal { precision, scale };
    Schema::new(vec![
        Field::not_null("b", DataType::Boolean),
        Field::not_null("i", DataType::Int),
        Field::nullable("l", DataType::BigInt),
        Field::nullable("f", DataType::Double),
        Field::nullable("d", decimal(10, 2)),
        Field::nullable("e", decimal(20, 5)),
        Field::nullable("s", DataType::Text),
        Field::nullable("t", DataType::Timestamp),
    ])
    .unwrap()
}

/// Binds and gives text and type, or the error.
fn bound(expr: &Expr) -> String {
    match expr.bind(&schema()) {
        Ok(bound) => {
            assert_eq!(bound.bind(&schema()), Ok(bound.clone()), "binding twice changes nothing");
            format!("{} : {}", bound.text(&schema()), bound.data_type(&schema()).unwrap())
        }
        Err(error) => error.to_string(),
    }
}

fn col(name: &str) -> Expr {
    Expr::col(name)
}

#[test]
fn numbers_are_cast_to_the_wider_type() {
    assert_eq!(bound(&col("i").add(col("l"))), "CAST(i AS BIGINT) + l : BIGINT");
    assert_eq!(bound(&col("i").add(lit(1))), "i + 1 : INT");
    assert_eq!(bound(&col("d").lt(col("l"))), "d < CAST(l AS DECIMAL(19,0)) : BOOLEAN");
    assert_eq!(bound(&col("d").mul(col("f"))), "CAST(d AS DOUBLE) * f : DOUBLE");
    assert_eq!(bound(&col("f").eq(col("i"))), "f = CAST(i AS DOUBLE) : BOOLEAN");
}

#[test]
fn results_of_decimals_have_the_digits_they_need() {
    assert_eq!(bound(&col("d").add(col("e"))), "d + e : DECIMAL(21,5)");
    assert_eq!(bound(&col("d").mul(col("e"))), "d * e : DECIMAL(30,7)");
    assert_eq!(bound(&col("d").div(col("e"))), "d / e : DECIMAL(38,16)");
    assert_eq!(bound(&col("d").modulo(col("e"))), "d % e : DECIMAL(20,5)");
    assert_eq!(bound(&col("d").negate()), "-d : DECIMAL(10,2)");
}

#[test]
fn the_values_of_a_case_come_to_one_type_and_null_has_no_say() {
    let case = |value: Expr, otherwise| Expr::case(vec![(col("b"), value)], otherwise);
    assert_eq!(
        bound(&case(col("i"), Some(col("d")))),
        "CASE WHEN b THEN CAST(i AS DECIMAL(12,2)) ELSE CAST(d AS DECIMAL(12,2)) END : DECIMAL(12,2)"
    );
    assert_eq!(
        bound(&case(Expr::null(DataType::Text), Some(col("i")))),
        "CASE WHEN b THEN NULL ELSE i END : INT"
    );
    assert_eq!(bound(&case(col("s"), None)), "CASE WHEN b THEN s ELSE NULL END : TEXT");
    assert_eq!(
        bound(&case(col("s"), Some(col("i")))),
        "the values of one CASE are TEXT and INT (42804) Cast them to one type."
    );
}

#[test]
fn operators_refuse_what_they_do_not_take() {
    let mismatch = |expr: Expr| assert!(bound(&expr).contains("42804"), "{}", bound(&expr));
    mismatch(col("s").add(lit(1)));
    mismatch(col("t").add(lit(1_i64)));
    mismatch(col("s").eq(lit(1)));
    mismatch(col("t").lt(lit(1_i64)));
    mismatch(col("i").and(col("b")));
    mismatch(col("i").not());
    mismatch(col("s").negate());
    mismatch(col("f").modulo(lit(2.0)));
    mismatch(col("b").cast(DataType::Timestamp));
    assert!(bound(&col("x")).contains("The columns are: b, i, l, f, d, e, s, t."));
    assert!(bound(&Expr::Column(8)).contains("42703"));
    assert!(bound(&Expr::decimal(1000, 3, 0)).contains("22003"));
    assert!(bound(&lit(1).cast(DataType::Decimal { precision: 0, scale: 0 })).contains("22023"));
    assert!(bound(&Expr::case(vec![], None)).contains("22023"));
}

#[test]
fn a_result_is_nullable_where_an_operand_decides_so() {
    let nullable = |expr: Expr| expr.bind(&schema()).unwrap().nullable(&schema());
    assert!(!nullable(col("i").add(lit(1))));
    assert!(nullable(col("i").add(col("l"))));
    assert!(!nullable(col("l").is_null()));
    assert!(nullable(Expr::case(vec![(col("b"), col("i"))], None)));
    assert!(!nullable(Expr::case(vec![(col("b"), col("i"))], Some(lit(1)))));
}

#[test]
fn an_expression_has_a_bounded_depth() {
    let deep = |levels| (1..levels).fold(col("b"), |expr, _| expr.not());
    assert!(deep(200).bind(&schema()).is_ok());
    assert_eq!(deep(201).bind(&schema()).unwrap_err().sqlstate, "54000");
}
