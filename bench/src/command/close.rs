//! `close`: how long the first row of a window waits once the watermark has passed its end.

use std::io::Write;
use std::time::Duration;

use super::options::{Options, Spec, spec};
use super::{Command, Failure, print};
use crate::close::{self, Closes};
use crate::drive::watch;
use crate::engine;
use crate::machine::Machine;
use crate::report::duration;
use crate::subject::Setup;
use crate::trades::Query;

pub(super) const COMMAND: Command = Command {
    name: "close",
    about: "from the push that moves the watermark to the first row of a window of 10000 groups",
    help: "core: in the core, without a database around it. inline: to the callback, in a database
that is turned by the thread that pushes. cross: to the callback on the shard's own CPU.",
    example: "close --runs 1000",
    options: OPTIONS,
    run,
};

const OPTIONS: &[Spec] = &[spec("--runs", "N", "windows that close (1000)")];

/// How long hiccups are watched before the windows.
const WATCH_S: f64 = 1.0;

fn run(options: &Options, out: &mut dyn Write) -> Result<(), Failure> {
    let closes = options.number("--runs", 1000, 1, 1 << 20).map_err(Failure::Usage)? as usize;
    let setup = Setup::new(Query::Tumble, 1)?;
    let hiccups = watch(setup.clock, setup.cpus.producer, WATCH_S)?.delays().percentiles();
    let mut text = format!(
        "{}\n\nclose  {closes} windows of {} groups, hiccup p99 {}\n",
        Machine::here(),
        close::GROUPS,
        duration(hiccups.p99_ns)
    );
    text += &lines("core", &close::run(closes)?);
    text += &lines("inline", &engine::close::run(closes, true)?);
    text += &lines("cross", &engine::close::run(closes, false)?);
    print(out, &text)
}

/// One line for the first rows and one for all.
pub(super) fn lines(who: &str, closed: &Closes) -> String {
    let mut text = String::new();
    for (what, times) in [("first rows", &closed.first), ("all rows", &closed.all)] {
        let [p50, p90, p99, max] = [0.5, 0.9, 0.99, 1.0].map(|share| at(times, share));
        text += &format!("{who:>8} {what:>10}: p50 {p50}, p90 {p90}, p99 {p99}, max {max}\n");
    }
    text
}

fn at(times: &[Duration], share: f64) -> String {
    let at = (times.len() - 1) as f64 * share;
    duration(times[at as usize].as_nanos() as u64)
}
