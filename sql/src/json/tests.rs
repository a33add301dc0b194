use super::*;

fn canonical(text: &str) -> String {
    Json::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).as_str().to_owned()
}

#[test]
fn equal_values_have_one_text() {
    for (text, wanted) in [
        (" { \"b\" : 1 , \"a\":[ ] } ", "{\"a\": [], \"b\": 1}"),
        ("{\"aa\":1,\"b\":2,\"aa\":3}", "{\"b\": 2, \"aa\": 3}"),
        ("[1.0, 1e3, 1.50, -0, 0.0010, 12.5e-4, 100]", "[1, 1000, 1.5, 0, 0.001, 0.00125, 100]"),
        ("\"\\u00e9\\/\\ud83d\\ude00\\n\\u0001\"", "\"\u{e9}/\u{1f600}\\n\\u0001\""),
        ("[true,false,null,{}]", "[true, false, null, {}]"),
    ] {
        assert_eq!(canonical(text), wanted, "{text}");
        assert_eq!(canonical(wanted), wanted, "what is canonical stays");
    }
}

#[test]
fn what_is_no_json_is_refused_with_the_text() {
    for text in [
        "",
        "{",
        "[1,]",
        "{\"a\"}",
        "{a:1}",
        "01",
        "1.",
        ".5",
        "+1",
        "\"\u{1}\"",
        "\"\\u0000\"",
        "\"\\ud800\"",
        "nul",
        "[] []",
        "NaN",
        "'a'",
    ] {
        let error = Json::parse(text).unwrap_err();
        assert_eq!(error.sqlstate, "22P02", "{text}");
        assert!(error.message.contains("type json"), "{error}");
    }
    assert_eq!(Json::parse("1e100000").unwrap_err().sqlstate, "22003");
    assert_eq!(Json::parse("1e-99999999999999999999").unwrap_err().sqlstate, "22003");
    assert_eq!(Json::parse(&"[".repeat(5000)).unwrap_err().sqlstate, "54000");
}
