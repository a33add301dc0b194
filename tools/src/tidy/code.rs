//! What code may not do, or may do in few places only.

use super::Finding;
use super::scan::{Line, has_word};

/// Files that may hold `unsafe`, with the reason.
const UNSAFE_FILES: &[(&str, &str)] = &[
    ("engine/src/core/arena/region.rs", "typed views of the bytes of a region"),
    ("engine/src/core/arena/stream.rs", "instructions that write past the caches"),
    ("engine/src/shell/memory/mapped.rs", "the memory of regions, by the contract of the arena"),
    ("engine/src/shell/memory/pages.rs", "kernel calls on mapped ranges"),
    ("engine/src/shell/topology/bind.rs", "kernel calls that bind threads and memory"),
    ("wal/src/directory/room.rs", "a kernel call that no library here wraps"),
    ("wal/src/uring.rs", "the kernel reads memory while this process goes on"),
    ("sql/tests/allocations.rs", "a global allocator is an unsafe trait"),
    ("bench/src/alloc.rs", "a global allocator is an unsafe trait"),
    ("bench/src/clock.rs", "the time stamp counter is an instruction"),
    ("bench/src/sys.rs", "calls of the kernel that no crate here wraps"),
    ("tests/tests/shell/seccomp.rs", "kernel calls that take rights from a child"),
];

/// What deterministic code cannot reach, because its answer would differ from run to run.
const OUTSIDE: &[&str] = &["time", "fs", "net", "thread", "env"];
const OUTSIDE_CRATES: &[&str] = &["glommio", "rtrb", "libc"];

/// The half of `wal` that does IO.
const WAL_SHELL: &[&str] = &[
    "wal/src/backup.rs",
    "wal/src/backup/error.rs",
    "wal/src/backup/folder.rs",
    "wal/src/backup/target.rs",
    "wal/src/backup/tests.rs",
    "wal/src/directory.rs",
    "wal/src/directory/error.rs",
    "wal/src/directory/read.rs",
    "wal/src/directory/room.rs",
    "wal/src/directory/salvage.rs",
    "wal/src/directory/temp.rs",
    "wal/src/directory/tests.rs",
    "wal/src/probe.rs",
    "wal/src/uring.rs",
    "wal/src/uring/tests.rs",
    "wal/src/worker.rs",
    "wal/src/worker/append.rs",
    "wal/src/worker/inbox.rs",
    "wal/src/worker/perform.rs",
    "wal/src/worker/ring.rs",
    "wal/src/worker/tests.rs",
];

/// Clocks, files, threads and the rest of the machine, where only functions of their input live.
pub(super) fn reach(path: &str, lines: &[Line]) -> Vec<Finding> {
    let deterministic = path.starts_with("engine/src/core/")
        || (path.starts_with("wal/src/") && !WAL_SHELL.contains(&path));
    if !deterministic {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let crates = OUTSIDE_CRATES.iter().filter(|name| has_word(&line.code, name));
        let modules = OUTSIDE.iter().map(|name| format!("std::{name}"));
        found.extend(crates.map(|name| (at, (*name).to_owned())));
        found.extend(modules.filter(|name| has_word(&line.code, name)).map(|name| (at, name)));
        found.extend(grouped(&lines[at..]).into_iter().map(|name| (at, format!("std::{name}"))));
    }
    let mend = "take it as an input, or move this to the shell";
    let show =
        |(at, name)| Finding::new(path, at + 1, format!("`{name}` in deterministic code"), mend);
    found.into_iter().map(show).collect()
}

/// The modules that a `use std::{..}` which opens on the first line takes from outside.
fn grouped(lines: &[Line]) -> Vec<String> {
    let opens = lines.first().and_then(|line| line.code.split_once("std::{"));
    let Some((_, first)) = opens else { return Vec::new() };
    let rest = lines[1..].iter().map(|line| line.code.as_str());
    let (mut depth, mut starts, mut name, mut found) = (0_u32, true, String::new(), Vec::new());
    for c in std::iter::once(first).chain(rest).flat_map(|code| code.chars().chain(['\n'])) {
        if starts && (c.is_alphanumeric() || c == '_') {
            name.push(c);
            continue;
        }
        if OUTSIDE.contains(&name.as_str()) {
            found.push(name.clone());
        }
        // A name of the group itself starts after its brace or a comma, not after `::`.
        starts = (c == ',' || c.is_whitespace() && name.is_empty() && starts) && depth == 0;
        name.clear();
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ';' => break,
            _ => {}
        }
    }
    found
}

/// `unsafe` outside the files that are listed for it.
pub(super) fn unsafe_places(path: &str, lines: &[Line]) -> Vec<Finding> {
    if UNSAFE_FILES.iter().any(|(listed, _)| *listed == path) {
        return Vec::new();
    }
    let mend = "use what the arena offers, or list the file with its reason in tidy/code.rs";
    lines
        .iter()
        .enumerate()
        .filter(|(_, line)| has_word(&line.code, "unsafe"))
        .map(|(at, _)| Finding::new(path, at + 1, "`unsafe` in this file", mend))
        .collect()
}

/// Ways around a test, a lint or the work.
pub(super) fn escapes(path: &str, lines: &[Line]) -> Vec<Finding> {
    let list = [
        ("#[ignore", "make the test pass, or delete it"),
        ("should_panic", "return an error and check it, or check the assertion by a mutant"),
        ("todo!", "write it, or do not offer it"),
        ("unimplemented!", "write it, or do not offer it"),
    ];
    let mut findings = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        for (word, mend) in list.iter().filter(|(word, _)| has_word(&line.code, word)) {
            findings.push(Finding::new(path, at + 1, format!("`{word}` in code"), *mend));
        }
        let attribute = line.code.contains("#[") || line.code.contains("#![");
        if attribute && has_word(&line.code, "allow(") {
            let mend = "mend what the lint says, or `expect` it with a reason";
            findings.push(Finding::new(path, at + 1, "an `allow` attribute", mend));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::{scan, shown};
    use super::*;

    fn check(rule: fn(&str, &[Line]) -> Vec<Finding>, path: &str, text: &str, expected: &str) {
        assert_eq!(shown(&rule(path, &scan::lines(text))), expected);
    }

    #[test]
    fn the_core_reaches_no_clock_file_or_thread() {
        check(
            reach,
            "engine/src/core/align.rs",
            "use std::time::Instant;\n// std::fs in a comment is fine\nlet a = libc::getpid();\n",
            "engine/src/core/align.rs:1: `std::time` in deterministic code\n\
             engine/src/core/align.rs:3: `libc` in deterministic code",
        );
    }

    #[test]
    fn a_group_of_imports_hides_nothing() {
        check(
            reach,
            "engine/src/core/a.rs",
            "use std::{\n    collections::{BTreeMap, btree_map},\n    io, net::IpAddr,\n    env};\n",
            "engine/src/core/a.rs:1: `std::net` in deterministic code\n\
             engine/src/core/a.rs:1: `std::env` in deterministic code",
        );
        check(
            reach,
            "engine/src/core/a.rs",
            "use std::{fs};",
            "engine/src/core/a.rs:1: `std::fs` in deterministic code",
        );
        check(reach, "engine/src/core/a.rs", "use std::{cmp::{time}, mem::fs};", "");
    }

    #[test]
    fn the_shell_reaches_what_it_likes() {
        check(reach, "wal/src/uring.rs", "use std::fs::File;", "");
        check(reach, "engine/src/shell/clock.rs", "use std::time::Instant;", "");
        check(
            reach,
            "wal/src/log.rs",
            "use std::fs::File;",
            "wal/src/log.rs:1: `std::fs` in deterministic code",
        );
    }

    #[test]
    fn unsafe_is_for_listed_files() {
        check(
            unsafe_places,
            "sql/src/lib.rs",
            "unsafe { x() }",
            "sql/src/lib.rs:1: `unsafe` in this file",
        );
        check(unsafe_places, "sql/src/lib.rs", "#![forbid(unsafe_code)] // unsafe\n\"unsafe\"", "");
        check(unsafe_places, "engine/src/core/arena/region.rs", "unsafe { x() }", "");
    }

    #[test]
    fn tests_are_not_switched_off() {
        check(
            escapes,
            "a.rs",
            "#[ignore = \"slow\"]\n#[should_panic]\ntodo!()\nunimplemented!(\"\")\n\"todo!\"\n",
            "a.rs:1: `#[ignore` in code\na.rs:2: `should_panic` in code\n\
             a.rs:3: `todo!` in code\na.rs:4: `unimplemented!` in code",
        );
    }

    #[test]
    fn lints_are_expected_not_allowed() {
        check(
            escapes,
            "a.rs",
            "#![allow(dead_code)]\n#[cfg_attr(test, allow(x))]\n#[expect(x, reason = \"\")]\nallow(x);\n",
            "a.rs:1: an `allow` attribute\na.rs:2: an `allow` attribute",
        );
    }
}
