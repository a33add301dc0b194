//! Memory that a device reads without a copy: it begins where a block could.

use crate::bytes::narrow;
use crate::options::BLOCK_BYTES;

/// Bytes that stay where they are, also when this moves.
#[derive(Debug)]
pub(crate) struct Aligned {
    memory: Box<[u8]>,
    start: usize,
    len: usize,
}

impl Aligned {
    /// So many zeros.
    pub(crate) fn zeroed(bytes: usize) -> Aligned {
        let block_bytes = narrow(BLOCK_BYTES);
        let memory = vec![0; bytes + block_bytes].into_boxed_slice();
        let start = memory.as_ptr().align_offset(block_bytes);
        assert!(start < block_bytes, "bytes can be aligned to a block");
        Aligned { memory, start, len: bytes }
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// All of them.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.memory[self.start..self.start + self.len]
    }

    /// Begins with `bytes`, and has zeros behind them up to `len`.
    pub(crate) fn fill(&mut self, bytes: &[u8], len: usize) {
        assert!(bytes.len() <= len && len <= self.len(), "the caller chose the memory by length");
        let into = &mut self.memory[self.start..self.start + len];
        let (front, back) = into.split_at_mut(bytes.len());
        front.copy_from_slice(bytes);
        back.fill(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_begins_at_a_block_and_what_was_there_before_is_gone() {
        for bytes in [1, 4096, 10_000] {
            let mut memory = Aligned::zeroed(bytes);
            assert_eq!(memory.bytes().as_ptr().align_offset(narrow(BLOCK_BYTES)), 0);
            memory.fill(&vec![7; bytes], bytes);
            assert!(memory.bytes() == vec![7; bytes]);
            memory.fill(&[9], bytes);
            assert!(memory.bytes()[0] == 9 && memory.bytes()[1..].iter().all(|byte| *byte == 0));
        }
    }
}
