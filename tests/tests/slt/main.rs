//! What SQL means, file by file: each runs on a database of its own.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a test fails, and says what it ran")]

use std::fs;
use std::path::{Path, PathBuf};

use sluicedb::db::Database;
use sluicedb::plan::Plan;
use sluicedb_tests::slt::{self, Counts};

/// Fewer files and queries than these, and some were lost.
const FILES_MIN: usize = 90;
const QUERIES_MIN: usize = 1500;

/// All scripts below a directory, in order.
fn scripts(below: &Path, into: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(below).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            scripts(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "slt") {
            into.push(path);
        }
    }
}

/// `SLT` in the environment is a part of the names of the files that run, when not all shall.
fn run_all(shards: usize) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("slt");
    let mut files = Vec::new();
    scripts(&root, &mut files);
    let wanted = std::env::var("SLT").ok();
    files.retain(|path| wanted.as_ref().is_none_or(|of| path.to_string_lossy().contains(of)));
    assert!(!files.is_empty(), "no script has {} in its name", wanted.unwrap_or_default());
    let (mut total, mut failed) = (Counts::default(), Vec::new());
    for path in &files {
        let text = fs::read_to_string(path).unwrap();
        let name = path.strip_prefix(&root).unwrap().display();
        assert!(text.starts_with("# Results: "), "{name} does not say where its results are from");
        let builder = Database::builder().memory_limit(256 << 20).shards(shards);
        let database = builder.start(&Plan::empty()).unwrap();
        match slt::run(&text, &database) {
            Ok(Counts { statements, queries }) => {
                total.statements += statements;
                total.queries += queries;
            }
            Err(what) => failed.push(format!("{name}, {what}")),
        }
        database.close().unwrap();
    }
    let Counts { statements, queries } = total;
    println!("{} files, {queries} queries, {statements} statements on {shards}", files.len());
    assert!(failed.is_empty(), "{} files differ:\n{}", failed.len(), failed.join("\n"));
    assert!(wanted.is_some() || (files.len() >= FILES_MIN && queries >= QUERIES_MIN));
}

#[test]
fn sql_means_what_the_scripts_say_on_one_shard() {
    run_all(1);
}

#[test]
fn sql_means_what_the_scripts_say_on_two_shards() {
    run_all(2);
}
