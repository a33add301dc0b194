//! A path that stands for several files: `data/*.csv`.

use std::path::Path;

use glob::{MatchOptions, glob_with};
use sluicedb::db::SqlError;

use super::open::unreadable;
use crate::file::Options;

/// Files of one relation: each is opened once before one is read.
const FILES_MAX: usize = 10_000;

/// As a shell has it: `*` is no part of another folder, and no file that is hidden.
const MATCH: MatchOptions = MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

/// Whether a path is a pattern of names. One that is there is itself, whatever it looks like.
pub(super) fn is_pattern(path: &str) -> bool {
    path.contains(['*', '?', '[']) && !Path::new(path).exists()
}

/// The files that a path stands for, in the order of their names, and the options of each.
pub(super) fn files(options: &Options) -> Result<Vec<Options>, SqlError> {
    let Options { path, at, .. } = options;
    if !is_pattern(path) {
        return Ok(vec![options.clone()]);
    }
    let refuse =
        |message: String, hint: &str| Err(SqlError::invalid_parameter(message).hint(hint).at(*at));
    let found = match glob_with(path, MATCH) {
        Ok(found) => found,
        Err(error) => {
            let message = format!("\"{path}\" is no pattern of files: {}", error.msg);
            return refuse(
                message,
                "In a pattern * stands for any letters, ? for one, [ab] for one of some.",
            );
        }
    };
    let mut files = Vec::new();
    for file in found {
        let file = match file {
            Ok(file) if file.is_dir() => continue,
            Ok(file) => file,
            Err(error) => return Err(unreadable(path, error.error(), *at)),
        };
        let Some(file) = file.to_str() else {
            let message = format!("the name of {} is no UTF-8", file.display());
            return refuse(message, "Rename it, or take a pattern that leaves it out.");
        };
        files.push(Options { path: file.to_owned(), ..options.clone() });
        if files.len() > FILES_MAX {
            let what = format!("files that \"{path}\" matches");
            return Err(SqlError::limit_exceeded(&what, files.len(), FILES_MAX).at(*at));
        }
    }
    if files.is_empty() {
        let message = format!("no file matches \"{path}\"");
        return refuse(message, "Look at the path and at the permissions of its folder.");
    }
    Ok(files)
}
