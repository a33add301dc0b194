//! The 128-bit hash of checkpoint files and manifests.
//!
//! Two independent halves, each a chain of multiplications; fixed for ever by the test vectors in
//! `FORMAT.md`. Finds accidents, not forgers.

use crate::bytes::{u64_at, wide};

const WORD_BYTES: usize = 16;
/// One row a half: two keys for the words, an odd factor, a start. Digits of pi.
const KEYS: [[u64; 4]; 2] = [
    [0x243F_6A88_85A3_08D3, 0x1319_8A2E_0370_7344, 0xA409_3822_299F_31D1, 0x082E_FA98_EC4E_6C89],
    [0x4528_21E6_38D0_1377, 0xBE54_66CF_34E9_0C6C, 0xC0AC_29B7_C97C_50DD, 0x3F84_D5B5_B547_0917],
];

/// Hashes bytes that come in pieces.
#[derive(Debug, Clone)]
pub struct Hasher {
    halves: [u64; 2],
    bytes: u64,
}

impl Default for Hasher {
    fn default() -> Hasher {
        Hasher { halves: [KEYS[0][3], KEYS[1][3]], bytes: 0 }
    }
}

impl Hasher {
    /// Takes the next piece; all pieces but the last are a multiple of 16 bytes long.
    pub fn update(&mut self, bytes: &[u8]) {
        assert!(self.bytes.is_multiple_of(wide(WORD_BYTES)), "only the last piece is uneven");
        self.bytes += wide(bytes.len());
        let (words, tail) = bytes.as_chunks::<WORD_BYTES>();
        for word in words {
            self.word(word);
        }
        if !tail.is_empty() {
            let mut word = [0; WORD_BYTES];
            word[..tail.len()].copy_from_slice(tail);
            self.word(&word);
        }
    }

    fn word(&mut self, word: &[u8; WORD_BYTES]) {
        let (x, y) = (u64_at(word, 0), u64_at(word, 8));
        for (half, [a, b, factor, _]) in self.halves.iter_mut().zip(KEYS) {
            // The state is only rotated, added to and multiplied by an odd number, so a word
            // that folds to zero does not wipe out what came before it.
            *half = half.rotate_left(29).wrapping_add(fold(x ^ a, y ^ b)).wrapping_mul(factor);
        }
    }

    /// The hash of all pieces.
    pub fn finish(&self) -> u128 {
        let [high, low] = self.halves.map(|half| mix(half ^ self.bytes));
        u128::from(high) << 64 | u128::from(low)
    }
}

/// The hash of `bytes`.
pub fn hash(bytes: &[u8]) -> u128 {
    let mut hasher = Hasher::default();
    hasher.update(bytes);
    hasher.finish()
}

/// Both halves of the 128-bit product.
fn fold(x: u64, y: u64) -> u64 {
    let product = u128::from(x) * u128::from(y);
    (product as u64) ^ ((product >> 64) as u64)
}

fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 33)).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    x = (x ^ (x >> 33)).wrapping_mul(0xC4CE_B9FE_1A85_EC53);
    x ^ (x >> 33)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_vectors_of_the_format_hold() {
        let counted: Vec<u8> = (0..=255).collect();
        let format = include_str!("../FORMAT.md");
        for (name, bytes) in [("empty", &b""[..]), ("abc", b"abc"), ("0..=255", &counted)] {
            let line = format!("| {name} | `{:032x}` |", hash(bytes));
            assert!(format.contains(&line), "{line}");
        }
    }

    #[test]
    fn bytes_that_differ_in_up_to_two_bits_or_in_length_hash_differently() {
        let mut seen = BTreeSet::new();
        let mut bytes = [0u8; 48];
        let bits = bytes.len() * 8;
        for first in 0..bits {
            for second in first..bits {
                bytes[first / 8] ^= 1 << (first % 8);
                bytes[second / 8] ^= 1 << (second % 8);
                // Both halves must tell on their own, or they are not independent.
                let hash = hash(&bytes);
                if first != second {
                    assert!(seen.insert(hash as u64) && seen.insert((hash >> 64) as u64));
                }
                bytes = [0; 48];
            }
        }
        for length in 0..=48 {
            assert!(seen.insert(hash(&bytes[..length]) as u64));
        }
    }

    #[test]
    fn pieces_hash_as_the_whole_does() {
        let bytes: Vec<u8> = (0..200).collect();
        for cut in (0..200).step_by(16) {
            let mut hasher = Hasher::default();
            hasher.update(&bytes[..cut]);
            hasher.update(&bytes[cut..]);
            assert_eq!(hasher.finish(), hash(&bytes));
        }
    }
}
