//! What is put together where rows enter, and what is not.

use sluicedb_sql::{DataType, Field, Schema, Value};

use super::*;
use crate::core::feeder::{Cells, Feeder, FeederOptions, Progress};
use crate::core::frame::Barrier;
use crate::core::graph::{StageSpec, Target};
use crate::core::ids::{Epoch, FeederId, ShardId, StageId};
use crate::core::morsel::Shape;
use crate::core::operator::Port;
use crate::core::shard::build::Built;

struct Scene {
    stage: Stage,
    feeder: Feeder,
    rows: SourceRows,
    pool: Pool,
}

impl Scene {
    /// Two sources of a text, without operators, whose watermarks matter.
    fn new() -> Scene {
        let source = |at| (EntryKey::Source(SourceId(at)), Vec::new());
        let spec = StageSpec {
            id: StageId(0),
            entries: vec![source(0), source(1)],
            operators: Vec::new(),
            feeds: Vec::new(),
            fed_by: Vec::new(),
        };
        let schema = Schema::new(vec![Field::not_null("k", DataType::Text)]).unwrap();
        let options = FeederOptions {
            feeder: FeederId(0),
            source: SourceId(0),
            schema: schema.clone(),
            shape: ShapeId(0),
            key: vec![0],
            time: None,
            tied: true,
            logged: false,
            shards: 1,
        };
        let layout = RecordLayout::new(&schema);
        let mut stage = Stage::new(&spec, ShardId(0), 1, Built { operators: Vec::new() });
        for entry in &mut stage.entries {
            // As if an operator heeded time: otherwise watermarks are not queued.
            entry.outlet.times.push(Target { operator: 0, port: Port(0) });
        }
        Scene {
            stage,
            feeder: Feeder::new(options, Progress::START),
            rows: SourceRows { layout, shape: ShapeId(0), tied: true, time: None },
            pool: Pool::new(&[Shape([DataType::Text].into())]),
        }
    }

    fn row(&mut self, source: u16, text: &str, behind: Time) -> bool {
        let mut cells = self.feeder.write_row(&mut self.pool);
        cells.text(text);
        cells.finish().unwrap();
        let (source, rows_numbered) = (SourceId(source), 1);
        let row = FeederRow { source, rows_numbered, behind, ..*self.feeder.row() };
        self.stage.gather_row(&row, &self.rows, &mut self.pool)
    }

    fn frame(&mut self, source: u16, text: &str, rows: usize) -> bool {
        let mut morsel = self.pool.take(ShapeId(0));
        (0..rows).for_each(|_| morsel.push_row(&[Value::text(text)], 1));
        self.stage.gather(SourceId(source), morsel, &mut self.pool)
    }

    fn watermark(&mut self, source: u16, time: i64) {
        self.stage.source_watermark(SourceId(source), Time(time));
    }

    /// What waits, in order.
    fn waits(&self) -> Vec<String> {
        let each = self.stage.queue.iter().map(|queued| match queued {
            Queued::Rows { entry, morsel } => format!("{entry}: {} rows", morsel.rows()),
            Queued::Watermark { entry, time } => format!("{entry}: to {}", time.0),
            Queued::Barrier(barrier) => format!("{}", barrier.epoch),
        });
        each.collect()
    }
}

#[test]
fn rows_pass_watermarks_and_other_sources_but_no_barrier() {
    let mut scene = Scene::new();
    assert!(!scene.row(0, "a", Time::MIN));
    scene.watermark(0, 5);
    assert!(!scene.row(1, "b", Time::MIN));
    scene.watermark(1, 3);
    assert!(scene.row(0, "c", Time::MIN));
    scene.watermark(0, 9);
    assert_eq!(scene.waits(), ["0: 2 rows", "0: to 9", "1: 1 rows", "1: to 3"]);
    scene.stage.end(Barrier { epoch: Epoch(7), checkpoint: false, read: false });
    scene.watermark(0, 11);
    assert!(!scene.row(0, "d", Time::MIN));
    scene.watermark(0, 12);
    let behind = ["e7", "0: to 11", "0: 1 rows", "0: to 12"];
    assert_eq!(scene.waits()[4..], behind);
}

#[test]
fn a_row_that_is_behind_does_not_make_its_neighbours_late() {
    let mut scene = Scene::new();
    for behind in [Time::MIN, Time(40), Time::MIN] {
        scene.row(0, "a", behind);
    }
    let Some(Queued::Rows { morsel, .. }) = scene.stage.queue.front() else { panic!("rows wait") };
    let behind: Vec<_> = (0..3).map(|row| morsel.behind(row)).collect();
    assert_eq!(behind, [Time::MIN, Time(40), Time::MIN]);
    assert!(!morsel.ties.is_empty() && morsel.weights.is_empty());
}

#[test]
fn what_waits_is_bounded() {
    let mut scene = Scene::new();
    let mut taken = 0;
    while scene.stage.has_room_for_rows() {
        scene.row(0, "a", Time::MIN);
        scene.watermark(0, taken);
        taken += 1;
    }
    let most = (STAGE_QUEUE_FRAMES - 1) * MORSEL_ROWS_MAX + 1;
    assert_eq!(taken as usize, most);
    assert_eq!(scene.stage.queue.len(), 2 * STAGE_QUEUE_FRAMES);
}

#[test]
fn large_frames_and_much_text_are_not_copied() {
    let mut scene = Scene::new();
    scene.frame(0, "a", 1);
    assert!(scene.frame(0, "a", MERGE_ROWS_MAX));
    assert!(!scene.frame(0, "a", MERGE_ROWS_MAX + 1));
    let long = "x".repeat(MERGE_TEXT_BYTES_MAX);
    assert!(scene.frame(0, &long, 1));
    assert!(!scene.frame(0, "a text on the heap", 1));
    assert_eq!(scene.waits(), ["0: 129 rows", "0: 130 rows", "0: 1 rows"]);
}

#[test]
fn rows_of_a_feeder_that_was_idle_are_behind_where_its_source_is() {
    let schema = Schema::new(vec![Field::not_null("ts", DataType::BigInt)]).unwrap();
    let layout = RecordLayout::new(&schema);
    let time = Some((0, sluicedb_sql::TimeUnit::Millis));
    let rows = SourceRows { layout, shape: ShapeId(0), tied: false, time };
    let mut morsel = Pool::new(&[Shape([DataType::BigInt].into())]).take(ShapeId(0));
    [3, 5, 4].iter().for_each(|ms| morsel.push_row(&[Value::BigInt(*ms)], 1));
    rows.raise(&mut morsel, Time(3_000));
    assert!(morsel.behind.is_empty(), "none is behind");
    morsel.behind = vec![Time(9_000), Time::MIN, Time::MIN];
    rows.raise(&mut morsel, Time(5_000));
    assert_eq!(morsel.behind, [Time(9_000), Time::MIN, Time(5_000)]);
}
