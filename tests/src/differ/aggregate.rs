//! Random calls of aggregates, and how exactly both sides must agree on each.

use sluicedb_sql::DataType;

use super::compare::Check;
use super::expr::{Grammar, type_construct};
use super::text::{Pair, join, join_apart};

/// A column of a result.
#[derive(Clone, Debug)]
pub(super) struct Output {
    pub(super) pair: Pair,
    pub(super) check: Check,
    /// What the other side says about how exact the value can be: a DOUBLE.
    pub(super) scale: Option<String>,
    /// What queries on top of this one may count on.
    pub(super) data_type: DataType,
    /// Of a whole number, how large it may be for each row of its group.
    pub(super) bound: f64,
}

impl Output {
    pub(super) fn exact(pair: Pair, data_type: DataType) -> Output {
        Output { pair, check: Check::Exact, scale: None, data_type, bound: 0.0 }
    }
}

/// Names of the moments of one column.
const OF_ONE: [&str; 4] = ["stddev_samp", "stddev_pop", "var_samp", "var_pop"];
/// Names of those of two.
const OF_TWO: [&str; 6] =
    ["covar_samp", "covar_pop", "corr", "regr_slope", "regr_intercept", "regr_r2"];

/// An argument of an aggregate as DOUBLE, with FILTER where there is one.
struct Measured {
    of: Pair,
    filter: Pair,
}

impl Grammar<'_> {
    pub(super) fn call(&mut self) -> Output {
        let filter = self.filter();
        match self.prng.below(14) {
            0 => self.count(&filter),
            1 | 2 => self.sum(&filter),
            3 => self.average(&filter),
            4 | 5 => self.extreme(&filter),
            6 => {
                self.uses("bool_and, bool_or");
                let of = self.truth(1);
                let pattern = self.one_of(&["bool_and({}){}", "bool_or({}){}"]);
                Output::exact(join(pattern, &[&of, &filter]), DataType::Boolean)
            }
            7 => self.moment_of_one(&filter),
            8 => self.moment_of_two(&filter),
            9 => self.percentile(&filter),
            10 => self.approximate(&filter),
            11 => {
                self.uses("string_agg");
                let of = self.text(0);
                let pair = join("string_agg({0}, ',' ORDER BY {0}){1}", &[&of, &filter]);
                Output::exact(pair, DataType::Text)
            }
            12 => self.array(&filter),
            _ => self.end(&filter),
        }
    }

    /// Of values that are equal only if they look the same, so that their order says all.
    fn array(&mut self, filter: &Pair) -> Output {
        self.uses("array_agg");
        let plain = |of: DataType| {
            of.is_integer() || matches!(of, DataType::Text | DataType::Boolean | DataType::Date)
        };
        let of = self.input(plain).expect("id is one");
        self.uses(type_construct(of.data_type));
        let pattern = self.one_of(&[
            "array_agg({0} ORDER BY {0}){1}",
            "array_agg(DISTINCT {0} ORDER BY {0}){1}",
            "array_agg({0} ORDER BY {0} DESC){1}",
        ]);
        let (name, data_type) = (Pair::same(of.name), of.data_type);
        let array = DataType::array(data_type).expect("plain values make up an array");
        Output::exact(join(pattern, &[&name, filter]), array)
    }

    /// ` FILTER (WHERE ..)`, or nothing.
    fn filter(&mut self) -> Pair {
        if !self.prng.chance(20) {
            return Pair::same("");
        }
        self.uses("FILTER");
        let condition = self.truth(1);
        join(" FILTER (WHERE {})", &[&condition])
    }

    fn count(&mut self, filter: &Pair) -> Output {
        let pair = match self.prng.below(3) {
            0 => {
                self.uses("count(*)");
                join("count(*){}", &[filter])
            }
            1 => {
                self.uses("count(x)");
                let of = self.any(1).pair;
                join("count({}){}", &[&of, filter])
            }
            _ => {
                self.uses("count(DISTINCT x)");
                let plain = |of: DataType| !of.is_nested() && of != DataType::Interval;
                let of = self.input(plain).expect("id is one");
                self.uses(type_construct(of.data_type));
                join("count(DISTINCT {}){}", &[&Pair::same(of.name), filter])
            }
        };
        Output { bound: 1.0, ..Output::exact(pair, DataType::BigInt) }
    }

    fn sum(&mut self, filter: &Pair) -> Output {
        match self.prng.below(5) {
            0 => {
                self.uses("sum(DISTINCT x)");
                let of = self.whole(0);
                let pair = join("sum(DISTINCT CAST({} AS INT)){}", &[&of.pair, filter]);
                match of.bound < 2e9 {
                    true => Output { bound: of.bound, ..Output::exact(pair, DataType::BigInt) },
                    false => self.sum_of_whole(filter),
                }
            }
            1 | 2 => self.sum_of_whole(filter),
            3 => {
                self.uses("sum of DECIMAL");
                let of = self.decimal(1);
                let theirs = format!("sum(CAST({{0}} AS DECIMAL(38,{}))){{1}}", of.scale);
                let pair = join_apart("sum({0}){1}", &theirs, &[&of.pair, filter]);
                Output::exact(pair, DataType::Decimal { precision: 38, scale: of.scale })
            }
            _ => {
                self.uses("sum of floats");
                let of = self.measured(filter);
                self.of_magnitude("sum({0}){1}", &of)
            }
        }
    }

    fn sum_of_whole(&mut self, filter: &Pair) -> Output {
        self.uses("sum of integers");
        let of = self.whole(1);
        let (bound, data_type) = match of.data_type {
            DataType::BigInt => (of.bound, DataType::Decimal { precision: 38, scale: 0 }),
            _ => (of.bound, DataType::BigInt),
        };
        let theirs = match data_type {
            DataType::BigInt => "sum({0}){1}",
            _ => "sum(CAST({0} AS DECIMAL(38,0))){1}",
        };
        let pair = join_apart("sum({0}){1}", theirs, &[&of.pair, filter]);
        Output { bound, ..Output::exact(pair, data_type) }
    }

    fn measured(&mut self, filter: &Pair) -> Measured {
        let of = self.float(1);
        Measured { of, filter: filter.clone() }
    }

    /// A float within 1e-12 of the sum of magnitudes.
    fn of_magnitude(&mut self, pattern: &str, Measured { of, filter }: &Measured) -> Output {
        let pair = join(pattern, &[of, filter]);
        let scale = join("sum(abs({0})){1}", &[of, filter]).theirs;
        Output { check: Check::Sum, scale: Some(scale), ..Output::exact(pair, DataType::Double) }
    }

    fn average(&mut self, filter: &Pair) -> Output {
        self.uses("avg");
        if self.prng.chance(40) {
            let of = self.measured(filter);
            return self.of_magnitude("avg({0}){1}", &of);
        }
        let (of, digits) = match self.prng.chance(50) {
            true => (self.whole(1).pair, 0),
            false => {
                let of = self.decimal(0);
                (of.pair, of.scale)
            }
        };
        let pair = join_apart("avg({0}){1}", "avg(CAST({0} AS DOUBLE)){1}", &[&of, filter]);
        let scale = join("sum(abs(CAST({0} AS DOUBLE))){1}", &[&of, filter]).theirs;
        let data_type = DataType::Decimal { precision: 38, scale: digits.max(6) };
        Output { check: Check::Sum, scale: Some(scale), ..Output::exact(pair, data_type) }
    }

    fn extreme(&mut self, filter: &Pair) -> Output {
        self.uses("min, max");
        let plain = |of: DataType| {
            !of.is_nested() && !matches!(of, DataType::Json | DataType::Uuid | DataType::Interval)
        };
        let (of, data_type, bound) = match self.prng.chance(60) {
            true => {
                let of = self.input(plain).expect("id is one");
                self.uses(type_construct(of.data_type));
                (Pair::same(of.name), of.data_type, of.bound)
            }
            false => {
                let of = self.whole(1);
                (of.pair, of.data_type, of.bound)
            }
        };
        let pattern = self.one_of(&["min({}){}", "max({}){}"]);
        Output { bound, ..Output::exact(join(pattern, &[&of, filter]), data_type) }
    }

    fn moment_of_one(&mut self, filter: &Pair) -> Output {
        self.uses("stddev, variance");
        let name = self.one_of(&OF_ONE);
        let of = self.measured(filter);
        let parts = [&of.of, &of.filter];
        let pair = join(&format!("{name}({{0}}){{1}}"), &parts);
        let scale = join("sum(({0}) * ({0})){1}", &parts).theirs;
        let check = if name.starts_with("stddev") { Check::Root } else { Check::Sum };
        Output { check, scale: Some(scale), ..Output::exact(pair, DataType::Double) }
    }

    /// Where the columns vary at all: what is divided by almost nothing says nothing.
    fn moment_of_two(&mut self, filter: &Pair) -> Output {
        self.uses("corr, covar, regr");
        let name = self.one_of(&OF_TWO);
        let (y, x) = (self.float(0), self.whole(0).pair);
        let x = join("CAST({} AS DOUBLE)", &[&x]);
        let pattern = format!(
            "(CASE WHEN regr_r2({{0}}, {{1}}){{2}} BETWEEN 0.0001 AND 0.9999 THEN {name}({{0}}, {{1}}){{2}} END)"
        );
        let ours = pattern.clone();
        let pair = join_apart(&ours, &pattern, &[&y, &x, filter]);
        Output { check: Check::Near(1e-6), ..Output::exact(pair, DataType::Double) }
    }

    /// Of values in order, which the other side puts into an array.
    fn percentile(&mut self, filter: &Pair) -> Output {
        self.uses("percentiles");
        let (part, exact) = (self.one_of(&["0.25", "0.5", "0.75"]), self.prng.chance(50));
        let of = self.whole(1).pair;
        let sorted = join(
            "array_sort(array_agg(CAST({0} AS DOUBLE)) FILTER (WHERE {0} IS NOT NULL{1}))",
            &[&of, &self.also(filter)],
        );
        let count = join("count({0}){1}", &[&of, filter]).theirs;
        let sorted = sorted.theirs;
        if exact {
            let ours = format!("percentile_disc({part}) WITHIN GROUP (ORDER BY {{0}}){{1}}");
            let theirs = format!("{sorted}[greatest(CAST(ceil({part} * {count}) AS BIGINT), 1)]");
            let pair = join_apart(&ours, &theirs, &[&of, filter]);
            return Output { check: Check::Near(1e-12), ..Output::exact(pair, DataType::Double) };
        }
        let median = part == "0.5" && self.prng.chance(50);
        let ours = match median {
            true => "median({0}){1}".to_owned(),
            false => format!("percentile_cont({part}) WITHIN GROUP (ORDER BY {{0}}){{1}}"),
        };
        let place = format!("(CAST({part} AS DOUBLE) * ({count} - 1))");
        let at = |rounded: &str| format!("{sorted}[CAST({rounded}({place}) AS BIGINT) + 1]");
        let (low, high) = (at("floor"), at("ceil"));
        let theirs = format!("({low} + ({high} - {low}) * ({place} - floor({place})))");
        let pair = join_apart(&ours, &theirs, &[&of, filter]);
        Output { check: Check::Near(1e-12), ..Output::exact(pair, DataType::Double) }
    }

    /// The condition of ` FILTER (WHERE ..)` behind an AND.
    fn also(&self, filter: &Pair) -> Pair {
        let inner = |text: &str| match text.strip_prefix(" FILTER (WHERE ") {
            Some(rest) => format!(" AND {}", &rest[..rest.len() - 1]),
            None => String::new(),
        };
        Pair::new(inner(&filter.ours), inner(&filter.theirs))
    }

    fn approximate(&mut self, filter: &Pair) -> Output {
        if self.prng.chance(50) {
            self.uses("approx_distinct");
            let plain = |of: DataType| of.is_integer() || of == DataType::Text;
            let of = Pair::same(self.input(plain).expect("id is one").name);
            let theirs = "count(DISTINCT {0}){1}";
            let pair = join_apart("approx_distinct({0}){1}", theirs, &[&of, filter]);
            return Output { check: Check::Distinct, ..Output::exact(pair, DataType::BigInt) };
        }
        self.uses("approx_percentile");
        let of = self.whole(1).pair;
        let sorted = join(
            "array_sort(array_agg(CAST({0} AS DOUBLE)) FILTER (WHERE {0} IS NOT NULL{1}))",
            &[&of, &self.also(filter)],
        );
        let count = join("count({0}){1}", &[&of, filter]).theirs;
        let theirs =
            format!("{}[greatest(CAST(ceil(0.75 * {count}) AS BIGINT), 1)]", sorted.theirs);
        let pair = join_apart("approx_percentile({0}, 0.75){1}", &theirs, &[&of, filter]);
        // As documented: within 1/128 of the value of that rank.
        Output { check: Check::Near(1.0 / 128.0), ..Output::exact(pair, DataType::Double) }
    }

    /// FIRST and LAST, where the order of rows is told by their times.
    fn end(&mut self, filter: &Pair) -> Output {
        if !self.times_differ {
            return self.count(filter);
        }
        self.uses("first, last");
        let plain = |of: DataType| !of.is_nested();
        let of = self.input(plain).expect("id is one");
        self.uses(type_construct(of.data_type));
        let (name, data_type, bound) = (of.name, of.data_type, of.bound);
        let also = self.also(filter).theirs;
        let end = self.one_of(&["first", "last"]);
        let theirs =
            format!("{end}_value({name} ORDER BY ts) FILTER (WHERE {name} IS NOT NULL{also})");
        let order = match self.prng.chance(50) {
            true => " ORDER BY ts",
            // By event time, which only the source knows.
            false => {
                self.uses("first, last by event time");
                ""
            }
        };
        let pair = Pair::new(format!("{end}({name}{order}){}", filter.ours), theirs);
        Output { bound, ..Output::exact(pair, data_type) }
    }
}
