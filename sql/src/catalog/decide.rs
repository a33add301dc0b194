//! What a statement asks for: decided here without effect, carried out by whoever has the rows.

use std::collections::BTreeSet;

use sqlparser::ast::{CastKind, Expr, Query};

use super::Catalog;
use super::create::Variables;
use super::expect::{Clock, Expectation, set_clock};
use super::settings;
use crate::SqlError;
use crate::bounded::Bounded;
use crate::dialect;
use crate::dialect::syntax::{
    DropProducer, Explain, Insert, InsertSource, ObjectKind, Parsed, Statement,
};
use crate::schema::{Field, Schema};
use crate::types::DataType;
use crate::value::Value;

pub use crate::dialect::window::Notice;

/// What is to be done.
#[derive(Debug)]
pub enum Decision {
    /// Nothing; the words say why.
    Nothing {
        /// What the statement was.
        tag: &'static str,
        /// Why there is nothing to do.
        notices: Vec<Notice>,
    },
    /// Put this catalog in the place of the one that decided.
    Change(Box<Change>),
    /// Run a query once.
    Query(Box<Bounded>),
    /// Show rows that are known.
    Table(Table),
    /// Push rows into a source.
    Insert(Box<Insertion>),
    /// Follow the changes of a relation.
    Follow(Box<Following>),
    /// Stop a source that reaches outside for a while, or let it go on.
    Pause {
        /// Which one.
        name: String,
        /// Whether it goes on.
        resume: bool,
    },
    /// Give up the name of a producer, and the number that it had come to.
    DropProducer {
        /// Of which source.
        source: String,
        /// Which one.
        producer: String,
        /// Whether it may be missing.
        if_exists: bool,
    },
    /// Make everything durable.
    Checkpoint,
    /// Copy all of it into a directory.
    Backup {
        /// Which.
        directory: String,
    },
    /// Have the time of day be another.
    SetClock(Clock),
    /// Show what the time of day is.
    ShowClock,
    /// Move the clock on to the time that a query gives.
    AdvanceClock(Box<Bounded>),
    /// Compare rows with those that are expected.
    Expect(Box<Expectation>),
    /// Compare a view with what its query gives when it is asked once.
    Check(Box<Expectation>),
    /// Change a setting of the session; its value, or none for the one it begins with.
    Set {
        /// Which.
        name: String,
        /// To what.
        value: Option<String>,
    },
}

/// Another catalog, and what is told of it.
#[derive(Debug)]
pub struct Change {
    /// The catalog.
    pub catalog: Catalog,
    /// What the statement was.
    pub tag: &'static str,
    /// What the user should know.
    pub notices: Vec<Notice>,
    /// What is there that was not.
    pub created: Vec<String>,
    /// What was there and is not.
    pub dropped: Vec<String>,
    /// What stood still and goes on.
    pub resumed: Vec<String>,
}

/// Rows that are known without a look at any relation.
#[derive(Clone, Debug)]
pub struct Table {
    /// The columns.
    pub schema: Schema,
    /// The rows.
    pub rows: Vec<Vec<Value>>,
}

/// Rows for a source.
#[derive(Debug)]
pub struct Insertion {
    /// The source.
    pub into: String,
    /// Gives its rows: as many columns as it has, of their types.
    pub rows: Bounded,
}

/// A subscription.
#[derive(Debug)]
pub struct Following {
    /// The relation whose changes are followed.
    pub name: String,
    /// Whether its present rows come first.
    pub with_snapshot: bool,
    /// The catalog that has it, if it comes with the subscription and goes with it.
    pub comes: Option<Catalog>,
}

impl Catalog {
    /// What a statement asks for. `text` is what it was read from; `variables` gives what stands for
    /// `${NAME}` in options.
    pub fn decide(
        &self,
        parsed: &Parsed,
        text: &str,
        variables: Variables<'_>,
    ) -> Result<Decision, SqlError> {
        let said = &text[parsed.span.clone()];
        match &parsed.statement {
            Statement::CreateSource(create) => self.create_source(create, said, variables),
            Statement::CreateQuery(create) => self.create_query(create, (said, text), variables),
            Statement::CreateTable(create) => Err(later(
                "CREATE TABLE",
                "Rows that are only added go into a source: CREATE SOURCE. The last row of each key \
                 is a view of it: SELECT key, last(value ORDER BY ts) .. GROUP BY key.",
            )
            .at(create.name.at)),
            Statement::Drop(drop) => self.drop_objects(drop),
            Statement::DropProducer(drop) => self.drop_producer(drop),
            Statement::Show(show) => self.show(show),
            Statement::Describe(name) => self.describe(name),
            Statement::Insert(insert) => self.insert(insert, text, None),
            Statement::Subscribe(subscribe) => self.subscribe(subscribe, (said, text), variables),
            Statement::Explain(explain) => self.explain(explain, text, variables),
            Statement::Set(set) if set.name == CLOCK => set_clock(set.value.as_deref(), set.at),
            Statement::Reset(Some(name)) if name == CLOCK => set_clock(None, parsed.span.start),
            Statement::ShowVariable(name) if name == CLOCK => Ok(Decision::ShowClock),
            Statement::AdvanceClock(advance) => self.advance_clock(advance, text),
            Statement::Expect(expect) => self.expect(expect, text),
            Statement::Check(name) => self.check(name),
            Statement::Set(set) => settings::set(set),
            Statement::Reset(name) => settings::reset(name.as_deref()),
            Statement::ShowVariable(name) => settings::show(name),
            Statement::Pause(target) => self.pause(target, false),
            Statement::Resume(target) => self.pause(target, true),
            Statement::Comment(comment) => self.comment(comment),
            Statement::Checkpoint => Ok(Decision::Checkpoint),
            Statement::Backup(to) => Ok(Decision::Backup { directory: to.clone() }),
            Statement::Query(query) => self.query(query, text, None),
            Statement::Begin | Statement::Commit | Statement::Rollback => {
                Err(SqlError::unsupported("transactions over several statements")
                    .hint("Each statement is applied whole or not at all."))
            }
            Statement::Prepare(_) | Statement::Execute(_) | Statement::Deallocate(_) => {
                Err(later(
                    "PREPARE, EXECUTE or DEALLOCATE inside another statement",
                    "Write the statement that is prepared in its place.",
                ))
            }
        }
    }

    /// What a query or an INSERT asks for whenever its parameters have values. `declared` are the
    /// types of the first ones; the others have those that their places ask for.
    pub fn prepare(
        &self,
        parsed: &Parsed,
        text: &str,
        declared: &[DataType],
    ) -> Result<Decision, SqlError> {
        match &parsed.statement {
            Statement::Query(query) => self.query(query, text, Some(declared)),
            Statement::Insert(insert) => self.insert(insert, text, Some(declared)),
            _ => Err(SqlError::unsupported("only queries and INSERTs can be prepared")
                .hint("Run the statement by itself.")
                .at(parsed.span.start)),
        }
    }

    /// The one row of values for parameters of these types, of which there are as many.
    pub fn arguments(
        &self,
        values: &[Expr],
        types: &[DataType],
        text: &str,
    ) -> Result<Bounded, SqlError> {
        let field = |(at, of): (usize, &DataType)| Field::nullable(format!("${}", at + 1), *of);
        let schema = Schema::new(types.iter().enumerate().map(field).collect())?;
        let targets: Vec<usize> = (0..types.len()).collect();
        let row = assigned(&[values.to_vec()], &schema, &targets);
        let found = Bounded::new(super::create::values(&row)?, self, text, None)?;
        if found.reads().next().is_some() {
            return Err(SqlError::unsupported("a query as a value of EXECUTE")
                .hint("Make it a part of the statement that is prepared."));
        }
        Ok(found)
    }

    fn query(
        &self,
        query: &Query,
        text: &str,
        declared: Option<&[DataType]>,
    ) -> Result<Decision, SqlError> {
        let query = Bounded::new(query.clone(), self, text, declared)?;
        Ok(Decision::Query(Box::new(query)))
    }

    fn insert(
        &self,
        insert: &Insert,
        text: &str,
        declared: Option<&[DataType]>,
    ) -> Result<Decision, SqlError> {
        let object = self.named(&insert.into)?;
        if object.kind() != ObjectKind::Source {
            return Err(self.kind_error(&insert.into, object.kind(), ObjectKind::Source));
        }
        let mut targets = Vec::new();
        for name in &insert.columns {
            let at = object.schema.resolve(&name.name).map_err(|error| {
                let near = dialect::nearest(&name.name, object.schema.names());
                let near = near.map(|near| format!("Did you mean \"{near}\"?"));
                let hint = near.or_else(|| error.hint.clone());
                SqlError { hint, ..error }.at(name.at)
            })?;
            if targets.contains(&at) {
                return Err(SqlError::duplicate_column(&name.name).at(name.at));
            }
            targets.push(at);
        }
        if insert.columns.is_empty() {
            targets = (0..object.schema.len()).collect();
        }
        let query = match &insert.source {
            InsertSource::Query(query) => query.as_ref().clone(),
            InsertSource::Values(rows) => {
                super::create::values(&assigned(rows, &object.schema, &targets))?
            }
            InsertSource::Defaults => {
                return Err(SqlError::unsupported("INSERT .. DEFAULT VALUES into a source")
                    .hint("A source has no defaults: give the values."));
            }
        };
        let rows = Bounded::new(query, self, text, declared)?;
        let rows = rows.assigned(&object.schema, &targets)?;
        Ok(Decision::Insert(Box::new(Insertion { into: object.name.clone(), rows })))
    }

    fn drop_producer(&self, drop: &DropProducer) -> Result<Decision, SqlError> {
        let DropProducer { producer, source, if_exists } = drop;
        let object = self.named(source)?;
        if object.kind() != ObjectKind::Source {
            return Err(self.kind_error(source, object.kind(), ObjectKind::Source));
        }
        let (source, producer) = (object.name.clone(), producer.clone());
        Ok(Decision::DropProducer { source, producer, if_exists: *if_exists })
    }

    fn explain(
        &self,
        explain: &Explain,
        text: &str,
        variables: Variables<'_>,
    ) -> Result<Decision, SqlError> {
        match explain {
            Explain::Plan(statement) => {
                let parsed = Parsed { statement: statement.as_ref().clone(), span: 0..text.len() };
                let lines = match self.decide(&parsed, text, variables)? {
                    Decision::Change(change) => self.explain_change(&change)?,
                    Decision::Query(query) => query.explain(self),
                    Decision::Insert(insert) => insert.rows.explain(self),
                    _ => return Err(SqlError::unsupported("EXPLAIN of this statement")),
                };
                Ok(Decision::Table(super::show::lines("plan", &lines)))
            }
            Explain::Name(name) => {
                let object = self.named(name)?;
                let nodes: BTreeSet<_> = object.nodes.iter().copied().collect();
                let lines = self.plan.explain_some(|id| nodes.contains(&id));
                Ok(Decision::Table(super::show::lines("plan", &lines)))
            }
            Explain::AnalyzeName(name) => self.analyze(name),
            Explain::Analyze(_) => Err(later(
                "EXPLAIN ANALYZE of a statement",
                "EXPLAIN ANALYZE name tells of a query that runs.",
            )),
            Explain::Wait(name) => self.wait(name),
        }
    }

    fn explain_change(&self, change: &Change) -> Result<String, SqlError> {
        let (_, added) = change.catalog.plan.since(&self.plan)?;
        let added: BTreeSet<_> = added.into_iter().collect();
        Ok(change.catalog.plan.explain_some(|id| added.contains(&id)))
    }

    fn comment(&self, comment: &crate::dialect::syntax::Comment) -> Result<Decision, SqlError> {
        let object = self.named(&comment.name)?;
        if comment.column.is_some() {
            return Err(later("COMMENT ON COLUMN", "Comment on the object that has the column."));
        }
        let mut object = object.clone();
        object.comment.clone_from(&comment.text);
        let mut catalog = self.clone();
        catalog.objects.insert(object.name.clone(), object.into());
        Ok(Decision::Change(Box::new(Change {
            catalog,
            tag: "COMMENT",
            notices: Vec::new(),
            created: Vec::new(),
            dropped: Vec::new(),
            resumed: Vec::new(),
        })))
    }
}

/// The setting that is a clock.
const CLOCK: &str = "clock";

/// Each value as one of the column that it is for, whatever the other rows have there.
pub(super) fn assigned(rows: &[Vec<Expr>], schema: &Schema, targets: &[usize]) -> Vec<Vec<Expr>> {
    let types: Vec<_> =
        targets.iter().map(|at| dialect::written_type(schema.field(*at).data_type)).collect();
    let cast = |(at, value): (usize, &Expr)| match types.get(at) {
        // A bare name is DEFAULT, or an error.
        Some(Some(data_type)) if !matches!(value, Expr::Identifier(_)) => Expr::Cast {
            kind: CastKind::Cast,
            expr: Box::new(value.clone()),
            data_type: data_type.clone(),
            array: false,
            format: None,
        },
        _ => value.clone(),
    };
    rows.iter().map(|row| row.iter().enumerate().map(cast).collect()).collect()
}

/// What is part of the language and cannot be run, and what to do instead.
pub(super) fn later(what: &str, instead: &str) -> SqlError {
    SqlError::unsupported(format!("{what} is not supported")).hint(instead)
}
