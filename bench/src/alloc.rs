//! A global allocator that counts.
//!
//! Each thread counts in a cache line of its own, so that counting makes no thread wait for another.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ops::Sub;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// The system's allocator, counted. A program measures allocations if this is its global allocator.
#[derive(Clone, Copy, Debug)]
pub struct Counting;

/// What was asked of the allocator.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counts {
    /// Pieces of memory that were asked for; one that moved to grow or shrink is one more.
    pub allocations: u64,
    /// Bytes asked for.
    pub bytes: u64,
}

impl Sub for Counts {
    type Output = Counts;

    fn sub(self, earlier: Counts) -> Counts {
        Counts {
            allocations: self.allocations.wrapping_sub(earlier.allocations),
            bytes: self.bytes.wrapping_sub(earlier.bytes),
        }
    }
}

/// Lines in which threads count. Later threads share them, which stays right and is slower.
const LINES: usize = 64;

#[repr(align(128))]
struct Line {
    allocations: AtomicU64,
    bytes: AtomicU64,
}

static COUNTED: [Line; LINES] =
    [const { Line { allocations: AtomicU64::new(0), bytes: AtomicU64::new(0) } }; LINES];
static THREADS: AtomicUsize = AtomicUsize::new(0);

const NO_LINE: usize = usize::MAX;

thread_local! {
    // Constant and without a destructor: reaching it neither allocates nor fails at a thread's end.
    static LINE: Cell<usize> = const { Cell::new(NO_LINE) };
    static OWN: Cell<Counts> = const { Cell::new(Counts { allocations: 0, bytes: 0 }) };
}

fn count(bytes: usize) {
    let mut line = LINE.get();
    if line == NO_LINE {
        line = THREADS.fetch_add(1, Ordering::Relaxed) % LINES;
        LINE.set(line);
    }
    COUNTED[line].allocations.fetch_add(1, Ordering::Relaxed);
    COUNTED[line].bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    let own = OWN.get();
    OWN.set(Counts { allocations: own.allocations + 1, bytes: own.bytes + bytes as u64 });
}

// SAFETY: all memory comes from the system's allocator, with the layout of the caller.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps the contract of `alloc`, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps the contract of `alloc_zeroed`, which is the same.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: `memory` came from `System` through this allocator, with this layout.
        unsafe { System.realloc(memory, layout, size) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: `memory` came from `System` through this allocator, with this layout.
        unsafe { System.dealloc(memory, layout) }
    }
}

/// Of all threads since the program started.
pub fn of_all_threads() -> Counts {
    let add = |counts: Counts, line: &Line| Counts {
        allocations: counts.allocations + line.allocations.load(Ordering::Relaxed),
        bytes: counts.bytes + line.bytes.load(Ordering::Relaxed),
    };
    COUNTED.iter().fold(Counts::default(), add)
}

/// Of the calling thread since it started.
pub fn of_this_thread() -> Counts {
    OWN.get()
}

/// What all threads asked for while `work` ran.
pub fn during<T>(work: impl FnOnce() -> T) -> (T, Counts) {
    let before = of_all_threads();
    let result = work();
    (result, of_all_threads() - before)
}

/// Whether this program counts.
pub fn counts() -> bool {
    let before = of_this_thread();
    drop(std::hint::black_box(Box::new(0_u64)));
    of_this_thread() != before
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_is_counted_with_its_bytes() {
        assert!(counts());
        let before = of_this_thread();
        let mut memory: Vec<u8> = Vec::with_capacity(100);
        std::hint::black_box(&mut memory).reserve_exact(1000);
        drop(memory);
        let asked = of_this_thread() - before;
        assert_eq!(asked, Counts { allocations: 2, bytes: 1100 });
    }

    #[test]
    fn work_that_asks_for_nothing_counts_nothing() {
        let mut memory: Vec<u64> = Vec::with_capacity(100);
        let before = of_this_thread();
        for value in 0..100 {
            memory.push(std::hint::black_box(value));
        }
        assert_eq!(of_this_thread() - before, Counts::default());
    }

    #[test]
    fn other_threads_count_in_the_total_and_not_in_this_one() {
        let other = std::thread::spawn(|| {
            let ((), asked) = during(|| drop(std::hint::black_box(vec![0_u8; 12_345])));
            (asked, of_this_thread())
        });
        let (asked, own) = other.join().unwrap();
        assert!(asked.allocations >= 1 && asked.bytes >= 12_345);
        assert!(own.bytes >= 12_345);
        assert!(of_all_threads().bytes >= own.bytes);
    }
}
