//! The order in which epochs are opened, closed and sealed.

use std::sync::Arc;

use sluicedb_sql::plan::{Idle, SourceTime};
use sluicedb_sql::{DataType, Field, Schema};
use sluicedb_wal::{Failure, FileRef, Lsn, Statement};

use super::*;
use crate::core::effect::SinkId;
use crate::core::feeder::{Position, Progress};
use crate::core::graph::SourceSpec;
use crate::core::ids::{SourceId, Time, ViewId};
use crate::core::morsel::ShapeId;

fn coordinator() -> Coordinator {
    over(&Graph::empty())
}

/// One that is ready, of one source whose feeders are idle after 100 us.
fn idle_after_100() -> Coordinator {
    let idle = Some(Idle { timeout_us: 100, advances: false });
    let mut graph = Graph::empty();
    graph.sources.add(SourceSpec {
        name: "s".into(),
        schema: Schema::new(vec![Field::not_null("ts", DataType::Timestamp)]).unwrap(),
        shape: ShapeId(0),
        key: vec![0],
        time: Some(SourceTime { idle, ..SourceTime::of(0, 0) }),
        tied: false,
        retained: None,
    });
    let mut coordinator = over(&graph);
    run(&mut coordinator, vec![from(0, Report::Open), from(1, Report::Open)]);
    coordinator
}

fn over(graph: &Graph) -> Coordinator {
    with_sinks(graph, &[])
}

fn with_sinks(graph: &Graph, sinks: &[SinkMark]) -> Coordinator {
    let options = CoordinatorOptions {
        shards: 2,
        epoch_interval_ns: 10,
        checkpoint_interval_ns: Some(1000),
        database: 1,
        plan: 2,
        history: Arc::from([]),
    };
    let mark = FeederMark { sequence: 4, ..FeederMark::start(FeederId(0), SourceId(0)) };
    let start = CoordinatorStart {
        epoch: Epoch(5),
        manifests: vec![],
        files: vec![],
        feeders: vec![mark],
        producers: vec![],
        sinks: sinks.to_vec(),
        moves: false,
    };
    Coordinator::new(options, graph, start)
}

fn part(epoch: u64, shard: u16) -> Report {
    let name = FileName::Checkpoint { shard, epoch };
    Report::Acknowledged(Part {
        epoch: Epoch(epoch),
        files: vec![FileRef { name, bytes: 8192, hash: 7 }],
        log_from: Lsn(u64::from(shard) * 100),
        log_durable: Lsn(500),
        digest: 0,
        feeders: vec![FeederMark {
            feeder: FeederId(0),
            source: SourceId(0),
            sequence: 10 + u64::from(shard),
            watermark: Time(5),
            rows_numbered: 20,
            position: Some(Position { offset: 100 + u64::from(shard), check: 0 }),
        }],
        sources: vec![Time(5)],
    })
}

/// Gives the coordinator inputs and prints what it asks for; disk operations complete at once.
fn run(coordinator: &mut Coordinator, inputs: Vec<CoordinatorInput>) -> Vec<String> {
    let mut said = Vec::new();
    for input in inputs {
        let mut effects = Vec::new();
        coordinator.step(input, &mut effects);
        let mut at = 0;
        while at < effects.len() {
            if let CoordinatorEffect::Disk(issued) = &effects[at] {
                let (ticket, result) = (issued.ticket, Ok(()));
                let completed = CoordinatorInput::Completed { ticket, result };
                coordinator.step(completed, &mut effects);
            }
            at += 1;
        }
        said.extend(effects.iter().filter_map(say));
    }
    said
}

fn say(effect: &CoordinatorEffect) -> Option<String> {
    Some(match effect {
        CoordinatorEffect::Ready => "ready".into(),
        CoordinatorEffect::Open(epoch) => format!("open {epoch}"),
        CoordinatorEffect::Order(shard, Order::Close(barrier)) => {
            let checkpoint = if barrier.checkpoint { " checkpoint" } else { "" };
            let read = if barrier.read { " read" } else { "" };
            format!("{shard} close {}{checkpoint}{read}", barrier.epoch)
        }
        CoordinatorEffect::Order(shard, Order::Attach { feeder, source }) => {
            format!("{shard} attach {feeder} {source}")
        }
        CoordinatorEffect::Order(shard, Order::Detach { feeder }) => {
            format!("{shard} detach {feeder}")
        }
        CoordinatorEffect::Order(shard, Order::Idle { feeder }) => format!("{shard} idle {feeder}"),
        CoordinatorEffect::Order(shard, Order::Wake { feeder }) => format!("{shard} wake {feeder}"),
        CoordinatorEffect::Order(shard, Order::Advance { source, by_us }) => {
            format!("{shard} advance {source} {by_us}")
        }
        CoordinatorEffect::Order(shard, Order::Install(_)) => format!("{shard} install"),
        CoordinatorEffect::Order(shard, Order::Release) => format!("{shard} release"),
        CoordinatorEffect::Order(shard, Order::Stop(stopped)) => {
            format!("{shard} stop {}", stopped.relation)
        }
        CoordinatorEffect::Order(shard, Order::Sealed { epoch, log_from }) => {
            format!("{shard} sealed {epoch} from {}", log_from.0)
        }
        CoordinatorEffect::Disk(_) => return None,
        CoordinatorEffect::Passed(epoch) => format!("passed {epoch}"),
        CoordinatorEffect::Stopped(stopped) => format!("stopped {}", stopped.relation),
        CoordinatorEffect::Attached { feeder, progress, position: _ } => {
            let Progress { epoch, sequence, opening, watermark, rows_numbered } = progress;
            assert_eq!(opening, watermark);
            format!("attached {feeder} {epoch} {sequence} {} {rows_numbered}", watermark.0)
        }
        CoordinatorEffect::Detached { feeder } => format!("detached {feeder}"),
        CoordinatorEffect::Readable(epoch) => format!("readable {epoch}"),
        CoordinatorEffect::Settled { feeder, sequence } => format!("settled {feeder} {sequence}"),
        CoordinatorEffect::Sealed { epoch, feeders } => {
            let position = feeders[0].position.expect("each part has one");
            format!("sealed {epoch} {} at {}", feeders[0].sequence, position.offset)
        }
        CoordinatorEffect::Installed(_) => "installed".into(),
        CoordinatorEffect::Pinned(manifest) => format!("pinned e{}", manifest.epoch),
        CoordinatorEffect::Poisoned(poison) => format!("poisoned {poison:?}"),
    })
}

fn from(shard: u16, report: Report) -> CoordinatorInput {
    CoordinatorInput::Report(ShardId(shard), report)
}

fn passed(epoch: u64) -> Vec<CoordinatorInput> {
    (0..2).map(|shard| from(shard, Report::Passed(Epoch(epoch)))).collect()
}

fn rows(epoch: u64) -> Report {
    Report::Rows(Epoch(epoch))
}

fn ready() -> Coordinator {
    let mut coordinator = coordinator();
    let opened = run(&mut coordinator, vec![from(0, Report::Open), from(1, Report::Open)]);
    assert_eq!(opened, ["open e5", "ready"]);
    coordinator
}

const READ: CoordinatorInput = CoordinatorInput::Wanted { checkpoint: false, read: true };
const CHECKPOINT: CoordinatorInput = CoordinatorInput::Wanted { checkpoint: true, read: false };

#[test]
fn no_epoch_closes_before_every_shard_is_ready() {
    let mut coordinator = coordinator();
    let early = vec![CoordinatorInput::Clock(500), READ, from(1, Report::Open)];
    assert_eq!(run(&mut coordinator, early), Vec::<String>::new());
    let said = run(&mut coordinator, vec![from(0, Report::Open)]);
    let expected = ["open e5", "ready", "open e6", "s0 close e5 read", "s1 close e5 read"];
    assert_eq!(said, expected);
}

#[test]
fn the_next_epoch_closes_only_after_the_last_has_passed_everywhere() {
    let mut coordinator = ready();
    let said = run(&mut coordinator, vec![from(0, rows(5)), CoordinatorInput::Clock(10)]);
    assert_eq!(said, ["open e6", "s0 close e5", "s1 close e5"]);
    let early =
        vec![from(0, rows(6)), CoordinatorInput::Clock(90), from(1, Report::Passed(Epoch(5)))];
    assert_eq!(run(&mut coordinator, early), Vec::<String>::new());
    let said = run(&mut coordinator, vec![from(0, Report::Passed(Epoch(5)))]);
    assert_eq!(said, ["passed e5", "open e7", "s0 close e6", "s1 close e6"]);
}

#[test]
fn a_second_read_waits_for_the_first_without_closing_epochs_meanwhile() {
    let mut coordinator = ready();
    run(&mut coordinator, vec![READ]);
    let mut inputs = passed(5);
    inputs.push(READ);
    assert_eq!(
        run(&mut coordinator, inputs),
        ["passed e5", "readable e5", "open e7", "s0 close e6", "s1 close e6"]
    );
    assert_eq!(run(&mut coordinator, passed(6)), ["passed e6"]);
    let said = run(&mut coordinator, vec![CoordinatorInput::ReadDone]);
    let expected = ["s0 release", "s1 release", "open e8", "s0 close e7 read", "s1 close e7 read"];
    assert_eq!(said, expected);
}

#[test]
fn a_checkpoint_is_sealed_once_every_part_is_there() {
    let mut coordinator = ready();
    run(&mut coordinator, vec![CHECKPOINT]);
    let mut inputs = passed(5);
    inputs.push(from(1, part(5, 1)));
    assert_eq!(run(&mut coordinator, inputs), ["passed e5"]);
    let said = run(&mut coordinator, vec![from(0, part(5, 0))]);
    assert_eq!(said, ["s0 sealed e5 from 0", "s1 sealed e5 from 100", "sealed e5 11 at 101"]);
}

/// Seals a checkpoint of so many epochs after each other; the files that are removed meanwhile.
fn seal(coordinator: &mut Coordinator, epochs: std::ops::Range<u64>) -> Vec<String> {
    let mut removed = Vec::new();
    for epoch in epochs {
        let mut inputs = vec![CHECKPOINT];
        inputs.extend(passed(epoch));
        inputs.extend((0..2).map(|shard| from(shard, part(epoch, shard))));
        removed.extend(removals(coordinator, inputs));
    }
    removed
}

/// The files that are removed; disk operations complete at once.
fn removals(coordinator: &mut Coordinator, inputs: Vec<CoordinatorInput>) -> Vec<String> {
    let mut inputs = std::collections::VecDeque::from(inputs);
    let mut removed = Vec::new();
    while let Some(input) = inputs.pop_front() {
        let mut effects = Vec::new();
        coordinator.step(input, &mut effects);
        for effect in effects.into_iter().rev() {
            let CoordinatorEffect::Disk(issued) = effect else { continue };
            if let sluicedb_wal::DiskOp::Remove { file } = issued.op {
                removed.push(file.to_string());
            }
            let (ticket, result) = (issued.ticket, Ok(()));
            inputs.push_front(CoordinatorInput::Completed { ticket, result });
        }
    }
    removed.sort();
    removed
}

#[test]
fn files_of_a_pinned_checkpoint_stay_until_it_is_unpinned() {
    let mut coordinator = ready();
    assert_eq!(seal(&mut coordinator, 5..6), Vec::<String>::new());
    let said = run(&mut coordinator, vec![CoordinatorInput::Pin, CoordinatorInput::Pin]);
    assert_eq!(said, ["pinned e5", "pinned e5"]);
    let names = |epoch: u64| {
        let mut names: Vec<String> =
            (0..2).map(|shard| FileName::Checkpoint { shard, epoch }.to_string()).collect();
        names.insert(0, FileName::Manifest { epoch }.to_string());
        names
    };
    // Two manifests are kept, and what is older goes, but for what is pinned.
    let expected: Vec<String> = (6..8).flat_map(names).collect();
    assert_eq!(seal(&mut coordinator, 6..10), expected);
    let unpin = || vec![CoordinatorInput::Unpin(Epoch(5))];
    assert_eq!(removals(&mut coordinator, unpin()), Vec::<String>::new(), "pinned twice");
    assert_eq!(removals(&mut coordinator, unpin()), names(5));
}

#[test]
fn a_checkpoint_waits_for_sinks_that_have_not_failed() {
    let position = Position { offset: 7, check: 0 };
    let sink = |at, failed| SinkMark { sink: ViewId(at), position: Some(position), failed };
    let known = [sink(0, false), sink(1, true), sink(2, false)];
    let mut coordinator = with_sinks(&Graph::empty(), &known);
    run(&mut coordinator, vec![from(0, Report::Open), from(1, Report::Open), CHECKPOINT]);
    let mut inputs = passed(5);
    inputs.extend([from(0, part(5, 0)), from(1, part(5, 1))]);
    assert_eq!(run(&mut coordinator, inputs), ["passed e5"], "two sinks have yet to tell");
    let written = |sink, epoch| CoordinatorInput::Written {
        sink: ViewId(sink),
        epoch: Epoch(epoch),
        position: Position { offset: 9, check: 0 },
    };
    let failed =
        |view, number| CoordinatorInput::Failed { sink: SinkId { view: ViewId(view), number } };
    // One that is not there yet, or has another number, is not the one that is waited for.
    let other = vec![written(0, 5), written(0, 5), written(2, 4), written(1, 5), failed(2, 1)];
    assert_eq!(run(&mut coordinator, other), Vec::<String>::new(), "one has yet to tell");
    let said = run(&mut coordinator, vec![failed(2, 0)]);
    assert_eq!(said.last().map(String::as_str), Some("sealed e5 11 at 101"));
    // The next one waits for the one that works.
    run(&mut coordinator, vec![CHECKPOINT]);
    let mut inputs = passed(6);
    inputs.extend([from(0, part(6, 0)), from(1, part(6, 1))]);
    assert_eq!(run(&mut coordinator, inputs), ["passed e6"]);
    let said = run(&mut coordinator, vec![written(0, 6)]);
    assert_eq!(said.last().map(String::as_str), Some("sealed e6 11 at 101"));
}

#[test]
fn a_statement_is_settled_after_those_before_it_and_told_once() {
    let mut coordinator = ready();
    let durable = |shard, sequence, parts| {
        from(shard, Report::Durable(Statement { feeder: 0, sequence, parts }))
    };
    assert_eq!(run(&mut coordinator, vec![durable(0, 6, 1)]), Vec::<String>::new());
    assert_eq!(run(&mut coordinator, vec![durable(1, 5, 3)]), Vec::<String>::new());
    let said = run(&mut coordinator, vec![durable(0, 5, 3)]);
    assert_eq!(said.last().map(String::as_str), Some("settled f0 6"));
}

#[test]
fn a_failed_disk_stops_everything_once() {
    let mut coordinator = ready();
    let failure = Failure { errno: Some(5), said: "no".into() };
    let poisoned = || from(0, Report::Poisoned(Poison::Disk(failure.clone())));
    assert_eq!(run(&mut coordinator, vec![poisoned()]).len(), 1);
    let said = run(&mut coordinator, vec![poisoned(), CoordinatorInput::Clock(1_000_000)]);
    assert_eq!(said, Vec::<String>::new());
}

#[test]
fn an_idle_database_is_silent_and_rows_are_closed_in_time() {
    let mut coordinator = ready();
    assert_eq!(coordinator.wake_at(), None);
    let said = run(&mut coordinator, vec![CoordinatorInput::Clock(5_000)]);
    assert_eq!(said, Vec::<String>::new(), "there is nothing to close or to keep");
    run(&mut coordinator, vec![from(1, rows(5)), CoordinatorInput::Clock(5_003), from(0, rows(5))]);
    assert_eq!(coordinator.wake_at(), Some(5_010), "the interval begins with the first rows");
    let said = run(&mut coordinator, vec![CoordinatorInput::Clock(5_010)]);
    assert_eq!(said, ["open e6", "s0 close e5 checkpoint", "s1 close e5 checkpoint"]);
    run(&mut coordinator, passed(5));
    assert_eq!(coordinator.wake_at(), None);
}

#[test]
fn rows_of_a_closed_epoch_get_their_checkpoint_in_time() {
    let mut coordinator = ready();
    let wanted = CoordinatorInput::Wanted { checkpoint: false, read: false };
    // The report comes after somebody closed the epoch.
    run(&mut coordinator, vec![CoordinatorInput::Clock(100), wanted, from(0, rows(5))]);
    assert_eq!(coordinator.wake_at(), None, "an epoch is closing");
    run(&mut coordinator, passed(5));
    assert_eq!(coordinator.wake_at(), Some(1_000));
    let said = run(&mut coordinator, vec![CoordinatorInput::Clock(1_000)]);
    assert_eq!(said, ["open e7", "s0 close e6 checkpoint", "s1 close e6 checkpoint"]);
    run(&mut coordinator, vec![from(0, rows(6)), CoordinatorInput::Clock(9_000)]);
    run(&mut coordinator, passed(6));
    assert_eq!(coordinator.wake_at(), None, "the checkpoint holds them");
}

fn attach(feeder: u32) -> CoordinatorInput {
    CoordinatorInput::Attach { feeder: FeederId(feeder), source: SourceId(0), producer: None }
}

fn attached(shard: u16, feeder: u32, sequence: u64) -> CoordinatorInput {
    let mark = FeederMark::start(FeederId(feeder), SourceId(0));
    from(shard, Report::Attached(FeederMark { sequence, watermark: Time(9), ..mark }))
}

#[test]
fn feeders_come_and_go_with_a_barrier() {
    let mut coordinator = ready();
    let said = run(&mut coordinator, vec![attach(1), attach(0)]);
    let first = ["open e6", "s0 attach f1 src0", "s1 attach f1 src0", "s0 close e5", "s1 close e5"];
    assert_eq!(said, first, "the second waits for the next barrier");
    let mut inputs = vec![attached(0, 1, 0), attached(1, 1, 0)];
    inputs.extend(passed(5));
    let said = run(&mut coordinator, inputs);
    assert_eq!(said[..2], ["passed e5", "attached f1 e5 0 9 0"]);
    assert_eq!(said[2..5], ["open e7", "s0 attach f0 src0", "s1 attach f0 src0"]);
    let mut inputs = vec![attached(1, 0, 8), attached(0, 0, 7)];
    inputs.extend(passed(6));
    assert_eq!(run(&mut coordinator, inputs), ["passed e6", "attached f0 e6 8 9 0"]);
    let detach = CoordinatorInput::Detach { feeder: FeederId(0) };
    let said = run(&mut coordinator, vec![detach]);
    assert_eq!(said[..3], ["open e8", "s0 detach f0", "s1 detach f0"]);
    assert_eq!(run(&mut coordinator, passed(7)), ["passed e7", "detached f0"]);
}

#[test]
fn a_silent_feeder_is_told_to_be_idle_with_a_barrier_and_wakes_with_the_next() {
    let mut coordinator = idle_after_100();
    let source = SourceId(0);
    let attach = CoordinatorInput::Attach { feeder: FeederId(0), source, producer: None };
    run(&mut coordinator, vec![attach]);
    let mark = FeederMark::start(FeederId(0), source);
    let mut inputs: Vec<_> = (0..2).map(|shard| from(shard, Report::Attached(mark))).collect();
    inputs.extend(passed(5));
    run(&mut coordinator, inputs);
    assert_eq!(coordinator.wake_at(), Some(100_000));
    let said = run(&mut coordinator, vec![CoordinatorInput::Clock(100_000)]);
    let close = ["open e7", "s0 idle f0", "s1 idle f0", "s0 close e6", "s1 close e6"];
    assert_eq!(said, close);
    assert_eq!(run(&mut coordinator, passed(6)), ["passed e6"]);
    assert_eq!(coordinator.wake_at(), None, "an idle database is silent");
    let said = run(&mut coordinator, vec![from(1, Report::Fed(FeederId(0)))]);
    let wake = ["open e8", "s0 wake f0", "s1 wake f0", "s0 close e7", "s1 close e7"];
    assert_eq!(said, wake);
}
