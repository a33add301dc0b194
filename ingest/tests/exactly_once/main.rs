//! A process that reads a file, computes windows and writes files is killed again and again; in the end
//! each change is in the files once.
//!
//! The parent kills with SIGKILL: at random moments, and where a look at the files shows that the child
//! is at a point worth it. `SLUICE_KILLS` says how many kills there are for each number of shards.

mod child;
mod model;
mod points;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use child::Child;
use model::Model;
use points::{Point, Watch};

/// Kills for each number of shards, where nothing else is said.
const KILLS: usize = 24;

/// How long the child is watched for a point: it comes to most of them with each checkpoint.
const WATCH: Duration = Duration::from_secs(10);

/// Kills of all runs that must be at a point, of the points that every checkpoint passes.
const AT_A_POINT_MIN: usize = 2;

#[test]
fn each_change_is_in_the_files_once_whenever_the_process_is_killed() {
    if child::is_child() {
        return child::run();
    }
    let kills = std::env::var("SLUICE_KILLS").map_or(KILLS, |n| n.parse().expect("a number"));
    let mut counts = [0; Point::ALL.len()];
    for shards in [1, 2] {
        run(shards, kills, &mut counts);
    }
    let mut told = format!("{} kills:", counts.iter().sum::<usize>());
    for (point, count) in Point::ALL.iter().zip(counts) {
        write!(told, " {count} {point:?}").expect("room");
    }
    println!("{told}");
    assert_eq!(counts.iter().sum::<usize>(), 2 * kills, "{told}");
    let few = Point::ALL.iter().zip(counts).find(|(_, count)| *count < AT_A_POINT_MIN);
    assert!(few.is_none(), "too few kills at {few:?}: {told}");
}

fn run(shards: usize, kills: usize, counts: &mut [usize; Point::ALL.len()]) {
    let mut model = Model::new(&format!("exactly-once-{shards}"), shards as u64);
    for kill in 0..kills {
        model.append(200);
        let point = Point::ALL[kill % Point::ALL.len()];
        let watch = Watch::new(&model.folder);
        let mut child = Child::start(&model.folder, shards, None);
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
            model.append(5);
            std::thread::sleep(Duration::from_micros(500));
        };
        child.kill();
        counts[Point::ALL.iter().position(|other| *other == reached).expect("one of them")] += 1;
    }
    model.close_windows();
    Child::start(&model.folder, shards, Some(model.count())).finish();
    model.check();
}
