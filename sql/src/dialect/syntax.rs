//! The statements this database knows, as values. Queries inside are those of `sqlparser`.

use std::ops::Range;

use sqlparser::ast::{Expr, Query};

use super::options::Options;
use crate::types::DataType;

/// One statement of a text.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// What it says.
    pub statement: Statement,
    /// The bytes of the text it was read from, without the `;` and what stands around it.
    pub span: Range<usize>,
}

/// The name of an object. Names that were not quoted are in lower case.
#[derive(Clone, Debug)]
pub struct Name {
    /// What stands before the point, as in `sluice.sources`.
    pub schema: Option<String>,
    /// The name proper.
    pub name: String,
    /// The byte of the text at which it starts.
    pub at: usize,
}

/// What can be asked for.
#[derive(Clone, Debug)]
pub enum Statement {
    /// `CREATE SOURCE`.
    CreateSource(CreateSource),
    /// `CREATE STREAM`, `CREATE [MATERIALIZED] VIEW`, `CREATE SINK`.
    CreateQuery(CreateQuery),
    /// `CREATE TABLE`.
    CreateTable(CreateTable),
    /// `DROP`.
    Drop(Drop),
    /// `DROP PRODUCER name ON source`.
    DropProducer(DropProducer),
    /// `SHOW` of objects.
    Show(Show),
    /// `DESCRIBE name`.
    Describe(Name),
    /// `INSERT INTO`.
    Insert(Insert),
    /// `SUBSCRIBE TO`.
    Subscribe(Subscribe),
    /// `EXPLAIN`.
    Explain(Explain),
    /// `SET name = value`.
    Set(Set),
    /// `RESET name`, or `RESET ALL` without one.
    Reset(Option<String>),
    /// `SHOW name` of a setting.
    ShowVariable(String),
    /// `PAUSE STREAM name`.
    Pause(Target),
    /// `RESUME STREAM name`.
    Resume(Target),
    /// `COMMENT ON .. IS ..`.
    Comment(Comment),
    /// `PREPARE name AS statement`.
    Prepare(Prepare),
    /// `EXECUTE name (values)`.
    Execute(Execute),
    /// `DEALLOCATE name`, or `DEALLOCATE ALL` without one.
    Deallocate(Option<Name>),
    /// `CHECKPOINT`.
    Checkpoint,
    /// `BACKUP TO 'directory'`.
    Backup(String),
    /// `ADVANCE CLOCK`.
    AdvanceClock(AdvanceClock),
    /// `EXPECT (rows) FROM relation`.
    Expect(Expect),
    /// `CHECK VIEW name`.
    Check(Name),
    /// `BEGIN`, `START TRANSACTION`.
    Begin,
    /// `COMMIT`, `END`.
    Commit,
    /// `ROLLBACK`, `ABORT`.
    Rollback,
    /// A query that runs once.
    Query(Box<Query>),
}

/// `ADVANCE CLOCK [BY] interval` or `ADVANCE CLOCK TO time`.
#[derive(Clone, Debug)]
pub struct AdvanceClock {
    /// By how much, or to when.
    pub value: Expr,
    /// Whether it is a time.
    pub to: bool,
    /// The byte of the text at which the value starts.
    pub at: usize,
}

/// `EXPECT NOTHING | (row), .. FROM relation | (query) [IN ORDER]`.
#[derive(Clone, Debug)]
pub struct Expect {
    /// The rows that are to be there.
    pub rows: Vec<Vec<Expr>>,
    /// Where.
    pub from: ExpectFrom,
    /// Whether they are to come in that order.
    pub in_order: bool,
    /// The byte of the text at which the rows start.
    pub at: usize,
}

/// Whose rows are expected.
#[derive(Clone, Debug)]
pub enum ExpectFrom {
    /// All of a relation.
    Name(Name),
    /// What a query gives.
    Query(Box<Query>),
}

/// What a name can stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    /// A live input.
    Source,
    /// A continuous query without a kept result.
    Stream,
    /// A query under a name.
    View,
    /// A continuous query whose result is kept.
    MaterializedView,
    /// Where changes leave the database.
    Sink,
    /// A mutable relation.
    Table,
}

/// `CREATE SOURCE name (columns) [WITH (..)] [FROM KIND (..)]`.
#[derive(Clone, Debug)]
pub struct CreateSource {
    /// Its name.
    pub name: Name,
    /// Whether it may be there already.
    pub if_not_exists: bool,
    /// Whether it takes the place of one of that name.
    pub or_replace: bool,
    /// Its columns; empty where the connector knows them.
    pub columns: Vec<Column>,
    /// The columns of `PRIMARY KEY`, whether written at a column or in a list of its own.
    pub primary_key: Vec<String>,
    /// `WATERMARK FOR ..`.
    pub watermark: Option<Watermark>,
    /// `WITH (..)`.
    pub options: Options,
    /// `FROM KIND (..)`.
    pub connector: Option<Connector>,
}

/// A column of a source or a table.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type.
    pub data_type: DataType,
    /// Whether it may hold NULL.
    pub nullable: bool,
    /// `DEFAULT ..`.
    pub default: Option<Expr>,
    /// The byte of the text at which it starts.
    pub at: usize,
}

/// `WATERMARK FOR column [AS column - INTERVAL '5' SECOND]`.
#[derive(Clone, Debug)]
pub struct Watermark {
    /// The column of event time.
    pub column: String,
    /// How far the watermark stays behind the greatest time seen, in microseconds; `None` where
    /// only the column was named.
    pub delay_us: Option<i64>,
    /// The byte of the text at which the column is named.
    pub at: usize,
}

/// `KAFKA (..)` and its like: what rows come from or go to.
#[derive(Clone, Debug)]
pub struct Connector {
    /// Which one.
    pub kind: ConnectorKind,
    /// What it is told.
    pub options: Options,
    /// The byte of the text at which its kind stands.
    pub at: usize,
}

/// What a source reads from and a sink writes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectorKind {
    /// Rows made up from a seed.
    Generator,
    /// A file.
    File,
    /// A topic of Kafka.
    Kafka,
    /// Messages of a WebSocket.
    WebSocket,
    /// A table of PostgreSQL.
    Postgres,
    /// The changes of a PostgreSQL database.
    PostgresCdc,
    /// The changes of a MySQL database.
    MysqlCdc,
    /// A table of Delta Lake.
    DeltaLake,
    /// A table of Iceberg.
    Iceberg,
    /// Requests over HTTP.
    Http,
    /// Standard output.
    Stdout,
    /// Nothing: rows are counted and gone.
    Blackhole,
}

/// What keeps a continuous query.
#[derive(Clone, Debug)]
pub enum QueryKind {
    /// `CREATE STREAM`.
    Stream,
    /// `CREATE VIEW`: a query under a name.
    View,
    /// `CREATE MATERIALIZED VIEW`.
    MaterializedView,
    /// `CREATE SINK .. INTO ..`.
    Sink(Connector),
}

/// `CREATE STREAM | VIEW | MATERIALIZED VIEW | SINK`.
#[derive(Clone, Debug)]
pub struct CreateQuery {
    /// What is created.
    pub kind: QueryKind,
    /// Its name.
    pub name: Name,
    /// Other names for the columns of the query; empty where they keep theirs.
    pub columns: Vec<String>,
    /// Whether it takes the place of one of that name.
    pub or_replace: bool,
    /// Whether it may be there already.
    pub if_not_exists: bool,
    /// `WITH (..)`, whether written before `AS` or after the query.
    pub options: Options,
    /// What it computes.
    pub query: ContinuousQuery,
}

/// A query whose result changes, with the clauses that stand after it.
#[derive(Clone, Debug)]
pub struct ContinuousQuery {
    /// The query.
    pub query: Box<Query>,
    /// `EMIT ..`.
    pub emit: Option<Emit>,
    /// `LATE DATA TO name`.
    pub late_to: Option<Name>,
}

/// When a windowed query gives its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Emit {
    /// Once, when the watermark passes the end of the window.
    OnWindowClose,
    /// The same by its other name.
    Final,
    /// At every change.
    Changes,
}

/// `CREATE TABLE`.
#[derive(Clone, Debug)]
pub struct CreateTable {
    /// Its name.
    pub name: Name,
    /// Whether it may be there already.
    pub if_not_exists: bool,
    /// Whether it takes the place of one of that name.
    pub or_replace: bool,
    /// Its columns; empty where a query or a connector knows them.
    pub columns: Vec<Column>,
    /// The columns of `PRIMARY KEY`.
    pub primary_key: Vec<String>,
    /// `WITH (..)`.
    pub options: Options,
    /// `FROM KIND (..)`.
    pub connector: Option<Connector>,
    /// `AS SELECT ..`.
    pub query: Option<ContinuousQuery>,
}

/// `DROP kind [IF EXISTS] names [CASCADE]`.
#[derive(Clone, Debug)]
pub struct Drop {
    /// What they are.
    pub kind: ObjectKind,
    /// Which ones.
    pub names: Vec<Name>,
    /// Whether they may be missing.
    pub if_exists: bool,
    /// Whether what reads from them goes too.
    pub cascade: bool,
}

/// `DROP PRODUCER [IF EXISTS] name ON source`.
#[derive(Clone, Debug)]
pub struct DropProducer {
    /// How the producer calls itself.
    pub producer: String,
    /// What it feeds.
    pub source: Name,
    /// Whether it may be missing.
    pub if_exists: bool,
}

/// `SHOW what [LIKE 'pattern']`.
#[derive(Clone, Debug)]
pub struct Show {
    /// What is listed.
    pub what: ShowWhat,
    /// Which of them.
    pub like: Option<String>,
}

/// What `SHOW` lists.
#[derive(Clone, Debug)]
pub enum ShowWhat {
    /// All sources.
    Sources,
    /// All streams.
    Streams,
    /// All views, materialized or not.
    Views,
    /// All materialized views.
    MaterializedViews,
    /// All sinks.
    Sinks,
    /// All tables.
    Tables,
    /// Every continuous query.
    Queries,
    /// The epochs.
    Epochs,
    /// All settings.
    Settings,
    /// The columns of a relation.
    Columns(Name),
    /// The statement that would create an object, of a kind where one was named.
    Create(Option<ObjectKind>, Name),
}

/// `INSERT INTO name (columns) ..`.
#[derive(Clone, Debug)]
pub struct Insert {
    /// Where the rows go.
    pub into: Name,
    /// The columns that are given; empty for all of them in order.
    pub columns: Vec<Name>,
    /// The rows.
    pub source: InsertSource,
}

/// The rows of an INSERT.
#[derive(Clone, Debug)]
pub enum InsertSource {
    /// `VALUES (..), (..)`; `DEFAULT` is the identifier of that name.
    Values(Vec<Vec<Expr>>),
    /// `SELECT ..`.
    Query(Box<Query>),
    /// `DEFAULT VALUES`.
    Defaults,
}

/// `SUBSCRIBE TO name or query [WITH SNAPSHOT] [AFTER 'token']`.
#[derive(Clone, Debug)]
pub struct Subscribe {
    /// Whose changes.
    pub target: SubscribeTo,
    /// Whether the present result comes first.
    pub with_snapshot: bool,
    /// The token of the last change that was seen.
    pub after: Option<String>,
}

/// What a subscription follows.
#[derive(Clone, Debug)]
pub enum SubscribeTo {
    /// An object.
    Name(Name),
    /// A query that lives as long as the subscription.
    Query(ContinuousQuery),
}

/// `EXPLAIN`.
#[derive(Clone, Debug)]
pub enum Explain {
    /// `EXPLAIN statement`: the plan.
    Plan(Box<Statement>),
    /// `EXPLAIN ANALYZE statement`: what running it cost.
    Analyze(Box<Statement>),
    /// `EXPLAIN ANALYZE name`: what the running query costs.
    AnalyzeName(Name),
    /// `EXPLAIN WAIT name`: what its output waits for.
    Wait(Name),
    /// `EXPLAIN name`: the plan of a query that runs.
    Name(Name),
}

/// `SET name = value`.
#[derive(Clone, Debug)]
pub struct Set {
    /// Which setting, in lower case.
    pub name: String,
    /// Its value; `None` stands for `DEFAULT`.
    pub value: Option<String>,
    /// The byte of the text at which the name stands.
    pub at: usize,
}

/// The object of a PAUSE or RESUME.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its kind where one was named.
    pub kind: Option<ObjectKind>,
    /// Its name.
    pub name: Name,
}

/// `COMMENT ON kind name IS 'text'`.
#[derive(Clone, Debug)]
pub struct Comment {
    /// What is commented.
    pub kind: ObjectKind,
    /// Its name.
    pub name: Name,
    /// The column of it, where one was named.
    pub column: Option<String>,
    /// The text; `None` takes it away.
    pub text: Option<String>,
}

/// `PREPARE name [(types)] AS statement`.
#[derive(Clone, Debug)]
pub struct Prepare {
    /// Its name.
    pub name: Name,
    /// The types of its parameters, as far as they were given.
    pub types: Vec<DataType>,
    /// What is run with the parameters.
    pub statement: Box<Statement>,
    /// The byte of the text at which that starts.
    pub body: usize,
}

/// `EXECUTE name [(values)]`.
#[derive(Clone, Debug)]
pub struct Execute {
    /// Its name.
    pub name: Name,
    /// The parameters.
    pub values: Vec<Expr>,
}

impl QueryKind {
    /// The kind of the object without its connector.
    pub fn object(&self) -> ObjectKind {
        match self {
            QueryKind::Stream => ObjectKind::Stream,
            QueryKind::View => ObjectKind::View,
            QueryKind::MaterializedView => ObjectKind::MaterializedView,
            QueryKind::Sink(_) => ObjectKind::Sink,
        }
    }
}
