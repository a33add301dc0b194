//! Event-time progress of an input that arrives on several lanes.
//!
//! Invariants:
//! - A lane's watermark never goes back.
//! - The input's watermark is the least of its lanes'.

use super::ids::Time;

/// The watermarks of the lanes that one edge or source arrives on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watermarks {
    lanes: Vec<Time>,
    least: Time,
}

impl Watermarks {
    /// No lane has promised anything.
    pub fn new(lanes: usize) -> Watermarks {
        Watermarks::restore(vec![Time::MIN; lanes])
    }

    /// As a checkpoint left them.
    pub fn restore(lanes: Vec<Time>) -> Watermarks {
        let least = lanes.iter().min().copied().unwrap_or(Time::MIN);
        Watermarks { lanes, least }
    }

    /// Takes a lane's promise; returns the input's watermark if it moved.
    pub fn advance(&mut self, lane: usize, time: Time) -> Option<Time> {
        let before = self.lanes[lane];
        assert!(time >= before, "the watermark of lane {lane} went back from {before} to {time}");
        self.lanes[lane] = time;
        if before > self.least || before == time {
            return None;
        }
        let least = *self.lanes.iter().min().expect("the lane that advanced");
        (least > self.least).then(|| {
            self.least = least;
            least
        })
    }

    /// The input's watermark.
    pub fn least(&self) -> Time {
        self.least
    }

    /// The promise of each lane.
    pub fn lanes(&self) -> &[Time] {
        &self.lanes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_lane_decides() {
        let mut watermarks = Watermarks::new(2);
        assert_eq!(watermarks.advance(0, Time(5)), None);
        assert_eq!(watermarks.advance(1, Time(3)), Some(Time(3)));
        assert_eq!(watermarks.advance(1, Time(9)), Some(Time(5)));
        assert_eq!(watermarks.advance(0, Time(5)), None);
    }
}
