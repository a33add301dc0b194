//! `sluice restore`: makes a database of a backup.

use std::io::Write;

use sluicedb::db::{Backup, Database};

use crate::command::{Command, Failure, Options};

pub(crate) const COMMAND: Command = Command {
    name: "restore",
    about: "makes a database in a directory of what BACKUP TO has saved",
    help: "\
Makes a database of a backup, which the statement BACKUP TO 'directory' has taken while the database ran.
All of the backup is verified, and it stays as it is. The directory must be empty or missing, and holds a
database of its own afterwards, with the contents of the moment of the backup: open it like any other.

Usage: sluice restore BACKUP DIR

  BACKUP  the directory that BACKUP TO has filled
  DIR     the directory of the new database

Example: sluice restore saved again",
    run,
};

fn run(given: &[String], out: &mut dyn Write) -> Result<(), Failure> {
    let mut options = Options::new(COMMAND.name, given);
    let mut words = Vec::new();
    while let Some(word) = options.option()? {
        if word.starts_with('-') || words.len() == 2 {
            return Err(options.unknown(word));
        }
        words.push(word);
    }
    let [backup, directory] = words[..] else {
        return Err(options.usage("it takes a backup and a directory"));
    };
    let restored = Database::restore(backup, directory);
    let restored = restored.map_err(|error| Failure::Failed(error.to_string()))?;
    let Backup { epoch, shards, files, bytes, sinks } = restored;
    writeln!(out, "{directory} has all up to epoch {epoch}: {files} files, {bytes} bytes.")?;
    writeln!(out, "Open it with {shards} shards. Another number takes it over.")?;
    if sinks > 0 {
        writeln!(
            out,
            "It has {sinks} sinks, which cut their files back to where they were then and go on: open \
             it only when the database it was saved from is at rest, or has other files."
        )?;
    }
    Ok(())
}
