//! Records to durable bytes and back: the log, checkpoints and manifests.
//!
//! Knows nothing of SQL, operators or rows: it keeps bytes that others understand.
