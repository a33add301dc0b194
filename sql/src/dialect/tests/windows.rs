//! Windows in every form, and the one form they end in.

use super::*;

/// The rewritten queries, with the calls shortened: offsets and zones that say nothing are left out.
fn short(text: &str) -> String {
    rewritten(text).replace(", INTERVAL '0 seconds', NULL)", ")").replace("INTERVAL ", "")
}

#[test]
fn a_window_of_group_by_stands_wherever_the_select_speaks_of_it() {
    assert_eq!(
        short(
            "SELECT k, Window_Start, max(window_end) AS e FROM s \
             GROUP BY k, TUMBLE(ts, INTERVAL '1' MINUTE) HAVING window_end > now() - '1m' \
             ORDER BY window_start"
        ),
        "SELECT k, __window_start(__tumble(ts, '1 minute')) AS window_start, \
         max(__window_end(__tumble(ts, '1 minute'))) AS e FROM s \
         GROUP BY k, __tumble(ts, '1 minute') \
         HAVING __window_end(__tumble(ts, '1 minute')) > now() - '1 minute' \
         ORDER BY __window_start(__tumble(ts, '1 minute'))"
    );
    // Not in a subquery, and not where the name is that of an output.
    assert_eq!(
        short(
            "SELECT 1 AS window_start, (SELECT window_end FROM t) FROM s \
             GROUP BY session(ts, '30s') ORDER BY window_start"
        ),
        "SELECT 1 AS window_start, (SELECT window_end FROM t) FROM s \
         GROUP BY __session(ts, '30 seconds') ORDER BY window_start"
    );
    assert_eq!(
        short("SELECT window_start FROM s GROUP BY window_start"),
        "SELECT window_start FROM s GROUP BY window_start"
    );
}

#[test]
fn ordinals_aliases_and_repeats_stand_for_the_window() {
    let bucket = "SELECT __window_start(__tumble(ts, '5 minutes')) AS b, count(*) FROM s \
                  GROUP BY __tumble(ts, '5 minutes')";
    for group in ["b", "1", "time_bucket('5m', ts)"] {
        let text = format!("SELECT time_bucket('5m', ts) AS b, count(*) FROM s GROUP BY {group}");
        assert_eq!(short(&text), bucket);
    }
    assert_eq!(
        short("SELECT time_bucket(INTERVAL '1' DAY, ts), count(*) FROM s GROUP BY 1"),
        "SELECT __window_start(__tumble(ts, '1 day')) AS time_bucket, count(*) FROM s \
         GROUP BY __tumble(ts, '1 day')"
    );
    assert_eq!(
        short(
            "SELECT HOP_START(ts, INTERVAL '2' SECOND, INTERVAL '10' SECOND), count(*) FROM s \
             GROUP BY HOP(ts, INTERVAL '2' SECOND, INTERVAL '10' SECOND)"
        ),
        "SELECT __window_start(__hop(ts, '10 seconds', '2 seconds')) AS hop_start, count(*) FROM s \
         GROUP BY __hop(ts, '10 seconds', '2 seconds')\n\
         NOTICE hop: the longer interval, 10 seconds, is the size, and the shorter, 2 seconds, the slide"
    );
}

#[test]
fn arguments_may_be_named() {
    assert_eq!(
        rewritten(
            "SELECT count(*) FROM s GROUP BY tumble(ts, offset => INTERVAL '1' HOUR, \
             size => INTERVAL '1' DAY, tz => 'Europe/Berlin')"
        ),
        "SELECT count(*) FROM s GROUP BY __tumble(ts, INTERVAL '1 day', INTERVAL '1 hour', \
         'Europe/Berlin')"
    );
    assert_eq!(
        short("SELECT 1 FROM s GROUP BY slide(ts, slide => '1m', size => '5m')"),
        "SELECT 1 FROM s GROUP BY __hop(ts, '5 minutes', '1 minute')"
    );
    assert_eq!(
        short("SELECT 1 FROM s GROUP BY cumulate(ts, '1h', '1d'), a"),
        "SELECT 1 FROM s GROUP BY __cumulate(ts, '1 hour', '1 day'), a"
    );
}

#[test]
fn a_window_in_from_becomes_one_of_group_by_or_assigns_row_by_row() {
    let grouped = "SELECT __window_start(__tumble(ts, '1 minute')) AS window_start, k FROM s \
                   GROUP BY __tumble(ts, '1 minute'), k";
    for from in [
        "TUMBLE(s, ts, INTERVAL '1' MINUTE)",
        "TABLE(TUMBLE(TABLE s, DESCRIPTOR(ts), INTERVAL '1' MINUTE))",
        "TABLE(TUMBLE(DATA => TABLE s, TIMECOL => DESCRIPTOR(ts), SIZE => INTERVAL '1' MINUTE))",
    ] {
        let text =
            format!("SELECT window_start, k FROM {from} GROUP BY window_start, k, window_end");
        assert_eq!(short(&text), grouped, "{text}");
    }
    assert_eq!(
        short("SELECT * FROM hop(a.s, ts, '2s', '10s') w JOIN t ON w.window_end = t.e"),
        "SELECT * FROM (SELECT *, __window_start(__hop(ts, '10 seconds', '2 seconds')) AS window_start, \
         __window_end(__hop(ts, '10 seconds', '2 seconds')) AS window_end FROM a.s) w \
         JOIN t ON w.window_end = t.e\n\
         NOTICE hop: the longer interval, 10 seconds, is the size, and the shorter, 2 seconds, the slide"
    );
    assert_eq!(
        short("SELECT * FROM TUMBLE((SELECT 1), ts, '2s') AS w"),
        "SELECT * FROM (SELECT *, __window_start(__tumble(ts, '2 seconds')) AS window_start, \
         __window_end(__tumble(ts, '2 seconds')) AS window_end FROM (SELECT 1) AS w) AS w"
    );
}

#[test]
fn a_tumble_outside_group_by_is_the_start_of_its_window() {
    assert_eq!(
        short(
            "SELECT time_bucket('1h', ts), date_trunc('d', tumble(ts, '1m')) FROM s WHERE tumble_end(ts, '1m') > x"
        ),
        "SELECT __window_start(__tumble(ts, '1 hour')) AS time_bucket, \
         date_trunc('d', __window_start(__tumble(ts, '1 minute'))) FROM s \
         WHERE __window_end(__tumble(ts, '1 minute')) > x"
    );
}

#[test]
fn a_window_that_cannot_be_is_refused_at_its_place() {
    let check = |marked: &str, expected: &str| {
        let text = marked.replacen('^', "", 1);
        let mut query = match parse(&text).unwrap().remove(0).statement {
            Statement::Query(query) => query,
            other => panic!("{other}"),
        };
        let error = window::rewrite(&mut query, &text).unwrap_err();
        assert_eq!(format!("{} {}", error.sqlstate, error.message), expected);
        assert_eq!(error.position, marked.find('^'), "{}", error.caret(&text));
    };
    check(
        "SELECT 1 FROM s GROUP BY tumble(ts, ^5)",
        "42601 the size of a window must be an interval, not 5",
    );
    check("SELECT 1 FROM s GROUP BY tumble(ts, ^'5 foo')", "22007 \"5 foo\" is no interval");
    check(
        "SELECT 1 FROM s GROUP BY tumble(ts, ^'0s')",
        "22023 the size of a window must be positive, not 0 seconds",
    );
    check("SELECT 1 FROM s GROUP BY ^tumble(ts)", "42601 tumble(ts) is no window");
    check("SELECT 1 FROM s GROUP BY ^tumble(ts, '1m', x => 1)", {
        "42601 tumble(ts, '1m', x => 1) is no window"
    });
    check(
        "SELECT 1 FROM s GROUP BY ^hop(ts, slide => '1h', size => '1m')",
        "22023 the slide 1 hour is longer than the size 1 minute",
    );
    check(
        "SELECT 1 FROM s GROUP BY tumble(ts, '1m'), ^hop(ts, '1h', '1m')",
        "0A000 GROUP BY has two windows",
    );
    check(
        "SELECT ^session(ts, '1m') FROM s",
        "42601 session(ts, '1m') assigns a row to windows, which GROUP BY or FROM can do",
    );
    check(
        "SELECT 1 FROM ^TUMBLE(ts)",
        "42601 TUMBLE in FROM takes a relation and what a window takes",
    );
}
