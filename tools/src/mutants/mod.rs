//! Plants known bugs in a copy of the workspace and demands that a named test catches each.
//!
//! A green suite proves nothing until somebody has broken the code under it.

mod cargo;
mod copy;
mod patch;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

pub use cargo::Outcome;
pub use patch::{Build, Mutant, all};

use crate::error::Error;
use copy::Copy;

/// How to hunt.
#[derive(Debug)]
pub struct Options {
    /// The folder for the copies and their builds. It is kept, and makes the next run quick.
    pub scratch: PathBuf,
    /// How many copies are broken at the same time.
    pub copies: usize,
    /// How long the tests of one mutant may run.
    pub limit: Duration,
}

/// What the suite made of one mutant.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A test noticed; which.
    Caught(String),
    /// No test noticed; why it does not count.
    Missed(String),
}

/// Hunts `mutants`, tells of each on `out`, and returns how many were missed.
///
/// The same tests must first pass without any of the bugs.
pub fn hunt(
    root: &Path,
    mutants: &[Mutant],
    options: &Options,
    out: &mut impl Write,
) -> Result<usize, Error> {
    let Options { scratch, copies, limit } = options;
    let copies = open(root, scratch, *copies, mutants, *limit)?;
    let width = mutants.iter().map(|mutant| mutant.name.len()).max().unwrap_or(0);
    let mut missed = 0;
    let next = AtomicUsize::new(0);
    let (report, reports) = mpsc::channel();
    std::thread::scope(|scope| {
        for copy in &copies {
            let (next, report) = (&next, report.clone());
            scope.spawn(move || {
                while let Some(mutant) = mutants.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let start = Instant::now();
                    let verdict = hunt_one(copy, mutant, *limit);
                    if report.send((mutant, verdict, start.elapsed())).is_err() {
                        return;
                    }
                }
            });
        }
        drop(report);
        for (mutant, verdict, took) in reports {
            let (word, text) = match verdict? {
                Verdict::Caught(by) => ("caught", format!("by {by}")),
                Verdict::Missed(why) => ("MISSED", why),
            };
            missed += usize::from(word == "MISSED");
            let seconds = took.as_secs_f64();
            tell(out, &format!("{word}  {:width$}  {text}  in {seconds:.1} s", mutant.name));
        }
        Ok::<(), Error>(())
    })?;
    for copy in &copies {
        copy.restore()?;
    }
    tell(out, &format!("{} caught, {missed} missed", mutants.len() - missed));
    Ok(missed)
}

/// Copies whose tests pass: the first shows it, and the others start from its builds.
fn open(
    root: &Path,
    scratch: &Path,
    count: usize,
    mutants: &[Mutant],
    limit: Duration,
) -> Result<Vec<Copy>, Error> {
    assert!(count > 0, "somebody has to do it");
    let first = Copy::open(root, &scratch.join("0"))?;
    first.restore()?;
    baseline(&first, mutants, limit)?;
    let mut copies = vec![first];
    for index in 1..count.min(mutants.len()) {
        let copy = Copy::open(root, &scratch.join(index.to_string()))?;
        copy.adopt_builds(&copies[0])?;
        copies.push(copy);
    }
    Ok(copies)
}

/// What is told is a courtesy: a reader who left early does not stop the hunt.
fn tell(out: &mut impl Write, line: &str) {
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

fn baseline(copy: &Copy, mutants: &[Mutant], limit: Duration) -> Result<(), Error> {
    let mut builds: BTreeMap<&Build, Vec<&str>> = BTreeMap::new();
    for mutant in mutants {
        builds.entry(&mutant.build).or_default().extend(mutant.tests.iter().map(String::as_str));
    }
    for (build, filters) in builds {
        // One call runs the tests of many mutants.
        let outcome = cargo::test(copy, build, &filters, limit * 4)?;
        unbroken(&outcome, &filters).map_err(|why| Error::Baseline { why })?;
    }
    Ok(())
}

fn hunt_one(copy: &Copy, mutant: &Mutant, limit: Duration) -> Result<Verdict, Error> {
    copy.restore()?;
    if let Err(error) = copy.plant(mutant) {
        return Ok(Verdict::Missed(error.to_string()));
    }
    let filters: Vec<&str> = mutant.tests.iter().map(String::as_str).collect();
    let outcome = cargo::test(copy, &mutant.build, &filters, mutant.limit.unwrap_or(limit))?;
    Ok(judge(&outcome, mutant.hang))
}

/// Whether tests passed, at least one for every filter.
fn unbroken(outcome: &Outcome, filters: &[&str]) -> Result<(), String> {
    let Outcome::Ended { success, passed, failed, .. } = outcome else {
        return Err(match outcome {
            Outcome::NotBuilt(said) => format!("the tests do not compile:\n{}", tail(said)),
            _ => "the tests do not end".to_owned(),
        });
    };
    if !success {
        return Err(format!("tests fail: {}", failed.join(", ")));
    }
    let unknown = |filter: &&&str| !passed.iter().any(|name| name.contains(**filter));
    match filters.iter().find(unknown) {
        Some(filter) => Err(format!("no test passes that matches `{filter}`")),
        None => Ok(()),
    }
}

fn judge(outcome: &Outcome, hang: bool) -> Verdict {
    match outcome {
        Outcome::NotBuilt(said) => Verdict::Missed(format!("it does not compile:\n{}", tail(said))),
        Outcome::TimedOut if hang => Verdict::Caught("its time limit".to_owned()),
        Outcome::TimedOut => Verdict::Missed("its tests do not end (`hang: yes`?)".to_owned()),
        Outcome::Ended { started: 0, .. } => Verdict::Missed("no test ran".to_owned()),
        Outcome::Ended { success: true, passed, .. } => {
            Verdict::Missed(format!("still passes: {}", passed.join(", ")))
        }
        Outcome::Ended { failed, .. } => Verdict::Caught(match &failed[..] {
            [] => "the death of the test process".to_owned(),
            [one] => one.clone(),
            [first, rest @ ..] => format!("{first} and {} more", rest.len()),
        }),
    }
}

/// The end of a long output.
fn tail(said: &str) -> String {
    let lines: Vec<&str> = said.trim_end().lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(success: bool, passed: &[&str], failed: &[&str], started: usize) -> Outcome {
        let own = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Outcome::Ended { success, passed: own(passed), failed: own(failed), started }
    }

    #[test]
    fn a_failing_test_catches() {
        let caught = |by: &str| Verdict::Caught(by.to_owned());
        assert_eq!(judge(&ended(false, &["a"], &["b"], 2), false), caught("b"));
        assert_eq!(judge(&ended(false, &[], &["b", "c"], 2), false), caught("b and 1 more"));
        assert_eq!(
            judge(&ended(false, &[], &[], 1), false),
            caught("the death of the test process")
        );
    }

    #[test]
    fn a_mutant_that_proves_nothing_is_missed() {
        let missed = |outcome: &Outcome| match judge(outcome, false) {
            Verdict::Missed(why) => why,
            Verdict::Caught(by) => panic!("caught by {by}"),
        };
        assert_eq!(missed(&ended(true, &["a"], &[], 1)), "still passes: a");
        assert_eq!(missed(&ended(false, &[], &[], 0)), "no test ran");
        assert_eq!(missed(&Outcome::TimedOut), "its tests do not end (`hang: yes`?)");
        assert_eq!(missed(&Outcome::NotBuilt("E1".into())), "it does not compile:\nE1");
    }

    #[test]
    fn a_hang_counts_where_it_is_expected() {
        assert_eq!(judge(&Outcome::TimedOut, true), Verdict::Caught("its time limit".to_owned()));
    }

    #[test]
    fn every_filter_needs_a_test_that_passes_without_the_bug() {
        let filters = ["a::", "b"];
        assert_eq!(unbroken(&ended(true, &["a::x", "b"], &[], 2), &filters), Ok(()));
        let unknown = Err("no test passes that matches `b`".to_owned());
        assert_eq!(unbroken(&ended(true, &["a::x"], &[], 1), &filters), unknown);
        let fails = Err("tests fail: b".to_owned());
        assert_eq!(unbroken(&ended(false, &["a::x"], &["b"], 2), &filters), fails);
    }
}
