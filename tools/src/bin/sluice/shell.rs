//! `sluice`, without the name of a command: SQL on a database inside this process.

mod csv;
mod edit;
mod follow;
mod format;
mod json;
mod meta;
mod refused;
pub(crate) mod report;
pub(crate) mod script;
mod session;
pub(crate) mod sheet;
pub(crate) mod table;
pub(crate) mod terminal;

use std::io::{self, IsTerminal as _, Read as _, Write};
use std::path::PathBuf;

use crate::command::{Command, Failure, Options};
use format::{FORMATS, Format};
use report::Origin;
use session::{Place, Session};

pub(crate) const COMMAND: Command = Command {
    name: "shell",
    about: "SQL on a database in a directory or in memory, typed, from a file or from -c; needs no name",
    help: "\
Runs SQL on a database inside this process: what is typed, a file, or the statements behind -c. Without
-c and -f it reads from the terminal, where \\? lists its commands, or from a pipe.

Usage: sluice [DIR] [-c SQL | -f FILE] [--format table|csv|json|ndjson|arrow] [--shards N]
              [--accept-data-loss]

  DIR              keep the database in this directory, with its rows and objects, and find them there
                   the next time; it is made if it is not there. Write ./DIR or a path, so that it is
                   not taken for a command. Without it the database lives in memory
  -c SQL           run these statements
  -f FILE          run the statements of a file, wait for the end of the sources that have one, and
                   leave
  --format NAME    how results are written: table (for people, the default), csv, json (an array for
                   each result), ndjson (an object on a line for each row) or arrow (an IPC stream for
                   each result)
  --shards N       run on N shards instead of one per core that is free
  --accept-data-loss
                   open a directory whose files are proven corrupt without what cannot be read: says
                   which statements and rows of which epochs are given up, and leaves the files as they
                   were in a folder in DIR. Where nothing is corrupt it gives nothing up

A script stops at the first error, with exit code 1. A SUBSCRIBE in it writes changes beside what
follows until nothing more comes, or until Ctrl-C: the weight first, +1 for a row that came and -1 for
one that went. Typed on a terminal, a SUBSCRIBE TO a view draws its rows again whenever they change, and
that to a stream writes what comes, until Ctrl-C. In JSON, DECIMAL and BIGINT are numbers with all their digits.

Example: sluice -c 'SELECT 1 + 1 AS two'",
    run,
};

#[derive(Debug, PartialEq)]
struct Asked {
    input: Input,
    format: Format,
    shards: Option<usize>,
    directory: Option<PathBuf>,
    accept_data_loss: bool,
}

#[derive(Debug, PartialEq)]
enum Input {
    Standard,
    Text(String),
    File(String),
}

fn run(given: &[String], out: &mut dyn Write) -> Result<(), Failure> {
    let Asked { input, format, shards, directory, accept_data_loss } = asked(given)?;
    let directory = directory.as_deref();
    let place = Place { directory, shards, accept_data_loss };
    if input == Input::Standard && io::stdin().is_terminal() {
        let at = directory.map_or("memory".to_owned(), |path| path.display().to_string());
        writeln!(out, "SluiceDB, in {at}. \\? helps, Ctrl-D leaves.")?;
        out.flush()?;
        let mut session = Session::start(format, &place, true, out)?;
        return edit::interact(&mut session);
    }
    let mut session = Session::start(format, &place, false, out)?;
    match input {
        Input::File(path) => session.include(&path)?,
        Input::Text(text) => session.run(Origin { file: None, text: &text })?,
        Input::Standard => {
            let mut text = String::new();
            let read = io::stdin().read_to_string(&mut text);
            read.map_err(|error| Failure::Failed(format!("standard input: {error}")))?;
            session.run(Origin { file: Some("stdin"), text: &text })?
        }
    };
    session.finish()
}

fn asked(given: &[String]) -> Result<Asked, Failure> {
    let mut options = Options::new(COMMAND.name, given);
    let (input, format) = (Input::Standard, Format::Table);
    let mut asked = Asked { input, format, shards: None, directory: None, accept_data_loss: false };
    while let Some(option) = options.option()? {
        let input = match option {
            "-c" => Input::Text(options.value(option, "statements")?.to_owned()),
            "-f" => Input::File(options.value(option, "the name of a file")?.to_owned()),
            "--format" => {
                let name = options.value(option, FORMATS)?;
                let known = Format::of(name);
                asked.format = known.ok_or_else(|| {
                    options.usage(&format!("--format takes {FORMATS}, and not `{name}`"))
                })?;
                continue;
            }
            "--shards" => {
                let number = options.value(option, "a number of shards")?;
                let number = number.parse().map_err(|_| {
                    options.usage(&format!("--shards takes a number, and not `{number}`"))
                });
                asked.shards = Some(number?);
                continue;
            }
            "--accept-data-loss" => {
                asked.accept_data_loss = true;
                continue;
            }
            word if word.starts_with('-') => return Err(options.unknown(word)),
            directory => {
                if asked.directory.replace(directory.into()).is_some() {
                    return Err(options.usage(&format!("`{directory}`: one directory at a time")));
                }
                continue;
            }
        };
        if asked.input != Input::Standard {
            return Err(options.usage("-c and -f are taken once, and not together"));
        }
        asked.input = input;
    }
    if asked.accept_data_loss && asked.directory.is_none() {
        return Err(options.usage("--accept-data-loss is about a directory: name it"));
    }
    Ok(asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Asked, String> {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        asked(&words).map_err(|failure| {
            assert_eq!(failure.code(), 2);
            failure.to_string()
        })
    }

    #[test]
    fn input_and_format_are_taken_in_any_order() {
        let expected = Asked {
            input: Input::Text("SELECT 1".to_owned()),
            format: Format::Csv,
            shards: Some(2),
            directory: None,
            accept_data_loss: false,
        };
        assert_eq!(
            parsed(&["-c", "SELECT 1", "--format", "csv", "--shards", "2"]).unwrap(),
            expected
        );
        assert_eq!(parsed(&["--format=csv", "--shards=2", "-c", "SELECT 1"]).unwrap(), expected);
        let kept = Asked { directory: Some("./db".into()), ..expected };
        assert_eq!(
            parsed(&["./db", "--format=csv", "-c", "SELECT 1", "--shards", "2"]).unwrap(),
            kept
        );
        let accepting = Asked { accept_data_loss: true, ..kept };
        assert_eq!(
            parsed(&[
                "./db",
                "--accept-data-loss",
                "--format=csv",
                "-c",
                "SELECT 1",
                "--shards",
                "2"
            ])
            .unwrap(),
            accepting
        );
    }

    #[test]
    fn wrong_usage_says_what_is_taken() {
        let refused = |words: &[&str]| parsed(words).unwrap_err();
        assert!(refused(&["--format", "xml"]).contains("ndjson or arrow, and not `xml`"));
        assert!(refused(&["-c", "a", "-f", "b"]).contains("not together"));
        assert!(refused(&["/data", "/other"]).contains("one directory at a time"));
        assert!(refused(&["--accept-data-loss"]).contains("is about a directory"));
        assert!(refused(&["-x"]).contains("`-x` means nothing here"));
    }
}
