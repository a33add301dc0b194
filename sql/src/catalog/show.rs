//! SHOW and DESCRIBE: what the catalog says of itself.

use std::collections::BTreeSet;

use super::decide::{Decision, Table};
use super::{Catalog, Definition, Object, kind_name};
use crate::SqlError;
use crate::bounded::Bounded;
use crate::dialect;
use crate::dialect::syntax::{Name, ObjectKind, Show, ShowWhat, Statement};
use crate::schema::{Field, Schema};
use crate::types::DataType;
use crate::value::Value;

/// A table of one column of lines.
pub(super) fn lines(name: &str, text: &str) -> Table {
    let rows = text.lines().map(|line| vec![Value::text(line)]).collect();
    Table { schema: texts(&[name]), rows }
}

/// Columns of texts.
pub(super) fn texts(names: &[&str]) -> Schema {
    let fields = names.iter().map(|name| Field::nullable(*name, DataType::Text)).collect();
    Schema::new(fields).expect("the names differ")
}

impl Catalog {
    pub(super) fn show(&self, show: &Show) -> Result<Decision, SqlError> {
        let Show { what, like: pattern } = show;
        let table = match what {
            ShowWhat::Columns(name) => return self.describe(name),
            ShowWhat::Create(kind, name) => {
                let object = self.named(name)?;
                if kind.is_some_and(|kind| kind != object.kind()) {
                    return Err(self.kind_error(
                        name,
                        object.kind(),
                        kind.unwrap_or(object.kind()),
                    ));
                }
                let row = vec![Value::text(&object.name), Value::text(&object.text)];
                Table { schema: texts(&["name", "create_statement"]), rows: vec![row] }
            }
            ShowWhat::Sources => self.list(&[ObjectKind::Source]),
            ShowWhat::Streams => self.list(&[ObjectKind::Stream]),
            ShowWhat::Views => self.list(&[ObjectKind::View, ObjectKind::MaterializedView]),
            ShowWhat::MaterializedViews => self.list(&[ObjectKind::MaterializedView]),
            ShowWhat::Sinks => self.list(&[ObjectKind::Sink]),
            ShowWhat::Tables => self.list(&[ObjectKind::Table]),
            ShowWhat::Queries => {
                self.list(&[ObjectKind::Stream, ObjectKind::MaterializedView, ObjectKind::Sink])
            }
            ShowWhat::Epochs if pattern.is_some() => {
                return Err(SqlError::unsupported("epochs have no names for LIKE to choose from")
                    .hint("SELECT .. FROM sluice.epochs WHERE .. chooses some."));
            }
            ShowWhat::Epochs => return self.asked("SELECT * FROM sluice.epochs ORDER BY epoch"),
            ShowWhat::Settings => super::settings::all(),
        };
        let Some(pattern) = pattern else { return Ok(Decision::Table(table)) };
        let Table { schema, rows } = table;
        let fits = |row: &Vec<Value>| like(&row[0].to_string(), pattern);
        Ok(Decision::Table(Table { schema, rows: rows.into_iter().filter(fits).collect() }))
    }

    fn list(&self, kinds: &[ObjectKind]) -> Table {
        let text = |text: &str| Value::text(text);
        let row = |object: &Object| {
            let reads: Vec<&str> = object.reads.iter().map(String::as_str).collect();
            let comment = object.comment.as_deref().map_or(Value::Null, Value::text);
            vec![
                text(&object.name),
                text(kind_name(object.kind())),
                text(&reads.join(", ")),
                comment,
            ]
        };
        let objects = self
            .objects()
            .filter(|object| kinds.contains(&object.kind()) && !object.is_subscription());
        Table {
            schema: texts(&["name", "kind", "reads", "comment"]),
            rows: objects.map(row).collect(),
        }
    }

    /// The steps of a query that runs, and what has passed each.
    pub(super) fn analyze(&self, name: &Name) -> Result<Decision, SqlError> {
        let object = self.named(name)?;
        let steps = match object.definition {
            Definition::Source { .. } | Definition::External { .. } | Definition::View { .. } => {
                false
            }
            Definition::Stream { .. }
            | Definition::MaterializedView { .. }
            | Definition::Sink { .. }
            | Definition::Subscription { .. }
            | Definition::Late { .. } => true,
        };
        if !steps {
            let kind = kind_name(object.kind());
            let message = format!("\"{}\" is a {kind}, which has no steps of its own", name.name);
            return Err(SqlError::wrong_kind(message)
                .hint("Name a stream, a materialized view or a sink.")
                .at(name.at));
        }
        let name = object.name.replace('\'', "''");
        let text = format!(
            "SELECT operator, kind, stage, rows_in, rows_out, late, dead, withheld, state_bytes, watermark, lag \
             FROM sluice.operators WHERE relation = '{name}' ORDER BY stage, operator"
        );
        self.asked(&text)
    }

    /// `EXPLAIN WAIT name`: how far each source has come whose event time it waits for, and which of them
    /// holds it back.
    pub(super) fn wait(&self, name: &Name) -> Result<Decision, SqlError> {
        let object = self.named(name)?;
        let (mut sources, mut left) = (BTreeSet::new(), vec![object]);
        while let Some(object) = left.pop() {
            left.extend(object.reads.iter().filter_map(|read| self.object(read)));
            let timed = object.node().is_some_and(|node| !self.plan.node(node).times.is_empty());
            if timed && matches!(object.definition, Definition::Source { .. }) {
                sources.insert(format!("'{}'", object.name.replace('\'', "''")));
            }
        }
        if sources.is_empty() {
            let message =
                format!("\"{}\" waits for nothing: no source of it has event time", name.name);
            let hint = "Its rows change as others come. CREATE SOURCE .. WITH (watermark = 'ts') declares \
                        event time.";
            return Err(SqlError::wrong_kind(message).hint(hint).at(name.at));
        }
        let sources: Vec<String> = sources.into_iter().collect();
        let text = format!(
            "SELECT source, watermark, state, CASE \
             WHEN state = 'paused' THEN 'it is paused: RESUME SOURCE lets it go on' \
             WHEN watermark IS NULL THEN 'it has no row with an event time yet' \
             WHEN unknown = 0 AND watermark = least \
             THEN 'windows close as far as it has come: it needs later rows, or idle_advance' \
             ELSE 'it waits for the others' END AS why FROM (\
             SELECT name AS source, watermark, state, min(watermark) OVER () AS least, \
             count(*) FILTER (WHERE watermark IS NULL) OVER () AS unknown \
             FROM sluice.sources WHERE name IN ({})) AS of ORDER BY watermark NULLS FIRST, source",
            sources.join(", ")
        );
        self.asked(&text)
    }

    /// A query of our own.
    fn asked(&self, text: &str) -> Result<Decision, SqlError> {
        let parsed = dialect::parse(text)?;
        let Some(Statement::Query(query)) = parsed.into_iter().next().map(|one| one.statement)
        else {
            unreachable!("the text is a query")
        };
        Ok(Decision::Query(Box::new(Bounded::new(*query, self, text, None)?)))
    }

    pub(super) fn describe(&self, name: &Name) -> Result<Decision, SqlError> {
        let full = match &name.schema {
            Some(schema) => format!("{schema}.{}", name.name),
            None => name.name.clone(),
        };
        if let Some(table) = super::system::system_table(&full) {
            return Ok(Decision::Table(columns(&table.schema(), |_| Value::text(""))));
        }
        let object = self.named(name)?;
        let times = object.node().map(|node| &self.plan.node(node).times);
        let note = |column: usize| {
            let mut notes = Vec::new();
            if let Definition::MaterializedView { key, .. } = &object.definition
                && key.contains(&column)
            {
                notes.push("key");
            }
            if times.is_some_and(|times| times.iter().any(|time| time.column == column)) {
                notes.push("event time");
            }
            Value::text(&notes.join(", "))
        };
        Ok(Decision::Table(columns(&object.schema, note)))
    }
}

fn columns(of: &Schema, note: impl Fn(usize) -> Value) -> Table {
    let row = |(at, field): (usize, &Field)| {
        let nullable = if field.nullable { "yes" } else { "no" };
        let data_type = field.data_type.to_string();
        vec![Value::text(&field.name), Value::text(&data_type), Value::text(nullable), note(at)]
    };
    let rows = of.fields().iter().enumerate().map(row).collect();
    Table { schema: texts(&["column", "type", "nullable", "note"]), rows }
}

/// LIKE over names: `%` stands for any letters, `_` for one.
fn like(text: &str, pattern: &str) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => text.is_empty(),
        Some('%') => {
            let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            ends.into_iter().any(|at| like(&text[at..], rest.as_str()))
        }
        Some(letter) => {
            let mut text = text.chars();
            let first = text.next();
            first.is_some_and(|found| letter == '_' || letter == found)
                && like(text.as_str(), rest.as_str())
        }
    }
}
