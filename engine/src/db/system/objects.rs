//! `sluice.sources`, `sluice.streams`, `sluice.views`, `sluice.sinks`.

use std::sync::Arc;

use sluicedb_sql::Value;
use sluicedb_sql::catalog::{Catalog, Definition, Object, kind_name};

use super::super::connect::LinkStatus;
use super::{Status, count, moment, text};
use crate::core::effect::Stopped;
use crate::core::ids::{Time, ViewId};

pub(super) fn rows(table: &str, status: &Status, catalog: &Catalog) -> Vec<Vec<Value>> {
    let objects = catalog.objects().filter(|object| belongs(table, object));
    objects.map(|object| row(object, status)).collect()
}

fn belongs(table: &str, object: &Object) -> bool {
    match &object.definition {
        Definition::Source { .. } | Definition::External { .. } => table == "sluice.sources",
        Definition::Stream { .. } | Definition::Late { .. } => table == "sluice.streams",
        Definition::MaterializedView { .. } | Definition::View { .. } => table == "sluice.views",
        Definition::Sink { .. } => table == "sluice.sinks",
        Definition::Subscription { .. } => false,
    }
}

fn row(object: &Object, status: &Status) -> Vec<Value> {
    let name = Value::text(&object.name);
    let definition = Value::text(&object.text);
    let totals = status.operators.totals(&object.name);
    let (late, dead) = (count(totals.late), count(totals.dead));
    let state_bytes = count(totals.state_bytes);
    let link = status.link(&object.name);
    match &object.definition {
        Definition::Source { .. } | Definition::External { .. } => {
            let (rows, watermark) = source(&object.name, status);
            let [rejected, state, last_error] = outside(link, false);
            let columns = Value::BigInt(object.schema.len() as i64);
            vec![
                name,
                columns,
                count(rows),
                rejected,
                moment(watermark),
                state,
                last_error,
                definition,
            ]
        }
        Definition::Stream { .. } | Definition::Late { .. } => {
            let published = count(totals.published);
            let [state, last_error] = runs(object, status);
            vec![name, published, late, dead, state_bytes, state, last_error, definition]
        }
        Definition::MaterializedView { .. } => {
            let kind = Value::text(kind_name(object.kind()));
            let held = Value::BigInt(held(&object.name, status));
            let [state, last_error] = runs(object, status);
            vec![name, kind, held, late, dead, state_bytes, state, last_error, definition]
        }
        // It is part of each query that reads it.
        Definition::View { .. } => {
            let kind = Value::text(kind_name(object.kind()));
            let mut values = vec![name, kind];
            values.resize(8, Value::Null);
            values.push(definition);
            values
        }
        Definition::Sink { .. } => {
            let [rejected, state, last_error] = outside(link, object.paused);
            let published = count(totals.published);
            vec![name, published, late, dead, rejected, state, last_error, definition]
        }
        Definition::Subscription { .. } => unreachable!("it belongs to no table"),
    }
}

/// Whether a query runs, and why it does not.
fn runs(object: &Object, status: &Status) -> [Value; 2] {
    if let Some(why) = stopped(&object.name, status) {
        return [Value::text("stopped"), Value::text(&why.to_string())];
    }
    [Value::text(if object.paused { "paused" } else { "running" }), Value::Null]
}

/// Why a view or stream was given up, if it was.
fn stopped(name: &str, status: &Status) -> Option<Arc<Stopped>> {
    status.survey.shards.iter().find_map(|shard| {
        let views = &shard.census.graph.views;
        let of = |view: &ViewId| views.get(view.index()).is_some_and(|known| known.name == name);
        let mut stopped = shard.census.stopped.iter();
        stopped.find(|(view, _)| of(view)).map(|(_, why)| Arc::clone(why))
    })
}

/// Rows that were rejected, whether it runs, and what went wrong last; `stands` says that it is given
/// nothing.
fn outside(link: Option<&LinkStatus>, stands: bool) -> [Value; 3] {
    match link {
        None => [Value::BigInt(0), Value::text("open"), Value::Null],
        Some(LinkStatus { rejected, runs, paused, last_error, .. }) => {
            let state = match runs {
                true if *paused || stands => "paused",
                true => "running",
                false => "stopped",
            };
            [count(*rejected), Value::text(state), text(last_error.as_deref())]
        }
    }
}

/// Rows that have entered, and how far event time has come on all shards.
fn source(name: &str, status: &Status) -> (u64, Option<Time>) {
    let figures = status.survey.shards.iter().flat_map(|shard| {
        let sources = &shard.census.graph.sources;
        let of = move |source: usize| sources.get(source).is_some_and(|known| known.name == name);
        shard.census.sources.iter().filter(move |figures| of(figures.source.index()))
    });
    figures.fold((0, None), |(rows, least), figures| {
        let least = least.map_or(figures.watermark, |least: Time| least.min(figures.watermark));
        (rows + figures.rows, Some(least))
    })
}

/// Rows that a view holds.
fn held(name: &str, status: &Status) -> i64 {
    let counts = status.survey.shards.iter().flat_map(|shard| {
        let views = &shard.census.graph.views;
        let of = move |view: usize| views.get(view).is_some_and(|known| known.name == name);
        shard.census.views.iter().filter(move |(view, _)| of(view.index()))
    });
    counts.map(|(_, rows)| rows).sum()
}
