//! Tables of what functions that choose among their arguments give.

use super::check;
use crate::expr::{Expr, Native, lit};
use crate::{DataType, Schema};

#[test]
fn null_gives_way() {
    check(&[
        ("coalesce(NULL, NULL, 'third')", "third"),
        ("coalesce(1, 2.5)", "1.0"),
        ("coalesce(NULL, NULL)", "NULL"),
        ("coalesce(NULL::int, 7)", "7"),
        ("nullif(3, 3)", "NULL"),
        ("nullif(3, 4)", "3"),
        ("nullif(1.50, 1.5)", "NULL"),
        ("nullif('a', NULL)", "a"),
        ("nullif(NULL, 'a')", "NULL"),
        ("greatest(1, NULL::int, 3, 2)", "3"),
        ("least(1, NULL::int, 3, 2)", "1"),
        ("greatest('a', 'B', 'c')", "c"),
        ("least(1.5, 1)", "1.0"),
        ("greatest(NULL, NULL)", "NULL"),
        ("greatest(NaN, 1e0)", "NaN"),
        ("greatest('a', 1)", "function greatest(TEXT, INT) does not exist (42883)"),
    ]);
}

#[test]
fn distinct_treats_null_as_a_value() {
    check(&[
        ("is_distinct_from(1, 1)", "false"),
        ("is_distinct_from(1, 2)", "true"),
        ("is_distinct_from(1, NULL::int)", "true"),
        ("is_distinct_from(NULL, NULL)", "false"),
        ("is_distinct_from(1.0, 1)", "false"),
        ("is_distinct_from(NaN, NaN)", "false"),
        ("is_true(true)", "true"),
        ("is_true(false)", "false"),
        ("is_true(NULL::bool)", "false"),
        ("is_false(false)", "true"),
        ("is_false(true)", "false"),
        ("is_false(NULL::bool)", "false"),
    ]);
}

#[test]
fn a_list_with_null_may_hold_what_is_not_found() {
    check(&[
        ("in_list(2, 1, 2)", "true"),
        ("in_list(3, 1, 2)", "false"),
        ("in_list(3, 1, NULL::int)", "NULL"),
        ("in_list(1, 1, NULL::int)", "true"),
        ("in_list(NULL::int, 1, 2)", "NULL"),
        ("in_list('b', 'a', 'b', 'b')", "true"),
        ("in_list(5, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)", "true"),
        ("in_list(12, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)", "false"),
        ("in_list(0e0, 1e0, 2e0, 3e0, 4e0, 5e0, 6e0, 7e0, 8e0, -0e0)", "true"),
        ("in_list(NaN, 1e0, 2e0, 3e0, 4e0, 5e0, 6e0, 7e0, 8e0, NaN)", "true"),
        ("in_list(1.5, 1.50, 2)", "true"),
    ]);
}

#[test]
fn what_comes_after_the_choice_does_not_fail() {
    let schema = Schema::new(Vec::new()).unwrap();
    let fails = || lit(1).div(lit(0));
    let coalesce = |args| Expr::native(Native::Coalesce, args);
    let value = |expr: Expr| super::value(&expr, &schema);
    assert_eq!(value(coalesce(vec![lit(1), fails()])), "1");
    assert_eq!(
        value(coalesce(vec![Expr::null(DataType::Int), fails()])),
        "division by zero (22012)"
    );
    assert_eq!(value(coalesce(vec![fails(), lit(1)])), "division by zero (22012)");
    assert_eq!(
        value(Expr::native(Native::Greatest, vec![lit(1), fails()])),
        "division by zero (22012)"
    );
}
