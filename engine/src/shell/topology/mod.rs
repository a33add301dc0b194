//! Which CPUs there are, and which of them shards run on.
