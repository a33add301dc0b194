//! A copy of the workspace to break, kept between runs so that builds stay incremental.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::patch::Mutant;
use crate::error::Error;
use crate::workspace;

/// The scratch folder: the copy, the target folder of its builds, and a lock.
pub(super) struct Copy {
    root: PathBuf,
    scratch: PathBuf,
    /// Held as long as the copy is in use: two runs would break each other's copy.
    _lock: fs::File,
}

impl Copy {
    /// Opens the copy in `scratch`, or waits until another run is done with it.
    pub(super) fn open(root: &Path, scratch: &Path) -> Result<Copy, Error> {
        fs::create_dir_all(scratch).map_err(Error::io(scratch))?;
        let scratch = scratch.canonicalize().map_err(Error::io(scratch))?;
        let place = scratch.join("lock");
        let lock = fs::File::create(&place).map_err(Error::io(&place))?;
        lock.lock().map_err(Error::io(&place))?;
        Ok(Copy { root: root.to_owned(), scratch, _lock: lock })
    }

    /// Where the copied workspace lies.
    pub(super) fn tree(&self) -> PathBuf {
        self.scratch.join("tree")
    }

    /// Where its builds go.
    pub(super) fn target(&self) -> PathBuf {
        self.scratch.join("target")
    }

    /// Where the output of the last cargo call goes.
    pub(super) fn output(&self) -> PathBuf {
        self.scratch.join("output")
    }

    /// Takes what another copy has built where there is nothing yet: dependencies are the same.
    pub(super) fn adopt_builds(&self, other: &Copy) -> Result<(), Error> {
        if self.target().exists() {
            return Ok(());
        }
        let failed = |said: String| Error::Command { command: "cp".to_owned(), said };
        let mut copy = Command::new("cp");
        let out = copy.arg("-a").arg(other.target()).arg(self.target()).output();
        let out = out.map_err(|error| failed(error.to_string()))?;
        if !out.status.success() {
            return Err(failed(String::from_utf8_lossy(&out.stderr).into_owned()));
        }
        Ok(())
    }

    /// Makes the copy equal to the workspace. Files that are equal already are not touched, so
    /// that cargo builds again only what a patch had changed.
    pub(super) fn restore(&self) -> Result<(), Error> {
        let tree = self.tree();
        let wanted: BTreeSet<String> = workspace::files(&self.root)?.into_iter().collect();
        for path in &wanted {
            let (from, to) = (self.root.join(path), tree.join(path));
            let bytes = fs::read(&from).map_err(Error::io(&from))?;
            if fs::read(&to).is_ok_and(|present| present == bytes) {
                continue;
            }
            if let Some(folder) = to.parent() {
                fs::create_dir_all(folder).map_err(Error::io(folder))?;
            }
            fs::write(&to, bytes).map_err(Error::io(&to))?;
        }
        for extra in present(&tree, "")?.difference(&wanted) {
            let place = tree.join(extra);
            fs::remove_file(&place).map_err(Error::io(&place))?;
        }
        Ok(())
    }

    /// Plants the bug.
    pub(super) fn plant(&self, mutant: &Mutant) -> Result<(), Error> {
        let wrong = |why: String| Error::Mutant { name: mutant.name.clone(), why };
        let out = Command::new("git")
            .args(["apply", "--whitespace=nowarn"])
            .arg(&mutant.file)
            .current_dir(self.tree())
            // Inside a repository git would skip, in silence, what lies above the copy.
            .env("GIT_CEILING_DIRECTORIES", &self.scratch)
            .env_remove("GIT_DIR")
            .env_remove("GIT_WORK_TREE")
            .output()
            .map_err(|error| wrong(format!("git cannot be run: {error}")))?;
        if !out.status.success() {
            let said = String::from_utf8_lossy(&out.stderr);
            return Err(wrong(format!("does not apply: {}", said.trim())));
        }
        Ok(())
    }
}

/// Paths of all files under `tree/folder`, from `tree`.
fn present(tree: &Path, folder: &str) -> Result<BTreeSet<String>, Error> {
    let place = tree.join(folder);
    let mut files = BTreeSet::new();
    for entry in fs::read_dir(&place).map_err(Error::io(&place))? {
        let entry = entry.map_err(Error::io(&place))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
        if entry.file_type().map_err(Error::io(&place))?.is_dir() {
            files.extend(present(tree, &path)?);
        } else {
            files.insert(path);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::super::patch::Build;
    use super::*;

    /// A repository with one file `a`, and a patch that changes it.
    fn repository(root: &Path) -> Mutant {
        let _ = fs::remove_dir_all(root);
        fs::create_dir_all(root).unwrap();
        assert!(Command::new("git").arg("init").arg("-q").arg(root).status().unwrap().success());
        fs::write(root.join("a"), "one\n").unwrap();
        fs::write(root.join(".gitignore"), "/target\n/p.patch\n").unwrap();
        let file = root.join("p.patch");
        fs::write(&file, "Bug.\ntest: x\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-one\n+two\n").unwrap();
        Mutant {
            name: "p".to_owned(),
            bug: "Bug.".to_owned(),
            tests: vec!["x".to_owned()],
            build: Build { package: "x".to_owned(), arguments: Vec::new() },
            hang: false,
            limit: None,
            file,
        }
    }

    #[test]
    fn a_bug_is_planted_in_the_copy_only_and_taken_out_again() {
        let root = std::env::temp_dir().join(format!("sluice-copy-{}", std::process::id()));
        let mutant = repository(&root);
        // Inside the repository, where git by itself would skip the copy.
        let copy = Copy::open(&root, &root.join("target/mutants")).unwrap();
        let content = || fs::read_to_string(copy.tree().join("a")).unwrap();
        copy.restore().unwrap();
        copy.plant(&mutant).unwrap();
        assert_eq!(content(), "two\n");
        assert_eq!(fs::read_to_string(root.join("a")).unwrap(), "one\n");
        let twice = copy.plant(&mutant).unwrap_err().to_string();
        assert!(twice.contains("p.patch: does not apply"), "{twice}");
        fs::write(copy.tree().join("stray"), "").unwrap();
        copy.restore().unwrap();
        assert_eq!(content(), "one\n");
        assert!(!copy.tree().join("stray").exists());
        fs::remove_dir_all(&root).unwrap();
    }
}
