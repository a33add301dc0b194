//! Holds the source to the habits that no compiler checks.
//!
//! A check is a function of a path and a text, so that a test shows each of them firing.

mod code;
mod comment;
mod layout;
mod scan;
mod text;

use std::fmt;
use std::path::Path;

use crate::error::Error;
use crate::workspace;

/// One place that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Path from the root.
    pub path: String,
    /// Counted from 1.
    pub line: usize,
    /// What is wrong there.
    pub what: String,
    /// How to mend it.
    pub mend: String,
}

impl Finding {
    fn new(path: &str, line: usize, what: impl Into<String>, mend: impl Into<String>) -> Finding {
        Finding { path: path.to_owned(), line, what: what.into(), mend: mend.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {}", self.path, self.line, self.what, self.mend)
    }
}

/// One text file of the workspace.
#[derive(Debug)]
pub struct File {
    /// Path from the root.
    pub path: String,
    /// All of it.
    pub text: String,
}

/// Reads and checks every file of the workspace; the findings are ordered by path and line.
pub fn workspace(root: &Path) -> Result<Vec<Finding>, Error> {
    let mut files = Vec::new();
    for path in workspace::files(root)? {
        let place = root.join(&path);
        let bytes = std::fs::read(&place).map_err(Error::io(&place))?;
        // What is not text has no lines to check, but its place counts.
        let text = String::from_utf8(bytes).unwrap_or_default();
        files.push(File { path, text });
    }
    Ok(check(&files))
}

/// All checks over `files`.
#[must_use]
pub fn check(files: &[File]) -> Vec<Finding> {
    let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let mut findings = layout::places(&paths);
    findings.extend(layout::orphans(files));
    for File { path, text } in files {
        findings.extend(text::machine_paths(path, text));
        findings.extend(text::merge_marks(path, text));
        if path.ends_with(".md") {
            findings.extend(text::titles(path, text));
        }
        if path.ends_with(".rs") {
            let lines = scan::lines(text);
            findings.extend(layout::header(path, &lines));
            findings.extend(layout::length(path, &lines));
            findings.extend(code::reach(path, &lines));
            findings.extend(code::unsafe_places(path, &lines));
            findings.extend(code::escapes(path, &lines));
            findings.extend(comment::unfinished(path, &lines));
            findings.extend(comment::dead_code(path, &lines));
            findings.extend(comment::words(path, &lines));
            findings.extend(comment::decoration(path, &lines));
            findings.extend(text::ascii_code(path, &lines));
        } else {
            findings.extend(text::emoji(path, text));
        }
    }
    findings.sort_unstable();
    findings
}

/// The findings as a text, without how to mend them.
#[cfg(test)]
fn shown(findings: &[Finding]) -> String {
    let show = |f: &Finding| format!("{}:{}: {}", f.path, f.line, f.what);
    findings.iter().map(show).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_tidy() {
        let findings = workspace(&workspace::root().unwrap()).unwrap();
        let shown: Vec<String> = findings.iter().map(Finding::to_string).collect();
        assert!(findings.is_empty(), "tidy found\n{}", shown.join("\n"));
    }

    #[test]
    fn every_check_is_wired_in() {
        let core = "mod a;\n#[allow(x)] // TODO tidy\nuse std::fs;\nunsafe {} // é\n\
                    // let a = 1;\n// blazing\n// ====\n";
        let long = "//! Long.\n".repeat(900);
        let files = [
            ("engine/src/core/x.rs", core),
            ("sql/src/lib.rs", &long),
            ("NOTES.md", "# A\n\n# B \u{1F600}\n"),
            ("notes.txt", concat!("see ", "/", "root/x\n", "<<<<<<<", " HEAD\n")),
        ];
        let files = files.map(|(path, text)| File { path: path.to_owned(), text: text.to_owned() });
        let expected = "\
NOTES.md:1: top-level entry `NOTES.md`
NOTES.md:1: a markdown file here
NOTES.md:3: a second title
NOTES.md:3: an emoji
engine/src/core/x.rs:1: a file that no `mod` names
engine/src/core/x.rs:1: a module without a `//!` line
engine/src/core/x.rs:2: `TODO` without a name
engine/src/core/x.rs:2: an `allow` attribute
engine/src/core/x.rs:3: `std::fs` in deterministic code
engine/src/core/x.rs:4: U+00E9 outside a string
engine/src/core/x.rs:4: `unsafe` in this file
engine/src/core/x.rs:5: commented-out code
engine/src/core/x.rs:6: `blazing` in a comment
engine/src/core/x.rs:7: a section banner
notes.txt:1: a path of somebody's machine
notes.txt:2: a mark of a merge
notes.txt:1: top-level entry `notes.txt`
sql/src/lib.rs:801: 900 lines outside tests";
        let mut found: Vec<String> = shown(&check(&files)).lines().map(str::to_owned).collect();
        let mut expected: Vec<String> = expected.lines().map(str::to_owned).collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_finding_names_place_fault_and_cure() {
        let finding = Finding::new("a.rs", 3, "this", "do that");
        assert_eq!(finding.to_string(), "a.rs:3: this: do that");
    }
}
