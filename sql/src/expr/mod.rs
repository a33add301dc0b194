//! Expressions over the columns of one row.

mod bind;
mod compile;
mod failure;
mod function;
mod kernel;
#[cfg(feature = "planner")]
mod library;
mod program;
mod rules;
mod text;

use crate::error::SqlError;
use crate::schema::Schema;
use crate::types::DataType;
use crate::value::Value;

pub use failure::{Failures, RowError};
pub use function::{Argument, Function, LibraryArgument, LibraryFunction, Native};
#[cfg(feature = "planner")]
pub use library::library;
pub use program::{Counts, Program, Scratch};
pub use rules::{can_cast, common_type};

/// An expression. As a user writes it, it names columns; [`Expr::bind`] makes of it one that
/// refers to columns by position and whose operands have the types their operators take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expr {
    /// The column at this position.
    Column(usize),
    /// The column of this name.
    Named(String),
    /// A constant. NULL has a type too.
    Literal(Value, DataType),
    /// An operator between two values.
    Binary {
        /// Which.
        op: BinaryOp,
        /// Its left operand.
        left: Box<Expr>,
        /// Its right operand.
        right: Box<Expr>,
    },
    /// NOT: NULL stays NULL.
    Not(Box<Expr>),
    /// Whether the value is NULL; never NULL itself.
    IsNull(Box<Expr>),
    /// Minus.
    Negate(Box<Expr>),
    /// The value behind the first condition that is true. What is behind the others does not
    /// matter, even where it fails.
    Case {
        /// Conditions and values, in order.
        branches: Vec<(Expr, Expr)>,
        /// The value where no condition is true; NULL where absent.
        otherwise: Option<Box<Expr>>,
    },
    /// A function over values.
    Call {
        /// Which.
        function: Function,
        /// Its arguments.
        args: Vec<Expr>,
    },
    /// The value as another type.
    Cast {
        /// What is converted.
        input: Box<Expr>,
        /// Into what.
        to: DataType,
    },
}

/// An operator between two values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BinaryOp {
    /// `+`
    Add,
    /// `-`
    Sub,
    /// `*`
    Mul,
    /// `/`; between integers it truncates.
    Div,
    /// `%`, with the sign of the dividend.
    Mod,
    /// `=`
    Eq,
    /// `<>`
    NotEq,
    /// `<`
    Lt,
    /// `<=`
    LtEq,
    /// `>`
    Gt,
    /// `>=`
    GtEq,
    /// AND of three-valued logic.
    And,
    /// OR of three-valued logic.
    Or,
}

impl BinaryOp {
    /// Whether both operands and the result are numbers.
    pub const fn is_arithmetic(self) -> bool {
        matches!(
            self,
            BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div | BinaryOp::Mod
        )
    }

    /// Whether both operands and the result are truth values.
    pub const fn is_logic(self) -> bool {
        matches!(self, BinaryOp::And | BinaryOp::Or)
    }
}

/// A constant.
pub fn lit(value: impl Into<Literal>) -> Expr {
    let Literal(value, data_type) = value.into();
    Expr::Literal(value, data_type)
}

/// What Rust values become as constants.
pub struct Literal(Value, DataType);

/// Lets one Rust type stand as a constant.
macro_rules! literal {
    ($from:ty, $value:ident, $data_type:ident) => {
        impl From<$from> for Literal {
            fn from(value: $from) -> Literal {
                Literal(Value::$value(value.into()), DataType::$data_type)
            }
        }
    };
}

literal!(bool, Boolean, Boolean);
literal!(i16, SmallInt, SmallInt);
literal!(i32, Int, Int);
literal!(i64, BigInt, BigInt);
literal!(f32, Real, Real);
literal!(f64, Double, Double);
literal!(&str, Text, Text);

/// Lets operators be written as methods.
macro_rules! binary {
    ($name:ident, $op:ident, $sign:literal) => {
        #[doc = concat!("`self ", $sign, " right`")]
        #[must_use]
        pub fn $name(self, right: Expr) -> Expr {
            Expr::Binary { op: BinaryOp::$op, left: Box::new(self), right: Box::new(right) }
        }
    };
}

#[expect(clippy::should_implement_trait, reason = "operators of SQL, not of Rust")]
impl Expr {
    binary!(add, Add, "+");
    binary!(sub, Sub, "-");
    binary!(mul, Mul, "*");
    binary!(div, Div, "/");
    binary!(modulo, Mod, "%");
    binary!(eq, Eq, "=");
    binary!(not_eq, NotEq, "<>");
    binary!(lt, Lt, "<");
    binary!(lt_eq, LtEq, "<=");
    binary!(gt, Gt, ">");
    binary!(gt_eq, GtEq, ">=");
    binary!(and, And, "AND");
    binary!(or, Or, "OR");

    /// The column of this name.
    pub fn col(name: impl Into<String>) -> Expr {
        Expr::Named(name.into())
    }

    /// A DECIMAL constant: `units` times 10^-`scale`.
    pub fn decimal(units: i128, precision: u8, scale: u8) -> Expr {
        Expr::Literal(Value::Decimal { units, scale }, DataType::Decimal { precision, scale })
    }

    /// A TIMESTAMP constant, in microseconds since the Unix epoch.
    pub fn timestamp(micros: i64) -> Expr {
        Expr::Literal(Value::Timestamp(micros), DataType::Timestamp)
    }

    /// A constant of any type, out of its text.
    pub fn literal(text: &str, data_type: DataType) -> Result<Expr, SqlError> {
        Ok(Expr::Literal(Value::parse(text, data_type)?, data_type))
    }

    /// NULL of a type.
    pub fn null(data_type: DataType) -> Expr {
        Expr::Literal(Value::Null, data_type)
    }

    /// `NOT self`
    #[must_use]
    pub fn not(self) -> Expr {
        Expr::Not(Box::new(self))
    }

    /// `-self`
    #[must_use]
    pub fn negate(self) -> Expr {
        Expr::Negate(Box::new(self))
    }

    /// `self IS NULL`
    #[must_use]
    pub fn is_null(self) -> Expr {
        Expr::IsNull(Box::new(self))
    }

    /// `CAST(self AS to)`
    #[must_use]
    pub fn cast(self, to: DataType) -> Expr {
        Expr::Cast { input: Box::new(self), to }
    }

    /// `native(args ..)`
    pub fn native(native: Native, args: Vec<Expr>) -> Expr {
        Expr::Call { function: Function::Native(native), args }
    }

    /// `function(args ..)`
    pub fn call(function: Function, args: Vec<Expr>) -> Expr {
        Expr::Call { function, args }
    }

    /// `CASE WHEN condition THEN value .. [ELSE otherwise] END`
    pub fn case(branches: Vec<(Expr, Expr)>, otherwise: Option<Expr>) -> Expr {
        Expr::Case { branches, otherwise: otherwise.map(Box::new) }
    }

    /// The type of the result over rows of `schema`.
    pub fn data_type(&self, schema: &Schema) -> Result<DataType, SqlError> {
        bind::bind(self, schema).map(|(_, data_type)| data_type)
    }

    /// The expression with columns by position and with the casts that its operators need.
    /// Binding what is bound changes nothing.
    pub fn bind(&self, schema: &Schema) -> Result<Expr, SqlError> {
        bind::bind(self, schema).map(|(bound, _)| bound)
    }

    /// Whether the result may be NULL, of a bound expression.
    pub fn nullable(&self, schema: &Schema) -> bool {
        match self {
            Expr::Column(index) => schema.field(*index).nullable,
            Expr::Named(name) => schema.index_of(name).is_none_or(|i| schema.field(i).nullable),
            Expr::Literal(value, _) => value.is_null(),
            Expr::Binary { left, right, .. } => left.nullable(schema) || right.nullable(schema),
            Expr::Not(input) | Expr::Negate(input) | Expr::Cast { input, .. } => {
                input.nullable(schema)
            }
            Expr::IsNull(_) => false,
            Expr::Call { function, args } => {
                function.nullable(args.iter().map(|arg| arg.nullable(schema)))
            }
            Expr::Case { branches, otherwise } => {
                otherwise.as_ref().is_none_or(|otherwise| otherwise.nullable(schema))
                    || branches.iter().any(|(_, value)| value.nullable(schema))
            }
        }
    }
}

#[cfg(test)]
mod tests;
