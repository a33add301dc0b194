//! What `SET`, `RESET` and `SHOW` take: settings that clients of PostgreSQL ask for, and what they
//! come to here. Most have one value only, and to set them to it changes nothing.

use super::decide::{Decision, Table};
use crate::SqlError;
use crate::dialect::nearest;
use crate::dialect::syntax::Set;
use crate::value::Value;

struct Setting {
    name: &'static str,
    /// What it is unless a client keeps another value for itself.
    value: &'static str,
    /// Other ways to write that value; none where any value will do.
    same: Option<&'static [&'static str]>,
    about: &'static str,
}

const SETTINGS: &[Setting] = &[
    Setting {
        name: "application_name",
        value: "",
        same: None,
        about: "What the client calls itself.",
    },
    Setting { name: "bytea_output", value: "hex", same: Some(&[]), about: "How BYTEA is written." },
    Setting {
        name: "client_encoding",
        value: "UTF8",
        same: Some(&["utf-8", "unicode"]),
        about: "How texts are encoded.",
    },
    Setting {
        name: "client_min_messages",
        value: "notice",
        same: None,
        about: "Which messages the client shows.",
    },
    Setting {
        name: "datestyle",
        value: "ISO, MDY",
        same: Some(&["iso", "iso, ymd"]),
        about: "How dates and times are written.",
    },
    Setting {
        name: "extra_float_digits",
        value: "1",
        same: Some(&["2", "3"]),
        about: "Floats are written with the digits that tell them apart.",
    },
    Setting {
        name: "intervalstyle",
        value: "postgres",
        same: Some(&[]),
        about: "How intervals are written.",
    },
    Setting {
        name: "search_path",
        value: "public",
        same: Some(&["\"$user\", public", "$user, public"]),
        about: "The schema that relations without one are in.",
    },
    Setting {
        name: "server_version",
        value: env!("CARGO_PKG_VERSION"),
        same: Some(&[]),
        about: "The version of the database.",
    },
    Setting {
        name: "standard_conforming_strings",
        value: "on",
        same: Some(&["true", "1"]),
        about: "Whether a backslash in quotes is itself.",
    },
    Setting {
        name: "timezone",
        value: "UTC",
        same: Some(&["etc/utc", "gmt", "z", "0"]),
        about: "The time zone of TIMESTAMPTZ in texts.",
    },
    Setting {
        name: "transaction_isolation",
        value: "serializable",
        same: Some(&[]),
        about: "Every statement reads one consistent cut.",
    },
];

fn find(name: &str) -> Result<&'static Setting, SqlError> {
    // What a transaction is like is always the same.
    let name = if name == "transaction" { "transaction_isolation" } else { name };
    SETTINGS.iter().find(|setting| setting.name == name).ok_or_else(|| {
        let error = SqlError::undefined_object("setting", name);
        // The clock is the database's, and not of a session.
        match nearest(name, SETTINGS.iter().map(|setting| setting.name).chain(["clock"])) {
            Some(near) => error.hint(format!("Did you mean {near}?")),
            None => error.hint("SHOW ALL lists the settings there are."),
        }
    })
}

/// `SET name = value`.
pub(super) fn set(set: &Set) -> Result<Decision, SqlError> {
    let Set { name, value, at } = set;
    let setting = find(name).map_err(|error| error.at(*at))?;
    if let (Some(value), Some(same)) = (value, setting.same)
        && name != "transaction"
        && !value.eq_ignore_ascii_case(setting.value)
        && !same.iter().any(|other| value.eq_ignore_ascii_case(other))
    {
        let message = format!("{name} can be {} only, not {value}", setting.value);
        return Err(SqlError::invalid_parameter(message).hint(setting.about).at(*at));
    }
    Ok(Decision::Set { name: name.clone(), value: value.clone() })
}

/// `RESET name` and `RESET ALL`.
pub(super) fn reset(name: Option<&str>) -> Result<Decision, SqlError> {
    let name = match name {
        Some(name) => find(name)?.name,
        None => "all",
    };
    Ok(Decision::Set { name: name.to_owned(), value: None })
}

/// `SHOW name`.
pub(super) fn show(name: &str) -> Result<Decision, SqlError> {
    let setting = find(name)?;
    let rows = vec![vec![Value::text(setting.value)]];
    Ok(Decision::Table(Table { schema: super::show::texts(&[setting.name]), rows }))
}

/// `SHOW ALL`.
pub(super) fn all() -> Table {
    let row = |setting: &Setting| {
        [setting.name, setting.value, setting.about].into_iter().map(Value::text).collect()
    };
    let schema = super::show::texts(&["name", "setting", "description"]);
    Table { schema, rows: SETTINGS.iter().map(row).collect() }
}
