//! `sluice test`: scripts of SQL that say what they expect.

use std::io::Write;
use std::time::Instant;

use sluicedb::db::{Database, Error, Outcome, SqlError, Statement, parse};
use sluicedb::plan::Plan;

use crate::command::{Command, Failure, Options};
use crate::shell::report::Origin;
use crate::shell::script::{Item, items};

pub(crate) const COMMAND: Command = Command {
    name: "test",
    about: "runs scripts of SQL and says where rows are not those that they EXPECT",
    help: "\
Runs each script on a database of its own in memory, and says where rows are not those that EXPECT names.
The clock can be set and moved on in it, so that what windows, timeouts and now() come to is the same each
time and takes no time.

Usage: sluice test [--shards N] FILE..

  --shards N  run on N shards instead of one

  EXPECT (row), (row) FROM relation       all of its rows are these, in whatever order
  EXPECT (row) FROM (SELECT ..) IN ORDER  those of a query, in this order
  EXPECT NOTHING FROM relation            it has none
  CHECK VIEW view                         it has the rows that its query gives when it is asked once
  SET CLOCK = '2024-01-01 09:30:00Z'      time stands still, there or at 'virtual', which is 1970
  ADVANCE CLOCK BY INTERVAL '5 seconds'   and is moved on; ADVANCE CLOCK TO a time does it, too

Behind an EXPECT that fails a script goes on, and behind any other error it does not. The exit code is 1
where one failed.

Example: sluice test tools/demo/expect.sql",
    run,
};

/// What a script came to.
#[derive(Default)]
struct Tally {
    statements: usize,
    met: usize,
    failed: usize,
}

fn run(given: &[String], out: &mut dyn Write) -> Result<(), Failure> {
    let mut options = Options::new(COMMAND.name, given);
    let (mut files, mut shards) = (Vec::new(), 1);
    while let Some(word) = options.option()? {
        match word {
            "--shards" => {
                let number = options.value(word, "a number of shards")?;
                shards = number.parse().map_err(|_| {
                    options.usage(&format!("--shards takes a number, and not `{number}`"))
                })?;
            }
            word if word.starts_with('-') => return Err(options.unknown(word)),
            file => files.push(file),
        }
    }
    if files.is_empty() {
        return Err(options.usage("it takes the names of scripts"));
    }
    let mut failed = 0;
    for file in &files {
        let start = Instant::now();
        let tally = script(file, shards, out)?;
        let fine = tally.failed == 0;
        failed += usize::from(!fine);
        let Tally { statements, met, failed } = tally;
        let missed = if fine { String::new() } else { format!(", {failed} not") };
        writeln!(
            out,
            "{}  {file}: {statements} statements, {met} as expected{missed}, {} ms",
            if fine { "ok  " } else { "FAIL" },
            start.elapsed().as_millis()
        )?;
    }
    match failed {
        0 => Ok(()),
        1 if files.len() == 1 => Err(Failure::Told),
        _ => Err(Failure::Failed(format!("{failed} of {} scripts failed", files.len()))),
    }
}

/// Runs one, and writes down what went wrong in it.
fn script(file: &str, shards: usize, out: &mut dyn Write) -> Result<Tally, Failure> {
    let read = std::fs::read_to_string(file);
    let text = read.map_err(|error| Failure::Failed(format!("{file}: {error}")))?;
    let failed = |error: Error| Failure::Failed(error.to_string());
    let builder = Database::builder().connectors(sluicedb_ingest::connectors()).shards(shards);
    let db = builder.start(&Plan::empty()).map_err(failed)?;
    let origin = Origin { file: Some(file), text: &text };
    let mut tally = Tally::default();
    for item in items(&text) {
        let range = match item {
            Item::Sql(range) => range,
            Item::Meta(range) => {
                writeln!(out, "{}ERROR:  a test has statements alone", origin.place(range.start))?;
                tally.failed += 1;
                break;
            }
        };
        let (start, sql) = (range.start, &text[range]);
        tally.statements += 1;
        match carried_out(&db, sql) {
            Ok(expects) => tally.met += usize::from(expects),
            Err(error) => {
                tally.failed += 1;
                write!(out, "{}", origin.error(&error, start))?;
                if !matches!(&error, Error::Sql(error) if error.sqlstate == DIFFERS) {
                    break;
                }
            }
        }
    }
    db.close().map_err(failed)?;
    if tally.met + tally.failed == 0 {
        writeln!(
            out,
            "{file}: expects nothing, and so cannot fail: write EXPECT (..) FROM a view"
        )?;
        tally.failed = 1;
    }
    Ok(tally)
}

/// The SQLSTATE of an EXPECT whose rows are others.
const DIFFERS: &str = "P0004";

/// Whether the statement expected something, which was there.
fn carried_out(db: &Database, sql: &str) -> Result<bool, Error> {
    let parsed = parse(sql).map_err(Error::Sql)?;
    for statement in &parsed {
        if let Outcome::Changes(_) = db.execute_parsed(statement, sql)? {
            let error =
                SqlError::unsupported("SUBSCRIBE in a test, where nobody reads the changes");
            return Err(Error::Sql(error.hint("EXPECT the rows of a view, or of a query.")));
        }
    }
    db.start_sources()?;
    let expects = |of: &Statement| matches!(of, Statement::Expect(_) | Statement::Check(_));
    Ok(parsed.iter().any(|parsed| expects(&parsed.statement)))
}
