//! When an epoch ends where rows enter, and with which watermark.

use super::*;
use crate::core::feeder::Record;
use crate::core::frame::FeederRow;

fn intake(feeders: usize) -> Intake {
    let mut intake = Intake::new(&[], &[Time::MIN]);
    intake.start(Epoch(6));
    (0..feeders).for_each(|feeder| intake.attach(FeederId(feeder as u32), SourceId(0)));
    let attached = end(&mut intake, 6).attached;
    assert_eq!(attached.len(), feeders);
    intake
}

/// Closes an epoch in which all feeders are quiet; where they do not say, nothing was published.
fn end(intake: &mut Intake, epoch: u64) -> Settled {
    intake.close(Barrier { epoch: Epoch(epoch), ..SEVEN });
    let feeders = intake.marks().into_iter().map(|mark| mark.feeder);
    feeders.for_each(|feeder| intake.quiet(feeder, FEEDER_IDLE, &START));
    intake.ended().expect("all were quiet");
    settle(intake)
}

/// Settles the epoch that has ended, and opens the next.
fn settle(intake: &mut Intake) -> Settled {
    let mut settled = Settled { moved: vec![(SourceId(9), Time(9))], attached: Vec::new() };
    intake.settle(&mut settled);
    intake.advance();
    settled
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
        position: None,
    }
}

fn row(of: &FedMarks) -> Fed {
    let FedMarks {
        feeder,
        source,
        epoch,
        sequence,
        opening,
        watermark,
        rows_numbered,
        position: _,
    } = *of;
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
    assert_eq!(settle(&mut intake).moved, [(SourceId(0), Time(40))]);
    assert_eq!(intake.feeders(), 1);
    assert_eq!(intake.release(0).map(|held| held.marks()), Some(later));
    assert!(intake.release(0).is_none());
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

/// Two feeders of which the first is at 50 and the second at 30.
fn at_50_and_30() -> Intake {
    let mut intake = intake(2);
    intake.promise(FeederId(0), Time(50));
    intake.promise(FeederId(1), Time(30));
    intake
}

#[test]
fn a_feeder_comes_and_goes_at_the_end_of_an_epoch_only() {
    let mut intake = at_50_and_30();
    intake.detach(FeederId(1));
    intake.attach(FeederId(2), SourceId(0));
    assert!(intake.accepts(FeederId(1)) && !intake.accepts(FeederId(2)));
    intake.close(SEVEN);
    assert!(intake.asks(FeederId(1)) && !intake.asks(FeederId(2)));
    intake.quiet(FeederId(0), FEEDER_IDLE, &START);
    assert_eq!(intake.ended(), None, "frames of the one that goes may be on their way");
    intake.quiet(FeederId(1), FEEDER_IDLE, &START);
    assert_eq!(intake.ended(), Some(SEVEN));
    settle(&mut intake);
    assert!(!intake.accepts(FeederId(1)) && intake.accepts(FeederId(2)));
}

#[test]
fn a_feeder_that_is_gone_holds_nothing_back() {
    let mut intake = at_50_and_30();
    intake.detach(FeederId(1));
    assert_eq!(end(&mut intake, 7).moved, [(SourceId(0), Time(50))]);
    assert_eq!(intake.promise(FeederId(0), Time(60)), Some(Time(60)));
}

#[test]
fn a_source_without_feeders_stays_where_it_was() {
    let mut intake = at_50_and_30();
    intake.detach(FeederId(0));
    intake.detach(FeederId(1));
    assert_eq!(end(&mut intake, 7).moved, []);
    assert_eq!(intake.watermarks(), [Time(30)]);
}

#[test]
fn a_feeder_that_comes_goes_on_from_its_source_or_from_its_own_mark() {
    let mut intake = at_50_and_30();
    intake.detach(FeederId(0));
    end(&mut intake, 7);
    intake.promise(FeederId(1), Time(40));
    intake.attach(FeederId(0), SourceId(0));
    intake.attach(FeederId(2), SourceId(0));
    let Settled { moved, attached } = end(&mut intake, 8);
    assert_eq!(moved, [], "what moved within the epoch was told then");
    assert_eq!(
        attached.iter().map(|mark| mark.watermark).collect::<Vec<_>>(),
        [Time(50), Time(40)]
    );
    assert_eq!(intake.watermarks(), [Time(40)]);
}

#[test]
fn a_source_never_goes_back_behind_a_feeder_that_comes() {
    let mut intake = at_50_and_30();
    intake.detach(FeederId(1));
    end(&mut intake, 7);
    intake.attach(FeederId(1), SourceId(0));
    assert_eq!(end(&mut intake, 8).attached[0].watermark, Time(50));
    assert_eq!(intake.watermarks(), [Time(50)]);
    assert_eq!(intake.promise(FeederId(1), Time(30)), None);
}

#[test]
fn the_first_rows_of_an_epoch_are_told_once() {
    let mut intake = intake(1);
    assert_eq!(intake.news(), None);
    assert!(intake.take(&marks(0, 7, 1, 0, 0)) == Taken::Rows);
    assert!(intake.take(&marks(0, 7, 2, 0, 0)) == Taken::Rows);
    assert_eq!((intake.news(), intake.news()), (Some(Epoch(7)), None));
    end(&mut intake, 7);
    assert!(intake.take(&marks(0, 8, 2, 0, 0)) == Taken::Duplicate);
    assert_eq!(intake.news(), None, "a duplicate is no row");
    assert!(intake.take(&marks(0, 8, 3, 0, 0)) == Taken::Rows);
    assert_eq!(intake.news(), Some(Epoch(8)));
}

#[test]
fn an_idle_feeder_holds_nothing_back_and_wakes_at_the_end_of_an_epoch() {
    let mut intake = at_50_and_30();
    intake.rest(FeederId(1));
    assert_eq!(end(&mut intake, 7).moved, [(SourceId(0), Time(50))]);
    assert_eq!((intake.floor(FeederId(0)), intake.floor(FeederId(1))), (Time::MIN, Time(50)));
    assert_eq!(intake.promise(FeederId(0), Time(60)), Some(Time(60)));
    assert_eq!(intake.promise(FeederId(1), Time(35)), None, "it is not waited for");
    intake.wake(FeederId(1));
    assert_eq!(end(&mut intake, 8).moved, []);
    // It goes on from where the source is, and what it pushes behind that stays late.
    assert_eq!((intake.marks()[1].watermark, intake.floor(FeederId(1))), (Time(60), Time(60)));
    assert_eq!(intake.promise(FeederId(0), Time(90)), None, "it is waited for again");
    assert_eq!(intake.promise(FeederId(1), Time(70)), Some(Time(70)));
}

#[test]
fn once_all_are_idle_the_furthest_decides_and_those_that_wake_later_do_not() {
    let mut intake = at_50_and_30();
    intake.rest(FeederId(0));
    assert_eq!(end(&mut intake, 7).moved, [], "the other one is waited for");
    intake.rest(FeederId(1));
    assert_eq!(end(&mut intake, 8).moved, [(SourceId(0), Time(50))]);
    // What idle feeders push moves the source only once they count again.
    intake.promise(FeederId(0), Time(200));
    assert_eq!(end(&mut intake, 9).moved, []);
    intake.wake(FeederId(0));
    assert_eq!(end(&mut intake, 10).moved, [(SourceId(0), Time(200))]);
}

#[test]
fn an_idle_feeder_is_not_waited_for_when_the_last_one_that_counts_is_gone() {
    let mut intake = at_50_and_30();
    intake.rest(FeederId(0));
    end(&mut intake, 7);
    intake.detach(FeederId(1));
    assert_eq!(end(&mut intake, 8).moved, [(SourceId(0), Time(50))]);
}

#[test]
fn event_time_goes_on_with_the_clock_only_while_nobody_counts() {
    let mut intake = at_50_and_30();
    intake.go_on(SourceId(0), 7);
    assert_eq!(end(&mut intake, 7).moved, [], "two are waited for");
    intake.rest(FeederId(0));
    intake.rest(FeederId(1));
    intake.go_on(SourceId(0), 7);
    assert_eq!(end(&mut intake, 8).moved, [(SourceId(0), Time(57))]);
    assert_eq!(intake.floor(FeederId(1)), Time(57));
    intake.detach(FeederId(0));
    intake.detach(FeederId(1));
    intake.go_on(SourceId(0), 3);
    assert_eq!(end(&mut intake, 9).moved, [(SourceId(0), Time(60))]);
}

#[test]
fn event_time_that_has_not_begun_does_not_go_on_with_the_clock() {
    let mut intake = intake(0);
    intake.go_on(SourceId(0), 7);
    assert_eq!(end(&mut intake, 7).moved, []);
    assert_eq!(intake.watermarks(), [Time::MIN]);
}

#[test]
fn the_first_rows_of_a_feeder_that_is_watched_are_told_in_each_epoch() {
    let mut intake = intake(2);
    assert!(intake.take(&marks(0, 7, 1, 0, 0)) == Taken::Rows);
    assert_eq!(intake.heard().count(), 0, "nobody asked");
    intake.watch(SourceId(0), true);
    assert!(intake.take(&marks(0, 7, 2, 0, 0)) == Taken::Rows);
    assert!(intake.take(&marks(0, 7, 3, 0, 0)) == Taken::Rows);
    assert_eq!(intake.heard().collect::<Vec<_>>(), [FeederId(0)]);
    assert!(intake.take(&marks(0, 7, 4, 0, 0)) == Taken::Rows);
    assert_eq!(intake.heard().count(), 0);
    end(&mut intake, 7);
    assert!(intake.take(&marks(0, 8, 5, 0, 0)) == Taken::Rows);
    assert_eq!(intake.heard().collect::<Vec<_>>(), [FeederId(0)]);
}

#[test]
fn the_end_is_there_once_all_have_come_to_it_though_some_are_idle() {
    let mut intake = at_50_and_30();
    intake.rest(FeederId(0));
    end(&mut intake, 7);
    intake.promise(FeederId(1), Time::MAX);
    assert_eq!(intake.watermarks(), [Time(30)], "the one that is idle may speak again");
    assert_eq!(end(&mut intake, 8).moved, []);
    intake.promise(FeederId(0), Time::MAX);
    assert_eq!(end(&mut intake, 9).moved, [(SourceId(0), Time::MAX)]);
}
