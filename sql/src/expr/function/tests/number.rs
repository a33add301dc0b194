//! Tables of what functions of numbers give.

use super::check;

#[test]
fn numbers_are_rounded_as_their_type_says() {
    check(&[
        ("abs(-17)", "17"),
        ("abs(-2147483648)", "value out of range: overflow (22003)"),
        ("abs(-1.50)", "1.50"),
        ("abs(-2.5e0)", "2.5"),
        ("round(42.4e0)", "42"),
        ("round(2.5e0)", "2"),
        ("round(-3.5e0)", "-4"),
        ("round(2.5)", "3"),
        ("round(-2.5)", "-3"),
        ("round(42.4382, 2)", "42.44"),
        ("round(42.4382, 6)", "42.4382"),
        ("round(1234.56, -1)", "1230"),
        ("round(1250.0, -2)", "1300"),
        ("round(99.99, -2)", "100"),
        ("round(49.99, -2)", "0"),
        ("round(1.5, -100)", "0"),
        ("round(7)", "7"),
        ("round(1234, -2)", "1200"),
        ("round(2.345e0, 1)", "2.3"),
        ("round(1e300, 2)", "1e+300"),
        ("round(NaN)", "NaN"),
        ("trunc(42.8)", "42"),
        ("trunc(-42.8)", "-42"),
        ("trunc(42.4382, 2)", "42.43"),
        ("trunc(-42.8e0)", "-42"),
        ("floor(-42.8)", "-43"),
        ("floor(42.8e0)", "42"),
        ("ceil(42.2)", "43"),
        ("ceil(-42.8)", "-42"),
        ("ceiling(95.3e0)", "96"),
        ("ceil(5)", "5"),
        ("floor(5.00)", "5"),
        ("sign(-8.4)", "-1"),
        ("sign(0)", "0"),
        ("sign(7e0)", "1"),
        ("abs('x')", "function abs(TEXT) does not exist (42883)"),
    ]);
}

#[test]
fn remainders_have_the_sign_of_the_dividend() {
    check(&[
        ("mod(9, 4)", "1"),
        ("mod(-9, 4)", "-1"),
        ("mod(9, 4::bigint)", "1"),
        ("mod(7.5, 2)", "1.5"),
        ("mod(9, 0)", "division by zero (22012)"),
        ("mod(9e0, 2e0)", "function mod(DOUBLE, DOUBLE) does not exist (42883)"),
    ]);
}

#[test]
fn what_has_no_real_result_fails() {
    check(&[
        ("power(9, 3)", "729"),
        ("power(2e0, 0.5e0)", "1.4142135623730951"),
        ("power(0, -1)", "the result is no real number (2201F)"),
        ("power(-1, 0.5e0)", "the result is no real number (2201F)"),
        ("power(-2, 3)", "-8"),
        ("power(10, 400)", "value out of range: overflow (22003)"),
        ("power(10, -400)", "value out of range: underflow (22003)"),
        ("power(1, NaN)", "1"),
        ("sqrt(2)", "1.4142135623730951"),
        ("sqrt(-1)", "the result is no real number (2201F)"),
        ("ln(2.0)", "0.6931471805599453"),
        ("ln(0)", "logarithm of a number that is not positive (2201E)"),
        ("log(100)", "2"),
        ("log10(1000)", "3"),
        ("log(2.0, 64.0)", "6"),
        ("log(1, 5)", "division by zero (22012)"),
        ("log(-1)", "logarithm of a number that is not positive (2201E)"),
        ("exp(1.0)", "2.718281828459045"),
        ("exp(1000)", "value out of range: overflow (22003)"),
        ("exp(-1000)", "value out of range: underflow (22003)"),
        ("sqrt(NULL::double)", "NULL"),
    ]);
}
