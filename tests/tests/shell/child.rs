//! Tests that want a process of their own: the test binary runs itself again.

use std::process::{Child, Command, Stdio};

/// Says to a child which test it is.
const NAME: &str = "SLUICE_TEST_CHILD";

/// Runs `body` in a child that runs this one test, and fails as it does. `test` is the full name of
/// the test that calls.
pub(crate) fn in_child(test: &str, body: impl FnOnce()) {
    if is_child(test) {
        return body();
    }
    let out = command(test).output().expect("the test binary runs");
    let told = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (text, errors) = (told(&out.stdout), told(&out.stderr));
    assert!(out.status.success(), "child of {test}: {}\n{text}\n{errors}", out.status);
    assert!(text.contains("1 passed"), "child of {test} ran no test:\n{text}");
    print!("{text}");
}

/// Starts a child that runs this one test with an argument; what it prints can be read.
pub(crate) fn start(test: &str, argument: &str) -> Child {
    let mut command = command(test);
    command.env(ARGUMENT, argument).stdin(Stdio::null()).stdout(Stdio::piped());
    command.stderr(Stdio::inherit()).spawn().expect("the test binary runs")
}

const ARGUMENT: &str = "SLUICE_TEST_ARGUMENT";

/// What this child was started with.
pub(crate) fn argument() -> String {
    std::env::var(ARGUMENT).expect("the parent sets it")
}

/// Whether this process is the child of that test.
pub(crate) fn is_child(test: &str) -> bool {
    std::env::var(NAME).is_ok_and(|name| name == test)
}

fn command(test: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().expect("this test has a file"));
    command.args([test, "--exact", "--nocapture", "--test-threads=1"]).env(NAME, test);
    command
}

/// Threads, descriptors and mappings of this process.
pub(crate) fn holdings() -> (usize, usize, usize) {
    let count = |path: &str| std::fs::read_dir(path).expect("proc is there").count();
    let maps = std::fs::read_to_string("/proc/self/maps").expect("proc is there");
    (count("/proc/self/task"), count("/proc/self/fd"), maps.lines().count())
}

/// Bytes of a line of `/proc/self/status`.
pub(crate) fn status_bytes(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("proc is there");
    let line = status.lines().find(|line| line.starts_with(name)).expect("a line of status");
    let kilobytes = line.split_whitespace().nth(1).and_then(|word| word.parse::<u64>().ok());
    kilobytes.expect("a number of kB") * 1024
}
