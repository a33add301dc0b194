//! Random expressions that are texts.

use sluicedb_sql::DataType;

use super::expr::Grammar;
use super::text::{Pair, join};

/// Functions of one text; the tally counts each under its name.
const OF_ONE: [(&str, &str); 18] = [
    ("lower, upper", "lower({})"),
    ("lower, upper", "upper({})"),
    ("substr", "substr({}, 2, 3)"),
    ("substr", "substr({}, 3)"),
    ("split_part", "split_part({}, ',', 2)"),
    ("split_part", "split_part({}, ' ', 1)"),
    ("left, right", "left({}, 2)"),
    ("left, right", "right({}, 2)"),
    ("replace", "replace({}, 'b', 'xx')"),
    ("replace", "replace({}, ' ', '')"),
    ("translate", "translate({}, 'abc', 'xy')"),
    ("reverse", "reverse({})"),
    ("lpad, rpad", "lpad({}, 5, '*')"),
    ("lpad, rpad", "rpad({}, 4, '-')"),
    ("trim", "trim({})"),
    ("trim", "ltrim({})"),
    ("regexp_replace", "regexp_replace({}, '[0-9]+', '#')"),
    ("library function", "md5({})"),
];

impl Grammar<'_> {
    fn text_leaf(&mut self) -> Pair {
        match self.input(|of| of == DataType::Text) {
            Some(input) if self.prng.chance(90) => {
                self.uses("TEXT column");
                Pair::same(input.name)
            }
            _ => Pair::same(self.one_of(&["'abc'", "''", "'it''s'"])),
        }
    }

    pub(super) fn text(&mut self, depth: usize) -> Pair {
        let Some(deeper) = depth.checked_sub(1) else { return self.text_leaf() };
        match self.prng.below(9) {
            0..=2 => {
                let (construct, pattern) = OF_ONE[self.prng.below(OF_ONE.len())];
                self.uses(construct);
                let of = self.text(deeper);
                join(pattern, &[&of])
            }
            3 => {
                self.uses("concatenation");
                let (left, right) = (self.text(deeper), self.text(deeper));
                let patterns = ["({} || {})", "concat({}, {})", "concat({}, '-', {})"];
                join(self.one_of(&patterns), &[&left, &right])
            }
            4 => {
                self.uses("CAST");
                let of = match self.prng.chance(70) {
                    true => self.whole(deeper).pair,
                    false => self.truth(deeper),
                };
                join("CAST({} AS TEXT)", &[&of])
            }
            5 => {
                let found = match self.prng.chance(50) {
                    true => self.json_member("b"),
                    false => self.map_value(),
                };
                found.unwrap_or_else(|| Pair::same("'b'"))
            }
            6 => {
                self.uses("CASE");
                let (when, then) = (self.truth(deeper), self.text(deeper));
                let other = self.text(deeper);
                join("(CASE WHEN {} THEN {} ELSE {} END)", &[&when, &then, &other])
            }
            7 => {
                self.uses("COALESCE");
                let of = self.text(deeper);
                join(self.one_of(&["coalesce({}, 'none')", "nullif({}, 'a')"]), &[&of])
            }
            _ => self.text_leaf(),
        }
    }
}
