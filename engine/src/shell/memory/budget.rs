//! How much memory a database may use, and what each shard gets of it. A pure decision.

use super::machine::MachineMemory;
use crate::core::arena::{BLOCK_BYTES, BLOCKS_MAX, STEP_BLOCKS};
use crate::core::limits::{
    BATCH_TEXT_BYTES_MAX, OPERATOR_BLOCKS_MIN, SHADOW_BLOCKS_PER_ROW, SHARDS_MAX,
    STATE_BLOCKS_PER_ROW,
};
use std::fmt;

/// Of the machine's memory, if nobody says how much.
const DEFAULT_PERCENT: u64 = 70;

/// Of the limit, for what is no arena: rows on lanes, pools, the log, results on their way.
const OUTSIDE_SHARE: u64 = 8;

/// Of a shard's arena, for copies that a checkpoint or a read wants. If more than a fourth of the
/// state changes while one is open, the shard waits until the copies are written.
const SHADOW_SHARE: u64 = 5;

/// Bytes of one block with what the arena remembers of it.
const COST_BYTES: u64 = BLOCK_BYTES as u64 + 64;

/// Blocks of state, and of copies, with which a shard can work at all: 16 MiB each.
const SHARD_BLOCKS_MIN: u32 = 8 * STEP_BLOCKS;

// A batch full of text, and its copies, fit into the least that a shard can have.
const TEXT_BLOCKS: usize = BATCH_TEXT_BYTES_MAX.div_ceil(BLOCK_BYTES / 2);
const _: () =
    assert!(OPERATOR_BLOCKS_MIN + STATE_BLOCKS_PER_ROW + TEXT_BLOCKS <= SHARD_BLOCKS_MIN as usize);
const _: () = assert!(SHADOW_BLOCKS_PER_ROW + TEXT_BLOCKS <= SHARD_BLOCKS_MIN as usize);

/// What a database and each of its shards may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    limit_bytes: u64,
    /// What the limit was taken from, if nobody set it.
    machine: Option<MachineMemory>,
    shards: usize,
    state_blocks: u32,
    shadow_blocks: u32,
}

/// Why a database cannot run with so much memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BudgetError {
    /// Less than the shards need to work at all.
    TooLittle {
        /// The limit, in bytes.
        limit_bytes: u64,
        /// Whether somebody set it; otherwise it follows from the machine.
        set: bool,
        /// Shards that were to share it.
        shards: usize,
        /// The least limit for so many shards.
        minimum_bytes: u64,
    },
    /// The machine does not say how much it has, and nobody did.
    Unknown,
}

impl fmt::Display for BudgetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BudgetError::TooLittle { limit_bytes, set, shards, minimum_bytes } => {
                let limit = Size(*limit_bytes);
                match set {
                    true => write!(f, "memory_limit is {limit}")?,
                    false => write!(
                        f,
                        "{DEFAULT_PERCENT} % of the memory of this machine or its cgroup is {limit}"
                    )?,
                }
                let minimum = minimum_bytes.div_ceil(1 << 20);
                let noun = if *shards == 1 { "shard needs" } else { "shards need" };
                write!(f, ": {shards} {noun} at least {minimum} MiB; set memory_limit to that")?;
                if *shards > 1 { write!(f, " or ask for fewer shards") } else { Ok(()) }
            }
            BudgetError::Unknown => {
                write!(f, "/proc/meminfo does not say how much memory there is: set memory_limit")
            }
        }
    }
}

impl std::error::Error for BudgetError {}

impl Budget {
    /// Divides `memory_limit`, or most of `machine`, between as many shards.
    pub fn new(
        memory_limit: Option<u64>,
        shards: usize,
        machine: Option<MachineMemory>,
    ) -> Result<Budget, BudgetError> {
        assert!((1..=SHARDS_MAX).contains(&shards), "{shards} shards of 1 to {SHARDS_MAX}");
        let share = || machine.map(|machine| machine.bytes / 100 * DEFAULT_PERCENT);
        let limit_bytes = memory_limit.or_else(share).ok_or(BudgetError::Unknown)?;
        let minimum_bytes = Budget::minimum_bytes(shards);
        if limit_bytes < minimum_bytes {
            let set = memory_limit.is_some();
            return Err(BudgetError::TooLittle { limit_bytes, set, shards, minimum_bytes });
        }
        let arenas = limit_bytes - limit_bytes / OUTSIDE_SHARE;
        let blocks = arenas / shards as u64 / COST_BYTES;
        let least = u64::from(SHARD_BLOCKS_MIN);
        let shadow = (blocks / SHADOW_SHARE).max(least);
        let state = blocks - shadow;
        assert!(state >= least, "{state} blocks of state in {limit_bytes} bytes");
        let capped = |blocks: u64| blocks.min(u64::from(BLOCKS_MAX)) as u32;
        let machine = machine.filter(|_| memory_limit.is_none());
        let (state_blocks, shadow_blocks) = (capped(state), capped(shadow));
        Ok(Budget { limit_bytes, machine, shards, state_blocks, shadow_blocks })
    }

    /// The least limit with which so many shards can work.
    pub fn minimum_bytes(shards: usize) -> u64 {
        let arenas = shards as u64 * 2 * u64::from(SHARD_BLOCKS_MIN) * COST_BYTES;
        // Up to whole megabytes, so that the number in the error is one that works.
        (arenas * OUTSIDE_SHARE).div_ceil(OUTSIDE_SHARE - 1).next_multiple_of(1 << 20)
    }

    /// Bytes in all.
    pub fn limit_bytes(&self) -> u64 {
        self.limit_bytes
    }

    /// Blocks of state that each shard may have.
    pub fn state_blocks(&self) -> u32 {
        self.state_blocks
    }

    /// Blocks of copies that each shard may have.
    pub fn shadow_blocks(&self) -> u32 {
        self.shadow_blocks
    }

    /// Bytes for everything that is no arena.
    pub fn outside_bytes(&self) -> u64 {
        self.limit_bytes / OUTSIDE_SHARE
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Budget { limit_bytes, machine, shards, state_blocks, shadow_blocks } = self;
        write!(f, "{}", Size(*limit_bytes))?;
        if let Some(MachineMemory { bytes, cgroup }) = machine {
            let whose = if *cgroup { "its cgroup has" } else { "the machine has" };
            write!(f, " ({DEFAULT_PERCENT} % of the {} that {whose})", Size(*bytes))?;
        }
        let size = |blocks: u32| Size(u64::from(blocks) * BLOCK_BYTES as u64);
        let (state, copies) = (size(*state_blocks), size(*shadow_blocks));
        let outside = Size(self.outside_bytes());
        let each = if *shards == 1 { "1 shard" } else { &format!("each of {shards} shards") };
        write!(f, ": {state} of state and {copies} of copies for {each}, {outside} for the rest")
    }
}

/// Bytes for a person.
pub(crate) struct Size(pub(crate) u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes if bytes >= 1 << 30 => write!(f, "{:.1} GiB", bytes as f64 / (1 << 30) as f64),
            bytes => write!(f, "{:.1} MiB", bytes as f64 / (1 << 20) as f64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(bytes: u64) -> Option<MachineMemory> {
        Some(MachineMemory { bytes, cgroup: false })
    }

    fn check(limit: Option<u64>, shards: usize, expected: &str) {
        let shown = match Budget::new(limit, shards, machine(100 << 30)) {
            Ok(budget) => budget.to_string(),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn without_a_limit_most_of_the_machine_is_divided() {
        check(
            None,
            2,
            "70.0 GiB (70 % of the 100.0 GiB that the machine has): 24.1 GiB of state and 6.0 GiB \
             of copies for each of 2 shards, 8.8 GiB for the rest",
        );
        let cgroup = Some(MachineMemory { bytes: 10 << 30, cgroup: true });
        let shown = Budget::new(None, 1, cgroup).unwrap().to_string();
        assert!(shown.starts_with("7.0 GiB (70 % of the 10.0 GiB that its cgroup has): "));
    }

    #[test]
    fn a_limit_is_divided_whatever_the_machine_has() {
        check(
            Some(1 << 30),
            1,
            "1.0 GiB: 705.8 MiB of state and 176.4 MiB of copies for 1 shard, 128.0 MiB for the \
             rest",
        );
    }

    #[test]
    fn no_shard_has_more_blocks_than_a_block_number_can_name() {
        let budget = Budget::new(Some(1 << 40), 1, None).unwrap();
        assert_eq!((budget.state_blocks(), budget.shadow_blocks()), (BLOCKS_MAX, BLOCKS_MAX));
    }

    #[test]
    fn all_that_is_given_out_fits_into_the_limit() {
        for shards in [1, 2, 3, 64] {
            let least = Budget::minimum_bytes(shards);
            for limit in [least, least + 1, 3 * least, 1 << 36] {
                let budget = Budget::new(Some(limit), shards, None).unwrap();
                let blocks = u64::from(budget.state_blocks()) + u64::from(budget.shadow_blocks());
                let all = shards as u64 * blocks * COST_BYTES + budget.outside_bytes();
                assert!(all <= limit && all > limit - limit / 100 - (1 << 20), "{all} of {limit}");
                assert!(budget.state_blocks() >= SHARD_BLOCKS_MIN, "{budget}");
                assert!(budget.shadow_blocks() >= SHARD_BLOCKS_MIN, "{budget}");
            }
        }
    }

    #[test]
    fn below_the_minimum_the_error_names_it() {
        let least = Budget::minimum_bytes(2);
        check(
            Some(least - 1),
            2,
            "memory_limit is 75.0 MiB: 2 shards need at least 75 MiB; set memory_limit to that or \
             ask for fewer shards",
        );
        let error = Budget::new(None, 1, machine(50 << 20)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "70 % of the memory of this machine or its cgroup is 35.0 MiB: 1 shard needs at least \
             38 MiB; set memory_limit to that"
        );
        let unknown = Budget::new(None, 1, None).unwrap_err().to_string();
        assert!(unknown.ends_with("set memory_limit"), "{unknown}");
    }
}
