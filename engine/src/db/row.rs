//! Typed rows: from a struct to the cells of a source without text in between.
