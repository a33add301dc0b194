//! A stack for what recurses deep.

use std::panic::resume_unwind;
use std::thread;

use crate::error::SqlError;

/// Bytes of the stack of [`deep`]: the parser without optimisation takes a quarter of a megabyte
/// for each of [`NESTING_MAX`](crate::limits::NESTING_MAX) subqueries. Only what is used is paid.
const STACK_BYTES: usize = 64 << 20;

/// Runs `work` to its end on a stack that holds every statement within the limits. The stacks of
/// threads are often 2 MiB, which the parser and the planner of a nested query overflow.
pub fn deep<T: Send>(work: impl FnOnce() -> Result<T, SqlError> + Send) -> Result<T, SqlError> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("sql".to_owned()).stack_size(STACK_BYTES);
        match thread.spawn_scoped(scope, work) {
            Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            Err(error) => {
                let message = format!("no stack for a statement this deep: {error}");
                Err(SqlError::too_complex(message))
            }
        }
    })
}
