use super::*;
use crate::core::arena::{BLOCK_BYTES, Memory, MemoryError, Region, STEP_BLOCKS};
use std::fs;

fn mapped(blocks_max: u32, populator: Option<&Populator>) -> Mapped {
    Mapped::reserve(Reserve { blocks_max, node: None, populator }).unwrap()
}

fn region(blocks_max: u32, populator: Option<&Populator>) -> Region {
    Region::new(Box::new(mapped(blocks_max, populator)))
}

/// Faults of the calling thread that needed no disk.
fn minor_faults() -> u64 {
    let stat = fs::read_to_string("/proc/thread-self/stat").unwrap();
    // The name of the thread ends with the last parenthesis; the tenth field is counted from 1.
    let behind = stat.rsplit_once(") ").unwrap().1;
    behind.split(' ').nth(7).unwrap().parse().unwrap()
}

/// Access of the mapping that holds `address`, as in `/proc/self/maps`: `rw-p`.
fn access(address: usize) -> String {
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let holds = |line: &&str| {
        let (start, end) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let at = |text| usize::from_str_radix(text, 16).unwrap();
        (at(start)..at(end)).contains(&address)
    };
    let line = maps.lines().find(holds).unwrap_or("0-0 none");
    line.split(' ').nth(1).unwrap().to_owned()
}

fn write(region: &mut Region, blocks: std::ops::Range<u32>) {
    for block in blocks {
        region.take(block + 1).unwrap();
        region.block_mut(block)[7..11].copy_from_slice(&block.to_le_bytes());
    }
}

fn assert_written(region: &Region, blocks: std::ops::Range<u32>) {
    for block in blocks {
        let bytes = region.block(block);
        assert_eq!(bytes[7..11], block.to_le_bytes(), "block {block}");
        assert!(bytes[..7].iter().chain(&bytes[11..]).all(|byte| *byte == 0), "block {block}");
    }
}

#[test]
fn growth_keeps_what_is_written_and_begins_with_zeros() {
    let populator = Populator::start(&[]).unwrap();
    for populator in [None, Some(&populator)] {
        let blocks_max = 40 * STEP_BLOCKS + 3;
        let mut region = region(blocks_max, populator);
        for end in [1, STEP_BLOCKS, STEP_BLOCKS + 1, 33 * STEP_BLOCKS, blocks_max] {
            write(&mut region, end - 1..end);
        }
        write(&mut region, 0..blocks_max);
        assert_written(&region, 0..blocks_max);
    }
}

#[test]
fn more_than_the_limit_is_refused() {
    let mut memory = mapped(STEP_BLOCKS, None);
    let limit = MemoryError::Limit { blocks: STEP_BLOCKS + 1, blocks_max: STEP_BLOCKS };
    assert_eq!(memory.commit(STEP_BLOCKS + 1), Err(limit));
    assert_eq!(memory.commit(STEP_BLOCKS), Ok(()));
    let mut region = Region::new(Box::new(memory));
    assert_eq!(region.take(STEP_BLOCKS + 1), Err(limit));
    assert_eq!(region.take(STEP_BLOCKS), Ok(()));
}

#[test]
fn guards_lie_on_both_ends_and_before_what_is_not_committed() {
    let blocks_max = 100 * STEP_BLOCKS;
    let bytes = blocks_max as usize * BLOCK_BYTES;
    let mut memory = mapped(blocks_max, None);
    let base = memory.base().as_ptr().addr();
    assert!(base.is_multiple_of(STEP_BLOCKS as usize * BLOCK_BYTES), "huge pages fit");
    assert_eq!(access(base), "---p");
    memory.commit(1).unwrap();
    assert_eq!(access(base - 1), "---p");
    assert_eq!(access(base), "rw-p");
    assert_eq!(access(base + bytes - 1), "---p");
    memory.commit(blocks_max).unwrap();
    assert_eq!(access(base + bytes - 1), "rw-p");
    assert_eq!(access(base + bytes), "---p");
    drop(memory);
    assert_ne!(access(base), "rw-p");
}

#[test]
fn what_was_populated_ahead_is_written_without_faults() {
    let populator = Populator::start(&[]).unwrap();
    let mut region = region(64 * STEP_BLOCKS, Some(&populator));
    // A quarter of what is used lies ready behind it.
    write(&mut region, 0..32 * STEP_BLOCKS);
    populator.settle();
    assert_eq!(populator.populated_bytes(), 40 * u64::from(STEP_BLOCKS) * BLOCK_BYTES as u64);
    let before = minor_faults();
    write(&mut region, 32 * STEP_BLOCKS..40 * STEP_BLOCKS);
    let faults = minor_faults() - before;
    // Some for the stack and the allocator; without the populator it is one for every huge page,
    // or for each of the 4096 small ones.
    assert!(faults < 4, "{faults} faults");
}

#[test]
fn an_owner_without_a_populator_has_its_steps_populated_whole() {
    let mut region = region(16 * STEP_BLOCKS, None);
    region.take(16 * STEP_BLOCKS).unwrap();
    let before = minor_faults();
    write(&mut region, 0..16 * STEP_BLOCKS);
    let faults = minor_faults() - before;
    assert!(faults < 4, "{faults} faults");
}

#[test]
fn what_is_committed_to_be_sure_is_not_populated() {
    let populator = Populator::start(&[]).unwrap();
    let mut region = region(64 * STEP_BLOCKS, Some(&populator));
    region.commit(64 * STEP_BLOCKS).unwrap();
    populator.settle();
    assert_eq!(populator.populated_bytes(), u64::from(STEP_BLOCKS) * BLOCK_BYTES as u64);
    drop(region);
    assert_eq!(populator.populated_bytes(), 0);
}

#[test]
fn kernels_that_cannot_populate_lock_instead() {
    let mut memory = mapped(STEP_BLOCKS, None);
    memory.commit(STEP_BLOCKS).unwrap();
    // 1 MiB: less may be locked than a step.
    let blocks = 256;
    let start = memory.base().as_ptr().addr();
    let pages = pages::Pages { start, bytes: blocks as usize * BLOCK_BYTES };
    if !pages.populate_by_lock() {
        // Where nothing may be locked, faults do it.
        return;
    }
    let mut region = Region::new(Box::new(memory));
    region.commit(blocks).unwrap();
    // The first reading brings in what reading needs.
    minor_faults();
    let before = minor_faults();
    region.block_mut(0)[0] = 1;
    assert_eq!(minor_faults(), before);
}

#[test]
fn a_region_that_ends_leaves_no_mapping_and_no_thread() {
    let lines = |path: &str| fs::read_to_string(path).unwrap().lines().count();
    let mappings = || lines("/proc/self/maps");
    let threads = || fs::read_dir("/proc/self/task").unwrap().count();
    let before = (mappings(), threads());
    for round in 0..1000 {
        let populator = Populator::start(&[]).unwrap();
        let blocks_max = [1, STEP_BLOCKS, 1 << 24][round % 3];
        let mut state = region(blocks_max, Some(&populator));
        let mut shadow = region(blocks_max, (round % 2 == 0).then_some(&populator));
        state.take(1).unwrap();
        shadow.take(blocks_max.min(3 * STEP_BLOCKS)).unwrap();
        // The last handle is the thread's, the caller's or a region's.
        if round % 5 == 0 {
            drop(populator);
        }
    }
    // Other tests run beside this one; what is left behind would be thousands.
    let after = (mappings(), threads());
    assert!(after.0 < before.0 + 200 && after.1 < before.1 + 50, "{before:?} {after:?}");
}

#[test]
fn a_node_that_is_not_there_is_a_warning() {
    let reserve = Reserve { blocks_max: STEP_BLOCKS, node: Some(1000), populator: None };
    let memory = Mapped::reserve(reserve).unwrap();
    let warning = memory.warning().unwrap().to_string();
    assert!(warning.contains("cannot be bound to NUMA node 1000"), "{warning}");
    write(&mut Region::new(Box::new(memory)), 0..STEP_BLOCKS);
}

#[test]
fn many_regions_grow_at_once_beside_one_populator() {
    let populator = Populator::start(&[]).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let populator = &populator;
            let work = move || {
                for _ in 0..20 {
                    let mut region = region(12 * STEP_BLOCKS, Some(populator));
                    write(&mut region, 0..12 * STEP_BLOCKS);
                    assert_written(&region, 0..12 * STEP_BLOCKS);
                }
            };
            std::thread::Builder::new().spawn_scoped(scope, work).unwrap();
        }
    });
    populator.settle();
    assert_eq!(populator.populated_bytes(), 0);
}
