//! The functions of groups: what each takes and what it gives.

use std::fmt;

use crate::decimal::{PRECISION_MAX, QUOTIENT_SCALE};
use crate::error::SqlError;
use crate::types::DataType;

/// What is computed of the rows of a group. NULL arguments are skipped by all but `CountRows` and
/// `ArrayAgg`; of no arguments `Count` and `ApproxDistinct` are 0 and every other function is NULL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Function {
    /// COUNT(*)
    CountRows,
    /// COUNT of arguments.
    Count,
    /// SUM
    Sum,
    /// MIN
    Min,
    /// MAX
    Max,
    /// AVG
    Avg,
    /// The argument of the row with the earliest `order`. Rows without one are skipped.
    First,
    /// The argument of the row with the latest `order`. Rows without one are skipped.
    Last,
    /// Whether all are true.
    BoolAnd,
    /// Whether one is true.
    BoolOr,
    /// Something of the sums and products of one column of numbers or two.
    Moment(Moment),
    /// The value that as large a part of the values lies beneath, between two if need be.
    PercentileCont(Fraction),
    /// The least value that at least so large a part of the values does not exceed.
    PercentileDisc(Fraction),
    /// The most frequent value, the least of several.
    Mode,
    /// Like `PercentileDisc`, as a DOUBLE: within 1/128 of it, or exactly over input that retracts.
    ApproxPercentile(Fraction),
    /// How many different values there are: with a standard error of 1.6 %, or exactly over input
    /// that retracts.
    ApproxDistinct,
    /// The texts, one behind the other with a separator in between.
    StringAgg,
    /// The values as an array, NULLs too.
    ArrayAgg,
    /// What the call says: an aggregate of the application's.
    Custom,
}

/// What is made of number, sums and sums of products. All of it is DOUBLE; the first argument is
/// the dependent one (`y`), the second the independent one (`x`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Moment {
    /// VAR_SAMP
    VarSamp,
    /// VAR_POP
    VarPop,
    /// STDDEV_SAMP
    StddevSamp,
    /// STDDEV_POP
    StddevPop,
    /// COVAR_SAMP
    CovarSamp,
    /// COVAR_POP
    CovarPop,
    /// CORR
    Corr,
    /// REGR_SLOPE
    RegrSlope,
    /// REGR_INTERCEPT
    RegrIntercept,
    /// REGR_R2
    RegrR2,
}

/// A part of a whole, from 0 to 1.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fraction(u64);

impl Fraction {
    /// One half: the median.
    pub const HALF: Fraction = Fraction(0.5_f64.to_bits());

    /// The part; refused where it is not between 0 and 1.
    pub fn new(part: f64) -> Result<Fraction, SqlError> {
        if (0.0..=1.0).contains(&part) {
            // Minus zero is zero, so that bits order as the parts do.
            return Ok(Fraction((part + 0.0).to_bits()));
        }
        Err(SqlError::invalid_parameter(format!(
            "the fraction of a percentile is {part}: it must be between 0 and 1"
        )))
    }

    /// As a number.
    pub fn get(self) -> f64 {
        f64::from_bits(self.0)
    }
}

impl fmt::Debug for Fraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.get(), f)
    }
}

impl Moment {
    /// Whether it takes two arguments.
    pub const fn takes_two(self) -> bool {
        !matches!(self, Moment::VarSamp | Moment::VarPop | Moment::StddevSamp | Moment::StddevPop)
    }

    const fn name(self) -> &'static str {
        match self {
            Moment::VarSamp => "VAR_SAMP",
            Moment::VarPop => "VAR_POP",
            Moment::StddevSamp => "STDDEV_SAMP",
            Moment::StddevPop => "STDDEV_POP",
            Moment::CovarSamp => "COVAR_SAMP",
            Moment::CovarPop => "COVAR_POP",
            Moment::Corr => "CORR",
            Moment::RegrSlope => "REGR_SLOPE",
            Moment::RegrIntercept => "REGR_INTERCEPT",
            Moment::RegrR2 => "REGR_R2",
        }
    }
}

/// Which order a call may name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TakesOrder {
    No,
    /// A moment; it must.
    Time,
    /// Any column; it need not.
    Any,
}

impl Function {
    /// MEDIAN
    pub const MEDIAN: Function = Function::PercentileCont(Fraction::HALF);

    /// The type of the result for an argument of type `argument`.
    pub fn result_type(self, argument: DataType) -> Result<DataType, SqlError> {
        let decimal = |scale| DataType::Decimal { precision: PRECISION_MAX, scale };
        let refuse = |hint: &str| {
            let name = self.to_string();
            let name = name.split(' ').next().unwrap_or(&name).to_lowercase();
            Err(SqlError::undefined_function(&name, &[argument]).hint(hint))
        };
        Ok(match (self, argument) {
            (Function::CountRows | Function::Count | Function::ApproxDistinct, _) => {
                DataType::BigInt
            }
            (Function::Min | Function::Max | Function::First | Function::Last, same)
            | (Function::PercentileDisc(_) | Function::Mode, same)
            | (Function::BoolAnd | Function::BoolOr, same @ DataType::Boolean)
            | (Function::StringAgg, same @ DataType::Text) => same,
            (Function::Sum, DataType::Real) => DataType::Real,
            (Function::Avg, DataType::Real) => DataType::Double,
            (Function::Sum | Function::Avg, DataType::Double) => DataType::Double,
            (Function::Sum, DataType::SmallInt | DataType::Int) => DataType::BigInt,
            (Function::Sum, DataType::BigInt) => decimal(0),
            (Function::Sum, DataType::Decimal { scale, .. }) => decimal(scale),
            (Function::Avg, integer) if integer.is_integer() => decimal(QUOTIENT_SCALE),
            (Function::Avg, DataType::Decimal { scale, .. }) => decimal(scale.max(QUOTIENT_SCALE)),
            (Function::Moment(_) | Function::PercentileCont(_), number)
            | (Function::ApproxPercentile(_), number)
                if number.is_numeric() =>
            {
                DataType::Double
            }
            (Function::ArrayAgg, element) => DataType::array(element)?,
            (Function::StringAgg, _) => return refuse("Cast the argument to TEXT."),
            (Function::BoolAnd | Function::BoolOr, _) => {
                return refuse("Compare the argument with something.");
            }
            _ => return refuse("Cast the argument to a number."),
        })
    }

    /// Whether the result is a number also where there is no argument.
    pub(super) const fn counts(self) -> bool {
        matches!(self, Function::CountRows | Function::Count | Function::ApproxDistinct)
    }

    /// Whether there may be no result even where there are arguments.
    pub(super) const fn may_be_undefined(self) -> bool {
        matches!(self, Function::Moment(_))
    }

    pub(super) const fn takes_order(self) -> TakesOrder {
        match self {
            Function::First | Function::Last => TakesOrder::Time,
            Function::StringAgg | Function::ArrayAgg => TakesOrder::Any,
            _ => TakesOrder::No,
        }
    }

    /// Whether the result hangs on which of several rows came first.
    pub const fn looks_at_ties(self) -> bool {
        matches!(self, Function::First | Function::Last | Function::StringAgg | Function::ArrayAgg)
    }

    /// Whether values can be counted from the other end.
    pub(super) const fn takes_descending(self) -> bool {
        matches!(
            self,
            Function::PercentileCont(_)
                | Function::PercentileDisc(_)
                | Function::StringAgg
                | Function::ArrayAgg
        )
    }

    /// Whether values can be taken once each.
    pub(super) const fn takes_distinct(self) -> bool {
        match self {
            Function::Count | Function::Sum | Function::Avg | Function::Min | Function::Max => true,
            Function::BoolAnd | Function::BoolOr => true,
            Function::StringAgg | Function::ArrayAgg => true,
            Function::Moment(moment) => !moment.takes_two(),
            _ => false,
        }
    }

    pub(crate) const fn takes_two(self) -> bool {
        matches!(self, Function::Moment(moment) if moment.takes_two())
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Function::CountRows => "COUNT(*)",
            Function::Count => "COUNT",
            Function::Sum => "SUM",
            Function::Min => "MIN",
            Function::Max => "MAX",
            Function::Avg => "AVG",
            Function::First => "FIRST",
            Function::Last => "LAST",
            Function::BoolAnd => "BOOL_AND",
            Function::BoolOr => "BOOL_OR",
            Function::Moment(moment) => moment.name(),
            Function::PercentileCont(part) => {
                return write!(f, "PERCENTILE_CONT {}", part.get());
            }
            Function::PercentileDisc(part) => {
                return write!(f, "PERCENTILE_DISC {}", part.get());
            }
            Function::Mode => "MODE",
            Function::ApproxPercentile(part) => {
                return write!(f, "APPROX_PERCENTILE {}", part.get());
            }
            Function::ApproxDistinct => "APPROX_DISTINCT",
            Function::StringAgg => "STRING_AGG",
            Function::ArrayAgg => "ARRAY_AGG",
            Function::Custom => "CUSTOM",
        })
    }
}
