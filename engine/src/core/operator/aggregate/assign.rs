//! Which rows of a morsel are taken, and which are too late.

use sluicedb_sql::expr::RowError;

use super::windows::Windows;
use crate::core::ids::Time;
use crate::core::morsel::Morsel;

/// The rows of one morsel, sorted out.
#[derive(Debug, Default)]
pub(super) struct Assigned {
    /// The rows that are taken, in order.
    pub(super) taken: Vec<u32>,
    /// The slice of each row that is taken; empty without windows.
    pub(super) slices: Vec<i64>,
    /// The rows that are late for all their windows.
    pub(super) late: Vec<u32>,
    /// The rows without a time that a window can hold.
    pub(super) untimed: Vec<u32>,
    /// Why not, row by row.
    pub(super) errors: Vec<RowError>,
}

impl Assigned {
    /// Sorts out the rows of a morsel.
    pub(super) fn assign(&mut self, windows: Option<&Windows>, morsel: &Morsel) {
        self.taken.clear();
        self.slices.clear();
        self.late.clear();
        self.untimed.clear();
        self.errors.clear();
        match windows {
            // A row of weight zero says nothing.
            None => self.taken.extend(
                (0..morsel.rows()).filter(|&row| morsel.weight(row) != 0).map(|row| row as u32),
            ),
            Some(windows) if windows.is_session() => self.assign_sessions(windows, morsel),
            Some(windows) => self.assign_windows(windows, morsel),
        }
    }

    /// A session takes a row if the row's time is not too far behind the row's own watermark; in
    /// place of a slice stands the time.
    fn assign_sessions(&mut self, windows: &Windows, morsel: &Morsel) {
        let column = &morsel.columns[windows.time()];
        for (row, &time) in column.i64s().iter().enumerate() {
            let null = column.is_null(row);
            if null || time.checked_add(windows.window().size_us()).is_none() {
                self.leave(row, null);
                continue;
            }
            let behind = morsel.behind(row);
            let Time(limit) = windows.limit(behind);
            if behind != Time::MIN && time.saturating_add(windows.lateness_us()) < limit {
                self.late.push(row as u32);
            } else if morsel.weight(row) != 0 {
                self.taken.push(row as u32);
                self.slices.push(time);
            }
        }
    }

    /// A row is in no window, because its time is NULL or because no timestamp can bound its windows.
    #[cold]
    fn leave(&mut self, row: usize, null: bool) {
        self.untimed.push(row as u32);
        self.errors.push(if null { RowError::NoTime } else { RowError::DatetimeOverflow });
    }

    fn assign_windows(&mut self, windows: &Windows, morsel: &Morsel) {
        let column = &morsel.columns[windows.time()];
        let times = column.i64s();
        let plain = morsel.weights.is_empty() && morsel.behind.is_empty() && !column.has_nulls();
        if plain
            && let Some(&first) = times.first()
            && let Some((slice, from, until)) = windows.window().slice_of(first)
        {
            // Most morsels lie in one slice and none of their rows is marked in any way.
            let within = |&time: &i64| time >= from && time < until;
            if times.iter().fold(true, |all, time| all & within(time)) {
                self.taken.extend(0..times.len() as u32);
                self.slices.resize(times.len(), slice);
                return;
            }
        }
        // Rows near in the morsel are near in time, so most are in the slice of the one before.
        let mut current = None;
        for (row, &time) in times.iter().enumerate() {
            let found = match current {
                Some((_, from, until)) if time >= from && time < until => current,
                _ => windows.window().slice_of(time),
            };
            let found = found.filter(|_| !column.is_null(row));
            let Some((slice, ..)) = found else {
                self.leave(row, column.is_null(row));
                continue;
            };
            current = found;
            let behind = morsel.behind(row);
            if behind != Time::MIN
                && windows.is_gone(windows.last_window(slice), windows.limit(behind))
            {
                self.late.push(row as u32);
            } else if morsel.weight(row) != 0 {
                self.taken.push(row as u32);
                self.slices.push(slice);
            }
        }
    }
}
