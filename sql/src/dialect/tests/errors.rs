//! What is refused, with which words, and where.

use super::*;

/// The error of a text: its words, and its hint behind `|`; the place is marked in the text by `^`.
fn check(marked: &str, expected: &str) {
    let position = marked.find('^').unwrap();
    let text = marked.replacen('^', "", 1);
    let error = parse(&text).map(|_| ()).unwrap_err();
    let hint = error.hint.clone().unwrap_or_default();
    assert_eq!(format!("{} {}|{hint}", error.sqlstate, error.message), expected, "{text}");
    assert_eq!(error.position, Some(position), "{text}\n{}", error.caret(&text));
}

#[test]
fn a_word_that_is_nearly_right_is_named() {
    check("^selct 1", "42601 expected a statement, found \"selct\"|Did you mean SELECT?");
    check(
        "SELECT * FROM t gruop ^by x",
        "42601 expected the end of the statement, found \"by\"|Did you mean GROUP instead of gruop?",
    );
    check(
        "CREATE ^strem x AS SELECT 1",
        "42601 expected SOURCE, STREAM, MATERIALIZED VIEW, VIEW, SINK or TABLE, found \"strem\"|\
         Did you mean STREAM?",
    );
    check("CREATE SOURCE s (a ^itn)", "42704 type \"itn\" does not exist|Did you mean INT?");
    check(
        "CREATE SOURCE s (a INT) FROM ^kafak (x = 1)",
        "42601 expected the kind of a connector, found \"kafak\"|Did you mean KAFKA?",
    );
    check(
        "SHOW sorces ^x",
        "42601 expected the end of the statement, found \"x\"|Did you mean SHOW SOURCES?",
    );
    check(
        "CREATE STREAM x AS SELECT 1 EMIT ^chnges",
        "42601 expected the end of the statement, found \"chnges\"|\
         EMIT is followed by ON WINDOW CLOSE, CHANGES or FINAL.",
    );
}

#[test]
fn what_is_missing_is_named_at_its_place() {
    check(
        "CREATE SOURCE s (a INT,^",
        "42601 expected the name of a column, found the end of the statement|",
    );
    check("CREATE SOURCE s (a^)", "42601 expected the type of column \"a\", found \")\"|");
    check("SELECT (1^", "42601 expected ), found the end of the statement|");
    check("SELECT 1^)", "42601 expected the end of the statement, found \")\"|");
    check("CREATE SINK k ^AS SELECT 1", "42601 expected INTO, found \"AS\"|");
    check("INSERT ^s", "42601 expected INTO, found \"s\"|");
    check("ADVANCE ^v", "42601 expected CLOCK, found \"v\"|");
    check("EXPECT (1) ^v", "42601 expected FROM, found \"v\"|");
    check("BACKUP ^'x'", "42601 expected TO, found \"'x'\"|");
    check("BACKUP TO ^x", "42601 expected a directory in quotes, found \"x\"|");
    check(
        "BACKUP TO ^''",
        "42601 the name of the directory is empty|Name an empty or missing directory.",
    );
}

#[test]
fn what_contradicts_itself_or_is_there_twice_is_refused() {
    check("CREATE SOURCE s (a INT) WITH (a = 1, ^A = 2)", "42601 option \"a\" is there twice|");
    check(
        "CREATE SOURCE s (a INT, ^a INT)",
        "42701 column \"a\" is there more than once|Give one of them another name.",
    );
    check(
        "CREATE OR REPLACE SOURCE ^IF NOT EXISTS s (a INT)",
        "42601 OR REPLACE and IF NOT EXISTS contradict each other|Leave one of them out.",
    );
    check("CREATE STREAM s AS SELECT 1 EMIT FINAL ^EMIT CHANGES", "42601 EMIT is there twice|");
    check(
        "SELECT * FROM t ^EMIT CHANGES",
        "42601 expected the end of the statement, found \"EMIT\"|\
         A query on its own runs once. Put SUBSCRIBE TO before it, or CREATE STREAM name AS.",
    );
    check(
        "CREATE SOURCE s (a INT, WATERMARK FOR a AS ^a + 1)",
        "42601 the watermark \"a + 1\" is not the column less an interval|\
         Write WATERMARK FOR a AS a - INTERVAL '5' SECOND.",
    );
}

#[test]
fn what_nothing_runs_yet_is_told_so() {
    check(
        "^UPDATE t SET a = 1",
        "0A000 UPDATE is not supported yet|Rows of a source are only added: INSERT the newer one, and \
         have a view take the last of each key, SELECT key, last(value ORDER BY ts) .. GROUP BY key.",
    );
    check(
        "CREATE ^INDEX i ON t (a)",
        "0A000 CREATE INDEX is not supported yet|A view is found by what it groups by in one lookup: \
         CREATE MATERIALIZED VIEW .. GROUP BY the columns to look up.",
    );
    check(
        "INSERT INTO t VALUES (1) ^RETURNING a",
        "0A000 INSERT with RETURNING or ON CONFLICT is not supported yet|\
         INSERT without it, and SELECT what the rows made of a view.",
    );
}

#[test]
fn options_are_read_by_type_and_none_is_left_unread() {
    let text = "CREATE SOURCE s (a INT) WITH (size = '64 MB', wait = INTERVAL '5' SECOND, \
                rate = 1000, follow, format = 'jsn', url = 'x-${HOST}-y')";
    let Ok([Parsed { statement: Statement::CreateSource(source), .. }]) =
        parse(text).map(|parsed| <[Parsed; 1]>::try_from(parsed).unwrap())
    else {
        panic!("a source");
    };
    let variables = |name: &str| (name == "HOST").then(|| "h".to_owned());
    let reader = || options::Reader::new(&source.options, "source \"s\"", &variables);
    let mut all = reader();
    assert_eq!(all.bytes("size"), Ok(Some(64 << 20)));
    assert_eq!(all.duration_us("wait"), Ok(Some(5_000_000)));
    assert_eq!(all.integer("rate", 1, 2000), Ok(Some(1000)));
    assert_eq!(all.boolean("follow"), Ok(Some(true)));
    assert_eq!(all.text("url"), Ok(Some("x-h-y".to_owned())));
    assert_eq!(all.text("other"), Ok(None));
    let error = all.choice("format", &["json", "csv"]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "option \"format\": 'jsn' is none of its values (22023) Did you mean 'json'?"
    );
    assert_eq!(error.position, text.find("'jsn'"));
    assert_eq!(all.finish(), Ok(()));

    let mut some = reader();
    for known in ["size", "wait", "format", "url", "rates"] {
        assert!(some.text(known).is_ok());
    }
    let error = some.finish().unwrap_err();
    assert_eq!(
        error.to_string(),
        "source \"s\" has no option \"rate\" (22023) Did you mean \"rates\"?"
    );
    assert_eq!(error.position, text.find("rate ="));
    let nothing = |_: &str| None;
    let mut bare = options::Reader::new(&source.options, "source \"s\"", &nothing);
    assert_eq!(bare.text("url").map_err(|error| error.sqlstate), Err("42704"));
    assert_eq!(reader().integer("rate", 1, 10).map_err(|error| error.sqlstate), Err("22023"));
    assert_eq!(reader().duration_us("size").map_err(|error| error.sqlstate), Err("22023"));
    assert_eq!(reader().required_text("nope").map_err(|error| error.sqlstate), Err("22023"));
}
