//! What is read, and how it prints back.

use super::*;

/// Each line as it is read and the same or another line as it prints.
fn check(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        let expected = if expected.is_empty() { text } else { expected };
        assert_eq!(&show(text), expected);
        // What prints reads back as itself.
        assert_eq!(&show(expected), expected);
    }
}

#[test]
fn sources_are_read() {
    check(&[
        ("CREATE SOURCE s (a INT)", ""),
        (
            "create or replace source S (\"A b\" int4 not null, ts timestamp primary key, \
             WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)",
            "CREATE OR REPLACE SOURCE s (\"A b\" INT NOT NULL, ts TIMESTAMP NOT NULL, \
             WATERMARK FOR ts AS ts - INTERVAL '5 seconds', PRIMARY KEY (ts))",
        ),
        (
            "CREATE SOURCE IF NOT EXISTS x.s (d DECIMAL(10,2) DEFAULT 1 + 2 NOT NULL, t VARCHAR(20), \
             WATERMARK FOR d, PRIMARY KEY (d, t))",
            "CREATE SOURCE IF NOT EXISTS x.s (d DECIMAL(10,2) NOT NULL DEFAULT 1 + 2, t TEXT, \
             WATERMARK FOR d, PRIMARY KEY (d, t))",
        ),
        (
            "CREATE SOURCE s (a BIGINT) FROM GENERATOR ('trades', rate => 1_000, seed = -5) \
             WITH (RETAIN = '64 MB', \"b.c\" = 0.5, d.e.f = true, late, g = INTERVAL 5 SECOND)",
            "CREATE SOURCE s (a BIGINT) WITH (retain = '64 MB', b.c = 0.5, d.e.f = true, \
             late = true, g = INTERVAL '5 seconds') \
             FROM GENERATOR (preset = 'trades', rate = 1_000, seed = -5)",
        ),
        (
            "CREATE SOURCE s FROM FILE ('a''b.csv', format = csv, follow)",
            "CREATE SOURCE s FROM FILE (path = 'a''b.csv', format = csv, follow = true)",
        ),
        ("CREATE SOURCE s (a INT, WATERMARK FOR a AS a)", ""),
    ]);
}

#[test]
fn continuous_queries_are_read_with_the_clauses_behind_them() {
    check(&[
        ("CREATE STREAM s AS SELECT * FROM bid EMIT CHANGES", ""),
        ("CREATE MATERIALIZED VIEW v (a, b) AS SELECT 1, 2 FROM emit EMIT ON WINDOW CLOSE", ""),
        ("CREATE VIEW v AS SELECT 1", ""),
        ("CREATE STREAM s AS SELECT emit, late FROM t AS emit", ""),
        (
            "CREATE STREAM s WITH (a = 1) AS SELECT 1 FROM t LATE DATA TO l EMIT FINAL WITH (b = x)",
            "CREATE STREAM s WITH (a = 1, b = x) AS SELECT 1 FROM t EMIT FINAL LATE DATA TO l",
        ),
        (
            "CREATE SINK k INTO FILE ('x.json', envelope = 'debezium') AS WITH a AS (SELECT 1) \
             SELECT * FROM a",
            "CREATE SINK k INTO FILE (path = 'x.json', envelope = 'debezium') AS WITH a AS (SELECT 1) \
             SELECT * FROM a",
        ),
        ("CREATE SINK k INTO BLACKHOLE AS SELECT 1", ""),
        ("CREATE TABLE t AS SELECT a FROM b", ""),
        ("CREATE TABLE t (a INT NOT NULL, PRIMARY KEY (a)) FROM KAFKA (topic = 'x')", ""),
        ("SUBSCRIBE TO v WITH SNAPSHOT AFTER 'abc'", ""),
        (
            "subscribe select 1 emit changes after 'x'",
            "SUBSCRIBE TO SELECT 1 EMIT CHANGES AFTER 'x'",
        ),
        ("SUBSCRIBE TO WITH snapshot AS (SELECT 1) SELECT * FROM snapshot", ""),
    ]);
}

#[test]
fn statements_about_objects_and_the_session_are_read() {
    check(&[
        ("DROP SOURCE s", ""),
        ("DROP MATERIALIZED VIEW IF EXISTS a, b.c CASCADE", ""),
        ("DROP TABLE t RESTRICT", "DROP TABLE t"),
        ("SHOW SOURCES", ""),
        ("SHOW MATERIALIZED VIEWS LIKE 'a%'", ""),
        ("SHOW COLUMNS IN v", "SHOW COLUMNS FROM v"),
        ("SHOW CREATE v", ""),
        ("SHOW CREATE MATERIALIZED VIEW v", ""),
        ("SHOW EPOCHS", ""),
        ("SHOW ALL", ""),
        ("SHOW Search_Path", "SHOW search_path"),
        ("SHOW TIME ZONE", "SHOW timezone"),
        ("DESC source x", "DESCRIBE x"),
        ("SET a.b TO 'x', \"Y\", 5", "SET a.b = 'x, Y, 5'"),
        ("SET LOCAL x = DEFAULT", "SET x = DEFAULT"),
        ("RESET ALL", ""),
        ("PAUSE STREAM s", ""),
        ("RESUME s", ""),
        ("COMMENT ON SOURCE s IS 'it''s'", ""),
        ("COMMENT ON COLUMN s.c IS NULL", ""),
        ("PREPARE p (INT, TEXT) AS SELECT $1, $2", ""),
        ("EXECUTE p (1, 'x')", ""),
        ("DEALLOCATE PREPARE p", "DEALLOCATE p"),
        ("CHECKPOINT", ""),
        ("advance clock interval '5' second", "ADVANCE CLOCK BY INTERVAL '5' SECOND"),
        ("ADVANCE CLOCK TO '2024-01-01'", ""),
        ("EXPECT NOTHING FROM sluice.views", ""),
        ("check materialized view V", "CHECK VIEW v"),
        ("expect (1, 'a'), (-2, NULL) from V", "EXPECT (1, 'a'), (-2, NULL) FROM v"),
        ("EXPECT (1) FROM (SELECT a FROM v ORDER BY a) IN ORDER", ""),
        ("backup to 'it''s'", "BACKUP TO 'it''s'"),
        ("START TRANSACTION READ ONLY", "BEGIN"),
        ("ABORT", "ROLLBACK"),
        ("INSERT INTO s VALUES (1, 'x'), (2, NULL)", ""),
        ("INSERT INTO s (a, b) SELECT * FROM t", ""),
        ("INSERT INTO s DEFAULT VALUES", ""),
        ("EXPLAIN ANALYZE v", ""),
        ("EXPLAIN (ANALYZE) SELECT 1", "EXPLAIN ANALYZE SELECT 1"),
        ("EXPLAIN WAIT v", ""),
        ("EXPLAIN CREATE STREAM s AS SELECT 1", ""),
        ("EXPLAIN SELECT 1 EMIT CHANGES", "EXPLAIN SUBSCRIBE TO SELECT 1 EMIT CHANGES"),
    ]);
}

#[test]
fn queries_are_read_as_postgres_and_streams_have_them() {
    check(&[
        ("SELECT a -> 'b' ->> 'c', x::INT::TEXT, m['k'], [1], ARRAY[1, 2]", ""),
        ("SELECT E'\\n', INTERVAL 5 SECOND, INTERVAL '1-2' YEAR TO MONTH, a*-1, b<-1", {
            "SELECT E'\\n', INTERVAL 5 SECOND, INTERVAL '1-2' YEAR TO MONTH, a * -1, b < -1"
        }),
        ("SELECT FIRST(a), last(b) FILTER (WHERE c), p(0.5) WITHIN GROUP (ORDER BY x) FROM t", ""),
        ("SELECT a FROM t QUALIFY row_number() OVER (ORDER BY b) = 1", ""),
        ("SELECT * FROM o ASOF JOIN t MATCH_CONDITION (o.ts >= t.ts) ON o.a = t.a", ""),
        ("SELECT * EXCLUDE (a) FROM t WHERE a = $1", ""),
        ("VALUES (1, 2), (3, 4)", ""),
    ]);
    let version = "SELECT * FROM o JOIN r FOR SYSTEM_TIME AS OF o.ts ON r.a = o.a";
    assert_eq!(show(version), version);
}

#[test]
fn addresses_and_files_stand_where_relations_stand() {
    assert_eq!(
        show("SELECT x FROM kafka://a-b t JOIN file:///x/*.csv u ON a = 'y', 'z.csv' -- ://"),
        "SELECT x FROM __external('kafka://a-b') t JOIN __external('file:///x/*.csv') u \
         ON a = 'y', __external('z.csv')"
    );
    let text = "SELECT extract(hour FROM '2020') WHERE a IS DISTINCT FROM 'b'";
    assert_eq!(show(text), "SELECT EXTRACT(HOUR FROM '2020') WHERE a IS DISTINCT FROM 'b'");
}

#[test]
fn several_statements_know_their_bytes() {
    let text = "SELECT 1; -- one;\n\n CREATE SOURCE s (a INT) ;; /* x */ SHOW 'a' ";
    let error = parse(text).unwrap_err();
    assert_eq!(error.line_column(text), Some((3, 42)));
    let text = "SELECT 1; -- one;\n\n CREATE SOURCE \u{e4} (a INT) ;; /* x */ CHECKPOINT /* y */";
    let parsed = parse(text).unwrap();
    let spans: Vec<&str> = parsed.iter().map(|parsed| &text[parsed.span.clone()]).collect();
    assert_eq!(spans, ["SELECT 1", "CREATE SOURCE \u{e4} (a INT)", "CHECKPOINT"]);
    assert!(is_unfinished(text) && !is_unfinished("SELECT 1; -- x") && !is_unfinished(""));
    // A comment that is open may go on, whether or not a statement stands before it.
    assert!(is_unfinished("/* a;") && is_unfinished("SELECT 1; /* b") && !is_unfinished("/* c */"));
}

#[test]
fn every_query_of_nexmark_and_every_statement_of_the_seeds_is_read() {
    let refused = [
        // Types that columns do not have yet.
        "event_id UUID",
        "sensor_id UUID",
        // The columns are left out in the document.
        "CREATE SOURCE events (...)",
    ];
    for text in corpus() {
        match parse(text) {
            Ok(_) => {
                let printed = show(text);
                assert_eq!(show(&printed), printed);
                let rewritten = rewritten(text);
                assert!(!rewritten.contains("42"), "{rewritten}");
                for word in [" window_start ", "tumble(t", "TUMBLE(", "SESSION(", "hop(", "'1m'"] {
                    let canonical = rewritten.replace("__tumble(t", "").replace("__hop(", "");
                    assert!(!canonical.contains(word), "{word} in {rewritten}");
                }
            }
            Err(error) => {
                assert!(refused.iter().any(|part| text.contains(part)), "{error}: {text}")
            }
        }
    }
}
