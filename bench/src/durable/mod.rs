//! What durability costs: acknowledgements, throughput beside memory, checkpoints, and the time to
//! recover.

pub mod acks;
pub mod checkpoint;
pub mod logged;
pub mod raw;
pub mod recovery;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// A folder that is gone when this is.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// A new one in `base`.
    pub fn new(base: &Path) -> Result<Folder, String> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = base.join(format!("sluice-bench-{}-{number}", std::process::id()));
        fs::create_dir_all(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        Ok(Folder(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Another one, with what this holds at this moment but for who holds it: what a crash would
    /// leave if the page cache were part of the disk.
    pub fn copy(&self) -> Result<Folder, String> {
        let base = self.0.parent().ok_or("a folder of its own is in another")?;
        let copy = Folder::new(base)?;
        let said = |error: std::io::Error| format!("{}: {error}", self.0.display());
        for entry in fs::read_dir(&self.0).map_err(said)? {
            let entry = entry.map_err(said)?;
            if entry.file_name() == "LOCK" {
                continue;
            }
            match fs::copy(entry.path(), copy.0.join(entry.file_name())) {
                // What no recovery needs goes while the rest is copied.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                copied => {
                    copied.map_err(said)?;
                }
            }
        }
        Ok(copy)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // It lies with other temporary files where it stays.
        let _ = fs::remove_dir_all(&self.0);
    }
}
