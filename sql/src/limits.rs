//! Every bound of this crate, with its reason.

/// Columns of a relation: a schema is walked for every morsel, and PostgreSQL stops at 1600.
pub const COLUMNS_MAX: usize = 1024;

/// Bytes of a name, so that error texts and explained plans stay readable.
pub const NAME_BYTES_MAX: usize = 255;

/// Bytes of one text. A column of [`MORSEL_ROWS_MAX`] such texts still fits [`HEAP_BYTES_MAX`].
pub const TEXT_BYTES_MAX: usize = 1 << 20;

/// Rows the bounds above are laid out for.
pub const MORSEL_ROWS_MAX: usize = 1024;

/// Bytes behind the views of one text column: Arrow reads their offsets as signed 32 bit.
pub const HEAP_BYTES_MAX: usize = i32::MAX as usize;

/// Microseconds of a TIMESTAMP before or after the Unix epoch: more than 285 000 years, and far
/// enough from the ends of an i64 that those can stand for "before" and "after every time".
pub const TIMESTAMP_US_MAX: i64 = 9_000_000_000_000_000_000;

/// Nodes of a plan; each costs an operator on every shard.
pub const PLAN_NODES_MAX: usize = 1024;

/// Levels of an expression: binding and compiling recurse once a level.
pub const EXPR_DEPTH_MAX: usize = 200;

/// Nodes of the expressions compiled into one program; equal ones are looked for linearly.
pub const EXPR_NODES_MAX: usize = 4096;

/// Slices a hopping window is put together from: 1440 is a day by minutes.
pub const SLICES_PER_WINDOW_MAX: i64 = 1440;

const _: () = assert!(TEXT_BYTES_MAX * MORSEL_ROWS_MAX <= HEAP_BYTES_MAX);
