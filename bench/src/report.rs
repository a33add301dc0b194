//! What a measurement says: a table for people, or one JSON object a line for programs.

use std::fmt::Write;

use crate::histogram::{Percentiles, Spread, spreads};
use crate::machine::Machine;

/// One measured point. What does not apply is absent.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Point {
    /// Which measurement.
    pub bench: &'static str,
    /// What was computed.
    pub query: Option<&'static str>,
    /// Who computed it, and on which thread.
    pub mode: Option<&'static str>,
    /// Rows in a push.
    pub batch: Option<u64>,
    /// Who push at a time.
    pub producers: Option<u64>,
    /// Shards of the database.
    pub shards: Option<u64>,
    /// Intended rows a second.
    pub rate: Option<u64>,
    /// Rows, or samples, of one run after its warm-up.
    pub rows: Option<u64>,
    /// Rows a second, the median of the runs.
    pub rows_per_s: Option<f64>,
    /// Each run, with the median of every percentile printed, and the spread for people.
    pub latencies: Vec<Percentiles>,
    /// The median round trip over two rings between the same CPUs.
    pub floor_p50_ns: Option<u64>,
    /// The delay that the machine alone put into one moment in a hundred.
    pub hiccup_p99_ns: Option<u64>,
    /// The longest such delay.
    pub hiccup_max_ns: Option<u64>,
    /// The share of CPU time that the hypervisor gave to others.
    pub stolen: Option<f64>,
    /// Requests to the allocator, of all threads.
    pub allocs_per_row: Option<f64>,
    /// Page faults without a disk, of all threads.
    pub minor_faults_per_s: Option<f64>,
    /// Page faults that read a disk, of all threads.
    pub major_faults_per_s: Option<f64>,
    /// Context switches of all threads, of either kind.
    pub switches_per_s: Option<f64>,
    /// Bytes of operators and views at the end.
    pub state_bytes: Option<u64>,
    /// How it compares, by the name of what is compared; people have it in a note.
    pub ratios: Vec<(&'static str, f64)>,
    /// Why the figures do not count; empty if they do.
    pub flaws: Vec<String>,
    /// Further lines for people.
    pub notes: Vec<String>,
}

/// A value as JSON has it.
enum Json<'a> {
    Text(&'a str),
    Whole(u64),
    Real(f64),
    Flag(bool),
}

impl Point {
    /// The object, in one line.
    pub fn json(&self, machine: &Machine) -> String {
        let machine_line = machine.to_string();
        let mut out = String::from("{");
        for (name, value) in self.fields(&machine_line) {
            if out.len() > 1 {
                out.push(',');
            }
            quote(&mut out, name);
            out.push(':');
            match value {
                Json::Text(text) => quote(&mut out, text),
                Json::Whole(number) => write_to(&mut out, format_args!("{number}")),
                Json::Real(number) => write_to(&mut out, format_args!("{}", rounded(number))),
                Json::Flag(flag) => write_to(&mut out, format_args!("{flag}")),
            }
        }
        out.push('}');
        out
    }

    fn fields<'a>(&'a self, machine: &'a str) -> Vec<(&'static str, Json<'a>)> {
        let whole = |name, value: Option<u64>| value.map(|value| (name, Json::Whole(value)));
        // JSON has neither infinity nor a value for what is not a number.
        let real = |name, value: Option<f64>| {
            value.filter(|value| value.is_finite()).map(|value| (name, Json::Real(value)))
        };
        let text = |name, value: Option<&'a str>| value.map(|value| (name, Json::Text(value)));
        let merged = self.percentiles().map(|spreads| spreads.map(|(_, spread)| spread.median));
        let percentile = |at: usize| merged.map(|medians| medians[at]);
        let fields = [
            text("bench", Some(self.bench)),
            text("query", self.query),
            text("mode", self.mode),
            whole("batch", self.batch),
            whole("producers", self.producers),
            whole("shards", self.shards),
            whole("rate", self.rate),
            whole("rows", self.rows),
            real("rows_per_s", self.rows_per_s),
            whole("p50_ns", percentile(0)),
            whole("p90_ns", percentile(1)),
            whole("p99_ns", percentile(2)),
            whole("p999_ns", percentile(3)),
            whole("p9999_ns", percentile(4)),
            whole("max_ns", percentile(5)),
            whole("floor_p50_ns", self.floor_p50_ns),
            whole("hiccup_p99_ns", self.hiccup_p99_ns),
            whole("hiccup_max_ns", self.hiccup_max_ns),
            real("stolen", self.stolen),
            real("allocs_per_row", self.allocs_per_row),
            real("minor_faults_per_s", self.minor_faults_per_s),
            real("major_faults_per_s", self.major_faults_per_s),
            real("switches_per_s", self.switches_per_s),
            whole("state_bytes", self.state_bytes),
        ];
        let ratios = self.ratios.iter().filter_map(|(name, value)| real(name, Some(*value)));
        let end = [("counts", Json::Flag(self.flaws.is_empty())), ("machine", Json::Text(machine))];
        fields.into_iter().flatten().chain(ratios).chain(end).collect()
    }

    /// Every percentile over the runs, if there was a latency.
    fn percentiles(&self) -> Option<[(&'static str, Spread); 6]> {
        (!self.latencies.is_empty()).then(|| spreads(&self.latencies))
    }

    /// Lines for a person.
    pub fn table(&self) -> String {
        let mut out = self.bench.to_owned();
        let whole = |value: Option<u64>| value.map(|value| value.to_string());
        let heads = [
            ("query", self.query.map(str::to_owned)),
            ("mode", self.mode.map(str::to_owned)),
            ("batch", whole(self.batch)),
            ("producers", whole(self.producers)),
            ("shards", whole(self.shards)),
            ("rate", self.rate.map(|rate| format!("{rate}/s"))),
            ("rows", whole(self.rows)),
        ];
        for (name, value) in heads {
            if let Some(value) = value {
                write_to(&mut out, format_args!("  {name} {value}"));
            }
        }
        out.push('\n');
        if let Some(rate) = self.rows_per_s {
            write_to(&mut out, format_args!("  {:>14} {:.3} M rows/s\n", "speed", rate / 1e6));
        }
        if let Some(merged) = self.percentiles() {
            let runs = self.latencies.len();
            let head = format!("{runs} runs");
            write_to(&mut out, format_args!("  {head:>14} {:>12}", "median"));
            write_to(&mut out, format_args!(" {:>12} {:>12}\n", "least", "most"));
            for (name, Spread { min, median, max }) in merged {
                let [min, median, max] = [min, median, max].map(duration);
                write_to(&mut out, format_args!("  {name:>14} {median:>12} {min:>12} {max:>12}\n"));
            }
        }
        self.side_figures(&mut out);
        for note in &self.notes {
            write_to(&mut out, format_args!("  {note}\n"));
        }
        for flaw in &self.flaws {
            write_to(&mut out, format_args!("  does not count: {flaw}\n"));
        }
        out
    }

    fn side_figures(&self, out: &mut String) {
        let figures = [
            ("ring p50", self.floor_p50_ns.map(duration)),
            ("hiccup p99", self.hiccup_p99_ns.map(duration)),
            ("hiccup max", self.hiccup_max_ns.map(duration)),
            ("stolen", self.stolen.map(|share| format!("{:.1} %", share * 100.0))),
            ("allocations", self.allocs_per_row.map(|rate| format!("{} a row", rounded(rate)))),
            ("minor faults", self.minor_faults_per_s.map(|rate| format!("{rate:.1} a second"))),
            ("major faults", self.major_faults_per_s.map(|rate| format!("{rate:.1} a second"))),
            ("switches", self.switches_per_s.map(|rate| format!("{rate:.1} a second"))),
            ("state", self.state_bytes.map(bytes)),
        ];
        for (name, value) in figures {
            if let Some(value) = value {
                write_to(out, format_args!("  {name:>14} {value:>12}\n"));
            }
        }
    }
}

/// All points, for people below the machine they were measured on.
pub fn render(points: &[Point], machine: &Machine, json: bool) -> String {
    if json {
        return points.iter().map(|point| point.json(machine) + "\n").collect();
    }
    let tables = points.iter().map(|point| format!("\n{}", point.table()));
    std::iter::once(format!("{machine}\n")).chain(tables).collect()
}

/// Three digits and a unit.
pub fn duration(ns: u64) -> String {
    match ns {
        0..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => format!("{:.2} us", ns as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.2} ms", ns as f64 / 1e6),
        _ => format!("{:.2} s", ns as f64 / 1e9),
    }
}

/// Three digits or more, and a unit.
fn bytes(count: u64) -> String {
    match count {
        0..=9_999 => format!("{count} bytes"),
        10_000..=9_999_999 => format!("{:.1} kB", count as f64 / 1e3),
        _ => format!("{:.1} MB", count as f64 / 1e6),
    }
}

/// Six places behind the point are enough for everything measured here.
fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

fn write_to(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    out.write_fmt(arguments).expect("writing to a string does not fail");
}

fn quote(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => write_to(out, format_args!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> Machine {
        Machine {
            cpu: "C\"P\\U\t\u{1}".into(),
            cpus: 2,
            kernel: "6".into(),
            profile: "release",
            commit: None,
        }
    }

    fn point() -> Point {
        let run = |p50_ns| Percentiles {
            count: 9,
            p50_ns,
            p90_ns: 2,
            p99_ns: 3,
            p999_ns: 4,
            p9999_ns: 5,
            max_ns: 1_250_000,
        };
        Point {
            bench: "latency",
            query: Some("filter"),
            mode: Some("core"),
            rate: Some(100_000),
            rows: Some(9),
            rows_per_s: Some(1.5),
            latencies: vec![run(10), run(30), run(20)],
            hiccup_p99_ns: Some(7),
            allocs_per_row: Some(1.0 / 3.0),
            state_bytes: Some(12_345),
            ratios: vec![("over_other", 1.25)],
            stolen: Some(f64::NAN),
            ..Point::default()
        }
    }

    #[test]
    fn an_object_holds_what_applies_and_is_escaped() {
        assert_eq!(
            point().json(&machine()),
            "{\"bench\":\"latency\",\"query\":\"filter\",\"mode\":\"core\",\"rate\":100000,\
             \"rows\":9,\"rows_per_s\":1.5,\"p50_ns\":20,\"p90_ns\":2,\"p99_ns\":3,\"p999_ns\":4,\
             \"p9999_ns\":5,\"max_ns\":1250000,\"hiccup_p99_ns\":7,\"allocs_per_row\":0.333333,\
             \"state_bytes\":12345,\"over_other\":1.25,\"counts\":true,\"machine\":\"C\\\"P\\\\U\\t\\u0001, 2 CPUs, kernel 6, \
             release build\"}"
        );
    }

    #[test]
    fn a_point_with_a_flaw_says_so_in_both_forms() {
        let flawed = Point { flaws: vec!["noise".into()], ..point() };
        assert!(flawed.json(&machine()).contains("\"counts\":false"));
        assert!(flawed.table().ends_with("  does not count: noise\n"));
    }

    #[test]
    fn a_table_has_the_middle_and_the_ends_of_the_runs() {
        let table = point().table();
        assert!(table.starts_with("latency  query filter  mode core  rate 100000/s  rows 9\n"));
        assert!(table.contains("           p50        20 ns        10 ns        30 ns\n"));
        assert!(table.contains("           max      1.25 ms"));
        assert!(table.contains("         state      12.3 kB"));
        assert!(!table.contains("shards"));
    }

    #[test]
    fn programs_get_one_object_a_line_and_people_the_machine_first() {
        let points = [point(), point()];
        let json = render(&points, &machine(), true);
        assert_eq!(json.lines().count(), 2);
        assert!(json.lines().all(|line| line.starts_with('{') && line.ends_with('}')));
        let table = render(&points, &machine(), false);
        assert!(table.starts_with("C\"P"));
        assert_eq!(table.matches("latency  query").count(), 2);
    }
}
