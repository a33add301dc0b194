//! One run of the shell: statements carried out, and what they come to written down.

use std::io::{self, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use sluicedb::db::{
    Database, Definition, Error, Outcome, RowSet, Statement, Value, kind_name, parse, system_tables,
};
use sluicedb::plan::Plan;

use super::follow::{Cut, Followed, live};
use super::format::Format;
use super::meta::{HELP, Meta};
use super::refused::Refused;
use super::report::Origin;
use super::script::{Item, items};
use super::sheet::Sheet;
use super::table;
use super::terminal::{self, Interrupt};
use crate::command::Failure;

/// Files that run files; more are taken for a circle.
const INCLUDES_MAX: usize = 16;

/// Whether the shell goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    More,
    Quit,
}

/// Where the database of a shell is.
pub(crate) struct Place<'a> {
    pub(crate) directory: Option<&'a Path>,
    pub(crate) shards: Option<usize>,
    /// Whether what is corrupt there is given up.
    pub(crate) accept_data_loss: bool,
}

/// The state of a shell.
pub(crate) struct Session<'a> {
    pub(crate) db: Database,
    pub(crate) interrupt: Interrupt,
    format: Format,
    timing: bool,
    /// Whether a SUBSCRIBE is followed at once; in a script it goes on beside what comes then.
    interactive: bool,
    followed: Vec<Followed>,
    includes: usize,
    /// Rows without a result that the user has been told of.
    refused: Refused,
    out: &'a mut dyn Write,
}

impl<'a> Session<'a> {
    pub(crate) fn start(
        format: Format,
        place: &Place<'_>,
        interactive: bool,
        out: &'a mut dyn Write,
    ) -> Result<Session<'a>, Failure> {
        let &Place { directory, shards, accept_data_loss } = place;
        let failed = |error: Error| Failure::Failed(error.to_string());
        let mut builder = Database::builder().connectors(sluicedb_ingest::connectors());
        if let Some(shards) = shards {
            builder = builder.shards(shards);
        }
        if let Some(directory) = directory {
            builder = builder.directory(directory);
        }
        if accept_data_loss {
            builder = builder.accept_data_loss(|loss| eprintln!("sluice: {loss}"));
        }
        let db = builder.start(&Plan::empty()).map_err(failed)?;
        let interrupt = Interrupt::install()
            .map_err(|error| Failure::Failed(format!("Ctrl-C cannot be taken: {error}")))?;
        Ok(Session {
            db,
            interrupt,
            format,
            timing: interactive,
            interactive,
            followed: Vec::new(),
            includes: 0,
            refused: Refused::default(),
            out,
        })
    }

    /// Runs a text to its end or the first error, which is reported.
    pub(crate) fn run(&mut self, origin: Origin<'_>) -> Result<Next, Failure> {
        for item in items(origin.text) {
            if self.interrupt.is_asked() {
                return Ok(Next::Quit);
            }
            match item {
                Item::Sql(range) => self.statement(origin, range)?,
                Item::Meta(range) => {
                    if self.meta(origin, range)? == Next::Quit {
                        return Ok(Next::Quit);
                    }
                }
            }
            self.out.flush()?;
        }
        if self.interactive {
            let started = self.db.start_sources();
            started.map_err(|error| self.told(&format!("ERROR:  {error}\n")))?;
            self.tell_refused();
        }
        Ok(Next::More)
    }

    /// Waits until everything that comes to an end has come to it, writes the changes that are
    /// followed, and ends the database.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        let db = self.db.clone();
        let (send, drained) = mpsc::channel();
        // Not joined: after Ctrl-C it may still wait, and ends with the process.
        let _detached = std::thread::spawn(move || send.send(db.drain()));
        let mut over = false;
        while !self.interrupt.is_asked() {
            if over && (self.followed.is_empty() || !self.db.is_fed()) {
                return self.close();
            }
            let wait = if self.followed.is_empty() { LOOK } else { Duration::ZERO };
            match drained.recv_timeout(wait) {
                Ok(ended) => {
                    ended.map_err(|error| self.told(&format!("ERROR:  {error}\n")))?;
                    over = true;
                }
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => over = true,
            }
            self.changes(Followed::wait)?;
        }
        Ok(())
    }

    fn close(mut self) -> Result<(), Failure> {
        self.changes(Followed::pump)?;
        self.tell_refused();
        self.db.clone().close().map_err(|error| self.told(&format!("ERROR:  {error}\n")))
    }

    /// Says of rows that no result has that they are there to be looked at.
    fn tell_refused(&mut self) {
        let notices = self.refused.news(&self.db.stats(), self.interactive);
        if !notices.is_empty() {
            self.say(&notices);
        }
    }

    /// Writes the changes that are there to be written.
    fn changes(
        &mut self,
        take: fn(&mut Followed, &mut dyn Write) -> Result<(), Cut>,
    ) -> Result<(), Failure> {
        let mut followed = std::mem::take(&mut self.followed);
        let taken = followed.iter_mut().try_for_each(|changes| take(changes, self.out));
        self.followed = followed;
        taken.map_err(|cut| self.cut(cut, Origin { file: None, text: "" }, 0))
    }

    fn statement(&mut self, origin: Origin<'_>, range: Range<usize>) -> Result<(), Failure> {
        let (text, start) = (&origin.text[range.clone()], range.start);
        let began = Instant::now();
        let parsed = parse(text).map_err(|error| self.failed(&Error::Sql(error), origin, start))?;
        for statement in &parsed {
            // A script reads what its bounded sources have come to.
            let reads = matches!(statement.statement, Statement::Query(_) | Statement::Execute(_));
            if !self.interactive && reads {
                self.db.drain().map_err(|error| self.failed(&error, origin, start))?;
            }
            let outcome = self.db.execute_parsed(statement, text);
            let outcome = outcome.map_err(|error| self.failed(&error, origin, start))?;
            self.outcome(outcome, began).map_err(|cut| self.cut(cut, origin, start))?;
        }
        self.changes(Followed::pump)
    }

    fn outcome(&mut self, outcome: Outcome, began: Instant) -> Result<(), Cut> {
        match outcome {
            Outcome::Rows(rows) => return Ok(self.rows(&rows, began)?),
            Outcome::Changes(changes) => {
                if let Some((order, size)) = self.drawn(changes.relation()) {
                    let view = changes.relation().to_owned();
                    drop(changes);
                    return live(&self.db, &view, &order, size, &self.interrupt, self.out);
                }
                let followed = Followed::new(*changes, self.format);
                if self.interactive {
                    return followed.until(&self.interrupt, self.out);
                }
                self.followed.push(followed);
            }
            Outcome::Done(done) => {
                for notice in done.notices {
                    let hint = notice.hint.map(|hint| format!("HINT:  {hint}\n"));
                    self.say(&format!("NOTICE:  {}\n{}", notice.message, hint.unwrap_or_default()));
                }
                let count = done.rows.map(|rows| format!(" {rows}")).unwrap_or_default();
                self.tag(&format!("{}{count}", done.tag), began)?;
            }
            Outcome::Set { value, .. } => {
                self.tag(if value.is_some() { "SET" } else { "RESET" }, began)?;
            }
        }
        Ok(())
    }

    fn rows(&mut self, rows: &RowSet, began: Instant) -> io::Result<()> {
        let width = terminal::size().map(|(columns, _)| columns);
        self.format.result(&rows.schema, &rows.batches, width, self.out)?;
        self.tag(&format!("({})", table::count(rows.len())), began)
    }

    /// What people are told of a statement that is done.
    fn tag(&mut self, tag: &str, began: Instant) -> io::Result<()> {
        if self.format != Format::Table {
            return Ok(());
        }
        if !self.timing {
            return writeln!(self.out, "{tag}");
        }
        let ms = began.elapsed().as_secs_f64() * 1e3;
        writeln!(self.out, "{tag}  {ms:.1} ms")
    }

    fn meta(&mut self, origin: Origin<'_>, range: Range<usize>) -> Result<Next, Failure> {
        let at = range.start;
        let meta = Meta::parse(&origin.text[range]).map_err(|why| {
            let place = origin.place(at);
            self.told(&format!("{place}ERROR:  {why}\n"))
        })?;
        match meta {
            Meta::Quit => return Ok(Next::Quit),
            Meta::Help => write!(self.out, "{HELP}")?,
            Meta::Objects => self.objects()?,
            Meta::System => self.system()?,
            Meta::Describe(name) => self.command(&format!("DESCRIBE {name}"))?,
            Meta::Sql(text) => self.command(text)?,
            Meta::Format(format) => self.format = format,
            Meta::Timing => {
                self.timing = !self.timing;
                writeln!(self.out, "Timing is {}.", if self.timing { "on" } else { "off" })?;
            }
            Meta::Live(view) => self.live(&view)?,
            Meta::Include(path) => return self.include(&path),
        }
        Ok(Next::More)
    }

    /// A statement in the place of a command.
    fn command(&mut self, text: &str) -> Result<(), Failure> {
        self.statement(Origin { file: None, text }, 0..text.len())
    }

    fn objects(&mut self) -> Result<(), Failure> {
        let row = |object: &sluicedb::db::Object| {
            let reads: Vec<&str> = object.reads.iter().map(String::as_str).collect();
            let kind = kind_name(object.kind());
            vec![Value::text(&object.name), Value::text(kind), Value::text(&reads.join(", "))]
        };
        let rows: Vec<_> = self.db.objects().objects().map(row).collect();
        self.texts(&["name", "kind", "reads"], rows)
    }

    /// The tables by which the database tells of itself.
    fn system(&mut self) -> Result<(), Failure> {
        let rows = system_tables().iter();
        let rows = rows.map(|table| vec![Value::text(table.name), Value::text(table.about)]);
        self.texts(&["name", "rows are"], rows.collect())
    }

    fn texts(&mut self, names: &[&str], rows: Vec<Vec<Value>>) -> Result<(), Failure> {
        let count = rows.len();
        let sheet = Sheet::texts(names, rows);
        let width = terminal::size().map(|(columns, _)| columns);
        self.format.sheet(&sheet, width, self.out)?;
        Ok(self.tag(&format!("({})", table::count(count)), Instant::now())?)
    }

    /// How a relation is drawn in place as it changes, where it has rows to draw and there is a
    /// terminal for them: the columns that order its rows, and the room there is.
    fn drawn(&self, relation: &str) -> Option<(Vec<String>, (usize, usize))> {
        let size = terminal::size().filter(|_| self.interactive && self.format == Format::Table)?;
        let catalog = self.db.objects();
        let object = catalog.object(relation)?;
        let Definition::MaterializedView { key, .. } = &object.definition else { return None };
        let order = key.iter().map(|at| object.schema.field(*at).name.clone());
        Some((order.collect(), size))
    }

    fn live(&mut self, view: &str) -> Result<(), Failure> {
        let view = match view.strip_prefix('"').and_then(|view| view.strip_suffix('"')) {
            Some(quoted) => quoted.to_owned(),
            None => view.to_lowercase(),
        };
        let Some((order, size)) = self.drawn(&view) else {
            return Err(self.told(
                "ERROR:  \\live draws a materialized view as a table on a terminal; SUBSCRIBE TO \
                 writes changes\n",
            ));
        };
        let drawn = live(&self.db, &view, &order, size, &self.interrupt, self.out);
        drawn.map_err(|cut| self.cut(cut, Origin { file: None, text: &view }, 0))
    }

    /// Runs the statements of a file.
    pub(crate) fn include(&mut self, path: &str) -> Result<Next, Failure> {
        if self.includes == INCLUDES_MAX {
            let why = format!("{path}: {INCLUDES_MAX} files that run each other are the most");
            return Err(self.told(&format!("ERROR:  {why}\n")));
        }
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|error| self.told(&format!("ERROR:  {path}: {error}\n")))?;
        self.includes += 1;
        let ran = self.run(Origin { file: Some(path), text: &text });
        self.includes -= 1;
        ran
    }

    fn cut(&mut self, cut: Cut, origin: Origin<'_>, start: usize) -> Failure {
        match cut {
            Cut::Output(error) => Failure::Output(error),
            Cut::Database(error) => self.failed(&error, origin, start),
        }
    }

    fn failed(&mut self, error: &Error, origin: Origin<'_>, start: usize) -> Failure {
        let report = origin.error(error, start);
        self.told(&report)
    }

    fn told(&mut self, report: &str) -> Failure {
        self.say(report);
        Failure::Told
    }

    /// Writes to the person, behind what is written so far.
    fn say(&mut self, text: &str) {
        // Where nobody takes it there is nobody to tell.
        let _ = self.out.flush();
        let _ = io::stderr().write_all(text.as_bytes());
    }
}

/// How long Ctrl-C may go unseen.
const LOOK: Duration = Duration::from_millis(50);
