//! Opens a directory whose files are proven corrupt without what cannot be read, where the application
//! accepts that, and says what it was.

use std::fmt;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sluicedb_wal::OpenError;
use sluicedb_wal::directory::Directory;
use sluicedb_wal::salvage::{Salvage, salvage};

use super::error::Error;
use crate::core::graph::Graph;
use crate::core::recovery::RecoverError;
use crate::core::recovery::loss::{LostStatements, statements, unsettled};

/// What a directory held and holds no more.
///
/// Its `Display` has all of it, a line for each thing: which epochs, which statements of which source,
/// and how many rows. The same text lies in the folder, beside the files as they were.
#[derive(Clone, Debug)]
pub struct DataLoss {
    folder: PathBuf,
    salvage: Salvage,
    /// Statements of which other parts are gone.
    unsettled: Vec<LostStatements>,
    /// By id; empty while nobody knows them.
    sources: Vec<String>,
}

/// Who is told before the database starts.
#[derive(Clone)]
pub(super) struct Told(Arc<dyn Fn(&DataLoss) + Send + Sync>);

impl Told {
    pub(super) fn new(told: impl Fn(&DataLoss) + Send + Sync + 'static) -> Told {
        Told(Arc::new(told))
    }
}

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Told")
    }
}

impl DataLoss {
    /// Gives up what is proven corrupt in a directory, if anything is.
    pub(super) fn accept(directory: &mut Directory, seed: u64) -> Result<Option<DataLoss>, Error> {
        let path = directory.path().to_owned();
        let fail = |error| Error::Recover { directory: Some(path.clone()), error };
        let found = salvage(directory, directory.database(), seed).map_err(|error| match error {
            OpenError::Corrupt { .. } | OpenError::Missing { .. } => {
                Error::NothingWhole { directory: path.clone(), error }
            }
            error => fail(RecoverError::Files(error)),
        });
        let Some(salvage) = found? else { return Ok(None) };
        let folder = directory.give_up(&salvage).map_err(Error::Directory)?;
        let unsettled = unsettled(directory, directory.database()).map_err(fail)?;
        let (unsettled, sources) = (statements(unsettled.iter()), Vec::new());
        let loss = DataLoss { folder, salvage, unsettled, sources };
        loss.write_down(directory)?;
        Ok(Some(loss))
    }

    /// The same once it is known how sources are called: tells the application.
    pub(super) fn tell(
        mut self,
        directory: &Directory,
        graph: &Graph,
        told: &Told,
    ) -> Result<(), Error> {
        self.sources = graph.sources.iter().map(|source| source.name.clone()).collect();
        self.write_down(directory)?;
        (told.0)(&self);
        Ok(())
    }

    fn write_down(&self, directory: &Directory) -> Result<(), Error> {
        directory.tell(&self.folder, &self.to_string()).map_err(Error::Directory)
    }

    /// Where the files are of which something was given up, as they were.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn describe(&self, lost: &LostStatements) -> String {
        let LostStatements { source, feeder, sequences, epochs: (first, last), rows } = lost;
        let name = match self.sources.get(source.index()) {
            Some(name) => format!("source \"{name}\""),
            None => format!("source number {}", source.0),
        };
        let mut text =
            format!("{rows} rows of {name}: epochs {first} to {last}, feeder {}, ", feeder.0);
        let ranges = sequences.iter().map(|(from, to)| match from == to {
            true => format!("{from}"),
            false => format!("{from} to {to}"),
        });
        let _ = write!(text, "statements {}", ranges.collect::<Vec<_>>().join(", "));
        text
    }
}

impl fmt::Display for DataLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Salvage { manifest, manifests, logs } = &self.salvage;
        if let (Some((epochs, cause)), Some(manifest)) = (manifests, manifest) {
            let (from, to) = (manifest.epoch + 1, epochs.iter().max().unwrap_or(&manifest.epoch));
            writeln!(
                f,
                "given up: what checkpoints alone have of epochs {from} to {to}: rows of sources that are \
                 neither logged nor read again, and objects that were created or dropped in them \
                 ({cause})"
            )?;
        }
        for log in logs.iter().filter(|log| !log.is_whole()) {
            let (shard, kept, cause) = (log.shard, log.kept, &log.cause);
            writeln!(
                f,
                "given up: the log of shard {shard} behind its first {kept} records after the checkpoint \
                 ({cause})"
            )?;
            for lost in statements(log.given_up.iter()) {
                writeln!(
                    f,
                    "given up: {} (shard {shard}; still in its old log)",
                    self.describe(&lost)
                )?;
            }
            if log.unreadable > 0 {
                let bytes = log.unreadable;
                writeln!(
                    f,
                    "given up: {bytes} bytes of records in the log of shard {shard}, unreadable"
                )?;
            }
        }
        for lost in &self.unsettled {
            let what = self.describe(lost);
            writeln!(
                f,
                "given up: {what} (other parts of them, or what was before them, are gone)"
            )?;
        }
        write!(f, "the files as they were: {}", self.folder.display())
    }
}
