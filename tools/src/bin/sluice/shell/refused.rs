//! Rows that no result has: the user hears of them where they would wonder, and how to see them.

use sluicedb::db::Stats;

/// How many the user has been told of.
#[derive(Debug, Default)]
pub(crate) struct Refused {
    late: u64,
    dead: u64,
}

impl Refused {
    /// Notices of those that have come since; in a script its end is told of, when nothing can be
    /// asked any more.
    pub(crate) fn news(&mut self, stats: &Stats, interactive: bool) -> String {
        let mut notices = String::new();
        let late = stats.late_rows.saturating_sub(self.late);
        let dead = stats.dead_letters.saturating_sub(self.dead);
        (self.late, self.dead) = (stats.late_rows, stats.dead_letters);
        for (rows, what, table) in [
            (late, "came too late for a query", "sluice.late_rows"),
            (dead, "could not be read or computed", "sluice.dead_letters"),
        ] {
            if rows == 0 {
                continue;
            }
            let counted = if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") };
            let hint = if interactive {
                format!("SELECT * FROM {table}; shows which, and why.")
            } else {
                format!("End the script with SELECT * FROM {table}; to see which, and why.")
            };
            notices += &format!("NOTICE:  {counted} {what}\nHINT:  {hint}\n");
        }
        notices
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_is_told_of_once() {
        let mut refused = Refused::default();
        let stats = |late_rows, dead_letters| Stats { late_rows, dead_letters, ..Stats::default() };
        assert_eq!(refused.news(&stats(0, 0), true), "");
        let said = refused.news(&stats(3, 0), true);
        assert!(
            said.starts_with("NOTICE:  3 rows came too late for a query\nHINT:  SELECT"),
            "{said}"
        );
        assert_eq!(refused.news(&stats(3, 0), true), "");
        let said = refused.news(&stats(3, 1), false);
        assert!(said.starts_with("NOTICE:  1 row could not be read or computed\n"), "{said}");
        assert!(said.contains("End the script with SELECT * FROM sluice.dead_letters;"), "{said}");
    }
}
