//! The edge: where rows come from and where changes go.
