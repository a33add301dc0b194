//! What the nodes of a plan keep, and what keeps that from growing for ever.

use std::fmt;

use crate::plan::{Call, Function, Node, NodeId, Op, Plan, Ranking, Retain, Window};

/// Some of what a node keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// What it is, in the plural.
    pub what: String,
    /// What bounds it.
    pub bound: Bound,
}

/// What bounds state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    /// It is of a fixed size.
    Fixed,
    /// The watermark, which frees it when it passes the end of a window.
    Watermark,
    /// How many different values these columns have.
    Keys(Vec<String>),
    /// How many rows of the input have not been retracted.
    Input,
    /// What a source was told to keep.
    Retain(Retain),
    /// Nothing: it grows with every row, or with time.
    Nothing,
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bound::Fixed => f.write_str("of a fixed size"),
            Bound::Watermark => f.write_str("bounded by the watermark"),
            Bound::Keys(columns) => {
                write!(f, "bounded by the different values of {}", columns.join(", "))
            }
            Bound::Input => f.write_str("bounded by the rows that its input has"),
            Bound::Retain(retain) => write!(f, "bounded to {retain}"),
            Bound::Nothing => f.write_str("bounded by nothing"),
        }
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "keeps {}, {}", self.what, self.bound)
    }
}

impl Plan {
    /// What a node keeps while it runs; empty for those that keep nothing.
    pub fn kept(&self, id: NodeId) -> Vec<Kept> {
        match &self.node(id).op {
            Op::Source { retain, .. } => {
                let rows = |retain| Kept {
                    what: "its latest rows".to_owned(),
                    bound: Bound::Retain(retain),
                };
                retain.map(rows).into_iter().collect()
            }
            Op::Filter { .. } | Op::Project { .. } | Op::Late { .. } | Op::Stream { .. } => {
                Vec::new()
            }
            Op::Aggregate { input, window, keys, calls, .. } => {
                self.node(*input).groups(window.as_ref(), keys, calls)
            }
            Op::Over { input, .. } => {
                let bound = if self.node(*input).retracts { Bound::Input } else { Bound::Nothing };
                vec![Kept { what: "the rows of all partitions in order".to_owned(), bound }]
            }
            Op::Top { input, partition, ranking, .. } => {
                vec![self.node(*input).first_rows(partition, *ranking)]
            }
            Op::Join { left, right, within, .. } => {
                let frees = |side| within.is_some_and(|within| within.frees(side));
                let left = self.node(*left).side("left", frees(0));
                let right = self.node(*right).side("right", frees(1));
                match left.bound == right.bound {
                    true => vec![Kept { what: "the rows of both sides".to_owned(), ..left }],
                    false => vec![left, right],
                }
            }
            Op::View { input, key, .. } => vec![self.node(*input).rows(key)],
        }
    }
}

impl Node {
    /// What a join keeps of this node.
    fn side(&self, side: &str, goes: bool) -> Kept {
        let bound = match self.retracts {
            _ if goes => Bound::Watermark,
            true => Bound::Input,
            false => Bound::Nothing,
        };
        Kept { what: format!("the rows of its {side} side"), bound }
    }

    /// What an aggregate over this node keeps.
    fn groups(&self, window: Option<&Window>, keys: &[usize], calls: &[Call]) -> Vec<Kept> {
        let what = match (window, keys.is_empty()) {
            (Some(Window::Session { .. }), _) if self.retracts => "its sessions and their rows",
            (Some(Window::Session { .. }), _) => "the groups of its sessions",
            (Some(_), _) => "the groups of its windows",
            (None, false) => "its groups",
            (None, true) => "one group",
        };
        let bound = match window {
            Some(window) if self.time_of(*window.time()).is_some() => Bound::Watermark,
            Some(_) => Bound::Nothing,
            None if keys.is_empty() => Bound::Fixed,
            None => self.of_key(keys),
        };
        // What a closed window or a group without rows held goes with it.
        let goes = bound == Bound::Watermark;
        let mut kept = vec![Kept { what: what.to_owned(), bound }];
        if !goes {
            kept.extend(calls.iter().filter_map(|call| self.values(call)));
        }
        kept
    }

    /// The rows of this node that a top-N keeps.
    fn first_rows(&self, partition: &[usize], ranking: Ranking) -> Kept {
        let what = match (self.retracts, partition.is_empty()) {
            (true, _) => "the rows of its input, because one that goes lets in another",
            (false, true) => "its first rows",
            (false, false) => "the first rows of each partition",
        };
        let bound = match ranking {
            _ if self.retracts => Bound::Input,
            // As many rows may be alike as there are.
            Ranking::Rank | Ranking::DenseRank => Bound::Nothing,
            Ranking::RowNumber if partition.is_empty() => Bound::Fixed,
            Ranking::RowNumber => self.of_key(partition),
        };
        Kept { what: what.to_owned(), bound }
    }

    /// The values that a call keeps in each group beside its result.
    fn values(&self, call: &Call) -> Option<Kept> {
        let name = &self.schema.field(call.argument?).name;
        let each = || Bound::Keys(vec![name.clone()]);
        let bound = match call.function {
            Function::StringAgg | Function::ArrayAgg if !call.distinct => Bound::Nothing,
            Function::StringAgg | Function::ArrayAgg => each(),
            Function::PercentileCont(_) | Function::PercentileDisc(_) | Function::Mode => each(),
            Function::Min | Function::Max | Function::First | Function::Last if self.retracts => {
                Bound::Input
            }
            Function::ApproxPercentile(_) | Function::ApproxDistinct if self.retracts => each(),
            _ if call.distinct => each(),
            _ => return None,
        };
        let bound = if self.retracts { Bound::Input } else { bound };
        Some(Kept { what: format!("the values of {name} in each group"), bound })
    }

    /// The rows of this node that a view keeps.
    fn rows(&self, key: &[usize]) -> Kept {
        let what = if key.is_empty() { "its rows" } else { "a row for each key" };
        let bound = match key {
            [] if self.retracts => Bound::Input,
            [] => Bound::Nothing,
            key => self.of_key(key),
        };
        Kept { what: what.to_owned(), bound }
    }

    /// Time goes on, so that a key with event time in it has new values for ever.
    fn of_key(&self, key: &[usize]) -> Bound {
        if key.iter().any(|column| self.time_of(*column).is_some()) {
            return Bound::Nothing;
        }
        Bound::Keys(key.iter().map(|column| self.schema.field(*column).name.clone()).collect())
    }
}
