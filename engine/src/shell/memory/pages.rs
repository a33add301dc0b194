//! What the kernel is asked to do with a range of pages. None of it reads or writes their bytes.
//!
//! Safe to call on any range that is mapped and stays mapped during the call, which is what the
//! callers see to: bytes keep their contents, and no access that was allowed is forbidden.

use std::ffi::c_void;
use std::io;
use std::ptr;

/// Bytes of a page, as small as they come.
pub(super) const PAGE_BYTES: usize = 4096;

/// A mapped range: whole pages from `start`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pages {
    /// Address of the first.
    pub(super) start: usize,
    pub(super) bytes: usize,
}

impl Pages {
    fn address(self) -> *mut c_void {
        // The kernel takes the number only; no byte is reached through this pointer here.
        ptr::without_provenance_mut(self.start)
    }

    /// Forbids all access. Only for memory that nobody has a reference to.
    pub(super) fn close(self) -> io::Result<()> {
        // SAFETY: the range is mapped, and the caller has handed out none of it.
        outcome(unsafe { libc::mprotect(self.address(), self.bytes, libc::PROT_NONE) })
    }

    /// Allows reading and writing.
    pub(super) fn open(self) -> io::Result<()> {
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: the range is mapped; allowing more takes nothing from anybody.
        outcome(unsafe { libc::mprotect(self.address(), self.bytes, access) })
    }

    /// Asks for huge pages. A kernel without them says no, and small ones do.
    pub(super) fn advise_huge(self) {
        // SAFETY: the range is mapped; the advice changes the size of pages, not their contents.
        let _ = unsafe { libc::madvise(self.address(), self.bytes, libc::MADV_HUGEPAGE) };
    }

    /// Has pages put there, so that writing to them does not fault. The range must be open. Says
    /// whether they are there: if memory is short, this fails where a fault would end the process.
    pub(super) fn populate(self) -> bool {
        // SAFETY: the range is mapped; this puts pages where there are none and keeps the rest.
        let code = unsafe { libc::madvise(self.address(), self.bytes, libc::MADV_POPULATE_WRITE) };
        match outcome(code) {
            Ok(()) => true,
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => self.populate_by_lock(),
            Err(_) => false,
        }
    }

    /// For kernels before 5.14: locked memory has its pages, and keeps them when it is unlocked.
    pub(super) fn populate_by_lock(self) -> bool {
        // SAFETY: the range is mapped; locking reads and writes no byte of it.
        let locked = outcome(unsafe { libc::mlock(self.address(), self.bytes) });
        if locked.is_ok() {
            // SAFETY: as above; it was locked by the line before.
            let _ = unsafe { libc::munlock(self.address(), self.bytes) };
        }
        locked.is_ok()
    }
}

fn outcome(code: libc::c_int) -> io::Result<()> {
    if code == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
