//! Takes rights away from this process, for good: only in children.

use std::io;

/// The calls of io_uring, the same on all machines.
const IO_URING_SETUP: u32 = 425;

/// From here on the kernel refuses this thread, and those it starts, an io_uring.
pub(crate) fn forbid_io_uring() -> io::Result<()> {
    let statement = |code: u32, k: u32| libc::sock_filter { code: code as u16, jt: 0, jf: 0, k };
    let load = statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0);
    let mut is_setup = statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, IO_URING_SETUP);
    is_setup.jf = 1;
    let refuse = libc::SECCOMP_RET_ERRNO | libc::EPERM as u32;
    let ret = libc::BPF_RET | libc::BPF_K;
    let mut filter =
        [load, is_setup, statement(ret, refuse), statement(ret, libc::SECCOMP_RET_ALLOW)];
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: takes numbers only.
    let no_more = unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) };
    if no_more != 0 {
        return Err(io::Error::last_os_error());
    }
    let mode = libc::SECCOMP_MODE_FILTER;
    // SAFETY: the program and its filter live beyond the call, which copies them.
    let set = unsafe { libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const program) };
    if set != 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// Lowers a limit of this process.
pub(crate) fn limit(resource: libc::__rlimit_resource_t, soft: u64) -> io::Result<()> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: writes the limit, which lives here.
    let got = unsafe { libc::getrlimit(resource, &raw mut limit) };
    limit.rlim_cur = soft;
    // SAFETY: reads the limit, which lives here.
    let set = unsafe { libc::setrlimit(resource, &raw const limit) };
    if got != 0 || set != 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
