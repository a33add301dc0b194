//! A checkpoint of one number of shards becomes the state of another number of them.
//!
//! What the shards of before kept is read back, and goes to the shards that own it now, operator by
//! operator. It lies in memory then: the first checkpoint of the new shards is a full one, and until it
//! is sealed the one of before is the truth, and nobody pushes.

use std::sync::Arc;

use sluicedb_wal::checkpoint::{self, Entry};
use sluicedb_wal::{Files, Manifest, ShardPart};

use super::{RecoverError, States, checked_memory, restore};
use crate::core::arena::{Arena, Region, ZoneId};
use crate::core::graph::{EntryKey, Graph, Kind, OperatorSpec, StageSpec};
use crate::core::ids::{Epoch, OperatorId, ShardId, Time};
use crate::core::morsel::Pool;
use crate::core::operator::{Aggregate, Home, Join, NoRoom, Operator, Over, Retain, Top, View};
use crate::core::shard::{
    Restored, blocks_of, empty_arena, give_up_everywhere, operator_over, owns_empty_key,
};

/// Blocks that the copies of a freeze may take, where there is none.
const NO_COPIES: u32 = 1;

/// The state of a checkpoint on so many shards, and the letters of those that wrote it; `memory` has
/// that of the shards to be. What one of those that wrote it had given up is given up on all.
pub(super) fn moved(
    files: &dyn Files,
    manifest: &Manifest,
    graph: &Arc<Graph>,
    (epoch, shards): (Epoch, u16),
    mut memory: impl FnMut(ShardId) -> (Region, Region),
) -> Result<States, RecoverError> {
    let mut before = Vec::with_capacity(manifest.shards.len());
    let mut letters = Vec::with_capacity(manifest.shards.len());
    for (at, part) in manifest.shards.iter().enumerate() {
        let shard = ShardId(at as u16);
        let region = (Region::heap(blocks(files, manifest, part)?), Region::heap(NO_COPIES));
        let (restored, theirs) = restore(files, manifest, part, graph, shard, region)?;
        before.push(restored);
        letters.push(theirs);
    }
    let mut now = Vec::with_capacity(usize::from(shards));
    let mut blocks_max = 0;
    for shard in (0..shards).map(ShardId) {
        let memory = checked_memory(graph, memory(shard))?;
        blocks_max = memory.0.blocks_max();
        let mut arena = empty_arena(graph, epoch, memory);
        // The numbers of operators that are gone are free for those that come.
        let gone = (0..graph.operators as u32).map(OperatorId);
        let gone = gone.filter(|id| graph.operator(*id).is_none());
        gone.for_each(|id| arena.drop_zone(ZoneId(id.0)));
        now.push(arena);
    }
    let watermarks = watermarks(graph, &before, shards);
    let mut arenas: Vec<Arena> = before.into_iter().map(|restored| restored.arena).collect();
    let (given_up, digest) = give_up_everywhere(graph, &mut arenas, &mut now);
    let mut pool = Pool::new(&graph.shapes);
    let operators = || graph.stages.iter().flat_map(|stage| &stage.operators);
    let operators = || operators().filter(|operator| !given_up.contains(&operator.id));
    // What a source keeps takes the memory that others leave.
    let keeps = |operator: &&OperatorSpec| matches!(operator.kind, Kind::Retain(_));
    let last = operators().filter(keeps);
    for operator in operators().filter(|operator| !keeps(operator)).chain(last) {
        let placed = graph
            .home(operator)
            .ok_or_else(|| RecoverError::Immovable { relation: name_of(graph, operator) })?;
        rehome(operator, (&mut arenas, &mut now), &placed, &mut pool)
            .map_err(|NoRoom(shard)| RecoverError::Memory { shard, blocks_max })?;
    }
    let restored = now.into_iter().zip(watermarks);
    let restored = restored.map(|(arena, watermarks)| Restored {
        arena,
        watermarks,
        epoch,
        files: Vec::new(),
    });
    let shards = restored.map(Some).collect();
    Ok(States { shards, letters, given_up: digest })
}

/// Blocks of a shard's state.
fn blocks(files: &dyn Files, manifest: &Manifest, part: &ShardPart) -> Result<u32, RecoverError> {
    let mut most = 1;
    for file in &part.files {
        let each = |entry: Entry<'_>| most = blocks_of(&entry).max(most);
        checkpoint::read(files, manifest.database, file, each)?;
    }
    Ok(most)
}

fn name_of(graph: &Graph, operator: &OperatorSpec) -> String {
    let view = graph.views.iter().find(|view| view.operator == operator.id);
    view.map_or_else(|| operator.id.to_string(), |view| view.name.clone())
}

/// An operator on all shards, over their state.
fn homes<'a, O>(
    arenas: &'a mut [Arena],
    make: impl Fn(ShardId, u16, &Arena) -> O,
) -> Vec<Home<'a, O>> {
    let shards = arenas.len() as u16;
    let home = |(at, arena): (usize, &'a mut Arena)| {
        let operator = make(ShardId(at as u16), shards, arena);
        Home { operator, arena }
    };
    arenas.iter_mut().enumerate().map(home).collect()
}

fn create<O: Operator>(mut homes: Vec<Home<'_, O>>) -> Vec<Home<'_, O>> {
    homes.iter_mut().for_each(|Home { operator, arena }| operator.create(arena));
    homes
}

/// Moves what one operator keeps.
fn rehome(
    spec: &OperatorSpec,
    (before, now): (&mut [Arena], &mut [Arena]),
    placed: &[usize],
    pool: &mut Pool,
) -> Result<(), NoRoom> {
    /// Of a kind that runs on the shards of before, so that it can be made.
    const MADE: &str = "an operator of a checkpoint was made before";
    match &spec.kind {
        Kind::View(options) => {
            let make = |_, _, arena: &Arena| {
                let (place, root) = operator_over(spec, arena);
                View::new(place, options.clone(), root).expect(MADE)
            };
            View::rehome(&mut homes(before, make), &mut create(homes(now, make)), placed)
        }
        Kind::Aggregate(options) => {
            let make = |shard, shards, arena: &Arena| {
                let (place, root) = operator_over(spec, arena);
                let owns = owns_empty_key(shard, shards);
                Aggregate::new(place, options.clone(), root, owns).expect(MADE)
            };
            Aggregate::rehome(&mut homes(before, make), &mut create(homes(now, make)), placed)
        }
        Kind::Join(options) => {
            let make = |_, _, arena: &Arena| {
                let (place, root) = operator_over(spec, arena);
                Join::new(place, options.clone(), root).expect(MADE)
            };
            Join::rehome(&mut homes(before, make), &mut create(homes(now, make)))
        }
        Kind::Over(options) => {
            let make = |_, _, arena: &Arena| {
                let (place, root) = operator_over(spec, arena);
                Over::new(place, options.clone(), root).expect(MADE)
            };
            Over::rehome(&mut homes(before, make), &mut create(homes(now, make)), placed)
        }
        Kind::Top(options) => {
            let make = |_, _, arena: &Arena| {
                let (place, root) = operator_over(spec, arena);
                Top::new(place, options.clone(), root).expect(MADE)
            };
            Top::rehome(&mut homes(before, make), &mut create(homes(now, make)), placed)
        }
        Kind::Retain(options) => {
            let make = |_, shards, arena: &Arena| {
                let (place, root) = operator_over(spec, arena);
                Retain::new(place, options.clone(), root, shards)
            };
            Retain::rehome(&mut homes(before, make), &mut create(homes(now, make)), placed, pool);
            Ok(())
        }
        Kind::Map(_) | Kind::Stream(_) | Kind::Exchange(_) => Ok(()),
    }
}

/// The watermarks of all inputs, by shard: behind a barrier, all lanes of an input have come as far as
/// the one that is furthest behind says.
fn watermarks(graph: &Graph, before: &[Restored], shards: u16) -> Vec<Vec<Vec<Vec<Time>>>> {
    let least = |stage: usize, entry: usize| {
        let lanes = before.iter().flat_map(|restored| &restored.watermarks[stage][entry]);
        lanes.min().copied().unwrap_or(Time::MIN)
    };
    let entry = |stage: usize, (entry, (key, _)): (usize, &(EntryKey, _))| {
        let lanes = match key {
            EntryKey::Source(_) => 0,
            EntryKey::Edge(_) => usize::from(shards),
        };
        vec![least(stage, entry); lanes]
    };
    let stage = |(at, stage): (usize, &StageSpec)| {
        stage.entries.iter().enumerate().map(|named| entry(at, named)).collect::<Vec<_>>()
    };
    let one: Vec<Vec<Vec<Time>>> = graph.stages.iter().enumerate().map(stage).collect();
    vec![one; usize::from(shards)]
}
