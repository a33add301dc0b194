//! Makes a manifest the newest one, at one instant.
//!
//! Invariant: the manifest gets its name only after its bytes are durable, and counts only after
//! its name is.

use crate::disk::{DiskOp, Failure, Issued, Ticket, Tickets};
use crate::manifest::Manifest;
use crate::name::FileName;

/// Publishes one manifest.
#[derive(Debug)]
pub struct Publisher {
    tickets: Tickets,
    epoch: u64,
    bytes: Vec<u8>,
    stage: Stage,
    in_flight: Option<Ticket>,
    poisoned: Option<Failure>,
}

/// The operation that is next or in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Create,
    Write,
    Sync,
    Rename,
    Name,
    Sealed,
}

impl Publisher {
    /// Will publish `manifest`. All that it names is durable.
    pub fn new(manifest: &Manifest, tickets: Tickets) -> Publisher {
        Publisher {
            tickets,
            epoch: manifest.epoch,
            bytes: manifest.encode(),
            stage: Stage::Create,
            in_flight: None,
            poisoned: None,
        }
    }

    /// Issues the next operation if none is in flight.
    pub fn pump(&mut self, issued: &mut Vec<Issued>) {
        if self.poisoned.is_some() || self.in_flight.is_some() {
            return;
        }
        let draft = FileName::ManifestDraft { epoch: self.epoch };
        let to = FileName::Manifest { epoch: self.epoch };
        let op = match self.stage {
            Stage::Create => DiskOp::Create { file: draft },
            Stage::Write => {
                let bytes = std::mem::take(&mut self.bytes);
                DiskOp::Write { file: draft, offset: 0, bytes }
            }
            Stage::Sync => DiskOp::Sync { file: draft },
            Stage::Rename => DiskOp::Rename { from: draft, to },
            Stage::Name => DiskOp::SyncDirectory,
            Stage::Sealed => return,
        };
        self.in_flight = Some(self.tickets.issue(op, issued));
    }

    /// Reports how the operation of `ticket` ended, and goes on.
    pub fn completed(
        &mut self,
        ticket: Ticket,
        result: Result<(), Failure>,
        issued: &mut Vec<Issued>,
    ) {
        assert!(self.in_flight == Some(ticket), "one operation is in flight");
        self.in_flight = None;
        if let Err(failure) = result {
            self.poisoned = Some(failure);
            return;
        }
        self.stage = match self.stage {
            Stage::Create => Stage::Write,
            Stage::Write => Stage::Sync,
            Stage::Sync => Stage::Rename,
            Stage::Rename => Stage::Name,
            Stage::Name => Stage::Sealed,
            Stage::Sealed => unreachable!("nothing is in flight after the last operation"),
        };
        self.pump(issued);
    }

    /// Whether the manifest is the newest one for every recovery from now on.
    pub fn sealed(&self) -> bool {
        self.stage == Stage::Sealed
    }

    /// Why the manifest will not be sealed in this life. After a restart it may turn out to be.
    pub fn poisoned(&self) -> Option<&Failure> {
        self.poisoned.as_ref()
    }
}
