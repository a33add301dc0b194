//! Measures how fast each way to sync is in a directory, and chooses one.
//!
//! What is fast depends on device, file system and kernel, and on who else uses them: a device that
//! writes through likes another way than one with a cache that forgets.

#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "to measure is to look at the clock"
)]

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::aligned::Aligned;
use crate::bytes::{narrow, wide};
use crate::options::BLOCK_BYTES;
use crate::sync_path::SyncPath;
use crate::uring::{Ring, Way};

/// What a file is called for the moment in which it has a name; see [`SyncProbe::of`].
pub(crate) const PREFIX: &str = ".sluice-probe-";

/// Writes by each path at most: enough for a middle.
const ROUNDS_MAX: u32 = 32;
/// Fewer tell nothing.
const ROUNDS_MIN: u32 = 3;
/// No round begins after it: who opens a database waits for this.
const TIME_MAX: Duration = Duration::from_millis(50);
/// How much faster a path must be than a better one, as a share: below that it is noise.
const MARGIN: f64 = 0.1;

/// What was measured in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyncProbe {
    /// Whether files there are written past the page cache.
    pub direct: bool,
    /// Each path: how long it took, or why it cannot be had.
    pub paths: [(SyncPath, Result<Timing, String>); 3],
}

/// How long it took to make one block durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// The middle of all.
    pub p50_ns: u64,
    /// The longest.
    pub max_ns: u64,
    /// How many there were.
    pub rounds: u32,
}

/// Probes of this process, by device: what was true a moment ago is true.
static DONE: Mutex<Vec<(u64, SyncProbe)>> = Mutex::new(Vec::new());

impl SyncProbe {
    /// Measures all paths in a directory, with a file that has a name for a moment only.
    pub fn of(directory: &Path) -> io::Result<SyncProbe> {
        // Written before, as the room of a segment is.
        let scratch =
            Scratch::new(directory, u64::from(ROUNDS_MAX + 1) * wide(SyncPath::ALL.len()))?;
        let direct = scratch.takes_direct_writes()?;
        let mut trials = Vec::new();
        for path in SyncPath::ALL {
            trials.push((path, scratch.trial(path, direct)));
        }
        drop(scratch);
        let mut times: [Vec<u64>; 3] = Default::default();
        let begun = Instant::now();
        // The first round warms up. In turns, so that what others do to the device hits all alike.
        for round in 0..=ROUNDS_MAX {
            if round > ROUNDS_MIN && begun.elapsed() > TIME_MAX {
                break;
            }
            for ((_, trial), times) in trials.iter_mut().zip(&mut times) {
                let Ok(open) = trial else { continue };
                match open.write(round) {
                    Ok(_) if round == 0 => {}
                    Ok(ns) => times.push(ns),
                    Err(error) => *trial = Err(error),
                }
            }
        }
        let mut timed = trials.into_iter().zip(times).map(|((path, trial), times)| {
            (path, trial.map(|_| Timing::of(times)).map_err(|error| error.to_string()))
        });
        let paths = std::array::from_fn(|_| timed.next().expect("each path has a trial"));
        Ok(SyncProbe { direct, paths })
    }

    /// The same, unless a directory on the same device was measured by this process.
    pub(crate) fn once(directory: &Path) -> io::Result<SyncProbe> {
        let device = fs::metadata(directory)?.dev();
        let mut done = DONE.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, probe)) = done.iter().find(|(known, _)| *known == device) {
            return Ok(probe.clone());
        }
        let probe = SyncProbe::of(directory)?;
        done.push((device, probe.clone()));
        Ok(probe)
    }

    /// The fastest path.
    pub fn choice(&self) -> SyncPath {
        let timed = self.paths.iter().filter_map(|(path, timing)| {
            timing.as_ref().ok().map(|timing| (*path, timing.p50_ns as f64))
        });
        let better = |best: (SyncPath, f64), other: (SyncPath, f64)| {
            if other.1 < best.1 * (1.0 - MARGIN) { other } else { best }
        };
        timed.reduce(better).map_or(SyncPath::Blocking, |(path, _)| path)
    }
}

/// Whether files in a directory are written past the page cache. Where nothing can be found out,
/// as on a full disk, they are not.
pub(crate) fn direct(directory: &Path) -> bool {
    let found = Scratch::new(directory, 1).and_then(|scratch| scratch.takes_direct_writes());
    found.unwrap_or(false)
}

impl Timing {
    fn of(mut times: Vec<u64>) -> Timing {
        times.sort_unstable();
        let rounds = u32::try_from(times.len()).expect("rounds are few");
        let (p50_ns, max_ns) = (times[times.len() / 2], times[times.len() - 1]);
        Timing { p50_ns, max_ns, rounds }
    }
}

/// Opens a file that has a name, to be written by a path.
pub(crate) fn open(file: &Path, path: SyncPath, direct: bool) -> io::Result<File> {
    let direct = if direct { libc::O_DIRECT } else { 0 };
    let dsync = if path == SyncPath::Blocking { libc::O_DSYNC } else { 0 };
    OpenOptions::new().write(true).custom_flags(direct | dsync).open(file)
}

/// The ring of a path that has one.
pub(crate) fn ring(path: SyncPath, cpus: &[u32]) -> Option<io::Result<Ring>> {
    let way = match path {
        SyncPath::Linked => Way::Linked,
        SyncPath::Dsync => Way::Dsync,
        SyncPath::Blocking => return None,
    };
    Some(Ring::new(way, cpus))
}

/// A file for the probe, which loses its name when this is dropped.
struct Scratch(PathBuf);

impl Scratch {
    /// Of so many blocks.
    fn new(directory: &Path, blocks: u64) -> io::Result<Scratch> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let scratch = Scratch(directory.join(format!("{PREFIX}{}-{number}", std::process::id())));
        let file = OpenOptions::new().write(true).create_new(true).open(&scratch.0)?;
        file.write_all_at(&vec![0; narrow(blocks * BLOCK_BYTES)], 0)?;
        file.sync_all()?;
        Ok(scratch)
    }

    fn takes_direct_writes(&self) -> io::Result<bool> {
        let refused = |error: &io::Error| error.kind() == io::ErrorKind::InvalidInput;
        let file = match open(&self.0, SyncPath::Linked, true) {
            Err(error) if refused(&error) => return Ok(false),
            file => file?,
        };
        let block = Aligned::zeroed(narrow(BLOCK_BYTES));
        match file.write_all_at(block.bytes(), 0) {
            Err(error) if refused(&error) => Ok(false),
            written => written.map(|()| true),
        }
    }

    fn trial(&self, path: SyncPath, direct: bool) -> io::Result<Trial> {
        let file = Arc::new(open(&self.0, path, direct)?);
        let ring = ring(path, &[]).transpose()?;
        let at = SyncPath::ALL.iter().position(|other| *other == path).expect("all are in it");
        Ok(Trial { file, ring, memory: Aligned::zeroed(narrow(BLOCK_BYTES)), at: wide(at) })
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // Whoever finds it later takes it for what it is.
        let _ = fs::remove_file(&self.0);
    }
}

/// One path under way.
struct Trial {
    file: Arc<File>,
    ring: Option<Ring>,
    memory: Aligned,
    /// Which of the blocks of a round is its own.
    at: u64,
}

impl Trial {
    /// Makes a block durable; how long that took.
    fn write(&mut self, round: u32) -> io::Result<u64> {
        let block = u64::from(round) * wide(SyncPath::ALL.len()) + self.at;
        let offset = block * BLOCK_BYTES;
        let begun = Instant::now();
        match &mut self.ring {
            Some(ring) => {
                ring.begin(&self.file, offset, self.memory.bytes(), self.memory.len());
                ring.wait()?;
            }
            None => self.file.write_all_at(self.memory.bytes(), offset)?,
        }
        Ok(u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::temp::Temp;

    #[test]
    fn the_fastest_path_is_taken_and_of_two_alike_the_better() {
        let probe = |p50: [u64; 3]| {
            let timing = |p50_ns| Timing { p50_ns, max_ns: p50_ns, rounds: 3 };
            let time = |p50| if p50 == 0 { Err("no".to_owned()) } else { Ok(timing(p50)) };
            let paths = std::array::from_fn(|at| (SyncPath::ALL[at], time(p50[at])));
            SyncProbe { direct: true, paths }.choice()
        };
        assert_eq!(probe([100, 95, 95]), SyncPath::Linked);
        assert_eq!(probe([100, 80, 75]), SyncPath::Blocking);
        assert_eq!(probe([100, 80, 50]), SyncPath::Dsync);
        assert_eq!(probe([0, 80, 0]), SyncPath::Blocking);
        assert_eq!(probe([0, 0, 0]), SyncPath::Blocking);
    }

    #[test]
    fn every_path_is_measured_and_nothing_is_left_behind() {
        let temp = Temp::new();
        let probe = SyncProbe::of(&temp).unwrap();
        println!("{probe:?}");
        assert_eq!(fs::read_dir(&*temp).unwrap().count(), 0);
        let (path, blocking) = &probe.paths[1];
        assert_eq!(*path, SyncPath::Blocking);
        let timing = blocking.as_ref().unwrap();
        assert!(timing.rounds >= ROUNDS_MIN && timing.p50_ns > 0 && timing.p50_ns <= timing.max_ns);
        let rings = [&probe.paths[0].1, &probe.paths[2].1];
        assert!(rings.iter().all(|timing| timing.is_ok() || Ring::new(Way::Linked, &[]).is_err()));
        assert_eq!(SyncProbe::once(&temp).unwrap(), SyncProbe::once(&temp).unwrap());
        assert!(SyncProbe::of(&temp.join("missing")).is_err());
    }
}
