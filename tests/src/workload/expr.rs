//! Random expressions over a relation, some of which fail for some rows.

use sluicedb_sql::expr::{Expr, lit};
use sluicedb_sql::{DataType, Schema};

use super::draft::Column;
use crate::prng::Prng;

/// Draws expressions over one relation.
pub(super) struct Expressions<'a> {
    pub(super) prng: &'a mut Prng,
    pub(super) schema: &'a Schema,
    pub(super) columns: &'a [Column],
}

impl Expressions<'_> {
    /// A predicate that most often lets a good part of the rows pass.
    pub(super) fn predicate(&mut self) -> Expr {
        if self.prng.chance(60)
            && let Some(column) = self.column(DataType::is_numeric)
        {
            let bound = self.prng.range(-20..10) as i32;
            return self.named(column).gt(lit(bound));
        }
        // What is NULL or false by chance does not empty the relation.
        self.truth(2).or(self.truth(1))
    }

    /// A value to compute: most often a number.
    pub(super) fn value(&mut self) -> Expr {
        match self.prng.below(10) {
            0 => self.truth(2),
            1 => self.text(),
            _ => self.number(2),
        }
    }

    fn number(&mut self, depth: usize) -> Expr {
        if depth == 0 || self.prng.chance(20) {
            return self.number_leaf();
        }
        let draw = self.prng.below(16);
        match draw {
            0..=9 => {
                let (left, right) = (self.number(depth - 1), self.number(depth - 1));
                match draw {
                    0..=2 => left.add(right),
                    3..=4 => left.sub(right),
                    5..=6 => left.mul(right),
                    7..=8 => self.divide(left, right),
                    _ => self.remainder(left, right),
                }
            }
            10 => self.number(depth - 1).negate(),
            11..=13 => {
                let branches = vec![(self.truth(depth - 1), self.number(depth - 1))];
                let otherwise = self.prng.chance(70).then(|| self.number(depth - 1));
                Expr::case(branches, otherwise)
            }
            _ => {
                let to = [
                    DataType::Int,
                    DataType::BigInt,
                    DataType::Double,
                    DataType::Decimal { precision: 12, scale: 3 },
                    DataType::Decimal { precision: 38, scale: 10 },
                ];
                let to = *self.prng.pick(&to);
                self.number(depth - 1).cast(to)
            }
        }
    }

    /// A division that fails where a column is zero, or is kept from it by a CASE.
    fn divide(&mut self, left: Expr, right: Expr) -> Expr {
        if self.prng.chance(50) {
            return left.div(right);
        }
        let not_zero = right.clone().not_eq(lit(0));
        Expr::case(vec![(not_zero, left.div(right))], None)
    }

    fn remainder(&mut self, left: Expr, right: Expr) -> Expr {
        let double =
            |expr: &Expr| matches!(expr.data_type(self.schema), Ok(DataType::Double) | Err(_));
        if double(&left) || double(&right) {
            return left.sub(right);
        }
        left.modulo(right)
    }

    fn number_leaf(&mut self) -> Expr {
        if self.prng.chance(75)
            && let Some(column) = self.column(DataType::is_numeric)
        {
            return self.named(column);
        }
        match self.prng.below(5) {
            0 => lit(self.prng.range(-3..8) as i32),
            1 => lit(self.prng.range(-3..8)),
            2 => lit(*self.prng.pick(&[0.5, 2.0, -1.5, 0.1])),
            3 => Expr::decimal(i128::from(self.prng.range(-500..500)), 5, 2),
            _ => lit(i32::MAX),
        }
    }

    fn truth(&mut self, depth: usize) -> Expr {
        if depth == 0 || self.prng.chance(25) {
            return self.truth_leaf();
        }
        match self.prng.below(8) {
            0 => self.truth(depth - 1).and(self.truth(depth - 1)),
            1 => self.truth(depth - 1).or(self.truth(depth - 1)),
            2 => self.truth(depth - 1).not(),
            3 => self.truth(depth - 1).is_null().not(),
            _ => {
                let (left, right) = (self.number(depth - 1), self.number(depth - 1));
                self.compare(left, right)
            }
        }
    }

    fn truth_leaf(&mut self) -> Expr {
        let boolean = |data_type| data_type == DataType::Boolean;
        match self.prng.below(4) {
            0 => match self.column(boolean) {
                Some(column) => self.named(column),
                None => lit(true),
            },
            1 => {
                let column = self.prng.below(self.columns.len());
                self.named(column).is_null()
            }
            _ => {
                // Any two columns of one type, most often one column and itself.
                let left = self.prng.below(self.columns.len());
                let wanted = self.schema.field(left).data_type;
                let right = self.column(|other| other == wanted).unwrap_or(left);
                let (left, right) = (self.named(left), self.named(right));
                self.compare(left, right)
            }
        }
    }

    fn compare(&mut self, left: Expr, right: Expr) -> Expr {
        match self.prng.below(6) {
            0 => left.eq(right),
            1 => left.not_eq(right),
            2 => left.lt(right),
            3 => left.lt_eq(right),
            4 => left.gt(right),
            _ => left.gt_eq(right),
        }
    }

    /// A column as text. Doubles that were computed may be either zero, which only text tells
    /// apart, so that of these the number itself is taken.
    fn text(&mut self) -> Expr {
        let column = self.prng.below(self.columns.len());
        let double = self.schema.field(column).data_type == DataType::Double;
        if double && !self.columns[column].one_zero {
            return self.named(column);
        }
        self.named(column).cast(DataType::Text)
    }

    /// Any column of a type.
    fn column(&mut self, wanted: impl Fn(DataType) -> bool) -> Option<usize> {
        let fields = self.schema.fields().iter().enumerate();
        let fitting: Vec<usize> =
            fields.filter(|(_, field)| wanted(field.data_type)).map(|(at, _)| at).collect();
        (!fitting.is_empty()).then(|| *self.prng.pick(&fitting))
    }

    fn named(&self, column: usize) -> Expr {
        Expr::col(&self.schema.field(column).name)
    }
}
