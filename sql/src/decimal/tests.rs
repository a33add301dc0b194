use super::*;

fn text(units: i128, scale: u8) -> String {
    let mut out = String::new();
    format(units, scale, &mut out).unwrap();
    out
}

#[test]
fn numbers_of_different_scales_compare_exactly_at_the_limits() {
    let max = power(38) - 1;
    assert_eq!(compare(max, 0, max, 38), Ordering::Greater);
    assert_eq!(compare(-max, 0, max, 38), Ordering::Less);
    assert_eq!(compare(15, 1, 150, 2), Ordering::Equal);
    assert_eq!(compare(-15, 1, -151, 2), Ordering::Greater);
    assert_eq!(compare(-5, 1, 5, 2), Ordering::Less);
}

#[test]
fn losing_digits_rounds_half_away_from_zero() {
    assert_eq!(rescale(25, 1, 0), Some(3));
    assert_eq!(rescale(-25, 1, 0), Some(-3));
    assert_eq!(rescale(24, 1, 0), Some(2));
    assert_eq!(rescale(1, 0, 38), None);
    assert_eq!(rescale(1, 0, 37), Some(power(37)));
}

#[test]
fn a_quotient_is_exact_where_the_shifted_dividend_needs_256_bits() {
    assert_eq!(divide(2, 3, 16), Some(6_666_666_666_666_667));
    assert_eq!(divide(-2, 3, 16), Some(-6_666_666_666_666_667));
    // 9e37 / 9e37 at scale 37.
    assert_eq!(divide(9 * power(37), 9 * power(37), 37), Some(power(37)));
    // The shift of a whole number by a divisor with 38 digits behind the point.
    assert_eq!(divide(1, power(38) - 1, 76), None);
    assert_eq!(divide(0, 7, 76), Some(0));
    assert_eq!(divide(7, power(38) - 1, 74), Some(7 * power(36)));
    assert_eq!(divide(power(38) - 1, 1, 1), None);
}

#[test]
fn a_product_is_rounded_once_its_scales_exceed_38() {
    assert_eq!(multiply(15, 15, 2), Some(225));
    // 0.5 * 0.5 with 38 digits each.
    assert_eq!(multiply(5 * power(37), 5 * power(37), 76), Some(25 * power(36)));
    assert_eq!(multiply(-5 * power(37), 5 * power(37), 76), Some(-25 * power(36)));
    assert_eq!(multiply(1, 5, 39), Some(1));
    assert_eq!(multiply(1, 4, 39), Some(0));
    assert_eq!(multiply(power(20), power(18), 0), None);
}

#[test]
fn wide_division_undoes_wide_multiplication() {
    let mut state = 7_u128;
    for _ in 0..2000 {
        state = state.wrapping_mul(0x2360_ED05_1FC6_5DA4_4385_DF64_9FCC_F645).wrapping_add(99);
        let (a, b) = (state.rotate_left(17) | 1, state.rotate_left(71) >> (state % 100) | 1);
        let (high, low) = a.widening(b);
        assert_eq!(divide_wide(high, low, b), Some((a, 0)));
    }
}

#[test]
fn what_is_written_is_read_back() {
    for (units, scale) in [(0, 0), (-5, 3), (power(38) - 1, 38), (1 - power(38), 0), (123, 2)] {
        assert_eq!(parse(&text(units, scale), 38, scale), Ok(units));
    }
    assert_eq!(text(-5, 3), "-0.005");
}

#[test]
fn a_text_is_rounded_to_the_scale_or_refused() {
    assert_eq!(parse("1.005", 5, 2), Ok(101));
    assert_eq!(parse("-1.5e2", 5, 0), Ok(-150));
    assert_eq!(parse("1e-400000000", 5, 2), Ok(0));
    assert_eq!(parse("0e400000000", 5, 2), Ok(0));
    assert_eq!(parse("999.995", 5, 2), Err(ParseError::TooWide));
    assert_eq!(parse("1e40", 38, 0), Err(ParseError::TooWide));
    assert_eq!(parse("4e-1", 38, 0), Ok(0));
    assert_eq!(parse("5e-1", 38, 0), Ok(1));
    for text in ["", ".", "-", "1x", "1e", "1.2.3", "NaN", "--1", "1 2"] {
        assert_eq!(parse(text, 38, 2), Err(ParseError::Invalid), "{text}");
    }
}

#[test]
fn doubles_convert_by_their_nearest_and_by_15_digits() {
    assert_eq!(to_f64(1, 1), 0.1);
    assert_eq!(to_f64(power(38) - 1, 0), 1e38);
    assert_eq!(to_f64(123_456_789_012_345_678_901, 10), 12_345_678_901.234_568);
    assert_eq!(from_f64(0.1 + 0.2, 38, 20), Some(30_000_000_000_000_000_000));
    assert_eq!(from_f64(-2.5, 5, 0), Some(-3));
    assert_eq!(from_f64(f64::NAN, 38, 2), None);
    assert_eq!(from_f64(1e38, 38, 0), None);
}
