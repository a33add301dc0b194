//! The statements that made what a database with a directory consists of: kept with each checkpoint,
//! and carried out again, without rows, when the directory is opened.
//!
//! Invariants:
//! - All statements that changed the catalog are there in their order, also those about what is gone
//!   by now: the numbers of operators and sources hang on them.
//! - Beside each stand the sources that had been fed by then: how rows are placed hangs on that.

use std::collections::BTreeSet;
use std::sync::Arc;

use sluicedb_sql::SqlError;
use sluicedb_sql::catalog::{Catalog, Decision};
use sluicedb_sql::dialect;

use super::error::Error;
use super::statement::{single, variable};
use crate::core::graph::{Graph, Growth, Route, change};
use crate::core::ids::SourceId;

/// Counts the changes of the form.
const FORM: u32 = 1;
/// Bytes of all statements. Each checkpoint writes them, and each opening plans them.
const HISTORY_BYTES_MAX: usize = 4 << 20;

/// What has been said so far.
#[derive(Clone, Debug)]
pub(super) struct History {
    entries: Vec<Entry>,
    /// All of it, as checkpoints keep it.
    bytes: Arc<[u8]>,
}

/// One statement.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Entry {
    fed: BTreeSet<SourceId>,
    text: String,
}

/// What a directory holds.
pub(super) struct Resumed {
    pub(super) catalog: Catalog,
    pub(super) graph: Graph,
}

impl Default for History {
    fn default() -> History {
        History::of(Vec::new())
    }
}

impl History {
    fn of(entries: Vec<Entry>) -> History {
        let bytes = encode(&entries).into();
        History { entries, bytes }
    }

    /// The history that a checkpoint kept; none at all where no statement was carried out.
    pub(super) fn read(bytes: &[u8]) -> Result<History, Error> {
        if bytes.is_empty() {
            return Ok(History::default());
        }
        let entries = decode(bytes).ok_or_else(|| {
            Error::Sql(
                SqlError::unsupported("the statements in the directory have another form")
                    .hint("Open it with the version that wrote it."),
            )
        })?;
        Ok(History::of(entries))
    }

    /// As checkpoints keep it.
    pub(super) fn bytes(&self) -> &Arc<[u8]> {
        &self.bytes
    }

    /// With one more statement, carried out when these sources had been fed.
    pub(super) fn with(&self, text: &str, fed: &BTreeSet<SourceId>) -> Result<History, SqlError> {
        let mut entries = self.entries.clone();
        entries.push(Entry { fed: fed.clone(), text: text.to_owned() });
        let history = History::of(entries);
        if history.bytes.len() > HISTORY_BYTES_MAX {
            let what = "bytes of statements that a directory keeps";
            let error = SqlError::limit_exceeded(what, history.bytes.len(), HISTORY_BYTES_MAX);
            return Err(error.hint(
                "It keeps those about what was dropped, too: go on in another directory, with what \
                 SHOW lists.",
            ));
        }
        Ok(history)
    }

    /// Carries all statements out over what an application's plan made, without any row.
    pub(super) fn replay(&self, begin: Resumed, logged: bool) -> Result<Resumed, Error> {
        self.entries.iter().try_fold(begin, |at, Entry { fed, text }| {
            let again = |error| Error::Replay { statement: text.clone(), error };
            let Resumed { catalog, graph } = at;
            let parsed = single(text).map_err(again)?;
            let decided = dialect::deep(|| catalog.decide(&parsed, text, &variable));
            let Decision::Change(next) = decided.map_err(again)? else {
                return Err(again(SqlError::unsupported("it changes nothing any more")));
            };
            let growth = Growth { route: Route::Aligned, tied: true, fed: fed.clone(), logged };
            let made = change(&graph, catalog.plan(), next.catalog.plan(), &growth);
            let graph = Arc::unwrap_or_clone(made.map_err(again)?.graph);
            Ok(Resumed { catalog: next.catalog, graph })
        })
    }
}

/// The form, the count of statements, and of each: the count of sources that had been fed, their
/// numbers, the length of the text, the text. Numbers are little endian.
fn encode(entries: &[Entry]) -> Vec<u8> {
    let mut bytes = FORM.to_le_bytes().to_vec();
    let count = |n: usize| u32::try_from(n).expect("a history is bounded").to_le_bytes();
    bytes.extend(count(entries.len()));
    for Entry { fed, text } in entries {
        bytes.extend(count(fed.len()));
        fed.iter().for_each(|source| bytes.extend(source.0.to_le_bytes()));
        bytes.extend(count(text.len()));
        bytes.extend(text.as_bytes());
    }
    bytes
}

fn decode(bytes: &[u8]) -> Option<Vec<Entry>> {
    let mut rest = bytes;
    if number(&mut rest)? != FORM {
        return None;
    }
    let count = number(&mut rest)?;
    let mut entries = Vec::new();
    for _ in 0..count {
        let fed = number(&mut rest)? as usize;
        let (ids, behind) = rest.split_at_checked(fed.checked_mul(2)?)?;
        let fed = ids.as_chunks::<2>().0.iter().map(|id| SourceId(u16::from_le_bytes(*id)));
        rest = behind;
        let length = number(&mut rest)? as usize;
        let (text, behind) = rest.split_at_checked(length)?;
        rest = behind;
        entries.push(Entry { fed: fed.collect(), text: String::from_utf8(text.to_vec()).ok()? });
    }
    rest.is_empty().then_some(entries)
}

fn number(rest: &mut &[u8]) -> Option<u32> {
    let (bytes, behind) = rest.split_first_chunk()?;
    *rest = behind;
    Some(u32::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_is_read_back_and_nothing_shorter_is() {
        let fed = BTreeSet::from([SourceId(0), SourceId(300)]);
        let said = History::default().with("CREATE SOURCE s (a INT)", &BTreeSet::new()).unwrap();
        let said = said.with("CREATE STREAM t AS SELECT a FROM s", &fed).unwrap();
        assert_eq!(History::read(said.bytes()).unwrap().entries, said.entries);
        for cut in 1..said.bytes().len() {
            assert!(History::read(&said.bytes()[..cut]).is_err(), "{cut} bytes");
        }
        let other = [&2_u32.to_le_bytes()[..], &said.bytes()[4..]].concat();
        assert!(History::read(&other).is_err(), "another form");
    }

    #[test]
    fn a_history_has_an_end() {
        let long = "x".repeat(HISTORY_BYTES_MAX);
        let error = History::default().with(&long, &BTreeSet::new()).unwrap_err();
        assert!(error.to_string().contains("bytes of statements"), "{error}");
    }
}
