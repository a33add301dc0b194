//! `sluice.operators`: the figures of all shards, added up.

use std::collections::BTreeMap;

use sluicedb_sql::{Interval, Value};

use super::{count, moment};
use crate::core::graph::Kind;
use crate::core::ids::{OperatorId, Time};
use crate::core::shard::Census;
use crate::shell::survey::{ShardSurvey, Survey};

/// All operators, by the relation that they are part of.
pub(in crate::db) struct Operators {
    lines: BTreeMap<(String, OperatorId), Line>,
}

/// One operator on all shards.
#[derive(Clone, Debug)]
pub(in crate::db) struct Line {
    kind: &'static str,
    /// Whether subscribers see what it puts out.
    publishes: bool,
    stage: u16,
    sources: Vec<String>,
    rows_in: u64,
    rows_out: u64,
    late: u64,
    dead: u64,
    /// Groups without a row.
    withheld: u64,
    state_bytes: u64,
    /// The least of all shards; none as long as one has none.
    watermark: Option<Time>,
    /// How far that is behind the watermark of its sources.
    lag_us: Option<i64>,
}

/// What the operators of one relation come to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Totals {
    pub(super) published: u64,
    pub(super) late: u64,
    pub(super) dead: u64,
    pub(super) state_bytes: u64,
}

impl Operators {
    pub(super) fn of(survey: &Survey) -> Operators {
        let mut operators = Operators { lines: BTreeMap::new() };
        survey.shards.iter().for_each(|shard| operators.add(shard));
        let sources = watermarks(survey);
        for line in operators.lines.values_mut() {
            let ahead = line.sources.iter().filter_map(|name| sources.get(name.as_str()));
            let known = ahead.min().filter(|time| **time > Time::MIN);
            let both = known.zip(line.watermark);
            line.lag_us = both.map(|(source, own)| source.0.saturating_sub(own.0).max(0));
        }
        operators
    }

    fn add(&mut self, shard: &ShardSurvey) {
        let Census { graph, operators, .. } = &shard.census;
        let specs = graph.stages.iter().flat_map(|stage| {
            stage.operators.iter().map(|operator| (operator.id, (stage.id, operator)))
        });
        let specs: BTreeMap<_, _> = specs.collect();
        let refused: BTreeMap<_, _> = shard.refused.iter().copied().collect();
        for figures in operators {
            let Some((stage, spec)) = specs.get(&figures.operator) else { continue };
            let key = (spec.origin.relation.clone(), figures.operator);
            let refused = refused.get(&figures.operator).copied().unwrap_or_default();
            let line = self.lines.entry(key).or_insert_with(|| Line {
                kind: spec.kind.name(),
                publishes: matches!(spec.kind, Kind::View(_) | Kind::Stream(_)),
                stage: stage.0,
                sources: spec.origin.sources.clone(),
                rows_in: 0,
                rows_out: 0,
                late: 0,
                dead: 0,
                withheld: 0,
                state_bytes: 0,
                watermark: Some(Time::MAX),
                lag_us: None,
            });
            line.rows_in += figures.rows_in;
            line.rows_out += figures.rows_out;
            line.late += refused.late;
            line.dead += refused.dead;
            line.withheld += figures.withheld;
            line.state_bytes += figures.state_bytes;
            line.watermark = line.watermark.min(figures.watermark);
        }
    }

    /// What the operators of a relation come to.
    pub(super) fn totals(&self, relation: &str) -> Totals {
        let lines = self.lines.iter().filter(|((of, _), _)| of == relation);
        lines.fold(Totals::default(), |totals, (_, line)| Totals {
            published: totals.published + if line.publishes { line.rows_out } else { 0 },
            late: totals.late + line.late,
            dead: totals.dead + line.dead,
            state_bytes: totals.state_bytes + line.state_bytes,
        })
    }

    /// All of them as rows.
    pub(super) fn rows(&self) -> Vec<Vec<Value>> {
        let row = |((relation, operator), line): (&(String, OperatorId), &Line)| {
            let lag = line.lag_us.and_then(|lag_us| Interval::new(0, 0, lag_us));
            vec![
                Value::text(relation),
                Value::BigInt(i64::from(operator.0)),
                Value::text(line.kind),
                Value::BigInt(i64::from(line.stage)),
                Value::text(&line.sources.join(", ")),
                count(line.rows_in),
                count(line.rows_out),
                count(line.late),
                count(line.dead),
                count(line.state_bytes),
                moment(line.watermark),
                lag.map_or(Value::Null, Value::Interval),
                count(line.withheld),
            ]
        };
        self.lines.iter().map(row).collect()
    }
}

/// How far each source has come on all shards.
fn watermarks(survey: &Survey) -> BTreeMap<&str, Time> {
    let mut found: BTreeMap<&str, Time> = BTreeMap::new();
    for Census { graph, sources, .. } in survey.shards.iter().map(|shard| &shard.census) {
        for figures in sources {
            if let Some(source) = graph.sources.get(figures.source.index()) {
                let least = found.entry(&source.name).or_insert(figures.watermark);
                *least = (*least).min(figures.watermark);
            }
        }
    }
    found
}
