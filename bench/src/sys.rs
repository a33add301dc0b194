//! What this process asks of the kernel: on which CPUs its threads run, and what they used.

use std::io;
use std::marker::PhantomData;
use std::mem::MaybeUninit;

/// The CPUs that the calling thread may run on, in ascending order.
pub fn allowed_cpus() -> io::Result<Vec<usize>> {
    let set = affinity()?;
    let most = 8 * size_of::<libc::cpu_set_t>();
    // SAFETY: every index is below the number of bits in the set.
    Ok((0..most).filter(|&cpu| unsafe { libc::CPU_ISSET(cpu, &set) }).collect())
}

/// Keeps the thread that made it on one CPU until it is dropped there.
#[derive(Debug)]
pub struct Pinned {
    before: libc::cpu_set_t,
    /// Dropped on the thread that it pins.
    thread: PhantomData<*const ()>,
}

/// Moves the calling thread to `cpu`. Threads that it starts meanwhile are born there too.
pub fn pin(cpu: usize) -> Result<Pinned, String> {
    let refused =
        |error: io::Error| format!("the kernel does not pin a thread to CPU {cpu}: {error}");
    let before = affinity().map_err(refused)?;
    if cpu >= 8 * size_of::<libc::cpu_set_t>() {
        return Err(format!("CPU {cpu} does not exist"));
    }
    // SAFETY: a CPU set is a plain array of bits, for which all zeros is the empty set.
    let mut set: libc::cpu_set_t = unsafe { MaybeUninit::zeroed().assume_init() };
    // SAFETY: the index was checked against the number of bits above.
    unsafe { libc::CPU_SET(cpu, &mut set) };
    set_affinity(&set).map_err(refused)?;
    Ok(Pinned { before, thread: PhantomData })
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // A CPU that was taken away meanwhile leaves the thread where it is.
        let _ = set_affinity(&self.before);
    }
}

fn affinity() -> io::Result<libc::cpu_set_t> {
    let mut set = MaybeUninit::<libc::cpu_set_t>::zeroed();
    // SAFETY: the kernel writes at most as many bytes as the set has; thread 0 is the caller.
    let outcome =
        unsafe { libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), set.as_mut_ptr()) };
    if outcome != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: all zeros is a valid set, and the kernel has written over it.
    Ok(unsafe { set.assume_init() })
}

fn set_affinity(set: &libc::cpu_set_t) -> io::Result<()> {
    // SAFETY: the kernel reads as many bytes as the set has; thread 0 is the caller.
    match unsafe { libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), set) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// What a thread or a process made the kernel do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    /// Page faults that needed no disk.
    pub minor_faults: u64,
    /// Page faults that read from a disk.
    pub major_faults: u64,
    /// Context switches because the thread waited.
    pub voluntary_switches: u64,
    /// Context switches because another thread was due.
    pub involuntary_switches: u64,
}

/// Of the whole process, threads that ended included.
pub fn process_usage() -> Usage {
    usage(libc::RUSAGE_SELF)
}

/// Of the calling thread.
pub fn thread_usage() -> Usage {
    usage(libc::RUSAGE_THREAD)
}

fn usage(who: libc::c_int) -> Usage {
    let mut usage = MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the kernel writes one `rusage`, for which there is room.
    let outcome = unsafe { libc::getrusage(who, usage.as_mut_ptr()) };
    assert_eq!(outcome, 0, "getrusage fails only for a target that does not exist");
    // SAFETY: all zeros is a valid `rusage`, and the kernel has written over it.
    let usage = unsafe { usage.assume_init() };
    Usage {
        minor_faults: usage.ru_minflt as u64,
        major_faults: usage.ru_majflt as u64,
        voluntary_switches: usage.ru_nvcsw as u64,
        involuntary_switches: usage.ru_nivcsw as u64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pinned_thread_may_run_on_one_cpu_until_it_is_let_go() {
        let before = allowed_cpus().unwrap();
        let last = *before.last().unwrap();
        let pinned = pin(last).unwrap();
        assert_eq!(allowed_cpus().unwrap(), [last]);
        drop(pinned);
        assert_eq!(allowed_cpus().unwrap(), before);
    }

    #[test]
    fn a_cpu_that_does_not_exist_is_refused_by_its_number() {
        assert_eq!(pin(1 << 20).unwrap_err(), "CPU 1048576 does not exist");
        assert!(pin(1000).unwrap_err().contains("to CPU 1000: "));
    }

    #[test]
    fn memory_that_is_touched_first_is_a_minor_fault_of_its_thread() {
        let before = thread_usage();
        let mut fresh = vec![0_u8; 64 << 20];
        for page in fresh.chunks_mut(4096) {
            page[0] = 1;
        }
        std::hint::black_box(&fresh);
        let after = thread_usage();
        assert!(after.minor_faults > before.minor_faults);
        assert!(process_usage().minor_faults >= after.minor_faults);
    }
}
