//! `derive(Row)` for structs whose fields are the columns of a source.
