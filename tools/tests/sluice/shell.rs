//! SQL by `-c`, `-f` and a pipe: what is printed where, in every format, and how it ends.

use std::io::Cursor;
use std::path::PathBuf;
use std::process::Stdio;

use sluicedb::arrow::array::AsArray as _;
use sluicedb::arrow::datatypes::Int64Type;
use sluicedb::arrow::ipc::reader::StreamReader;

use super::*;

const README: &str = include_str!("../../../README.md");

/// What was printed, what was said of errors, and the exit code.
fn shell(given: &[&str]) -> (String, String, Option<i32>) {
    let words: Vec<String> = given.iter().map(|word| (*word).to_owned()).collect();
    parts(run(&words))
}

fn parts(output: Output) -> (String, String, Option<i32>) {
    let text = |bytes| String::from_utf8(bytes).expect("the shell writes UTF-8");
    (text(output.stdout), text(output.stderr), output.status.code())
}

/// A file with this text that is there as long as the value.
struct Script(PathBuf);

impl Script {
    fn new(name: &str, text: &str) -> Script {
        let path = std::env::temp_dir().join(format!("sluice-{}-{name}", std::process::id()));
        std::fs::write(&path, text).expect("the folder for temporary files takes one");
        Script(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("its name was a text")
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Where a database may lie that nothing else uses.
pub(super) fn directory(name: &str) -> String {
    let name = format!("sluice-{name}-{}", std::process::id());
    let place = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    place.to_str().expect("a path of this workspace is a text").to_owned()
}

/// The only block of a language in the README.
fn block(language: &str) -> &'static str {
    let section = README.split("## SQL in a minute").nth(1).expect("the section is there");
    let opened = section.split_once(&format!("```{language}\n"));
    let closed = opened.and_then(|(_, behind)| behind.split_once("```"));
    closed.expect("the block is there").0
}

#[test]
fn the_readme_prints_what_it_says() {
    let script = Script::new("minute.sql", block("sql"));
    let printed = (block("text").to_owned(), String::new(), Some(0));
    assert_eq!(shell(&["-f", script.path()]), printed);
    let commands = block("sh").lines().filter_map(|line| line.split_once("sluice -- "));
    let place = directory("market");
    let mut ran = 0;
    for (_, line) in commands {
        let line = line.split('#').next().unwrap().replace("minute.sql", script.path());
        let line = line.replace("./market", &place);
        let output = sluice(&line);
        assert!(output.status.success(), "{line}");
        ran += 1;
    }
    assert_eq!(ran, 3);
    std::fs::remove_dir_all(place).unwrap();
}

const ROWS: &str = "SELECT * FROM (VALUES (1, 'a,b', 1.50), (2, NULL, 2.25)) AS t (n, name, price)";

#[test]
fn a_table_aligns_numbers_shows_null_and_counts_rows() {
    let expected = " n | name | price\n---+------+-------\n 1 | a,b  |  1.50\n 2 | NULL |  2.25\n\
                    (2 rows)\n";
    assert_eq!(shell(&["-c", ROWS]), (expected.to_owned(), String::new(), Some(0)));
}

#[test]
fn formats_for_programs_hold_the_rows_and_nothing_else() {
    let printed = |format: &str| {
        let (out, err, code) = shell(&["-c", ROWS, "--format", format]);
        assert_eq!((err.as_str(), code), ("", Some(0)));
        out
    };
    assert_eq!(printed("csv"), "n,name,price\n1,\"a,b\",1.50\n2,,2.25\n");
    let first = "{\"n\":1,\"name\":\"a,b\",\"price\":1.50}";
    let second = "{\"n\":2,\"name\":null,\"price\":2.25}";
    assert_eq!(printed("ndjson"), format!("{first}\n{second}\n"));
    assert_eq!(printed("json"), format!("[{first},\n {second}]\n"));
}

#[test]
fn arrow_comes_as_a_stream_that_arrow_reads() {
    let output = run(&words("--format arrow -c 'SELECT 7 AS n'"));
    let mut reader = StreamReader::try_new(Cursor::new(output.stdout), None).unwrap();
    let batch = reader.next().unwrap().unwrap();
    assert_eq!(batch.schema().field(0).name(), "n");
    assert_eq!(batch.column(0).as_primitive::<Int64Type>().value(0), 7);
}

#[test]
fn a_subscription_in_a_script_writes_changes_beside_what_follows() {
    let text = "CREATE SOURCE s (n BIGINT);\n\
                CREATE MATERIALIZED VIEW total AS SELECT sum(n) AS total FROM s;\n\
                INSERT INTO s VALUES (1);\nSUBSCRIBE TO total;\nINSERT INTO s VALUES (2);\n";
    let script = Script::new("subscribe.sql", text);
    let (out, err, code) = shell(&["-f", script.path(), "--format", "csv"]);
    assert_eq!((err.as_str(), code), ("", Some(0)));
    assert_eq!(out, "_weight,total\n-1,1\n1,3\n");
}

#[test]
fn a_script_stops_at_the_first_error_and_names_its_place() {
    let text = "SELECT 1 AS one;\n\n  SELECT 2 +;\nSELECT 3 AS three;\n";
    let script = Script::new("broken.sql", text);
    let (out, err, code) = shell(&["-f", script.path(), "--format", "csv"]);
    assert_eq!((out.as_str(), code), ("one\n1\n", Some(1)));
    assert!(err.starts_with(&format!("{}:3:", script.path())), "{err}");
    assert!(err.contains(": ERROR:  ") && err.contains(" (42601)\n"), "{err}");
    assert!(err.contains("\nLINE 3:   SELECT 2 +"), "{err}");
    assert!(err.lines().any(|line| line.trim() == "^"), "{err}");
}

#[test]
fn an_error_of_an_object_has_its_state_and_a_hint() {
    let (out, err, code) =
        shell(&["-c", "CREATE SOURCE orders (n BIGINT); SHOW COLUMNS FROM ordrs"]);
    assert_eq!((out.as_str(), code), ("CREATE SOURCE\n", Some(1)));
    assert!(
        err.starts_with("ERROR:  relation \"ordrs\" does not exist (42P01)\nLINE 1: "),
        "{err}"
    );
    assert!(err.ends_with("HINT:  Did you mean \"orders\"?\n"), "{err}");
}

#[test]
fn a_pipe_takes_statements_and_commands_of_the_shell() {
    let text = "CREATE SOURCE s (n BIGINT, name TEXT);\n\\d\n\\d s\n\\format ndjson\nSELECT 1 AS n;\n\
                \\q\nSELECT 2;\n";
    let script = Script::new("piped.sql", text);
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluice"));
    let file = std::fs::File::open(script.path()).unwrap();
    let (out, err, code) = parts(command.stdin(Stdio::from(file)).output().unwrap());
    assert_eq!((err.as_str(), code), ("", Some(0)));
    let expected = "CREATE SOURCE\n name | kind   | reads\n------+--------+-------\n s    | source |\n\
                    (1 row)\n";
    assert!(out.starts_with(expected), "{out}");
    assert!(out.contains("\n n      | BIGINT | yes "), "{out}");
    assert!(out.ends_with("(2 rows)\n{\"n\":1}\n"), "{out}");
}

#[test]
fn what_a_shell_does_not_take_is_wrong_usage() {
    check("./one ./two", 2, "one directory at a time");
    check("-c", 2, "-c takes statements");
    check("-c 'SELECT 1' -f x", 2, "not together");
    check("--format xml", 2, "--format takes table, csv, json, ndjson or arrow, and not `xml`");
    check("-f /nowhere", 1, "ERROR:  /nowhere: ");
    check("-c '\\x'", 1, "there is no command \\x");
    check("--shards 0 -c 'SELECT 1'", 1, "0 shards: a database has 1 to 64");
}

#[test]
fn a_script_says_which_rows_no_result_has() {
    let lines = Script::new(
        "late.ndjson",
        "{\"x\":1,\"ts\":\"2024-01-01 00:00:05\"}\n{\"x\":\n\
        {\"x\":2,\"ts\":\"2024-01-01 00:00:15\"}\n{\"x\":0,\"ts\":\"2024-01-01 00:00:20\"}\n",
    );
    let text = format!(
        "CREATE SOURCE s (x INT, ts TIMESTAMP, WATERMARK FOR ts) FROM FILE (path = '{}', format = 'json');
         CREATE MATERIALIZED VIEW v AS SELECT window_start, sum(10 / x) AS s FROM s
           GROUP BY tumble(ts, INTERVAL '10' SECOND);
         SELECT * FROM v ORDER BY window_start;
         SELECT reason, source_offset FROM sluice.dead_letters ORDER BY source_offset;",
        lines.path()
    );
    let script = Script::new("refused.sql", &text);
    let (out, err, code) = shell(&["-f", script.path(), "--format", "csv"]);
    assert_eq!(code, Some(0), "{err}");
    let expected = "window_start,s\n2024-01-01 00:00:00,10\n2024-01-01 00:00:10,5\n\
                    reason,source_offset\nthe line is no JSON,35\ndivision by zero,\n";
    assert_eq!(out, expected);
    let notice = "NOTICE:  2 rows could not be read or computed\nHINT:  End the script with ";
    assert!(err.starts_with(notice) && err.contains("sluice.dead_letters"), "{err}");
    let (out, err, code) = shell(&["-c", "\\dS"]);
    assert_eq!((err.as_str(), code), ("", Some(0)));
    assert!(out.contains(" sluice.late_rows ") && out.contains(" sluice.epochs "), "{out}");
}

#[test]
fn what_is_created_in_a_directory_is_found_there_again() {
    let place = directory("objects");
    let create = "CREATE SOURCE s (a BIGINT); CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n FROM s; INSERT INTO s VALUES (1), (2)";
    check(&format!("{place} --shards 1 -c '{create}'"), 0, "INSERT 2");
    check(&format!("{place} --shards 1 -c 'SELECT n FROM v' --format csv"), 0, "n\n2\n");
    std::fs::remove_dir_all(place).unwrap();
}

#[test]
fn what_is_corrupt_is_given_up_where_it_is_accepted() {
    let place = directory("corrupt");
    let script = "CREATE SOURCE s (a BIGINT); CREATE MATERIALIZED VIEW v AS SELECT count(*) AS n FROM s; INSERT INTO s VALUES (1), (2)";
    check(&format!("{place} --shards 1 -c '{script}'"), 0, "INSERT 2");
    let names = std::fs::read_dir(&place).unwrap();
    let mut names: Vec<PathBuf> = names.map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let newest = names.iter().rfind(|path| path.to_str().unwrap().contains("manifest-")).unwrap();
    let mut bytes = std::fs::read(newest).unwrap();
    bytes[60] ^= 1;
    std::fs::write(newest, bytes).unwrap();
    let asked = [place.as_str(), "--shards", "1", "-c", "SELECT n FROM v", "--format", "csv"];
    let (_, said, code) = shell(&asked);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("is corrupt at byte") && said.contains("--accept-data-loss"), "{said}");
    let (out, said, code) = shell(&[&asked[..], &["--accept-data-loss"]].concat());
    assert!(said.contains("given up: what checkpoints alone have of epochs"), "{said}");
    assert!(said.contains("given-up-1"), "{said}");
    assert_eq!((out.as_str(), code), ("n\n2\n", Some(0)), "{said}");
    // It is whole again.
    let (out, said, code) = shell(&asked);
    assert_eq!((out.as_str(), said.as_str(), code), ("n\n2\n", "", Some(0)));
    std::fs::remove_dir_all(place).unwrap();
}

#[test]
fn a_script_that_expects_other_rows_fails_with_both() {
    let demo = concat!(env!("CARGO_MANIFEST_DIR"), "/demo/expect.sql");
    for shards in ["1", "2"] {
        let (out, said, code) = shell(&["test", "--shards", shards, demo]);
        assert!(out.starts_with("ok  ") && out.contains("10 statements, 4 as expected,"), "{out}");
        assert_eq!((said.as_str(), code), ("", Some(0)));
    }
    let text = "CREATE SOURCE t (a BIGINT);\nINSERT INTO t VALUES (1), (2);\n\
                EXPECT (1), (3) FROM t;\nEXPECT (2), (1) FROM t;\nSELECT b FROM t;\nEXPECT (0) FROM t;\n";
    let script = Script::new("differs.sql", text);
    let (out, said, code) = shell(&["test", script.path()]);
    let differs = ":3:8: ERROR:  \"t\" differs: 1 row is missing, 1 row is not expected (P0004)\n  \
                   - 3\n  + 2\nLINE 3: EXPECT (1), (3) FROM t;\n";
    assert!(out.contains(differs), "{out}");
    assert!(out.contains(":5:8: ERROR:") && out.contains("FAIL"), "{out}");
    // The script ends at an error that is none of what it expects.
    assert!(out.contains("5 statements, 1 as expected, 2 not,"), "{out}");
    assert_eq!((said.as_str(), code), ("", Some(1)));
    let text = "CREATE SOURCE t (a BIGINT);\nCREATE MATERIALIZED VIEW v AS SELECT a FROM t;\nCHECK VIEW v;";
    let script = Script::new("checks.sql", text);
    let (out, _, code) = shell(&["test", script.path()]);
    assert!(out.contains("3 statements, 1 as expected,"), "{out}");
    assert_eq!(code, Some(0));
    let script = Script::new("follows.sql", &format!("{text}\nSUBSCRIBE TO v;"));
    let (out, _, code) = shell(&["test", script.path()]);
    assert!(out.contains("SUBSCRIBE in a test") && out.contains("HINT:  EXPECT"), "{out}");
    assert_eq!(code, Some(1));
    let script = Script::new("nothing.sql", "SELECT 1;");
    let (out, _, code) = shell(&["test", script.path(), demo]);
    assert!(out.contains("expects nothing, and so cannot fail"), "{out}");
    assert_eq!(code, Some(1));
    let (_, said, code) = shell(&["test", "missing.sql"]);
    assert!(said.contains("missing.sql: No such file"), "{said}");
    assert_eq!(code, Some(1));
}
