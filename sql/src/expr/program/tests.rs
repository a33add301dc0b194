use super::twin::evaluate;
use super::*;
use crate::expr::{RowError, lit};
use crate::schema::Field;

struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound
    }

    fn of<T: Clone>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())].clone()
    }
}

const SMALL: DataType = DataType::Decimal { precision: 10, scale: 2 };
const WIDE: DataType = DataType::Decimal { precision: 38, scale: 9 };
const TYPES: [DataType; 8] = [
    DataType::Boolean,
    DataType::Int,
    DataType::BigInt,
    DataType::Double,
    SMALL,
    WIDE,
    DataType::Text,
    DataType::Timestamp,
];

/// One nullable column of each type: `c0`, `c1` ..
fn schema() -> Schema {
    let field = |(index, of): (usize, &DataType)| Field::nullable(format!("c{index}"), *of);
    Schema::new(TYPES.iter().enumerate().map(field).collect()).unwrap()
}

fn value(random: &mut Random, data_type: DataType) -> Value {
    if random.below(6) == 0 {
        return Value::Null;
    }
    let small = random.below(7) as i32 - 3;
    match data_type {
        DataType::Boolean => Value::Boolean(random.below(2) == 0),
        DataType::Int => Value::Int(random.of(&[small, small, small, i32::MIN, i32::MAX, 65_536])),
        DataType::BigInt => {
            let small = i64::from(small);
            Value::BigInt(random.of(&[small, small, small, i64::MIN, i64::MAX, 1 << 33]))
        }
        DataType::Double => {
            let small = f64::from(small) / 2.0;
            let all = [small, small, small, f64::NAN, f64::INFINITY, 1e300, 1e-300, -0.0, 2.5e9];
            Value::Double(random.of(&all))
        }
        DataType::Decimal { precision, scale } => {
            let max = decimal_max(precision);
            let small = i128::from(small) * 37;
            Value::Decimal { units: random.of(&[small, small, small, max, -max, 100]), scale }
        }
        DataType::Text => Value::text(random.of(&[
            "",
            "7",
            "-2147483649",
            "x",
            "a text that is behind the views",
            "a text that is another one there",
        ])),
        DataType::Timestamp => {
            let far = crate::limits::TIMESTAMP_US_MAX;
            Value::Timestamp(random.of(&[i64::from(small), -far, far, 1_700_000_000_000]))
        }
        other => panic!("{other} is not drawn here"),
    }
}

fn decimal_max(precision: u8) -> i128 {
    crate::decimal::power(precision) - 1
}

/// A random expression of about the wanted type.
fn expression(random: &mut Random, of: DataType, depth: usize) -> Expr {
    let column = || {
        let index = TYPES.iter().position(|other| *other == of).unwrap();
        Expr::col(format!("c{index}"))
    };
    if depth == 0 || random.below(8) == 0 {
        let leaf = random.below(3) == 0;
        return if leaf { Expr::Literal(value(random, of), of) } else { column() };
    }
    let kind = random.below(10);
    let case = kind < 2;
    if case {
        let branches = (0..1 + random.below(2))
            .map(|_| {
                let condition = expression(random, DataType::Boolean, depth - 1);
                (condition, expression(random, of, depth - 1))
            })
            .collect();
        let otherwise = (random.below(2) == 0).then(|| expression(random, of, depth - 1));
        return Expr::case(branches, otherwise);
    }
    let mut other = |random: &mut Random, of| expression(random, of, depth - 1);
    match of {
        DataType::Boolean => boolean(random, kind, &mut other),
        DataType::Text => {
            let from = random.of(&TYPES);
            other(random, from).cast(of)
        }
        DataType::Timestamp => other(random, DataType::BigInt).cast(of),
        _ if kind == 2 => other(random, of).negate(),
        _ if kind == 3 => {
            let from = random.of(&[DataType::Int, DataType::BigInt, SMALL, WIDE, DataType::Double]);
            other(random, from).cast(of)
        }
        DataType::Int if kind == 4 => other(random, DataType::Text).cast(of),
        _ => {
            let ops = [BinaryOp::Add, BinaryOp::Sub, BinaryOp::Mul, BinaryOp::Div, BinaryOp::Mod];
            let count = if of == DataType::Double { 4 } else { 5 };
            let op = random.of(&ops[..count]);
            let (left, right) = (other(random, of), other(random, of));
            Expr::Binary { op, left: Box::new(left), right: Box::new(right) }.cast(of)
        }
    }
}

fn boolean(
    random: &mut Random,
    kind: usize,
    other: &mut impl FnMut(&mut Random, DataType) -> Expr,
) -> Expr {
    let of = random.of(&TYPES);
    match kind {
        2 => other(random, DataType::Boolean).not(),
        3 => other(random, of).is_null(),
        4..=6 => {
            let left = other(random, DataType::Boolean);
            let right = other(random, DataType::Boolean);
            if kind == 4 { left.or(right) } else { left.and(right) }
        }
        _ => {
            let ops = [
                BinaryOp::Eq,
                BinaryOp::NotEq,
                BinaryOp::Lt,
                BinaryOp::LtEq,
                BinaryOp::Gt,
                BinaryOp::GtEq,
            ];
            let op = random.of(&ops);
            let numbers = [SMALL, WIDE, DataType::Int, DataType::BigInt, DataType::Double];
            let right = if of.is_numeric() { random.of(&numbers) } else { of };
            let (left, right) = (Box::new(other(random, of)), Box::new(other(random, right)));
            Expr::Binary { op, left, right }
        }
    }
}

fn morsel(rows: &[Vec<Value>]) -> Vec<Column> {
    let column =
        |(index, of): (usize, &DataType)| Column::of(*of, rows.iter().map(|row| &row[index]));
    TYPES.iter().enumerate().map(column).collect()
}

/// Equal, and of the same sign where that is a zero.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Double(l), Value::Double(r)) if *l == 0.0 => l.to_bits() == r.to_bits(),
        _ => left == right,
    }
}

/// Runs the expressions as one program over the rows and compares all of it with the twin.
fn check(exprs: &[Expr], rows: &[Vec<Value>], program: &Program, scratch: &mut Scratch) -> usize {
    let schema = schema();
    let input = morsel(rows);
    let mut failures = Failures::new();
    program.run(&input, rows.len(), scratch, &mut failures);
    for (at, row) in rows.iter().enumerate() {
        let mut error: Option<RowError> = None;
        for (index, expr) in exprs.iter().enumerate() {
            let bound = expr.bind(&schema).unwrap();
            let output = program.output(scratch, &input, index);
            assert_eq!(output.len(), rows.len());
            assert_eq!(output.data_type(), bound.data_type(&schema).unwrap());
            let expected = evaluate(&bound, &schema, row);
            if let Err(found) = expected {
                error = Some(error.map_or(found, |error| error.min(found)));
            }
            let (expected, found) = (expected.unwrap_or(Value::Null), output.value(at));
            let text = bound.text(&schema);
            assert!(same(&expected, &found), "{text}\nof {row:?}\nis {expected:?} not {found:?}");
        }
        assert_eq!(failures.of(at as u32), error, "{exprs:?} of {row:?}");
    }
    failures.rows().len()
}

#[test]
fn programs_agree_with_the_slow_evaluator_on_random_expressions() {
    let (mut failed, mut selected) = (0, 0);
    for seed in 1..=1500_u64 {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let depth = 1 + random.below(4);
        let mut exprs: Vec<Expr> = Vec::new();
        for _ in 0..1 + random.below(3) {
            let of = random.of(&TYPES);
            exprs.push(expression(&mut random, of, depth));
        }
        let program = Program::compile(&exprs, &schema()).unwrap();
        let mut scratch = program.scratch();
        for count in [70, 0, 3, 130] {
            let rows: Vec<Vec<Value>> = (0..count)
                .map(|_| TYPES.iter().map(|of| value(&mut random, *of)).collect())
                .collect();
            failed += check(&exprs, &rows, &program, &mut scratch);
            if program.data_type(0) == DataType::Boolean {
                let (input, mut found) = (morsel(&rows), Vec::new());
                program.selected(&scratch, &input, 0, &mut found);
                let output = program.output(&scratch, &input, 0);
                let is_true = |row: &u32| output.value(*row as usize) == Value::Boolean(true);
                let expected: Vec<u32> = (0..count as u32).filter(is_true).collect();
                assert_eq!(found, expected);
                selected += found.len();
            }
        }
    }
    assert!(failed > 1000 && selected > 1000, "{failed} failures, {selected} rows are too few");
}

/// Takes all outputs of the last run.
fn take(
    program: &Program,
    scratch: &mut Scratch,
    input: &[Column],
    picks: Option<&[u32]>,
) -> Vec<Column> {
    let mut input = input.to_vec();
    let take = |index| {
        let mut to = Column::new(program.data_type(index));
        program.take_output(scratch, &mut input, picks, index, &mut to);
        to
    };
    (0..program.output_count()).map(take).collect()
}

#[test]
fn outputs_that_are_taken_are_those_that_were_looked_at_row_by_row() {
    for seed in 1..=400_u64 {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let mut exprs: Vec<Expr> = Vec::new();
        for _ in 0..1 + random.below(3) {
            let of = random.of(&TYPES);
            exprs.push(expression(&mut random, of, 2));
            exprs.push(Expr::Column(random.below(TYPES.len())));
        }
        // What occurs twice can be moved only once.
        exprs.extend_from_within(..);
        exprs.push(lit("a constant that does not fit a view"));
        let program = Program::compile(&exprs, &schema()).unwrap();
        let (mut scratch, mut failures) = (program.scratch(), Failures::new());
        for count in [70, 1, 130] {
            let rows: Vec<Vec<Value>> = (0..count)
                .map(|_| TYPES.iter().map(|of| value(&mut random, *of)).collect())
                .collect();
            let input = morsel(&rows);
            program.run(&input, rows.len(), &mut scratch, &mut failures);
            let outputs = 0..program.output_count();
            let looked: Vec<Column> =
                outputs.map(|index| program.output(&scratch, &input, index).clone()).collect();
            assert_eq!(take(&program, &mut scratch, &input, None), looked);
            let picks: Vec<u32> = (0..count as u32).filter(|_| random.below(3) > 0).collect();
            let mut picked = Failures::new();
            program.run_picked(&input, &picks, &mut scratch, &mut picked);
            for (at, row) in picks.iter().enumerate() {
                assert_eq!(picked.of(at as u32), failures.of(*row), "{exprs:?}");
            }
            let mut expected = looked.clone();
            for (expected, looked) in expected.iter_mut().zip(&looked) {
                expected.clear();
                expected.append(looked, &picks);
            }
            assert_eq!(take(&program, &mut scratch, &input, Some(&picks)), expected);
        }
    }
}

fn compile(expr: Expr) -> Program {
    Program::compile(&[expr], &schema()).unwrap()
}

/// The value of an expression without columns, or its error.
fn text(expr: Expr) -> String {
    let program = compile(expr);
    let (mut scratch, mut failures) = (program.scratch(), Failures::new());
    let input = morsel(&[vec![Value::Null; TYPES.len()]]);
    program.run(&input, 1, &mut scratch, &mut failures);
    match failures.of(0) {
        Some(error) => format!("{error} ({})", error.sqlstate()),
        None => program.output(&scratch, &input, 0).value(0).to_string(),
    }
}

#[test]
fn arithmetic_is_that_of_postgresql() {
    assert_eq!(text(lit(i32::MAX).add(lit(1))), "value out of range: overflow (22003)");
    assert_eq!(text(lit(i32::MAX).add(lit(1_i64))), "2147483648");
    assert_eq!(text(lit(1).div(lit(0))), "division by zero (22012)");
    assert_eq!(text(lit(1.0).div(lit(0.0))), "division by zero (22012)");
    assert_eq!(text(lit(f64::NAN).div(lit(0.0))), "NaN");
    assert_eq!(text(lit(1e300).mul(lit(1e300))), "value out of range: overflow (22003)");
    assert_eq!(text(lit(1e-300).mul(lit(1e-300))), "value out of range: underflow (22003)");
    assert_eq!(text(lit(-7).div(lit(2))), "-3");
    assert_eq!(text(lit(-7).modulo(lit(2))), "-1");
    assert_eq!(text(lit(i32::MIN).modulo(lit(-1))), "0");
    assert_eq!(text(lit(i32::MIN).div(lit(-1))), "value out of range: overflow (22003)");
    assert_eq!(text(Expr::decimal(1, 1, 0).div(lit(3))), "0.3333333333333333");
    assert_eq!(text(Expr::decimal(15, 2, 1).mul(Expr::decimal(-15, 2, 1))), "-2.25");
    assert_eq!(text(Expr::decimal(1, 38, 0).eq(Expr::decimal(100, 38, 2))), "true");
}

#[test]
fn casts_are_those_of_postgresql() {
    let int = DataType::Int;
    assert_eq!(text(lit(2.5).cast(int)), "2");
    assert_eq!(text(lit(-3.5).cast(int)), "-4");
    assert_eq!(text(Expr::decimal(25, 2, 1).cast(int)), "3");
    assert_eq!(text(lit(f64::NAN).cast(int)), "value out of range: overflow (22003)");
    assert_eq!(text(lit(9.3e18).cast(DataType::BigInt)), "value out of range: overflow (22003)");
    assert_eq!(text(lit(" 12 ").cast(int)), "12");
    assert_eq!(text(lit("12x").cast(int)), "invalid input syntax (22P02)");
    assert_eq!(text(lit("3000000000").cast(int)), "value out of range: overflow (22003)");
    assert_eq!(text(lit("1e400").cast(DataType::Double)), "value out of range: overflow (22003)");
    assert_eq!(text(lit("1e-400").cast(DataType::Double)), "value out of range: underflow (22003)");
    assert_eq!(text(lit("-Infinity").cast(DataType::Double)), "-Infinity");
    assert_eq!(text(lit("tRu").cast(DataType::Boolean)), "true");
    assert_eq!(text(lit("of").cast(DataType::Boolean)), "false");
    assert_eq!(text(lit("o").cast(DataType::Boolean)), "invalid input syntax (22P02)");
    assert_eq!(text(lit("").cast(DataType::Boolean)), "invalid input syntax (22P02)");
    let overflow = "date/time field value out of range (22008)";
    assert_eq!(text(lit("2024-02-30").cast(DataType::Timestamp)), overflow);
    assert_eq!(text(lit("x").cast(DataType::Timestamp)), "invalid timestamp (22007)");
    assert_eq!(text(lit("2024-02-29 1:00").cast(DataType::Timestamp)), "2024-02-29 01:00:00");
    assert_eq!(text(Expr::timestamp(-1).cast(DataType::Text)), "1969-12-31 23:59:59.999999");
    assert_eq!(text(lit(12_345).cast(DataType::Decimal { precision: 4, scale: 0 })).len(), 36);
}

#[test]
fn a_failure_that_the_other_side_or_another_branch_decides_is_none() {
    let fails = || lit(1).div(lit(0)).eq(lit(1));
    assert_eq!(text(lit(false).and(fails())), "false");
    assert_eq!(text(fails().and(lit(false))), "false");
    assert_eq!(text(lit(true).or(fails())), "true");
    assert_eq!(text(lit(true).and(fails())), "division by zero (22012)");
    let null = Expr::null(DataType::Boolean);
    assert_eq!(text(null.and(fails())), "division by zero (22012)");
    assert_eq!(text(fails().is_null()), "division by zero (22012)");
    let case = |when: bool| Expr::case(vec![(lit(when), fails())], Some(lit(true)));
    assert_eq!(text(case(false)), "true");
    assert_eq!(text(case(true)), "division by zero (22012)");
}

#[test]
fn common_parts_are_computed_once_and_constant_parts_never() {
    let sum = || Expr::col("c1").add(lit(1).add(lit(2)));
    let program = Program::compile(&[sum().mul(sum()), sum()], &schema()).unwrap();
    assert_eq!(program.instructions.len(), 2);
    let program = compile(lit(1).add(lit(2)).gt(lit(2)).and(lit(true)));
    assert_eq!(program.instructions.len(), 0);
    assert_eq!(program.outputs, [Slot::Constant(program.constants.len() - 1)]);
    assert_eq!(compile(lit(0.0).eq(lit(-0.0))).instructions.len(), 0);
}

#[test]
fn a_plain_column_is_passed_through_without_copying() {
    let program = compile(Expr::col("c6"));
    let input = morsel(&[vec![Value::Null; TYPES.len()]]);
    let mut scratch = program.scratch();
    program.run(&input, 1, &mut scratch, &mut Failures::new());
    assert!(std::ptr::eq(program.output(&scratch, &input, 0), &raw const input[6]));
}

#[test]
fn a_null_in_an_output_holds_the_default_value() {
    let program = compile(Expr::col("c1").add(lit(5)));
    let rows = [vec![Value::Null; TYPES.len()]];
    let (input, mut scratch) = (morsel(&rows), program.scratch());
    program.run(&input, 1, &mut scratch, &mut Failures::new());
    assert_eq!(program.output(&scratch, &input, 0).i32s(), [0]);
}

#[test]
fn a_warm_program_takes_no_more_memory() {
    let mut random = Random(99);
    let exprs: Vec<Expr> =
        (0..40).map(|i| expression(&mut random, TYPES[i % TYPES.len()], 4)).collect();
    let program = Program::compile(&exprs, &schema()).unwrap();
    let rows: Vec<Vec<Value>> =
        (0..1024).map(|_| TYPES.iter().map(|of| value(&mut random, *of)).collect()).collect();
    let (input, mut scratch, mut failures) = (morsel(&rows), program.scratch(), Failures::new());
    let held = |scratch: &Scratch| -> usize {
        let registers = scratch.registers.iter().map(|register| &register.column);
        registers.chain(&scratch.constants).map(Column::memory_bytes).sum()
    };
    program.run(&input, rows.len(), &mut scratch, &mut failures);
    let warm = held(&scratch);
    for _ in 0..3 {
        program.run(&input, rows.len(), &mut scratch, &mut failures);
    }
    assert_eq!(held(&scratch), warm);
}

#[test]
fn a_program_has_a_bounded_number_of_parts() {
    let wide = |count: usize| (0..count).map(|_| Expr::col("c1").negate()).collect::<Vec<_>>();
    assert!(Program::compile(&wide(2048), &schema()).is_ok());
    assert_eq!(Program::compile(&wide(2049), &schema()).unwrap_err().sqlstate, "54000");
}

fn literal(text: &str, data_type: DataType) -> Expr {
    Expr::literal(text, data_type).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn every_cast_that_binds_runs_and_gives_what_postgresql_gives() {
    use DataType::*;
    let decimal = Decimal { precision: 12, scale: 2 };
    let list = DataType::array(Int).unwrap();
    let words = DataType::array(Text).unwrap();
    for (from, to, input, wanted) in [
        (Int, SmallInt, "32767", "32767"),
        (Int, SmallInt, "32768", "value out of range: overflow (22003)"),
        (BigInt, SmallInt, "-32768", "-32768"),
        (Double, SmallInt, "2.5", "2"),
        (decimal, SmallInt, "2.50", "3"),
        (SmallInt, decimal, "-7", "-7.00"),
        (Real, Double, "0.1", "0.10000000149011612"),
        (Double, Real, "0.1", "0.1"),
        (Double, Real, "1e39", "value out of range: overflow (22003)"),
        (Double, Real, "1e-50", "value out of range: underflow (22003)"),
        (BigInt, Real, "16777217", "1.6777216e+07"),
        (decimal, Real, "1234567.89", "1.2345679e+06"),
        (Real, decimal, "1234567.89", "1234570.00"),
        (Real, Int, "-1.5", "-2"),
        (Date, Timestamp, "2015-07-15", "2015-07-15 00:00:00"),
        (Date, TimestampTz, "0001-01-01 BC", "0001-01-01 00:00:00+00 BC"),
        (Timestamp, Date, "1969-12-31 23:59:59", "1969-12-31"),
        (TimestampTz, Timestamp, "2015-07-15 00:00+02", "2015-07-14 22:00:00"),
        (Timestamp, Time, "2015-07-15 01:02:03.5", "01:02:03.5"),
        (Time, Interval, "01:02", "01:02:00"),
        (Interval, Time, "1 day -1:00", "23:00:00"),
        (Interval, Text, "1 mon 2 days", "1 mon 2 days"),
        (Bytea, Text, "a\\\\b", "\\x615c62"),
        (Text, Bytea, "\\x0aFF", "\\x0aff"),
        (Text, Bytea, "\\x0", "invalid input syntax (22P02)"),
        (
            Uuid,
            Text,
            "{A0EEBC99-9C0B4EF8-BB6D6BB9BD380A11}",
            "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
        ),
        (Text, Uuid, "a0eebc99", "invalid input syntax (22P02)"),
        (Text, Json, "{\"b\": 1.0, \"a\": []}", "{\"a\": [], \"b\": 1}"),
        (Json, Int, "12.5", "13"),
        (Json, Boolean, "true", "true"),
        (Json, Double, "\"1\"", "invalid input syntax (22P02)"),
        (Json, Map, "{\"k\": 1}", "{\"k\": \"1\"}"),
        (Map, Json, "{\"kk\": \"v\", \"z\": null}", "{\"z\": null, \"kk\": \"v\"}"),
        (list, words, "{1,NULL,3}", "{1,NULL,3}"),
        (words, list, "{1,x}", "invalid input syntax (22P02)"),
        (Text, list, "{1,2}", "{1,2}"),
        (list, Text, "{1,2}", "{1,2}"),
    ] {
        let found = text(literal(input, from).cast(to));
        assert_eq!(found, wanted, "{from} '{input}' to {to}");
    }
    for (from, to) in [(Boolean, BigInt), (Date, Int), (Uuid, Bytea), (Time, Date), (Interval, Int)]
    {
        let bound = Expr::null(from).cast(to).bind(&schema());
        assert_eq!(bound.unwrap_err().sqlstate, "42804", "{from} to {to}");
    }
}

/// A type and a text of it.
type Side = (DataType, &'static str);

fn check_operators(cases: &[(Side, BinaryOp, Side, &str)]) {
    for &(left, op, right, wanted) in cases {
        let operand = |(data_type, text): Side| Box::new(literal(text, data_type));
        let expr = Expr::Binary { op, left: operand(left), right: operand(right) };
        assert_eq!(text(expr), wanted, "{left:?} {op:?} {right:?}");
    }
}

#[test]
fn operators_on_dates_and_times_are_those_of_postgresql() {
    use DataType::*;
    let overflow = "date/time field value out of range (22008)";
    check_operators(&[
        ((Date, "2024-02-28"), BinaryOp::Add, (Int, "2"), "2024-03-01"),
        ((SmallInt, "1"), BinaryOp::Add, (Date, "2024-12-31"), "2025-01-01"),
        ((Date, "2024-03-01"), BinaryOp::Sub, (BigInt, "1"), "2024-02-29"),
        (
            (Date, "2024-03-01"),
            BinaryOp::Add,
            (BigInt, "9999999999"),
            "value out of range: overflow (22003)",
        ),
        ((Date, "2024-03-01"), BinaryOp::Sub, (Date, "2024-02-01"), "29"),
        ((Date, "2024-03-01"), BinaryOp::Add, (Time, "01:00"), "2024-03-01 01:00:00"),
        (
            (Timestamp, "2024-01-31 10:00"),
            BinaryOp::Add,
            (Interval, "1 mon"),
            "2024-02-29 10:00:00",
        ),
        (
            (Interval, "1 mon -1 day"),
            BinaryOp::Add,
            (TimestampTz, "2024-03-31"),
            "2024-04-29 00:00:00+00",
        ),
        (
            (Timestamp, "2024-03-31"),
            BinaryOp::Sub,
            (Interval, "1 year 1 mon"),
            "2023-02-28 00:00:00",
        ),
        ((Date, "2024-01-01"), BinaryOp::Sub, (Interval, "1 us"), "2023-12-31 23:59:59.999999"),
        ((Time, "23:00"), BinaryOp::Add, (Interval, "3 days 2:00"), "01:00:00"),
        ((Time, "01:00"), BinaryOp::Sub, (Time, "02:30"), "-01:30:00"),
        (
            (Timestamp, "2024-01-03 01:00"),
            BinaryOp::Sub,
            (Timestamp, "2024-01-01 02:00"),
            "1 day 23:00:00",
        ),
        (
            (Date, "2024-01-01"),
            BinaryOp::Sub,
            (TimestampTz, "2024-01-02 12:00"),
            "-1 days -12:00:00",
        ),
        ((Interval, "1 mon"), BinaryOp::Sub, (Interval, "1 day 1:00"), "1 mon -1 days -01:00:00"),
        ((Interval, "1 mon 1 day"), BinaryOp::Mul, (Double, "1.5"), "1 mon 16 days 12:00:00"),
        ((Int, "3"), BinaryOp::Mul, (Interval, "1:30"), "04:30:00"),
        ((Interval, "1 year"), BinaryOp::Div, (Int, "8"), "1 mon 15 days"),
        ((Interval, "1 day"), BinaryOp::Div, (Int, "0"), "division by zero (22012)"),
        ((Interval, "100000 years"), BinaryOp::Mul, (Double, "1e9"), overflow),
        ((Timestamp, "200000-01-01"), BinaryOp::Add, (Interval, "200000 years"), overflow),
    ]);
}

#[test]
fn operators_on_other_types_are_those_of_postgresql() {
    use DataType::*;
    check_operators(&[
        (
            (SmallInt, "32767"),
            BinaryOp::Add,
            (SmallInt, "1"),
            "value out of range: overflow (22003)",
        ),
        ((SmallInt, "32767"), BinaryOp::Add, (Int, "1"), "32768"),
        (
            (SmallInt, "-32768"),
            BinaryOp::Div,
            (SmallInt, "-1"),
            "value out of range: overflow (22003)",
        ),
        ((Real, "0.1"), BinaryOp::Add, (Real, "0.2"), "0.3"),
        ((Real, "1e38"), BinaryOp::Mul, (Real, "10"), "value out of range: overflow (22003)"),
        ((Real, "0.1"), BinaryOp::Mul, (Int, "1"), "0.10000000149011612"),
        ((Interval, "1 mon"), BinaryOp::Eq, (Interval, "30 days"), "true"),
        ((Interval, "1 mon"), BinaryOp::LtEq, (Interval, "29 days 24:00"), "true"),
        ((Interval, "1 mon"), BinaryOp::Lt, (Interval, "30 days"), "false"),
        ((Date, "2024-01-01"), BinaryOp::Lt, (TimestampTz, "2024-01-01 00:00:01"), "true"),
        (
            (Uuid, "ffffffff-0000-0000-0000-000000000000"),
            BinaryOp::Gt,
            (Uuid, "7fffffff-0000-0000-0000-000000000000"),
            "true",
        ),
        ((Json, "{\"a\":1,\"b\":2}"), BinaryOp::Eq, (Json, "{\"b\":2.0,\"a\":1}"), "true"),
        ((Bytea, "\\xff"), BinaryOp::Gt, (Bytea, "\\x7fff"), "true"),
        ((Array(&Int), "{1,2}"), BinaryOp::Lt, (Array(&Int), "{1,NULL}"), "true"),
        ((Array(&Int), "{-1}"), BinaryOp::Lt, (Array(&Int), "{1}"), "true"),
    ]);
    for (left, op, right) in [
        (Date, BinaryOp::Add, Date),
        (Time, BinaryOp::Mul, Int),
        (Timestamp, BinaryOp::Add, Timestamp),
        (Real, BinaryOp::Mod, Int),
        (Uuid, BinaryOp::Eq, Text),
        (Time, BinaryOp::Lt, Timestamp),
    ] {
        let expr =
            Expr::Binary { op, left: Expr::null(left).into(), right: Expr::null(right).into() };
        assert_eq!(expr.bind(&schema()).unwrap_err().sqlstate, "42804", "{left} {op:?} {right}");
    }
    assert_eq!(text(literal("1 mon -1 day 1:00", Interval).negate()), "-1 mons +1 day -01:00:00");
}
