//! What is made of constant arguments once, before there are rows.

use crate::error::SqlError;
use crate::expr::function::{Argument, Native};
use crate::expr::kernel::call::in_list::Set;
use crate::expr::kernel::call::like::Pattern;
use crate::expr::kernel::call::regex::Compiled;
use crate::expr::kernel::call::time;
use crate::value::Value;
use crate::zone::Zone;

/// The constants of a call in the form its kernel wants.
#[derive(Clone, Debug)]
pub(in crate::expr) enum Prepared {
    /// Nothing: the kernel takes all arguments as columns.
    None,
    /// A pattern of LIKE.
    Pattern(Pattern),
    /// A regular expression.
    Regex(Compiled),
    /// The constants of an IN.
    Set(Set),
    /// A field of moments.
    Field(time::Field),
    /// A pattern of moments.
    Moments(time::Pattern),
    /// A time zone.
    Zone(Zone),
}

impl Prepared {
    /// What `native` makes of its constant arguments; refuses those that no row could use.
    pub(in crate::expr) fn new(
        native: Native,
        args: &[Argument<'_>],
    ) -> Result<Prepared, SqlError> {
        Ok(match native {
            Native::Like | Native::ILike => {
                let pattern = Pattern::constant(args, native == Native::ILike)?;
                pattern.map_or(Prepared::None, Prepared::Pattern)
            }
            Native::RegexpLike | Native::RegexpReplace | Native::RegexpCapture => {
                Compiled::constant(native, args)?.map_or(Prepared::None, Prepared::Regex)
            }
            Native::DatePart | Native::DateTrunc => match args[0].constant {
                Some(name) if !name.is_null() => {
                    let cuts = native == Native::DateTrunc;
                    Prepared::Field(time::constant_field(name, args[1].data_type, cuts)?)
                }
                _ => Prepared::None,
            },
            Native::ToChar => {
                time::constant_pattern(args).map_or(Prepared::None, Prepared::Moments)
            }
            Native::AtZone => match args[0].constant {
                Some(Value::Text(name)) => Prepared::Zone(Zone::named(name)?),
                _ => Prepared::None,
            },
            Native::InList => Prepared::Set(Set::new(args)?),
            _ => Prepared::None,
        })
    }

    /// Whether constants that are no argument of the instruction are the same.
    pub(in crate::expr) fn same_constants(&self, other: &Prepared) -> bool {
        match (self, other) {
            (Prepared::Set(left), Prepared::Set(right)) => left.same(right),
            _ => true,
        }
    }

    pub(super) fn pattern(&self) -> Option<&Pattern> {
        match self {
            Prepared::Pattern(pattern) => Some(pattern),
            _ => None,
        }
    }

    pub(super) fn regex(&self) -> Option<&Compiled> {
        match self {
            Prepared::Regex(regex) => Some(regex),
            _ => None,
        }
    }

    pub(super) fn field(&self) -> Option<time::Field> {
        match self {
            Prepared::Field(field) => Some(*field),
            _ => None,
        }
    }

    pub(super) fn zone(&self) -> Option<Zone> {
        match self {
            Prepared::Zone(zone) => Some(*zone),
            _ => None,
        }
    }

    pub(super) fn moments(&self) -> Option<&time::Pattern> {
        match self {
            Prepared::Moments(pattern) => Some(pattern),
            _ => None,
        }
    }
}
