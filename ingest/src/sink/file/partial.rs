//! A file that appears under its name whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// What is put behind the name of a file that is not whole yet.
const SUFFIX: &str = ".partial";

/// A file on its way.
#[derive(Debug)]
pub(super) struct Partial {
    /// Where the file goes when it is whole; none for a pipe or a device, which is written as it is.
    to: Option<PathBuf>,
    at: PathBuf,
}

impl Partial {
    /// Makes the file beside the one it is to replace, which stays as it is.
    pub(super) fn create(path: &str) -> io::Result<(Partial, File)> {
        // What a link leads to is replaced, and not the link.
        let path = fs::canonicalize(path).unwrap_or_else(|_| PathBuf::from(path));
        let known = fs::metadata(&path);
        if known.as_ref().is_ok_and(|known| !known.is_file() && !known.is_dir()) {
            let file = OpenOptions::new().write(true).open(&path)?;
            return Ok((Partial { to: None, at: path }, file));
        }
        if known.is_ok_and(|known| known.is_dir()) {
            return Err(io::Error::from(io::ErrorKind::IsADirectory));
        }
        let mut name = path.clone().into_os_string();
        name.push(SUFFIX);
        let at = PathBuf::from(name);
        let file = File::create(&at)?;
        Ok((Partial { to: Some(path), at }, file))
    }

    /// Puts the file, all of which is written, in its place.
    pub(super) fn finish(mut self, file: &File) -> io::Result<()> {
        let Some(to) = &self.to else { return Ok(()) };
        // The bytes are down before the name leads to them.
        file.sync_all()?;
        fs::rename(&self.at, to)?;
        let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        self.to = None;
        Ok(())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if self.to.is_some() {
            // Nobody can use a part of it; where it stays it is overwritten the next time.
            let _gone = fs::remove_file(&self.at);
        }
    }
}
