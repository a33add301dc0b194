//! `sluice.epochs`: the last epochs, and how long each took.

use sluicedb_sql::Value;

use super::count;
use crate::shell::epochs::EpochMark;

pub(super) fn rows(epochs: &[EpochMark]) -> Vec<Vec<Value>> {
    let moment = |us: Option<i64>| us.map_or(Value::Null, Value::TimestampTz);
    let row = |mark: &EpochMark| {
        let EpochMark { epoch, opened_us, closed_us, passed_us, sealed_us, .. } = *mark;
        let EpochMark { barrier_ns, rows, checkpoint, checkpoint_bytes, .. } = *mark;
        vec![
            count(epoch.0),
            moment(Some(opened_us)),
            moment(closed_us),
            moment(passed_us),
            moment(sealed_us),
            count(rows),
            barrier_ns.map_or(Value::Null, |ns| count(ns / 1000)),
            Value::Boolean(checkpoint),
            if checkpoint { count(checkpoint_bytes) } else { Value::Null },
        ]
    };
    epochs.iter().map(row).collect()
}
