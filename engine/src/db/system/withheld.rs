//! `sluice.withheld`: groups that have rows and no row of their own.

use std::collections::BTreeMap;

use sluicedb_sql::Value;
use sluicedb_sql::plan::NodeId;

use super::letters::object;
use crate::core::graph::Kind;
use crate::shell::survey::Survey;

/// A group that came to be withheld and has no row yet.
struct Group {
    seen_us: i64,
    count: i64,
    row: Vec<Value>,
}

/// Those of the newest that were told of, the oldest first.
pub(super) fn rows(survey: &Survey) -> Vec<Vec<Value>> {
    let mut groups: BTreeMap<(NodeId, String), Group> = BTreeMap::new();
    for shard in &survey.shards {
        shard.withheld.each(|letter| {
            let operator = letter.operator;
            let now = shard.census.graph.operator(operator.id);
            if now.is_none_or(|now| now.origin.node != operator.origin.node) {
                return;
            }
            let Kind::Aggregate(options) = &operator.kind else { return };
            let heads = options.keys.len() + if options.window.is_some() { 2 } else { 0 };
            let names = operator.origin.output.names().take(heads);
            let data = object(names.zip(letter.values));
            let group =
                groups.entry((operator.origin.node, data.to_string())).or_insert_with(|| Group {
                    seen_us: letter.seen_us,
                    count: 0,
                    row: vec![
                        Value::TimestampTz(letter.seen_us),
                        Value::text(&operator.origin.sources.join(", ")),
                        Value::text(&operator.origin.relation),
                        Value::BigInt(i64::from(operator.id.0)),
                        Value::text("22003"),
                        Value::text(
                            "a result does not fit its type: the group has no row until it does",
                        ),
                        data,
                    ],
                });
            if group.count == 0 {
                (group.seen_us, group.row[0]) =
                    (letter.seen_us, Value::TimestampTz(letter.seen_us));
            }
            group.count += letter.weight;
        });
    }
    let mut groups: Vec<Group> = groups.into_values().filter(|group| group.count > 0).collect();
    groups.sort_by_key(|group| group.seen_us);
    groups.into_iter().map(|group| group.row).collect()
}
