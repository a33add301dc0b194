//! Windows over event time, and the slices they are put together from.

use crate::error::SqlError;
use crate::limits::SLICES_PER_WINDOW_MAX;
use crate::zone::{CHANGE_US_MAX, Zone};

/// How time is divided. Column `C` is a position, or a name before it is resolved.
///
/// Windows of fixed size are told apart by a number: the start of a tumbling or hopping window, and
/// the start of the last step of a cumulating one. Either way the number grows with the end. Of windows
/// in a time zone the number is what clocks show then.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
    /// From each start windows of one step, two steps, and so on up to the size.
    Cumulate {
        /// The TIMESTAMP column.
        time: C,
        /// From the end of a window to the end of the next with the same start.
        step_us: i64,
        /// From the start of the longest window to its end, which is the start of the next ones.
        size_us: i64,
        /// Windows start at this moment, and whole sizes before and after it.
        offset_us: i64,
    },
    /// For each key as long as its rows are less than a gap apart: from the first row to a gap
    /// behind the last.
    Session {
        /// The TIMESTAMP column.
        time: C,
        /// How long no row of the key comes, at least, before a session ends.
        gap_us: i64,
    },
    /// Windows of fixed size by what clocks show somewhere: where clocks are put forward or back, those
    /// windows are shorter or longer than others.
    Zoned {
        /// Where.
        zone: Zone,
        /// The windows over what clocks show: no session.
        windows: Box<Window<C>>,
    },
}

impl<C> Window<C> {
    /// The time column.
    pub fn time(&self) -> &C {
        match self {
            Window::Tumble { time, .. }
            | Window::Hop { time, .. }
            | Window::Cumulate { time, .. }
            | Window::Session { time, .. } => time,
            Window::Zoned { windows, .. } => windows.time(),
        }
    }

    /// Whether it depends on the rows where windows begin and end.
    pub fn is_session(&self) -> bool {
        matches!(self, Window::Session { .. })
    }

    /// From the start of a window to its end; of a cumulating window the longest that is, of a
    /// session the shortest, and in a time zone by what clocks show.
    pub fn size_us(&self) -> i64 {
        match self {
            Window::Tumble { size_us, .. }
            | Window::Hop { size_us, .. }
            | Window::Cumulate { size_us, .. } => *size_us,
            Window::Session { gap_us, .. } => *gap_us,
            Window::Zoned { windows, .. } => windows.size_us(),
        }
    }

    /// The longest that a window may be.
    pub(crate) fn longest_us(&self) -> Option<i64> {
        match self {
            Window::Zoned { windows, .. } => windows.size_us().checked_add(CHANGE_US_MAX),
            _ => Some(self.size_us()),
        }
    }

    /// From the number of a window to the number of the next.
    pub fn slide_us(&self) -> i64 {
        match self {
            Window::Tumble { size_us, .. } => *size_us,
            Window::Hop { slide_us, .. } => *slide_us,
            Window::Cumulate { step_us, .. } => *step_us,
            Window::Session { gap_us, .. } => *gap_us,
            Window::Zoned { windows, .. } => windows.slide_us(),
        }
    }

    /// A moment at which a window starts.
    pub fn offset_us(&self) -> i64 {
        match self {
            Window::Tumble { offset_us, .. }
            | Window::Hop { offset_us, .. }
            | Window::Cumulate { offset_us, .. } => *offset_us,
            Window::Session { .. } => 0,
            Window::Zoned { windows, .. } => windows.offset_us(),
        }
    }

    /// From the number of a window to the number at which it ends.
    pub fn reach_us(&self) -> i64 {
        match self {
            Window::Cumulate { step_us, .. } => *step_us,
            Window::Zoned { windows, .. } => windows.reach_us(),
            _ => self.size_us(),
        }
    }

    /// When the window with this number starts; it must come from [`Window::windows_of_slice`].
    pub fn start_of(&self, number: i64) -> i64 {
        self.moment(self.first_slice_of(number))
    }

    /// When the window with this number ends.
    pub fn end_of(&self, number: i64) -> i64 {
        let end = number.checked_add(self.reach_us());
        self.moment(end.expect("a window of a slice fits a timestamp"))
    }

    /// When a window begins or ends whose number is said for that.
    fn moment(&self, number: i64) -> i64 {
        match self {
            Window::Zoned { zone, .. } => {
                zone.utc(number).expect("a window of a slice fits a timestamp")
            }
            _ => number,
        }
    }

    /// The least number whose window ends behind `limit`.
    pub fn first_open(&self, limit: i64) -> i64 {
        let passed = match self {
            // Before and behind what a zone can say there are no windows.
            Window::Zoned { zone, .. } => zone.shown(limit).unwrap_or(limit),
            _ => limit,
        };
        let first = i128::from(passed) - i128::from(self.reach_us()) + 1;
        i64::try_from(first).unwrap_or(i64::MIN)
    }

    /// The slice at which the window with this number starts.
    pub fn first_slice_of(&self, number: i64) -> i64 {
        match self {
            Window::Zoned { windows, .. } => windows.first_slice_of(number),
            Window::Cumulate { size_us, offset_us, .. } => {
                let start = floor(number, *size_us, *offset_us);
                i64::try_from(start).expect("a window of a slice fits a timestamp")
            }
            _ => number,
        }
    }

    /// The longest span that no window begins or ends inside of, in a time zone by what clocks show.
    pub fn slice_us(&self) -> i64 {
        greatest_divisor(self.size_us(), self.slide_us())
    }

    /// Refuses a window that cannot be, or would be put together from too many slices.
    pub fn check(&self) -> Result<(), SqlError> {
        if let Window::Zoned { windows, .. } = self {
            return windows.check();
        }
        let (size, slide) = (self.size_us(), self.slide_us());
        let refuse = |text: String| Err(SqlError::invalid_parameter(text));
        if self.is_session() {
            return match size {
                1.. => Ok(()),
                _ => refuse(format!("the gap of a session is {size} us: it must be above 0")),
            };
        }
        if let Window::Cumulate { step_us: 1.., .. } = self
            && size > 0
            && size % slide != 0
        {
            return refuse(format!(
                "the step of a window is {slide} us: the size, {size} us, must be a multiple of it"
            ));
        }
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
    pub(crate) fn with_time<D>(&self, time: D) -> Window<D> {
        match self {
            &Window::Tumble { size_us, offset_us, .. } => {
                Window::Tumble { time, size_us, offset_us }
            }
            &Window::Hop { size_us, slide_us, offset_us, .. } => {
                Window::Hop { time, size_us, slide_us, offset_us }
            }
            &Window::Cumulate { step_us, size_us, offset_us, .. } => {
                Window::Cumulate { time, step_us, size_us, offset_us }
            }
            &Window::Session { gap_us, .. } => Window::Session { time, gap_us },
            Window::Zoned { zone, windows } => {
                Window::Zoned { zone: *zone, windows: Box::new(windows.with_time(time)) }
            }
        }
    }

    /// The same windows in a time zone. Where clocks there are ahead of UTC by the same, but for whole
    /// slides, at all times, they are those of UTC, shifted.
    #[must_use]
    pub fn in_zone(self, zone: Zone) -> Window<C> {
        let constant_us = zone.constant_us(self.slide_us().max(1));
        match (self, constant_us) {
            (windows, Some(0)) => windows,
            (Window::Tumble { time, size_us, offset_us }, Some(ahead_us)) => {
                Window::Tumble { time, size_us, offset_us: offset_us.saturating_sub(ahead_us) }
            }
            (Window::Hop { time, size_us, slide_us, offset_us }, Some(ahead_us)) => Window::Hop {
                time,
                size_us,
                slide_us,
                offset_us: offset_us.saturating_sub(ahead_us),
            },
            (windows, _) => Window::Zoned { zone, windows: Box::new(windows) },
        }
    }

    /// The start of the slice that holds `ts`. `None` where one of its windows would begin before
    /// or end after what a timestamp can say.
    pub fn slice_start(&self, ts: i64) -> Option<i64> {
        if let Window::Zoned { zone, windows } = self {
            return zoned_slice(*zone, windows, ts);
        }
        let start = floor(ts, self.slice_us(), self.offset_us());
        let (first, last) = self.bounds(start);
        let least = match self {
            Window::Cumulate { size_us, .. } => floor(ts, *size_us, self.offset_us()),
            _ => first,
        };
        let end = last + i128::from(self.reach_us());
        // The least of the starts and the greatest of the ends.
        i64::try_from(least).and(i64::try_from(end)).ok()?;
        i64::try_from(start).ok()
    }

    /// The slice that holds `ts`, and the moments from which and until which it holds all; like
    /// [`Window::slice_start`].
    #[inline]
    pub fn slice_of(&self, ts: i64) -> Option<(i64, i64, i64)> {
        let slice = self.slice_start(ts)?;
        let until = slice.saturating_add(self.slice_us());
        match self {
            Window::Zoned { zone, .. } => Some((slice, zone.utc(slice)?, zone.utc(until)?)),
            _ => Some((slice, slice, until)),
        }
    }

    /// The numbers of the windows that hold the slice starting at `start`, in order; `start` must
    /// come from [`Window::slice_start`].
    pub fn windows_of_slice(&self, start: i64) -> impl Iterator<Item = i64> + use<C> {
        if let Window::Zoned { windows, .. } = self {
            return windows.numbers(start);
        }
        self.numbers(start)
    }

    /// The same of windows that are in no zone.
    fn numbers(&self, start: i64) -> impl Iterator<Item = i64> + use<C> {
        assert_eq!(self.slice_start(start), Some(start), "no slice starts at {start}");
        let (first, last) = self.bounds(i128::from(start));
        let slide = self.slide_us();
        let count = (last - first) / i128::from(slide) + 1;
        // Both ends and hence all between fit, because slice_start says so.
        (0..count as i64).map(move |index| first as i64 + index * slide)
    }

    /// The number of the last window that holds the slice at `start`, which must come from
    /// [`Window::slice_start`].
    pub fn last_window(&self, start: i64) -> i64 {
        let (_, last) = self.bounds(i128::from(start));
        i64::try_from(last).expect("the windows of a slice fit a timestamp")
    }

    /// First and last number of the windows that hold the slice at `start`. No window begins or
    /// ends inside a slice, so that those are the windows that hold its first moment.
    fn bounds(&self, start: i128) -> (i128, i128) {
        if let Window::Zoned { windows, .. } = self {
            return windows.bounds(start);
        }
        if let Window::Cumulate { step_us, size_us, offset_us, .. } = self {
            let (step, size) = (i128::from(*step_us), i128::from(*size_us));
            let begin = start - (start - i128::from(*offset_us)).rem_euclid(size);
            return (start, begin + size - step);
        }
        let (size, slide) = (i128::from(self.size_us()), i128::from(self.slide_us()));
        let offset = i128::from(self.offset_us());
        let last = start - (start - offset).rem_euclid(slide);
        // The first one starts after `start - size`, a whole number of slides before `last`.
        let first = last - (last - (start - size) - 1) / slide * slide;
        (first, last)
    }
}

/// The slice that holds `ts`, by what clocks show.
fn zoned_slice<C>(zone: Zone, windows: &Window<C>, ts: i64) -> Option<i64> {
    // Clocks that were put back show what belongs to an earlier slice, which has ended.
    let slice = windows.slice_start(zone.shown(ts)?)?;
    let fits = |number: i64| zone.utc(number);
    fits(windows.first_slice_of(windows.numbers(slice).next()?))?;
    fits(windows.last_window(slice).checked_add(windows.reach_us())?)?;
    Some(slice)
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
    fn cumulating_windows_share_a_start_and_end_a_step_apart() {
        let window = Window::Cumulate { time: (), step_us: 3, size_us: 12, offset_us: -2 };
        for ts in -50..50_i64 {
            let slice = window.slice_start(ts).unwrap();
            let start = ts - (ts + 2).rem_euclid(12);
            let ends = (1..=4).map(|steps| start + steps * 3).filter(|end| *end > ts);
            let spans: Vec<(i64, i64)> = ends.map(|end| (start, end)).collect();
            let found = window.windows_of_slice(slice);
            let found: Vec<(i64, i64)> =
                found.map(|number| (window.start_of(number), number + window.reach_us())).collect();
            assert_eq!(found, spans, "at {ts}");
            assert_eq!(window.last_window(slice) + window.reach_us(), start + 12);
        }
        assert_eq!(window.slice_start(i64::MIN + 4), None);
        assert_eq!(window.slice_start(i64::MAX - 4), None);
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

    /// Start and end of each window that holds a moment.
    fn spans(window: &Window<()>, text: &str) -> Vec<String> {
        let ts = chrono::NaiveDateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S").unwrap();
        let slice = window.slice_start(ts.and_utc().timestamp_micros()).unwrap();
        let show = |us: i64| crate::Value::Timestamp(us).to_string();
        let span =
            |number| format!("{} {}", show(window.start_of(number)), show(window.end_of(number)));
        window.windows_of_slice(slice).map(span).collect()
    }

    const HOUR: i64 = 3_600_000_000;

    #[test]
    fn days_are_as_long_as_clocks_say() {
        let days = tumble(24 * HOUR, 0).in_zone(Zone::named("Europe/Berlin").unwrap());
        let winter = ["2024-01-01 23:00:00 2024-01-02 23:00:00"];
        assert_eq!(spans(&days, "2024-01-01 23:00:00"), winter);
        assert_eq!(spans(&days, "2024-01-02 22:59:59"), winter);
        let short = ["2024-03-30 23:00:00 2024-03-31 22:00:00"];
        assert_eq!(spans(&days, "2024-03-31 21:59:59"), short);
        let long = ["2024-10-26 22:00:00 2024-10-27 23:00:00"];
        assert_eq!(spans(&days, "2024-10-27 22:59:59"), long);
        let (end, reach) = (1_729_985_400_000_000, 24 * HOUR);
        assert_eq!(
            days.first_open(end),
            days.slice_start(end).unwrap() + 90 * 60_000_000 - reach + 1
        );
    }

    #[test]
    fn each_moment_is_in_one_window_of_a_zone_and_windows_follow_each_other() {
        for (size, name) in [
            (6 * HOUR, "Europe/Berlin"),
            (HOUR, "Australia/Lord_Howe"),
            (24 * HOUR, "Pacific/Apia"),
        ] {
            let window = tumble(size, 0).in_zone(Zone::named(name).unwrap());
            assert!(matches!(window, Window::Zoned { .. }), "{name}");
            let mut last: Option<i64> = None;
            for step in 0..60 * 24 * 4 {
                let ts = 1_324_000_000_000_000 + step * HOUR / 4;
                let number = window.slice_start(ts).unwrap();
                let (start, end) = (window.start_of(number), window.end_of(number));
                assert!(start <= ts && ts < end, "{name} {ts}: {start} {end}");
                assert!(last.is_none_or(|last| start == last
                    || start >= window.end_of(window.slice_start(last).unwrap())));
                assert!(window.first_open(end) > number && window.first_open(end - 1) <= number);
                last = Some(start);
            }
        }
    }

    #[test]
    fn windows_that_divide_the_hour_are_those_of_utc_shifted() {
        let zone = |name| Zone::named(name).unwrap();
        assert_eq!(tumble(HOUR, 0).in_zone(zone("Europe/Berlin")), tumble(HOUR, 0));
        assert_eq!(tumble(HOUR, 0).in_zone(zone("Asia/Kolkata")), tumble(HOUR, -HOUR / 2));
        assert_eq!(
            hop(24 * HOUR, HOUR, 0).in_zone(zone("Asia/Kolkata")),
            hop(24 * HOUR, HOUR, -HOUR / 2)
        );
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
        let cumulate =
            |step_us, size_us| Window::Cumulate { time: (), step_us, size_us, offset_us: 0 };
        assert_eq!(state(cumulate(5, 10)), "ok");
        assert_eq!(state(cumulate(4, 10)), "22023");
        assert_eq!(state(cumulate(0, 10)), "22023");
        assert_eq!(state(cumulate(1, 1441)), "54000");
        assert_eq!(state(Window::Session { time: (), gap_us: 0 }), "22023");
        assert_eq!(state(Window::Session { time: (), gap_us: 1 }), "ok");
    }
}
