//! Continuous queries give what bounded ones give over the same rows: random queries against
//! DataFusion.

mod matrix;

use std::time::Instant;

use sluicedb_tests::differ::{Options, run};

/// Where all draws come from, unless the environment says otherwise.
const SEED: u64 = 20_240_229;
const CASES: usize = 2000;

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is a number")))
}

/// `SLUICE_DIFFER_SEED` runs the one group of cases that a failure names; `SLUICE_DIFFER_CASES` is
/// how many there are, of a run that `SLUICE_DIFFER_RUN` is the seed of.
#[test]
fn continuous_queries_give_what_bounded_ones_give() {
    let one = number("SLUICE_DIFFER_SEED");
    let cases = number("SLUICE_DIFFER_CASES").map_or(CASES, |cases| cases as usize);
    let seed = one.or(number("SLUICE_DIFFER_RUN")).unwrap_or(SEED);
    let start = Instant::now();
    let tally = run(Options { seed, cases, one_group: one.is_some() });
    // How long that takes is the machine's affair, and no reason to fail.
    println!("{tally}in {:.1} s", start.elapsed().as_secs_f64());
    let differences = &tally.differences;
    let shown: Vec<&str> = differences.iter().take(5).map(String::as_str).collect();
    assert!(differences.is_empty(), "{} differ:\n{}", differences.len(), shown.join("\n\n"));
    if one.is_none() && cases >= CASES {
        assert!(tally.lacks().is_empty(), "{:#?}", tally.lacks());
    }
}
