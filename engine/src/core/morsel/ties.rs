//! The ties of the rows of a morsel.
//!
//! Rows that one feeder numbered are numbered one after the other: of those only the first is kept.

use super::Tie;

/// One tie a row, or none, which stands for [`Tie::default`] in every row.
///
/// How many rows there are is for the morsel to know: a run does not say where it ends.
#[derive(Clone, Debug, Default)]
pub struct Ties {
    /// None; or the first of a run, in which each row has the tie after that of the row before; or
    /// those of all rows, which are more than one.
    list: Vec<Tie>,
}

impl Ties {
    /// The ties of rows that are numbered one after the other.
    pub fn run(first: Tie) -> Ties {
        Ties { list: vec![first] }
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether these can be the ties of so many rows.
    pub(super) fn fit(&self, rows: usize) -> bool {
        self.list.len() <= 1 || self.list.len() == rows
    }

    /// The tie of a row; that of all rows where there are none.
    #[inline]
    pub fn get(&self, row: usize) -> Tie {
        match *self.list {
            [first] => first.after(row),
            _ => self.list.get(row).copied().unwrap_or_default(),
        }
    }

    /// The first tie, if each row has the one after that of the row before.
    pub(super) fn as_run(&self) -> Option<Tie> {
        if let [first] = *self.list { Some(first) } else { None }
    }

    /// The ties of all rows, if they are no run.
    pub(super) fn as_list(&self) -> &[Tie] {
        if self.list.len() > 1 { &self.list } else { &[] }
    }

    /// Appends the tie of one more row behind `before` rows, which have ties.
    #[inline]
    pub fn push(&mut self, before: usize, tie: Tie) {
        assert!(before == 0 || !self.is_empty(), "all rows have ties or none");
        if self.as_run().is_some_and(|first| tie == first.after(before)) {
            return;
        }
        self.unroll(before);
        self.list.push(tie);
    }

    /// Appends the ties of one and more rows that are numbered one after the other.
    pub fn push_run(&mut self, before: usize, first: Tie, rows: usize) {
        (0..rows.min(2)).for_each(|row| self.push(before + row, first.after(row)));
        if self.list.len() > 1 {
            self.list.extend((2..rows).map(|row| first.after(row)));
        }
    }

    /// Forgets all and keeps the room.
    #[inline]
    pub fn clear(&mut self) {
        self.list.clear();
    }

    /// Appends those of some rows of another morsel, of which this has `before` rows.
    pub(super) fn gather(&mut self, from: &Ties, before: usize, rows: &[u32]) {
        if self.is_empty() && from.is_empty() {
            return;
        }
        self.fill(before);
        for (at, &row) in rows.iter().enumerate() {
            self.push(before + at, from.get(row as usize));
        }
    }

    /// Appends those of all `rows` of another morsel, of which this has `before` rows.
    pub(super) fn append(&mut self, from: &Ties, before: usize, rows: usize) {
        if self.is_empty() && from.is_empty() {
            return;
        }
        self.fill(before);
        match from.as_run() {
            Some(first) => self.push_run(before, first, rows),
            None => (0..rows).for_each(|row| self.push(before + row, from.get(row))),
        }
    }

    /// Writes down the ties of `before` rows, if there were none.
    fn fill(&mut self, before: usize) {
        if self.is_empty() {
            (0..before).for_each(|row| self.push(row, Tie::default()));
        }
    }

    /// Writes down all of a run of so many rows.
    fn unroll(&mut self, rows: usize) {
        if let Some(first) = self.as_run() {
            self.list.extend((1..rows).map(|row| first.after(row)));
        }
    }
}

impl FromIterator<Tie> for Ties {
    fn from_iter<T: IntoIterator<Item = Tie>>(of: T) -> Ties {
        let mut ties = Ties::default();
        of.into_iter().enumerate().for_each(|(row, tie)| ties.push(row, tie));
        ties
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ties(of: &[u128]) -> Ties {
        of.iter().map(|&tie| Tie(tie)).collect()
    }

    fn first(ties: &Ties, rows: usize) -> Vec<u128> {
        assert!(ties.fit(rows));
        (0..rows).map(|row| ties.get(row).0).collect()
    }

    #[test]
    fn a_run_is_kept_as_its_first() {
        let mut run = ties(&[7, 8, 9]);
        assert_eq!((run.as_run(), run.as_list().len()), (Some(Tie(7)), 0));
        run.push_run(3, Tie(10), 2);
        assert_eq!((run.as_run(), first(&run, 5)), (Some(Tie(7)), vec![7, 8, 9, 10, 11]));
        run.push(5, Tie(3));
        assert_eq!((run.as_run(), first(&run, 6)), (None, vec![7, 8, 9, 10, 11, 3]));
        run.push(6, Tie(4));
        run.push_run(7, Tie(5), 3);
        assert_eq!(first(&run, 10), [7, 8, 9, 10, 11, 3, 4, 5, 6, 7]);
        run.clear();
        assert!(run.is_empty() && run.get(3) == Tie::default());
        assert_eq!(first(&Ties::run(Tie(4)), 2), [4, 5]);
    }

    #[test]
    fn rows_without_ties_have_the_default_beside_rows_with_some() {
        let mut some = Ties::default();
        some.gather(&ties(&[5, 6, 9]), 2, &[0, 2]);
        assert_eq!(first(&some, 4), [0, 0, 5, 9]);
        some.append(&Ties::default(), 4, 2);
        some.append(&ties(&[1, 2]), 6, 2);
        assert_eq!(first(&some, 8), [0, 0, 5, 9, 0, 0, 1, 2]);
        let mut none = Ties::default();
        none.append(&Ties::default(), 3, 2);
        none.gather(&Ties::default(), 5, &[0]);
        assert!(none.is_empty());
        let mut late = Ties::default();
        late.append(&ties(&[4, 5]), 1, 2);
        assert_eq!(first(&late, 3), [0, 4, 5]);
        let mut one = ties(&[6]);
        one.append(&Ties::default(), 1, 2);
        assert_eq!(first(&one, 3), [6, 0, 0]);
    }

    #[test]
    fn a_run_of_a_run_is_one_and_any_other_choice_is_a_list() {
        let from = ties(&[20, 21, 22, 23]);
        let mut run = ties(&[18, 19]);
        run.gather(&from, 2, &[0, 1, 2]);
        assert_eq!((run.as_run(), first(&run, 5)), (Some(Tie(18)), vec![18, 19, 20, 21, 22]));
        let mut list = ties(&[18, 19]);
        list.gather(&from, 2, &[3, 0]);
        assert_eq!((list.as_run(), first(&list, 4)), (None, vec![18, 19, 23, 20]));
    }
}
