//! Expressions over one row.

use super::super::expr;
use super::*;

const TEXT: DataType = DataType::Text;
const INT: DataType = DataType::Int;

fn decimal(precision: u8, scale: u8) -> DataType {
    DataType::Decimal { precision, scale }
}

/// The value of an expression without columns, or why there is none.
fn value(expr: Expr) -> String {
    let bound = expr.bind(&Schema::new(vec![]).unwrap()).unwrap();
    match expr::evaluate(&bound, &[]) {
        Ok(value) => value.to_string(),
        Err(Failure::Row(reason)) => reason.to_owned(),
        Err(Failure::Unsupported(what)) => format!("unsupported: {what}"),
    }
}

fn fails() -> Expr {
    lit(1).div(lit(0)).gt(lit(0))
}

fn null() -> Expr {
    Expr::null(DataType::Boolean)
}

#[test]
fn logic_has_three_values_and_one_side_may_decide_over_a_failure() {
    let cases = [
        (lit(false).and(fails()), "false"),
        (fails().and(lit(false)), "false"),
        (lit(true).or(fails()), "true"),
        (fails().or(lit(true)), "true"),
        (lit(true).and(fails()), "division by zero"),
        (null().and(fails()), "division by zero"),
        (lit(false).or(fails()), "division by zero"),
        (null().and(lit(false)), "false"),
        (null().and(lit(true)), "NULL"),
        (lit(true).and(null()), "NULL"),
        (null().or(lit(true)), "true"),
        (null().or(lit(false)), "NULL"),
        (null().not(), "NULL"),
        (null().is_null(), "true"),
        (fails().is_null(), "division by zero"),
    ];
    for (expr, expected) in cases {
        assert_eq!(value(expr.clone()), expected, "{expr:?}");
    }
}

#[test]
fn case_takes_the_first_true_branch_and_only_its_failures() {
    let case = |branches| value(Expr::case(branches, Some(lit(9))));
    let bad = || lit(1).div(lit(0));
    assert_eq!(case(vec![(lit(false), bad()), (lit(true), lit(2)), (fails(), bad())]), "2");
    assert_eq!(case(vec![(null(), bad())]), "9");
    assert_eq!(case(vec![(lit(true), bad())]), "division by zero");
    assert_eq!(case(vec![(fails(), lit(1))]), "division by zero");
    assert_eq!(value(Expr::case(vec![(lit(false), lit(1))], None)), "NULL");
}

#[test]
fn integers_overflow_where_postgresql_says_so() {
    let big = |value: i64| lit(value);
    assert_eq!(value(lit(i32::MAX).add(lit(1))), "out of range");
    assert_eq!(value(lit(i32::MAX).add(lit(1_i64))), "2147483648");
    assert_eq!(value(big(i64::MIN).div(lit(-1))), "out of range");
    assert_eq!(value(big(i64::MIN).modulo(lit(-1))), "0");
    assert_eq!(value(lit(-7).div(lit(2))), "-3");
    assert_eq!(value(lit(-7).modulo(lit(2))), "-1");
    assert_eq!(value(lit(7).modulo(lit(0))), "division by zero");
    assert_eq!(value(big(i64::MIN).negate()), "out of range");
    assert_eq!(value(Expr::null(INT).div(lit(0))), "NULL");
    assert_eq!(value(Expr::null(INT).add(lit(1).div(lit(0)))), "division by zero");
}

#[test]
fn doubles_are_out_of_range_rather_than_infinite_or_lost() {
    assert_eq!(value(lit(1e308).mul(lit(10.0))), "out of range");
    assert_eq!(value(lit(1e-300).mul(lit(1e-300))), "out of range");
    assert_eq!(value(lit(f64::INFINITY).sub(lit(f64::INFINITY))), "NaN");
    assert_eq!(value(lit(f64::NAN).div(lit(0.0))), "NaN");
    assert_eq!(value(lit(1.0).div(lit(-0.0))), "division by zero");
    assert_eq!(value(lit(f64::NAN).eq(lit(f64::NAN))), "true");
    assert_eq!(value(lit(f64::NAN).gt(lit(f64::INFINITY))), "true");
}

#[test]
fn decimals_keep_their_scales() {
    let d = |units, scale| Expr::decimal(units, 20, scale);
    assert_eq!(value(d(105, 2).add(d(1, 3))), "1.051");
    assert_eq!(value(d(105, 2).sub(d(1051, 3))), "-0.001");
    assert_eq!(value(d(15, 1).mul(d(-5, 1))), "-0.75");
    assert_eq!(value(d(2, 0).div(d(3, 0))), "0.6666666666666667");
    assert_eq!(value(d(-75, 1).modulo(d(2, 0))), "-1.5");
    assert_eq!(value(d(1, 0).div(d(0, 3))), "division by zero");
    assert_eq!(value(d(15, 1).eq(d(150, 2))), "true");
    let max = || Expr::decimal(10_i128.pow(38) - 1, 38, 0);
    assert_eq!(value(max().add(lit(1))), "out of range");
    assert_eq!(value(max().mul(max())), "out of range");
    let small = || Expr::decimal(5 * 10_i128.pow(37), 38, 38);
    assert_eq!(value(small().mul(small())), format!("0.25{}", "0".repeat(36)));
}

#[test]
fn casts_round_and_refuse_as_postgresql_does() {
    let cases = [
        (lit(2.5).cast(INT), "2"),
        (lit(3.5).cast(INT), "4"),
        (lit(f64::NAN).cast(INT), "out of range"),
        (lit(1e10).cast(INT), "out of range"),
        (lit(1e40).cast(DataType::BigInt), "out of range"),
        (Expr::decimal(25, 2, 1).cast(INT), "3"),
        (Expr::decimal(-25, 2, 1).cast(INT), "-3"),
        (lit(1000).cast(decimal(4, 1)), "out of range"),
        (lit(999).cast(decimal(4, 1)), "999.0"),
        (lit(0.1).add(lit(0.2)).cast(decimal(38, 20)), "0.30000000000000000000"),
        (Expr::decimal(1, 1, 1).cast(DataType::Double), "0.1"),
        (lit(" 12 ").cast(INT), "12"),
        (lit("x").cast(INT), "not a number"),
        (lit("1.005e1").cast(decimal(5, 2)), "10.05"),
        (lit("1e-400000000").cast(decimal(5, 2)), "0.00"),
        (lit("1e400").cast(DataType::Double), "out of range"),
        (lit("-Infinity").cast(DataType::Double), "-Infinity"),
        (lit("tr").cast(DataType::Boolean), "true"),
        (lit("o").cast(DataType::Boolean), "neither true nor false"),
        (lit(true).cast(INT), "1"),
        (lit(5).cast(DataType::Boolean), "true"),
        (lit(true).cast(TEXT), "true"),
        (Expr::decimal(150, 5, 2).cast(TEXT), "1.50"),
        (lit(1_i64).cast(DataType::Timestamp).cast(DataType::BigInt), "1"),
        (Expr::null(INT).cast(TEXT), "NULL"),
        (
            lit("1970-01-01").cast(DataType::Timestamp),
            "unsupported: CAST(Text(\"1970-01-01\") AS TIMESTAMP)",
        ),
    ];
    for (expr, expected) in cases {
        assert_eq!(value(expr.clone()), expected, "{expr:?}");
    }
}

#[test]
fn texts_compare_by_bytes() {
    assert_eq!(value(lit("a").gt(lit("Z"))), "true");
    assert_eq!(value(lit("ab").gt(lit("a"))), "true");
    assert_eq!(value(lit("\u{e9}").gt(lit("z"))), "true");
}
