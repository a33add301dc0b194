//! Fails a test that hangs instead of hanging with it.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

/// Far beyond what any test here takes on a busy machine; it decides nothing else.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs a function on a thread of its own, and panics if it does not come back.
pub(crate) fn within<T: Send + 'static>(what: &str, run: impl FnOnce() -> T + Send + 'static) -> T {
    within_time(what, PATIENCE, run)
}

/// The same with another patience, for runs that are long by choice.
pub(crate) fn within_time<T: Send + 'static>(
    what: &str,
    patience: Duration,
    run: impl FnOnce() -> T + Send + 'static,
) -> T {
    let (done, is_done) = mpsc::channel();
    let runner = std::thread::spawn(move || {
        let _ = done.send(run());
    });
    match is_done.recv_timeout(patience) {
        Ok(result) => {
            runner.join().expect("it has sent its result");
            result
        }
        Err(RecvTimeoutError::Timeout) => panic!("{what}: hangs"),
        Err(RecvTimeoutError::Disconnected) => match runner.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(()) => unreachable!("{what}: it ended without a result"),
        },
    }
}
