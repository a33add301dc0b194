use proc_macro2::{TokenStream, TokenTree};

use crate::expand::{from_row, row};

fn tokens(text: &str) -> TokenStream {
    text.parse().expect("Rust text")
}

/// The messages of the compile errors, one a line; empty where the struct is taken.
fn errors(expanded: TokenStream) -> String {
    let mut messages = Vec::new();
    let mut after_compile_error = false;
    for token in expanded {
        match token {
            TokenTree::Ident(name) => after_compile_error = name == "compile_error",
            TokenTree::Group(group) if after_compile_error => {
                let literal: syn::LitStr = syn::parse2(group.stream()).expect("one message");
                messages.push(literal.value());
            }
            _ => {}
        }
    }
    messages.join("\n")
}

fn refused(field: &str, expected: &str) {
    assert_eq!(errors(row(tokens(&format!("struct R {{ {field} }}")))), expected, "{field}");
}

/// What is generated, without spaces.
fn shown(expanded: TokenStream) -> String {
    expanded.to_string().replace(char::is_whitespace, "")
}

#[test]
fn every_field_becomes_a_column_and_a_cell() {
    let text = shown(row(tokens(
        "pub struct Trade<'a> {
            symbol: &'a str,
            #[row(name = \"px\")] price: f64,
            #[row(timestamp)] ts: Option<i64>,
            #[row(decimal(18, 2))] fee: i128,
            r#type: ::std::option::Option<std::string::String>,
            venue: Cow<'a, str>,
        }",
    )));
    assert!(text.contains("impl<'a>::sluicedb::db::RowforTrade<'a>"), "{text}");
    for column in [
        "Field::not_null(\"symbol\",::sluicedb::db::DataType::Text)",
        "Field::not_null(\"px\",::sluicedb::db::DataType::Double)",
        "Field::nullable(\"ts\",::sluicedb::db::DataType::Timestamp)",
        "Field::not_null(\"fee\",::sluicedb::db::DataType::Decimal{precision:18u8,scale:2u8})",
        "Field::nullable(\"type\",::sluicedb::db::DataType::Text)",
        "Field::not_null(\"venue\",::sluicedb::db::DataType::Text)",
    ] {
        assert!(text.contains(column), "{column} in {text}");
    }
    let cells =
        ["Cells::text(cells,&self.symbol);", "Cells::f64(cells,self.price);", "matchself.ts{"];
    let at = cells.map(|cell| text.find(cell).expect(cell));
    assert!(at.is_sorted(), "cells are written in the order of the fields: {text}");
}

#[test]
fn a_type_that_no_column_has_is_refused_with_those_there_are() {
    let types = "bool, i16, i32, i64, f32, f64, String, &str, Cow<str>, Vec<u8>, &[u8], [u8; 16], \
                 Date, Time, Timestamptz, Interval, Json, i64 with #[row(timestamp)], i128 with \
                 #[row(decimal(precision, scale))], or Option of one of these; a macro does not see \
                 through aliases";
    for (field, shown) in [
        ("n: u32", "u32"),
        ("n: Vec<u16>", "Vec<u16>"),
        ("n: &'a [u16]", "&'a[u16]"),
        ("n: [u8; 15]", "[u8;15]"),
        ("n: Option<Option<i32>>", "Option<i32>"),
        ("n: Cow<'a, [u8]>", "Cow<'a,[u8]>"),
        ("n: (i32, i32)", "(i32,i32)"),
        ("n: Price", "Price"),
    ] {
        refused(field, &format!("`{shown}` is not the type of a column; use {types}"));
    }
}

#[test]
fn an_attribute_on_the_wrong_type_is_refused() {
    refused("n: i128", "an i128 is a DECIMAL: write #[row(decimal(precision, scale))]");
    refused("#[row(timestamp)] n: i32", "timestamp is for an i64 in microseconds, not for `i32`");
    refused(
        "#[row(timestamp)] n: Option<SystemTime>",
        "timestamp is for an i64 in microseconds, not for `SystemTime`",
    );
    refused(
        "#[row(decimal(10, 2))] n: f64",
        "decimal(precision, scale) is for an i128, not for `f64`",
    );
    refused(
        "#[row(timestamp, decimal(10, 2))] n: i64",
        "decimal(precision, scale) is for an i128, not for `i64`",
    );
    refused(
        "#[row(timestamp, decimal(10, 2))] n: i128",
        "timestamp is for an i64 in microseconds, not for `i128`",
    );
}

#[test]
fn an_attribute_that_says_nothing_known_is_refused() {
    refused(
        "#[row(rename = \"m\")] n: i32",
        "row takes name = \"..\", timestamp, decimal(precision, scale)",
    );
    refused("#[row(name = \"\")] n: i32", "the name of a column is not empty");
    refused(
        &format!("#[row(name = \"{}\")] n: i32", "x".repeat(256)),
        "a name of 256 bytes; it may have 255",
    );
    refused("#[row(name = \"a\", name = \"b\")] n: i32", "this is said twice");
    refused("#[row(timestamp)] #[row(timestamp)] n: i64", "this is said twice");
    refused("#[row(decimal(39, 2))] n: i128", "the precision is between 1 and 38");
    refused("#[row(decimal(5, 6))] n: i128", "the scale is between 0 and the precision 5");
    refused("#[row(decimal(5, 2, 1))] n: i128", "decimal takes a precision and a scale");
}

#[test]
fn two_fields_are_not_one_column() {
    refused("a: i32, #[row(name = \"a\")] b: i32", "field `a` already is column \"a\"");
}

#[test]
fn all_that_is_wrong_is_said_at_once() {
    let text = errors(row(tokens("struct R { a: u8, b: i32, #[row(x)] c: i32 }")));
    assert_eq!(text.lines().count(), 2, "{text}");
}

#[test]
fn only_a_struct_with_named_fields_is_a_row() {
    let shape = "a row is a struct with named fields, one for each column";
    for text in ["enum R { A }", "struct R(i32);", "struct R;", "struct R {}", "union R { a: i32 }"]
    {
        assert_eq!(errors(row(tokens(text))), shape, "{text}");
        assert_eq!(errors(from_row(tokens(text))), shape, "{text}");
    }
    let generic = "a row has the same columns for every value: only lifetimes may be generic";
    assert_eq!(errors(row(tokens("struct R<T> { a: Option<T> }"))), generic);
    assert_eq!(errors(row(tokens("struct R<const N: usize> { a: i32 }"))), generic);
}

#[test]
fn a_row_that_is_read_owns_its_texts() {
    let borrowed = "struct R<'a> { name: &'a str }";
    assert_eq!(errors(row(tokens(borrowed))), "");
    assert_eq!(errors(from_row(tokens(borrowed))), "a row that is read owns its texts: use String");
    let text =
        shown(from_row(tokens("struct R { a: i32, #[row(name = \"x\")] b: Option<String> }")));
    assert!(text.contains("{name:\"x\",data_type:::sluicedb::db::DataType::Text,nullable:true,}"));
    assert!(text.contains("Self{a:row.get(0usize)?,b:row.get(1usize)?}"), "{text}");
}
