//! Puts a salvage in place, and leaves beside it what that gives up.
//!
//! Invariant: whenever power is lost, the directory is as corrupt as it was or goes on as the salvage
//! says; and what it had is in the folder before anything of it goes.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::{Directory, DirectoryError, Reader};
use crate::disk::Files;
use crate::name::FileName;
use crate::salvage::Salvage;

/// The folders are called so, with a number behind it.
const FOLDER: &str = "given-up-";
/// The text in them.
const TEXT: &str = "what-was-given-up.txt";

impl Directory {
    /// Goes on as `salvage` says. The files of which something is given up are in a folder from then on,
    /// as they were; returns where.
    pub fn give_up(&mut self, salvage: &Salvage) -> Result<PathBuf, DirectoryError> {
        let path = self.place.path.clone();
        let fail =
            |error: io::Error| DirectoryError::of(&path, "setting aside what is given up", &error);
        let folder = self.set_aside(salvage).map_err(fail)?;
        self.put_in_place(salvage, &folder).map_err(fail)?;
        self.files = self.place.settle(&path)?;
        *self.reader.borrow_mut() = Reader::default();
        Ok(folder)
    }

    /// Writes a text for people into such a folder, in place of the one there.
    pub fn tell(&self, folder: &Path, text: &str) -> Result<(), DirectoryError> {
        let write = || {
            let path = folder.join(TEXT);
            fs::write(&path, text)?;
            File::open(path)?.sync_all()?;
            File::open(folder)?.sync_all()
        };
        let fail = |error| DirectoryError::of(folder, "writing down what was given up", &error);
        write().map_err(fail)
    }

    /// The files of which something is given up. Manifests come last.
    fn touched(&self, salvage: &Salvage) -> Vec<FileName> {
        let goes_on = salvage.manifest.as_ref().map(|manifest| manifest.epoch);
        let newer = salvage.newer();
        let is_touched = |file: &FileName| match *file {
            FileName::Manifest { epoch } => newer.contains(&epoch) || Some(epoch) == goes_on,
            FileName::Checkpoint { epoch, .. } => {
                !newer.is_empty() && goes_on.is_some_and(|at| epoch > at)
            }
            FileName::Segment { shard, .. } => salvage.logs.iter().any(|log| log.shard == shard),
            FileName::ManifestDraft { .. } | FileName::Identity | FileName::Backup => false,
        };
        self.list().into_iter().filter(is_touched).collect()
    }

    fn set_aside(&self, salvage: &Salvage) -> io::Result<PathBuf> {
        let folders = (1..).map(|number| self.place.path.join(format!("{FOLDER}{number}")));
        let mut free = folders.skip_while(|folder| folder.exists());
        let folder = free.next().expect("some number is free");
        fs::create_dir(&folder)?;
        for file in self.touched(salvage) {
            let (from, to) = (self.place.file(file), folder.join(file.to_string()));
            // Where a file cannot have two names it is copied.
            if fs::hard_link(&from, &to).is_err() {
                fs::copy(&from, &to)?;
                File::open(&to)?.sync_all()?;
            }
        }
        File::open(&folder)?.sync_all()?;
        self.place.handle.sync_all()?;
        Ok(folder)
    }

    /// Old segments are dead behind the new ones. Manifests that are given up go last: until then nobody
    /// goes on from the one before.
    fn put_in_place(&self, salvage: &Salvage, folder: &Path) -> io::Result<()> {
        let touched = self.touched(salvage);
        if let Some(manifest) = salvage.manifest.as_ref().filter(|_| !salvage.logs.is_empty()) {
            let file = FileName::Manifest { epoch: manifest.epoch };
            self.replace(folder, file, &manifest.encode())?;
        }
        for log in &salvage.logs {
            let (file, bytes) = &log.segment;
            self.replace(folder, *file, bytes)?;
        }
        let goes_on = salvage.manifest.as_ref().map(|manifest| manifest.epoch);
        let stays = |file: &FileName| match *file {
            FileName::Manifest { epoch } => Some(epoch) == goes_on,
            _ => false,
        };
        for file in touched.into_iter().filter(|file| !stays(file)) {
            fs::remove_file(self.place.file(file))?;
        }
        self.place.handle.sync_all()
    }

    /// Gives a file these bytes, all at once.
    fn replace(&self, folder: &Path, file: FileName, bytes: &[u8]) -> io::Result<()> {
        let draft = folder.join("draft");
        fs::write(&draft, bytes)?;
        File::open(&draft)?.sync_all()?;
        fs::rename(&draft, self.place.file(file))?;
        self.place.handle.sync_all()
    }
}
