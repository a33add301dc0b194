//! What the operators of a shard refused: the newest rows, and how many there were.
//!
//! Saved, as bytes, little endian: the form (4 bytes), whether what was saved before is void (1), rows
//! that were late and that failed in all (8 each), the count of operators (4), of each its number (4) and
//! how many it refused (8 each), then late rows, those that failed, and groups that are withheld, as
//! `letters/saved.rs` writes them.

use std::collections::BTreeMap;
use std::sync::Arc;

use sluicedb_sql::expr::RowError;

use super::clock::Day;
use super::letters::{Letters, Reader, count};
use super::stats::ShardStats;
use super::survey::{Refusals, ShardSurvey};
use crate::core::graph::{Change, Graph};
use crate::core::ids::{Epoch, OperatorId, ShardId};
use crate::core::morsel::{Morsel, Pool};
use crate::core::shard::Census;

/// Counts the changes of the form.
const FORM: u32 = 1;

/// Rows that operators refused.
pub(crate) struct Refused {
    /// The graph that the effects are of that are carried out next: the shard may have another already.
    graph: Arc<Graph>,
    late: Letters,
    dead: Letters,
    /// Groups that came to be withheld, or have a row again.
    withheld: Letters,
    counts: BTreeMap<OperatorId, Refusals>,
    /// Those in the epochs of which a checkpoint may not have been asked for yet.
    recent: BTreeMap<(Epoch, OperatorId), Refusals>,
    /// Whether operators have gone of which something was saved.
    forgets: bool,
    day: Arc<Day>,
}

impl Refused {
    /// Nothing was refused yet.
    pub(crate) fn nothing(graph: &Arc<Graph>, day: Arc<Day>) -> Refused {
        Refused {
            graph: Arc::clone(graph),
            late: Letters::default(),
            dead: Letters::default(),
            withheld: Letters::default(),
            counts: BTreeMap::new(),
            recent: BTreeMap::new(),
            forgets: false,
            day,
        }
    }

    /// The graph that the next effects are of.
    pub(crate) fn graph(&self) -> &Arc<Graph> {
        &self.graph
    }

    /// Keeps rows that an operator refused in an epoch, late ones where there are no errors.
    #[cold]
    pub(crate) fn keep(
        &mut self,
        who: (OperatorId, Epoch),
        morsel: &Morsel,
        errors: Option<Vec<RowError>>,
        stats: &ShardStats,
    ) {
        let (operator, epoch) = who;
        let rows = morsel.rows() as u64;
        let (letters, more) = if errors.is_some() {
            stats.add_dead_letters(rows);
            (&mut self.dead, Refusals { late: 0, dead: rows })
        } else {
            stats.add_late_rows(rows);
            (&mut self.late, Refusals { late: rows, dead: 0 })
        };
        letters.keep(&self.graph, who, morsel, errors.unwrap_or_default(), self.day.now_us());
        self.counts.entry(operator).or_default().add(more);
        // A stage is at most one epoch ahead of another.
        self.recent.retain(|(at, _), _| at.next() >= epoch);
        self.recent.entry((epoch, operator)).or_default().add(more);
        stats.set_gone(self.late.gone(), self.dead.gone());
    }

    /// Keeps which groups came to be withheld, or have a row again.
    pub(crate) fn withhold(&mut self, who: (OperatorId, Epoch), morsel: &Morsel) {
        self.withheld.keep(&self.graph, who, morsel, Vec::new(), self.day.now_us());
    }

    /// The graph has become another one.
    pub(crate) fn changed(&mut self, change: &Change) {
        self.graph = Arc::clone(&change.graph);
        let Refused { late, dead, withheld, .. } = self;
        [late, dead, withheld].into_iter().for_each(|letters| letters.orphan(&change.gone));
        self.forgets |= !change.gone.is_empty();
        self.counts.retain(|operator, _| !change.gone.contains(operator));
    }

    /// What there is to tell.
    pub(crate) fn survey(&self, shard: ShardId, census: Census) -> ShardSurvey {
        ShardSurvey {
            shard,
            census,
            late: self.late.look(),
            dead: self.dead.look(),
            withheld: self.withheld.look(),
            refused: self.counts.iter().map(|(operator, counts)| (*operator, *counts)).collect(),
        }
    }

    /// What was refused up to the end of an epoch, behind a checkpoint that has what was before; no
    /// bytes where nothing ever was.
    pub(crate) fn save(&mut self, since: Option<Epoch>, until: Epoch) -> Vec<u8> {
        let Refused { late, dead, withheld, .. } = self;
        if [&late, &dead, &withheld].iter().all(|letters| letters.total() == 0) {
            return Vec::new();
        }
        let forgets = std::mem::take(&mut self.forgets);
        let since = since.filter(|_| !forgets);
        let later: Vec<_> = self.recent.iter().filter(|((at, _), _)| *at > until).collect();
        let of = |operator: OperatorId| {
            let own = later.iter().filter(|((_, by), _)| *by == operator);
            own.fold(Refusals::default(), |sum, (_, more)| sum.plus(**more))
        };
        let ahead = later.iter().fold(Refusals::default(), |sum, (_, more)| sum.plus(**more));
        let mut out = Vec::new();
        out.extend(FORM.to_le_bytes());
        out.push(u8::from(since.is_none()));
        out.extend((late.total() - ahead.late).to_le_bytes());
        out.extend((dead.total() - ahead.dead).to_le_bytes());
        count(self.counts.len(), &mut out);
        for (operator, counts) in &self.counts {
            let ahead = of(*operator);
            out.extend(operator.0.to_le_bytes());
            out.extend((counts.late - ahead.late).to_le_bytes());
            out.extend((counts.dead - ahead.dead).to_le_bytes());
        }
        [late, dead, withheld].iter().for_each(|letters| letters.save(since, until, &mut out));
        out
    }

    /// Takes up what shards saved that wrote a checkpoint, each in the files of it; none where the bytes
    /// are no such.
    pub(crate) fn restore<'a>(
        graph: &Arc<Graph>,
        saved: impl Iterator<Item = &'a Vec<Vec<u8>>>,
        stats: &ShardStats,
        day: Arc<Day>,
    ) -> Option<Refused> {
        let mut refused = Refused::nothing(graph, day);
        let mut totals = Refusals::default();
        for files in saved {
            // Nothing was refused before the first that says something.
            let said: Vec<_> = files.iter().filter(|bytes| !bytes.is_empty()).collect();
            let whole = said.iter().rposition(|bytes| bytes.get(4) == Some(&1)).unwrap_or(0);
            let mut told = Head::default();
            for bytes in &said[whole..] {
                told = refused.take_up(bytes)?;
            }
            totals = totals.plus(told.totals);
            for (operator, counts) in told.counts {
                refused.counts.entry(operator).or_default().add(counts);
            }
        }
        refused.late.set_total(totals.late);
        refused.dead.set_total(totals.dead);
        stats.add_late_rows(totals.late);
        stats.add_dead_letters(totals.dead);
        stats.set_gone(refused.late.gone(), refused.dead.gone());
        Some(refused)
    }

    /// Keeps the rows that were saved in one file, and returns what stands before them.
    fn take_up(&mut self, bytes: &[u8]) -> Option<Head> {
        let reader = &mut Reader(bytes);
        let head = Head::read(reader, &self.graph)?;
        let mut pool = Pool::new(&self.graph.shapes);
        let Refused { graph, late, dead, withheld, .. } = self;
        for letters in [late, dead, withheld] {
            letters.restore(graph, &mut pool, reader)?;
        }
        reader.0.is_empty().then_some(head)
    }
}

/// How many rows were refused by the end of a checkpoint.
#[derive(Default)]
struct Head {
    totals: Refusals,
    counts: Vec<(OperatorId, Refusals)>,
}

impl Head {
    fn read(reader: &mut Reader<'_>, graph: &Graph) -> Option<Head> {
        if reader.u32()? != FORM || reader.u8()? > 1 {
            return None;
        }
        let totals = Refusals { late: reader.u64()?, dead: reader.u64()? };
        let operators = reader.u32()?;
        let mut counts = Vec::new();
        for _ in 0..operators {
            let operator = graph.operator(OperatorId(reader.u32()?))?.id;
            counts.push((operator, Refusals { late: reader.u64()?, dead: reader.u64()? }));
        }
        Some(Head { totals, counts })
    }
}
