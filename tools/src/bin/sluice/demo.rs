//! `sluice demo`: the engine on this machine for a few seconds, on trades that are made up.

mod feed;
mod meter;
mod query;
mod show;

use std::io::{IsTerminal as _, Write};
use std::time::{Duration, Instant};

use sluicedb::db::{Database, Weights};
use sluicedb::plan::Plan;

use crate::command::{Command, Failure, Options};
use feed::{Pace, feed};
use meter::Meter;
use query::Shown;

pub(crate) const COMMAND: Command = Command {
    name: "demo",
    about: "the engine on generated trades for ten seconds, with its figures",
    help: "\
Generates trades and keeps the results of a script up to date. That of the market has open, high, low,
close and VWAP (the mean price by volume) of every symbol and second, printed as each second closes;
and the VWAP of large trades, on which the time from push to changed result is measured. Then says what
it took.

Usage: sluice demo [FILE] [--seconds N] [--rate N|max] [--shards N]

  FILE             a script to run in the place of that of the market, tools/demo/market.sql, which says
                   what a script needs

  --seconds N      run so long (1 to 3600, 10 by default)
  --rate N|max     push N trades a second, or as many as are taken; by default 100 000 a second,
                   and as many as are taken in the last fifth of the time
  --shards N       run on N shards instead of one per core that is free

Example: sluice demo --seconds 1",
    run,
};

/// Trades a second where latency is measured.
const PACE: u64 = 100_000;
/// Results that come within this time of each other are shown together.
const TOGETHER: Duration = Duration::from_millis(20);

#[derive(Debug, PartialEq)]
struct Asked {
    script: Option<String>,
    seconds: u64,
    rate: Option<Pace>,
    shards: Option<usize>,
}

impl Asked {
    /// How fast to push, and for how long each.
    fn phases(&self) -> Vec<(Pace, Duration)> {
        let all = Duration::from_secs(self.seconds);
        match self.rate {
            Some(rate) => vec![(rate, all)],
            None => vec![(Pace::Rate(PACE), all * 4 / 5), (Pace::Max, all / 5)],
        }
    }
}

fn run(given: &[String], out: &mut dyn Write) -> Result<(), Failure> {
    let asked = asked(given)?;
    let db = open(asked.shards).map_err(failed)?;
    let mut shown = query::run(&db, asked.script.as_deref())?;
    show::start(out, &db)?;
    out.flush()?;
    // Rows of the first tenth warm caches and branches up.
    let meter = Meter::new(Duration::from_secs(asked.seconds) / 10);
    query::measure(&db, &meter).map_err(failed)?;
    let fed = std::thread::scope(|scope| {
        let feeding = scope.spawn(|| feed(&db, &asked.phases(), &meter));
        let followed = follow(&mut shown, out, &|| feeding.is_finished());
        let fed = feeding.join().expect("the feeder does not panic").map_err(failed);
        followed.and(fed)
    })?;
    // Everything is worked on, so what is left comes without waiting.
    follow(&mut shown, out, &|| true)?;
    show::summary(out, &db, &fed, &meter)?;
    db.close().map_err(failed)
}

fn open(shards: Option<usize>) -> Result<Database, Box<dyn std::error::Error + Send + Sync>> {
    let mut builder = Database::builder().connectors(sluicedb_ingest::connectors());
    if let Some(shards) = shards {
        builder = builder.shards(shards);
    }
    Ok(builder.start(&Plan::empty())?)
}

/// Prints results as they come, until there are no more and `over` says that none will come.
fn follow(
    shown: &mut [Shown],
    out: &mut dyn Write,
    over: &dyn Fn() -> bool,
) -> Result<(), Failure> {
    let progress = std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
    let started = Instant::now();
    loop {
        // Asked first: what was there before the end is found after it.
        let last = over();
        let mut any = false;
        for Shown { changes, came } in &mut *shown {
            while let Some(set) = changes.try_next().map_err(failed)? {
                came.push(set.into_record_batch(Weights::Always));
                any = true;
            }
        }
        if any {
            // More of the same moment may follow.
            std::thread::sleep(TOGETHER);
        } else if shown.iter().any(|shown| !shown.came.is_empty()) {
            show::clear_progress(progress);
            shown.iter_mut().try_for_each(|shown| show::rows(out, shown))?;
            out.flush()?;
        } else if last {
            show::clear_progress(progress);
            return Ok(());
        } else {
            show::progress(progress, started.elapsed());
            std::thread::sleep(TOGETHER);
        }
    }
}

fn failed(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Failure {
    Failure::Failed(error.into().to_string())
}

fn asked(given: &[String]) -> Result<Asked, Failure> {
    let mut options = Options::new(COMMAND.name, given);
    let mut asked = Asked { script: None, seconds: 10, rate: None, shards: None };
    while let Some(option) = options.option()? {
        match option {
            "--seconds" => {
                let number = options.value(option, "a number of seconds")?;
                let seconds = number.parse().ok().filter(|seconds| (1..=3600).contains(seconds));
                asked.seconds = seconds.ok_or_else(|| {
                    options.usage(&format!("--seconds takes 1 to 3600, and not `{number}`"))
                })?;
            }
            "--rate" => {
                let rate = options.value(option, "rows a second, or max")?;
                let pace = match rate {
                    "max" => Some(Pace::Max),
                    number => number.parse().ok().filter(|rate| *rate > 0).map(Pace::Rate),
                };
                asked.rate = Some(pace.ok_or_else(|| {
                    options.usage(&format!("--rate takes rows a second or max, and not `{rate}`"))
                })?);
            }
            "--shards" => {
                let number = options.value(option, "a number of shards")?;
                asked.shards = Some(number.parse().map_err(|_| {
                    options.usage(&format!("--shards takes a number, and not `{number}`"))
                })?);
            }
            word if word.starts_with('-') || asked.script.is_some() => {
                return Err(options.unknown(word));
            }
            file => asked.script = Some(file.to_owned()),
        }
    }
    Ok(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Asked, String> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        asked(&words).map_err(|failure| failure.to_string())
    }

    #[test]
    fn without_a_rate_the_last_fifth_is_as_fast_as_rows_are_taken() {
        let phases = parsed("--seconds 20").unwrap().phases();
        let expected =
            [(Pace::Rate(PACE), Duration::from_secs(16)), (Pace::Max, Duration::from_secs(4))];
        assert_eq!(phases, expected);
        let phases = parsed("--rate max").unwrap().phases();
        assert_eq!(phases, [(Pace::Max, Duration::from_secs(10))]);
        let asked = parsed("--rate=5000 --shards 2").unwrap();
        assert_eq!(asked.phases(), [(Pace::Rate(5000), Duration::from_secs(10))]);
        assert_eq!(asked.shards, Some(2));
    }

    #[test]
    fn wrong_usage_says_what_is_taken() {
        let hint = "; see `sluice demo --help`";
        let refused = |line: &str| parsed(line).unwrap_err();
        assert_eq!(
            refused("--seconds 0"),
            format!("demo: --seconds takes 1 to 3600, and not `0`{hint}")
        );
        assert_eq!(
            refused("--rate slow"),
            format!("demo: --rate takes rows a second or max, and not `slow`{hint}")
        );
        assert_eq!(refused("--rate"), format!("demo: --rate takes rows a second, or max{hint}"));
    }
}
