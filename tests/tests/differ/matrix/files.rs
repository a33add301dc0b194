//! The half of the matrix that leaves the database: a sink of each format, and a source of what it
//! wrote.
//!
//! What a sink writes as lines is compared with lines thought out by hand, and what it writes as
//! columns is read where a relation stands. Then a source with the column declared reads the file,
//! and must have every value that went out.

use std::fs;
use std::path::PathBuf;

use sluicedb::db::Database;
use sluicedb_sql::Value;

use super::{Marks, Type, reason, rows};

const FORMATS: [&str; 4] = ["csv", "json", "parquet", "arrow"];

/// What is marked, in order.
pub(super) const PLACES: [&str; 8] = [
    "csv out",
    "csv in",
    "json out",
    "json in",
    "parquet out",
    "parquet in",
    "arrow out",
    "arrow in",
];

/// Sinks of one type, which are fed.
pub(super) struct Files {
    folder: PathBuf,
    created: [Result<(), String>; 4],
}

impl Files {
    /// Creates the sinks.
    pub(super) fn create(database: &Database, data_type: &str) -> Files {
        let name: String = data_type.chars().filter(char::is_ascii_alphanumeric).collect();
        let folder = format!("sluice-matrix-{}-{name}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        fs::create_dir_all(&folder).expect("a folder for the files");
        let sink = |format: &str, column: &str| {
            let file = folder.join(format!("out.{format}"));
            let into = format!("CREATE SINK {format}_out INTO FILE ('{}')", file.display());
            let create = format!("{into} AS SELECT id, {column} FROM s");
            database.execute(&create).map(|_| ()).map_err(|error| reason(error, data_type))
        };
        let created = FORMATS.map(|format| {
            let found = sink(format, "c");
            if found.is_err() {
                // So that there is a file that a source of the type can refuse.
                sink(format, "CAST(c AS TEXT) AS c").expect("a text is in every format");
            }
            found
        });
        Files { folder, created }
    }

    /// Ends the sinks and marks what they wrote, and what sources read of it.
    pub(super) fn check(
        self,
        database: &Database,
        of: &Type,
        all: &[Vec<Value>],
        marks: &mut Marks,
    ) {
        for (format, created) in FORMATS.iter().zip(&self.created) {
            database.execute(&format!("DROP SINK {format}_out")).expect("it was created");
            let file = self.folder.join(format!("out.{format}")).display().to_string();
            let written = created.clone().and_then(|()| match *format {
                "csv" => Ok(written(&file, &csv(of.csv))),
                "json" => Ok(written(&file, &json(of.json))),
                _ => rows(database, &format!("SELECT * FROM '{file}' ORDER BY id"), of.name)
                    .map(|found| found == all),
            });
            marks.mark(&format!("{format} out"), of.name, written);
            let read = read(database, format, &file, of.name);
            marks.mark(&format!("{format} in"), of.name, read.map(|found| found == all));
        }
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.folder);
    }
}

/// What a source reads that declares the column.
fn read(
    database: &Database,
    format: &str,
    file: &str,
    data_type: &str,
) -> Result<Vec<Vec<Value>>, String> {
    let source = format!("CREATE SOURCE {format}_in (id INT, c {data_type}) FROM FILE ('{file}')");
    database.execute(&source).map_err(|error| reason(error, data_type))?;
    let view = format!("CREATE MATERIALIZED VIEW {format}_read AS SELECT * FROM {format}_in");
    database.execute(&view).map_err(|error| reason(error, data_type))?;
    database.drain().map_err(|error| reason(error, data_type))?;
    rows(database, &format!("SELECT * FROM {format}_read ORDER BY id"), data_type)
}

/// The lines that stand in the file for the rows whose text is known: the names, the lesser value
/// and NULL.
fn csv(lesser: &str) -> [String; 3] {
    ["id,c".to_owned(), format!("1,{lesser}"), "3,".to_owned()]
}

fn json(lesser: &str) -> [String; 2] {
    [format!("{{\"id\":1,\"c\":{lesser}}}"), "{\"id\":3,\"c\":null}".to_owned()]
}

/// Whether a file has these lines, and two more of the greater value.
fn written(file: &str, wanted: &[String]) -> bool {
    let text = fs::read_to_string(file).expect("the sink made it");
    let lines: Vec<&str> = text.lines().collect();
    lines.len() == wanted.len() + 2 && wanted.iter().all(|line| lines.contains(&line.as_str()))
}
