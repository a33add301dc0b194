use super::check::{Case, run};
use super::events::{Events, Order, Source};
use super::queries::{CHECKED, QUERIES};

fn hold(order: Order) {
    for shards in 1..=3 {
        let case = Case { events: CHECKED[0], order, shards };
        let checked = run(&case).unwrap();
        assert_eq!(checked.len(), QUERIES.len());
        let differs = |query: &super::check::Checked| {
            query.difference.as_ref().map(|what| format!("{}\n{what}", query.query))
        };
        let differences: Vec<String> = checked.iter().filter_map(differs).collect();
        assert!(differences.is_empty(), "{case:?}\n{}", differences.join("\n"));
    }
}

#[test]
fn queries_over_events_in_order_are_as_duckdb_has_them() {
    hold(Order::Sorted);
}

#[test]
fn queries_over_events_out_of_order_are_as_duckdb_has_them() {
    hold(Order::Shuffled);
}

#[test]
fn the_set_is_the_same_in_both_orders_and_lasts_a_minute() {
    let sets = Order::ALL.map(|order| {
        let events = Events::first(CHECKED[0], order);
        Source::ALL.map(|of| super::canonical::lines(&events.batches(of, 1000)).unwrap())
    });
    let [sorted, shuffled] = sets;
    assert_eq!(sorted.each_ref().map(Vec::len), [200, 600, 9_200]);
    assert!(sorted[2][0].contains("\t2015-07-15 00:00:00\t"));
    assert!(sorted[2][9_199].contains("\t2015-07-15 00:01:00\t"));
    assert_ne!(sorted, shuffled);
    let ordered = |mut lines: Vec<String>| {
        lines.sort();
        lines
    };
    assert_eq!(sorted.map(ordered), shuffled.map(ordered));
}

#[test]
fn every_result_is_committed_for_both_sizes() {
    for query in QUERIES {
        for events in CHECKED {
            assert!(query.golden(events).unwrap().unwrap().rows() > 0, "{}", query.name);
        }
        assert!(query.golden(1).is_none());
        assert!(query.plain().starts_with("SELECT "), "{}", query.plain());
    }
}
