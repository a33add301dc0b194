//! Points at which a process is worth killing, as its files show them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Where a kill strikes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Point {
    /// Anywhere.
    Random,
    /// The database is being opened: it holds the lock.
    Opening,
    /// A manifest lies beside its name.
    Draft,
    /// A manifest has come: the checkpoint is sealed, and sinks do not know yet.
    Sealed,
    /// A part of a checkpoint has come.
    Checkpoint,
    /// A sink has made a part safe that no sealed checkpoint has.
    Partial,
    /// A sink has shown a part.
    Part,
    /// Lines have come that may be in no checkpoint.
    Lines,
}

impl Point {
    pub(crate) const ALL: [Point; 8] = [
        Point::Random,
        Point::Opening,
        Point::Draft,
        Point::Sealed,
        Point::Checkpoint,
        Point::Partial,
        Point::Part,
        Point::Lines,
    ];
}

/// What there was when the process began.
pub(crate) struct Watch {
    folder: PathBuf,
    files: BTreeSet<String>,
    parts: BTreeSet<String>,
    lines: u64,
}

fn names(folder: &Path) -> BTreeSet<String> {
    let Ok(entries) = fs::read_dir(folder) else { return BTreeSet::new() };
    entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

impl Watch {
    pub(crate) fn new(folder: &Path) -> Watch {
        let (files, parts) = (names(&folder.join("db")), names(&folder.join("parts.parquet")));
        let mut watch = Watch { folder: folder.to_owned(), files, parts, lines: 0 };
        watch.lines = watch.lines_now();
        watch
    }

    fn lines_now(&self) -> u64 {
        fs::metadata(self.folder.join("every.csv")).map_or(0, |known| known.len())
    }

    /// Whether the process shows that it is there, or has just been.
    pub(crate) fn is_at(&self, point: Point, process: u32) -> bool {
        let files = || names(&self.folder.join("db"));
        let parts = || names(&self.folder.join("parts.parquet"));
        let came = |begins: &str, ends: &str| {
            let fresh = |name: &String| !self.files.contains(name);
            let known = |name: &&String| name.starts_with(begins) && name.ends_with(ends);
            files().iter().filter(known).any(fresh)
        };
        match point {
            Point::Random => false,
            Point::Opening => {
                let held = fs::read_to_string(self.folder.join("db/LOCK")).unwrap_or_default();
                held.trim() == process.to_string()
            }
            Point::Draft => came("manifest-", ".draft"),
            Point::Sealed => {
                let whole =
                    |name: &&String| name.starts_with("manifest-") && !name.ends_with(".draft");
                files().iter().filter(whole).any(|name| !self.files.contains(name))
            }
            Point::Checkpoint => came("shard-", ".checkpoint"),
            Point::Partial => parts()
                .iter()
                .any(|name| name.ends_with(".parquet.partial") && !self.parts.contains(name)),
            Point::Part => {
                parts().iter().any(|name| name.ends_with(".parquet") && !self.parts.contains(name))
            }
            Point::Lines => self.lines_now() > self.lines,
        }
    }
}
