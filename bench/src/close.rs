//! How long the first row of a window waits once the watermark has passed its end.

use std::time::Duration;

use crate::core_run::CoreRun;
use crate::trades::{Query, Trades, plan};

/// Groups of a window.
pub const GROUPS: usize = 10_000;

/// Rows of work a turn: the shell looks at effects between two turns.
pub const TURN_FUEL: usize = 32;

const SECOND: i64 = 1_000_000;
const BATCH: usize = 1024;

/// Windows that one database closes: its view keeps their rows.
pub const CLOSES_PER_RUN: usize = 50;

/// What closing windows took, in ascending order.
#[derive(Clone, Debug)]
pub struct Closes {
    /// From handing in the row that moves the watermark to the first rows published.
    pub first: Vec<Duration>,
    /// From the same moment until nothing is left to do.
    pub all: Vec<Duration>,
}

/// Fills and closes `closes` windows of [`GROUPS`] groups each.
pub fn run(closes: usize) -> Result<Closes, String> {
    let names: Vec<String> = (0..GROUPS).map(|n| format!("SYM{n:05}")).collect();
    let mut closed = Closes { first: Vec::new(), all: Vec::new() };
    for start in (0..closes).step_by(CLOSES_PER_RUN) {
        close(CLOSES_PER_RUN.min(closes - start), &names, &mut closed)?;
    }
    closed.first.sort_unstable();
    closed.all.sort_unstable();
    Ok(closed)
}

fn close(closes: usize, names: &[String], closed: &mut Closes) -> Result<(), String> {
    let plan = plan(Query::Tumble).map_err(|error| error.to_string())?;
    let mut run = CoreRun::new(&plan).map_err(|error| error.to_string())?;
    for second in 0..=closes as i64 {
        // The first row of a second closes the window of the one before.
        let rows = trades(second, 0..1);
        for batch in run.batches(&rows, names, BATCH) {
            let (first, all) = run.push_timed(batch, TURN_FUEL);
            closed.first.extend(first);
            closed.all.extend(first.map(|_| all));
        }
        let rows = trades(second, 1..GROUPS);
        for batch in run.batches(&rows, names, BATCH) {
            run.push(batch);
        }
        run.end_epoch();
    }
    assert_eq!(run.published, (closes * GROUPS) as u64, "every group of a closed window came out");
    Ok(())
}

/// One trade of each of some symbols, in one second.
fn trades(second: i64, symbols: std::ops::Range<usize>) -> Trades {
    let prices = symbols.clone().map(|symbol| symbol as i64 + 1).collect();
    let times = symbols.clone().map(|_| second * SECOND).collect();
    Trades { symbols: symbols.clone().collect(), prices, sizes: vec![1; symbols.len()], times }
}
