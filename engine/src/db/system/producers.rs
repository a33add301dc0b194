//! `sluice.producers`: who pushes under a name, and how far each has come.

use sluicedb_sql::Value;

use super::count;
use crate::core::effect::FeederMark;
use crate::core::ids::FeederId;
use crate::shell::survey::Survey;

pub(super) fn rows(survey: &Survey) -> Vec<Vec<Value>> {
    let Some(shard) = survey.shards.first() else { return Vec::new() };
    let mut rows = Vec::new();
    for producer in &survey.producers {
        let Some(source) = shard.census.graph.sources.get(producer.source.index()) else {
            continue;
        };
        let last = reached(survey, producer.feeder).and_then(|mark| mark.position);
        rows.push(vec![
            Value::text(&source.name),
            Value::text(&producer.name),
            last.map_or(Value::Null, |position| count(position.offset)),
            Value::Boolean(producer.here),
        ]);
    }
    rows.sort_by_key(|row| (row[0].to_string(), row[1].to_string()));
    rows
}

/// How far a feeder has come, over all shards.
fn reached(survey: &Survey, feeder: FeederId) -> Option<FeederMark> {
    // A feeder that has pushed nothing here is not marked with its source.
    let marks = survey.shards.iter().filter_map(|shard| shard.census.feeders.get(feeder.index()));
    marks.max_by_key(|mark| mark.sequence).copied()
}
