use super::*;
use crate::disk::Tickets;
use crate::log::Log as Writer;
use crate::options::Options;
use crate::record::Statement;
use crate::twin::{Disk, Prng};

const DATABASE: u128 = 0xD0;
const SHARD: u16 = 3;

fn seek(from: Lsn, witness: Lsn) -> Seek {
    Seek { database: DATABASE, shard: SHARD, from, witness, sealed: 0 }
}

/// A log of three segments, a record a group, and an empty group at the end; the ends of its records.
fn sample() -> (Disk, Vec<Lsn>) {
    let options = Options { segment_blocks: 3, group_bytes_max: 100, record_bytes_max: 20_000 };
    let mut log = Writer::create(options, SHARD, DATABASE, 1, Tickets::of(9));
    let (mut disk, mut prng, mut issued) = (Disk::default(), Prng(1), Vec::new());
    let mut settle = |log: &mut Writer| {
        log.pump(&mut issued);
        disk.take(&mut issued);
        while let Some((ticket, result)) = disk.step(&mut prng) {
            log.completed(ticket, result, &mut issued);
            disk.take(&mut issued);
        }
    };
    let mut ends = Vec::new();
    for sequence in 1..=5 {
        let statement = Statement { feeder: 0, sequence, parts: 1 << SHARD };
        let payload = vec![sequence as u8; 200];
        ends.push(log.append(&Record { epoch: sequence, statement, payload }));
        settle(&mut log);
    }
    log.witness();
    settle(&mut log);
    assert_eq!(log.durable(), log.end());
    (disk, ends)
}

fn sequences(records: &[(Lsn, Record)]) -> Vec<u64> {
    records.iter().map(|(_, record)| record.statement.sequence).collect()
}

#[test]
fn a_sound_log_is_left_as_it_is() {
    let (disk, _) = sample();
    assert_eq!(salvage(&disk, DATABASE, 7), Ok(None));
}

/// Each byte of the log rots: what stands before it is kept, what stands behind it is named, and what is
/// written in its place is read.
#[test]
fn a_log_that_rotted_anywhere_is_kept_up_to_there_and_the_rest_is_named() {
    let (disk, ends) = sample();
    let files: Vec<FileName> = disk.list();
    let (mut cut_at, mut cuts) = (std::collections::BTreeSet::new(), 0);
    for file in &files {
        for byte in 0..disk.bytes(*file).len() {
            let mut rotten = disk.clone();
            rotten.flip(*file, byte * 8);
            for from in [Lsn(0), ends[1]] {
                let seek = seek(from, ends[4]);
                let Err(cause) = replay(&rotten, &seek) else { continue };
                let cut = cut(&rotten, &seek, cause, 7).unwrap();
                let before = ends.iter().filter(|end| **end <= from).count() as u64;
                let kept = before + cut.kept as u64;
                let named: Vec<u64> =
                    cut.given_up.iter().map(|record| record.statement.sequence).collect();
                let lost = 5 - kept - named.len() as u64;
                assert_eq!(cut.unreadable, lost * 232, "byte {byte} of {file} from {from:?}");
                assert_eq!(named, (6 - named.len() as u64..6).collect::<Vec<_>>());
                let mut mended = Disk::default();
                mended.put(cut.segment.0, cut.segment.1.clone());
                for beside in [true, false] {
                    if beside {
                        // The old ones may still be there when power is lost.
                        files.iter().for_each(|old| mended.put(*old, rotten.bytes(*old)));
                    } else {
                        files.iter().for_each(|old| mended.remove(*old));
                    }
                    let read = replay(&mended, &Seek { witness: from, ..seek }).unwrap();
                    assert_eq!(sequences(&read.records), (before + 1..=kept).collect::<Vec<_>>());
                }
                cut_at.insert(kept);
                cuts += 1;
            }
        }
    }
    assert!(cuts > 20_000, "{cuts} rotten bytes were noticed");
    assert_eq!(cut_at, (0..=5).collect(), "a cut behind each record");
}
