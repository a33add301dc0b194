//! What opening refuses, and with which words.

use sluicedb_sql::plan::Builder;
use sluicedb_sql::{DataType, Field, Schema};

use super::*;
use crate::core::frame::FeederFrame;
use crate::core::graph::{Route, lower};
use crate::core::ids::{FeederId, SourceId, Time};
use crate::core::morsel::Pool;

fn graph() -> Arc<Graph> {
    let mut builder = Builder::new();
    let schema = Schema::new(vec![Field::not_null("k", DataType::Int)]).unwrap();
    let source = builder.source("s", schema, None).unwrap();
    builder.view(source, "v", &[]).unwrap();
    Arc::new(lower(&builder.finish().unwrap(), Route::Rows).unwrap())
}

fn options() -> DatabaseOptions {
    DatabaseOptions {
        shards: 2,
        logged: vec![true],
        log: Some(LogOptions::default()),
        epoch_interval_ns: 1,
        checkpoint_interval_ns: 1,
        checkpoint_deltas_max: 1,
        checkpoint_writes_max: 1,
        seed: 0,
    }
}

fn refused(options: &DatabaseOptions) -> String {
    let memory = |_| (Region::heap(64), Region::heap(64));
    match open(&NoFiles, &graph(), options, memory) {
        Ok(_) => "nothing".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn an_option_out_of_range_is_refused_with_its_name_and_bounds() {
    let log = LogOptions::default();
    let cases = [
        (DatabaseOptions { shards: 0, ..options() }, "shards is 0; it must be from 1 to 64"),
        (DatabaseOptions { shards: 65, ..options() }, "shards is 65; it must be from 1 to 64"),
        (
            DatabaseOptions { logged: vec![], ..options() },
            "the number of durability choices is 0; it must be from 1 to 1",
        ),
        (
            DatabaseOptions { epoch_interval_ns: 0, ..options() },
            "epoch_interval_ns is 0; it must be from 1 to",
        ),
        (
            DatabaseOptions { checkpoint_writes_max: 0, ..options() },
            "checkpoint_writes_max is 0; it must be from 1 to",
        ),
        (
            DatabaseOptions { checkpoint_deltas_max: 65, ..options() },
            "checkpoint_deltas_max is 65; it must be from 0 to 64",
        ),
        (
            DatabaseOptions {
                log: Some(LogOptions { segment_blocks: 1, ..log.clone() }),
                ..options()
            },
            "segment_blocks is 1; it must be from 2 to",
        ),
        (
            DatabaseOptions {
                log: Some(LogOptions { record_bytes_max: 1000, ..log.clone() }),
                ..options()
            },
            "record_bytes_max is 1000; it must be from 8388608 to",
        ),
    ];
    for (options, expected) in cases {
        let error = refused(&options);
        assert!(error.starts_with(expected), "{error:?} does not start with {expected:?}");
    }
}

#[test]
fn a_directory_that_nobody_founded_is_refused() {
    assert_eq!(refused(&options()), "identity is missing");
}

#[test]
fn memory_that_the_plan_cannot_begin_with_is_refused() {
    let options = DatabaseOptions { log: None, ..options() };
    assert_eq!(refused(&options), "nothing");
    let memory = |_| (Region::heap(15), Region::heap(64));
    let error = open(&NoFiles, &graph(), &options, memory).err().unwrap();
    let expected = "blocks of state is 15; it must be from 16 to";
    assert!(error.to_string().starts_with(expected), "{error}");
}

/// A statement of a log: by whom, of which source, and its number.
fn logged(feeder: u32, source: u16, sequence: u64) -> FeederFrame {
    FeederFrame {
        feeder: FeederId(feeder),
        source: SourceId(source),
        epoch: Epoch(1),
        sequence,
        parts: 1,
        opening: Time::MIN,
        watermark: Time(sequence as i64 * 10),
        rows_numbered: sequence * 2,
        position: None,
        morsel: Pool::new(&graph().shapes).take(graph().sources[0].shape),
    }
}

#[test]
fn feeders_that_only_the_log_knows_are_found_and_counted_from_there() {
    let base = [FeederMark {
        sequence: 4,
        watermark: Time(40),
        rows_numbered: 8,
        ..FeederMark::start(FeederId(0), SourceId(0))
    }];
    let logs = [vec![logged(0, 0, 5)], vec![logged(2, 1, 1), logged(2, 1, 2)]];
    let reached = feeders::reached(&base, &logs).unwrap();
    let found = reached.iter().map(|mark| (mark.source.0, mark.sequence, mark.watermark.0));
    let expected = [(0, 5, 50), (0, 0, i64::MIN), (1, 2, 20)];
    assert_eq!(found.collect::<Vec<_>>(), expected, "the one between has left no trace");
    let before = feeders::before_replay(&base, &reached);
    let found = before.iter().map(|mark| (mark.source.0, mark.sequence, mark.watermark.0));
    assert_eq!(found.collect::<Vec<_>>(), [(0, 4, 50), (0, 0, i64::MIN), (1, 0, 20)]);
}

#[test]
fn a_log_that_gives_a_feeder_two_sources_is_refused() {
    let logs = [vec![logged(0, 0, 1), logged(0, 1, 2)]];
    let error = feeders::reached(&[], &logs).unwrap_err();
    assert!(error.to_string().contains("its log gives a feeder two sources"), "{error}");
}
