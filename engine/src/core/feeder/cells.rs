//! One row, value by value.

/// Takes the values of one row, column by column in the order of the schema.
///
/// Whoever writes has made sure that the types are those of the columns; a value that its column
/// does not hold (a text too long, a time out of range) is remembered as the error of the row.
pub trait Cells {
    /// A BOOLEAN.
    fn bool(&mut self, value: bool);
    /// An INT.
    fn i32(&mut self, value: i32);
    /// A BIGINT or a TIMESTAMP in microseconds.
    fn i64(&mut self, value: i64);
    /// A DOUBLE.
    fn f64(&mut self, value: f64);
    /// A DECIMAL, as its digits without the point.
    fn i128(&mut self, value: i128);
    /// A TEXT.
    fn text(&mut self, value: &str);
    /// NULL.
    fn null(&mut self);
}
