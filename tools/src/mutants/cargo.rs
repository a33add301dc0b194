//! Runs cargo on the copy, with a time limit, and reads what the test runner said.

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use super::copy::Copy;
use super::patch::Build;
use crate::error::Error;

/// Builds are not what may hang, but a machine may be slow.
const BUILD_LIMIT: Duration = Duration::from_secs(1800);

/// What became of one run of some tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The compiler refused it; what it said.
    NotBuilt(String),
    /// The limit came first.
    TimedOut,
    /// The runner came to its end.
    Ended {
        /// Whether cargo called it a success.
        success: bool,
        /// Names of the tests that passed.
        passed: Vec<String>,
        /// Names of the tests that failed.
        failed: Vec<String>,
        /// Tests that a binary set out to run; more than passed and failed if it died.
        started: usize,
    },
}

/// Builds and runs the tests of `build` that match one of `filters`.
pub(super) fn test(
    copy: &Copy,
    build: &Build,
    filters: &[&str],
    limit: Duration,
) -> Result<Outcome, Error> {
    let compile = ["--no-run".to_owned()];
    match call(copy, build, &compile, BUILD_LIMIT)? {
        (Some(status), _) if status.success() => {}
        (Some(_), said) => return Ok(Outcome::NotBuilt(said)),
        (None, _) => return Ok(Outcome::NotBuilt("the build takes too long".to_owned())),
    }
    let mut run = vec!["--".to_owned()];
    run.extend(filters.iter().map(|filter| (*filter).to_owned()));
    let (status, said) = call(copy, build, &run, limit)?;
    Ok(status.map_or(Outcome::TimedOut, |status| read(status.success(), &said)))
}

/// `None` for the status if the limit came first.
fn call(
    copy: &Copy,
    build: &Build,
    last: &[String],
    limit: Duration,
) -> Result<(Option<ExitStatus>, String), Error> {
    let place = copy.output();
    let out = fs::File::create(&place).map_err(Error::io(&place))?;
    let err = out.try_clone().map_err(Error::io(&place))?;
    // A bug often leaves a variable unused; that is for lints, and the tests must see it.
    let flags = std::env::var("RUSTFLAGS").unwrap_or_default() + " --cap-lints warn";
    let mut command = Command::new("cargo");
    command
        // The bugs are in the deterministic halves, which build without the shell's dependencies.
        .args(["test", "--no-default-features", "--package", &build.package])
        .args(&build.arguments)
        .args(last)
        .current_dir(copy.tree())
        .env("CARGO_TARGET_DIR", copy.target())
        .env("CARGO_TERM_COLOR", "never")
        .env("RUST_BACKTRACE", "0")
        .env("RUSTFLAGS", flags)
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(err)
        // Its own group, so that the limit ends the tests too and not only cargo.
        .process_group(0);
    let failed = |error: std::io::Error| Error::Command {
        command: "cargo test".to_owned(),
        said: error.to_string(),
    };
    let mut child = command.spawn().map_err(failed)?;
    let status = wait(&mut child, limit).map_err(failed)?;
    let said = fs::read(&place).map_err(Error::io(&place))?;
    Ok((status, String::from_utf8_lossy(&said).into_owned()))
}

fn wait(child: &mut Child, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if start.elapsed() >= limit {
            let group = format!("-{}", child.id());
            Command::new("kill").args(["-KILL", "--", &group]).status()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Reads the lines of the test runner: `running 2 tests`, `test a::b ... ok`.
fn read(success: bool, said: &str) -> Outcome {
    let (mut passed, mut failed, mut started) = (Vec::new(), Vec::new(), 0);
    for line in said.lines() {
        if let Some(rest) = line.strip_prefix("running ") {
            let count = rest.split(' ').next().and_then(|count| count.parse::<usize>().ok());
            started += count.unwrap_or(0);
        }
        let Some((name, verdict)) =
            line.strip_prefix("test ").and_then(|rest| rest.rsplit_once(" ... "))
        else {
            continue;
        };
        match verdict {
            "ok" => passed.push(name.to_owned()),
            "FAILED" => failed.push(name.to_owned()),
            _ => {}
        }
    }
    Outcome::Ended { success, passed, failed, started }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_the_runner_are_read() {
        let said = "running 2 tests\ntest a::b ... ok\ntest a::c ... FAILED\n\nfailures:\n\n\
                    test result: FAILED. 1 passed; 1 failed\n\nrunning 1 test\ntest d ... ok\n";
        let expected = Outcome::Ended {
            success: false,
            passed: vec!["a::b".to_owned(), "d".to_owned()],
            failed: vec!["a::c".to_owned()],
            started: 3,
        };
        assert_eq!(read(false, said), expected);
    }

    #[test]
    fn a_limit_ends_the_whole_group() {
        let mut command = Command::new("sh");
        let mut child = command.args(["-c", "sleep 600 & wait"]).process_group(0).spawn().unwrap();
        let start = Instant::now();
        assert_eq!(wait(&mut child, Duration::from_millis(50)).unwrap(), None);
        assert!(start.elapsed() < Duration::from_secs(60));
    }
}
