//! Changes as they come, and results that are drawn again.

use std::io::{self, Write};
use std::time::{Duration, Instant};

use sluicedb::arrow::array::RecordBatch;
use sluicedb::arrow::ipc::writer::StreamWriter;
use sluicedb::db::{
    ChangeSet, Database, Error, Overflow, SubscribeOptions, Subscription, Value, Weights,
};

use super::format::{Format, into_io};
use super::sheet::Sheet;
use super::terminal::Interrupt;
use super::{csv, json, table};

/// How long Ctrl-C may go unseen.
const LOOK: Duration = Duration::from_millis(50);
/// A result is drawn no more often.
const DRAW: Duration = Duration::from_millis(100);

/// Why following ended early.
#[derive(Debug)]
pub(crate) enum Cut {
    /// Nobody takes the output.
    Output(io::Error),
    /// The database says so.
    Database(Error),
}

impl From<io::Error> for Cut {
    fn from(error: io::Error) -> Cut {
        Cut::Output(error)
    }
}

impl From<Error> for Cut {
    fn from(error: Error) -> Cut {
        Cut::Database(error)
    }
}

/// A subscription whose changes are written.
pub(crate) struct Followed {
    changes: Subscription,
    format: Format,
    /// The widths of the table's columns, once its head is written.
    widths: Option<Vec<usize>>,
}

impl Followed {
    pub(crate) fn new(changes: Subscription, format: Format) -> Followed {
        Followed { changes, format, widths: None }
    }

    /// Writes the changes that are there, after waiting a little for the first.
    pub(crate) fn wait(&mut self, out: &mut dyn Write) -> Result<(), Cut> {
        if let Some(set) = self.changes.next_timeout(LOOK)? {
            self.write(set, out)?;
        }
        self.pump(out)
    }

    /// Writes the changes that are there.
    pub(crate) fn pump(&mut self, out: &mut dyn Write) -> Result<(), Cut> {
        while let Some(set) = self.changes.try_next()? {
            self.write(set, out)?;
        }
        Ok(out.flush()?)
    }

    /// Writes changes until Ctrl-C or the end of the database.
    pub(crate) fn until(mut self, interrupt: &Interrupt, out: &mut dyn Write) -> Result<(), Cut> {
        while !interrupt.is_asked() {
            self.wait(out)?;
        }
        Ok(())
    }

    fn write(&mut self, set: ChangeSet, out: &mut dyn Write) -> io::Result<()> {
        let batch = weight_first(&set.into_record_batch(Weights::Always));
        let schema = batch.schema();
        if self.format == Format::Arrow {
            // A stream of its own for each group of changes: each can be read when it is there.
            let mut writer = StreamWriter::try_new(out, &schema).map_err(into_io)?;
            return writer.write(&batch).and_then(|()| writer.finish()).map_err(into_io);
        }
        let sheet = Sheet::of(&schema, &[batch]);
        match self.format {
            Format::Table => self.lines(sheet, out),
            Format::Csv => {
                if self.widths.replace(Vec::new()).is_none() {
                    write!(out, "{}", csv::names(&sheet.names))?;
                }
                sheet.rows.iter().try_for_each(|row| write!(out, "{}", csv::line(row)))
            }
            _ => {
                let mut rows = sheet.rows.iter();
                rows.try_for_each(|row| writeln!(out, "{}", json::object(&sheet.names, row)))
            }
        }
    }

    fn lines(&mut self, mut sheet: Sheet, out: &mut dyn Write) -> io::Result<()> {
        "weight".clone_into(&mut sheet.names[0]);
        for row in &mut sheet.rows {
            if let Value::BigInt(weight) = row[0] {
                row[0] = Value::text(&format!("{weight:+}"));
            }
        }
        let rows: Vec<Vec<String>> = sheet.rows.iter().map(|row| table::cells(row)).collect();
        let natural = table::natural(&sheet.names, &rows);
        let Some(widths) = &mut self.widths else {
            write!(out, "{}", table::head(&sheet.names, &natural))?;
            let written = write_lines(&rows, &sheet.numeric, &natural, out);
            self.widths = Some(natural);
            return written;
        };
        for (width, needed) in widths.iter_mut().zip(natural) {
            *width = (*width).max(needed);
        }
        write_lines(&rows, &sheet.numeric, widths, out)
    }
}

fn write_lines(
    rows: &[Vec<String>],
    numeric: &[bool],
    widths: &[usize],
    out: &mut dyn Write,
) -> io::Result<()> {
    rows.iter().try_for_each(|row| write!(out, "{}", table::line(row, numeric, widths)))
}

/// The weight comes as the last column.
fn weight_first(batch: &RecordBatch) -> RecordBatch {
    let last = batch.num_columns() - 1;
    let order: Vec<usize> = std::iter::once(last).chain(0..last).collect();
    batch.project(&order).expect("every column is one of the batch")
}

/// Draws the rows of a view, in the order of these columns, again whenever they change, until Ctrl-C.
pub(crate) fn live(
    db: &Database,
    view: &str,
    order: &[String],
    size: (usize, usize),
    interrupt: &Interrupt,
    out: &mut dyn Write,
) -> Result<(), Cut> {
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let mut rows = format!("SELECT * FROM {}", quoted(view));
    if !order.is_empty() {
        let order: Vec<String> = order.iter().map(|column| quoted(column)).collect();
        rows.push_str(&format!(" ORDER BY {}", order.join(", ")));
    }
    // All that matters is that there was a change: who draws slowly misses some.
    let options = SubscribeOptions { overflow: Overflow::Skip, ..SubscribeOptions::default() };
    let mut changes = db.subscribe_with(view, options)?;
    let mut drawn = 0;
    while !interrupt.is_asked() {
        let found = db.query(&rows)?;
        let sheet = Sheet::of(&found.schema, &found.batches);
        let text = screen(sheet, size);
        write!(out, "{}{text}", erase(drawn))?;
        out.flush()?;
        drawn = text.lines().count();
        await_change(&mut changes, interrupt)?;
    }
    Ok(())
}

/// Takes changes until there was one and it is time to draw.
fn await_change(changes: &mut Subscription, interrupt: &Interrupt) -> Result<(), Error> {
    let drawn = Instant::now();
    let mut any = false;
    while !interrupt.is_asked() && (!any || drawn.elapsed() < DRAW) {
        any |= changes.next_timeout(LOOK)?.is_some();
        while changes.try_next()?.is_some() {}
    }
    Ok(())
}

/// Goes back over so many lines and wipes them.
fn erase(lines: usize) -> String {
    if lines == 0 { String::new() } else { format!("\x1b[{lines}F\x1b[J") }
}

/// As much of a result as a terminal has room for.
fn screen(mut sheet: Sheet, (columns, lines): (usize, usize)) -> String {
    let all = sheet.rows.len();
    // The head, the rule, the count and the line of the cursor.
    let most = lines.saturating_sub(4).max(1);
    sheet.rows.truncate(most);
    let shown = table::table(&sheet, Some(columns));
    let shown: String = shown.split_inclusive('\n').take(most + 2).collect();
    let more = if all > most { format!(", the first {most} shown") } else { String::new() };
    format!("{shown}({}{more}; Ctrl-C ends this)\n", table::count(all))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_that_is_longer_than_the_terminal_is_cut_and_says_so() {
        let rows = (0..50).map(|row| vec![Value::BigInt(row)]).collect();
        let shown = screen(Sheet::texts(&["n"], rows), (80, 10));
        assert_eq!(shown.lines().count(), 9, "one line is left for the cursor");
        assert!(shown.ends_with("(50 rows, the first 6 shown; Ctrl-C ends this)\n"), "{shown}");
    }

    #[test]
    fn what_was_drawn_is_wiped_before_it_is_drawn_again() {
        assert_eq!(erase(0), "");
        assert_eq!(erase(9), "\x1b[9F\x1b[J");
    }
}
