//! Files that are there while a database may be running beside them.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

use crate::directory::Reader;
use crate::disk::{Failure, Files};
use crate::name::FileName;

/// A directory that nobody holds for us: its files are looked for when they are asked for.
pub(super) struct Folder {
    path: PathBuf,
    reader: RefCell<Reader>,
}

impl Folder {
    pub(super) fn new(path: &Path) -> Folder {
        Folder { path: path.to_owned(), reader: RefCell::default() }
    }
}

impl Files for Folder {
    fn list(&self) -> Vec<FileName> {
        let entries = fs::read_dir(&self.path).into_iter().flatten().flatten();
        entries.filter_map(|entry| FileName::parse(&entry.file_name().to_string_lossy())).collect()
    }

    fn size(&self, file: &FileName) -> Option<u64> {
        let found = fs::metadata(self.path.join(file.to_string())).ok()?;
        found.is_file().then_some(found.len())
    }

    fn read(&self, file: &FileName, offset: u64, len: u64) -> Result<Vec<u8>, Failure> {
        let read = self.reader.borrow_mut().read(&self.path, *file, offset, len);
        read.map_err(|error| Failure::of(&error))
    }
}
