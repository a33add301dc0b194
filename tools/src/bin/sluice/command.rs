//! What every command of `sluice` is made of.

use std::fmt;
use std::io::{self, Write};

/// One command, in a file of its own.
pub(crate) struct Command {
    /// The first argument.
    pub(crate) name: &'static str,
    /// What it does, in a line.
    pub(crate) about: &'static str,
    /// What it takes, with an example that works.
    pub(crate) help: &'static str,
    /// Carries it out with the arguments behind its name.
    pub(crate) run: fn(&[String], &mut dyn Write) -> Result<(), Failure>,
}

/// Why a command did not do what it was asked for.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What was typed means nothing; says what would.
    Usage(String),
    /// It was understood and cannot be done.
    Failed(String),
    /// Nobody takes the output.
    Output(io::Error),
    /// It cannot be done, and was said already.
    Told,
}

impl Failure {
    /// The exit code for it.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Failure::Usage(_) => 2,
            Failure::Failed(_) | Failure::Output(_) | Failure::Told => 1,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Usage(why) | Failure::Failed(why) => f.write_str(why),
            Failure::Output(error) => write!(f, "the output cannot be written: {error}"),
            Failure::Told => Ok(()),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Output(error)
    }
}

/// The words of a command line, one option with its value at a time.
pub(crate) struct Options<'a> {
    command: &'static str,
    rest: std::slice::Iter<'a, String>,
    /// The value of the option that was taken last, if it was written `--name=value`.
    inline: Option<(&'a str, &'a str)>,
}

impl<'a> Options<'a> {
    /// The words behind the name of `command`.
    pub(crate) fn new(command: &'static str, given: &'a [String]) -> Options<'a> {
        Options { command, rest: given.iter(), inline: None }
    }

    /// The name of the next option. An option that took no value must not have been given one.
    pub(crate) fn option(&mut self) -> Result<Option<&'a str>, Failure> {
        if let Some((name, _)) = self.inline.take() {
            return Err(self.usage(&format!("{name} takes no value")));
        }
        let Some(word) = self.rest.next() else { return Ok(None) };
        let split = word.split_once('=').filter(|(name, _)| name.starts_with("--"));
        self.inline = split;
        Ok(Some(split.map_or(word.as_str(), |(name, _)| name)))
    }

    /// The value of the option `name`, which `takes` says in words.
    pub(crate) fn value(&mut self, name: &str, takes: &str) -> Result<&'a str, Failure> {
        let inline = self.inline.take().map(|(_, value)| value);
        let value = inline.or_else(|| self.rest.next().map(String::as_str));
        value.ok_or_else(|| self.usage(&format!("{name} takes {takes}")))
    }

    /// What was typed is wrong: `why`.
    pub(crate) fn usage(&self, why: &str) -> Failure {
        let command = self.command;
        Failure::Usage(format!("{command}: {why}; see `sluice {command} --help`"))
    }

    /// Nothing takes the word `word`.
    pub(crate) fn unknown(&self, word: &str) -> Failure {
        self.usage(&format!("`{word}` means nothing here"))
    }
}
