//! The shell's own files for bells and epoch words, over the atomics of a model checker: the tests
//! try every order in which the threads can go and every value that a load may see.

#![cfg(test)]

#[path = "../../src/shell/bell.rs"]
mod bell;
#[path = "../../src/shell/mark.rs"]
mod mark;
mod model;

use sluicedb::core;

/// What the shell takes from the standard library.
mod sync {
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
    pub(crate) use loom::sync::{Condvar, Mutex, MutexGuard};
}
