use std::collections::BTreeMap;

use sluicedb_sql::plan::Op;

use super::*;
use crate::reference::{Input, Marker, Relation, evaluate, same};

const DRAWS: u64 = 2000;

/// The views after `feeders` feeders of each source have pushed `rows` rows each.
fn views(
    workload: &Workload,
    seed: &Prng,
    feeders: u16,
    rows: usize,
) -> BTreeMap<String, Relation> {
    let mut inputs = Vec::new();
    for (at, source) in workload.sources.iter().enumerate() {
        let mut input = Input { rows: Vec::new(), watermark: i64::MAX };
        for feeder in 0..feeders {
            let mut marker = Marker::new(feeder, source.time);
            let mut stream = workload.rows(at, seed.split(&format!("{at} {feeder}")));
            let marked = stream.rows(rows).into_iter().map(|row| marker.mark(row));
            input.rows.extend(marked);
            input.watermark = input.watermark.min(marker.watermark());
        }
        inputs.push(input);
    }
    evaluate(&workload.plan, &inputs).unwrap()
}

fn draw(seed: u64) -> Workload {
    Workload::draw(&mut Prng::new(seed).split("plan"))
}

#[test]
fn every_construct_occurs_and_every_draw_builds() {
    let mut counts: BTreeMap<&str, u64> = FEATURES.iter().map(|name| (*name, 0)).collect();
    for seed in 0..DRAWS {
        for feature in draw(seed).features() {
            *counts.get_mut(feature).unwrap() += 1;
        }
    }
    let rare: Vec<&&str> =
        counts.iter().filter(|(_, count)| **count < DRAWS / 100).map(|(name, _)| name).collect();
    assert!(rare.is_empty(), "fewer than 1 of 100 draws have {rare:?}");
}

#[test]
fn rows_fit_their_source_and_time_moves_on() {
    for seed in 0..200 {
        let workload = draw(seed);
        let nodes = workload.plan.nodes().iter();
        let named: Vec<_> = nodes.take(workload.sources.len()).collect();
        for (at, source) in workload.sources.iter().enumerate() {
            assert_eq!(named[at].schema, source.schema(), "sources come first, in order");
            let rows = workload.rows(at, Prng::new(seed)).rows(SOURCE_ROWS);
            for (row, field) in rows.iter().flat_map(|row| row.iter().zip(&source.columns)) {
                row.fits(&field.field).unwrap();
            }
            let time = source.time.map_or(0, |time| time.column);
            let (first, last) = (&rows[0][time], &rows[SOURCE_ROWS - 1][time]);
            assert!(source.time.is_none() || first != last, "{first} {last}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_workload() {
    let text = |seed| {
        let workload = draw(seed);
        let rows = workload.rows(0, Prng::new(seed)).rows(20);
        format!("{}{rows:?}", workload.plan.explain())
    };
    assert_eq!(text(1), text(1));
    assert_ne!(text(1), text(2));
}

#[test]
fn most_views_have_rows_and_none_has_too_many() {
    let (mut filled, mut all, mut late, mut largest) = (0, 0, [0, 0], 0);
    for seed in 0..300 {
        let workload = draw(seed);
        for (name, relation) in views(&workload, &Prng::new(seed), 2, SOURCE_ROWS / 2) {
            let plan = &workload.plan;
            let view = plan.view(&name).or_else(|| plan.stream(&name)).unwrap();
            let input = workload.plan.node(view).op.inputs().next().unwrap();
            if let Op::Late { .. } = workload.plan.node(input).op {
                late[usize::from(!relation.is_empty())] += 1;
            }
            all += 1;
            filled += usize::from(!relation.is_empty());
            largest = largest.max(relation.values().sum::<i64>());
        }
    }
    assert!(filled * 100 >= all * 85, "{filled} of {all} views have rows");
    assert!(late[1] > late[0], "empty and filled views of late rows: {late:?}");
    assert!(largest <= 10_000, "{largest} rows");
}

/// Two orders of the same rows: what the generator sums must not depend on it.
#[test]
fn results_do_not_depend_on_the_order_of_rows() {
    for seed in 0..150 {
        let workload = draw(seed);
        let mut inputs = Vec::new();
        for (at, source) in workload.sources.iter().enumerate() {
            let mut marker = Marker::new(0, source.time);
            let rows = workload.rows(at, Prng::new(seed)).rows(100).into_iter();
            let rows = rows.map(|row| marker.mark(row)).collect();
            inputs.push(Input { rows, watermark: marker.watermark() });
        }
        let straight = evaluate(&workload.plan, &inputs).unwrap();
        let mut prng = Prng::new(seed);
        inputs.iter_mut().for_each(|input| prng.shuffle(&mut input.rows));
        let shuffled = evaluate(&workload.plan, &inputs).unwrap();
        let plan = workload.plan.explain();
        assert_eq!(same(&straight, &shuffled), Ok(()), "{plan}");
    }
}
