use super::*;

fn text(words: &str) -> Result<String, Failure> {
    let words: Vec<String> = words.split_whitespace().map(str::to_owned).collect();
    let mut out = Vec::new();
    run(&words, &mut out)?;
    Ok(String::from_utf8(out).unwrap())
}

/// Each command with an input that takes a moment.
const TINY: &[&str] = &[
    "hiccup --seconds 0.01",
    "latency --query tumble --mode core,hand --rate 20000 --warm-up 0.01 --seconds 0.05 --runs 1 \
     --repeats 0",
    "latency --query lookup --rate 20000,40000 --warm-up 0 --seconds 0.05 --runs 2 --repeats 0 \
     --arrivals poisson --seed 7",
    "throughput --query filter --mode cross,core --batch 1,512 --rows 5000 --runs 2 --lane 8",
    "allocations --query lookup --mode cross-structs,inline --rows 4000 --batch 100",
    "faults --mode same --rate 20000 --warm-up 0.01 --seconds 0.05",
    "scaling --rows 5000 --batch 100 --runs 1",
    "nexmark --query q2,q15 --events 500 --runs 2",
    "wal --producers 1,4 --acks 20 --rows 5000 --runs 1 --path blocking",
    "recovery --logged 3000 --state 2000 --runs 1",
    "checkpoint --state-mib 1 --checkpoints 3 --runs 1",
    "sql --query filter,tumble,hop,q11 --rows 5000 --events 500 --runs 2",
];

#[test]
fn every_command_runs_and_prints_a_table_below_the_machine() {
    for words in TINY {
        let table = text(words).unwrap();
        let name = words.split(' ').next().unwrap();
        assert!(table.lines().next().unwrap().contains(" CPUs, kernel "), "{table}");
        assert!(table.contains(&format!("\n\n{name}")), "{table}");
    }
}

#[test]
fn every_command_prints_one_object_a_point_for_programs() {
    for (words, points) in TINY.iter().zip([1, 2, 2, 4, 2, 1, 2, 2, 3, 2, 2, 4]) {
        let lines = text(&format!("{words} --json")).unwrap();
        let name = words.split(' ').next().unwrap();
        let begins = format!("{{\"bench\":\"{name}\",");
        assert_eq!(lines.lines().count(), points, "{lines}");
        assert!(lines.lines().all(|line| line.starts_with(&begins) && line.ends_with("\"}")));
    }
}

#[test]
fn acknowledgements_are_measured_on_each_path_beside_the_device() {
    let lines = text("wal --producers 2 --acks 10 --rows 0 --runs 2 --json").unwrap();
    let modes = ["linked", "blocking", "dsync"].map(|path| format!("\"mode\":\"{path}\""));
    // Where there is no io_uring there is one path.
    assert!([1, 3].contains(&lines.lines().count()), "{lines}");
    for line in lines.lines() {
        assert!(modes.iter().any(|mode| line.contains(mode)), "{line}");
        let figures =
            ["p50_ns", "p99_ns", "p999_ns", "raw_p50_ns", "over_raw_p99", "rows_per_group"];
        assert!(figures.iter().all(|name| line.contains(&format!("\"{name}\":"))), "{line}");
        assert!(line.contains("\"producers\":2") && line.contains("\"counts\":false"), "{line}");
    }
    let unknown = text("wal --path fast").unwrap_err();
    assert_eq!(unknown.exit_code(), 2);
    assert!(unknown.text().contains("choose one of linked, blocking, dsync"), "{}", unknown.text());
}

#[test]
fn checkpoints_write_what_has_changed_and_are_measured_with_and_without_load() {
    let lines = text("checkpoint --state-mib 4 --checkpoints 3 --runs 1 --json").unwrap();
    let figure = |line: &str, name: &str| -> f64 {
        let found = line.split_once(&format!("\"{name}\":"));
        let (_, rest) = found.unwrap_or_else(|| panic!("no {name}: {line}"));
        rest.split([',', '}']).next().unwrap().parse().unwrap()
    };
    let points: Vec<&str> = lines.lines().collect();
    for (line, changed) in points.iter().zip([1.0, 100.0]) {
        assert_eq!(figure(line, "changed_percent"), changed);
        assert!(figure(line, "state_bytes") >= 4.0 * 1048576.0, "{line}");
        let above = ["turn_max_ns", "longest_turn_p50_ns", "calm_turn_max_ns", "barrier_max_ns"];
        for name in above.iter().chain(&["rows_per_s", "rows_per_s_without", "checkpoint_ns"]) {
            assert!(figure(line, name) > 0.0, "{name}: {line}");
        }
    }
    let bytes = |at: usize| figure(points[at], "checkpoint_bytes");
    assert!(bytes(0) < bytes(1), "{} {}", bytes(0), bytes(1));
}

#[test]
fn the_floor_is_measured_where_there_are_two_cpus() {
    let outcome = text("rings --samples 2000 --items 5000 --runs 1 --json");
    match crate::sys::allowed_cpus().unwrap().len() {
        1 => assert!(outcome.unwrap_err().text().contains("wants two CPUs")),
        _ => assert_eq!(outcome.unwrap().matches("\"bench\":\"rings\"").count(), 3),
    }
}

#[test]
fn the_core_runs_beside_the_loop_by_hand() {
    let table = text("core --query tumble --rows 3000 --batch 100 --runs 1").unwrap();
    assert!(table.starts_with("Tumble, 3000 rows in batches of 100, 1 runs, "), "{table}");
    assert!(table.contains("\n   ratio: "));
}

#[test]
fn rows_one_by_one_run_beside_the_loop_by_hand() {
    let table = text("core --query filter --rows 3000 --rows-single --runs 1").unwrap();
    assert!(table.starts_with("Filter, 3000 rows one by one, 1 runs, "), "{table}");
    assert!(table.contains(" ns a row in the producer, "), "{table}");
}

#[test]
fn windows_close_in_the_core_and_in_the_database() {
    let table = text("close --runs 2").unwrap();
    let begins = |who: &str| table.contains(&format!("{who} first rows: p50 "));
    assert!(["core", "inline", "cross"].into_iter().all(begins), "{table}");
    let table = text("core --query close --runs 1").unwrap();
    assert!(table.starts_with("Close, 1 windows of 10000 groups, turns of 32 rows"), "{table}");
}

#[test]
fn ratios_of_queries_are_there_for_programs() {
    let lines = text(&format!("{} --json", TINY.last().unwrap())).unwrap();
    let lines: Vec<&str> = lines.lines().collect();
    assert!(lines.iter().all(|line| line.contains("\"over_datafusion\":")), "{lines:?}");
    assert!(lines[1].contains("\"cost_of_builder\":") && lines[2].contains("\"cost_of_tumble\":"));
}

#[test]
fn results_of_nexmark_are_checked() {
    let lines = text("nexmark --check --events 10000").unwrap();
    assert_eq!(lines.lines().count(), 6, "{lines}");
    let equal = |line: &str| line.ends_with(" shards: 22 of 22 queries are equal, 88903 rows");
    assert!(lines.lines().all(equal), "{lines}");
}

#[test]
fn events_of_nexmark_are_written() {
    let folder = std::env::temp_dir().join(format!("sluice-bench-{}", std::process::id()));
    text(&format!("nexmark --events 500 --write {}", folder.display())).unwrap();
    let lines = |source: &str| {
        let text = std::fs::read_to_string(folder.join(source)).unwrap();
        text.lines().map(|line| line.split('\t').count()).collect::<Vec<_>>()
    };
    assert_eq!(lines("person.tsv"), [8; 10]);
    assert_eq!(lines("auction.tsv"), [10; 30]);
    assert_eq!(lines("bid.tsv"), [7; 460]);
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_point_of_latencies_says_what_was_asked_and_that_it_is_too_short() {
    let line = text(&format!("{} --json", TINY[1])).unwrap();
    let first = line.lines().next().unwrap();
    let begins = "{\"bench\":\"latency\",\"query\":\"tumble\",\"mode\":\"core\",\"shards\":1,\
                  \"rate\":20000,\"rows\":1000,\"rows_per_s\":";
    assert!(first.starts_with(begins), "{first}");
    assert!(first.contains("\"counts\":false"));
    assert!(text(TINY[1]).unwrap().contains("1000 samples in a run; a point wants 1000000"));
}

#[test]
fn a_plot_is_written_to_its_file() {
    let file = std::env::temp_dir().join(format!("sluice-bench-{}.svg", std::process::id()));
    text(&format!("hiccup --seconds 0.01 --plot {}", file.display())).unwrap();
    let plot = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(&file).unwrap();
    assert!(plot.starts_with("<svg") && plot.contains(">hiccups</text>"));
    let nowhere = text("hiccup --seconds 0 --plot no-such-folder/a.svg").unwrap_err();
    assert!(nowhere.text().starts_with("no-such-folder/a.svg cannot be written: "));
    assert_eq!(nowhere.exit_code(), 1);
}

#[test]
fn wrong_words_are_refused_with_what_would_be_right() {
    let usage = |words: &str, part: &str| {
        let failure = text(words).unwrap_err();
        assert_eq!(failure.exit_code(), 2, "{words}");
        assert!(failure.text().contains(part), "{words}: {}", failure.text());
    };
    usage("", "which measurement? take one of rings, ");
    usage("latencies", "no measurement latencies: take one of rings, ");
    usage("latency --qeury filter", "did you mean --query?");
    usage("latency --query median", "no query median: take filter or tumble or lookup");
    usage("throughput --query lookup", "no query lookup: take filter or tumble");
    usage(
        "latency --mode warp",
        "no mode warp: take cross or cross-structs or same or inline or core or hand",
    );
    usage("latency --rate 0", "--rate is 0; it must be");
    usage("latency --arrivals uniform", "take fixed or poisson");
    usage("throughput --batch 1025", "from 1 to 1024");
    usage("core --json", "core has no option --json");
    usage("sql --query tumble,q99", "no query q99: take some of filter, tumble, hop, ");
    usage("nexmark --query filter", "no query filter: take some of q0, q1, ");
    usage(
        "nexmark --check --events 500",
        "over 500 events are not committed: take [10000, 100000]",
    );
}

#[test]
fn a_mode_that_cannot_do_what_is_asked_says_so() {
    let failure = text("throughput --mode core --shards 2 --rows 10 --runs 1").unwrap_err();
    assert_eq!(failure.exit_code(), 1);
    assert_eq!(failure.text(), "mode core has one shard, not 2: leave out --shards");
}

#[test]
fn every_help_has_an_example_whose_options_exist() {
    for command in COMMANDS {
        let page = text(&format!("{} --help", command.name)).unwrap();
        assert!(page.contains(&format!("\nexample: {PROGRAM} {}\n", command.example)));
        assert!(command.options.iter().all(|spec| page.contains(&spec.shown())));
        let words: Vec<String> = command.example.split(' ').map(str::to_owned).collect();
        assert_eq!(words[0], command.name);
        let options = Options::parse(command.name, command.options, &words[1..]);
        assert!(options.is_ok(), "{options:?}");
    }
    assert!(text("--help").unwrap().contains("\n  latency "));
}
