//! Holds lanes until a barrier has arrived on all of them.
//!
//! Invariants:
//! - A held lane has delivered the barrier of the open epoch and nothing after it.
//! - `held` is all false right after an epoch closes.

use super::frame::Barrier;

/// The alignment of one stage's lanes.
#[derive(Clone, Debug)]
pub struct Align {
    held: Vec<bool>,
    waiting: usize,
    barrier: Option<Barrier>,
}

impl Align {
    /// For a stage with this many lanes.
    pub fn new(lanes: usize) -> Align {
        assert!(lanes > 0, "a stage without lanes has nothing to align");
        Align { held: vec![false; lanes], waiting: lanes, barrier: None }
    }

    /// Whether a lane may deliver.
    pub fn accepts(&self, lane: usize) -> bool {
        !self.held[lane]
    }

    /// Takes the barrier of a lane; returns it once it has arrived on all of them.
    pub fn arrive(&mut self, lane: usize, barrier: Barrier) -> Option<Barrier> {
        assert!(!self.held[lane], "a held lane delivered another barrier");
        let open = *self.barrier.get_or_insert(barrier);
        assert_eq!(open, barrier, "the lanes of a stage disagree on the barrier");
        self.held[lane] = true;
        self.waiting -= 1;
        if self.waiting > 0 {
            return None;
        }
        self.held.fill(false);
        self.waiting = self.held.len();
        self.barrier.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::ids::Epoch;

    const NINE: Barrier = Barrier { epoch: Epoch(9), checkpoint: false, read: false };

    #[test]
    fn a_barrier_passes_once_it_is_there_on_all_lanes() {
        let mut align = Align::new(3);
        assert_eq!(align.arrive(1, NINE), None);
        assert!(align.accepts(0) && !align.accepts(1) && align.accepts(2));
        assert_eq!(align.arrive(0, NINE), None);
        assert_eq!(align.arrive(2, NINE), Some(NINE));
        assert!((0..3).all(|lane| align.accepts(lane)));
    }
}
