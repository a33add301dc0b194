//! Statements that are planned once and carried out many times.

use sluicedb_sql::bounded::Bounded;
use sluicedb_sql::catalog::{Decision, Insertion};
use sluicedb_sql::dialect::{self, Parsed};
use sluicedb_sql::{DataType, Value};

use super::error::Error;
use super::keyed::Keyed;
use super::outcome::Outcome;
use super::parameters::Parameters;
use super::session::{Patience, Session};
use super::statement::{self, Language, insert, inserted, query_once};

/// A query or an INSERT that was planned once, to be carried out with other values for its
/// parameters each time. It is planned again by itself when objects have changed.
///
/// One prepared statement serves one thread at a time; make one for each. It does not keep its
/// database alive.
pub struct Prepared {
    text: String,
    statement: Parsed,
    /// The types that the first parameters were declared with.
    declared: Vec<DataType>,
    planned: Planned,
}

struct Planned {
    /// What the objects were like; see [`Language::mark`].
    mark: u64,
    /// Whether sources that wait for somebody to ask for their rows have been told.
    asked: bool,
    work: Work,
}

enum Work {
    Query(Bounded),
    Keyed(Bounded, Box<Keyed>),
    Insert(Box<Insertion>),
}

impl Work {
    fn rows(&self) -> &Bounded {
        match self {
            Work::Query(query) | Work::Keyed(query, _) => query,
            Work::Insert(insertion) => &insertion.rows,
        }
    }

    /// The relations whose rows it needs.
    fn reads(&self) -> Vec<String> {
        self.rows().reads().map(str::to_owned).collect()
    }
}

impl Prepared {
    /// The types of the parameters, in their order.
    pub fn parameters(&self) -> &[DataType] {
        self.planned.work.rows().parameters()
    }

    /// What it was made of.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prepared").field("text", &self.text).finish_non_exhaustive()
    }
}

impl Language {
    /// Plans a statement to be carried out later. `declared` are the types of its first parameters.
    pub(super) fn prepare(
        &self,
        session: &Session,
        patience: &mut impl Patience,
        text: &str,
        declared: &[DataType],
    ) -> Result<Prepared, Error> {
        patience.may_wait()?;
        let statement = statement::single(text)?;
        let planned = self.planned(session, patience, (&statement, text), declared)?;
        let (text, declared) = (text.to_owned(), declared.to_vec());
        Ok(Prepared { text, statement, declared, planned })
    }

    fn planned(
        &self,
        session: &Session,
        patience: &mut impl Patience,
        (statement, text): (&Parsed, &str),
        declared: &[DataType],
    ) -> Result<Planned, Error> {
        // Read first: what changes behind it is seen by the next look at it.
        let mark = self.mark();
        let catalog = self.catalog();
        let work = match dialect::deep(|| catalog.prepare(statement, text, declared))? {
            Decision::Query(query) => match query.lookup(&catalog) {
                Some(lookup) => {
                    let keyed = Keyed::new(session, patience, lookup)?;
                    Work::Keyed(*query, Box::new(keyed))
                }
                None => Work::Query(*query),
            },
            Decision::Insert(insertion) => Work::Insert(insertion),
            _ => unreachable!("only queries and INSERTs are prepared"),
        };
        Ok(Planned { mark, asked: false, work })
    }

    /// Plans a prepared statement again where objects have changed.
    pub(super) fn renew(
        &self,
        session: &Session,
        patience: &mut impl Patience,
        prepared: &mut Prepared,
    ) -> Result<(), Error> {
        let Prepared { text, statement, declared, planned } = prepared;
        if planned.mark != self.mark() {
            *planned = self.planned(session, patience, (statement, text), declared)?;
        }
        Ok(())
    }

    /// Carries out a prepared statement.
    pub(super) fn run_prepared(
        &self,
        session: &Session,
        patience: &mut impl Patience,
        prepared: &mut Prepared,
        parameters: impl Parameters,
    ) -> Result<Outcome, Error> {
        patience.may_wait()?;
        self.renew(session, patience, prepared)?;
        let planned = &mut prepared.planned;
        if !planned.asked {
            self.ready(session, patience, &planned.work.reads())?;
            planned.asked = true;
        }
        let mut values = Vec::new();
        parameters.write(&mut values);
        match &mut planned.work {
            // What was made ready for lookups asks the machine for the time.
            Work::Keyed(query, keyed) if session.contact.day.still_us().is_none() => {
                let values = query.values(values)?;
                Ok(Outcome::Rows(keyed.run(patience, query, &values)?))
            }
            Work::Query(query) | Work::Keyed(query, _) => {
                let query = with(query, values)?;
                let catalog = self.catalog();
                Ok(Outcome::Rows(query_once(
                    session,
                    patience,
                    query,
                    (&catalog, &self.outside()),
                )?))
            }
            Work::Insert(insertion) => {
                let rows = with(&insertion.rows, values)?;
                let known = (&self.catalog(), &self.outside());
                let rows = query_once(session, patience, rows, known)?;
                let count = rows.len() as u64;
                let ahead = insert(session, patience, &insertion.into, rows)?;
                Ok(Outcome::Done(inserted(count, ahead)))
            }
        }
    }
}

fn with(query: &Bounded, values: Vec<Value>) -> Result<Bounded, Error> {
    let values = query.values(values)?;
    Ok(query.with_values(&values)?)
}
