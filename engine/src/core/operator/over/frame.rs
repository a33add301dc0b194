//! Which rows of an image a frame has.

use std::ops::Range;

use sluicedb_sql::plan::{Edge, Frame, Unit};

use super::image::Image;

/// Frames over one image.
pub(super) struct Frames<'a> {
    image: &'a Image,
    frame: Frame,
    /// Whether greater keys come first.
    descending: bool,
    /// The rows that have a key.
    keyed: Range<usize>,
    /// Where the groups of peers begin, where they are counted.
    groups: Vec<usize>,
}

impl<'a> Frames<'a> {
    pub(super) fn new(image: &'a Image, frame: Frame, descending: bool) -> Frames<'a> {
        // NULLs are on one side of all keys.
        let is_key = |key: &Option<i128>| key.is_some();
        let start = image.keys.iter().position(is_key).unwrap_or(0);
        let end = image.keys.iter().rposition(is_key).map_or(start, |last| last + 1);
        let mut groups = Vec::new();
        if frame.unit == Unit::Groups && frame.counts() {
            let firsts = image.peers.iter().map(|&(first, _)| first as usize);
            groups.extend(firsts.enumerate().filter(|(at, first)| at == first).map(|(at, _)| at));
        }
        Frames { image, frame, descending, keyed: start..end, groups }
    }

    /// The rows that the frame of a row has.
    pub(super) fn of(&self, row: usize) -> Range<usize> {
        let start = self.edge(row, self.frame.start, true);
        let end = self.edge(row, self.frame.end, false);
        start..end.max(start)
    }

    /// Where a frame begins, or the row behind its last.
    fn edge(&self, row: usize, edge: Edge, begins: bool) -> usize {
        let rows = self.image.len();
        match (edge, self.frame.unit) {
            (Edge::First, _) => 0,
            (Edge::Last, _) => rows,
            (Edge::Current, Unit::Rows) => row + usize::from(!begins),
            (Edge::Current, Unit::Range | Unit::Groups) => self.peer_edge(row, begins),
            (Edge::Before(units), Unit::Rows) => {
                (row + usize::from(!begins)).saturating_sub(count(units))
            }
            (Edge::After(units), Unit::Rows) => {
                (row + usize::from(!begins)).saturating_add(count(units)).min(rows)
            }
            (Edge::Before(units), Unit::Range) => self.key_edge(row, -units, begins),
            (Edge::After(units), Unit::Range) => self.key_edge(row, units, begins),
            (Edge::Before(units), Unit::Groups) => {
                let own = self.group(row) as i128;
                self.group_edge(own - units, begins)
            }
            (Edge::After(units), Unit::Groups) => {
                let own = self.group(row) as i128;
                self.group_edge(own + units, begins)
            }
        }
    }

    fn peer_edge(&self, row: usize, begins: bool) -> usize {
        let (first, end) = self.image.peers[row];
        if begins { first as usize } else { end as usize }
    }

    /// The place where keys reach that of a row and so much more, in the direction of the order.
    fn key_edge(&self, row: usize, units: i128, begins: bool) -> usize {
        let Some(key) = self.image.keys[row] else { return self.peer_edge(row, begins) };
        let units = if self.descending { units.saturating_neg() } else { units };
        let bound = key.saturating_add(units);
        let in_front = |other: &Option<i128>| {
            let other = other.expect("rows with a key are next to each other");
            match (self.descending, begins) {
                (false, true) => other < bound,
                (false, false) => other <= bound,
                (true, true) => other > bound,
                (true, false) => other >= bound,
            }
        };
        let keys = &self.image.keys[self.keyed.clone()];
        self.keyed.start + keys.partition_point(in_front)
    }

    fn group(&self, row: usize) -> usize {
        self.groups.partition_point(|&first| first <= row) - 1
    }

    fn group_edge(&self, group: i128, begins: bool) -> usize {
        let at = if begins { group } else { group + 1 };
        match usize::try_from(at) {
            Err(_) if at < 0 => 0,
            Err(_) => self.image.len(),
            Ok(at) => self.groups.get(at).copied().unwrap_or(self.image.len()),
        }
    }
}

fn count(units: i128) -> usize {
    usize::try_from(units).unwrap_or(usize::MAX)
}
