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

/// Days of a DATE before or after the Unix epoch, so that every date is a timestamp.
pub const DATE_DAYS_MAX: i32 = (TIMESTAMP_US_MAX / 86_400_000_000) as i32;

/// Levels of arrays and structs in one another: encoding and comparing recurse once a level.
pub const TYPE_DEPTH_MAX: usize = 16;

/// Descriptions of nested types that a process keeps. They are never given back.
pub const TYPES_MAX: usize = 1 << 16;

/// Months of an INTERVAL, before or after: 11 million years. With the bound on days it lets an
/// interval and its order lie in 128 bits.
pub const INTERVAL_MONTHS_MAX: i32 = (1 << 27) - 1;

/// Days of an INTERVAL, before or after: more than any two timestamps are apart.
pub const INTERVAL_DAYS_MAX: i32 = (1 << 28) - 1;

/// Levels of arrays and objects in a JSON text: reading recurses once a level.
pub const JSON_DEPTH_MAX: usize = 200;

/// Digits of a number in a JSON text before or behind its point, once it is written without an
/// exponent.
pub const JSON_DIGITS_MAX: usize = 1000;

/// Nodes of a plan; each costs an operator on every shard.
pub const PLAN_NODES_MAX: usize = 1024;

/// First rows of a partition that a top-N puts out: they are looked at as a whole when one changes.
pub const TOP_ROWS_MAX: usize = 1_000_000;

/// Levels of an expression: binding and compiling recurse once a level.
pub const EXPR_DEPTH_MAX: usize = 200;

/// Nodes of the expressions compiled into one program; equal ones are looked for linearly.
pub const EXPR_NODES_MAX: usize = 4096;

/// Arguments of one call, as in PostgreSQL: a kernel has them all at hand on its stack.
pub const FUNCTION_ARGUMENTS_MAX: usize = 100;

/// Bytes of a state of an aggregate of the application's: with what is kept beside it, it lies in one
/// slot of a group's.
pub const AGGREGATE_STATE_BYTES_MAX: usize = 1000;

/// Slices a hopping window is put together from: 1440 is a day by minutes.
pub const SLICES_PER_WINDOW_MAX: i64 = 1440;

/// Bytes of a text of statements: a script is held whole while it is read.
pub const SCRIPT_BYTES_MAX: usize = 64 << 20;

/// Bytes of one statement: 40 000 rows of an INSERT, and tokens of less than a gigabyte.
pub const STATEMENT_BYTES_MAX: usize = 4 << 20;

/// Tokens of one statement, each of which costs a few hundred bytes of syntax tree.
pub const STATEMENT_TOKENS_MAX: usize = 500_000;

/// Levels of a statement, counting each operator of a chain as one: a tree that deep is still
/// walked, printed and dropped by recursion on a stack of 2 MiB without optimisation.
pub const STATEMENT_DEPTH_MAX: usize = 200;

/// Levels of parentheses and subqueries, of which the parser needs most stack.
pub const NESTING_MAX: usize = 40;

/// Elements of an IN list: each is an expression of its own to the planner.
pub const IN_LIST_MAX: usize = 10_000;

/// Statements that are prepared under a name: each keeps its plan.
pub const PREPARED_STATEMENTS_MAX: usize = 1000;

/// Parameters of a prepared statement: as many as a client of PostgreSQL can name.
pub const PARAMETERS_MAX: usize = 65_535;

const _: () = assert!(NESTING_MAX < STATEMENT_DEPTH_MAX && STATEMENT_DEPTH_MAX <= EXPR_DEPTH_MAX);
const _: () = assert!(TEXT_BYTES_MAX * MORSEL_ROWS_MAX <= HEAP_BYTES_MAX);
