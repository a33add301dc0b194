//! The `sluice` command as a person or a script meets it: what it prints and how it ends.

use std::process::{Command, Output};

mod shell;

fn sluice(line: &str) -> Output {
    run(&words(line))
}

fn run(words: &[String]) -> Output {
    run_in(".", words)
}

fn run_in(place: &str, words: &[String]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluice"));
    command.args(words).current_dir(place).output().expect("cargo built it beside this test")
}

/// The words of a line; single quotes keep one together.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut quoted) = (Vec::new(), false);
    for part in line.split('\'') {
        if quoted {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
        quoted = !quoted;
    }
    words
}

fn check(line: &str, code: i32, said: &str) {
    let output = sluice(line);
    assert_eq!(output.status.code(), Some(code), "sluice {line}");
    let text = if code == 0 { &output.stdout } else { &output.stderr };
    let text = String::from_utf8_lossy(text);
    assert!(text.contains(said), "sluice {line} printed {text}");
}

#[test]
fn the_plan_of_this_machine_is_printed_with_its_reasons() {
    check("topology", 0, "\nwhy\n");
    check("topology --shards=1", 0, "plan: 1 shard\n");
}

#[test]
fn the_demo_prints_results_and_then_what_they_took() {
    let output = sluice("demo --seconds 1 --rate 2000 --shards 2");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "progress is for terminals");
    let text = String::from_utf8(output.stdout).unwrap();
    let seconds = text.split("\nmarket\n").skip(1).filter(|part| part.contains(" | symbols\n"));
    assert_eq!(seconds.count(), 1, "one second has closed: {text}");
    let heads = "second              | symbol | open";
    for part in
        [heads, "| ACME ", "\nrows     ", "\nlatency  from when ", "\nmemory   ", "shard 1 on "]
    {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
}

#[test]
fn every_command_has_help_with_an_example_that_works() {
    check("--help", 0, "topology");
    let place = shell::directory("examples");
    let _ = std::fs::remove_dir_all(&place);
    std::fs::create_dir(&place).unwrap();
    // One of them restores it.
    let saved = ["./data", "-c", "BACKUP TO 'saved'"].map(str::to_owned);
    assert!(run_in(&place, &saved).status.success());
    // Another one tests a query.
    let demo = std::path::Path::new(&place).join("tools/demo");
    std::fs::create_dir_all(&demo).unwrap();
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/demo/expect.sql");
    std::fs::copy(script, demo.join("expect.sql")).unwrap();
    let overview = String::from_utf8(sluice("help").stdout).unwrap();
    let names = overview.lines().filter_map(|line| line.strip_prefix("  "));
    let names: Vec<&str> = names.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(names.contains(&"topology"), "{names:?}");
    for name in names {
        let help = String::from_utf8(sluice(&format!("{name} --help")).stdout).unwrap();
        let example = help.lines().find_map(|line| line.strip_prefix("Example: sluice "));
        let example = example.unwrap_or_else(|| panic!("{name} has no example: {help}"));
        assert!(run_in(&place, &words(example)).status.success(), "{example}");
        assert_eq!(sluice(&format!("help {name}")).stdout, help.as_bytes());
    }
}

#[test]
fn a_backup_is_restored_and_a_rotten_one_is_refused() {
    let place = shell::directory("restore");
    let _ = std::fs::remove_dir_all(&place);
    std::fs::create_dir(&place).unwrap();
    let run = |words: &[&str]| {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let output = run_in(&place, &words);
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    };
    let made = "CREATE SOURCE s (x INT); CREATE MATERIALIZED VIEW n AS SELECT count(*) AS n FROM s;
                INSERT INTO s VALUES (1), (2); BACKUP TO 'saved'; INSERT INTO s VALUES (3)";
    let (code, text) = run(&["./data", "--shards", "2", "-c", made]);
    assert!(code == Some(0) && text.contains("all up to epoch "), "{text}");
    let (code, text) = run(&["restore", "saved", "again"]);
    assert!(code == Some(0) && text.contains("Open it with 2 shards."), "{text}");
    let (_, text) = run(&["./again", "--shards", "2", "--format", "csv", "-c", "SELECT n FROM n"]);
    assert_eq!(text, "n\n2\n");
    let (code, text) = run(&["restore", "saved", "again"]);
    assert!(code == Some(1) && text.contains("name an empty or missing directory"), "{text}");
    let file = std::path::Path::new(&place).join("saved/backup");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[100] ^= 1;
    std::fs::write(file, bytes).unwrap();
    let (code, text) = run(&["restore", "saved", "other"]);
    assert!(code == Some(1) && text.contains("backup is corrupt at byte"), "{text}");
    assert!(!std::path::Path::new(&place).join("other").exists());
    std::fs::remove_dir_all(&place).unwrap();
}

#[test]
fn wrong_usage_ends_with_2_and_a_hint() {
    check("restore saved", 2, "it takes a backup and a directory; see `sluice restore --help`");
    check("shell --shards many", 2, "see `sluice shell --help`");
    check("fly", 2, "there is no command `fly`; `sluice --help` lists them");
    check("topology --shards many", 2, "see `sluice topology --help`");
    check("demo --rate slow", 2, "see `sluice demo --help`");
    check("version 2", 2, "see `sluice version --help`");
}

#[test]
fn what_cannot_be_done_ends_with_1_and_the_reason() {
    check("topology --cores 65535", 1, "cpu 65535, which does not exist; it may use cpu");
    check("demo --shards 0", 1, "0 shards: a database has 1 to 64");
    check("topology --shards 0", 1, "0 shards: a database has 1 to 64");
    check("topology --machine /nowhere", 1, "/nowhere: ");
}
