//! What the device does without a database: one write and its sync after another.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use crate::clock::Clock;
use crate::histogram::Latencies;

/// What device and memory agree on.
const BLOCK_BYTES: usize = 4096;

/// How long it takes to make `bytes` durable, `count` times: a blocking write past the page cache
/// that waits for the device, into room that was written before.
pub fn writes(clock: Clock, folder: &Path, bytes: u64, count: u64) -> Result<Latencies, String> {
    let bytes = (bytes as usize).next_multiple_of(BLOCK_BYTES);
    let name = folder.join("raw");
    let said = |error: std::io::Error| format!("{}: {error}", name.display());
    let zeros = vec![0; bytes];
    let file = File::create(&name).map_err(said)?;
    for at in 0..count {
        file.write_all_at(&zeros, at * bytes as u64).map_err(said)?;
    }
    file.sync_all().map_err(said)?;
    let open = |flags| OpenOptions::new().write(true).custom_flags(flags).open(&name);
    // A file system may have no way past the page cache.
    let direct = open(libc::O_DIRECT | libc::O_DSYNC);
    let file = direct.or_else(|_| open(libc::O_DSYNC)).map_err(said)?;
    let memory = vec![7_u8; bytes + BLOCK_BYTES];
    let start = memory.as_ptr().align_offset(BLOCK_BYTES);
    let block = &memory[start..start + bytes];
    let mut latencies = Latencies::new();
    for at in 0..count {
        let begun = clock.now_ns();
        file.write_all_at(block, at * bytes as u64).map_err(said)?;
        latencies.record(clock.now_ns() - begun);
    }
    std::fs::remove_file(&name).map_err(said)?;
    Ok(latencies)
}
