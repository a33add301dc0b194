//! Cases over one relation, and how both sides are run.

use sluicedb::db::{BatchSource, Database, Outcome, RowSet, values};
use sluicedb_sql::Value;
use sluicedb_sql::expr::{Expr, Program};
use sluicedb_sql::plan::{Op, Plan};

use super::bounded::Bounded;
use super::case::Case;
use super::compare::{self, Check, Row};
use super::data::Data;
use super::script;
use super::tally::Tally;
use crate::prng::Prng;

/// Most rows of one batch.
const BATCH_ROWS_MAX: usize = 40;
/// How often a failing case is run again to find out which rows it takes.
const TRIES_MAX: usize = 60;

/// Cases over one relation.
pub(super) struct Group {
    seed: u64,
    data: Data,
    cases: Vec<Case>,
    /// Rows as they are pushed: how many, and by which feeder.
    pieces: Vec<(usize, usize)>,
    feeders: usize,
}

impl Group {
    pub(super) fn draw(prng: &mut Prng, seed: u64, cases: usize) -> Group {
        let data = Data::draw(&mut prng.split("data"));
        let mut queries = prng.split("queries");
        let cases = (0..cases).map(|at| Case::draw(&mut queries, &data, &format!("v{at}")));
        let cases = cases.collect();
        let mut pushes = prng.split("pushes");
        let feeders = 1 + pushes.below(2);
        let (mut pieces, mut left) = (Vec::new(), data.rows.len());
        while left > 0 {
            let rows = (1 + pushes.below(BATCH_ROWS_MAX)).min(left);
            pieces.push((rows, pushes.below(feeders)));
            left -= rows;
        }
        Group { seed, data, cases, pieces, feeders }
    }

    pub(super) fn run(&self, database: &Database, bounded: &Bounded) -> Tally {
        let mut tally = Tally::default();
        self.cases.iter().for_each(|case| tally.drawn(case));
        let all: Vec<&Case> = self.cases.iter().collect();
        let results = match self.live(database, &all, &mut tally) {
            Ok(results) => results,
            Err(error) => {
                tally.error(format!("the whole group: {error}"));
                return tally;
            }
        };
        bounded.load(self.data.table());
        for (case, result) in self.cases.iter().zip(results) {
            let found = match result {
                Ok(found) => found,
                Err(error) => {
                    tally.error(error);
                    continue;
                }
            };
            match theirs(bounded, case) {
                Err(error) => tally.error(format!("the other side: {error}")),
                Ok(wanted) => {
                    tally.compared += 1;
                    tally.with_rows += usize::from(!wanted.is_empty());
                    tally.again += usize::from(found.once.is_some());
                    let differs = found.difference(&wanted, &case.checks);
                    if let Some(what) = differs {
                        tally.differences.push(self.report(database, bounded, case, &what));
                    }
                }
            }
        }
        tally
    }

    /// The rows of each case's view, after all rows were pushed; the relation is gone then.
    fn live(
        &self,
        database: &Database,
        cases: &[&Case],
        tally: &mut Tally,
    ) -> Result<Vec<Result<Found, String>>, String> {
        let run = |text: &str| database.execute(text).map_err(|error| error.to_string());
        run(&self.data.create())?;
        let found = self.live_over(database, cases, tally);
        run("DROP SOURCE s CASCADE")?;
        found
    }

    fn live_over(
        &self,
        database: &Database,
        cases: &[&Case],
        tally: &mut Tally,
    ) -> Result<Vec<Result<Found, String>>, String> {
        let run = |text: &str| database.execute(text).map_err(|error| error.to_string());
        run("CREATE MATERIALIZED VIEW everything AS SELECT * FROM s")?;
        let create = |case: &Case| -> Result<(), String> {
            case.creates
                .iter()
                .try_for_each(|text| run(text).map(|_| ()).map_err(|e| format!("{e} in {text}")))
        };
        let mut created: Vec<Result<(), String>> = Vec::new();
        for case in cases {
            created.push(if case.on_view { Ok(()) } else { create(case) });
        }
        let mut feeders = Vec::new();
        for _ in 0..self.feeders {
            feeders.push(database.batch_source("s").map_err(|error| error.to_string())?);
        }
        let half = self.pieces.len() / 2;
        let pushed = self.push(&mut feeders, 0, &self.pieces[..half])?;
        database.flush().map_err(|error| error.to_string())?;
        // What reads a view may come later: it begins with the rows that the view has.
        for (case, created) in cases.iter().zip(&mut created) {
            if case.on_view {
                *created = create(case);
            }
        }
        self.push(&mut feeders, pushed, &self.pieces[half..])?;
        for feeder in feeders {
            feeder.finish().map_err(|error| error.to_string())?;
        }
        database.flush().map_err(|error| error.to_string())?;
        kernels(&database.plan(), tally);
        let read = |(case, created): (&&Case, Result<(), String>)| {
            created.and_then(|()| Found::of(database, case))
        };
        Ok(cases.iter().zip(created).map(read).collect())
    }

    fn push(
        &self,
        feeders: &mut [BatchSource],
        from: usize,
        pieces: &[(usize, usize)],
    ) -> Result<usize, String> {
        let mut at = from;
        for (rows, feeder) in pieces {
            let batch = self.data.batch(&self.data.rows[at..at + rows]);
            feeders[*feeder].push_wait(batch).map_err(|error| error.to_string())?;
            at += rows;
        }
        Ok(at)
    }

    /// What differed, and a script that shows it with as few rows as were found to do.
    fn report(&self, database: &Database, bounded: &Bounded, case: &Case, what: &str) -> String {
        let (rows, differs) = self.fewer_rows(database, bounded, case);
        let data = Data { rows, ..self.data.clone() };
        bounded.load(data.table());
        let wanted = theirs(bounded, case).unwrap_or_default();
        bounded.load(self.data.table());
        let script = script::script(&data, case, &wanted);
        let again = differs.as_deref().unwrap_or("(all rows, and these batches, are needed)");
        format!(
            "SLUICE_DIFFER_SEED={} on {} shards, view {}:\n{what}\nwith fewer rows:\n{again}\n{script}",
            self.seed,
            database.stats_by_shard().len(),
            case.name
        )
    }

    /// Leaves out as many rows as possible, in halves, quarters and so on.
    fn fewer_rows(
        &self,
        database: &Database,
        bounded: &Bounded,
        case: &Case,
    ) -> (Vec<Vec<Value>>, Option<String>) {
        let (mut rows, mut last) = (self.data.rows.clone(), None);
        let (mut tries, mut size) = (0, rows.len().div_ceil(2));
        while size > 0 && tries < TRIES_MAX {
            let mut at = 0;
            while at < rows.len() && tries < TRIES_MAX {
                let mut fewer = rows.clone();
                fewer.drain(at..(at + size).min(rows.len()));
                tries += 1;
                match self.with_rows(&fewer).differs(database, bounded, case) {
                    Some(what) => {
                        last = Some(what);
                        rows = fewer;
                    }
                    None => at += size,
                }
            }
            size /= 2;
        }
        (rows, last)
    }

    fn with_rows(&self, rows: &[Vec<Value>]) -> Group {
        let data = Data { rows: rows.to_vec(), ..self.data.clone() };
        let pieces = vec![(1, 0); rows.len()];
        Group { seed: self.seed, data, cases: Vec::new(), pieces, feeders: 1 }
    }

    fn differs(&self, database: &Database, bounded: &Bounded, case: &Case) -> Option<String> {
        let mut results = self.live(database, &[case], &mut Tally::default()).ok()?;
        let found = results.pop()?.ok()?;
        bounded.load(self.data.table());
        let wanted = theirs(bounded, case).ok()?;
        found.difference(&wanted, &case.checks)
    }
}

fn theirs(bounded: &Bounded, case: &Case) -> Result<Vec<Row>, String> {
    let rows = bounded.query(&case.theirs).map_err(|e| format!("{e} in {}", case.theirs))?;
    Ok(rows.into_iter().map(|values| Row::with_scales(values, &case.checks)).collect())
}

/// The rows of a view, and those of the same query run once by the database, where it can.
struct Found {
    rows: RowSet,
    once: Option<RowSet>,
}

impl Found {
    fn of(database: &Database, case: &Case) -> Result<Found, String> {
        let kept = rows(database, &format!("SELECT * FROM {}", case.name))?;
        let once = case.again.as_ref().map(|text| rows(database, text)).transpose()?;
        Ok(Found { rows: kept, once })
    }

    /// Of both from what is wanted, and of the types of one from those of the other.
    fn difference(&self, wanted: &[Row], checks: &[Check]) -> Option<String> {
        let differs = compare::difference(plain(&self.rows), wanted.to_vec(), checks);
        let Some(once) = self.once.as_ref().filter(|_| differs.is_none()) else { return differs };
        let types = |rows: &RowSet| -> Vec<_> {
            rows.schema.fields().iter().map(|field| field.data_type().clone()).collect()
        };
        let (kept, found) = (types(&self.rows), types(once));
        if kept != found {
            return Some(format!("types: {kept:?} and run once {found:?}"));
        }
        let differs = compare::difference(plain(once), wanted.to_vec(), checks);
        differs.map(|what| format!("run once by the database: {what}"))
    }
}

fn plain(rows: &RowSet) -> Vec<Row> {
    rows.batches.iter().flat_map(values).map(Row::plain).collect()
}

fn rows(database: &Database, text: &str) -> Result<RowSet, String> {
    match database.execute(text) {
        Ok(Outcome::Rows(rows)) => Ok(rows),
        Ok(_) => Err(format!("no rows of {text}")),
        Err(error) => Err(format!("{error} in {text}")),
    }
}

/// Counts the instructions of all programs of a plan.
fn kernels(plan: &Plan, tally: &mut Tally) {
    for node in plan.nodes() {
        let (input, exprs): (_, Vec<Expr>) = match &node.op {
            Op::Filter { input, predicate } => (input, vec![predicate.clone()]),
            Op::Project { input, outputs } => {
                (input, outputs.iter().map(|(_, expr)| expr.clone()).collect())
            }
            _ => continue,
        };
        let program = Program::compile(&exprs, &plan.node(*input).schema);
        let counts = program.expect("it runs").counts();
        tally.native += counts.native;
        tally.library += counts.library;
    }
}
