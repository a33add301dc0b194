//! Reads files for recovery, past the page cache where the system lets it.
//!
//! After a sync that failed, the page cache holds bytes as if they were on the disk. A database
//! that is opened again must not find them: it would take for durable what the next crash loses.

use std::fs::{File, OpenOptions};
use std::io;
use std::ops::Range;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

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
const WINDOW_BYTES: u64 = 4 << 20;

/// One file at a time, and what was read of it last. Of a file that is read from its front to its end
/// the next window comes while whoever reads works on the one before.
#[derive(Debug, Default)]
pub(crate) struct Reader {
    open: Option<Open>,
    /// The window begins at the first block boundary in it.
    memory: Vec<u8>,
    /// The part of the file that the window holds.
    window: Range<u64>,
    ahead: Option<Ahead>,
    /// Memory for the next window.
    spare: Vec<u8>,
}

/// A window that a thread of its own reads.
#[derive(Debug)]
struct Ahead {
    from: u64,
    thread: JoinHandle<(Vec<u8>, io::Result<usize>)>,
}

impl Ahead {
    /// None where there is no thread for it.
    fn start(file: &Arc<File>, from: u64, mut memory: Vec<u8>) -> Option<Ahead> {
        let file = Arc::clone(file);
        let read = move || {
            let (start, count) = (start_of(&memory), narrow(WINDOW_BYTES));
            let read = read_at(&file, &mut memory[start..start + count], from);
            (memory, read)
        };
        let thread = Builder::new().name("sluice-read".to_owned()).spawn(read).ok()?;
        Some(Ahead { from, thread })
    }
}

/// Memory for a window, wherever blocks begin in it.
fn window_memory() -> Vec<u8> {
    vec![0; narrow(WINDOW_BYTES + BLOCK_BYTES)]
}

/// Where the window lies in its memory.
fn start_of(memory: &[u8]) -> usize {
    let padding = memory.as_ptr().align_offset(narrow(BLOCK_BYTES));
    assert!(padding < narrow(BLOCK_BYTES), "bytes can be aligned to a block");
    padding
}

#[derive(Debug)]
struct Open {
    name: FileName,
    file: Arc<File>,
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
            self.come();
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
        start_of(&self.memory)
    }

    /// Waits for the window that is read ahead. Returns where it begins and what came of it; its memory
    /// is the spare one then.
    fn come(&mut self) -> Option<(u64, io::Result<usize>)> {
        let Ahead { from, thread } = self.ahead.take()?;
        let (memory, read) = thread.join().ok()?;
        self.spare = memory;
        Some((from, read))
    }

    /// Moves the window so that it begins at `at`, which is wanted up to `end`.
    fn fill(&mut self, directory: &Path, at: u64, end: u64) -> io::Result<()> {
        if self.memory.is_empty() {
            self.memory = window_memory();
        }
        let from = at - at % BLOCK_BYTES;
        // Whoever reads on behind the window will go on so; others want only what they ask for.
        let goes_on = !self.window.is_empty() && at <= self.window.end + BLOCK_BYTES;
        let goes_on = goes_on && at >= self.window.start;
        self.window = from..from;
        let read = match self.come() {
            Some((ahead, Ok(read))) if ahead == from => {
                std::mem::swap(&mut self.memory, &mut self.spare);
                read
            }
            // What fails is tried again, so that it fails here.
            _ => {
                let asked = if goes_on { WINDOW_BYTES } else { end - from };
                let count = asked.next_multiple_of(BLOCK_BYTES).min(WINDOW_BYTES);
                self.read_now(directory, from, narrow(count))?
            }
        };
        self.window = from..from + wide(read);
        if goes_on && wide(read) == WINDOW_BYTES {
            let open = self.open.as_ref().expect("the caller opened it");
            let mut memory = std::mem::take(&mut self.spare);
            if memory.is_empty() {
                memory = window_memory();
            }
            self.ahead = Ahead::start(&open.file, self.window.end, memory);
        }
        if self.window.contains(&at) { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    fn read_now(&mut self, directory: &Path, from: u64, count: usize) -> io::Result<usize> {
        let start = self.start();
        let into = &mut self.memory[start..start + count];
        let open = self.open.as_mut().expect("the caller opened it");
        match read_at(&open.file, into, from) {
            Err(error) if open.direct && error.kind() == io::ErrorKind::InvalidInput => {
                // A file system may open a file so and then not read it so.
                *open = self::open(directory, open.name, None)?;
                read_at(&open.file, into, from)
            }
            read => read,
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        // Nothing of it is left when the directory is given to others.
        self.come();
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
    Ok(Open { name, file: Arc::new(file), direct })
}

fn read_at(file: &File, into: &mut [u8], offset: u64) -> io::Result<usize> {
    loop {
        match file.read_at(into, offset) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}
