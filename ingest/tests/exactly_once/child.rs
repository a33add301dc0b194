//! The process that is killed: this test, started by itself.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sluicedb::db::{Database, Runtime, Value, values};
use sluicedb::plan::Plan;

use crate::push::Pushes;

/// Says to a process that it is the child, and where its files are.
const FOLDER: &str = "SLUICE_EXACTLY_ONCE_FOLDER";
const SHARDS: &str = "SLUICE_EXACTLY_ONCE_SHARDS";
/// The number of the life of one that pushes; one that reads a file has none.
const LIFE: &str = "SLUICE_EXACTLY_ONCE_LIFE";
/// The rows after which it ends.
const ROWS: &str = "SLUICE_EXACTLY_ONCE_ROWS";

/// How long it has to come to its end.
const END: Duration = Duration::from_secs(120);

/// How a child is started.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Start {
    pub(crate) shards: usize,
    pub(crate) from: From,
}

/// Where its rows come from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum From {
    /// A file that it follows.
    File,
    /// Two producers of its own.
    Producers { life: u64 },
}

/// A child that runs; one that is dropped is killed.
pub(crate) struct Child(std::process::Child);

impl Child {
    pub(crate) fn start(folder: &Path, start: Start, rows: Option<u64>) -> Child {
        let Start { shards, from } = start;
        let mut command = Command::new(std::env::current_exe().expect("this test has a file"));
        command.args(["--exact", "the_process_that_is_killed"]);
        command.args(["--nocapture", "--test-threads=1"]);
        command.env(FOLDER, folder).env(SHARDS, shards.to_string());
        if let From::Producers { life } = from {
            command.env(LIFE, life.to_string());
        }
        rows.iter().for_each(|rows| {
            command.env(ROWS, rows.to_string());
        });
        command.stdin(Stdio::null()).stdout(Stdio::null());
        Child(command.spawn().expect("the test runs"))
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }

    pub(crate) fn lives(&mut self) -> bool {
        self.0.try_wait().expect("it is ours").is_none()
    }

    pub(crate) fn kill(&mut self) {
        self.0.kill().expect("it is ours");
        self.0.wait().expect("it is ours");
    }

    /// Waits until it has come to its end.
    pub(crate) fn finish(mut self) {
        let began = Instant::now();
        while self.lives() {
            assert!(began.elapsed() < END, "the child does not come to its end");
            std::thread::sleep(Duration::from_millis(5));
        }
        let status = self.0.wait().expect("it is ours");
        assert!(status.success(), "the last life ended with {status}");
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // One that has ended is not there to be killed.
        let _ended = self.0.kill();
        let _ended = self.0.wait();
    }
}

pub(crate) fn is_child() -> bool {
    std::env::var_os(FOLDER).is_some()
}

const BARS: &str = "SELECT window_start AS at, k, count(*) AS n, CAST(sum(v) AS BIGINT) AS s FROM rows \
     GROUP BY k, tumble(ts, INTERVAL '1' SECOND) EMIT ON WINDOW CLOSE";

/// Reads, computes and writes until it is killed, or until it has all rows.
pub(crate) fn run() {
    let folder = std::env::var(FOLDER).expect("looked for before");
    let shards = std::env::var(SHARDS).expect("it comes with the folder");
    let builder = Database::builder().memory_limit(256 << 20).runtime(Runtime::Thread);
    let builder = builder.shards(shards.parse().expect("a number"));
    let builder = builder.epoch_interval(Duration::from_millis(1));
    let builder = builder.checkpoint_interval(Duration::from_millis(5));
    let builder = builder.connectors(sluicedb_ingest::connectors());
    let db = builder.directory(format!("{folder}/db")).start(&Plan::empty()).expect("it opens");
    let number = |name| std::env::var(name).ok().map(|n| n.parse::<u64>().expect("a number"));
    let (life, rows) = (number(LIFE), number(ROWS));
    let outside = match life {
        None => format!(" FROM FILE ('{folder}/rows.csv', follow = true)"),
        Some(_) => String::new(),
    };
    for text in [
        format!(
            "CREATE SOURCE IF NOT EXISTS rows (v BIGINT, k INT, ts TIMESTAMP) \
             WITH (watermark = 'ts', allowed_lateness = INTERVAL '1' SECOND){outside}"
        ),
        "CREATE MATERIALIZED VIEW IF NOT EXISTS seen AS SELECT count(*) AS n FROM rows".to_owned(),
        format!("CREATE SINK IF NOT EXISTS bars INTO FILE ('{folder}/bars.ndjson') AS {BARS}"),
        format!("CREATE SINK IF NOT EXISTS parts INTO FILE ('{folder}/parts.parquet') AS {BARS}"),
        format!(
            "CREATE SINK IF NOT EXISTS every INTO FILE ('{folder}/every.csv') AS SELECT v, k FROM rows"
        ),
        format!(
            "CREATE SINK IF NOT EXISTS counts INTO FILE ('{folder}/counts.ndjson') \
             AS SELECT k, count(*) AS n FROM rows GROUP BY k"
        ),
    ] {
        db.execute_parsed(&sluicedb::db::parse(&text).expect("it is SQL")[0], &text)
            .unwrap_or_else(|error| panic!("{text}: {error}"));
    }
    // From here on all that reads the source is there.
    db.start_sources().expect("it starts");
    let mut pushes = life.map(|life| Pushes::open(&db, life, rows));
    loop {
        pushes.iter_mut().for_each(Pushes::go_on);
        for link in db.links() {
            assert!(link.runs && link.last_error.is_none(), "{link:?}");
        }
        let found = db.query("SELECT n FROM seen").expect("a view");
        let seen = found.batches.iter().flat_map(values).next().map(|row| row[0].clone());
        if let (Some(rows), Some(Value::BigInt(seen))) = (rows, seen)
            && seen >= rows as i64
        {
            assert_eq!(seen, rows as i64, "a row is there twice");
            return db.close().expect("it ends");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
