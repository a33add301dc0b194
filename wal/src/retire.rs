//! Which files no recovery needs.

use crate::lsn::Lsn;
use crate::manifest::Manifest;
use crate::name::FileName;

/// How far a segment reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Whose log.
    pub shard: u16,
    /// Which segment.
    pub number: u64,
    /// Where the next segment starts; zero if recovery declared it dead; nothing if it is being
    /// written.
    pub end: Option<Lsn>,
}

/// The files of `listing` that recovery from any of the manifests `kept` does not need.
///
/// `kept` are the newest manifests, at least one. A segment without a span stays, and so do the
/// segments of a shard that a kept manifest does not know, and files of epochs that are not
/// sealed: they are being written.
pub fn unneeded(kept: &[Manifest], listing: &[FileName], spans: &[Span]) -> Vec<FileName> {
    let newest = kept.iter().map(|manifest| manifest.epoch).max();
    let newest = newest.expect("without a manifest every file is needed");
    let named = |name: &FileName| {
        kept.iter().flat_map(|m| &m.shards).flat_map(|part| &part.files).any(|f| f.name == *name)
    };
    let unneeded = |name: &FileName| match *name {
        FileName::Manifest { epoch } => {
            epoch < newest && kept.iter().all(|manifest| manifest.epoch != epoch)
        }
        FileName::ManifestDraft { epoch } => epoch <= newest,
        FileName::Checkpoint { epoch, .. } => epoch <= newest && !named(name),
        FileName::Segment { shard, number } => {
            let span = spans.iter().find(|span| span.shard == shard && span.number == number);
            let end = span.and_then(|span| span.end);
            end.is_some_and(|end| end <= log_from(kept, shard))
        }
        FileName::Identity | FileName::Backup => false,
    };
    listing.iter().copied().filter(unneeded).collect()
}

/// Where recovery of the shard starts at the earliest.
fn log_from(kept: &[Manifest], shard: u16) -> Lsn {
    let part = |manifest: &Manifest| manifest.shards.get(usize::from(shard)).map(|p| p.log_from);
    kept.iter().map(|manifest| part(manifest).unwrap_or(Lsn(0))).min().unwrap_or(Lsn(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{FileRef, ShardPart};

    fn checkpoint(epoch: u64) -> FileName {
        FileName::Checkpoint { shard: 0, epoch }
    }

    fn segment(number: u64) -> FileName {
        FileName::Segment { shard: 0, number }
    }

    fn manifest(epoch: u64, files: &[u64], log_from: u64) -> Manifest {
        let files = files.iter().map(|e| FileRef { name: checkpoint(*e), bytes: 1, hash: 1 });
        let part =
            ShardPart { files: files.collect(), log_from: Lsn(log_from), ..Default::default() };
        Manifest { epoch, shards: vec![part], ..Default::default() }
    }

    #[test]
    fn what_a_kept_manifest_needs_and_what_is_being_written_stays() {
        let kept = [manifest(7, &[3, 7], 200), manifest(6, &[3, 6], 100)];
        let span = |number, end| Span { shard: 0, number, end };
        let spans = [
            span(1, Some(Lsn(99))),
            span(2, Some(Lsn(100))),
            span(3, Some(Lsn(101))),
            span(4, Some(Lsn(0))),
            span(5, None),
        ];
        let mut listing = vec![FileName::Identity];
        listing.extend((1..=6).map(segment));
        listing.push(FileName::Segment { shard: 1, number: 1 });
        listing.extend((2..=8).map(checkpoint));
        listing.extend((4..=7).map(|epoch| FileName::Manifest { epoch }));
        listing.extend((6..=8).map(|epoch| FileName::ManifestDraft { epoch }));
        let mut expected = vec![segment(1), segment(2), segment(4)];
        expected.extend([2, 4, 5].map(checkpoint));
        expected.extend([4, 5].map(|epoch| FileName::Manifest { epoch }));
        expected.extend([6, 7].map(|epoch| FileName::ManifestDraft { epoch }));
        assert_eq!(unneeded(&kept, &listing, &spans), expected);
    }
}
