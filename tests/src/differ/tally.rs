//! What a run was about.

use std::collections::BTreeMap;
use std::fmt;

use super::case::Case;

/// Cases of each construct that a run must have.
const OF_EACH_MIN: usize = 20;

/// What a run came to.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Queries that were drawn.
    pub cases: usize,
    /// Those of them whose both results were compared.
    pub compared: usize,
    /// Those with a row in the result.
    pub with_rows: usize,
    /// Those that the database ran as a bounded query too, with the same result to the type.
    pub again: usize,
    /// Cases by what they were about.
    pub constructs: BTreeMap<&'static str, usize>,
    /// Instructions of the programs that ran: by kernels, and by functions of the library.
    pub native: usize,
    /// Those of the library.
    pub library: usize,
    /// Why queries were not compared, with the number of times.
    pub errors: BTreeMap<String, usize>,
    /// Differences, each with what it takes to see it again.
    pub differences: Vec<String>,
}

impl Tally {
    pub(super) fn drawn(&mut self, case: &Case) {
        self.cases += 1;
        for construct in &case.constructs {
            *self.constructs.entry(construct).or_default() += 1;
        }
    }

    pub(super) fn error(&mut self, what: String) {
        *self.errors.entry(what).or_default() += 1;
    }

    /// Both together.
    pub fn add(&mut self, other: Tally) {
        let Tally { cases, compared, with_rows, again, constructs, native, library, .. } = other;
        self.cases += cases;
        self.compared += compared;
        self.with_rows += with_rows;
        self.again += again;
        self.native += native;
        self.library += library;
        for (construct, count) in constructs {
            *self.constructs.entry(construct).or_default() += count;
        }
        for (error, count) in other.errors {
            *self.errors.entry(error).or_default() += count;
        }
        self.differences.extend(other.differences);
    }

    /// What there is too little of for a run to say something.
    pub fn lacks(&self) -> Vec<String> {
        let mut lacks = Vec::new();
        for (construct, count) in &self.constructs {
            if *count < OF_EACH_MIN {
                lacks.push(format!("{count} cases of {construct}, and {OF_EACH_MIN} are wanted"));
            }
        }
        let mut share = |part: usize, of: usize, percent: usize, what: &str| {
            if part * 100 < of * percent {
                lacks.push(format!("{part} of {of} {what}, and {percent} % are wanted"));
            }
        };
        share(self.compared, self.cases, 95, "cases without an error");
        share(self.with_rows, self.cases, 60, "cases with rows");
        share(self.native, self.native + self.library, 70, "instructions by kernels");
        lacks
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} cases: {} compared, {} with rows, {} run once by the database too",
            self.cases, self.compared, self.with_rows, self.again
        )?;
        let (native, library) = (self.native, self.library);
        writeln!(f, "{native} instructions by kernels, {library} by the library")?;
        for (construct, count) in &self.constructs {
            writeln!(f, "  {count:>5} {construct}")?;
        }
        for (error, count) in &self.errors {
            writeln!(f, "  {count:>5} not compared: {error}")?;
        }
        Ok(())
    }
}
