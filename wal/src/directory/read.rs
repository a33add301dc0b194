//! Reads files for recovery, past the page cache where the system lets it.
//!
//! After a sync that failed, the page cache holds bytes as if they were on the disk. A database
//! that is opened again must not find them: it would take for durable what the next crash loses.

use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use crate::bytes::{narrow, wide};
use crate::name::FileName;
use crate::options::BLOCK_BYTES;

/// Asks the system to leave the page cache out; its number differs between machines.
const O_DIRECT: Option<i32> = if !cfg!(target_os = "linux") {
    None
} else if cfg!(any(target_arch = "x86_64", target_arch = "riscv64")) {
    Some(0o40000)
} else if cfg!(target_arch = "aarch64") {
    Some(0o200_000)
} else {
    None
};

/// Bytes that one call reads ahead at most: few calls a file, and little memory.
const WINDOW_BYTES: u64 = 1 << 20;

/// One file at a time, and what was read of it last.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    open: Option<Open>,
    /// The window begins at the first block boundary in it.
    memory: Vec<u8>,
    /// The part of the file that the window holds.
    window: Range<u64>,
}

#[derive(Debug)]
struct Open {
    name: FileName,
    file: File,
    /// Whether reads leave the page cache out.
    direct: bool,
}

impl Reader {
    /// Exactly `len` bytes from `offset` of the file `name` in `directory`.
    pub(crate) fn read(
        &mut self,
        directory: &Path,
        name: FileName,
        offset: u64,
        len: u64,
    ) -> io::Result<Vec<u8>> {
        if self.open.as_ref().is_none_or(|open| open.name != name) {
            self.window = 0..0;
            self.open = Some(open(directory, name, O_DIRECT)?);
        }
        let end = offset + len;
        let mut bytes = Vec::with_capacity(narrow(len));
        while wide(bytes.len()) < len {
            let at = offset + wide(bytes.len());
            if !self.window.contains(&at) {
                self.fill(directory, at, end)?;
            }
            let start = self.start() + narrow(at - self.window.start);
            let count = narrow(self.window.end.min(end) - at);
            bytes.extend_from_slice(&self.memory[start..start + count]);
        }
        Ok(bytes)
    }

    /// Where the window lies in its memory.
    fn start(&self) -> usize {
        let padding = self.memory.as_ptr().align_offset(narrow(BLOCK_BYTES));
        assert!(padding < narrow(BLOCK_BYTES), "bytes can be aligned to a block");
        padding
    }

    /// Moves the window so that it begins at `at`, which is wanted up to `end`.
    fn fill(&mut self, directory: &Path, at: u64, end: u64) -> io::Result<()> {
        if self.memory.is_empty() {
            self.memory = vec![0; narrow(WINDOW_BYTES + BLOCK_BYTES)];
        }
        let from = at - at % BLOCK_BYTES;
        // Whoever reads on behind the window will go on so; others want only what they ask for.
        let goes_on = !self.window.is_empty() && at <= self.window.end + BLOCK_BYTES;
        let asked = if goes_on && at >= self.window.start { WINDOW_BYTES } else { end - from };
        let count = asked.next_multiple_of(BLOCK_BYTES).min(WINDOW_BYTES);
        self.window = from..from;
        let start = self.start();
        let into = &mut self.memory[start..start + narrow(count)];
        let open = self.open.as_mut().expect("the caller opened it");
        let read = match read_at(&open.file, into, from) {
            Err(error) if open.direct && error.kind() == io::ErrorKind::InvalidInput => {
                // A file system may open a file so and then not read it so.
                *open = self::open(directory, open.name, None)?;
                read_at(&open.file, into, from)?
            }
            read => read?,
        };
        self.window = from..from + wide(read);
        if self.window.contains(&at) { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }
}

fn open(directory: &Path, name: FileName, flag: Option<i32>) -> io::Result<Open> {
    let path = directory.join(name.to_string());
    let opened = OpenOptions::new().read(true).custom_flags(flag.unwrap_or(0)).open(&path);
    let (file, direct) = match opened {
        Err(error) if flag.is_some() && error.kind() == io::ErrorKind::InvalidInput => {
            (File::open(&path)?, false)
        }
        opened => (opened?, flag.is_some()),
    };
    Ok(Open { name, file, direct })
}

fn read_at(file: &File, into: &mut [u8], offset: u64) -> io::Result<usize> {
    loop {
        match file.read_at(into, offset) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}
