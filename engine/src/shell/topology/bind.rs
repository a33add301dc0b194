//! Threads to CPUs and memory to NUMA nodes: the calls of the kernel.
//!
//! A container may forbid each of them. Nothing but speed depends on their success, so callers may
//! show the error as a warning and go on.

use super::Cpus;
use std::fmt;
use std::io;
use std::ptr::NonNull;

/// CPUs and nodes that a mask has room for; the kernel ignores what is beyond its own.
const MASK_BITS: usize = 1 << 16;

/// As the kernel lays a mask out: the lowest number is the lowest bit of the first word.
type Mask = Vec<libc::c_ulong>;

const WORD_BITS: usize = libc::c_ulong::BITS as usize;

/// A binding that the kernel refused. Without it everything works, slower.
#[derive(Debug)]
pub struct BindError {
    what: String,
    source: io::Error,
}

impl fmt::Display for BindError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let BindError { what, source } = self;
        write!(f, "{what}: {source}")?;
        match source.raw_os_error() {
            Some(libc::EPERM) => write!(f, " (containers forbid it without CAP_SYS_NICE)"),
            Some(libc::ENOSYS) => write!(f, " (this kernel has no NUMA support)"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for BindError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

fn mask(numbers: &[u32]) -> io::Result<Mask> {
    let mut mask = vec![0; MASK_BITS / WORD_BITS];
    for number in numbers {
        let number = *number as usize;
        let word = mask.get_mut(number / WORD_BITS);
        *word.ok_or_else(|| io::Error::from_raw_os_error(libc::EINVAL))? |=
            1 << (number % WORD_BITS);
    }
    Ok(mask)
}

/// Lets the current thread run on these CPUs only.
pub fn bind_thread(cpus: &[u32]) -> Result<(), BindError> {
    let done = mask(cpus).and_then(|mask| {
        // SAFETY: the kernel reads `size_of_val(mask)` bytes, which are there; the type of the
        // pointer only names the shape of a mask.
        let code =
            unsafe { libc::sched_setaffinity(0, size_of_val(&mask[..]), mask.as_ptr().cast()) };
        if code == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    });
    let what = || format!("this thread cannot be bound to CPUs {}", Cpus(cpus));
    done.map_err(|source| BindError { what: what(), source })
}

/// CPUs that a thread may run on: the current one for 0, or the first thread of a process.
pub(super) fn thread_cpus(thread: libc::pid_t) -> io::Result<Vec<u32>> {
    let mut mask: Mask = vec![0; MASK_BITS / WORD_BITS];
    // SAFETY: the kernel writes at most `size_of_val(mask)` bytes, which are ours and any of whose
    // values is a word.
    let code = unsafe {
        libc::sched_getaffinity(thread, size_of_val(&mask[..]), mask.as_mut_ptr().cast())
    };
    if code != 0 {
        return Err(io::Error::last_os_error());
    }
    let set = |cpu: &u32| mask[*cpu as usize / WORD_BITS] >> (*cpu as usize % WORD_BITS) & 1 == 1;
    Ok((0..MASK_BITS as u32).filter(set).collect())
}

/// Makes the kernel take pages of this range from a node while it has some; elsewhere after that,
/// because a full node must not end the process. Pages that are there already stay where they are.
/// `start` is the address of a page.
pub fn bind_memory(start: NonNull<u8>, bytes: usize, node: u32) -> Result<(), BindError> {
    let done = mask(&[node]).and_then(|mask| {
        // The kernel takes the number of bits plus one, and no more than a page of them.
        let bits = (node as usize + 1).next_multiple_of(WORD_BITS) + 1;
        // SAFETY: the kernel reads `bits` of the mask, which has `MASK_BITS`. A policy says where
        // pages come from; whatever lies in the range, its contents stay as they are.
        let code = unsafe {
            libc::syscall(
                libc::SYS_mbind,
                start.as_ptr(),
                bytes,
                libc::MPOL_PREFERRED,
                mask.as_ptr(),
                bits,
                0,
            )
        };
        if code == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    });
    let what = || format!("{bytes} bytes of memory cannot be bound to NUMA node {node}");
    done.map_err(|source| BindError { what: what(), source })
}

/// While it lives, pages that the current thread is the first to touch come from one node.
#[derive(Debug)]
pub(crate) struct NearNode {
    /// Neither sent nor shared: the policy is the thread's.
    _thread: std::marker::PhantomData<*const ()>,
}

/// Has fresh pages of the current thread come from a node while it has some.
pub(crate) fn near_node(node: u32) -> Result<NearNode, BindError> {
    let set = mask(&[node]).and_then(|mask| set_policy(libc::MPOL_PREFERRED, &mask));
    let what = || format!("this thread cannot take memory from NUMA node {node}");
    set.map_err(|source| BindError { what: what(), source })?;
    Ok(NearNode { _thread: std::marker::PhantomData })
}

impl Drop for NearNode {
    fn drop(&mut self) {
        // The default needs no nodes and cannot be refused where another policy was granted.
        let _ = set_policy(libc::MPOL_DEFAULT, &[]);
    }
}

fn set_policy(policy: libc::c_int, mask: &[libc::c_ulong]) -> io::Result<()> {
    let bits = if mask.is_empty() { 0 } else { mask.len() * WORD_BITS };
    // SAFETY: the kernel reads `bits` bits of the mask, which are there, and with none looks at no
    // mask at all. A policy says where pages come from and changes nothing that is in memory.
    let code = unsafe { libc::syscall(libc::SYS_set_mempolicy, policy, mask.as_ptr(), bits) };
    if code == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_takes_memory_from_a_node_and_then_from_anywhere() {
        apart(|| match near_node(0) {
            Ok(near) => {
                let numa = std::fs::read_to_string("/proc/thread-self/numa_maps");
                let preferred = |text: &str| text.contains("prefer");
                assert!(numa.is_ok_and(|text| preferred(&text)), "no mapping prefers a node");
                drop(near);
                let numa = std::fs::read_to_string("/proc/thread-self/numa_maps");
                assert!(numa.is_ok_and(|text| !preferred(&text)), "a mapping prefers a node");
            }
            Err(error) => println!("skipped: {error}"),
        });
    }

    /// Binding holds for a thread, so each test has one of its own.
    fn apart<T: Send>(work: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let thread = std::thread::Builder::new().spawn_scoped(scope, work).unwrap();
            thread.join().unwrap()
        })
    }

    #[test]
    fn a_bound_thread_may_run_where_it_is_bound() {
        let all = thread_cpus(0).unwrap();
        let last = *all.last().unwrap();
        apart(|| {
            bind_thread(&[last]).unwrap();
            assert_eq!(thread_cpus(0).unwrap(), [last]);
            bind_thread(&all).unwrap();
            assert_eq!(thread_cpus(0).unwrap(), all);
        });
    }

    #[test]
    fn a_cpu_that_is_not_there_is_a_warning() {
        apart(|| {
            for cpu in [60_000, u32::MAX] {
                let error = bind_thread(&[cpu]).unwrap_err().to_string();
                let expected = format!("this thread cannot be bound to CPUs {cpu}: ");
                assert!(error.starts_with(&expected), "{error}");
            }
        });
    }

    #[test]
    fn memory_of_a_node_that_is_not_there_is_a_warning() {
        let bytes = 1 << 20;
        let map = memmap2::MmapMut::map_anon(bytes).unwrap();
        let start = NonNull::new(map.as_ptr().cast_mut()).unwrap();
        let error = bind_memory(start, bytes, 1000).unwrap_err().to_string();
        assert!(error.starts_with("1048576 bytes of memory cannot be bound to NUMA node 1000: "));
        if let Err(error) = bind_memory(start, bytes, 0) {
            // What a container or a kernel without NUMA may answer.
            let code = error.source.raw_os_error();
            assert!(matches!(code, Some(libc::EPERM | libc::ENOSYS)), "{error}");
        }
    }
}
