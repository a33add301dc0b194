//! The words behind the name of a command.

use crate::modes::{MODES, Mode};
use crate::trades::Query;

/// An option of a command.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Spec {
    /// With its dashes.
    pub(super) name: &'static str,
    /// What stands for its value in the help; empty for one without.
    pub(super) value: &'static str,
    /// One line, with the default.
    pub(super) about: &'static str,
}

impl Spec {
    /// As the help has it.
    pub(super) fn shown(&self) -> String {
        format!("{} {}", self.name, self.value).trim_end().to_owned()
    }
}

/// A spec in one line.
pub(super) const fn spec(name: &'static str, value: &'static str, about: &'static str) -> Spec {
    Spec { name, value, about }
}

pub(super) const JSON: Spec = spec("--json", "", "one JSON object a line instead of a table");
pub(super) const PLOT: Spec = spec("--plot", "FILE.svg", "a percentile plot of the latencies");

/// What was given on the command line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Options {
    given: Vec<(&'static str, String)>,
}

impl Options {
    /// Refuses whatever is not in `specs`, with what may have been meant.
    pub(super) fn parse(
        command: &str,
        specs: &'static [Spec],
        words: &[String],
    ) -> Result<Options, String> {
        let mut given: Vec<(&'static str, String)> = Vec::new();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let (name, inline) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (word.as_str(), None),
            };
            let Some(spec) = specs.iter().find(|spec| spec.name == name) else {
                return Err(unknown(command, specs, name));
            };
            let value = match (spec.value.is_empty(), inline) {
                (true, None) => String::new(),
                (true, Some(_)) => return Err(format!("{name} takes no value")),
                (false, Some(value)) => value,
                (false, None) => {
                    let wants = || format!("{name} wants a value: {}", spec.shown());
                    words.next().ok_or_else(wants)?.clone()
                }
            };
            if given.iter().any(|(other, _)| *other == spec.name) {
                return Err(format!("{name} is given twice"));
            }
            given.push((spec.name, value));
        }
        Ok(Options { given })
    }

    /// The value, if the option was given.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.given.iter().find(|(given, _)| *given == name).map(|(_, value)| value.as_str())
    }

    /// Whether an option without a value was given.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.text(name).is_some()
    }

    /// A whole number in a range.
    pub(super) fn number(&self, name: &str, or: u64, least: u64, most: u64) -> Result<u64, String> {
        self.text(name).map_or(Ok(or), |value| number(name, value, least, most))
    }

    /// Whole numbers with commas between.
    pub(super) fn numbers(
        &self,
        name: &str,
        or: u64,
        least: u64,
        most: u64,
    ) -> Result<Vec<u64>, String> {
        let Some(list) = self.text(name) else { return Ok(vec![or]) };
        list.split(',').map(|value| number(name, value, least, most)).collect()
    }

    /// A time in seconds, with or without a fraction.
    pub(super) fn seconds(&self, name: &str, or: f64) -> Result<f64, String> {
        let Some(value) = self.text(name) else { return Ok(or) };
        let parsed = value.parse().ok().filter(|seconds| (0.0..=SECONDS_MAX).contains(seconds));
        parsed.ok_or_else(|| {
            format!("{name} is {value}; it must be a number of seconds from 0 to {SECONDS_MAX}")
        })
    }

    /// One of the queries.
    pub(super) fn query(&self, or: Query, allowed: &[Query]) -> Result<Query, String> {
        let Some(name) = self.text("--query") else { return Ok(or) };
        let names: Vec<&str> = allowed.iter().map(|query| query.name()).collect();
        let found = allowed.iter().find(|query| query.name() == name);
        found.copied().ok_or_else(|| format!("no query {name}: take {}", names.join(" or ")))
    }

    /// The modes, with commas between their names.
    pub(super) fn modes(&self) -> Result<Vec<&'static Mode>, String> {
        let Some(list) = self.text("--mode") else { return Ok(vec![&MODES[0]]) };
        let names: Vec<&str> = MODES.iter().map(|mode| mode.name).collect();
        let find = |name: &str| {
            let found = MODES.iter().find(|mode| mode.name == name);
            found.ok_or_else(|| format!("no mode {name}: take {}", names.join(" or ")))
        };
        list.split(',').map(find).collect()
    }
}

const SECONDS_MAX: f64 = 86_400.0;

fn number(name: &str, value: &str, least: u64, most: u64) -> Result<u64, String> {
    let parsed = value.parse().ok().filter(|number| (least..=most).contains(number));
    parsed.ok_or_else(|| format!("{name} is {value}; it must be a number from {least} to {most}"))
}

fn unknown(command: &str, specs: &[Spec], name: &str) -> String {
    let nearest = specs.iter().min_by_key(|spec| distance(spec.name, name));
    let near = nearest.filter(|spec| distance(spec.name, name) <= 2.max(name.len() / 3));
    let hint = near.map_or(String::new(), |spec| format!("; did you mean {}?", spec.name));
    format!("{command} has no option {name}{hint} (see sluice-bench {command} --help)")
}

/// How many letters must be added, removed or replaced.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, c) in one.chars().enumerate() {
        let mut corner = std::mem::replace(&mut row[0], at + 1);
        for (column, o) in other.iter().enumerate() {
            let replaced = corner + usize::from(c != *o);
            corner = row[column + 1];
            row[column + 1] = replaced.min(corner + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPECS: &[Spec] = &[spec("--rate", "N", ""), spec("--runs", "N", ""), JSON];

    fn parse(words: &str) -> Result<Options, String> {
        let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
        Options::parse("latency", SPECS, &words)
    }

    #[test]
    fn values_stand_behind_a_space_or_an_equals_sign() {
        let options = parse("--rate 5 --json --runs=7").unwrap();
        assert_eq!(options.number("--rate", 1, 1, 10), Ok(5));
        assert_eq!(options.number("--runs", 1, 1, 10), Ok(7));
        assert!(options.flag("--json"));
        assert_eq!(parse("").unwrap().number("--rate", 3, 1, 10), Ok(3));
        assert_eq!(parse("--rate 1,2").unwrap().numbers("--rate", 3, 1, 10), Ok(vec![1, 2]));
    }

    #[test]
    fn what_is_not_an_option_is_refused_with_the_nearest_one() {
        let unknown = parse("--rat 5").unwrap_err();
        let expected = "latency has no option --rat; did you mean --rate? \
                        (see sluice-bench latency --help)";
        assert_eq!(unknown, expected);
        assert!(!parse("--frobnicate").unwrap_err().contains("did you mean"));
        assert!(parse("5").unwrap_err().starts_with("latency has no option 5"));
    }

    #[test]
    fn a_value_that_is_missing_twice_or_out_of_range_is_refused() {
        assert_eq!(parse("--rate").unwrap_err(), "--rate wants a value: --rate N");
        assert_eq!(parse("--rate 1 --rate 2").unwrap_err(), "--rate is given twice");
        assert_eq!(parse("--json=1").unwrap_err(), "--json takes no value");
        let error = parse("--rate 11").unwrap().number("--rate", 1, 1, 10).unwrap_err();
        assert_eq!(error, "--rate is 11; it must be a number from 1 to 10");
        assert!(parse("--rate x").unwrap().numbers("--rate", 1, 1, 10).is_err());
        assert!(parse("--rate -1").unwrap().seconds("--rate", 1.0).is_err());
        assert!(parse("--rate nan").unwrap().seconds("--rate", 1.0).is_err());
    }

    #[test]
    fn the_distance_is_the_number_of_mistakes() {
        assert_eq!(distance("--rate", "--rate"), 0);
        assert_eq!(distance("--rate", "--rats"), 1);
        assert_eq!(distance("--rate", "-rat"), 2);
        assert_eq!(distance("", "abc"), 3);
    }
}
