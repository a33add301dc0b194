//! The statements that made what a database with a directory consists of: kept with each checkpoint,
//! and carried out again, without rows, when the directory is opened.
//!
//! Invariants:
//! - The statements that changed the catalog are there in their order, but for those about what is gone
//!   without which all else has the same numbers (`shorten`).
//! - Beside each stands the number that its first node gets.
//! - Beside each stand the sources that had been fed by then: how rows are placed hangs on that.
//! - And the columns that it was told from outside: a file may have others by now, or be gone.
//! - What a subscription to a query brings with it is there too, until its subscriber is gone, or the
//!   process that it was part of.

use std::collections::BTreeSet;
use std::sync::Arc;

use sluicedb_sql::catalog::{Catalog, Decision};
use sluicedb_sql::dialect::syntax::Connector;
use sluicedb_sql::plan::NodeId;
use sluicedb_sql::{Schema, SqlError};

use super::error::Error;
use super::files;
use super::statement::{single, variable};
use crate::core::graph::{Graph, Growth, Route, change};
use crate::core::ids::SourceId;

mod columns;
mod shorten;

/// Counts the changes of the form. Form 1 had no columns from outside, form 2 no numbers of nodes, form 3
/// no subscriptions; all are still read.
const FORM: u32 = 4;
const FORM_WITHOUT_SUBSCRIPTIONS: u32 = 3;
const FORM_WITHOUT_NODES: u32 = 2;
const FORM_WITHOUT_COLUMNS: u32 = 1;
/// Bytes of all statements. Each checkpoint writes them, and each opening plans them.
const HISTORY_BYTES_MAX: usize = 4 << 20;

/// What has been said so far.
#[derive(Clone, Debug)]
pub(super) struct History {
    entries: Vec<Entry>,
    /// All of it, as checkpoints keep it.
    bytes: Arc<[u8]>,
    /// From so many bytes on it is looked through for what can go.
    long_bytes: usize,
}

/// One statement.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Entry {
    /// The number that its first node gets; none where that is the one after the last there was.
    next: Option<NodeId>,
    what: What,
    fed: BTreeSet<SourceId>,
    columns: Vec<Schema>,
    text: String,
}

/// What a text is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum What {
    /// A statement that changes the catalog.
    Statement,
    /// A statement that subscribes to a query: a stream comes with it.
    Subscribed,
    /// The name of such a stream, which goes.
    Left,
}

/// Something that changes the catalog.
pub(super) struct Said<'a> {
    pub(super) what: What,
    pub(super) text: &'a str,
    /// What it makes.
    pub(super) catalog: &'a Catalog,
    /// The columns that it was told from outside, in the order in which it asked.
    pub(super) columns: Vec<Schema>,
    /// Whether the sources that come with it are fed from outside.
    pub(super) outside: bool,
}

/// What a directory holds.
#[derive(Clone)]
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
        History { entries, bytes, long_bytes: shorten::LONG_BYTES }
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

    /// With one more statement, carried out when these sources had been fed and this was the number of the
    /// next node.
    pub(super) fn with(&self, said: &Said<'_>, fed: &BTreeSet<SourceId>, next: NodeId) -> History {
        let Said { what, text, catalog: _, columns, outside: _ } = said;
        let mut entries = self.entries.clone();
        let (fed, columns) = (fed.clone(), columns.clone());
        let (what, text) = (*what, (*text).to_owned());
        entries.push(Entry { next: Some(next), what, fed, columns, text });
        History { long_bytes: self.long_bytes, ..History::of(entries) }
    }

    /// Refuses one that has grown too long.
    pub(super) fn check(self) -> Result<History, SqlError> {
        let history = self;
        if history.bytes.len() > HISTORY_BYTES_MAX {
            let what = "bytes of statements that a directory keeps";
            let error = SqlError::limit_exceeded(what, history.bytes.len(), HISTORY_BYTES_MAX);
            return Err(error.hint(
                "DROP what is not needed, and its statements go too; or go on in another directory, \
                 with what SHOW lists.",
            ));
        }
        Ok(history)
    }

    /// Carries all statements out over what an application's plan made, without any row.
    pub(super) fn replay(&self, begin: Resumed, logged: bool) -> Result<Resumed, Error> {
        self.entries.iter().try_fold(begin, |at, entry| {
            let Entry { next, what: _, fed, columns: _, text } = entry;
            let again = |error| Error::Replay { statement: text.clone(), error: advised(error) };
            let Resumed { catalog, graph } = at;
            let catalog = next.map_or(catalog.clone(), |next| catalog.going_on_at(next));
            let next = entry.carry_out(&catalog).map_err(again)?;
            let growth = Growth { route: Route::Aligned, tied: true, fed: fed.clone(), logged };
            let made = change(&graph, catalog.plan(), next.plan(), &growth);
            let graph = Arc::unwrap_or_clone(made.map_err(again)?.graph);
            Ok(Resumed { catalog: next, graph })
        })
    }
}

impl Entry {
    /// What it makes of the catalog.
    fn carry_out(&self, catalog: &Catalog) -> Result<Catalog, SqlError> {
        let Entry { what, columns, text, .. } = self;
        let nothing = || SqlError::unsupported("it changes nothing any more");
        if *what == What::Left {
            let next = catalog.without_subscriptions(std::slice::from_ref(text))?;
            return next.ok_or_else(nothing);
        }
        let parsed = single(text)?;
        let mut columns = columns.iter().cloned();
        let told = &mut |_: &Connector| columns.next().ok_or_else(never_told);
        let (_, decided) = files::decide(told, catalog, &parsed, text, &variable)?;
        match decided {
            Decision::Change(next) if *what == What::Statement => Ok(next.catalog),
            Decision::Follow(following) if *what == What::Subscribed => {
                following.comes.ok_or_else(nothing)
            }
            _ => Err(nothing()),
        }
    }
}

impl What {
    /// As checkpoints keep it.
    const fn code(self) -> u8 {
        match self {
            What::Statement => 0,
            What::Subscribed => 1,
            What::Left => 2,
        }
    }

    fn of(code: u8) -> Option<What> {
        let all = [What::Statement, What::Subscribed, What::Left];
        all.into_iter().find(|what| what.code() == code)
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

/// The form, the count of statements, and of each: one more than the number of its first node, or 0, what
/// it is, the count of sources that had been fed, their
/// numbers, the count of the columns from outside, those, the length of the text, the text. Numbers
/// are little endian.
fn encode(entries: &[Entry]) -> Vec<u8> {
    let mut bytes = FORM.to_le_bytes().to_vec();
    let count = |n: usize| u32::try_from(n).expect("a history is bounded").to_le_bytes();
    bytes.extend(count(entries.len()));
    for Entry { next, what, fed, columns, text } in entries {
        bytes.extend(next.map_or(0, |next| next.0 + 1).to_le_bytes());
        bytes.push(what.code());
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
    if !(FORM_WITHOUT_COLUMNS..=FORM).contains(&form) {
        return None;
    }
    let count = number(&mut rest)?;
    let mut entries = Vec::new();
    for _ in 0..count {
        let next = if form > FORM_WITHOUT_NODES { number(&mut rest)? } else { 0 };
        let next = next.checked_sub(1).map(NodeId);
        let mut what = What::Statement;
        if form > FORM_WITHOUT_SUBSCRIPTIONS {
            let (code, behind) = rest.split_first()?;
            (what, rest) = (What::of(*code)?, behind);
        }
        let fed = number(&mut rest)? as usize;
        let (ids, behind) = rest.split_at_checked(fed.checked_mul(2)?)?;
        let fed = ids.as_chunks::<2>().0.iter().map(|id| SourceId(u16::from_le_bytes(*id)));
        rest = behind;
        let told = if form > FORM_WITHOUT_COLUMNS { number(&mut rest)? } else { 0 };
        let columns = (0..told).map(|_| columns::decode(&mut rest)).collect::<Option<_>>()?;
        let length = number(&mut rest)? as usize;
        let (text, behind) = rest.split_at_checked(length)?;
        rest = behind;
        let text = String::from_utf8(text.to_vec()).ok()?;
        entries.push(Entry { next, what, fed: fed.collect(), columns, text });
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
    use std::sync::LazyLock;

    use sluicedb_sql::{DataType, Field};

    use super::*;

    fn plain(text: &str) -> Said<'_> {
        static NOTHING: LazyLock<Catalog> = LazyLock::new(Catalog::new);
        let what = What::Statement;
        Said { what, text, catalog: &NOTHING, columns: Vec::new(), outside: false }
    }

    #[test]
    fn what_was_said_is_read_back_and_nothing_shorter_is() {
        let fed = BTreeSet::from([SourceId(0), SourceId(300)]);
        let columns = Schema::new(vec![Field::not_null("a", DataType::Int)]).unwrap();
        let told = Said { columns: vec![columns], ..plain("CREATE SOURCE s FROM FILE ('x')") };
        let said = History::default().with(&told, &BTreeSet::new(), NodeId(0));
        let said = said.with(&plain("CREATE STREAM t AS SELECT a FROM s"), &fed, NodeId(7));
        assert_eq!(History::read(said.bytes()).unwrap().entries, said.entries);
        for cut in 1..said.bytes().len() {
            assert!(History::read(&said.bytes()[..cut]).is_err(), "{cut} bytes");
        }
        let other = [&5_u32.to_le_bytes()[..], &said.bytes()[4..]].concat();
        assert!(History::read(&other).is_err(), "another form");
    }

    #[test]
    fn histories_of_older_forms_are_read() {
        let text = "CREATE SOURCE s (a INT)";
        let fed = BTreeSet::from([SourceId(7)]);
        let said = History::default().with(&plain(text), &fed, NodeId(3));
        let bytes = said.bytes();
        let expected = [Entry { next: None, ..said.entries[0].clone() }];
        // Behind the form and the count of statements stands the number of the node, behind that what it
        // is, the count of sources and the source, and then the count of columns.
        let older = [&3_u32.to_le_bytes()[..], &bytes[4..12], &bytes[13..]].concat();
        assert_eq!(History::read(&older).unwrap().entries, said.entries);
        let older = [&2_u32.to_le_bytes()[..], &bytes[4..8], &bytes[13..]].concat();
        assert_eq!(History::read(&older).unwrap().entries, expected);
        let older = [&1_u32.to_le_bytes()[..], &bytes[4..8], &bytes[13..19], &bytes[23..]].concat();
        assert_eq!(History::read(&older).unwrap().entries, expected);
    }

    #[test]
    fn a_history_has_an_end() {
        let long = "x".repeat(HISTORY_BYTES_MAX);
        let history = History::default().with(&plain(&long), &BTreeSet::new(), NodeId(0));
        let error = history.check().unwrap_err();
        assert!(error.to_string().contains("bytes of statements"), "{error}");
    }

    /// What statements come to, and their history.
    fn said(texts: &[&str]) -> (Resumed, Resumed, History) {
        let begin = Resumed { catalog: Catalog::new(), graph: Graph::empty() };
        let (mut history, mut at) = (History::default(), begin.clone());
        for text in texts {
            let next = at.catalog.plan().next_id();
            let one = History::default().with(&plain(text), &BTreeSet::new(), next);
            at = one.replay(at, true).unwrap();
            history = history.with(&plain(text), &BTreeSet::new(), next);
        }
        (begin, at, history)
    }

    /// What is left of the statements; what is left comes to the same.
    fn check(texts: &[&str], left: &[&str]) {
        let (begin, now, history) = said(texts);
        let shorter = history.shortened(&begin, &now, true);
        let found: Vec<&str> = shorter.entries.iter().map(|entry| entry.text.as_str()).collect();
        assert_eq!(found, left);
        let again = History::read(shorter.bytes()).unwrap().replay(begin, true).unwrap();
        assert_eq!(again.graph.fingerprint(), now.graph.fingerprint());
    }

    #[test]
    fn a_subscription_is_there_until_it_is_left() {
        let begin = Resumed { catalog: Catalog::new(), graph: Graph::empty() };
        let subscribed = "SUBSCRIBE TO (SELECT a FROM s)";
        let with = |history: History, what, text, next| {
            history.with(&Said { what, ..plain(text) }, &BTreeSet::new(), NodeId(next))
        };
        let history = with(History::default(), What::Statement, SOURCE, 0);
        let made = |history: &History| {
            let history = History::read(history.bytes()).unwrap();
            history.replay(begin.clone(), true)
        };
        let subscribed = with(history.clone(), What::Subscribed, subscribed, 1);
        let catalog = made(&subscribed).unwrap().catalog;
        let name = catalog.objects().find(|object| object.is_subscription()).unwrap().name.clone();
        let left = with(subscribed, What::Left, &name, 9);
        assert_eq!(made(&left).unwrap().catalog.objects().count(), 1);
        assert!(made(&with(history.clone(), What::Left, &name, 1)).is_err(), "it never came");
        assert!(made(&with(history, What::Statement, "SUBSCRIBE TO s", 1)).is_err());
    }

    const SOURCE: &str = "CREATE SOURCE s (a INT)";
    const FIRST: &str = "CREATE STREAM x AS SELECT a FROM s";
    const SECOND: &str = "CREATE STREAM y AS SELECT a FROM s";

    #[test]
    fn statements_about_what_is_gone_go() {
        let comment = "COMMENT ON STREAM x IS 'a'";
        let dropped = [SOURCE, FIRST, comment, "DROP STREAM x", SECOND];
        check(&dropped, &[SOURCE, SECOND]);
        let all = "DROP SOURCE s CASCADE";
        check(&[SOURCE, FIRST, all, SOURCE, SECOND], &[SOURCE, SECOND]);
        check(&[SOURCE, FIRST, "PAUSE STREAM x", "DROP STREAM x", SECOND], &[SOURCE, SECOND]);
        check(&[SOURCE, FIRST, "PAUSE STREAM x"], &[SOURCE, FIRST, "PAUSE STREAM x"]);
    }

    #[test]
    fn a_statement_that_kept_a_place_taken_stays() {
        // Without the first stream the second one would have its numbers.
        let texts = [SOURCE, FIRST, SECOND, "DROP STREAM x"];
        check(&texts, &texts);
        // How many places there were is a part of a graph.
        let texts = [SOURCE, FIRST, SECOND, "DROP STREAM y"];
        check(&texts, &texts);
        let third = "CREATE STREAM z AS SELECT a FROM s";
        let texts =
            [SOURCE, FIRST, SECOND, "DROP STREAM x", third, "DROP STREAM y", "DROP STREAM z"];
        let left = [SOURCE, SECOND, third, "DROP STREAM y", "DROP STREAM z", FIRST];
        check(&[&texts[..], &[FIRST]].concat(), &left);
    }

    #[test]
    fn streams_that_take_turns_leave_a_history_that_does_not_grow() {
        let mut texts = vec![SOURCE.to_owned()];
        for round in 0..30 {
            texts.push(format!("CREATE STREAM t{round} AS SELECT a FROM s"));
            if round > 0 {
                texts.push(format!("DROP STREAM t{}", round - 1));
            }
        }
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let (begin, now, history) = said(&texts);
        let shorter = history.shortened(&begin, &now, true);
        assert!(shorter.entries.len() <= 8, "{}", shorter.entries.len());
    }
}
