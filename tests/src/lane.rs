//! A bounded lane whose reader sees no more of it than the world shows, and whose writer learns of
//! free places no sooner than the world says.
//!
//! Invariants:
//! - Frames arrive once, in order.
//! - There are never more frames than places, and the writer never counts on more free places than
//!   there are.

use std::collections::VecDeque;

/// One lane.
#[derive(Debug)]
pub struct Lane<T> {
    frames: VecDeque<T>,
    places: usize,
    /// Free places the writer counts on.
    known: usize,
}

impl<T> Lane<T> {
    /// An empty lane with this many places, of which its writer knows none.
    pub fn new(places: usize) -> Lane<T> {
        assert!(places > 0, "a lane has a place");
        Lane { frames: VecDeque::with_capacity(places), places, known: 0 }
    }

    /// Frames that were not taken.
    pub fn len(&self) -> usize {
        self.frames.len()
    }

    /// Whether nothing is on its way.
    pub fn is_empty(&self) -> bool {
        self.frames.is_empty()
    }

    /// Free places.
    pub fn room(&self) -> usize {
        self.places - self.frames.len()
    }

    /// Whether there are free places that the writer does not know of.
    pub fn has_news(&self) -> bool {
        self.known < self.room()
    }

    /// Tells the writer of this many of the places that are free; returns how many it now counts on.
    pub fn report(&mut self, places: usize) -> usize {
        assert!(
            (self.known..=self.room()).contains(&places),
            "a report of {places} places is false"
        );
        self.known = places;
        places
    }

    /// Free places that the writer counts on.
    pub fn known(&self) -> usize {
        self.known
    }

    /// Puts a frame on the lane, in a place the writer was told of.
    pub fn send(&mut self, frame: T) {
        assert!(self.known > 0, "a frame was sent to a lane without a place for it");
        self.known -= 1;
        self.frames.push_back(frame);
        assert!(
            self.frames.len() <= self.places,
            "{} frames in {} places",
            self.len(),
            self.places
        );
    }

    /// Takes the oldest frame.
    pub fn take(&mut self) -> T {
        self.frames.pop_front().expect("the world takes only what is there")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_learns_of_a_free_place_when_it_is_told() {
        let mut lane = Lane::new(2);
        assert_eq!((lane.known(), lane.room()), (0, 2));
        assert_eq!(lane.report(2), 2);
        lane.send('a');
        lane.send('b');
        assert!(!lane.has_news());
        assert_eq!(lane.take(), 'a');
        assert!(lane.has_news());
        assert_eq!((lane.known(), lane.room()), (0, 1));
        lane.report(1);
        lane.send('c');
        assert_eq!((lane.take(), lane.take(), lane.is_empty()), ('b', 'c', true));
    }
}
