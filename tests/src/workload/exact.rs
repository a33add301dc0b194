//! Which doubles can be added in any order.

use sluicedb_sql::expr::{BinaryOp, Expr};
use sluicedb_sql::{DataType, Schema, Value};

/// Doubles that are multiples of 2^-`fraction` and below 2^`whole`, or not finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bits {
    pub(super) whole: i32,
    pub(super) fraction: i32,
}

/// Bits of a double, less some for safety.
const BITS_MAX: i32 = 51;

/// A sum has fewer summands than 2 to the power of this.
const SUMMANDS_BITS: i32 = 14;

impl Bits {
    /// Of the doubles that sources have.
    pub(super) const SOURCE: Bits = Bits { whole: 10, fraction: 3 };

    /// Of a sum over many rows, if that is exact.
    pub(super) fn summed(self) -> Option<Bits> {
        Bits { whole: self.whole + SUMMANDS_BITS, ..self }.checked()
    }

    fn checked(self) -> Option<Bits> {
        (self.whole + self.fraction <= BITS_MAX).then_some(self)
    }

    fn widest(self, other: Bits) -> Bits {
        Bits { whole: self.whole.max(other.whole), fraction: self.fraction.max(other.fraction) }
    }
}

/// The bits of a bound expression of type DOUBLE whose columns have `columns`; `None` where it may
/// be rounded.
pub(super) fn bits(expr: &Expr, schema: &Schema, columns: &[Option<Bits>]) -> Option<Bits> {
    let inner = |expr: &Expr| bits(expr, schema, columns);
    match expr {
        Expr::Column(column) => columns[*column],
        Expr::Literal(Value::Double(value), _) => {
            let halves = value * 2.0;
            let small = halves.trunc() == halves && value.abs() < 16.0;
            small.then_some(Bits { whole: 4, fraction: 1 })
        }
        Expr::Literal(..) => Some(Bits { whole: 0, fraction: 0 }),
        Expr::Binary { op: BinaryOp::Add | BinaryOp::Sub, left, right } => {
            let widest = inner(left)?.widest(inner(right)?);
            Bits { whole: widest.whole + 1, ..widest }.checked()
        }
        Expr::Binary { op: BinaryOp::Mul, left, right } => {
            let (left, right) = (inner(left)?, inner(right)?);
            let fraction = left.fraction + right.fraction;
            Bits { whole: left.whole + right.whole, fraction }.checked()
        }
        Expr::Negate(input) => inner(input),
        Expr::Cast { input, to: DataType::Double } => match input.data_type(schema) {
            Ok(DataType::Int) => Some(Bits { whole: 32, fraction: 0 }),
            _ => None,
        },
        Expr::Case { branches, otherwise } => {
            let values = branches.iter().map(|(_, value)| value);
            let values = values.chain(otherwise.as_deref()).map(inner);
            values.reduce(|left, right| Some(left?.widest(right?)))?
        }
        _ => None,
    }
}
