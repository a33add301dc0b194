//! The measuring harness.
