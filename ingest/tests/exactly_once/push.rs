//! Two producers of a child: they go on where the database says, or before that.

use sluicedb::db::{Database, Producer, Pushed, Row};

use crate::model::{last_row, row};

/// Rows that are pushed in a life, by both together.
const ROWS_PER_LIFE: u64 = 1_200;
/// Rows under one number, at most.
const ROWS_PER_PUSH: u64 = 12;
/// How far behind what the database has a life begins, at most.
const AGAIN: u64 = 60;

#[derive(Row)]
struct Line {
    v: i64,
    k: i32,
    #[row(timestamp)]
    ts: i64,
}

/// Rows that are pushed by the end of so many lives.
pub(crate) fn rows_by(lives: u64) -> u64 {
    lives * ROWS_PER_LIFE
}

/// Both producers: one pushes the even rows, one the odd.
pub(crate) struct Pushes([Pushing; 2]);

struct Pushing {
    producer: Producer<Line>,
    /// The row that is pushed next.
    next: u64,
    /// Behind the last row of this life.
    end: u64,
    /// The row behind all windows, once nothing else is left, if it is to come.
    last: Option<u64>,
    pushes: u64,
}

impl Pushes {
    /// Both are there before one of them pushes, so that neither lets the watermark go on alone. In the
    /// last life all rows come that there are, with one for each that closes the windows.
    pub(crate) fn open(db: &Database, life: u64, rows: Option<u64>) -> Pushes {
        let open = |parity: u64| {
            let name = format!("gate {parity}");
            let mut producer = db.producer::<Line>("rows", &name).expect("it has one handle");
            // A push is numbered by its last row.
            let last = producer.last_sequence();
            assert_eq!(producer.durable(), last, "what is known at the start is durable");
            let begin = last.map_or(parity, |last| last + 2);
            assert_eq!(begin % 2, parity, "the other one's number was found");
            let next = begin.saturating_sub(life * 7919 % AGAIN / 2 * 2).max(parity);
            let end = rows.map_or(rows_by(life + 1), |rows| rows - 2);
            let last = rows.map(|rows| rows - 2 + parity);
            Pushing { producer, next, end, last, pushes: life }
        };
        Pushes([open(0), open(1)])
    }

    /// Pushes a little more.
    pub(crate) fn go_on(&mut self) {
        for _ in 0..4 {
            self.0.iter_mut().for_each(Pushing::push);
        }
    }
}

impl Pushing {
    fn push(&mut self) {
        let known = self.producer.last_sequence();
        let lines: Vec<Line> = if self.next < self.end {
            self.pushes += 1;
            let most = 1 + self.pushes * 31 % ROWS_PER_PUSH;
            // What is pushed again ends where it ended before, or it would be another push.
            let stop =
                known.filter(|known| *known >= self.next).map_or(self.end, |known| known + 1);
            let numbers = (self.next..stop.min(self.end)).step_by(2).take(most as usize);
            numbers.map(|number| line(row(number))).collect()
        } else if let Some(last) = self.last.take().filter(|last| known.is_none_or(|at| at < *last))
        {
            vec![line(last_row(last))]
        } else {
            return;
        };
        let sequence = lines.last().expect("there is one").v as u64;
        let expected = match known {
            Some(known) if sequence <= known => Pushed::Known,
            _ => Pushed::Taken,
        };
        let pushed = self.producer.push_all_at_wait(sequence, &lines).expect("there is room");
        assert_eq!(pushed, expected, "number {sequence} behind {known:?}");
        self.next = sequence + 2;
    }
}

fn line((number, key, at): (u64, i32, i64)) -> Line {
    Line { v: number as i64, k: key, ts: at }
}
