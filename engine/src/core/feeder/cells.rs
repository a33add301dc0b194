//! One row, value by value.

/// Takes the values of one row, column by column in the order of the schema.
///
/// Whoever writes has made sure that the types are those of the columns; a value that its column
/// does not hold (a text too long, a time out of range) is remembered as the error of the row.
pub trait Cells {
    /// A BOOLEAN.
    fn bool(&mut self, value: bool);
    /// An INT, a SMALLINT, or a DATE in days since 1970.
    fn i32(&mut self, value: i32);
    /// A BIGINT, or a TIME, TIMESTAMP or TIMESTAMPTZ in microseconds.
    fn i64(&mut self, value: i64);
    /// A DOUBLE, or a REAL, to which the value is rounded.
    fn f64(&mut self, value: f64);
    /// A DECIMAL, as its digits without the point, or a UUID or INTERVAL, as a column holds it.
    fn i128(&mut self, value: i128);
    /// A TEXT, or JSON as its one text.
    fn text(&mut self, value: &str);
    /// A BYTEA, or a nested value as its encoding.
    fn bytes(&mut self, value: &[u8]);
    /// NULL.
    fn null(&mut self);
}
