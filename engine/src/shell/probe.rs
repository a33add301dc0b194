//! Whether this process may have an io_uring, asked before glommio does; and how a directory is
//! synced fastest.
//!
//! glommio ends the process where the kernel lacks an operation, and panics where it may not make a
//! ring; a library must not do that to its host. So the same questions are asked here first.

use std::sync::OnceLock;

use io_uring::{IoUring, Probe, opcode};

pub use sluicedb_wal::probe::{SyncProbe, Timing};

/// What the kernel said, once per process.
static ANSWER: OnceLock<Result<(), String>> = OnceLock::new();

/// Entries of the ring that is tried; an executor makes larger ones of the same kind.
const ENTRIES: u32 = 128;

/// Bytes of locked memory without which glommio makes no executor.
const MEMLOCK_BYTES_MIN: u64 = 512 << 10;

/// Nothing if executors can be made here, else why not.
pub fn io_uring() -> Result<(), String> {
    ANSWER.get_or_init(ask).clone()
}

fn ask() -> Result<(), String> {
    let ring = IoUring::new(ENTRIES).map_err(|error| {
        format!(
            "the kernel refuses this process an io_uring ({error}): look at \
             /proc/sys/kernel/io_uring_disabled, the seccomp profile of the container and \
             `ulimit -l`"
        )
    })?;
    let mut probe = Probe::new();
    ring.submitter()
        .register_probe(&mut probe)
        .map_err(|error| format!("the kernel is too old to say what its io_uring can: {error}"))?;
    if let Some(code) = NEEDED.iter().find(|code| !probe.is_supported(**code)) {
        return Err(format!("the io_uring of this kernel lacks operation {code}: it is too old"));
    }
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    match locked_bytes(&limits) {
        Some(bytes) if bytes < MEMLOCK_BYTES_MIN => Err(format!(
            "this process may lock {bytes} bytes of memory, and an io_uring wants \
             {MEMLOCK_BYTES_MIN}: raise `ulimit -l`"
        )),
        _ => Ok(()),
    }
}

/// The soft limit of locked memory in the text of `/proc/self/limits`; none if there is no limit.
fn locked_bytes(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max locked memory"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The operations that glommio asks for.
const NEEDED: [u8; 23] = [
    opcode::Nop::CODE,
    opcode::Readv::CODE,
    opcode::Writev::CODE,
    opcode::Fsync::CODE,
    opcode::ReadFixed::CODE,
    opcode::WriteFixed::CODE,
    opcode::PollAdd::CODE,
    opcode::PollRemove::CODE,
    opcode::SendMsg::CODE,
    opcode::RecvMsg::CODE,
    opcode::Timeout::CODE,
    opcode::TimeoutRemove::CODE,
    opcode::Accept::CODE,
    opcode::LinkTimeout::CODE,
    opcode::Connect::CODE,
    opcode::Fallocate::CODE,
    opcode::OpenAt::CODE,
    opcode::Close::CODE,
    opcode::Statx::CODE,
    opcode::Read::CODE,
    opcode::Write::CODE,
    opcode::Send::CODE,
    opcode::Recv::CODE,
];

#[cfg(test)]
mod tests {
    use super::locked_bytes;

    #[test]
    fn the_limit_of_locked_memory_is_the_soft_one() {
        let limits = "Limit                     Soft Limit           Hard Limit           Units\n\
                      Max locked memory         65536                8388608              bytes\n";
        assert_eq!(locked_bytes(limits), Some(65536));
        let none = "Max locked memory         unlimited            unlimited            bytes\n";
        assert_eq!(locked_bytes(none), None);
        assert_eq!(locked_bytes(""), None);
    }
}
