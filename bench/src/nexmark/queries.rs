//! The queries, and what each comes to.

use super::golden::Golden;

/// One query.
#[derive(Clone, Copy, Debug)]
pub struct Query {
    /// As Nexmark and its view call it.
    pub name: &'static str,
    /// The statement that creates the view.
    pub sql: &'static str,
    /// The same for DataFusion, where it has other functions for it.
    plain: Option<&'static str>,
    /// Of the first 10 000 and 100 000 events.
    goldens: [&'static str; 2],
}

/// Sizes of the set whose results are committed.
pub const CHECKED: [usize; 2] = [10_000, 100_000];

macro_rules! query {
    ($name:literal, $plain:expr) => {
        Query {
            name: $name,
            sql: include_str!(concat!("../../nexmark/queries/", $name, ".sql")),
            plain: $plain,
            goldens: [
                include_str!(concat!("../../nexmark/golden/10000/", $name, ".txt")),
                include_str!(concat!("../../nexmark/golden/100000/", $name, ".txt")),
            ],
        }
    };
    ($name:literal) => {
        query!($name, None)
    };
    ($name:literal in other words) => {
        query!($name, Some(include_str!(concat!("../../nexmark/datafusion/", $name, ".sql"))))
    };
}

/// Those that are run.
pub const QUERIES: &[Query] = &[
    query!("q0"),
    query!("q1"),
    query!("q2" in other words),
    query!("q3"),
    query!("q4"),
    query!("q5" in other words),
    query!("q7" in other words),
    query!("q8"),
    query!("q9"),
    query!("q10" in other words),
    query!("q11" in other words),
    query!("q12" in other words),
    query!("q14"),
    query!("q15" in other words),
    query!("q16" in other words),
    query!("q17" in other words),
    query!("q18"),
    query!("q19"),
    query!("q20"),
    query!("q21"),
    query!("q22"),
    query!("q23"),
];

impl Query {
    /// Whether it reads bids and nothing else.
    pub fn of_bids(&self) -> bool {
        !["q3", "q4", "q8", "q9", "q20", "q23"].contains(&self.name)
    }

    /// The query alone, in words that DataFusion knows.
    pub fn plain(&self) -> &'static str {
        self.plain.unwrap_or_else(|| {
            let (_, query) = self.sql.split_once(" AS\n").expect("a view is created AS a query");
            query.trim_end().trim_end_matches(';')
        })
    }

    /// The committed result over so many events, if there is one.
    pub fn golden(&self, events: usize) -> Option<Result<Golden, String>> {
        let at = CHECKED.iter().position(|size| *size == events)?;
        Some(Golden::parse(self.goldens[at]))
    }
}
