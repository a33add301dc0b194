//! The steps of a push, and what is written beside the rows.

use sluicedb_sql::{DataType, Field, Schema, Value};

use super::*;
use crate::core::limits::{TEXT_BYTES_MAX, UNSETTLED_STATEMENTS_MAX};
use crate::core::morsel::{Pool, Shape, ShapeId, Tie};

fn feeder(shards: u16) -> (Feeder, Pool) {
    let fields =
        vec![Field::nullable("k", DataType::Text), Field::not_null("ts", DataType::Timestamp)];
    let options = FeederOptions {
        feeder: FeederId(3),
        source: SourceId(0),
        schema: Schema::new(fields).unwrap(),
        shape: ShapeId(0),
        key: vec![0],
        time: Some(SourceTime::of(1, 10)),
        tied: true,
        logged: true,
        shards,
    };
    let shape = Shape([DataType::Text, DataType::Timestamp].into());
    (Feeder::new(options, Progress::START), Pool::new(&[shape]))
}

fn row(key: &str, ts: i64) -> Vec<Value> {
    vec![Value::text(key), Value::Timestamp(ts)]
}

fn rows(feeder: &Feeder, pool: &mut Pool, rows: &[Vec<Value>]) -> Morsel {
    let mut morsel = pool.take(ShapeId(0));
    feeder.fill(rows, &mut morsel).unwrap();
    morsel
}

/// Carries the steps out; `opens` are the epochs that reads of the open epoch find.
fn publish(feeder: &mut Feeder, opens: &[u64]) -> (Vec<String>, Vec<FeederFrame>) {
    let mut opens = opens.iter();
    let (mut trace, mut frames) = (Vec::new(), Vec::new());
    loop {
        match feeder.next_step() {
            FeederStep::StoreWord(FEEDER_IDLE) => trace.push("idle".to_owned()),
            FeederStep::StoreWord(word) => trace.push(format!("word {word}")),
            FeederStep::ReadOpen => {
                let open = *opens.next().expect("as many reads as there are epochs");
                trace.push(format!("open {open}"));
                feeder.opened(Epoch(open));
            }
            FeederStep::Publish(shard, frame) => {
                trace.push(format!("publish {shard} {}", frame.epoch));
                frames.push(frame);
            }
            FeederStep::PublishRow(shard) => {
                trace.push(format!("publish row {shard} {}", feeder.row().epoch));
            }
            FeederStep::StoreProgress(progress) => {
                trace.push(format!("progress {}", progress.sequence));
            }
            FeederStep::Rest => return (trace, frames),
        }
    }
}

#[test]
fn a_push_starts_over_when_the_open_epoch_moves() {
    let (mut feeder, mut pool) = feeder(1);
    let morsel = rows(&feeder, &mut pool, &[row("a", 100)]);
    feeder.push(morsel, Epoch(4), |_| 1, &mut pool).unwrap();
    let (trace, frames) = publish(&mut feeder, &[5, 5]);
    let expected = ["word 4", "open 5", "word 5", "open 5", "publish s0 e5", "progress 1", "idle"];
    assert_eq!(trace, expected);
    assert_eq!(frames[0].parts, 1);
    assert_eq!(feeder.progress().epoch, Epoch(5));
}

#[test]
fn the_end_of_event_time_is_no_statement_and_moves_the_watermark_for_good() {
    let (mut feeder, mut pool) = feeder(1);
    let morsel = rows(&feeder, &mut pool, &[row("a", 100)]);
    feeder.push(morsel, Epoch(4), |_| 1, &mut pool).unwrap();
    publish(&mut feeder, &[4]);
    feeder.finish(Epoch(4));
    let (trace, frames) = publish(&mut feeder, &[5, 5]);
    assert_eq!(trace, ["word 4", "open 5", "word 5", "open 5", "progress 1", "idle"]);
    assert!(frames.is_empty());
    assert_eq!(feeder.progress().watermark_at(Epoch(4)), Time(90));
    assert_eq!(feeder.progress().watermark_at(Epoch(5)), Time::MAX);
    let morsel = rows(&feeder, &mut pool, &[row("b", 500)]);
    feeder.push(morsel, Epoch(5), |_| 1, &mut pool).unwrap();
    let (_, frames) = publish(&mut feeder, &[5]);
    assert_eq!((frames[0].sequence, frames[0].morsel.behind(0)), (2, Time::MAX));
}

#[test]
fn rows_behind_their_own_watermark_say_so_whatever_the_batch() {
    let times = [100, 95, 89, 120, 105];
    let marks = |batches: &[usize]| {
        let (mut feeder, mut pool) = feeder(1);
        let (mut at, mut marks) = (0, Vec::new());
        for &batch in batches {
            let batch: Vec<_> = times[at..at + batch].iter().map(|&ts| row("a", ts)).collect();
            at += batch.len();
            let morsel = rows(&feeder, &mut pool, &batch);
            feeder.push(morsel, Epoch(1), |_| 1, &mut pool).unwrap();
            let (_, frames) = publish(&mut feeder, &[1]);
            let morsel = &frames[0].morsel;
            marks.extend((0..morsel.rows()).map(|at| (morsel.behind(at), morsel.tie(at))));
        }
        marks
    };
    let first = 3u128 << 48;
    let tie = |row: u128| Tie(first + row);
    let expected = [
        (Time::MIN, tie(0)),
        (Time::MIN, tie(1)),
        (Time(90), tie(2)),
        (Time::MIN, tie(3)),
        (Time(110), tie(4)),
    ];
    assert_eq!(marks(&[5]), expected);
    assert_eq!(marks(&[1, 1, 1, 1, 1]), expected);
    assert_eq!(marks(&[2, 3]), expected);
}

#[test]
fn the_watermark_at_the_end_of_an_epoch_does_not_depend_on_when_it_is_read() {
    let (mut feeder, mut pool) = feeder(1);
    for (epoch, ts) in [(1, 100), (1, 130), (3, 200), (3, 210)] {
        let morsel = rows(&feeder, &mut pool, &[row("a", ts)]);
        feeder.push(morsel, Epoch(epoch), |_| 1, &mut pool).unwrap();
        let (_, frames) = publish(&mut feeder, &[epoch]);
        let opening = if epoch == 1 { Time::MIN } else { Time(120) };
        assert_eq!(frames[0].opening, opening);
    }
    let progress = feeder.progress();
    assert_eq!(progress.watermark_at(Epoch(1)), Time(120));
    assert_eq!(progress.watermark_at(Epoch(2)), Time(120));
    assert_eq!(progress.watermark_at(Epoch(3)), Time(200));
}

#[test]
fn a_full_lane_takes_nothing_of_the_statement() {
    let (mut feeder, mut pool) = feeder(8);
    let batch: Vec<_> = (0..64).map(|key| row(&key.to_string(), 1)).collect();
    let morsel = rows(&feeder, &mut pool, &batch);
    let room = |shard: ShardId| usize::from(shard != ShardId(5));
    let refused = feeder.push(morsel, Epoch(1), room, &mut pool).unwrap_err();
    assert_eq!(refused.error, PushError::Full { shard: ShardId(5) });
    assert!(feeder.rests());
    assert_eq!(*feeder.progress(), Progress::START);
    feeder.push(refused.rows, Epoch(1), |_| 1, &mut pool).unwrap();
    let (_, frames) = publish(&mut feeder, &[1]);
    assert_eq!(frames.len(), 8);
    assert!(frames.iter().all(|frame| frame.parts == 0xff && frame.sequence == 1));
    assert_eq!(frames.iter().map(|frame| frame.morsel.rows()).sum::<usize>(), 64);
}

#[test]
fn a_feeder_waits_for_the_disk_after_a_bounded_number_of_statements() {
    let (mut feeder, mut pool) = feeder(1);
    for _ in 0..UNSETTLED_STATEMENTS_MAX {
        let morsel = rows(&feeder, &mut pool, &[row("a", 100)]);
        feeder.push(morsel, Epoch(1), |_| 1, &mut pool).unwrap();
        let (_, frames) = publish(&mut feeder, &[1]);
        frames.into_iter().for_each(|frame| pool.put(frame.morsel));
    }
    assert_eq!(pool.made(), 1, "what comes back is used again");
    let statements = UNSETTLED_STATEMENTS_MAX;
    let morsel = rows(&feeder, &mut pool, &[row("a", 100)]);
    let refused = feeder.push(morsel, Epoch(1), |_| 1, &mut pool).unwrap_err();
    assert_eq!(refused.error, PushError::Unsettled { statements });
    feeder.settle(1);
    assert!(feeder.push(refused.rows, Epoch(1), |_| 1, &mut pool).is_ok());
}

#[test]
fn a_row_that_does_not_fit_is_refused_with_its_column_and_bound() {
    let (feeder, mut pool) = feeder(1);
    let refused = |rows: &[Vec<Value>], pool: &mut Pool| {
        let mut morsel = pool.take(ShapeId(0));
        let error = feeder.fill(rows, &mut morsel).unwrap_err().to_string();
        assert!(morsel.is_empty());
        error
    };
    let long = "x".repeat(TEXT_BYTES_MAX + 1);
    let cases = [
        (vec![row("a", 1), vec![Value::Null]], "row 1 has 1 values for 2 columns"),
        (vec![vec![Value::Null, Value::Null]], "\"ts\""),
        (vec![vec![Value::Int(1), Value::Timestamp(1)]], "\"k\""),
        (vec![row(&long, 1)], "column \"k\": 1048577 is more than the limit of 1048576"),
        (vec![row("a", 1); 1025], "1025 rows in one push, which takes at most 1024"),
        (vec![row(&long[1..], 1); 5], "5242880 bytes of text in one push"),
    ];
    let far = row("a", i64::MAX);
    let cases = cases.into_iter().chain([(vec![far], "farther from 1970")]);
    for (rows, expected) in cases {
        let error = refused(&rows, &mut pool);
        assert!(error.contains(expected), "{error:?} lacks {expected:?}");
    }
}
