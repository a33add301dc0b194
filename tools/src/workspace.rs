//! Where the workspace is and which files belong to it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::Error;

/// The root of the repository that the current folder lies in.
pub fn root() -> Result<PathBuf, Error> {
    let out = git(Path::new("."), &["rev-parse", "--show-toplevel"])?;
    Ok(PathBuf::from(out.trim_end()))
}

/// Paths from the root of all files that are tracked or could be: git's list without what it
/// ignores. A file that is tracked but deleted is left out.
pub fn files(root: &Path) -> Result<Vec<String>, Error> {
    let arguments = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let out = git(root, &arguments)?;
    let mut files: Vec<String> = out
        .split_terminator('\0')
        .filter(|path| root.join(path).is_file())
        .map(str::to_owned)
        .collect();
    files.sort_unstable();
    // A path in conflict is listed once for each side.
    files.dedup();
    Ok(files)
}

fn git(folder: &Path, arguments: &[&str]) -> Result<String, Error> {
    let failed = |said| Error::Command { command: format!("git {}", arguments.join(" ")), said };
    let out = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .output()
        .map_err(|error| failed(error.to_string()))?;
    if !out.status.success() {
        return Err(failed(String::from_utf8_lossy(&out.stderr).into_owned()));
    }
    String::from_utf8(out.stdout).map_err(|error| failed(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_holds_this_file_and_nothing_ignored() {
        let files = files(&root().unwrap()).unwrap();
        assert!(files.iter().any(|path| path == "tools/src/workspace.rs"));
        assert!(!files.iter().any(|path| path.starts_with("target/")));
    }
}
