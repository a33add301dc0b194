//! Sinks of a query that was given up: what they have stays, and they say why nothing comes.

use sluicedb::db::{Database, Runtime};
use sluicedb::plan::Plan;
use sluicedb::shell::memory::Budget;

use super::{Folder, lines, rows, status};

#[test]
fn a_sink_of_a_query_that_was_given_up_keeps_what_it_has_and_says_why() {
    for directory in [false, true] {
        let folder = Folder::new(&format!("given-up-{directory}"));
        let out = folder.file("out.csv");
        let builder = Database::builder().runtime(Runtime::Thread).shards(1);
        let builder = builder.memory_limit(Budget::minimum_bytes(1));
        let builder = builder.connectors(sluicedb_ingest::connectors());
        let builder = if directory { builder.directory(folder.file("db")) } else { builder };
        let db = builder.start(&Plan::empty()).expect("it starts");
        let body = "x".repeat(2000);
        let sink = format!(
            "CREATE SINK big INTO FILE ('{out}') AS SELECT id, max(body) AS body, count(*) AS n \
             FROM notes GROUP BY id"
        );
        for text in [
            "CREATE SOURCE notes (id BIGINT, body TEXT) WITH (retain = 0)",
            "CREATE MATERIALIZED VIEW n AS SELECT count(*) AS n FROM notes",
            &sink,
        ] {
            db.execute(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        }
        let mut pushed = 0;
        while status(&db, "big").runs {
            assert!(pushed < 200_000, "nothing ever fills the memory");
            let of = |id: i64| format!("({id}, '{body}')");
            let values: Vec<String> = (pushed..pushed + 200).map(of).collect();
            db.execute(&format!("INSERT INTO notes VALUES {}", values.join(", "))).unwrap();
            pushed += 200;
        }
        let shown = rows(&db, "SELECT state, last_error FROM sluice.sinks");
        for word in ["stopped|\"big\" was stopped", "memory_limit", "53200"] {
            assert!(shown[0].contains(word), "no {word} in {shown:?}");
        }
        // Behind the head there is a line for each row that it was given.
        let written = lines(&out).len() - 1;
        assert!(written > 1000, "{written} lines");
        db.execute("INSERT INTO notes VALUES (-1, 'one more')").unwrap();
        assert_eq!(rows(&db, "SELECT n FROM n"), [(pushed + 1).to_string()]);
        if directory {
            db.execute("CHECKPOINT").expect("no checkpoint waits for it");
        }
        assert_eq!(lines(&out).len() - 1, written);
        db.execute("DROP SINK big").unwrap();
        db.close().unwrap();
    }
}
