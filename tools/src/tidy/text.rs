//! What the characters of a file may not be.

use super::Finding;
use super::scan::Line;

/// Folders that exist on one machine only. Split, because this file is checked too.
const MACHINE_FOLDERS: &[&str] =
    &[concat!("/", "root/"), concat!("/", "home/"), concat!("/", "work/")];

/// Paths that mean something on one machine only.
pub(super) fn machine_paths(path: &str, text: &str) -> Vec<Finding> {
    // Behind a name, a variable or a parent the folder is a part of some other path.
    let absolute = |line: &str, at: usize| {
        !line[..at].ends_with(|c: char| c.is_alphanumeric() || "._-}*>".contains(c))
    };
    let mend = "name it from the root of the repository, or by a variable";
    text.lines()
        .enumerate()
        .filter(|(_, line)| {
            MACHINE_FOLDERS.iter().any(|f| line.match_indices(f).any(|(at, _)| absolute(line, at)))
        })
        .map(|(at, _)| Finding::new(path, at + 1, "a path of somebody's machine", mend))
        .collect()
}

/// What a merge leaves where nobody decided between two sides.
pub(super) fn merge_marks(path: &str, text: &str) -> Vec<Finding> {
    let left = |line: &str| ["<<<<<<< ", ">>>>>>> "].iter().any(|mark| line.starts_with(mark));
    text.lines()
        .enumerate()
        .filter(|(_, line)| left(line))
        .map(|(at, _)| Finding::new(path, at + 1, "a mark of a merge", "keep what both sides mean"))
        .collect()
}

/// A prose file has one title.
pub(super) fn titles(path: &str, text: &str) -> Vec<Finding> {
    let mut fenced = false;
    let mut titles = Vec::new();
    for (at, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced && line.starts_with("# ") {
            titles.push(at + 1);
        }
    }
    if titles.is_empty() {
        return vec![Finding::new(path, 1, "no title", "begin the file with one `# ` line")];
    }
    let mend = "make it a section of the first";
    titles[1..].iter().map(|at| Finding::new(path, *at, "a second title", mend)).collect()
}

/// Emoji in prose and scripts.
pub(super) fn emoji(path: &str, text: &str) -> Vec<Finding> {
    let emoji = |c: char| matches!(u32::from(c), 0x2600..=0x27BF | 0x2B50 | 0x1F000..=0x1FAFF);
    text.lines()
        .enumerate()
        .filter(|(_, line)| line.contains(emoji))
        .map(|(at, _)| Finding::new(path, at + 1, "an emoji", "say it in words"))
        .collect()
}

/// Names and comments are ASCII. Strings hold what users write.
pub(super) fn ascii_code(path: &str, lines: &[Line]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let mut outside = line.code.chars().chain(line.comment.chars()).filter(|c| !c.is_ascii());
        if let Some(c) = outside.next() {
            let what = format!("U+{:04X} outside a string", u32::from(c));
            findings.push(Finding::new(path, at + 1, what, "write it in ASCII"));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::{scan, shown};
    use super::*;

    #[test]
    fn paths_of_a_machine_are_found() {
        let check = |text: &str| shown(&machine_paths("a.toml", text));
        let lines = MACHINE_FOLDERS.iter().map(|folder| format!("dir = \"{folder}x\"\n"));
        let found = "a path of somebody's machine";
        assert_eq!(
            check(&lines.collect::<String>()),
            format!("a.toml:1: {found}\na.toml:2: {found}\na.toml:3: {found}")
        );
        assert_eq!(check(&format!("file://{}x", MACHINE_FOLDERS[0])), format!("a.toml:1: {found}"));
        assert_eq!(check(&format!("target{}x $HOME{0}x", MACHINE_FOLDERS[2])), "");
    }

    #[test]
    fn marks_of_a_merge_are_found() {
        let text =
            format!("a\n{0} HEAD\nb\n=======\nc\n{1} 1234567\n", "<".repeat(7), ">".repeat(7));
        let found = "a.md:2: a mark of a merge\na.md:6: a mark of a merge";
        assert_eq!(shown(&merge_marks("a.md", &text)), found);
    }

    #[test]
    fn prose_has_one_title() {
        let check = |text: &str| shown(&titles("A.md", text));
        assert_eq!(check("# A\n\n## B\n\n# C\n"), "A.md:5: a second title");
        assert_eq!(check("# A\n```\n# a comment\n```\n"), "");
        assert_eq!(check("A\n"), "A.md:1: no title");
    }

    #[test]
    fn emoji_are_found_and_arrows_are_not() {
        assert_eq!(shown(&emoji("A.md", "a \u{2192} b\nfast \u{1F680}\n")), "A.md:2: an emoji");
    }

    #[test]
    fn code_and_comments_are_ascii() {
        let text = "let a = \"\u{e9}\"; // fine\nlet b = 1; // \u{2192}\n";
        assert_eq!(
            shown(&ascii_code("a.rs", &scan::lines(text))),
            "a.rs:2: U+2192 outside a string"
        );
    }
}
