//! Random aggregates over a relation.

use sluicedb_sql::DataType;
use sluicedb_sql::plan::{AggregateSpec, Call, Emit, Window};

use super::draft::{Column, Domain, Draft};
use super::source::TICK_US;

/// Windows that rows of one source are taken to fall into.
const WINDOWS: usize = 20;

/// More groups than rows or than this are not expected of any key.
const KEY_DISTINCT: usize = 100;

/// Groups of one window that have a sketch, of 4 KiB each, at most.
const SKETCHED_GROUPS: usize = 10;

impl Draft<'_> {
    pub(super) fn aggregate(&mut self) {
        let input = self.pick();
        self.aggregate_over(input);
    }

    pub(super) fn aggregate_over(&mut self, input: usize) {
        let time = self.window_time(input);
        let keys = self.group_keys(input, time.is_some());
        let (window, emit, allowed_lateness_us) = match time {
            Some(time) => self.window(input, time),
            None => (None, Emit::Changes, 0),
        };
        let distinct = keys.iter().map(|&key| self.relations[input].columns[key].distinct);
        let few = distinct.product::<usize>() <= SKETCHED_GROUPS;
        let (calls, results): (Vec<Call<String>>, Vec<Column>) =
            (0..1 + self.prng.below(4)).map(|_| self.call(input, few)).unzip();
        let name = |&key: &usize| self.node(input).schema.field(key).name.clone();
        let spec = AggregateSpec {
            keys: keys.iter().map(name).collect(),
            calls,
            emit,
            allowed_lateness_us,
            window,
        };
        let below = self.relations[input].clone();
        let id = self.builder.aggregate(below.id, &spec).expect("a drawn aggregate is valid");
        let ends = if time.is_some() { 2 } else { 0 };
        let end = Column { distinct: WINDOWS, bits: None, one_zero: true, domain: Domain::Time };
        let mut columns = vec![end; ends];
        columns.extend(keys.iter().map(|&key| below.columns[key]));
        let windows = if ends == 0 { 1 } else { WINDOWS };
        // Numbers may all differ; what is known of them is how many there are at least.
        let most = |key: &Column| match key.domain {
            Domain::Number => below.rows,
            _ => key.distinct,
        };
        let groups = columns[ends..].iter().fold(windows, |groups, key| groups * most(key));
        columns.extend(results);
        self.add(&[input], id, columns, groups.min(below.rows * 2));
        let late = !self.builder.node(id).expect("it was added").times.is_empty();
        let relation = self.relations.last_mut().expect("it was added");
        relation.group = (0..ends + keys.len()).collect();
        relation.late_of = late.then_some(input);
    }

    /// The time column to put windows over, if any.
    fn window_time(&mut self, input: usize) -> Option<usize> {
        let types = self.types(input);
        let moments = (0..types.len()).filter(|&at| types[at] == DataType::Timestamp);
        let node = self.node(input);
        let (followed, free): (Vec<usize>, Vec<usize>) =
            moments.partition(|&at| node.time_of(at).is_some());
        if self.prng.chance(30) || followed.is_empty() && free.is_empty() {
            return None;
        }
        let choice = match free.is_empty() || !followed.is_empty() && self.prng.chance(85) {
            true => followed,
            false => free,
        };
        Some(*self.prng.pick(&choice))
    }

    fn window(&mut self, input: usize, time: usize) -> (Option<Window<String>>, Emit, i64) {
        let node = self.node(input);
        let followed = node.time_of(time);
        let name = node.schema.field(time).name.clone();
        // Over the windows of another aggregate, longer ones.
        let unit_us = if followed.is_some_and(|time| time.lag_us != 0) { 2 } else { 1 } * TICK_US;
        let offset_us = match self.prng.chance(30) {
            true => self.prng.range(-50 * TICK_US..50 * TICK_US),
            false => 0,
        };
        let window = match self.prng.below(10) {
            0..4 => {
                let size_us = *self.prng.pick(&[5, 10, 25, 40]) * unit_us;
                Window::Tumble { time: name, size_us, offset_us }
            }
            4 | 5 => {
                let (step, size) = *self.prng.pick(&[(5, 20), (10, 30), (4, 12), (10, 10)]);
                let (step_us, size_us) = (step * unit_us, size * unit_us);
                Window::Cumulate { time: name, step_us, size_us, offset_us }
            }
            6 => {
                let gap_us = *self.prng.pick(&[1, 4, 10, 30]) * unit_us;
                Window::Session { time: name, gap_us }
            }
            _ => {
                let sizes = [(20, 10), (15, 5), (30, 10), (25, 10), (12, 8), (10, 10)];
                let (size, slide) = *self.prng.pick(&sizes);
                let (size_us, slide_us) = (size * unit_us, slide * unit_us);
                Window::Hop { time: name, size_us, slide_us, offset_us }
            }
        };
        let emit = match followed.is_some() && self.prng.chance(55) {
            true => Emit::OnClose,
            false => Emit::Changes,
        };
        let lateness = match followed {
            Some(_) => *self.prng.pick(&[0, 0, 5, 30]) * TICK_US,
            None => 0,
        };
        (Some(window), emit, lateness)
    }

    /// Up to two columns, most often with few values. The ends of a window are no keys of another
    /// window, whose own have the same names.
    fn group_keys(&mut self, input: usize, windowed: bool) -> Vec<usize> {
        let few = self.prng.chance(85);
        let schema = self.node(input).schema.clone();
        let columns = &self.relations[input].columns;
        let mut keys: Vec<usize> = (0..columns.len())
            .filter(|&at| !windowed || !schema.field(at).name.starts_with("window_"))
            .filter(|&at| !few || columns[at].distinct <= KEY_DISTINCT)
            .collect();
        self.prng.shuffle(&mut keys);
        keys.truncate(*self.prng.pick(&[0, 1, 1, 1, 2]));
        keys
    }
}
