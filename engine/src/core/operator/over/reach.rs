//! How far results hang on rows around theirs, and so how far a change reaches.

use sluicedb_sql::plan::{Edge, Frame, OverCall, OverFunction, Unit};

/// How far from a row, in one direction.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Extent {
    /// To the end of the partition.
    pub(super) all: bool,
    /// Rows, each as often as it is there.
    pub(super) rows: u64,
    /// Rows that the order leaves alike.
    pub(super) peers: bool,
    /// Rows whose values differ by so much.
    pub(super) within: Option<i128>,
}

/// What a change of a row has to do with the rows around it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Reach {
    /// Rows in front whose results change.
    pub(super) changes_before: Extent,
    /// Rows behind whose results change.
    pub(super) changes_behind: Extent,
    /// Rows in front of one that changes which its results are made of.
    pub(super) reads_before: Extent,
    /// Rows behind it.
    pub(super) reads_behind: Extent,
}

impl Extent {
    const ALL: Extent = Extent { all: true, rows: 0, peers: false, within: None };

    fn rows(rows: u64) -> Extent {
        Extent { rows, ..Extent::default() }
    }

    /// As far as either.
    fn or(self, other: Extent) -> Extent {
        Extent {
            all: self.all || other.all,
            rows: self.rows.max(other.rows),
            peers: self.peers || other.peers,
            within: self.within.max(other.within),
        }
    }
}

impl Reach {
    /// Of all calls.
    pub(super) fn of(calls: &[OverCall]) -> Reach {
        calls.iter().map(Reach::of_call).fold(Reach::default(), Reach::or)
    }

    fn or(self, other: Reach) -> Reach {
        Reach {
            changes_before: self.changes_before.or(other.changes_before),
            changes_behind: self.changes_behind.or(other.changes_behind),
            reads_before: self.reads_before.or(other.reads_before),
            reads_behind: self.reads_behind.or(other.reads_behind),
        }
    }

    fn of_call(call: &OverCall) -> Reach {
        match call.function {
            OverFunction::RowNumber | OverFunction::Rank | OverFunction::DenseRank => {
                Reach { changes_behind: Extent::ALL, reads_before: Extent::ALL, ..Reach::default() }
            }
            OverFunction::PercentRank | OverFunction::CumeDist | OverFunction::Ntile(_) => Reach {
                changes_before: Extent::ALL,
                changes_behind: Extent::ALL,
                reads_before: Extent::ALL,
                reads_behind: Extent::ALL,
            },
            OverFunction::Lag(rows) => {
                let (before, behind) =
                    if rows < 0 { (0, rows.unsigned_abs()) } else { (rows.unsigned_abs(), 0) };
                Reach {
                    changes_before: Extent::rows(behind),
                    changes_behind: Extent::rows(before),
                    reads_before: Extent::rows(before),
                    reads_behind: Extent::rows(behind),
                }
            }
            OverFunction::FirstValue
            | OverFunction::LastValue
            | OverFunction::NthValue(_)
            | OverFunction::Aggregate(_) => {
                let (before, behind) = (before(&call.frame), behind(&call.frame));
                Reach {
                    changes_before: behind,
                    changes_behind: before,
                    reads_before: before,
                    reads_behind: behind,
                }
            }
        }
    }
}

/// How far in front of its row a frame may begin.
fn before(frame: &Frame) -> Extent {
    extent(
        frame.unit,
        match frame.start {
            Edge::First => None,
            Edge::Before(units) => Some(units),
            Edge::Current | Edge::After(_) | Edge::Last => Some(0),
        },
    )
}

/// How far behind its row a frame may end.
fn behind(frame: &Frame) -> Extent {
    extent(
        frame.unit,
        match frame.end {
            Edge::Last => None,
            Edge::After(units) => Some(units),
            Edge::Current | Edge::Before(_) | Edge::First => Some(0),
        },
    )
}

fn extent(unit: Unit, units: Option<i128>) -> Extent {
    match (unit, units) {
        (_, None) => Extent::ALL,
        (Unit::Rows, Some(rows)) => Extent::rows(u64::try_from(rows).unwrap_or(u64::MAX)),
        // The row itself and its peers are in one group.
        (Unit::Range | Unit::Groups, Some(0)) => Extent { peers: true, ..Extent::default() },
        (Unit::Range, within) => Extent { peers: true, within, ..Extent::default() },
        // Groups may have any number of rows.
        (Unit::Groups, Some(_)) => Extent::ALL,
    }
}
