//! Where files lie, how they begin and how long they are.

use std::collections::BTreeSet;

use super::scan::{self, Line, has_word};
use super::{File, Finding};

const TOP: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "LICENSE",
    "README.md",
    "engine",
    "sql",
    "wal",
    "ingest",
    "bench",
    "tests",
    "tools",
];

/// Prose that a person is meant to read. What is longer than this lives in rustdoc.
const MARKDOWN: &[&str] = &["README.md", "engine/ARCHITECTURE.md", "wal/FORMAT.md", "CHANGELOG.md"];

const LINES_MAX: usize = 800;

/// Files above `LINES_MAX` that are let be, each with the reason.
const LONG_FILES: &[(&str, &str)] = &[];

/// Top-level entries and prose files that are not on the lists.
pub(super) fn places(paths: &[&str]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let tops: BTreeSet<&str> =
        paths.iter().map(|path| path.split('/').next().unwrap_or(path)).collect();
    for top in tops.into_iter().filter(|top| !top.starts_with('.') && !TOP.contains(top)) {
        let what = format!("top-level entry `{top}`");
        findings.push(Finding::new(top, 1, what, "put it into the crate that owns it"));
    }
    let prose = |path: &&&str| path.ends_with(".md") && !MARKDOWN.contains(*path);
    for path in paths.iter().filter(prose) {
        let mend = "say it in a module comment, a commit or one of the prose files";
        findings.push(Finding::new(path, 1, "a markdown file here", mend));
    }
    findings
}

/// Rust files that the compiler never sees, because no `mod` names them.
pub(super) fn orphans(files: &[File]) -> Vec<Finding> {
    let packages: BTreeSet<&str> =
        files.iter().filter_map(|file| file.path.strip_suffix("/Cargo.toml")).collect();
    let rust: Vec<&File> = files.iter().filter(|file| file.path.ends_with(".rs")).collect();
    let names = |place: &str, module: &str| {
        let parent = rust.iter().find(|file| file.path == place);
        parent.is_some_and(|file| {
            let declared = format!("mod {module};");
            scan::lines(&file.text).iter().any(|line| has_word(&line.code, &declared))
        })
    };
    let orphan = |path: &str| {
        let Some((folder, file)) = path.rsplit_once('/') else { return false };
        if is_root(folder, file, &packages) {
            return false;
        }
        let stem = file.trim_end_matches(".rs");
        let (home, module) = if stem == "mod" {
            folder.rsplit_once('/').unwrap_or(("", folder))
        } else {
            (folder, stem)
        };
        let beside = ["mod", "lib", "main"].map(|parent| format!("{home}/{parent}.rs"));
        let above = format!("{home}.rs");
        !beside.iter().chain([&above]).any(|place| names(place, module))
    };
    rust.iter()
        .filter(|file| orphan(&file.path))
        .map(|file| {
            let mend = "name it where it belongs, or delete it";
            Finding::new(&file.path, 1, "a file that no `mod` names", mend)
        })
        .collect()
}

/// Whether cargo compiles this file without a `mod`.
fn is_root(folder: &str, file: &str, packages: &BTreeSet<&str>) -> bool {
    let target = matches!(file, "lib.rs" | "main.rs" | "build.rs");
    let (package, kind) = folder.rsplit_once('/').unwrap_or(("", folder));
    let discovered = match kind {
        "bin" => package.ends_with("src"),
        "tests" | "benches" | "examples" => packages.contains(package),
        _ => false,
    };
    target || discovered
}

/// A module says in its first line what it is; `tests.rs` says it by its name.
pub(super) fn header(path: &str, lines: &[Line]) -> Vec<Finding> {
    let first = lines.iter().find(|line| !line.comment.is_empty() || !line.code.trim().is_empty());
    if path.ends_with("/tests.rs") || first.is_some_and(|line| line.comment.starts_with("//!")) {
        return Vec::new();
    }
    let mend = "begin the file with one line that says what it is";
    vec![Finding::new(path, 1, "a module without a `//!` line", mend)]
}

/// A file that has become more than one thing.
pub(super) fn length(path: &str, lines: &[Line]) -> Vec<Finding> {
    let listed = LONG_FILES.iter().any(|(long, _)| *long == path);
    let count = lines_outside_tests(path, lines);
    if listed || count <= LINES_MAX {
        return Vec::new();
    }
    let mend = "split it by role, or list it with its reason in tidy/layout.rs";
    vec![Finding::new(path, LINES_MAX + 1, format!("{count} lines outside tests"), mend)]
}

/// Tests are a file `tests.rs`, the test folder of a crate, or the module at the end of a file.
fn lines_outside_tests(path: &str, lines: &[Line]) -> usize {
    let mut parts = path.split('/').skip(1);
    if path.ends_with("/tests.rs") || parts.any(|part| part == "tests") {
        return 0;
    }
    let opens = |pair: &[Line]| {
        pair[0].code == "#[cfg(test)]"
            && pair[1].code.starts_with("mod ")
            && pair[1].code.ends_with('{')
    };
    lines.windows(2).position(opens).unwrap_or(lines.len())
}

#[cfg(test)]
mod tests {
    use super::super::shown;
    use super::*;

    fn orphans_of(files: &[(&str, &str)]) -> String {
        let file =
            |(path, text): &(&str, &str)| File { path: (*path).into(), text: (*text).into() };
        shown(&orphans(&files.iter().map(file).collect::<Vec<_>>()))
    }

    #[test]
    fn the_top_level_and_the_prose_are_fixed() {
        let paths = ["README.md", ".ci/run", "engine/src/lib.rs", "bench.log", "sql/NOTES.md"];
        assert_eq!(
            shown(&places(&paths)),
            "bench.log:1: top-level entry `bench.log`\nsql/NOTES.md:1: a markdown file here"
        );
    }

    #[test]
    fn a_file_without_a_mod_is_found() {
        let lost = [
            ("a/Cargo.toml", ""),
            ("a/src/lib.rs", "pub mod b;\n// mod d;\n"),
            ("a/src/b/mod.rs", "mod c;"),
            ("a/src/b/c.rs", ""),
            ("a/src/d.rs", ""),
            ("a/src/b/e/mod.rs", ""),
        ];
        assert_eq!(
            orphans_of(&lost),
            "a/src/d.rs:1: a file that no `mod` names\na/src/b/e/mod.rs:1: a file that no `mod` names"
        );
    }

    #[test]
    fn what_cargo_finds_itself_needs_no_mod() {
        let roots = [
            ("a/Cargo.toml", ""),
            ("a/src/lib.rs", "mod b;"),
            ("a/src/b.rs", "mod c;"),
            ("a/src/b/c.rs", ""),
            ("a/src/bin/tool.rs", ""),
            ("a/src/bin/shell/main.rs", "mod parse;"),
            ("a/src/bin/shell/parse.rs", ""),
            ("a/tests/all/main.rs", "mod one;"),
            ("a/tests/all/one.rs", ""),
            ("a/tests/other.rs", ""),
            ("a/build.rs", ""),
        ];
        assert_eq!(orphans_of(&roots), "");
    }

    #[test]
    fn a_module_says_what_it_is() {
        let check = |text: &str| shown(&header("a.rs", &scan::lines(text)));
        assert_eq!(check("// What it is.\nmod b;\n"), "a.rs:1: a module without a `//!` line");
        assert_eq!(check(""), "a.rs:1: a module without a `//!` line");
        assert_eq!(check("\n//! What it is.\nmod b;\n"), "");
        assert_eq!(shown(&header("a/src/b/tests.rs", &[])), "");
    }

    #[test]
    fn a_long_file_is_found_and_its_tests_are_free() {
        let check = |path: &str, text: &str| shown(&length(path, &scan::lines(text)));
        let long = "f();\n".repeat(801);
        assert_eq!(check("a/src/b.rs", &long), "a/src/b.rs:801: 801 lines outside tests");
        assert_eq!(check("tests/src/b.rs", &long), "tests/src/b.rs:801: 801 lines outside tests");
        assert_eq!(check("a/src/b/tests.rs", &long), "");
        assert_eq!(check("tests/tests/all/b.rs", &long), "");
        assert_eq!(check("a/src/b.rs", &format!("#[cfg(test)]\nmod tests {{\n{long}")), "");
    }
}
