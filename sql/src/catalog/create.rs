//! CREATE: a statement to nodes of the plan and a name.

use std::collections::BTreeSet;

use sqlparser::ast::{Expr, Query, SetExpr, Values};

use super::decide::{Change, Decision, Notice, later};
use super::event_time::event_time;
use super::{Catalog, Definition, Object, names, unbounded};
use crate::SqlError;
use crate::dialect::options::{Amount, Reader};
use crate::dialect::syntax::{
    ContinuousQuery, CreateQuery, CreateSource, Emit as Written, Name, ObjectKind, QueryKind,
};
use crate::dialect::window;
use crate::front::{self, Lowered, Lowering, Wishes};
use crate::plan::{Builder, Emit, NodeId, Retain};
use crate::schema::{Field, Schema};

/// `${NAME}` to what stands for it.
pub type Variables<'a> = &'a (dyn Fn(&str) -> Option<String> + Sync);

/// What is to be done about the name of a CREATE.
enum Place {
    /// It is free in this catalog.
    Free { catalog: Catalog, dropped: Vec<String> },
    /// It is taken, and that is fine.
    Taken(Notice),
}

impl Catalog {
    /// Makes room for an object.
    fn place(
        &self,
        name: &Name,
        kind: ObjectKind,
        or_replace: bool,
        if_not_exists: bool,
    ) -> Result<Place, SqlError> {
        self.refuse_schema(name)?;
        crate::schema::check_name("relation", &name.name).map_err(|error| error.at(name.at))?;
        let Some(found) = self.object(&name.name) else {
            return Ok(Place::Free { catalog: self.clone(), dropped: Vec::new() });
        };
        if if_not_exists && found.kind() == kind {
            let message = format!("\"{}\" is there already", name.name);
            return Ok(Place::Taken(Notice { message, hint: None }));
        }
        if !or_replace {
            return Err(SqlError::duplicate_relation(&name.name)
                .hint("CREATE OR REPLACE puts the new one in its place.")
                .at(name.at));
        }
        if found.kind() != kind {
            return Err(self.kind_error(name, found.kind(), kind));
        }
        let (catalog, dropped) = self.without(std::slice::from_ref(&found.name), false)?;
        Ok(Place::Free { catalog, dropped })
    }

    pub(super) fn create_source(
        &self,
        create: &CreateSource,
        text: &str,
        variables: Variables<'_>,
    ) -> Result<Decision, SqlError> {
        let CreateSource { name, if_not_exists, or_replace, columns: _, .. } = create;
        let CreateSource { primary_key, watermark, options: _, connector, .. } = create;
        let tag = "CREATE SOURCE";
        let place = self.place(name, ObjectKind::Source, *or_replace, *if_not_exists)?;
        let (mut catalog, dropped) = match place {
            Place::Free { catalog, dropped } => (catalog, dropped),
            Place::Taken(notice) => return Ok(Decision::Nothing { tag, notices: vec![notice] }),
        };
        if !primary_key.is_empty() {
            return Err(later(
                "PRIMARY KEY of a source",
                "A source only adds rows: leave the key out, and have a view take the last row of \
                 each key.",
            )
            .at(name.at));
        }
        let mut fields = fields(create)?;
        let mut reader = Reader::new(&create.options, "a source", variables);
        let retain = retain(&mut reader)?;
        let time = event_time(create, &fields, reader)?;
        // Event time is never NULL: a row without it could be in no window.
        if let Some(time) = &time
            && let Some(field) = fields.iter_mut().find(|field| field.name == time.column)
        {
            field.nullable = false;
        }
        let schema = Schema::new(fields).map_err(|error| error.at(name.at))?;
        let mut builder = Builder::over(&catalog.plan);
        let time = time.as_ref().map(|time| time.map(String::as_str));
        let node = builder.source_with(&name.name, schema.clone(), time);
        let node = node.map_err(|error| match watermark {
            Some(watermark) => error.at(watermark.at),
            None => error.at(name.at),
        })?;
        if let Some(retain) = retain {
            builder.retain(node, retain).map_err(|error| error.at(name.at))?;
        }
        catalog.plan = builder.finish()?;
        let definition = Definition::Source { node, connector: connector.clone() };
        let object = Object {
            name: name.name.clone(),
            schema,
            text: text.to_owned(),
            comment: None,
            definition,
            reads: BTreeSet::new(),
            nodes: vec![node],
            paused: false,
        };
        let created = vec![object.name.clone()];
        catalog.objects.insert(object.name.clone(), object.into());
        let change =
            Change { catalog, tag, notices: Vec::new(), created, dropped, resumed: Vec::new() };
        Ok(Decision::Change(Box::new(change)))
    }

    pub(super) fn create_query(
        &self,
        create: &CreateQuery,
        (text, whole): (&str, &str),
        variables: Variables<'_>,
    ) -> Result<Decision, SqlError> {
        let CreateQuery { kind, name, columns, or_replace, if_not_exists, options, query } = create;
        let tag = match kind {
            QueryKind::Stream => "CREATE STREAM",
            QueryKind::View => "CREATE VIEW",
            QueryKind::MaterializedView => "CREATE MATERIALIZED VIEW",
            QueryKind::Sink(_) => "CREATE SINK",
        };
        let place = self.place(name, kind.object(), *or_replace, *if_not_exists)?;
        let (mut catalog, dropped) = match place {
            Place::Free { catalog, dropped } => (catalog, dropped),
            Place::Taken(notice) => return Ok(Decision::Nothing { tag, notices: vec![notice] }),
        };
        let mut reader = Reader::new(options, "a continuous query", variables);
        let allowed_lateness_us = reader.duration_us("allowed_lateness")?.unwrap_or(0);
        reader.finish()?;
        let mut created = vec![name.name.clone()];
        let notices = if let QueryKind::View = kind {
            catalog.add_view(name, columns, query, (text, whole))?
        } else {
            let made = catalog.add_query(create, (text, whole), allowed_lateness_us)?;
            created.extend(query.late_to.as_ref().map(|late| late.name.clone()));
            made
        };
        let change = Change { catalog, tag, notices, created, dropped, resumed: Vec::new() };
        Ok(Decision::Change(Box::new(change)))
    }

    /// A query under a name: checked, and put in where it is read.
    fn add_view(
        &mut self,
        name: &Name,
        columns: &[String],
        query: &ContinuousQuery,
        (text, whole): (&str, &str),
    ) -> Result<Vec<Notice>, SqlError> {
        let ContinuousQuery { query, emit, late_to } = query;
        if emit.is_some() || late_to.is_some() || !columns.is_empty() {
            return Err(SqlError::unsupported(
                "EMIT, LATE DATA TO and column names of a plain view",
            )
            .hint("Use CREATE MATERIALIZED VIEW.")
            .at(name.at));
        }
        let mut query = query.clone();
        names::give(&mut query);
        let bound = front::bind(&query, self, Some(whole))?;
        let object = Object {
            name: name.name.clone(),
            schema: front::schema(&bound)?,
            text: text.to_owned(),
            comment: None,
            reads: front::reads(&bound),
            definition: Definition::View { query },
            nodes: Vec::new(),
            paused: false,
        };
        self.objects.insert(object.name.clone(), object.into());
        Ok(Vec::new())
    }

    /// A query that runs.
    fn add_query(
        &mut self,
        create: &CreateQuery,
        (text, whole): (&str, &str),
        allowed_lateness_us: i64,
    ) -> Result<Vec<Notice>, SqlError> {
        let CreateQuery { kind, name, columns, query, .. } = create;
        let ContinuousQuery { query, emit, late_to } = query;
        let mut query = query.clone();
        let mut notices = window::rewrite(&mut query, whole)?;
        names::give(&mut query);
        let planned = front::optimise(front::bind(&query, self, Some(whole))?)?;
        let reads = self.readable(front::reads(&planned))?;
        if let Some(late) = late_to {
            let free = Place::Free { catalog: Catalog::new(), dropped: Vec::new() };
            let _: Place = if late.name == name.name {
                free
            } else {
                self.place(late, ObjectKind::Stream, false, false)?
            };
        }
        let before = self.plan.clone();
        let mut builder = Builder::over(&before);
        let emit = self.emit(kind, *emit, &planned, &reads);
        let wishes = Wishes {
            emit,
            allowed_lateness_us,
            late_to: late_to.as_ref().map(|late| late.name.clone()),
        };
        let of = |wanted: &str| self.object(wanted).and_then(Object::node);
        let Lowered { node, key, late, notices: more } =
            Lowering::new(&mut builder, &of, wishes.clone()).query(&planned, columns).map_err(
                |error| {
                    front::placed(error, &query, whole, &|query| {
                        let planned = front::optimise(front::bind(query, self, None)?)?;
                        let mut builder = Builder::over(&before);
                        Lowering::new(&mut builder, &of, wishes.clone()).query(&planned, &[])
                    })
                },
            )?;
        notices.extend(more);
        let schema = builder.node(node)?.schema.clone();
        let definition = keep(&mut builder, kind, &name.name, node, key)?;
        self.plan = builder.finish()?;
        let (_, nodes) = self.plan.since(&before)?;
        notices.extend(unbounded::notices(&self.plan, &nodes, &name.name));
        let object = Object {
            name: name.name.clone(),
            schema,
            text: text.to_owned(),
            comment: None,
            definition,
            reads,
            nodes,
            paused: false,
        };
        self.objects.insert(object.name.clone(), object.into());
        if let (Some(node), Some(late)) = (late, late_to) {
            self.add_late(late, node, &name.name, text);
        }
        Ok(notices)
    }

    fn add_late(&mut self, late: &Name, node: NodeId, of: &str, text: &str) {
        let object = Object {
            name: late.name.clone(),
            schema: self.plan.node(node).schema.clone(),
            text: text.to_owned(),
            comment: None,
            definition: Definition::Late { node, of: of.to_owned() },
            reads: BTreeSet::from([of.to_owned()]),
            nodes: Vec::new(),
            paused: false,
        };
        self.objects.insert(object.name.clone(), object.into());
    }

    /// What a continuous query reads, if it can.
    fn readable(&self, reads: BTreeSet<String>) -> Result<BTreeSet<String>, SqlError> {
        let system = reads.iter().find(|name| self.object(name).is_none());
        match system {
            Some(name) => Err(SqlError::unsupported(format!(
                "\"{name}\" in a continuous query: it has no changes to follow"
            ))
            .hint("Select from it when you want to know.")),
            None => Ok(reads),
        }
    }

    /// When windows put out rows: as the query says, or as its kind suggests.
    fn emit(
        &self,
        kind: &QueryKind,
        written: Option<Written>,
        planned: &front::LogicalPlan,
        reads: &BTreeSet<String>,
    ) -> Emit {
        match written {
            Some(Written::OnWindowClose | Written::Final) => Emit::OnClose,
            Some(Written::Changes) => Emit::Changes,
            None if matches!(kind, QueryKind::MaterializedView) => Emit::Changes,
            None => {
                let node = |name: &String| self.object(name).and_then(Object::node);
                let mut nodes = reads.iter().filter_map(node);
                let timed = nodes.all(|node| !self.plan.node(node).times.is_empty());
                let closes = timed && front::has_window(planned);
                if closes { Emit::OnClose } else { Emit::Changes }
            }
        }
    }
}

/// The columns that are declared.
fn fields(create: &CreateSource) -> Result<Vec<Field>, SqlError> {
    let mut fields = Vec::with_capacity(create.columns.len());
    for column in &create.columns {
        if column.default.is_some() {
            return Err(later(
                "DEFAULT of a source's column",
                "Leave it out, and write coalesce(column, value) in the queries.",
            )
            .at(column.at));
        }
        let (name, data_type) = (column.name.clone(), column.data_type);
        fields.push(Field { name, data_type, nullable: column.nullable });
    }
    if fields.is_empty() {
        return Err(SqlError::syntax(format!("source \"{}\" has no columns", create.name.name))
            .hint("List them: CREATE SOURCE s (ts TIMESTAMP, ..).")
            .at(create.name.at));
    }
    Ok(fields)
}

/// How many of its rows a source keeps; none where it is told to.
fn retain(reader: &mut Reader<'_>) -> Result<Option<Retain>, SqlError> {
    Ok(match reader.amount("retain")? {
        None => Some(Retain::DEFAULT),
        Some(Amount::Count(0) | Amount::Bytes(0) | Amount::Duration(0)) => None,
        Some(Amount::Count(rows)) => Some(Retain::rows(rows)),
        Some(Amount::Bytes(bytes)) => Some(Retain::bytes(bytes)),
        Some(Amount::Duration(age_us)) => Some(Retain::age_us(age_us)),
    })
}

/// The node that keeps or publishes the result.
fn keep(
    builder: &mut Builder,
    kind: &QueryKind,
    name: &str,
    node: NodeId,
    key: Vec<usize>,
) -> Result<Definition, SqlError> {
    Ok(match kind {
        QueryKind::MaterializedView => {
            let schema = builder.node(node)?.schema.clone();
            let names: Vec<&str> = key.iter().map(|at| schema.field(*at).name.as_str()).collect();
            Definition::MaterializedView { node: builder.view(node, name, &names)?, key }
        }
        QueryKind::Stream => Definition::Stream { node: builder.stream(node, name)? },
        QueryKind::Sink(connector) => {
            Definition::Sink { node: builder.stream(node, name)?, connector: connector.clone() }
        }
        QueryKind::View => unreachable!("a plain view has no node"),
    })
}

/// VALUES as a query.
pub(super) fn values(rows: &[Vec<Expr>]) -> Result<Query, SqlError> {
    let default = |expr: &Expr| matches!(expr, Expr::Identifier(name) if name.quote_style.is_none() && name.value == "default");
    if rows.iter().flatten().any(default) {
        return Err(SqlError::unsupported("DEFAULT in VALUES").hint("Give the value."));
    }
    let rows =
        rows.iter().map(|row| sqlparser::ast::Parens::with_empty_span(row.clone())).collect();
    Ok(names::query(SetExpr::Values(Values { explicit_row: false, value_keyword: false, rows })))
}
