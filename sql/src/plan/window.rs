//! Windows over event time, and the slices they are put together from.

use crate::error::SqlError;
use crate::limits::SLICES_PER_WINDOW_MAX;

/// Windows of equal size: one after the other, or one every `slide_us`. Column `C` is a position,
/// or a name before it is resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Window<C = usize> {
    /// Every moment is in one window.
    Tumble {
        /// The TIMESTAMP column.
        time: C,
        /// From the start of a window to its end, which is the start of the next.
        size_us: i64,
        /// Windows start at this moment, and whole sizes before and after it.
        offset_us: i64,
    },
    /// Every moment is in `size / slide` windows.
    Hop {
        /// The TIMESTAMP column.
        time: C,
        /// From the start of a window to its end.
        size_us: i64,
        /// From the start of a window to the start of the next.
        slide_us: i64,
        /// Windows start at this moment, and whole slides before and after it.
        offset_us: i64,
    },
}

impl<C> Window<C> {
    /// The time column.
    pub fn time(&self) -> &C {
        match self {
            Window::Tumble { time, .. } | Window::Hop { time, .. } => time,
        }
    }

    /// From the start of a window to its end.
    pub fn size_us(&self) -> i64 {
        match self {
            Window::Tumble { size_us, .. } | Window::Hop { size_us, .. } => *size_us,
        }
    }

    /// From the start of a window to the start of the next.
    pub fn slide_us(&self) -> i64 {
        match self {
            Window::Tumble { size_us, .. } => *size_us,
            Window::Hop { slide_us, .. } => *slide_us,
        }
    }

    /// A moment at which a window starts.
    pub fn offset_us(&self) -> i64 {
        match self {
            Window::Tumble { offset_us, .. } | Window::Hop { offset_us, .. } => *offset_us,
        }
    }

    /// The longest span that no window begins or ends inside of.
    pub fn slice_us(&self) -> i64 {
        greatest_divisor(self.size_us(), self.slide_us())
    }

    /// Refuses a window that cannot be, or would be put together from too many slices.
    pub fn check(&self) -> Result<(), SqlError> {
        let (size, slide) = (self.size_us(), self.slide_us());
        let refuse = |text: String| Err(SqlError::invalid_parameter(text));
        if size <= 0 {
            return refuse(format!("the size of a window is {size} us: it must be above 0"));
        }
        if slide <= 0 {
            return refuse(format!("the slide of a window is {slide} us: it must be above 0"));
        }
        if slide > size {
            return refuse(format!(
                "the slide of a window is {slide} us: it must be at most the size, {size} us"
            ));
        }
        let slices = size / self.slice_us();
        if slices > SLICES_PER_WINDOW_MAX {
            return Err(SqlError::limit_exceeded(
                "slices of a window (its size by the greatest common divisor of size and slide)",
                slices as usize,
                SLICES_PER_WINDOW_MAX as usize,
            )
            .hint("Let the slide divide the size, or take a longer slide."));
        }
        Ok(())
    }

    /// The same window over another kind of column.
    pub(super) fn with_time<D>(&self, time: D) -> Window<D> {
        match *self {
            Window::Tumble { size_us, offset_us, .. } => {
                Window::Tumble { time, size_us, offset_us }
            }
            Window::Hop { size_us, slide_us, offset_us, .. } => {
                Window::Hop { time, size_us, slide_us, offset_us }
            }
        }
    }

    /// The start of the slice that holds `ts`. `None` where one of its windows would begin before
    /// or end after what a timestamp can say.
    pub fn slice_start(&self, ts: i64) -> Option<i64> {
        let start = floor(ts, self.slice_us(), self.offset_us());
        let (first, last) = self.bounds(start);
        let end = last + i128::from(self.size_us());
        // First is the least of the starts and `end` the greatest of the ends.
        i64::try_from(first).and(i64::try_from(end)).ok()?;
        i64::try_from(start).ok()
    }

    /// The starts of the windows that hold the slice starting at `start`, in order; `start` must
    /// come from [`Window::slice_start`].
    pub fn windows_of_slice(&self, start: i64) -> impl Iterator<Item = i64> + use<C> {
        assert_eq!(self.slice_start(start), Some(start), "no slice starts at {start}");
        let (first, last) = self.bounds(i128::from(start));
        let slide = self.slide_us();
        let count = (last - first) / i128::from(slide) + 1;
        // Both ends and hence all between fit, because slice_start says so.
        (0..count as i64).map(move |index| first as i64 + index * slide)
    }

    /// First and last start of the windows that hold the slice at `start`. No window begins or
    /// ends inside a slice, so that those are the windows that hold its first moment.
    fn bounds(&self, start: i128) -> (i128, i128) {
        let (size, slide) = (i128::from(self.size_us()), i128::from(self.slide_us()));
        let offset = i128::from(self.offset_us());
        let last = start - (start - offset).rem_euclid(slide);
        // The first one starts after `start - size`, a whole number of slides before `last`.
        let first = last - (last - (start - size) - 1) / slide * slide;
        (first, last)
    }
}

/// The last multiple of `step` from `offset` on that is not after `ts`.
fn floor(ts: i64, step: i64, offset: i64) -> i128 {
    let (ts, step, offset) = (i128::from(ts), i128::from(step), i128::from(offset));
    ts - (ts - offset).rem_euclid(step)
}

fn greatest_divisor(left: i64, right: i64) -> i64 {
    if right == 0 { left } else { greatest_divisor(right, left % right) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hop(size_us: i64, slide_us: i64, offset_us: i64) -> Window<()> {
        Window::Hop { time: (), size_us, slide_us, offset_us }
    }

    fn tumble(size_us: i64, offset_us: i64) -> Window<()> {
        Window::Tumble { time: (), size_us, offset_us }
    }

    #[test]
    fn windows_of_a_moment_are_those_that_hold_it_even_before_the_epoch() {
        for window in [hop(10, 4, 0), hop(10, 4, -3), hop(6, 6, 1), tumble(7, 2), hop(9, 3, 100)] {
            for ts in -50..50 {
                let start = window.slice_start(ts).unwrap();
                assert!(start <= ts && ts < start + window.slice_us());
                let found: Vec<i64> = window.windows_of_slice(start).collect();
                let holds = |first: &i64| *first <= ts && ts < first + window.size_us();
                let starts =
                    |at: &i64| (at - window.offset_us()).rem_euclid(window.slide_us()) == 0;
                let expected: Vec<i64> = (-80..80).filter(starts).filter(holds).collect();
                assert_eq!(found, expected, "{window:?} at {ts}");
            }
        }
    }

    #[test]
    fn a_moment_whose_window_does_not_fit_a_timestamp_has_no_slice() {
        assert_eq!(tumble(10, 0).slice_start(i64::MAX), None);
        assert_eq!(tumble(10, 0).slice_start(i64::MIN), None);
        assert_eq!(tumble(10, 0).slice_start(i64::MAX - 8), Some(i64::MAX - 17));
        assert_eq!(tumble(10, 0).slice_start(i64::MIN + 8), Some(i64::MIN + 8));
        assert_eq!(hop(20, 10, 0).slice_start(i64::MIN + 8), None);
        assert_eq!(hop(20, 10, 0).slice_start(i64::MAX - 8), None);
        assert_eq!(tumble(i64::MAX, 0).slice_start(1), Some(0));
        assert_eq!(tumble(i64::MAX, 1).slice_start(1), None);
        assert_eq!(tumble(1, i64::MIN).slice_start(i64::MAX - 1), Some(i64::MAX - 1));
    }

    #[test]
    fn a_window_that_cannot_be_is_refused_with_its_bound() {
        let state = |window: Window<()>| window.check().err().map_or("ok", |error| error.sqlstate);
        assert_eq!(state(tumble(1, 0)), "ok");
        assert_eq!(state(tumble(0, 0)), "22023");
        assert_eq!(state(hop(10, 0, 0)), "22023");
        assert_eq!(state(hop(10, 11, 0)), "22023");
        assert_eq!(state(hop(1440, 1, 0)), "ok");
        assert_eq!(state(hop(1441, 1, 0)), "54000");
        assert_eq!(state(hop(1441, 1440, 0)), "54000");
    }
}
