//! Prepared statements under names: PREPARE, EXECUTE and DEALLOCATE.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sluicedb_sql::SqlError;
use sluicedb_sql::dialect::syntax::{Execute, Name, Prepare};
use sluicedb_sql::dialect::{self, Parsed, Statement, nearest};
use sluicedb_sql::limits::PREPARED_STATEMENTS_MAX;

use super::error::Error;
use super::outcome::{Done, Outcome};
use super::prepared::Prepared;
use super::session::{Patience, Session};
use super::statement::{Language, query_once};
use super::values::values;

/// Prepared statements by name. All handles of a database have the same.
#[derive(Default)]
pub(super) struct Named {
    statements: Mutex<BTreeMap<String, Arc<Mutex<Prepared>>>>,
}

impl Named {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Mutex<Prepared>>>> {
        self.statements.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds one, or nothing yet, under a name that must be free.
    fn add(&self, name: &Name, prepared: Option<Prepared>) -> Result<(), SqlError> {
        let mut statements = self.lock();
        if statements.contains_key(&name.name) {
            let error = SqlError::duplicate_statement(&name.name).at(name.at);
            return Err(
                error.hint(format!("DEALLOCATE {} first, or take another name.", name.name))
            );
        }
        let count = statements.len() + 1;
        if count > PREPARED_STATEMENTS_MAX {
            let what = "prepared statements";
            return Err(SqlError::limit_exceeded(what, count, PREPARED_STATEMENTS_MAX)
                .hint("DEALLOCATE those that are no longer needed, or ALL."));
        }
        if let Some(prepared) = prepared {
            statements.insert(name.name.clone(), Arc::new(Mutex::new(prepared)));
        }
        Ok(())
    }

    fn unknown(&self, name: &Name) -> SqlError {
        let error = SqlError::undefined_statement(&name.name).at(name.at);
        match nearest(&name.name, self.lock().keys().map(String::as_str)) {
            Some(near) => error.hint(format!("Did you mean \"{near}\"?")),
            None => error.hint("PREPARE it first."),
        }
    }

    fn find(&self, name: &Name) -> Result<Arc<Mutex<Prepared>>, SqlError> {
        let found = self.lock().get(&name.name).cloned();
        found.ok_or_else(|| self.unknown(name))
    }

    fn remove(&self, name: &Name) -> Result<(), SqlError> {
        let found = self.lock().remove(&name.name);
        found.map(drop).ok_or_else(|| self.unknown(name))
    }
}

impl Language {
    /// Carries out a statement about prepared ones; none where it is about something else.
    pub(super) fn run_named(
        &self,
        session: &Session,
        patience: &mut impl Patience,
        (statement, text): (&Parsed, &str),
    ) -> Option<Result<Outcome, Error>> {
        Some(match &statement.statement {
            Statement::Prepare(prepare) => {
                let said = &text[..statement.span.end];
                self.prepare_named(session, patience, prepare, said).map(|()| done("PREPARE"))
            }
            Statement::Execute(execute) => self.execute_named(session, patience, execute, text),
            Statement::Deallocate(Some(name)) => {
                self.named().remove(name).map(|()| done("DEALLOCATE")).map_err(Error::Sql)
            }
            Statement::Deallocate(None) => {
                self.named().lock().clear();
                Ok(done("DEALLOCATE ALL"))
            }
            _ => return None,
        })
    }

    fn prepare_named(
        &self,
        session: &Session,
        patience: &mut impl Patience,
        prepare: &Prepare,
        said: &str,
    ) -> Result<(), Error> {
        let Prepare { name, types, statement: _, body } = prepare;
        self.named().add(name, None)?;
        let prepared = self.prepare(session, patience, &said[*body..], types);
        let prepared = prepared.map_err(|error| match error {
            Error::Sql(mut error) => {
                error.position = error.position.map(|at| at + body);
                Error::Sql(error)
            }
            other => other,
        })?;
        Ok(self.named().add(name, Some(prepared))?)
    }

    fn execute_named(
        &self,
        session: &Session,
        patience: &mut impl Patience,
        execute: &Execute,
        text: &str,
    ) -> Result<Outcome, Error> {
        let Execute { name, values: given } = execute;
        let prepared = self.named().find(name)?;
        let mut prepared = prepared.lock().unwrap_or_else(PoisonError::into_inner);
        self.renew(session, patience, &mut prepared).map_err(elsewhere)?;
        let types = prepared.parameters().to_vec();
        if given.len() != types.len() {
            let (wanted, found) = (types.len(), given.len());
            let message = format!(
                "prepared statement \"{}\" has {wanted} parameters and was given {found} values",
                name.name
            );
            let types: Vec<String> = types.iter().map(ToString::to_string).collect();
            let hint = format!("They are ({}).", types.join(", "));
            return Err(Error::Sql(SqlError::syntax(message).hint(hint).at(name.at)));
        }
        let mut row = Vec::new();
        if !given.is_empty() {
            let catalog = self.catalog();
            let query = dialect::deep(|| catalog.arguments(given, &types, text))?;
            let found = query_once(session, patience, query, (&catalog, &self.outside()))?;
            row = found.batches.iter().flat_map(values).next().expect("VALUES has one row");
        }
        self.run_prepared(session, patience, &mut prepared, row).map_err(elsewhere)
    }
}

/// The place of an error in what was prepared is none in what is carried out.
fn elsewhere(error: Error) -> Error {
    match error {
        Error::Sql(error) => Error::Sql(SqlError { position: None, ..error }),
        other => other,
    }
}

fn done(tag: &'static str) -> Outcome {
    Outcome::Done(Done { tag, rows: None, notices: Vec::new() })
}
