//! `derive(Row)` and `derive(FromRow)`: structs whose fields are the columns of a relation.
//!
//! A field is a `bool`, `i32`, `i64`, `f64`, `String`, `&str` or `Cow<str>`, or an `Option` of one of
//! them where the column may hold NULL. `#[row(name = "..")]` names its column, `#[row(timestamp)]`
//! makes an `i64` a TIMESTAMP in microseconds, `#[row(decimal(p, s))]` makes an `i128` a DECIMAL.

mod expand;
mod member;

use proc_macro::TokenStream;

/// Implements `sluicedb::db::Row`: the struct can be pushed to a source.
#[proc_macro_derive(Row, attributes(row))]
pub fn derive_row(input: TokenStream) -> TokenStream {
    expand::row(input.into()).into()
}

/// Implements `sluicedb::db::FromRow`: the struct can be read from a subscription or a lookup.
#[proc_macro_derive(FromRow, attributes(row))]
pub fn derive_from_row(input: TokenStream) -> TokenStream {
    expand::from_row(input.into()).into()
}

#[cfg(test)]
mod tests;
