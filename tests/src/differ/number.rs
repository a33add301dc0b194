//! Random expressions that are numbers.
//!
//! Whole numbers know how large they may get: none overflows here, because the other side would
//! wrap. What does overflow is the concern of [`super::fault`].

use sluicedb_sql::DataType;

use super::expr::Grammar;
use super::text::{Pair, join, join_apart};

/// A SMALLINT, INT or BIGINT.
#[derive(Clone, Debug)]
pub(super) struct Whole {
    pub(super) pair: Pair,
    pub(super) data_type: DataType,
    pub(super) bound: f64,
}

/// A DECIMAL.
#[derive(Clone, Debug)]
pub(super) struct Exact {
    pub(super) pair: Pair,
    pub(super) precision: u8,
    pub(super) scale: u8,
}

/// Digits that a decimal has at most.
const DIGITS_MAX: u8 = 38;

fn most(data_type: DataType) -> f64 {
    match data_type {
        DataType::SmallInt => f64::from(i16::MAX),
        DataType::Int => f64::from(i32::MAX),
        _ => 9e18,
    }
}

impl Whole {
    fn int(pair: Pair, bound: f64) -> Whole {
        Whole { pair, data_type: DataType::Int, bound }
    }

    /// `left` where the result would not fit.
    fn operator(pattern: &str, left: Whole, right: &Whole, bound: f64) -> Whole {
        let data_type = left.data_type.max(right.data_type);
        if bound > most(data_type) {
            return left;
        }
        Whole { pair: join(pattern, &[&left.pair, &right.pair]), data_type, bound }
    }
}

impl Grammar<'_> {
    /// A column or a constant.
    pub(super) fn whole_leaf(&mut self) -> Whole {
        let column = if self.prng.chance(80) { self.input(DataType::is_integer) } else { None };
        match column {
            Some(input) => {
                self.uses(super::expr::type_construct(input.data_type));
                let (data_type, bound) = (input.data_type, input.bound);
                Whole { pair: Pair::same(input.name), data_type, bound }
            }
            None => Whole::int(Pair::same(self.prng.range(-9..100).to_string()), 100.0),
        }
    }

    pub(super) fn whole(&mut self, depth: usize) -> Whole {
        let Some(deeper) = depth.checked_sub(1) else { return self.whole_leaf() };
        match self.prng.below(10) {
            0 | 1 => self.whole_operator(deeper),
            2 => self.whole_choice(deeper),
            3 => self.whole_of_text(deeper),
            4 => self.whole_of_other(deeper),
            5 => {
                self.uses("abs");
                let of = self.whole(deeper);
                Whole { pair: join("abs({})", &[&of.pair]), ..of }
            }
            6 => {
                self.uses("unary minus");
                let of = self.whole(deeper);
                Whole { pair: join("(- {})", &[&of.pair]), ..of }
            }
            7 => {
                self.uses("division and remainder");
                let (of, by) = (self.whole(deeper), self.prng.range(1..12));
                let sign = self.one_of(&["/", "%"]);
                let pair = join(&format!("({{}} {sign} {by})"), &[&of.pair]);
                Whole { pair, data_type: of.data_type.max(DataType::Int), bound: of.bound }
            }
            _ => self.whole_leaf(),
        }
    }

    fn whole_operator(&mut self, depth: usize) -> Whole {
        self.uses("integer arithmetic");
        let (left, right) = (self.whole(depth), self.whole(depth));
        let (sum, product) = (left.bound + right.bound, left.bound * right.bound);
        match self.prng.below(3) {
            0 => Whole::operator("({} + {})", left, &right, sum),
            1 => Whole::operator("({} - {})", left, &right, sum),
            _ => Whole::operator("({} * {})", left, &right, product),
        }
    }

    fn whole_choice(&mut self, depth: usize) -> Whole {
        let (left, right) = (self.whole(depth), self.whole(depth));
        let bound = left.bound.max(right.bound);
        let data_type = left.data_type.max(right.data_type);
        let parts = [&left.pair, &right.pair];
        let pair = match self.prng.below(5) {
            0 => {
                self.uses("CASE");
                let when = self.truth(depth);
                join("(CASE WHEN {} THEN {} ELSE {} END)", &[&when, parts[0], parts[1]])
            }
            1 => {
                self.uses("COALESCE");
                join("coalesce({}, {})", &parts)
            }
            2 => {
                self.uses("NULLIF");
                return Whole { pair: join("nullif({}, {})", &parts), ..left };
            }
            3 => {
                self.uses("GREATEST, LEAST");
                join(self.one_of(&["greatest({}, {})", "least({}, {})"]), &parts)
            }
            _ => {
                self.uses("CASE");
                let of = self.text(0);
                join(
                    "(CASE {} WHEN 'a' THEN {} WHEN 'abc' THEN {} END)",
                    &[&of, parts[0], parts[1]],
                )
            }
        };
        Whole { pair, data_type, bound }
    }

    fn whole_of_text(&mut self, depth: usize) -> Whole {
        let of = self.text(depth);
        match self.prng.below(4) {
            0 | 1 => {
                self.uses("length");
                Whole::int(join("length({})", &[&of]), 1e6)
            }
            2 => {
                self.uses("strpos");
                Whole::int(join("strpos({}, 'b')", &[&of]), 1e6)
            }
            _ => {
                self.uses("library function");
                let pair = join("levenshtein({}, 'abc')", &[&of]);
                Whole { pair, data_type: DataType::Int, bound: 1e6 }
            }
        }
    }

    /// Of truths, moments, arrays and JSON.
    fn whole_of_other(&mut self, depth: usize) -> Whole {
        match self.prng.below(7) {
            0 => {
                self.uses("CAST");
                let of = self.truth(depth);
                Whole::int(join("CAST({} AS INT)", &[&of]), 1.0)
            }
            1 => {
                self.uses("date_part");
                let field = self.one_of(&["year", "month", "day", "hour", "minute", "doy"]);
                let of = self.moment(depth);
                Whole::int(
                    join(&format!("CAST(date_part('{field}', {{}}) AS INT)"), &[&of]),
                    9999.0,
                )
            }
            2..=4 => {
                let array = |of| matches!(of, DataType::Array(_));
                let Some(input) = self.input(array) else { return self.whole_leaf() };
                self.uses("array functions");
                let pair = Pair::same(input.name);
                let count =
                    join_apart("cardinality({0})", "CAST(cardinality({0}) AS INT)", &[&pair]);
                match input.data_type {
                    DataType::Array(DataType::Int) if self.prng.chance(60) => {
                        let theirs = "array_element({0}, 2)";
                        Whole::int(join_apart("{0}[2]", theirs, &[&pair]), 10.0)
                    }
                    _ => Whole::int(count, 10.0),
                }
            }
            5 => match self.json_member("a") {
                Some(of) => Whole::int(join("CAST({} AS INT)", &[&of]), 10.0),
                None => self.whole_leaf(),
            },
            _ => {
                self.uses("CAST");
                let of = self.whole(depth);
                let pair = join("CAST(CAST({} AS TEXT) AS BIGINT)", &[&of.pair]);
                Whole { pair, data_type: DataType::BigInt, bound: of.bound }
            }
        }
    }

    fn decimal_leaf(&mut self) -> Exact {
        let column = self.input(|of| matches!(of, DataType::Decimal { .. }));
        match column {
            Some(input) if self.prng.chance(80) => {
                self.uses("DECIMAL column");
                let DataType::Decimal { precision, scale } = input.data_type else {
                    unreachable!("asked for decimals")
                };
                Exact { pair: Pair::same(input.name), precision, scale }
            }
            _ if self.prng.chance(60) => {
                self.uses("CAST");
                let of = self.whole_leaf();
                Exact {
                    pair: join("CAST({} AS DECIMAL(19,0))", &[&of.pair]),
                    precision: 19,
                    scale: 0,
                }
            }
            _ => Exact { pair: Pair::same("CAST(2.75 AS DECIMAL(3,2))"), precision: 3, scale: 2 },
        }
    }

    pub(super) fn decimal(&mut self, depth: usize) -> Exact {
        let Some(deeper) = depth.checked_sub(1) else { return self.decimal_leaf() };
        match self.prng.below(6) {
            0 | 1 => self.decimal_operator(deeper),
            2 => {
                self.uses("round");
                let of = self.decimal(deeper);
                let digits = self.prng.below(usize::from(of.scale) + 1) as u8;
                let precision = (of.precision + 1).min(DIGITS_MAX);
                let ours = format!("round({{0}}, {digits})");
                let theirs = format!("CAST({{0}} AS DECIMAL({precision},{digits}))");
                Exact { pair: join_apart(&ours, &theirs, &[&of.pair]), precision, scale: digits }
            }
            3 => {
                self.uses("COALESCE");
                let of = self.decimal(deeper);
                Exact {
                    pair: join("coalesce({}, 0)", &[&of.pair]),
                    precision: of.precision.max(19).saturating_add(of.scale).min(DIGITS_MAX),
                    ..of
                }
            }
            4 => {
                self.uses("CASE");
                let (when, of) = (self.truth(deeper), self.decimal(deeper));
                Exact { pair: join("(CASE WHEN {} THEN {} END)", &[&when, &of.pair]), ..of }
            }
            _ => self.decimal_leaf(),
        }
    }

    fn decimal_operator(&mut self, depth: usize) -> Exact {
        self.uses("decimal arithmetic");
        let (left, right) = (self.decimal(depth), self.decimal(depth));
        let scale = left.scale.max(right.scale);
        let whole = (left.precision - left.scale).max(right.precision - right.scale);
        let (pattern, precision, scale) = match self.prng.below(3) {
            0 => ("({} + {})", whole + scale + 1, scale),
            1 => ("({} - {})", whole + scale + 1, scale),
            _ => ("({} * {})", left.precision + right.precision + 1, left.scale + right.scale),
        };
        if precision > DIGITS_MAX {
            return left;
        }
        Exact { pair: join(pattern, &[&left.pair, &right.pair]), precision, scale }
    }

    /// A DOUBLE.
    pub(super) fn float(&mut self, depth: usize) -> Pair {
        let Some(deeper) = depth.checked_sub(1) else { return self.float_leaf() };
        match self.prng.below(8) {
            0 | 1 => {
                self.uses("float arithmetic");
                let (left, right) = (self.float(deeper), self.float(deeper));
                join(self.one_of(&["({} + {})", "({} - {})", "({} * {})"]), &[&left, &right])
            }
            2 => {
                self.uses("float functions");
                let of = self.float(deeper);
                let functions = [
                    "abs({})",
                    "sqrt(abs({}))",
                    "floor({})",
                    "ceil({})",
                    "ln(abs({}) + 1)",
                    "(- {})",
                ];
                join(self.one_of(&functions), &[&of])
            }
            3 => {
                self.uses("library function");
                let of = self.float(deeper);
                join(self.one_of(&["sin({})", "cos({})", "cbrt({})", "atan({})"]), &[&of])
            }
            4 => {
                self.uses("CASE");
                let (when, then) = (self.truth(deeper), self.float(deeper));
                let other = self.float(deeper);
                join("(CASE WHEN {} THEN {} ELSE {} END)", &[&when, &then, &other])
            }
            5 => {
                self.uses("COALESCE");
                let of = self.float(deeper);
                join("coalesce({}, CAST(0.5 AS DOUBLE))", &[&of])
            }
            _ => self.float_leaf(),
        }
    }

    fn float_leaf(&mut self) -> Pair {
        match self.prng.below(6) {
            0 => match self.input(|of| of == DataType::Real) {
                Some(input) => {
                    self.uses("REAL column");
                    Pair::same(format!("CAST({} AS DOUBLE)", input.name))
                }
                None => Pair::same("CAST(1.5 AS DOUBLE)"),
            },
            1 => {
                self.uses("CAST");
                let of = self.whole_leaf();
                join("CAST({} AS DOUBLE)", &[&of.pair])
            }
            _ => match self.input(|of| of == DataType::Double) {
                Some(input) => {
                    self.uses("DOUBLE column");
                    Pair::same(input.name)
                }
                None => Pair::same("CAST(-0.25 AS DOUBLE)"),
            },
        }
    }
}
