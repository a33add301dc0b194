//! A process that pushes rows and says which of them are durable is killed again and again, at random
//! and where its files show that it is at a point worth it. Whoever opens its directory next finds each
//! row that was acknowledged, none twice, and statements over both shards whole or not at all.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use sluicedb::Value;
use sluicedb::db::{Database, SyncPath, schema, values};
use sluicedb::plan::{AggregateSpec, Builder, Call, Emit, Plan};
use sluicedb_tests::prng::Prng;
use sluicedb_tests::report;

use crate::child::{argument, is_child, start};
use crate::directory::{Place, paths};
use crate::fixture::{Tick, small};
use crate::watchdog::within_time;

const TEST: &str = "kills::each_acknowledged_row_is_there_once_whenever_the_process_is_killed";
/// How many kills there are, where it is not the usual number.
const KILLS: &str = "SLUICE_PUSH_KILLS";
const KILLS_USUAL: u64 = 150;
/// Kills at each named point, of a hundred.
const AT_A_POINT_PERCENT: u64 = 4;
/// How long a child is watched for its point: it comes to most of them with each checkpoint.
const WATCH: Duration = Duration::from_secs(5);
/// Rows of a statement, and statements that are pushed before one is known to be safe.
const ROWS: i64 = 5;
const AHEAD: u64 = 4;

/// Where a kill strikes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Point {
    /// Anywhere.
    Random,
    /// The database is being opened: it holds the lock.
    Opening,
    /// Rows have just been acknowledged.
    Acknowledged,
    /// A segment of a log has come.
    Segment,
    /// A segment has been removed.
    Retired,
    /// A part of a checkpoint has come.
    Checkpoint,
    /// A manifest lies beside its name.
    Draft,
    /// A manifest has come.
    Sealed,
}

impl Point {
    const ALL: [Point; 8] = [
        Point::Random,
        Point::Opening,
        Point::Acknowledged,
        Point::Segment,
        Point::Retired,
        Point::Checkpoint,
        Point::Draft,
        Point::Sealed,
    ];

    fn is_here(self, place: &Path, before: &BTreeSet<String>, life: &Life) -> bool {
        let came = |begins: &str, ends: &str| {
            let fresh = |name: &String| {
                name.starts_with(begins) && name.ends_with(ends) && !before.contains(name)
            };
            names(place).iter().any(fresh)
        };
        let is_log = |name: &&String| name.ends_with(".log");
        match self {
            Point::Random => false,
            Point::Opening => {
                let held = std::fs::read_to_string(place.join("LOCK")).unwrap_or_default();
                held.trim() == life.child.id().to_string()
            }
            Point::Acknowledged => life.said.durable.load(Ordering::Relaxed) >= 0,
            Point::Segment => came("shard-", ".log"),
            Point::Retired => !before.iter().filter(is_log).all(|name| names(place).contains(name)),
            Point::Checkpoint => came("shard-", ".checkpoint"),
            Point::Draft => came("manifest-", ".draft"),
            Point::Sealed => {
                let whole = |name: &String| {
                    name.starts_with("manifest-")
                        && !name.ends_with(".draft")
                        && !before.contains(name)
                };
                names(place).iter().any(whole)
            }
        }
    }
}

fn names(place: &Path) -> BTreeSet<String> {
    let Ok(entries) = std::fs::read_dir(place) else { return BTreeSet::new() };
    entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// A child that runs, and whoever listens to it.
struct Life {
    child: Child,
    said: Arc<Said>,
    listener: JoinHandle<()>,
}

/// Rows that the child found, and that it said are durable; -1 where it has not come to that.
struct Said {
    found: AtomicI64,
    durable: AtomicI64,
}

impl Life {
    fn start(place: &Path, path: SyncPath) -> Life {
        let mut child = start(TEST, &format!("{path} {}", place.display()));
        let said = Arc::new(Said { found: AtomicI64::new(-1), durable: AtomicI64::new(-1) });
        let out = child.stdout.take().unwrap();
        let heard = Arc::clone(&said);
        let listener = std::thread::spawn(move || listen(out, &heard));
        Life { child, said, listener }
    }

    /// Kills it, and hears what it said until it died.
    fn kill(mut self) -> (Option<i64>, Option<i64>) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.listener.join().unwrap();
        let heard = |said: &AtomicI64| {
            let rows = said.load(Ordering::Relaxed);
            (rows >= 0).then_some(rows)
        };
        (heard(&self.said.found), heard(&self.said.durable))
    }
}

fn listen(out: ChildStdout, said: &Said) {
    for line in BufReader::new(out).lines().map_while(Result::ok) {
        // A line that death has cut says nothing.
        let Some((word, number)) = line.strip_suffix('.').and_then(|line| line.split_once(' '))
        else {
            continue;
        };
        match (word, number.parse()) {
            ("found", Ok(rows)) => said.found.store(rows, Ordering::Relaxed),
            ("durable", Ok(rows)) => said.durable.store(rows, Ordering::Relaxed),
            _ => {}
        }
    }
}

/// Numbers, and how often each is there.
fn plan() -> Plan {
    let mut b = Builder::new();
    let ticks = b.source("ticks", schema::<Tick>().unwrap(), None).unwrap();
    let spec = AggregateSpec {
        window: None,
        keys: vec!["id".to_owned()],
        calls: vec![Call::count_rows("times")],
        emit: Emit::Changes,
        allowed_lateness_us: 0,
    };
    let counted = b.aggregate(ticks, &spec).unwrap();
    b.view(counted, "rows", &["id"]).unwrap();
    b.finish().unwrap()
}

fn open(place: &Path, path: SyncPath) -> Database {
    let builder = small(2).directory(place).sync_path(path);
    let builder = builder.epoch_interval(Duration::from_millis(1));
    builder.checkpoint_interval(Duration::from_millis(10)).start(&plan()).unwrap()
}

/// How many rows there are: all from the first on, each once, in whole statements.
fn count(db: &Database) -> i64 {
    let text = "SELECT count(*), min(id), max(id), min(times), max(times) FROM rows";
    let found = db.query(text).unwrap();
    let row = found.batches.iter().flat_map(values).next().unwrap();
    let Value::BigInt(rows) = row[0] else { panic!("{row:?}") };
    if rows > 0 {
        let ends = [0, rows - 1, 1, 1].map(Value::BigInt);
        assert_eq!(row[1..], ends, "{rows} rows: first, last, and how often each is there");
    }
    assert_eq!(rows % ROWS, 0, "a statement is there in part");
    rows
}

#[test]
fn each_acknowledged_row_is_there_once_whenever_the_process_is_killed() {
    if is_child(TEST) {
        let argument = argument();
        let (path, place) = argument.split_once(' ').unwrap();
        return push_for_ever(Path::new(place), path.parse().unwrap());
    }
    let kills = std::env::var(KILLS).map_or(KILLS_USUAL, |n| n.parse().expect("a number"));
    within_time("kills", Duration::from_secs(60 + 5 * kills), move || run(kills));
}

fn run(kills: u64) {
    let place = Place::new("kills");
    let mut prng = Prng::new(kills);
    let mut counts = [0; Point::ALL.len()];
    let mut acknowledged = 0;
    for (kill, path) in (0..kills).zip(paths().into_iter().cycle()) {
        let point = Point::ALL[kill as usize % Point::ALL.len()];
        let before = names(place.path());
        let random = Duration::from_micros(prng.below(150_000) as u64);
        let began = Instant::now();
        let mut life = Life::start(place.path(), path);
        let reached = loop {
            if point == Point::Random && began.elapsed() >= random {
                break Point::Random;
            }
            if point.is_here(place.path(), &before, &life) {
                break point;
            }
            if began.elapsed() > WATCH {
                // It is killed all the same, and counts as what it is.
                break Point::Random;
            }
            assert!(life.child.try_wait().unwrap().is_none(), "the child of kill {kill} has ended");
            std::thread::sleep(Duration::from_micros(200));
        };
        let (found, durable) = life.kill();
        counts[Point::ALL.iter().position(|other| *other == reached).unwrap()] += 1;
        if let Some(found) = found {
            assert!(
                found >= acknowledged,
                "kill {kill}: {acknowledged} acknowledged, {found} there"
            );
            acknowledged = found;
        }
        acknowledged = durable.unwrap_or(acknowledged).max(acknowledged);
    }
    let db = open(place.path(), SyncPath::Blocking);
    let found = count(&db);
    assert!(found >= acknowledged, "{acknowledged} acknowledged, {found} there");
    db.close().unwrap();
    let least = kills * AT_A_POINT_PERCENT / 100;
    let mut told = vec![("kills", counts.iter().sum(), kills)];
    let words = [
        "random",
        "opening",
        "acknowledged",
        "segment",
        "retired",
        "checkpoint",
        "draft",
        "sealed",
    ];
    told.extend(words.into_iter().zip(counts).map(|(word, count)| (word, count, least)));
    told.push(("rows acknowledged and found", acknowledged as u64, kills));
    report::lane(3, &told);
}

/// The child: pushes statements from the first row that is missing, and says how many rows are safe.
fn push_for_ever(place: &Path, path: SyncPath) {
    let db = open(place, path);
    let first = count(&db);
    let mut out = std::io::stdout().lock();
    let mut say = |word: &str, rows: i64| {
        writeln!(out, "{word} {rows}.").unwrap();
        out.flush().unwrap();
    };
    // What the harness has begun a line with ends here.
    say("\nfound", first);
    let mut source = db.source::<Tick>("ticks").unwrap();
    let before = source.durable();
    let mut told = 0;
    for statement in 0.. {
        let from = first + statement * ROWS;
        let rows: Vec<Tick> = (from..from + ROWS).map(|id| Tick { id }).collect();
        while let Err(error) = source.push_all(&rows) {
            assert!(error.is_full(), "{error}");
        }
        while statement as u64 + 1 >= told + AHEAD || source.durable() - before > told {
            if source.durable() - before > told {
                told = source.durable() - before;
                say("durable", first + told as i64 * ROWS);
            }
            std::thread::sleep(Duration::from_micros(100));
        }
    }
}
