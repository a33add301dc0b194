//! What statements read from outside without having created it: files in FROM, and the columns that
//! a connector knows by itself.

use std::collections::BTreeSet;

use sqlparser::ast::Query;

use super::{Catalog, Definition, Object};
use crate::SqlError;
use crate::dialect::external;
use crate::dialect::options::{Options, Reader};
use crate::dialect::syntax::{
    Column, Connector, Explain, Insert, InsertSource, Parsed, QueryKind, Statement, Subscribe,
    SubscribeTo,
};
use crate::plan::Builder;
use crate::schema::{Field, Schema};

/// Asks a connector for its columns.
pub type Columns<'a> = &'a mut (dyn FnMut(&Connector) -> Result<Schema, SqlError> + Send);

/// A statement that reaches outside, put so that a catalog can decide it.
#[derive(Debug)]
pub struct Reached {
    /// The statement, with names in the place of files.
    pub statement: Parsed,
    /// The catalog, with what these names stand for.
    pub catalog: Catalog,
    /// The names.
    pub names: Vec<String>,
}

impl Catalog {
    /// Looks at what a statement, which was read from `text`, reads from outside; nothing, if it is
    /// about what was created only. A query that runs on has a source of its own for each file.
    pub fn reach(
        &self,
        parsed: &Parsed,
        text: &str,
        columns: Columns<'_>,
    ) -> Result<Option<Reached>, SqlError> {
        let mut statement = parsed.statement.clone();
        let mut catalog = self.clone();
        let mut names = Vec::new();
        let filled = reach(&mut statement, text, columns, &mut catalog, &mut names)?;
        if !filled && names.is_empty() {
            return Ok(None);
        }
        let statement = Parsed { statement, span: parsed.span.clone() };
        Ok(Some(Reached { statement, catalog, names }))
    }

    /// A file as a relation of a query that runs once.
    fn add_file(&mut self, name: &str, connector: Connector, schema: Schema) {
        let definition = Definition::External { connector, node: None };
        self.add_external(name, schema, definition, Vec::new());
    }

    /// A file as a source of a query that runs on.
    fn add_file_source(
        &mut self,
        name: &str,
        mut connector: Connector,
        schema: Schema,
    ) -> Result<(), SqlError> {
        let at = connector.at;
        let (time, delay_us) = event_time(&mut connector)?;
        let schema = match &time {
            // Event time is never NULL: a row without it could be in no window.
            Some(time) => Schema::new(not_null(&schema, time))?,
            None => schema,
        };
        let mut builder = Builder::over(&self.plan);
        let time = time.as_deref().map(|column| (column, delay_us));
        let node = builder.source(name, schema.clone(), time).map_err(|error| error.at(at))?;
        self.plan = builder.finish()?;
        let definition = Definition::External { connector, node: Some(node) };
        self.add_external(name, schema, definition, vec![node]);
        Ok(())
    }

    fn add_external(
        &mut self,
        name: &str,
        schema: Schema,
        definition: Definition,
        nodes: Vec<crate::plan::NodeId>,
    ) {
        let object = Object {
            name: name.to_owned(),
            schema,
            text: String::new(),
            comment: None,
            definition,
            reads: BTreeSet::new(),
            nodes,
            paused: false,
        };
        self.objects.insert(object.name.clone(), object.into());
    }

    /// A name like this one that no object has.
    fn free_name(&self, label: &str) -> String {
        let mut name = label.to_owned();
        let mut count = 1;
        while self.objects.contains_key(&name) {
            count += 1;
            name = format!("{label} ({count})");
        }
        name
    }
}

/// Goes through a statement; whether it has filled something in.
fn reach(
    statement: &mut Statement,
    text: &str,
    columns: Columns<'_>,
    catalog: &mut Catalog,
    names: &mut Vec<String>,
) -> Result<bool, SqlError> {
    let (query, runs_on) = match statement {
        Statement::Query(query) => (query, false),
        Statement::Insert(Insert { source: InsertSource::Query(query), .. }) => (query, false),
        Statement::CreateQuery(create) => {
            if matches!(create.kind, QueryKind::View) {
                let hint = "Use CREATE MATERIALIZED VIEW, or read a source of the file.";
                refuse(&create.query.query, text, "a plain view", hint)?;
                return Ok(false);
            }
            (&mut create.query.query, true)
        }
        Statement::Subscribe(Subscribe { target: SubscribeTo::Query(query), .. }) => {
            let hint = "CREATE STREAM s AS the query, and SUBSCRIBE TO s.";
            refuse(&query.query, text, "a query that is subscribed to", hint)?;
            return Ok(false);
        }
        Statement::Explain(Explain::Plan(inner)) => {
            return reach(inner, text, columns, catalog, names);
        }
        Statement::CreateSource(create) if create.columns.is_empty() => {
            let Some(connector) = &create.connector else { return Ok(false) };
            create.columns = columns_of(&columns(connector)?, connector.at);
            return Ok(true);
        }
        _ => return Ok(false),
    };
    let mut given: Vec<(String, String)> = Vec::new();
    external::take(query, text, &mut |label, connector| {
        if let Some((_, name)) = given.iter().find(|(known, _)| known == label) {
            return Ok(name.clone());
        }
        let name = catalog.free_name(label);
        if runs_on {
            let mut asked = connector.clone();
            event_time(&mut asked)?;
            let schema = columns(&asked)?;
            catalog.add_file_source(&name, connector, schema)?;
        } else {
            let schema = columns(&connector)?;
            catalog.add_file(&name, connector, schema);
        }
        given.push((label.to_owned(), name.clone()));
        names.push(name.clone());
        Ok(name)
    })?;
    Ok(false)
}

/// Refuses files in a query whose sources would have nobody to go with.
fn refuse(query: &Query, text: &str, what: &str, hint: &str) -> Result<(), SqlError> {
    external::take(&mut query.clone(), text, &mut |_, connector| {
        let error = SqlError::unsupported(format!("a file in {what}"));
        Err(error.hint(hint).at(connector.at))
    })
}

/// Takes the options out that are about event time, which the connector knows nothing of.
fn event_time(connector: &mut Connector) -> Result<(Option<String>, i64), SqlError> {
    let known = |key: &str| matches!(key, "watermark" | "allowed_lateness");
    let entries = std::mem::take(&mut connector.options.entries);
    let (of_time, rest) = entries.into_iter().partition(|entry| known(&entry.key));
    connector.options.entries = rest;
    let of_time = Options { entries: of_time };
    let mut reader = Reader::new(&of_time, "FILE", &|_| None);
    let column = reader.text("watermark")?;
    let delay_us = reader.duration_us("allowed_lateness")?;
    if column.is_none() && delay_us.is_some() {
        let error = SqlError::invalid_parameter("allowed_lateness without a watermark");
        return Err(error.hint("Add watermark = 'ts', the column of event time.").at(connector.at));
    }
    Ok((column, delay_us.unwrap_or(0)))
}

fn not_null(schema: &Schema, column: &str) -> Vec<Field> {
    let fields = schema.fields().iter().cloned();
    fields
        .map(|field| Field { nullable: field.nullable && field.name != column, ..field })
        .collect()
}

fn columns_of(schema: &Schema, at: usize) -> Vec<Column> {
    let column = |field: &Field| Column {
        name: field.name.clone(),
        data_type: field.data_type,
        nullable: field.nullable,
        default: None,
        at,
    };
    schema.fields().iter().map(column).collect()
}
