//! Newtypes for everything that is counted, so that a stage is never taken for a shard.

use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident($inner:ty), $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
        pub struct $name(pub $inner);

        impl $name {
            /// The id as an index into a table.
            pub fn index(self) -> usize {
                self.0 as usize
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!($prefix, "{}"), self.0)
            }
        }
    };
}

id!(
    /// One pinned core and everything it owns.
    ShardId(u16),
    "s"
);
id!(
    /// The longest path from a source, counted in exchanges.
    StageId(u16),
    "g"
);
id!(
    /// One exchange of the graph: rows of one relation on their way between two stages.
    EdgeId(u16),
    "x"
);
id!(
    /// One operator of the graph; the same number on every shard.
    OperatorId(u32),
    "o"
);
id!(
    /// A fixed subset of all keys.
    Partition(u16),
    "p"
);
id!(
    /// A producer of rows of one source; also that source's partition for watermarks and ties.
    FeederId(u32),
    "f"
);
id!(
    /// A source of the plan.
    SourceId(u16),
    "src"
);
id!(
    /// A view of the plan.
    ViewId(u16),
    "v"
);
/// The input between two barriers. Epochs only grow; a crash may leave some unused.
///
/// The upper half tells the lives of a database apart.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Epoch(pub u64);

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.0 >> 32, self.0 as u32) {
            (0, epoch) => write!(f, "e{epoch}"),
            (life, epoch) => write!(f, "e{life}.{epoch}"),
        }
    }
}

impl Epoch {
    /// The epoch after this one.
    pub fn next(self) -> Epoch {
        Epoch(self.0.checked_add(1).expect("an epoch each nanosecond fills u64 in 500 years"))
    }
}

/// Event time in microseconds since the Unix epoch.
///
/// As a watermark it promises that no row below it follows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Time(pub i64);

impl Time {
    /// Before every row: the watermark that promises nothing.
    pub const MIN: Time = Time(i64::MIN);
    /// After every row: the watermark of an input that has ended.
    pub const MAX: Time = Time(i64::MAX);

    /// Moves back by `lag_us`, staying at the ends.
    pub fn minus(self, lag_us: i64) -> Time {
        match self {
            Time::MIN | Time::MAX => self,
            Time(us) => Time(us.saturating_sub(lag_us)),
        }
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Time::MIN => f.write_str("-inf"),
            Time::MAX => f.write_str("+inf"),
            Time(us) => write!(f, "{us}us"),
        }
    }
}

/// A one-way channel between two shards for one pair of stages.
///
/// Both ends use the same name. Stages are part of it because a held lane must never hide the
/// barrier of another stage.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LaneId {
    /// The stage that sends.
    pub from_stage: StageId,
    /// The stage that receives; always above `from_stage`.
    pub to_stage: StageId,
    /// The shard that sends.
    pub from: ShardId,
    /// The shard that receives.
    pub to: ShardId,
}

impl fmt::Display for LaneId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LaneId { from_stage, to_stage, from, to } = self;
        write!(f, "{from}.{from_stage}>{to}.{to_stage}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_time_do_not_move() {
        assert_eq!(Time::MIN.minus(5), Time::MIN);
        assert_eq!(Time::MAX.minus(5), Time::MAX);
        assert_eq!(Time(i64::MIN + 1).minus(5), Time::MIN);
        assert_eq!(Time(7).minus(5), Time(2));
    }
}
