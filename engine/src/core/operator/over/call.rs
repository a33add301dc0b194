//! The results of one call for the rows of an image that have changed.

use sluicedb_sql::Column;
use sluicedb_sql::plan::{Edge, Function, OverCall, OverFunction};

use super::OverOptions;
use super::frame::Frames;
use super::image::Image;
use super::total::Total;

/// Computes all results of an image.
pub(super) fn compute(options: &OverOptions, image: &mut Image) {
    let mut results = std::mem::take(&mut image.results);
    let mut unfit = std::mem::take(&mut image.unfit);
    unfit.resize(image.changed.len(), false);
    let descending = options.by.first().is_some_and(|by| by.descending);
    for (call, out) in options.calls.iter().zip(&mut results) {
        one(call, image, descending, out, &mut unfit);
        debug_assert_eq!(out.len(), image.changed.len(), "a result for each row");
    }
    (image.results, image.unfit) = (results, unfit);
}

fn one(call: &OverCall, image: &Image, descending: bool, out: &mut Column, unfit: &mut [bool]) {
    let rows = image.len();
    let argument = || {
        let column = call.argument.expect("the plan gives it an argument");
        &image.columns[column]
    };
    let frames = Frames::new(image, call.frame, descending);
    match call.function {
        OverFunction::RowNumber => {
            image.changed.clone().for_each(|row| out.push_i64(row as i64 + 1));
        }
        OverFunction::Rank => {
            image.changed.clone().for_each(|row| out.push_i64(i64::from(image.peers[row].0) + 1));
        }
        OverFunction::DenseRank => dense_rank(image, out),
        OverFunction::PercentRank => image.changed.clone().for_each(|row| {
            let others = rows.saturating_sub(1).max(1);
            out.push_f64(f64::from(image.peers[row].0) / others as f64);
        }),
        OverFunction::CumeDist => image.changed.clone().for_each(|row| {
            out.push_f64(f64::from(image.peers[row].1) / rows as f64);
        }),
        OverFunction::Ntile(parts) => {
            image.changed.clone().for_each(|row| out.push_i64(part(row, rows, parts)));
        }
        OverFunction::Lag(distance) => image.changed.clone().for_each(|row| {
            let other = usize::try_from(row as i64 - distance).ok().filter(|&other| other < rows);
            match (other, call.default) {
                (Some(other), _) => out.push_from(argument(), other),
                (None, Some(default)) => out.push_from(&image.columns[default], row),
                (None, None) => out.push_null(),
            }
        }),
        OverFunction::FirstValue | OverFunction::LastValue | OverFunction::NthValue(_) => {
            for row in image.changed.clone() {
                let mut frame = frames.of(row);
                let found = match call.function {
                    OverFunction::FirstValue => frame.next(),
                    OverFunction::LastValue => frame.next_back(),
                    OverFunction::NthValue(number) => {
                        number.checked_sub(1).and_then(|at| frame.nth(at as usize))
                    }
                    _ => None,
                };
                match found {
                    Some(found) => out.push_from(argument(), found),
                    None => out.push_null(),
                }
            }
        }
        OverFunction::Aggregate(function) => aggregate(call, function, image, &frames, out, unfit),
    }
}

fn dense_rank(image: &Image, out: &mut Column) {
    let mut groups = 0;
    for row in 0..image.changed.end {
        groups += i64::from(image.peers[row].0 as usize == row);
        if row >= image.changed.start {
            out.push_i64(groups);
        }
    }
}

/// The part of a row out of so many rows: the first parts have one row more where they do not divide.
fn part(row: usize, rows: usize, parts: u64) -> i64 {
    let parts = usize::try_from(parts).unwrap_or(usize::MAX);
    let (size, more) = (rows / parts, rows % parts);
    let larger = more * (size + 1);
    let at = if row < larger { row / (size + 1) } else { more + (row - larger) / size.max(1) };
    at as i64 + 1
}

/// Frames that only grow from row to row are added to, and all others are made anew.
fn aggregate(
    call: &OverCall,
    function: Function,
    image: &Image,
    frames: &Frames<'_>,
    out: &mut Column,
    unfit: &mut [bool],
) {
    let column = |at: Option<usize>| at.map(|at| &image.columns[at]);
    let mut total = Total::new(function, column(call.argument), column(call.filter));
    let mut has = 0..0;
    // A frame to the end of all grows from the last row to the first.
    let backwards = call.frame.end == Edge::Last && call.frame.start != Edge::First;
    if !backwards {
        for (row, unfit) in image.changed.clone().zip(unfit) {
            let frame = frames.of(row);
            if frame.start != has.start || frame.end < has.end {
                total.clear();
                has = frame.start..frame.start;
            }
            (has.end..frame.end).for_each(|row| total.add(row));
            has = frame;
            *unfit |= !total.push(out);
        }
        return;
    }
    let mut reversed = Column::new(out.data_type());
    has = image.len()..image.len();
    for (row, unfit) in image.changed.clone().zip(unfit).rev() {
        let frame = frames.of(row);
        (frame.start..has.start).rev().for_each(|row| total.add(row));
        has = frame;
        *unfit |= !total.push(&mut reversed);
    }
    let rows: Vec<u32> = (0..reversed.len() as u32).rev().collect();
    out.append(&reversed, &rows);
}
