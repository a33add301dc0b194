//! The commands of the shell itself, which begin with a backslash.

use super::format::{FORMATS, Format};

/// What `\?` prints.
pub(crate) const HELP: &str = "\
\\?             this help
\\d             all objects
\\d NAME        the columns of one
\\dS            tables by which the database tells of itself: late rows, dead letters, operators, ..
\\dv            views
\\ds            sources
\\dt            streams
\\live VIEW     the rows of a view, drawn again whenever they change, as SUBSCRIBE TO does with one;
               Ctrl-C ends it
\\format NAME   how results are written: table, csv, json, ndjson or arrow
\\timing        whether the time of a statement is shown, on or off
\\i FILE        runs the statements of a file
\\q             leaves, as Ctrl-D does

A statement ends with `;` and may have many lines. SHOW, DESCRIBE and EXPLAIN tell more.
";

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Meta {
    Help,
    Objects,
    System,
    Describe(String),
    /// A statement in its place.
    Sql(&'static str),
    Live(String),
    Format(Format),
    Timing,
    Include(String),
    Quit,
}

/// Every command, for completion.
pub(crate) const NAMES: &[&str] =
    &["\\?", "\\d", "\\dS", "\\dv", "\\ds", "\\dt", "\\live", "\\format", "\\timing", "\\i", "\\q"];

impl Meta {
    /// Reads a line; the error says what would be understood.
    pub(crate) fn parse(line: &str) -> Result<Meta, String> {
        let line = line.trim().trim_end_matches(';').trim_end();
        let (name, value) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let value = value.trim();
        let takes = |what: &str| match value {
            "" => Err(format!("{name} takes {what}")),
            value => Ok(value.to_owned()),
        };
        let alone = |meta: Meta| match value {
            "" => Ok(meta),
            value => Err(format!("{name} takes nothing, and not `{value}`")),
        };
        match name {
            "\\?" | "\\h" => alone(Meta::Help),
            "\\d" if value.is_empty() => Ok(Meta::Objects),
            "\\d" => Ok(Meta::Describe(value.to_owned())),
            "\\dS" => alone(Meta::System),
            "\\dv" => alone(Meta::Sql("SHOW VIEWS")),
            "\\ds" => alone(Meta::Sql("SHOW SOURCES")),
            "\\dt" => alone(Meta::Sql("SHOW STREAMS")),
            "\\live" => takes("the name of a view").map(Meta::Live),
            "\\format" => {
                let format = takes(FORMATS)?;
                let known = Format::of(&format).map(Meta::Format);
                known.ok_or_else(|| format!("\\format takes {FORMATS}, and not `{format}`"))
            }
            "\\timing" => alone(Meta::Timing),
            "\\i" => takes("the name of a file").map(Meta::Include),
            "\\q" => alone(Meta::Quit),
            _ => Err(format!("there is no command {name}; \\? lists them")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_with_what_they_take() {
        assert_eq!(Meta::parse("\\d"), Ok(Meta::Objects));
        assert_eq!(Meta::parse("\\d  high;"), Ok(Meta::Describe("high".to_owned())));
        assert_eq!(Meta::parse("\\format csv"), Ok(Meta::Format(Format::Csv)));
        assert_eq!(Meta::parse("\\i a b.sql"), Ok(Meta::Include("a b.sql".to_owned())));
    }

    #[test]
    fn what_is_not_understood_says_what_would_be() {
        let refused = |line: &str| Meta::parse(line).unwrap_err();
        assert_eq!(refused("\\x"), "there is no command \\x; \\? lists them");
        assert_eq!(refused("\\i"), "\\i takes the name of a file");
        assert_eq!(refused("\\q now"), "\\q takes nothing, and not `now`");
        assert_eq!(refused("\\format xml"), format!("\\format takes {FORMATS}, and not `xml`"));
    }

    #[test]
    fn help_and_completion_know_every_command() {
        for name in NAMES {
            assert!(HELP.lines().any(|line| line.split(' ').next() == Some(name)), "{name}");
        }
    }
}
