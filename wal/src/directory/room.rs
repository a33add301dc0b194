//! How much a file system takes.

#![expect(unsafe_code, reason = "the system fills a struct of ours")]

use std::ffi::CString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Bytes that this process may write on the file system of `path`; none where it does not say.
pub fn free_bytes(path: &Path) -> io::Result<Option<u64>> {
    let path = CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: all its fields are numbers, for which zero is a value.
    let mut told: libc::statvfs = unsafe { std::mem::zeroed() };
    // SAFETY: the path ends with a zero, and both live until the call returns.
    if unsafe { libc::statvfs(path.as_ptr(), &raw mut told) } != 0 {
        return Err(io::Error::last_os_error());
    }
    #[expect(clippy::useless_conversion, reason = "some systems count in 32 bits")]
    let (blocks, free, block_bytes) =
        (u64::from(told.f_blocks), u64::from(told.f_bavail), u64::from(told.f_frsize));
    // What has no blocks does not count any.
    Ok((blocks > 0).then_some(free.saturating_mul(block_bytes)))
}
