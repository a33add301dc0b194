//! Producers with names, as the coordinator's thread knows them.
//!
//! Invariants:
//! - A name of a source has a feeder of its own, which nobody else pushes with, in this life and in
//!   those that follow.
//! - One handle at a time pushes under a name.
//! - A handle is given away once all that the database knows of its producer would survive a crash.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::inbox::{Attached, NotAttached, NotDropped, Reply};
use super::inlet::Inlet;
use super::life::Life;
use super::survey::ProducerStand;
use crate::core::effect::ProducerMark;
use crate::core::ids::{Epoch, FeederId, SourceId};

/// A producer of a source.
type Named = (SourceId, Arc<str>);

/// All producers that have a name.
#[derive(Default)]
pub(super) struct Producers {
    known: BTreeMap<Named, Known>,
    /// Handles that wait for the checkpoint of an epoch.
    unsafe_yet: Vec<(Epoch, Inlet, Reply<Attached>)>,
}

struct Known {
    feeder: FeederId,
    stand: Stand,
    /// Whether all that is known of it survives a crash.
    safe: bool,
}

enum Stand {
    Away,
    Here,
    /// Its handle was dropped. Another one may be wanted by then.
    Going(Option<Asked>),
}

/// A handle that is wanted.
pub(super) struct Asked {
    pub(super) life: Arc<Life>,
    pub(super) reply: Reply<Attached>,
}

/// Who comes.
pub(super) enum Coming {
    /// With the feeder that it has.
    Known(FeederId, Asked),
    /// With one that is to be found for it.
    Fresh(Asked),
    /// Nobody yet, or not at all: the answer was given, or is kept.
    Nobody,
}

impl Producers {
    /// Those that the files know. All are away.
    pub(super) fn new(marks: &[ProducerMark]) -> Producers {
        let known = |ProducerMark { feeder, source, name }: &ProducerMark| {
            let known = Known { feeder: *feeder, stand: Stand::Away, safe: true };
            ((*source, Arc::clone(name)), known)
        };
        let known = marks.iter().map(known).collect();
        Producers { known, unsafe_yet: Vec::new() }
    }

    /// Whether a feeder belongs to one of them.
    pub(super) fn have(&self, feeder: FeederId) -> bool {
        self.known.values().any(|known| known.feeder == feeder)
    }

    /// A handle is wanted.
    pub(super) fn ask(&mut self, name: Named, asked: Asked) -> Coming {
        let Some(known) = self.known.get_mut(&name) else { return Coming::Fresh(asked) };
        match &mut known.stand {
            Stand::Away => {
                known.stand = Stand::Here;
                Coming::Known(known.feeder, asked)
            }
            Stand::Going(next @ None) => {
                *next = Some(asked);
                Coming::Nobody
            }
            Stand::Here | Stand::Going(Some(_)) => {
                asked.reply.give(Err(NotAttached::InUse));
                Coming::Nobody
            }
        }
    }

    /// A feeder was found for a producer that was not known.
    pub(super) fn add(&mut self, name: Named, feeder: FeederId) {
        self.known.insert(name, Known { feeder, stand: Stand::Here, safe: false });
    }

    /// The handle of a feeder was dropped.
    pub(super) fn goes(&mut self, feeder: FeederId) {
        if let Some(known) = self.known.values_mut().find(|known| known.feeder == feeder) {
            known.stand = Stand::Going(None);
        }
    }

    /// A feeder is detached. Returns who comes in its place.
    pub(super) fn gone(&mut self, feeder: FeederId) -> Option<(Named, Asked)> {
        let mut all = self.known.iter_mut();
        let (name, known) = all.find(|(_, known)| known.feeder == feeder)?;
        match std::mem::replace(&mut known.stand, Stand::Away) {
            Stand::Going(Some(asked)) => Some((name.clone(), asked)),
            Stand::Going(None) | Stand::Away | Stand::Here => None,
        }
    }

    /// All of them.
    pub(super) fn look(&self) -> Vec<ProducerStand> {
        let known = self.known.iter().map(|((source, name), known)| ProducerStand {
            source: *source,
            name: Arc::clone(name),
            feeder: known.feeder,
            here: matches!(known.stand, Stand::Here),
        });
        known.collect()
    }

    /// Gives up a name: its feeder belongs to nobody any more.
    pub(super) fn drop_name(&mut self, name: &Named) -> Result<FeederId, NotDropped> {
        let known = self.known.get(name).ok_or(NotDropped::Unknown)?;
        let feeder = match known.stand {
            Stand::Away => known.feeder,
            Stand::Going(None) => return Err(NotDropped::Going),
            Stand::Here | Stand::Going(Some(_)) => return Err(NotDropped::InUse),
        };
        self.known.remove(name);
        Ok(feeder)
    }

    /// Sources are gone, and with them the names of their producers. Returns the feeders of those that
    /// were away.
    pub(super) fn forget(&mut self, sources: &[SourceId]) -> Vec<FeederId> {
        let mut free = Vec::new();
        let gone = self.known.extract_if(.., |(source, _), _| sources.contains(source));
        for (_, Known { feeder, stand, .. }) in gone {
            match stand {
                Stand::Away => free.push(feeder),
                Stand::Going(Some(asked)) => asked.reply.give(Err(NotAttached::Gone)),
                Stand::Here | Stand::Going(None) => {}
            }
        }
        free
    }

    /// A feeder is attached, at the end of an epoch. Hands over what was asked for, at once or with the
    /// checkpoint of that epoch; tells whether one is wanted.
    pub(super) fn attached(
        &mut self,
        (inlet, reply): (Inlet, Reply<Attached>),
        (feeder, at): (FeederId, Epoch),
        saves: bool,
    ) -> bool {
        let known = self.known.values_mut().find(|known| known.feeder == feeder);
        let waits = known.is_some_and(|known| !std::mem::replace(&mut known.safe, false));
        if waits && saves {
            self.unsafe_yet.push((at, inlet, reply));
            return true;
        }
        reply.give(Ok(inlet));
        false
    }

    /// The checkpoint of an epoch is sealed.
    pub(super) fn sealed(&mut self, epoch: Epoch) {
        for (_, inlet, reply) in self.unsafe_yet.extract_if(.., |(at, ..)| *at <= epoch) {
            reply.give(Ok(inlet));
        }
    }

    /// The database ends.
    pub(super) fn clear(&mut self) {
        self.known.clear();
        self.unsafe_yet.clear();
    }
}
