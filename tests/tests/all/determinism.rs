//! The same seed is the same run.

use sluicedb_tests::sweep::spread;
use sluicedb_tests::world::{replay, run};

const SEEDS: u64 = 50;

#[test]
fn a_seed_runs_twice_alike() {
    let twice = |seed| {
        let hash =
            || run(seed, &[]).map(|summary| summary.hash).map_err(|failure| failure.to_string());
        let (first, second) = (hash()?, hash()?);
        if first == second { Ok(first) } else { Err(first_difference(seed)) }
    };
    let mut hashes = spread(SEEDS, twice, |_| {}).unwrap_or_else(|problem| panic!("{problem}"));
    hashes.sort_unstable();
    hashes.dedup();
    assert_eq!(hashes.len() as u64, SEEDS, "runs of different seeds are different runs");
}

fn first_difference(seed: u64) -> String {
    let (first, second) = (replay(seed, &[]).lines, replay(seed, &[]).lines);
    let differ = first.iter().zip(&second).position(|(first, second)| first != second);
    let line = |lines: &[String], at: usize| lines.get(at).cloned().unwrap_or_default();
    match differ {
        Some(at) => format!("seed {seed} differs:\n{}\n{}", line(&first, at), line(&second, at)),
        None => format!("seed {seed} differs beside its trace: cargo sim {seed}"),
    }
}
