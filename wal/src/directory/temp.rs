//! Directories of tests, gone when they are done.

use std::fs;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory that exists while this does.
pub(crate) struct Temp {
    path: PathBuf,
    mounted: bool,
}

impl Temp {
    pub(crate) fn new() -> Temp {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("sluicedb-wal-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        // The system may call it otherwise where a link leads to it.
        Temp { path: path.canonicalize().unwrap(), mounted: false }
    }

    /// A file system of its own, or why there is none.
    pub(crate) fn mount(options: &str) -> Result<Temp, String> {
        let mut temp = Temp::new();
        run("mount", &["-t", "tmpfs", "-o", options, "sluicedb"], &temp)?;
        temp.mounted = true;
        Ok(temp)
    }

    pub(crate) fn remount(&self, options: &str) {
        run("mount", &["-o", &format!("remount,{options}")], self).unwrap();
    }

    /// Names, sizes and times of all that is in it; whoever takes the lock writes its file.
    pub(crate) fn listing(&self) -> String {
        let entries = fs::read_dir(&self.path).unwrap().map(|entry| {
            let entry = entry.unwrap();
            let metadata = entry.metadata().unwrap();
            let modified = (entry.file_name() != super::LOCK).then(|| metadata.modified().unwrap());
            format!("{:?} {} {modified:?}", entry.file_name(), metadata.len())
        });
        let mut entries: Vec<String> = entries.collect();
        entries.sort();
        format!("{:?}: {}", fs::metadata(&self.path).unwrap().modified(), entries.join(", "))
    }

    /// Descriptors of this process that lead into it.
    pub(crate) fn descriptors(&self) -> usize {
        let links = fs::read_dir("/proc/self/fd").unwrap().flatten();
        let targets = links.filter_map(|link| fs::read_link(link.path()).ok());
        targets.filter(|target| target.starts_with(&self.path)).count()
    }
}

impl Deref for Temp {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.path
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        if self.mounted {
            let _ = run("umount", &[], self);
        }
        let _ = fs::remove_dir_all(&self.path);
    }
}

fn run(program: &str, arguments: &[&str], at: &Path) -> Result<(), String> {
    let output = Command::new(program).args(arguments).arg(at).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    let said = || format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim());
    if output.status.success() { Ok(()) } else { Err(said()) }
}
