//! What a path and the options beside it say of a file, for whoever reads or writes it.

use std::path::Path;

use sluicedb::db::SqlError;
use sluicedb_sql::dialect::options::Reader;
use sluicedb_sql::dialect::syntax::Connector;

use crate::linked::variable;

/// What the name of a file that gzip packed ends in.
pub(crate) const GZIP_SUFFIX: &str = ".gz";

/// What the bytes of a file mean.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Format {
    /// Records of fields, a line each.
    Csv,
    /// Objects, a line each.
    Json,
    /// Columns as Arrow has them in memory, as a file or as a stream.
    Arrow,
    /// Columns, compressed, with an index at the end.
    Parquet,
}

impl Format {
    /// What `format = ..` may say.
    const NAMES: [&'static str; 5] = ["csv", "json", "ndjson", "parquet", "arrow"];

    fn named(name: &str) -> Format {
        match name {
            "csv" => Format::Csv,
            "parquet" => Format::Parquet,
            "arrow" => Format::Arrow,
            _ => Format::Json,
        }
    }

    /// What the name of a file says, packed or not.
    fn of_path(path: &str) -> Option<Format> {
        let path = path.strip_suffix(GZIP_SUFFIX).unwrap_or(path);
        let extension = Path::new(path).extension()?.to_str()?.to_ascii_lowercase();
        Some(match extension.as_str() {
            "csv" => Format::Csv,
            "json" | "ndjson" | "jsonl" => Format::Json,
            "parquet" => Format::Parquet,
            "arrow" | "ipc" | "feather" | "arrows" => Format::Arrow,
            _ => return None,
        })
    }

    /// Whether a file of it is lines of text.
    pub(crate) fn is_text(self) -> bool {
        matches!(self, Format::Csv | Format::Json)
    }
}

/// What is said of a file.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Where it is.
    pub(crate) path: String,
    /// What it has.
    pub(crate) format: Format,
    /// Whether the first line of CSV has the names of columns.
    pub(crate) header: bool,
    /// What stands between fields of CSV.
    pub(crate) delimiter: char,
    /// What an unquoted field of CSV has where there is NULL.
    pub(crate) null: String,
    /// The byte of the text at which the connector stands.
    pub(crate) at: usize,
}

impl Options {
    /// Takes the options that sources and sinks share; `otherwise` is the format of a name that says
    /// none.
    pub(crate) fn read(
        options: &mut Reader<'_>,
        at: usize,
        otherwise: Option<Format>,
    ) -> Result<Options, SqlError> {
        let path = path_of(&options.required_text("path")?);
        let named = options.choice("format", &Format::NAMES)?;
        let header = options.boolean("header")?.unwrap_or(true);
        let delimiter = options.text("delimiter")?;
        let null = options.text("null")?.unwrap_or_default();
        let format = named.map(Format::named).or_else(|| Format::of_path(&path)).or(otherwise);
        let format = format.ok_or_else(|| {
            SqlError::invalid_parameter(format!("the name of \"{path}\" tells no format"))
                .hint("Say it: FILE ('..', format = 'csv'), or 'json', 'parquet' or 'arrow'.")
                .at(at)
        })?;
        let delimiter = delimiter_of(delimiter.as_deref()).map_err(|error| error.at(at))?;
        Ok(Options { path, format, header, delimiter, null, at })
    }

    /// Takes the options of a file whose columns or rows are asked for.
    pub(crate) fn of_relation(connector: &Connector) -> Result<Options, SqlError> {
        let mut reader = Reader::new(&connector.options, "FILE", &variable);
        let options = Options::read(&mut reader, connector.at, None)?;
        // Of a source, which goes on with the file.
        let _ = reader.boolean("follow")?;
        reader.finish()?;
        Ok(options)
    }
}

/// The path of `file:///a/b.csv`; of anything else, the text itself.
fn path_of(text: &str) -> String {
    let Some(rest) = text.strip_prefix("file://") else { return text.to_owned() };
    let rest = rest.strip_prefix("localhost/").map_or(rest.to_owned(), |path| format!("/{path}"));
    let bytes = rest.as_bytes();
    let mut path = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let code = rest.get(at + 1..at + 3).filter(|_| *byte == b'%');
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(decoded) => {
                path.push(decoded);
                at += 3;
            }
            None => {
                path.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8(path).unwrap_or(rest)
}

/// The delimiter that an option names.
fn delimiter_of(text: Option<&str>) -> Result<char, SqlError> {
    let text = text.unwrap_or(",");
    if text == "\\t" {
        return Ok('\t');
    }
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) if !matches!(c, '"' | '\n' | '\r') => Ok(c),
        _ => Err(SqlError::invalid_parameter(format!("'{text}' delimits no fields"))
            .hint("The delimiter is one character, as in ',' or ';' or '\\t'.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_path_and_a_path_is_itself() {
        assert_eq!(path_of("file:///data/a%20b.csv"), "/data/a b.csv");
        assert_eq!(path_of("file://localhost/data/a.csv"), "/data/a.csv");
        assert_eq!(path_of("file://./a%2"), "./a%2");
        assert_eq!(path_of("data/a%20b.csv"), "data/a%20b.csv");
    }

    #[test]
    fn the_name_of_a_file_says_what_it_has() {
        let of = |path| Format::of_path(path);
        assert_eq!(of("a.CSV"), Some(Format::Csv));
        assert_eq!(of("a.b.jsonl"), Some(Format::Json));
        assert_eq!(of("a.b.jsonl.gz"), Some(Format::Json));
        assert_eq!(of("data/*.csv"), Some(Format::Csv));
        assert_eq!(of("a.parquet"), Some(Format::Parquet));
        assert_eq!(of("a.feather"), Some(Format::Arrow));
        assert_eq!((of("a.txt"), of("csv"), of("a.gz")), (None, None, None));
    }
}
