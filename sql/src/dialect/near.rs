//! The known word nearest to one that is not known.

/// The nearest of `known` to `word`, if a slip of the finger lies between them.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let allowed = match word.chars().count() {
        0..=2 => return None,
        3..=4 => 1,
        5..=8 => 2,
        9..=64 => 3,
        _ => return None,
    };
    let near = known.into_iter().filter(|other| other.len() <= 2 * word.len() + 2);
    let near = near.map(|other| (distance(&word, &other.to_lowercase()), other));
    let best = near.filter(|(distance, _)| (1..=allowed).contains(distance));
    best.min_by_key(|(distance, _)| *distance).map(|(_, other)| other)
}

/// Letters to put in, take out, change or swap with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut next = vec![i];
        for j in 1..=b.len() {
            let change = row[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = change.min(row[j] + 1).min(next[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            next.push(best);
        }
        before = std::mem::replace(&mut row, next);
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_one_slip_away_and_never_the_word_itself() {
        let known = ["select", "stream", "source", "sink"];
        assert_eq!(nearest("SELCET", known), Some("select"));
        assert_eq!(nearest("souce", known), Some("source"));
        assert_eq!(nearest("sink", known), None);
        assert_eq!(nearest("xx", known), None);
        assert_eq!(nearest("banana", known), None);
    }
}
