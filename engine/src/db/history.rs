//! The statements that made what a database with a directory consists of: kept with each checkpoint,
//! and carried out again, without rows, when the directory is opened.
//!
//! Invariants:
//! - All statements that changed the catalog are there in their order, also those about what is gone
//!   by now: the numbers of operators and sources hang on them.
//! - Beside each stand the sources that had been fed by then: how rows are placed hangs on that.
//! - And the columns that it was told from outside: a file may have others by now, or be gone.

use std::collections::BTreeSet;
use std::sync::Arc;

use sluicedb_sql::catalog::{Catalog, Decision};
use sluicedb_sql::dialect::syntax::Connector;
use sluicedb_sql::{Schema, SqlError};

use super::error::Error;
use super::files;
use super::statement::{single, variable};
use crate::core::graph::{Graph, Growth, Route, change};
use crate::core::ids::SourceId;

mod columns;

/// Counts the changes of the form. Form 1, which is still read, had no columns from outside.
const FORM: u32 = 2;
const FORM_WITHOUT_COLUMNS: u32 = 1;
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
    columns: Vec<Schema>,
    text: String,
}

/// A statement that changes the catalog.
pub(super) struct Said<'a> {
    pub(super) text: &'a str,
    /// The columns that it was told from outside, in the order in which it asked.
    pub(super) columns: Vec<Schema>,
    /// Whether the sources that come with it are fed from outside.
    pub(super) outside: bool,
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
    pub(super) fn with(
        &self,
        said: &Said<'_>,
        fed: &BTreeSet<SourceId>,
    ) -> Result<History, SqlError> {
        let Said { text, columns, outside: _ } = said;
        let mut entries = self.entries.clone();
        let (fed, columns) = (fed.clone(), columns.clone());
        entries.push(Entry { fed, columns, text: (*text).to_owned() });
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
        self.entries.iter().try_fold(begin, |at, Entry { fed, columns, text }| {
            let again = |error| Error::Replay { statement: text.clone(), error: advised(error) };
            let Resumed { catalog, graph } = at;
            let parsed = single(text).map_err(again)?;
            let mut columns = columns.iter().cloned();
            let told = &mut |_: &Connector| columns.next().ok_or_else(never_told);
            let decided = files::decide(told, &catalog, &parsed, text, &variable);
            let (_, Decision::Change(next)) = decided.map_err(again)? else {
                return Err(again(SqlError::unsupported("it changes nothing any more")));
            };
            let growth = Growth { route: Route::Aligned, tied: true, fed: fed.clone(), logged };
            let made = change(&graph, catalog.plan(), next.catalog.plan(), &growth);
            let graph = Arc::unwrap_or_clone(made.map_err(again)?.graph);
            Ok(Resumed { catalog: next.catalog, graph })
        })
    }
}

fn never_told() -> SqlError {
    SqlError::unsupported("the directory does not know the columns that it was told from outside")
}

/// With what to do about a function that was there when the statement was carried out first.
fn advised(error: SqlError) -> SqlError {
    match error.sqlstate {
        "42883" => error.hint(
            "Register the functions of the application's before the directory is opened: \
             Builder::scalar_function and Builder::aggregate_function.",
        ),
        _ => error,
    }
}

/// The form, the count of statements, and of each: the count of sources that had been fed, their
/// numbers, the count of the columns from outside, those, the length of the text, the text. Numbers
/// are little endian.
fn encode(entries: &[Entry]) -> Vec<u8> {
    let mut bytes = FORM.to_le_bytes().to_vec();
    let count = |n: usize| u32::try_from(n).expect("a history is bounded").to_le_bytes();
    bytes.extend(count(entries.len()));
    for Entry { fed, columns, text } in entries {
        bytes.extend(count(fed.len()));
        fed.iter().for_each(|source| bytes.extend(source.0.to_le_bytes()));
        bytes.extend(count(columns.len()));
        columns.iter().for_each(|schema| columns::encode(schema, &mut bytes));
        bytes.extend(count(text.len()));
        bytes.extend(text.as_bytes());
    }
    bytes
}

fn decode(bytes: &[u8]) -> Option<Vec<Entry>> {
    let mut rest = bytes;
    let form = number(&mut rest)?;
    if form != FORM && form != FORM_WITHOUT_COLUMNS {
        return None;
    }
    let count = number(&mut rest)?;
    let mut entries = Vec::new();
    for _ in 0..count {
        let fed = number(&mut rest)? as usize;
        let (ids, behind) = rest.split_at_checked(fed.checked_mul(2)?)?;
        let fed = ids.as_chunks::<2>().0.iter().map(|id| SourceId(u16::from_le_bytes(*id)));
        rest = behind;
        let told = if form == FORM { number(&mut rest)? } else { 0 };
        let columns = (0..told).map(|_| columns::decode(&mut rest)).collect::<Option<_>>()?;
        let length = number(&mut rest)? as usize;
        let (text, behind) = rest.split_at_checked(length)?;
        rest = behind;
        let text = String::from_utf8(text.to_vec()).ok()?;
        entries.push(Entry { fed: fed.collect(), columns, text });
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
    use sluicedb_sql::{DataType, Field};

    use super::*;

    fn plain(text: &str) -> Said<'_> {
        Said { text, columns: Vec::new(), outside: false }
    }

    #[test]
    fn what_was_said_is_read_back_and_nothing_shorter_is() {
        let fed = BTreeSet::from([SourceId(0), SourceId(300)]);
        let columns = Schema::new(vec![Field::not_null("a", DataType::Int)]).unwrap();
        let told = Said { columns: vec![columns], ..plain("CREATE SOURCE s FROM FILE ('x')") };
        let said = History::default().with(&told, &BTreeSet::new()).unwrap();
        let said = said.with(&plain("CREATE STREAM t AS SELECT a FROM s"), &fed).unwrap();
        assert_eq!(History::read(said.bytes()).unwrap().entries, said.entries);
        for cut in 1..said.bytes().len() {
            assert!(History::read(&said.bytes()[..cut]).is_err(), "{cut} bytes");
        }
        let other = [&3_u32.to_le_bytes()[..], &said.bytes()[4..]].concat();
        assert!(History::read(&other).is_err(), "another form");
    }

    #[test]
    fn a_history_of_form_1_is_read() {
        let text = "CREATE SOURCE s (a INT)";
        let said = History::default().with(&plain(text), &BTreeSet::from([SourceId(7)])).unwrap();
        let bytes = said.bytes();
        // Behind the form, the counts of statements and sources, and the source.
        let older = [&1_u32.to_le_bytes()[..], &bytes[4..14], &bytes[18..]].concat();
        assert_eq!(History::read(&older).unwrap().entries, said.entries);
    }

    #[test]
    fn a_history_has_an_end() {
        let long = "x".repeat(HISTORY_BYTES_MAX);
        let error = History::default().with(&plain(&long), &BTreeSet::new()).unwrap_err();
        assert!(error.to_string().contains("bytes of statements"), "{error}");
    }
}
