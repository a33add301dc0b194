//! The directory that is filled with a copy, and emptied again if that fails.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::BackupError;
use crate::bytes::wide;
use crate::directory::{self, DirectoryError, LOCK, LOST_AND_FOUND};
use crate::name::FileName;

/// A directory that is being filled. Dropped before it is whole, it is emptied.
pub(super) struct Target {
    path: PathBuf,
    handle: File,
    /// Whether it was missing.
    made: bool,
    /// Held where a database comes to be.
    lock: Option<File>,
    written: Vec<PathBuf>,
    bytes: u64,
    whole: bool,
}

impl Target {
    /// Takes the directory at `path`, which is empty or missing.
    pub(super) fn begin(path: &Path) -> Result<Target, BackupError> {
        let made = directory::make(path)?;
        let fail = |doing| move |error| DirectoryError::of(path, doing, &error);
        let place = fs::canonicalize(path).map_err(fail("finding the directory"))?;
        let handle = File::open(&place).map_err(fail("opening the directory"))?;
        let (written, lock) = (Vec::new(), None);
        let target = Target { path: place, handle, made, lock, written, bytes: 0, whole: false };
        target.is_empty(path)?;
        directory::sync_parent(&target.path, made).map_err(fail("making the directory durable"))?;
        Ok(target)
    }

    fn is_empty(&self, path: &Path) -> Result<(), BackupError> {
        let fail = |error| DirectoryError::of(path, "listing the directory", &error);
        for entry in fs::read_dir(&self.path).map_err(fail)? {
            let file = entry.map_err(fail)?.file_name().to_string_lossy().into_owned();
            if file != LOST_AND_FOUND && file != LOCK {
                return Err(BackupError::NotEmpty { path: path.to_owned(), file });
            }
        }
        Ok(())
    }

    /// Keeps everybody else from opening a database there, until this is dropped.
    pub(super) fn hold(&mut self) -> Result<(), BackupError> {
        self.lock = Some(directory::lock(&self.path)?);
        // Whoever held it until just now may have begun a database.
        self.is_empty(&self.path.clone())
    }

    /// Writes a new file of what `next` gives, until it gives no more, and makes its bytes durable.
    pub(super) fn fill(
        &mut self,
        name: FileName,
        mut next: impl FnMut() -> Result<Option<Vec<u8>>, BackupError>,
    ) -> Result<(), BackupError> {
        let mut file = self.create(&name.to_string())?;
        while let Some(bytes) = next()? {
            let written = file.write_all(&bytes);
            written.map_err(|error| self.failed("writing a file", &error))?;
            self.bytes += wide(bytes.len());
        }
        file.sync_all().map_err(|error| self.failed("syncing a file", &error))
    }

    /// The last file: all others are durable under their names before it has its own.
    pub(super) fn publish(&mut self, name: FileName, bytes: &[u8]) -> Result<(), BackupError> {
        let draft = format!("{name}.draft");
        let mut file = self.create(&draft)?;
        let to = self.path.join(name.to_string());
        self.written.push(to.clone());
        let publish = || {
            file.write_all(bytes)?;
            file.sync_all()?;
            self.handle.sync_all()?;
            fs::rename(self.path.join(&draft), to)?;
            self.handle.sync_all()
        };
        publish().map_err(|error| self.failed("writing the last file", &error))?;
        self.bytes += wide(bytes.len());
        Ok(())
    }

    fn create(&mut self, name: &str) -> Result<File, BackupError> {
        let path = self.path.join(name);
        let file = File::create_new(&path);
        let file = file.map_err(|error| self.failed("making a file", &error))?;
        self.written.push(path);
        Ok(file)
    }

    pub(super) fn failed(&self, doing: &'static str, error: &io::Error) -> BackupError {
        BackupError::Place(DirectoryError::of(&self.path, doing, error))
    }

    /// Bytes that were written.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// It is whole, and stays.
    pub(super) fn keep(mut self) {
        self.whole = true;
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if !self.whole {
            // What cannot be removed is refused all the same: the last file is not there.
            for path in self.written.iter().rev() {
                let _ = fs::remove_file(path);
            }
            if self.made && self.lock.is_none() {
                let _ = fs::remove_dir(&self.path);
            }
        }
        if let Some(lock) = &self.lock {
            let _ = lock.unlock();
        }
    }
}
