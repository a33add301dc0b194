//! Opening a file, and what is said where that fails.

use std::fs::File;
use std::path::Path;

use sluicedb::db::SqlError;

use crate::file::Options;

/// Opens a file to read it.
pub(super) fn open(options: &Options) -> Result<File, SqlError> {
    let Options { path, at, .. } = options;
    let file = File::open(path).map_err(|error| unreadable(path, &error, *at))?;
    if file.metadata().is_ok_and(|known| known.is_dir()) {
        let error = SqlError::invalid_parameter(format!("\"{path}\" is a directory"));
        return Err(error.hint("Name a file in it.").at(*at));
    }
    Ok(file)
}

/// What is said of a file that is not what it was when rows of it were read.
pub(super) fn gone(why: &str) -> String {
    format!(
        "{why}. Rows of it are in the database already: put the file back as it was, or drop the source \
         and create it anew"
    )
}

/// The error that a file cannot be read.
pub(super) fn unreadable(path: &str, error: &std::io::Error, at: usize) -> SqlError {
    let error = SqlError::invalid_parameter(format!("\"{path}\" cannot be read: {error}"));
    let place = std::env::current_dir().map(|place| place.display().to_string());
    let hint = match place {
        Ok(place) if Path::new(path).is_relative() => {
            format!("It is looked for from {place}, where the database was started.")
        }
        _ => "Look at the path and at its permissions.".to_owned(),
    };
    error.hint(hint).at(at)
}

/// The error that a file lacks a column; `what` has the `names`.
pub(super) fn no_column(path: &str, what: &str, name: &str, names: &[&str]) -> SqlError {
    let near = names.iter().find(|other| is_near(other, name));
    let hint = match near {
        Some(near) => format!("Did you mean \"{near}\"? "),
        None => String::new(),
    };
    SqlError::invalid_parameter(format!("{what} of \"{path}\" has no column \"{name}\""))
        .hint(format!("{hint}There is: {}.", names.join(", ")))
}

/// Whether two names differ by case, by one letter put in, left out or changed, or by one swapped
/// with the next.
fn is_near(left: &str, right: &str) -> bool {
    let (left, right) = (left.to_lowercase(), right.to_lowercase());
    let (a, b): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let start = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let rest = a.len().min(b.len()) - start;
    let end = a.iter().rev().zip(b.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[start..a.len() - end], &b[start..b.len() - end]);
    let swapped = a.len() == 2 && b.len() == 2 && a[0] == b[1] && a[1] == b[0];
    swapped || (a.len() <= 1 && b.len() <= 1)
}
