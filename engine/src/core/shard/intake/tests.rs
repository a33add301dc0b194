//! When an epoch ends where rows enter, and with which watermark.

use super::*;
use crate::core::feeder::Record;
use crate::core::frame::FeederRow;

fn intake(feeders: usize) -> Intake {
    let mark = |feeder: usize| FeederMark {
        feeder: FeederId(feeder as u32),
        sequence: 0,
        watermark: Time::MIN,
        rows_numbered: 0,
    };
    let marks: Vec<_> = (0..feeders).map(mark).collect();
    let mut intake = Intake::new(&vec![SourceId(0); feeders], &marks, 1);
    intake.start(Epoch(7));
    intake
}

fn marks(feeder: u32, epoch: u64, sequence: u64, opening: i64, watermark: i64) -> FedMarks {
    FedMarks {
        feeder: FeederId(feeder),
        source: SourceId(0),
        epoch: Epoch(epoch),
        sequence,
        opening: Time(opening),
        watermark: Time(watermark),
        rows_numbered: sequence,
    }
}

fn row(of: &FedMarks) -> Fed {
    let FedMarks { feeder, source, epoch, sequence, opening, watermark, rows_numbered } = *of;
    Fed::Row(FeederRow {
        feeder,
        source,
        epoch,
        sequence,
        opening,
        watermark,
        rows_numbered,
        behind: Time::MIN,
        record: Record::EMPTY,
    })
}

const SEVEN: Barrier = Barrier { epoch: Epoch(7), checkpoint: false, read: false };
const START: Progress = Progress::START;

#[test]
fn a_quiet_feeder_does_not_hold_an_epoch_back() {
    let mut intake = intake(2);
    intake.close(SEVEN);
    assert!(intake.asks(FeederId(0)) && intake.asks(FeederId(1)));
    intake.quiet(FeederId(0), FEEDER_IDLE, &START);
    assert_eq!(intake.ended(), None);
    intake.quiet(FeederId(1), 8, &START);
    assert_eq!(intake.ended(), Some(SEVEN));
}

#[test]
fn a_feeder_that_is_publishing_in_the_epoch_holds_it_back() {
    let mut intake = intake(1);
    intake.close(SEVEN);
    intake.quiet(FeederId(0), 7, &START);
    assert_eq!(intake.ended(), None);
    assert_eq!(intake.take(&marks(0, 7, 1, i64::MIN, 5)), Taken::Rows);
    intake.quiet(FeederId(0), FEEDER_IDLE, &START);
    assert_eq!(intake.ended(), Some(SEVEN));
}

#[test]
fn a_look_before_the_epoch_closes_counts_for_nothing() {
    let mut intake = intake(1);
    intake.quiet(FeederId(0), FEEDER_IDLE, &START);
    intake.close(SEVEN);
    assert_eq!(intake.ended(), None);
}

#[test]
fn a_later_frame_ends_the_epoch_with_the_watermark_before_it() {
    let mut intake = intake(1);
    let later = marks(0, 8, 5, 40, 90);
    assert_eq!(intake.take(&later), Taken::Held);
    intake.hold(row(&later));
    assert!(!intake.accepts(FeederId(0)));
    assert_eq!(intake.ended(), None, "the coordinator has not closed the epoch yet");
    intake.close(SEVEN);
    assert_eq!(intake.ended(), Some(SEVEN));
    assert_eq!(intake.settle(), [(SourceId(0), Time(40))]);
    let held = intake.advance();
    assert_eq!(held.iter().map(Fed::marks).collect::<Vec<_>>(), [later]);
    assert_eq!(intake.open(), Epoch(8));
    assert_eq!(intake.take(&later), Taken::Rows);
}

#[test]
fn a_statement_that_is_here_already_is_a_duplicate() {
    let mut intake = intake(1);
    assert_eq!(intake.take(&marks(0, 7, 2, 0, 0)), Taken::Rows);
    assert_eq!(intake.take(&marks(0, 7, 2, 0, 0)), Taken::Duplicate);
    assert_eq!(intake.take(&marks(0, 7, 1, 0, 0)), Taken::Duplicate);
    assert_eq!(intake.marks()[0].sequence, 2);
}

#[test]
fn the_slowest_feeder_decides_the_watermark_of_the_source() {
    let mut intake = intake(2);
    assert_eq!(intake.promise(FeederId(0), Time(50)), None);
    assert_eq!(intake.promise(FeederId(1), Time(30)), Some(Time(30)));
    assert_eq!(intake.promise(FeederId(1), Time(20)), None, "what was promised stays");
    assert_eq!(intake.promise(FeederId(1), Time(70)), Some(Time(50)));
}
