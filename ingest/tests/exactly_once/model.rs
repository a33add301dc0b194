//! The rows that a file was given, and what must come of them.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write as _;
use std::path::PathBuf;

use arrow::array::{AsArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type, TimestampMicrosecondType};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// 2024-01-01 in microseconds since 1970.
const START_US: i64 = 1_704_067_200_000_000;

/// A row: its number, its key and its time.
pub(crate) type Row = (u64, i32, i64);

/// A window of a key: its start and the key, how many rows and the sum of their numbers.
type Bars = BTreeMap<(i64, i32), (i64, i64)>;

/// The folder of a run, and what was put in.
pub(crate) struct Model {
    pub(crate) folder: PathBuf,
    /// What the rows are read from, where they are not pushed.
    file: Option<File>,
    rows: Vec<Row>,
    /// Rows that are in no closed window: the last of each who puts some in.
    open: usize,
    state: u64,
}

/// A row that is pushed, by its number: a function of that alone, so that whoever pushes can make it
/// again.
pub(crate) fn row(number: u64) -> Row {
    let behind = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    (number, (number % 7) as i32, at(number, (behind % 900) as i64))
}

/// A row behind all windows.
pub(crate) fn last_row(number: u64) -> Row {
    (number, 0, START_US + 86_400_000_000)
}

fn at(number: u64, behind_ms: i64) -> i64 {
    START_US + number as i64 * 3_000 - behind_ms * 1000
}

impl Model {
    pub(crate) fn new(name: &str, seed: u64) -> Model {
        let folder = format!("sluice-{name}-{}", std::process::id());
        let folder = std::env::temp_dir().join(folder);
        // Of an earlier process of this number.
        let _gone = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("a folder for the test");
        let state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Model { folder, file: None, rows: Vec::new(), open: 0, state }
    }

    /// The same with a file that rows are read from.
    pub(crate) fn with_file(mut self) -> Model {
        let path = self.folder.join("rows.csv");
        fs::write(&path, "v,k,ts\n").expect("room for a file");
        self.file = Some(OpenOptions::new().append(true).open(path).expect("it is there"));
        self
    }

    /// Takes note of all rows that two producers push up to this number, and of the last of each.
    pub(crate) fn pushed(&mut self, rows: u64) {
        self.rows = (0..rows).map(row).chain([last_row(rows), last_row(rows + 1)]).collect();
        self.open = 2;
    }

    /// A number below `most`.
    pub(crate) fn random(&mut self, most: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state % most
    }

    pub(crate) fn count(&self) -> u64 {
        self.rows.len() as u64
    }

    /// Puts rows into the file, out of order by less than what is allowed, in pieces that cut lines.
    pub(crate) fn append(&mut self, count: u64) {
        let mut text = String::new();
        for _ in 0..count {
            let number = self.rows.len() as u64;
            let behind = self.random(900) as i64;
            self.put((number, (number % 7) as i32, at(number, behind)), &mut text);
        }
        let cut = self.random(text.len() as u64 + 1) as usize;
        for part in [&text[..cut], &text[cut..]] {
            self.write(part);
        }
    }

    fn write(&mut self, text: &str) {
        let file = self.file.as_mut().expect("rows are read from a file");
        file.write_all(text.as_bytes()).expect("room");
    }

    /// A last row, behind all windows.
    pub(crate) fn close_windows(&mut self) {
        let mut text = String::new();
        self.put(last_row(self.rows.len() as u64), &mut text);
        self.write(&text);
        self.open = 1;
    }

    fn put(&mut self, row: Row, text: &mut String) {
        let (number, key, at) = row;
        let micros = at - START_US + 86_400_000_000;
        let (day, of_day) = (micros / 86_400_000_000, micros % 86_400_000_000);
        let date = ["2023-12-31", "2024-01-01", "2024-01-02"][day as usize];
        let (seconds, micros) = (of_day / 1_000_000, of_day % 1_000_000);
        let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        *text +=
            &format!("{number},{key},{date} {hours:02}:{minutes:02}:{seconds:02}.{micros:06}\n");
        self.rows.push(row);
    }

    /// The windows that are closed: all but that of the last rows.
    fn bars(&self) -> Bars {
        let mut bars = Bars::new();
        for (number, key, at) in &self.rows[..self.rows.len() - self.open] {
            let (count, sum) = bars.entry((at - at.rem_euclid(1_000_000), *key)).or_insert((0, 0));
            *count += 1;
            *sum += *number as i64;
        }
        bars
    }

    /// Compares what there is with what there must be.
    pub(crate) fn check(self) {
        let bars = self.bars();
        self.check_every();
        self.check_lines(&bars);
        self.check_parts(&bars);
        self.check_counts();
        fs::remove_dir_all(&self.folder).expect("it is ours");
    }

    fn lines(&self, name: &str) -> Vec<String> {
        let text = fs::read_to_string(self.folder.join(name)).expect("the sink has written it");
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }

    fn check_every(&self) {
        let rows = self.rows.iter().map(|(number, key, _)| format!("{number},{key}"));
        let mut expected: Vec<String> = rows.chain(["v,k".to_owned()]).collect();
        expected.sort();
        same("every.csv", &self.lines("every.csv"), &expected);
    }

    fn check_lines(&self, bars: &Bars) {
        let line = |((at, key), (count, sum)): (&(i64, i32), &(i64, i64))| {
            let at = instant(*at);
            format!("{{\"at\":\"{at}\",\"k\":{key},\"n\":{count},\"s\":{sum}}}")
        };
        let mut expected: Vec<String> = bars.iter().map(line).collect();
        expected.sort();
        same("bars.ndjson", &self.lines("bars.ndjson"), &expected);
    }

    fn check_parts(&self, bars: &Bars) {
        let mut found: Vec<String> = Vec::new();
        for entry in fs::read_dir(self.folder.join("parts.parquet")).expect("the sink has made it")
        {
            let path = entry.expect("it is read").path();
            assert_eq!(path.extension().and_then(|e| e.to_str()), Some("parquet"), "{path:?}");
            let file = File::open(&path).expect("it is there");
            let reader = ParquetRecordBatchReaderBuilder::try_new(file).and_then(|b| b.build());
            for batch in reader.expect("a part is whole") {
                found.extend(rows_of(&batch.expect("a part is whole")));
            }
        }
        found.sort();
        let row = |((at, key), (count, sum)): (&(i64, i32), &(i64, i64))| {
            format!("{at} {key} {count} {sum}")
        };
        let mut expected: Vec<String> = bars.iter().map(row).collect();
        expected.sort();
        same("parts.parquet", &found, &expected);
    }

    /// A changelog adds up to what there is.
    fn check_counts(&self) {
        let mut sums = BTreeMap::<String, i64>::new();
        for line in self.lines("counts.ndjson") {
            let (row, weight) = line.rsplit_once(",\"_weight\":").expect("each row has a weight");
            let weight: i64 = weight.trim_end_matches('}').parse().expect("a number");
            *sums.entry(row.to_owned()).or_insert(0) += weight;
        }
        sums.retain(|_, weight| *weight != 0);
        let mut expected = BTreeMap::<i32, u64>::new();
        self.rows.iter().for_each(|(_, key, _)| *expected.entry(*key).or_insert(0) += 1);
        let row = |(key, count): (i32, u64)| (format!("{{\"k\":{key},\"n\":{count}"), 1);
        assert_eq!(sums, expected.into_iter().map(row).collect());
    }
}

fn rows_of(batch: &RecordBatch) -> Vec<String> {
    let at = batch.column(0).as_primitive::<TimestampMicrosecondType>();
    let key = batch.column(1).as_primitive::<Int32Type>();
    let count = batch.column(2).as_primitive::<Int64Type>();
    let sum = batch.column(3).as_primitive::<Int64Type>();
    let row = |row| {
        format!("{} {} {} {}", at.value(row), key.value(row), count.value(row), sum.value(row))
    };
    (0..batch.num_rows()).map(row).collect()
}

fn instant(at_us: i64) -> String {
    let micros = at_us - START_US + 86_400_000_000;
    let date = ["2023-12-31", "2024-01-01", "2024-01-02"][(micros / 86_400_000_000) as usize];
    let seconds = micros % 86_400_000_000 / 1_000_000;
    format!("{date} {:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

fn same(name: &str, found: &[String], expected: &[String]) {
    if found == expected {
        return;
    }
    let lacks = expected.iter().filter(|line| found.binary_search(line).is_err()).take(3);
    let (lacks, more) = (
        lacks.collect::<Vec<_>>(),
        found.iter().filter(|line| expected.binary_search(line).is_err()),
    );
    let twice = found.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| &pair[0]).take(3);
    panic!(
        "{name} has {} rows of {}: it lacks {lacks:?}, has others {:?} and twice {:?}",
        found.len(),
        expected.len(),
        more.take(3).collect::<Vec<_>>(),
        twice.collect::<Vec<_>>(),
    );
}
