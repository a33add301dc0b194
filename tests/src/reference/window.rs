//! Which windows hold a moment.

use sluicedb_sql::plan::Window;

/// From where to where a window goes; its end is not in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Span {
    pub(super) start: i64,
    pub(super) end: i64,
}

/// The windows that hold `time`, none where one of them would reach beyond what a timestamp can
/// say.
pub(super) fn covering(window: &Window, time: i64) -> Vec<Span> {
    assert!(!matches!(window, Window::Zoned { .. }), "the reference knows no time zones");
    let (time, size) = (i128::from(time), i128::from(window.size_us()));
    let (slide, offset) = (i128::from(window.slide_us()), i128::from(window.offset_us()));
    if let Window::Cumulate { .. } = window {
        let start = offset + (time - offset).div_euclid(size) * size;
        let ends = (1..=size / slide).map(|steps| start + steps * slide);
        let spans = ends.filter(|end| *end > time).map(|end| {
            let (start, end) = (i64::try_from(start).ok()?, i64::try_from(end).ok()?);
            Some(Span { start, end })
        });
        return spans.collect::<Option<_>>().unwrap_or_default();
    }
    if window.is_session() {
        // Of the row alone.
        let span = |end| Span { start: time as i64, end };
        return i64::try_from(time + size).map(span).into_iter().collect();
    }
    let mut spans = Vec::new();
    let mut start = offset + (time - offset).div_euclid(slide) * slide;
    while start + size > time {
        match (i64::try_from(start), i64::try_from(start + size)) {
            (Ok(start), Ok(end)) => spans.push(Span { start, end }),
            _ => return Vec::new(),
        }
        start -= slide;
    }
    spans
}
