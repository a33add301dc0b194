//! Statements printed back as SQL, in one form whatever form they were read in.

use std::fmt::{self, Display, Formatter, Write};

use sqlparser::ast::Expr;
use sqlparser::keywords::{ALL_KEYWORDS, ALL_KEYWORDS_INDEX, RESERVED_FOR_IDENTIFIER};

use super::options::{OptionEntry, OptionValue, Options};
use super::session::kind_name;
use super::syntax::{
    AdvanceClock, Column, Comment, Connector, ContinuousQuery, CreateQuery, CreateSource,
    CreateTable, Drop, DropProducer, Emit, Execute, Expect, ExpectFrom, Explain, Insert,
    InsertSource, Name, ObjectKind, Prepare, QueryKind, Set, Show, ShowWhat, Statement, Subscribe,
    SubscribeTo, Target, Watermark,
};
use crate::dialect::interval::Interval;

/// A name as it is written: in quotes where it would not be read as itself.
pub(super) struct Quoted<'a>(pub &'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut letters = self.0.chars();
        let plain = letters.next().is_some_and(|c| c.is_ascii_lowercase() || c == '_')
            && letters.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
            && !is_reserved(self.0);
        if plain { f.write_str(self.0) } else { write!(f, "\"{}\"", self.0.replace('"', "\"\"")) }
    }
}

fn is_reserved(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    let keyword = ALL_KEYWORDS.binary_search(&upper.as_str()).map(|at| ALL_KEYWORDS_INDEX[at]);
    let ours = ["SELECT", "FROM", "WHERE", "GROUP", "ORDER", "WITH", "TABLE", "AS", "ON", "IN"];
    keyword.is_ok_and(|keyword| RESERVED_FOR_IDENTIFIER.contains(&keyword))
        || ours.contains(&upper.as_str())
}

struct Text<'a>(&'a str);

impl Display for Text<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "'{}'", self.0.replace('\'', "''"))
    }
}

/// Items with `, ` between them.
fn list<T>(
    f: &mut Formatter<'_>,
    items: impl IntoIterator<Item = T>,
    mut item: impl FnMut(&mut Formatter<'_>, T) -> fmt::Result,
) -> fmt::Result {
    for (index, each) in items.into_iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        item(f, each)?;
    }
    Ok(())
}

impl Display for Name {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(schema) = &self.schema {
            write!(f, "{}.", Quoted(schema))?;
        }
        write!(f, "{}", Quoted(&self.name))
    }
}

impl Display for ObjectKind {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(&kind_name(*self).to_uppercase())
    }
}

impl Display for OptionEntry {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, part) in self.key.split('.').enumerate() {
            if index > 0 {
                f.write_char('.')?;
            }
            write!(f, "{}", Quoted(part))?;
        }
        match &self.value {
            OptionValue::Text(text) => write!(f, " = {}", Text(text)),
            OptionValue::Number(digits) => write!(f, " = {digits}"),
            OptionValue::Boolean(value) => write!(f, " = {value}"),
            OptionValue::Interval(interval) => write!(f, " = INTERVAL '{interval}'"),
            OptionValue::Word(word) => write!(f, " = {}", Quoted(word)),
        }
    }
}

impl Display for Options {
    /// With its parentheses.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_char('(')?;
        list(f, &self.entries, |f, entry| write!(f, "{entry}"))?;
        f.write_char(')')
    }
}

fn with(f: &mut Formatter<'_>, options: &Options) -> fmt::Result {
    if options.is_empty() { Ok(()) } else { write!(f, " WITH {options}") }
}

impl Display for Connector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind.name())?;
        if self.options.is_empty() { Ok(()) } else { write!(f, " {}", self.options) }
    }
}

impl Display for Emit {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Emit::OnWindowClose => "EMIT ON WINDOW CLOSE",
            Emit::Final => "EMIT FINAL",
            Emit::Changes => "EMIT CHANGES",
        })
    }
}

impl Display for ContinuousQuery {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.query)?;
        if let Some(emit) = self.emit {
            write!(f, " {emit}")?;
        }
        match &self.late_to {
            Some(name) => write!(f, " LATE DATA TO {name}"),
            None => Ok(()),
        }
    }
}

impl Display for Column {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", Quoted(&self.name), self.data_type)?;
        if !self.nullable {
            f.write_str(" NOT NULL")?;
        }
        match &self.default {
            Some(default) => write!(f, " DEFAULT {default}"),
            None => Ok(()),
        }
    }
}

impl Display for Watermark {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let column = Quoted(&self.column);
        write!(f, "WATERMARK FOR {column}")?;
        match self.delay_us {
            None => Ok(()),
            Some(0) => write!(f, " AS {column}"),
            Some(micros) => {
                let delay = Interval { months: 0, days: 0, micros };
                write!(f, " AS {column} - INTERVAL '{delay}'")
            }
        }
    }
}

fn head(f: &mut Formatter<'_>, or_replace: bool, what: &str, if_not_exists: bool) -> fmt::Result {
    let replace = if or_replace { "OR REPLACE " } else { "" };
    let exists = if if_not_exists { "IF NOT EXISTS " } else { "" };
    write!(f, "CREATE {replace}{what} {exists}")
}

fn columns(
    f: &mut Formatter<'_>,
    columns: &[Column],
    watermark: Option<&Watermark>,
    key: &[String],
) -> fmt::Result {
    if columns.is_empty() && watermark.is_none() && key.is_empty() {
        return Ok(());
    }
    let columns = columns.iter().map(|column| column.to_string());
    let watermark = watermark.map(|watermark| watermark.to_string());
    let names: Vec<String> = key.iter().map(|name| Quoted(name).to_string()).collect();
    let key = (!key.is_empty()).then(|| format!("PRIMARY KEY ({})", names.join(", ")));
    f.write_str(" (")?;
    list(f, columns.chain(watermark).chain(key), |f, item| f.write_str(&item))?;
    f.write_char(')')
}

impl Display for CreateSource {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        head(f, self.or_replace, "SOURCE", self.if_not_exists)?;
        write!(f, "{}", self.name)?;
        columns(f, &self.columns, self.watermark.as_ref(), &self.primary_key)?;
        with(f, &self.options)?;
        match &self.connector {
            Some(connector) => write!(f, " FROM {connector}"),
            None => Ok(()),
        }
    }
}

impl Display for CreateTable {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        head(f, self.or_replace, "TABLE", self.if_not_exists)?;
        write!(f, "{}", self.name)?;
        columns(f, &self.columns, None, &self.primary_key)?;
        with(f, &self.options)?;
        if let Some(connector) = &self.connector {
            write!(f, " FROM {connector}")?;
        }
        match &self.query {
            Some(query) => write!(f, " AS {query}"),
            None => Ok(()),
        }
    }
}

impl Display for CreateQuery {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        head(f, self.or_replace, &self.kind.object().to_string(), self.if_not_exists)?;
        write!(f, "{}", self.name)?;
        if !self.columns.is_empty() {
            f.write_str(" (")?;
            list(f, &self.columns, |f, name| write!(f, "{}", Quoted(name)))?;
            f.write_char(')')?;
        }
        if let QueryKind::Sink(connector) = &self.kind {
            write!(f, " INTO {connector}")?;
        }
        with(f, &self.options)?;
        write!(f, " AS {}", self.query)
    }
}

impl Display for Drop {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let exists = if self.if_exists { "IF EXISTS " } else { "" };
        write!(f, "DROP {} {exists}", self.kind)?;
        list(f, &self.names, |f, name| write!(f, "{name}"))?;
        f.write_str(if self.cascade { " CASCADE" } else { "" })
    }
}

impl Display for DropProducer {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let exists = if self.if_exists { "IF EXISTS " } else { "" };
        write!(f, "DROP PRODUCER {exists}{} ON {}", Text(&self.producer), self.source)
    }
}

impl Display for Show {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("SHOW ")?;
        match &self.what {
            ShowWhat::Sources => f.write_str("SOURCES"),
            ShowWhat::Streams => f.write_str("STREAMS"),
            ShowWhat::Views => f.write_str("VIEWS"),
            ShowWhat::MaterializedViews => f.write_str("MATERIALIZED VIEWS"),
            ShowWhat::Sinks => f.write_str("SINKS"),
            ShowWhat::Tables => f.write_str("TABLES"),
            ShowWhat::Queries => f.write_str("QUERIES"),
            ShowWhat::Epochs => f.write_str("EPOCHS"),
            ShowWhat::Settings => f.write_str("ALL"),
            ShowWhat::Columns(name) => write!(f, "COLUMNS FROM {name}"),
            ShowWhat::Create(Some(kind), name) => write!(f, "CREATE {kind} {name}"),
            ShowWhat::Create(None, name) => write!(f, "CREATE {name}"),
        }?;
        match &self.like {
            Some(like) => write!(f, " LIKE {}", Text(like)),
            None => Ok(()),
        }
    }
}

fn values(f: &mut Formatter<'_>, row: &[Expr]) -> fmt::Result {
    f.write_char('(')?;
    list(f, row, |f, value| write!(f, "{value}"))?;
    f.write_char(')')
}

impl Display for Insert {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "INSERT INTO {}", self.into)?;
        if !self.columns.is_empty() {
            f.write_str(" (")?;
            list(f, &self.columns, |f, name| write!(f, "{}", Quoted(&name.name)))?;
            f.write_char(')')?;
        }
        match &self.source {
            InsertSource::Values(rows) => {
                f.write_str(" VALUES ")?;
                list(f, rows, |f, row| values(f, row))
            }
            InsertSource::Query(query) => write!(f, " {query}"),
            InsertSource::Defaults => f.write_str(" DEFAULT VALUES"),
        }
    }
}

impl Display for Subscribe {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.target {
            SubscribeTo::Name(name) => write!(f, "SUBSCRIBE TO {name}"),
            SubscribeTo::Query(query) => write!(f, "SUBSCRIBE TO {query}"),
        }?;
        f.write_str(if self.with_snapshot { " WITH SNAPSHOT" } else { "" })?;
        match &self.after {
            Some(token) => write!(f, " AFTER {}", Text(token)),
            None => Ok(()),
        }
    }
}

impl Display for Explain {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Explain::Plan(statement) => write!(f, "EXPLAIN {statement}"),
            Explain::Analyze(statement) => write!(f, "EXPLAIN ANALYZE {statement}"),
            Explain::AnalyzeName(name) => write!(f, "EXPLAIN ANALYZE {name}"),
            Explain::Wait(name) => write!(f, "EXPLAIN WAIT {name}"),
            Explain::Name(name) => write!(f, "EXPLAIN {name}"),
        }
    }
}

impl Display for Set {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "SET {} = {}", self.name, Text(value)),
            None => write!(f, "SET {} = DEFAULT", self.name),
        }
    }
}

impl Display for Target {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.kind {
            Some(kind) => write!(f, "{kind} {}", self.name),
            None => write!(f, "{}", self.name),
        }
    }
}

impl Display for Comment {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.column {
            Some(column) => write!(f, "COMMENT ON COLUMN {}.{}", self.name, Quoted(column)),
            None => write!(f, "COMMENT ON {} {}", self.kind, self.name),
        }?;
        match &self.text {
            Some(text) => write!(f, " IS {}", Text(text)),
            None => f.write_str(" IS NULL"),
        }
    }
}

impl Display for Prepare {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "PREPARE {}", self.name)?;
        if !self.types.is_empty() {
            f.write_str(" (")?;
            list(f, &self.types, |f, data_type| write!(f, "{data_type}"))?;
            f.write_char(')')?;
        }
        write!(f, " AS {}", self.statement)
    }
}

impl Display for Execute {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "EXECUTE {}", self.name)?;
        if self.values.is_empty() {
            return Ok(());
        }
        f.write_char(' ')?;
        values(f, &self.values)
    }
}

impl Display for Expect {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("EXPECT ")?;
        match self.rows.is_empty() {
            true => f.write_str("NOTHING")?,
            false => list(f, &self.rows, |f, row| values(f, row))?,
        }
        match &self.from {
            ExpectFrom::Name(name) => write!(f, " FROM {name}")?,
            ExpectFrom::Query(query) => write!(f, " FROM {query}")?,
        }
        if self.in_order { f.write_str(" IN ORDER") } else { Ok(()) }
    }
}

impl Display for Statement {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let word_or = |name: &Option<String>| name.clone().unwrap_or_else(|| "ALL".to_owned());
        match self {
            Statement::CreateSource(create) => create.fmt(f),
            Statement::CreateQuery(create) => create.fmt(f),
            Statement::CreateTable(create) => create.fmt(f),
            Statement::Drop(drop) => drop.fmt(f),
            Statement::DropProducer(drop) => drop.fmt(f),
            Statement::Show(show) => show.fmt(f),
            Statement::Describe(name) => write!(f, "DESCRIBE {name}"),
            Statement::Insert(insert) => insert.fmt(f),
            Statement::Subscribe(subscribe) => subscribe.fmt(f),
            Statement::Explain(explain) => explain.fmt(f),
            Statement::Set(set) => set.fmt(f),
            Statement::Reset(name) => write!(f, "RESET {}", word_or(name)),
            Statement::ShowVariable(name) => write!(f, "SHOW {name}"),
            Statement::Pause(target) => write!(f, "PAUSE {target}"),
            Statement::Resume(target) => write!(f, "RESUME {target}"),
            Statement::Comment(comment) => comment.fmt(f),
            Statement::Prepare(prepare) => prepare.fmt(f),
            Statement::Execute(execute) => execute.fmt(f),
            Statement::Deallocate(Some(name)) => write!(f, "DEALLOCATE {name}"),
            Statement::Deallocate(None) => f.write_str("DEALLOCATE ALL"),
            Statement::Checkpoint => f.write_str("CHECKPOINT"),
            Statement::Backup(to) => write!(f, "BACKUP TO {}", Text(to)),
            Statement::AdvanceClock(AdvanceClock { value, to, .. }) => {
                write!(f, "ADVANCE CLOCK {} {value}", if *to { "TO" } else { "BY" })
            }
            Statement::Expect(expect) => expect.fmt(f),
            Statement::Check(name) => write!(f, "CHECK VIEW {name}"),
            Statement::Begin => f.write_str("BEGIN"),
            Statement::Commit => f.write_str("COMMIT"),
            Statement::Rollback => f.write_str("ROLLBACK"),
            Statement::Query(query) => query.fmt(f),
        }
    }
}
