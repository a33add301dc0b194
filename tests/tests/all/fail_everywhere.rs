//! Each operation of a long script fails once, whatever it is: a creation, a write, a sync, a renaming, a
//! removal. The world watches that nothing is acknowledged after it, and goes on from the files.

use sluicedb_tests::report;
use sluicedb_tests::sweep::spread;
use sluicedb_tests::world::{Outcome, World, run_load};

use crate::crash_everywhere::{OPERATIONS, Script};

#[test]
fn a_failure_of_any_operation_acknowledges_nothing_and_loses_nothing() {
    let script = Script::long();
    let fail = |operation: u64| {
        let Script { seed, options, load, .. } = script.clone();
        let ran =
            run_load(seed, options, load, |world: &mut World| world.fail_at(operation), |_| {});
        let summary = ran.map_err(|failure| format!("operation {operation} fails:\n{failure}"))?;
        assert_eq!(summary.outcome, Outcome::Done);
        Ok(u64::from(summary.seen.contains_key("stopped by the disk")))
    };
    let (mut failures, mut stopped) = (0, 0);
    let each = |stops: &u64| {
        failures += 1;
        stopped += stops;
    };
    if let Err::<_, String>(problem) = spread(OPERATIONS, fail, each) {
        panic!("{problem}");
    }
    // The others are removals.
    let counts = [
        ("operations that failed, in a run each", failures, OPERATIONS),
        ("databases that ended by it and were opened again", stopped, OPERATIONS * 8 / 10),
    ];
    report::lane(6, &counts);
}
