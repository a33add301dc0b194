//! The file of a mutant: what it breaks, which test must notice, and the diff.

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::Error;

/// The package whose tests hunt a mutant that names none.
const PACKAGE: &str = "sluicedb-tests";

/// A bug planted on purpose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mutant {
    /// Name of its file without the suffix.
    pub name: String,
    /// The first line of the file.
    pub bug: String,
    /// Filters of the tests that must fail.
    pub tests: Vec<String>,
    /// Which build the tests live in.
    pub build: Build,
    /// Whether a test that does not end counts as a test that noticed.
    pub hang: bool,
    /// How long its tests may run, where that is less than the default.
    pub limit: Option<Duration>,
    /// The whole file; git skips what stands before the diff.
    pub file: PathBuf,
}

/// Package and cargo arguments: what decides which test binaries there are.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Build {
    /// The package that is tested.
    pub package: String,
    /// Further arguments of `cargo test`.
    pub arguments: Vec<String>,
}

/// All mutants of a workspace, by name. A folder that is missing holds none.
pub fn all(root: &Path) -> Result<Vec<Mutant>, Error> {
    let folder = root.join("tests/mutants");
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut mutants = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(Error::io(&folder))? {
        let file = entry.map_err(Error::io(&folder))?.path();
        let name = file.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some(name) = name.strip_suffix(".patch") else { continue };
        let text = std::fs::read_to_string(&file).map_err(Error::io(&file))?;
        mutants.push(parse(name, &text, file.clone())?);
    }
    mutants.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    Ok(mutants)
}

fn parse(name: &str, text: &str, file: PathBuf) -> Result<Mutant, Error> {
    let wrong = |why: String| Error::Mutant { name: name.to_owned(), why };
    let diff = |line: &str| line.starts_with("diff ") || line.starts_with("--- ");
    let mut header = text.lines().take_while(|line| !diff(line));
    if !text.lines().any(diff) {
        return Err(wrong("holds no diff".to_owned()));
    }
    let bug = header.next().unwrap_or_default().trim().to_owned();
    if bug.is_empty() {
        return Err(wrong("its first line does not say which bug it plants".to_owned()));
    }
    let build = Build { package: PACKAGE.to_owned(), arguments: Vec::new() };
    let mut mutant = Mutant {
        name: name.to_owned(),
        bug,
        tests: Vec::new(),
        build,
        hang: false,
        limit: None,
        file,
    };
    for line in header {
        mutant.take(line).map_err(wrong)?;
    }
    if mutant.tests.is_empty() {
        return Err(wrong("no line `test: FILTER` names the test that must fail".to_owned()));
    }
    Ok(mutant)
}

impl Mutant {
    /// Takes one header line. A line of prose is let be, a key that nothing reads is not.
    fn take(&mut self, line: &str) -> Result<(), String> {
        let Some((key, value)) = line.split_once(": ") else { return Ok(()) };
        if key.is_empty() || !key.chars().all(|c| c.is_ascii_lowercase()) {
            return Ok(());
        }
        let value = value.trim();
        let words = value.split_whitespace().map(str::to_owned);
        match key {
            "test" => self.tests.extend(words),
            "package" => self.build.package = value.to_owned(),
            "features" => self.build.arguments.extend(["--features".to_owned(), value.to_owned()]),
            "args" => self.build.arguments.extend(words),
            "hang" if value == "yes" => self.hang = true,
            "limit" => {
                let seconds = value.parse().map_err(|_| "`limit` is in seconds".to_owned())?;
                self.limit = Some(Duration::from_secs(seconds));
            }
            _ => return Err(format!("no meaning for the header line `{line}`")),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let shown = match parse("m", text, PathBuf::new()) {
            Ok(m) => format!(
                "{} | {:?} {} {:?} hang={} {:?}",
                m.bug, m.tests, m.build.package, m.build.arguments, m.hang, m.limit
            ),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_header_says_bug_and_test() {
        check(
            "Acknowledges before the sync.\ntest: crash::every\n--- a/x\n+++ b/x\n",
            "Acknowledges before the sync. | [\"crash::every\"] sluicedb-tests [] hang=false None",
        );
    }

    #[test]
    fn a_header_chooses_package_features_and_limit() {
        check(
            "Bug.\nWhy it matters: much.\n\ntest: a b\npackage: sluicedb\nfeatures: x,y\n\
             args: --lib --no-default-features\nhang: yes\nlimit: 20\ndiff --git a/x b/x\n",
            "Bug. | [\"a\", \"b\"] sluicedb [\"--features\", \"x,y\", \"--lib\", \
             \"--no-default-features\"] hang=true Some(20s)",
        );
    }

    #[test]
    fn a_header_without_its_parts_is_refused() {
        let file = "tests/mutants/m.patch: ";
        check("Bug.\ntest: a\n", &format!("{file}holds no diff"));
        check("\n--- a/x\n", &format!("{file}its first line does not say which bug it plants"));
        check(
            "Bug.\n--- a/x\n",
            &format!("{file}no line `test: FILTER` names the test that must fail"),
        );
        let unread = "no meaning for the header line";
        check("Bug.\ntests: a\n--- a/x\n", &format!("{file}{unread} `tests: a`"));
        check("Bug.\nhang: maybe\n--- a/x\n", &format!("{file}{unread} `hang: maybe`"));
        check("Bug.\nlimit: soon\n--- a/x\n", &format!("{file}`limit` is in seconds"));
    }
}
