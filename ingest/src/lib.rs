//! The edge: where rows come from and where changes go.
//!
//! Sources, sinks, formats and servers live here, each in a file of its own. They reach shards only
//! through what the engine offers to an app, and know nothing of how an operator works.
