//! The statements of the scripts of the test suite.

use std::fs;
use std::path::{Path, PathBuf};

/// All of them, in the order of files and lines; longer ones are left out.
pub(crate) fn statements() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/slt");
    let mut files = Vec::new();
    scripts(&root, &mut files);
    let texts = files.iter().map(|file| fs::read_to_string(file).unwrap_or_default());
    texts.flat_map(|text| of_script(&text)).filter(|text| text.len() < LENGTH_MAX).collect()
}

/// Of a text that is to be changed.
const LENGTH_MAX: usize = 2000;

fn scripts(below: &Path, into: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(below) else { return };
    let mut entries: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            scripts(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "slt") {
            into.push(path);
        }
    }
}

/// What stands between the head of a record and its rows.
fn of_script(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(head) = lines.next() {
        if head.starts_with("statement") || head.starts_with("query") {
            let body = lines.by_ref().take_while(|line| !line.is_empty());
            let body: Vec<&str> = body.collect();
            let sql = body.split(|line| *line == "----").next().unwrap_or_default();
            found.push(sql.join("\n"));
        }
    }
    found
}
