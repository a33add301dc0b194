//! Random expressions: truths, moments, and how deep they go. Numbers and texts have their own
//! modules.

use std::collections::BTreeSet;

use sluicedb_sql::{DataType, Field};

use super::data::{Data, bound_of};
use super::text::{Pair, join, join_apart};
use crate::prng::Prng;

/// A column that expressions may read.
#[derive(Clone, Debug)]
pub(super) struct Input {
    pub(super) name: String,
    pub(super) data_type: DataType,
    /// Of whole numbers, the greatest absolute value.
    pub(super) bound: f64,
}

/// An expression, and the type that it has here.
#[derive(Clone, Debug)]
pub(super) struct Typed {
    pub(super) pair: Pair,
    pub(super) data_type: DataType,
}

/// Draws expressions over some columns.
pub(super) struct Grammar<'a> {
    pub(super) prng: &'a mut Prng,
    pub(super) inputs: Vec<Input>,
    /// The constructs that were drawn.
    pub(super) used: BTreeSet<&'static str>,
    /// Whether the moments of the relation tell its rows apart.
    pub(super) times_differ: bool,
}

impl<'a> Grammar<'a> {
    pub(super) fn over(prng: &'a mut Prng, data: &Data) -> Grammar<'a> {
        let input = |field: &Field| Input {
            name: field.name.clone(),
            data_type: field.data_type,
            bound: bound_of(field.data_type),
        };
        let inputs = data.columns.iter().map(input).collect();
        Grammar { prng, inputs, used: BTreeSet::new(), times_differ: data.times_differ }
    }

    pub(super) fn uses(&mut self, construct: &'static str) {
        self.used.insert(construct);
    }

    pub(super) fn one_of(&mut self, of: &[&'static str]) -> &'static str {
        of[self.prng.below(of.len())]
    }

    /// One of the columns that `wanted` takes.
    pub(super) fn input(&mut self, wanted: impl Fn(DataType) -> bool) -> Option<Input> {
        let found: Vec<&Input> = self.inputs.iter().filter(|of| wanted(of.data_type)).collect();
        (!found.is_empty()).then(|| found[self.prng.below(found.len())].clone())
    }

    /// Any expression.
    pub(super) fn any(&mut self, depth: usize) -> Typed {
        match self.prng.below(10) {
            0 | 1 => {
                let whole = self.whole(depth);
                Typed { pair: whole.pair, data_type: whole.data_type }
            }
            2 => {
                let exact = self.decimal(depth);
                let (precision, scale) = (exact.precision, exact.scale);
                Typed { pair: exact.pair, data_type: DataType::Decimal { precision, scale } }
            }
            3 => Typed { pair: self.float(depth), data_type: DataType::Double },
            4 | 5 => Typed { pair: self.text(depth), data_type: DataType::Text },
            6 => Typed { pair: self.moment(depth), data_type: DataType::Timestamp },
            7 => Typed { pair: self.truth(depth), data_type: DataType::Boolean },
            _ => {
                // Of the types that no expression gives, more than their share.
                let rare =
                    if self.prng.chance(40) { self.input(DataType::is_nested) } else { None };
                let input = rare.or_else(|| self.input(|_| true)).expect("there is a column");
                self.uses(type_construct(input.data_type));
                Typed { pair: Pair::same(input.name), data_type: input.data_type }
            }
        }
    }

    /// TRUE, FALSE or NULL.
    pub(super) fn truth(&mut self, depth: usize) -> Pair {
        let Some(deeper) = depth.checked_sub(1) else { return self.comparison(0) };
        match self.prng.below(9) {
            0 | 1 => self.comparison(deeper),
            2 => {
                self.uses("AND, OR, NOT");
                let (left, right) = (self.truth(deeper), self.truth(deeper));
                join(
                    self.one_of(&["({} AND {})", "({} OR {})", "(NOT ({} AND {}))"]),
                    &[&left, &right],
                )
            }
            3 => {
                self.uses("IS NULL");
                let of = self.any(deeper).pair;
                join(self.one_of(&["({} IS NULL)", "({} IS NOT NULL)"]), &[&of])
            }
            4 => self.member(deeper),
            5 => {
                self.uses("BETWEEN");
                let of = self.whole(deeper).pair;
                let from = self.prng.range(-60..20);
                let to = from + self.prng.range(0..200);
                join(&format!("({{}} BETWEEN {from} AND {to})"), &[&of])
            }
            6 => {
                self.uses("LIKE");
                let of = self.text(deeper);
                let patterns = ["'%b%'", "'a%'", "'_b_'", "'%'", "'%1'", "'d_j%'"];
                let pattern = self.one_of(&patterns);
                let how = self.one_of(&["LIKE", "NOT LIKE", "ILIKE"]);
                join(&format!("({{}} {how} {pattern})"), &[&of])
            }
            7 => self.matching(deeper),
            _ => {
                self.uses("IS TRUE");
                let of = self.truth(deeper);
                let how = self.one_of(&["TRUE", "NOT TRUE", "FALSE", "NOT FALSE", "UNKNOWN"]);
                join(&format!("({{}} IS {how})"), &[&of])
            }
        }
    }

    fn member(&mut self, depth: usize) -> Pair {
        self.uses("IN");
        let not = if self.prng.chance(30) { "NOT " } else { "" };
        if self.prng.chance(50) {
            let of = self.whole(depth).pair;
            let items: Vec<String> =
                (0..1 + self.prng.below(5)).map(|_| self.prng.range(-3..30).to_string()).collect();
            return join(&format!("({{}} {not}IN ({}))", items.join(", ")), &[&of]);
        }
        let of = self.text(depth);
        join(&format!("({{}} {not}IN ('a', 'abc', ''))"), &[&of])
    }

    fn matching(&mut self, depth: usize) -> Pair {
        let of = self.text(depth);
        match self.prng.below(3) {
            0 => {
                self.uses("regular expressions");
                let how = self.one_of(&["~", "~*", "!~"]);
                let pattern = self.one_of(&["^a", "b+", "[0-9]", "^$", "x y"]);
                join(&format!("({{}} {how} '{pattern}')"), &[&of])
            }
            1 => {
                self.uses("starts_with");
                join(self.one_of(&["starts_with({}, 'a')", "ends_with({}, 'c')"]), &[&of])
            }
            _ => {
                self.uses("contains");
                join("contains({}, 'b')", &[&of])
            }
        }
    }

    /// Two values of one kind.
    fn comparison(&mut self, depth: usize) -> Pair {
        let sign = self.one_of(&["=", "<>", "<", "<=", ">", ">="]);
        let pattern = match self.prng.chance(20) {
            true => {
                self.uses("IS DISTINCT FROM");
                "({} IS DISTINCT FROM {})".to_owned()
            }
            false => {
                self.uses("comparison");
                format!("({{}} {sign} {{}})")
            }
        };
        let (left, right) = match self.prng.below(7) {
            0 | 1 => {
                let left = self.whole(depth).pair;
                let right = self.whole_leaf().pair;
                (left, right)
            }
            2 => (self.text(depth), Pair::same("'abc'")),
            3 => (self.float(depth), self.float(0)),
            4 => (self.decimal(depth).pair, Pair::same("12.5")),
            5 => (self.moment(depth), Pair::same("TIMESTAMP '2024-01-01 00:01:00'")),
            _ => return self.other_comparison(),
        };
        join(&pattern, &[&left, &right])
    }

    /// Of types that have columns and constants only.
    fn other_comparison(&mut self) -> Pair {
        let constant = |data_type: DataType| match data_type {
            DataType::Date => Some(Pair::same("DATE '2024-01-01'")),
            // There a TIME literal is of nanoseconds, and not compared with others.
            DataType::Time => {
                Some(Pair::new("TIME '12:00:00'", "arrow_cast('12:00:00', 'Time64(Microsecond)')"))
            }
            DataType::TimestampTz => Some(Pair::same("TIMESTAMPTZ '2024-01-01 00:00:00+00'")),
            DataType::Boolean => Some(Pair::same("TRUE")),
            _ => None,
        };
        let Some(input) = self.input(|of| constant(of).is_some()) else {
            let of = self.whole_leaf().pair;
            return join("({} > 3)", &[&of]);
        };
        self.uses(type_construct(input.data_type));
        self.uses("comparison");
        let sign = self.one_of(&["=", "<>", "<", ">="]);
        let constant = constant(input.data_type).expect("asked for above");
        join(&format!("({{}} {sign} {{}})"), &[&Pair::same(input.name), &constant])
    }

    /// A TIMESTAMP.
    pub(super) fn moment(&mut self, depth: usize) -> Pair {
        let input = self.input(|of| of == DataType::Timestamp);
        let leaf = input
            .map_or(Pair::same("TIMESTAMP '2024-01-01 00:00:30'"), |input| Pair::same(input.name));
        let Some(deeper) = depth.checked_sub(1) else { return leaf };
        match self.prng.below(6) {
            0 => {
                self.uses("date_trunc");
                let field = self.one_of(&["minute", "hour", "day", "month", "second"]);
                let of = self.moment(deeper);
                join(&format!("date_trunc('{field}', {{}})"), &[&of])
            }
            1 => {
                self.uses("date_bin");
                let of = self.moment(deeper);
                let size = self.one_of(&["7 seconds", "15 minutes"]);
                join(
                    &format!("date_bin(INTERVAL '{size}', {{}}, TIMESTAMP '1970-01-01 00:00:00')"),
                    &[&of],
                )
            }
            2 => {
                self.uses("moments and intervals");
                let of = self.moment(deeper);
                let (sign, span) =
                    (self.one_of(&["+", "-"]), self.one_of(&["90 seconds", "1 day", "3 months"]));
                join(&format!("({{}} {sign} INTERVAL '{span}')"), &[&of])
            }
            3 => {
                self.uses("CASE");
                let (when, then) = (self.truth(deeper), self.moment(deeper));
                join("(CASE WHEN {} THEN {} END)", &[&when, &then])
            }
            _ => leaf,
        }
    }

    /// What stands in the member `a` or `b` of a JSON column.
    pub(super) fn json_member(&mut self, key: &str) -> Option<Pair> {
        let input = self.input(|of| of == DataType::Json)?;
        self.uses("JSON ->>");
        Some(Pair::new(format!("({} ->> '{key}')", input.name), format!("{}_{key}", input.name)))
    }

    /// `map['k']`
    pub(super) fn map_value(&mut self) -> Option<Pair> {
        let input = self.input(|of| of == DataType::Map)?;
        self.uses("map['key']");
        let name = Pair::same(input.name);
        Some(join_apart("{0}['k']", "array_element(map_extract({0}, 'k'), 1)", &[&name]))
    }
}

/// What the tally calls a column of this type by itself.
pub(super) fn type_construct(data_type: DataType) -> &'static str {
    match data_type {
        DataType::Boolean => "BOOLEAN column",
        DataType::SmallInt => "SMALLINT column",
        DataType::Int => "INT column",
        DataType::BigInt => "BIGINT column",
        DataType::Real => "REAL column",
        DataType::Double => "DOUBLE column",
        DataType::Decimal { .. } => "DECIMAL column",
        DataType::Text => "TEXT column",
        DataType::Bytea => "BYTEA column",
        DataType::Uuid => "UUID column",
        DataType::Date => "DATE column",
        DataType::Time => "TIME column",
        DataType::Timestamp => "TIMESTAMP column",
        DataType::TimestampTz => "TIMESTAMPTZ column",
        DataType::Interval => "INTERVAL column",
        DataType::Json => "JSON column",
        DataType::Array(_) => "array column",
        DataType::Map => "MAP column",
        DataType::Struct(_) => "STRUCT column",
    }
}
