//! What a checkpoint holds beside blocks, as bytes. Little endian; lists begin with their length.

use sluicedb_wal::Lsn;

use crate::core::arena::{BlockId, ExtentEntry, ExtentId, Tables, ZoneEntry, ZoneId};
use crate::core::effect::FeederMark;
use crate::core::ids::Time;

/// What the state at a barrier consists of beside the arena, gathered while stages pass it.
pub(in crate::core::shard) struct Front {
    /// By stage, entry and lane.
    watermarks: Vec<Option<Vec<Vec<Time>>>>,
    pub(super) feeders: Vec<FeederMark>,
    pub(super) sources: Vec<Time>,
    pub(super) log_from: Lsn,
}

impl Front {
    /// At the end of the epoch where rows enter.
    pub(in crate::core::shard) fn new(
        stages: usize,
        feeders: Vec<FeederMark>,
        sources: Vec<Time>,
        log_from: Lsn,
    ) -> Front {
        Front { watermarks: vec![None; stages], feeders, sources, log_from }
    }

    /// A stage has passed the barrier with these watermarks.
    pub(in crate::core::shard) fn passed(&mut self, stage: usize, watermarks: Vec<Vec<Time>>) {
        let place = &mut self.watermarks[stage];
        assert!(place.is_none(), "stage {stage} passed a barrier twice");
        *place = Some(watermarks);
    }

    /// The bytes of the front section.
    pub(super) fn encode(&self) -> Vec<u8> {
        assert!(self.watermarks.iter().all(Option::is_some), "a stage has yet to pass the barrier");
        let mut out = Vec::new();
        count(self.watermarks.len(), &mut out);
        for stage in self.watermarks.iter().flatten() {
            count(stage.len(), &mut out);
            for lanes in stage {
                count(lanes.len(), &mut out);
                lanes.iter().for_each(|time| out.extend(time.0.to_le_bytes()));
            }
        }
        out
    }
}

/// The watermark of each lane, by stage and entry, if the bytes are a front section.
pub(crate) fn decode_watermarks(bytes: &[u8]) -> Option<Vec<Vec<Vec<Time>>>> {
    let mut reader = Reader(bytes);
    let lanes = |reader: &mut Reader<'_>| reader.list(|r| r.i64().map(Time));
    let front = reader.list(|reader| reader.list(lanes))?;
    reader.0.is_empty().then_some(front)
}

/// The bytes of an arena's tables.
pub(super) fn encode_tables(tables: &Tables) -> Vec<u8> {
    let Tables { epoch, zones, extents, live } = tables;
    let mut out = Vec::with_capacity(20 + zones.len() * 12 + extents.len() * 8 + live.len() * 8);
    out.extend(epoch.to_le_bytes());
    count(zones.len(), &mut out);
    for ZoneEntry { zone, root, root_extent } in zones {
        [zone.0, root.0, root_extent.0].iter().for_each(|word| out.extend(word.to_le_bytes()));
    }
    count(extents.len(), &mut out);
    for ExtentEntry { extent, zone } in extents {
        [extent.0, zone.0].iter().for_each(|word| out.extend(word.to_le_bytes()));
    }
    count(live.len(), &mut out);
    live.iter().for_each(|word| out.extend(word.to_le_bytes()));
    out
}

/// The tables, if the bytes are some.
pub(super) fn decode_tables(bytes: &[u8]) -> Option<Tables> {
    let mut reader = Reader(bytes);
    let epoch = reader.u64()?;
    let zones = reader.list(|r| {
        let (zone, root) = (ZoneId(r.u32()?), BlockId(r.u32()?));
        Some(ZoneEntry { zone, root, root_extent: ExtentId(r.u32()?) })
    })?;
    let extents = reader.list(|r| {
        let extent = ExtentId(r.u32()?);
        Some(ExtentEntry { extent, zone: ZoneId(r.u32()?) })
    })?;
    let live = reader.list(Reader::u64)?;
    reader.0.is_empty().then_some(Tables { epoch, zones, extents, live })
}

fn count(items: usize, out: &mut Vec<u8>) {
    out.extend(u32::try_from(items).expect("tables are far below 4 GiB").to_le_bytes());
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*first)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_le_bytes)
    }

    fn list<T>(&mut self, item: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.u32()?;
        (0..count).map(|_| item(self)).collect()
    }
}
