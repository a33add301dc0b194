//! The fixed seeds see everything they should: a family that silently ran no case of something
//! proves nothing about it.

use sluicedb_tests::workload::FEATURES;

use crate::fixed;

/// Runs that must see each of these at least.
const EVENTS: &[(&str, usize)] = &[
    ("base checkpoint", 1000),
    ("compared epoch with rows", 1000),
    ("compared what sources keep", 700),
    ("crash", 800),
    ("crash before the database was ready", 100),
    ("dead letter", 20),
    ("changed graph recovered", 80),
    ("delta checkpoint", 500),
    ("epoch opened during a push", 500),
    ("feeder attached again", 500),
    ("feeder attached late", 700),
    ("event time with the clock", 50),
    ("feeder detached", 500),
    ("feeder idle", 200),
    ("feeder known from the log alone", 250),
    ("feeder woken", 100),
    ("full push", 200),
    ("graph changed", 50),
    ("lane held or stage full", 500),
    ("opened with another number of shards", 100),
    ("paused shard", 200),
    ("producer known by its name", 300),
    ("query goes on", 10),
    ("query stands still", 40),
    ("relation dropped", 20),
    ("replay", 200),
    ("retraction", 400),
    ("row behind its watermark", 200),
    ("row behind its source after silence", 50),
    ("row behind the floor", 300),
    ("row as a record", 300),
    ("rows merged at stage 0", 300),
    ("rows owed to who came", 50),
    ("sealed", 1000),
    ("settled", 500),
    ("sink cut off", 20),
    ("sink failed", 5),
    ("sink goes on", 20),
    ("sink marked", 100),
    ("statement pushed again", 200),
    ("stopped by the disk", 50),
    ("torn crash", 100),
];

/// Runs that must have each construct of a query.
const FEATURE_RUNS: usize = 20;

fn runs_with(what: &str) -> usize {
    fixed::passed().iter().filter(|run| run.seen.contains_key(what)).count()
}

#[test]
fn every_event_occurs() {
    let short = EVENTS.iter().map(|(what, least)| (*what, runs_with(what), *least));
    let short: Vec<_> = short.filter(|(_, runs, least)| runs < least).collect();
    assert!(short.is_empty(), "too few runs saw (what, runs, least): {short:?}");
}

#[test]
fn every_construct_of_a_query_occurs() {
    let short = FEATURES.iter().map(|feature| (*feature, runs_with(feature)));
    let short: Vec<_> = short.filter(|(_, runs)| *runs < FEATURE_RUNS).collect();
    assert!(short.is_empty(), "too few runs have (what, runs): {short:?}");
}
