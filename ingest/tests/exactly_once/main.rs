//! A process that reads a file, or is pushed to by producers with names, computes windows and writes
//! files is killed again and again; in the end each change is in the files once.
//!
//! The parent kills with SIGKILL: at random moments, and where a look at the files shows that the child
//! is at a point worth it. `SLUICE_KILLS` says how many kills there are in each run over a file, and
//! `SLUICE_PRODUCER_KILLS` how many in that with producers.

mod child;
mod model;
mod points;
mod push;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use child::{Child, From, Start};
use model::Model;
use points::{Point, Watch};

/// Kills of a run over a file, where nothing else is said.
const KILLS: usize = 24;
/// Kills of a run with producers.
const PRODUCER_KILLS: usize = 40;

/// How long the child is watched for a point: it comes to most of them with each checkpoint.
const WATCH: Duration = Duration::from_secs(10);

/// Kills of all runs that must be at a point, of the points that every checkpoint passes.
const AT_A_POINT_MIN: usize = 2;

#[test]
fn each_change_is_in_the_files_once_whenever_the_process_is_killed() {
    let kills = asked("SLUICE_KILLS", KILLS);
    let mut counts = Counts::default();
    for shards in [1, 2] {
        let name = format!("exactly-once-{shards}");
        let mut model = Model::new(&name, shards as u64).with_file();
        let child = |_| Start { shards, from: From::File };
        run(&mut model, kills, child, &mut counts);
        model.close_windows();
        let rows = model.count();
        Child::start(&model.folder, child(0), Some(rows)).finish();
        model.check();
    }
    counts.check(2 * kills);
}

#[test]
fn each_row_that_producers_push_is_in_the_files_once_whenever_the_process_is_killed() {
    let kills = asked("SLUICE_PRODUCER_KILLS", PRODUCER_KILLS);
    let mut counts = Counts::default();
    let mut model = Model::new("exactly-once-pushed", 3);
    // Each life has another number of shards than the one before.
    let shards = |life: usize| 1 + life % SHARDS;
    let from = |life: usize| From::Producers { life: life as u64 };
    let life = |life: usize| Start { shards: shards(life), from: from(life) };
    run(&mut model, kills, life, &mut counts);
    let rows = push::rows_by(kills as u64);
    model.pushed(rows);
    Child::start(&model.folder, life(kills), Some(rows + 2)).finish();
    model.check();
    counts.check(kills);
}

/// Started by the tests above as a process of its own, which they kill.
#[test]
fn the_process_that_is_killed() {
    if child::is_child() {
        child::run();
    }
}

/// Shards of a life with producers, at most.
const SHARDS: usize = 3;

fn asked(name: &str, otherwise: usize) -> usize {
    std::env::var(name).map_or(otherwise, |n| n.parse().expect("a number"))
}

/// Kills, by their point.
#[derive(Default)]
struct Counts([usize; Point::ALL.len()]);

impl Counts {
    #[expect(clippy::print_stdout, reason = "a run says how many kills there were, and where")]
    fn check(&self, kills: usize) {
        let mut told = format!("{} kills:", self.0.iter().sum::<usize>());
        for (point, count) in Point::ALL.iter().zip(self.0) {
            write!(told, " {count} {point:?}").expect("room");
        }
        println!("{told}");
        assert_eq!(self.0.iter().sum::<usize>(), kills, "{told}");
        let few = Point::ALL.iter().zip(self.0).find(|(_, count)| *count < AT_A_POINT_MIN);
        assert!(few.is_none(), "too few kills at {few:?}: {told}");
    }
}

fn run(model: &mut Model, kills: usize, life: impl Fn(usize) -> Start, counts: &mut Counts) {
    for kill in 0..kills {
        let start = life(kill);
        let reads = start.from == From::File;
        if reads {
            model.append(200);
        }
        let point = Point::ALL[kill % Point::ALL.len()];
        let watch = Watch::new(&model.folder);
        let mut child = Child::start(&model.folder, start, None);
        let began = Instant::now();
        let random = Duration::from_millis(model.random(250));
        let reached = loop {
            if point == Point::Random && began.elapsed() >= random {
                break Point::Random;
            }
            if watch.is_at(point, child.id()) {
                break point;
            }
            if began.elapsed() > WATCH {
                // It is killed all the same, and counts as what it is.
                break Point::Random;
            }
            assert!(child.lives(), "the child ended by itself in life {kill}");
            if reads {
                model.append(5);
            }
            std::thread::sleep(Duration::from_micros(500));
        };
        child.kill();
        counts.0[Point::ALL.iter().position(|other| *other == reached).expect("one of them")] += 1;
    }
}
