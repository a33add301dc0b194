//! A copy that goes past the caches.
//!
//! What is written once and read much later would only push out of the cache what is needed next, and
//! have memory read that is about to be overwritten.

/// Copies that go past the caches. Other threads may look at them once it is dropped.
pub(super) struct Stream(());

impl Stream {
    pub(super) fn new() -> Stream {
        Stream(())
    }

    /// Copies all of `from` to the start of `into`.
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    pub(super) fn copy(&mut self, into: &mut [u8], from: &[u8]) {
        use std::arch::x86_64::{__m128i, _mm_loadu_si128, _mm_stream_si128};

        let into = &mut into[..from.len()];
        // Parts of lines of the cache are written as usual: past it only whole ones are cheap.
        let ahead = into.as_ptr().align_offset(LINE_BYTES).min(from.len());
        let (first, rest) = from.split_at(ahead);
        let (into_first, into_rest) = into.split_at_mut(ahead);
        into_first.copy_from_slice(first);
        let mut lines = rest.chunks_exact(LINE_BYTES);
        let mut into_lines = into_rest.chunks_exact_mut(LINE_BYTES);
        for (line, into_line) in (&mut lines).zip(&mut into_lines) {
            for at in (0..LINE_BYTES).step_by(size_of::<__m128i>()) {
                // SAFETY: both have `LINE_BYTES` bytes, a multiple of those of a word. A line begins
                // at a multiple of `LINE_BYTES`, so that each word that is written is aligned; one
                // that is read need not be. SSE2 is part of x86-64, and `drop` has the fence.
                unsafe {
                    let word = _mm_loadu_si128(line.as_ptr().add(at).cast());
                    _mm_stream_si128(into_line.as_mut_ptr().add(at).cast(), word);
                }
            }
        }
        into_lines.into_remainder().copy_from_slice(lines.remainder());
    }

    /// Copies all of `from` to the start of `into`.
    #[cfg(not(all(target_arch = "x86_64", not(miri))))]
    pub(super) fn copy(&mut self, into: &mut [u8], from: &[u8]) {
        into[..from.len()].copy_from_slice(from);
    }
}

#[cfg(all(target_arch = "x86_64", not(miri)))]
const LINE_BYTES: usize = 64;

impl Drop for Stream {
    fn drop(&mut self) {
        // One for all copies: each waits for the memory.
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        // SAFETY: SSE is part of x86-64.
        unsafe {
            std::arch::x86_64::_mm_sfence();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stretch_is_copied_and_nothing_beside_it() {
        let from: Vec<u8> = (0..400).map(|at| at as u8 | 1).collect();
        for start in 0..70 {
            for len in (0..140).chain([300]) {
                let mut into = vec![0; 400];
                Stream::new().copy(&mut into[start..], &from[7..7 + len]);
                assert_eq!(into[start..start + len], from[7..7 + len], "{start} {len}");
                let beside = into[..start].iter().chain(&into[start + len..]);
                assert!(beside.copied().all(|byte| byte == 0), "{start} {len}");
            }
        }
    }
}
