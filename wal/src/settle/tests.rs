//! Both ways of settling against each other and against trying all prefixes.

use super::*;
use crate::twin::Prng;

/// Two feeders take turns, so that what one misses does not stop the other.
fn statement(number: u64, parts: u64) -> Statement {
    Statement { feeder: (number % 2) as u32, sequence: number / 2 + 1, parts }
}

/// Whether each statement inside the prefixes has all its parts inside, and a part of the one
/// before it of its feeder.
fn closed(logs: &[Vec<Statement>], prefixes: &[usize]) -> bool {
    let inside = |shard: usize, wanted: &Statement| {
        logs.get(shard)
            .is_some_and(|log| log[..prefixes[shard]].iter().any(|s| key(s) == key(wanted)))
    };
    let follows = |s: &Statement| {
        let before = Statement { sequence: s.sequence - 1, ..*s };
        before.sequence == 0 || (0..logs.len()).any(|shard| inside(shard, &before))
    };
    (0..logs.len()).all(|shard| {
        logs[shard][..prefixes[shard]]
            .iter()
            .all(|s| follows(s) && (0..64).filter(|q| s.parts >> q & 1 == 1).all(|q| inside(q, s)))
    })
}

/// Tries all prefixes and takes, for each log, the longest that is in any closed choice.
fn brute_force(logs: &[Vec<Statement>]) -> Vec<usize> {
    let mut best = vec![0; logs.len()];
    let choices: usize = logs.iter().map(|log| log.len() + 1).product();
    for mut choice in 0..choices {
        let mut prefixes = Vec::new();
        for log in logs {
            prefixes.push(choice % (log.len() + 1));
            choice /= log.len() + 1;
        }
        if closed(logs, &prefixes) {
            for (best, prefix) in best.iter_mut().zip(prefixes) {
                *best = prefix.max(*best);
            }
        }
    }
    assert!(closed(logs, &best), "closed prefixes are closed under union");
    best
}

/// Logs of three shards: parts in random order, some lost.
fn random_logs(prng: &mut Prng) -> Vec<Vec<Statement>> {
    let mut logs = vec![Vec::new(); 3];
    for sequence in 0..6 {
        let parts = 1 + prng.next() % 7;
        for (shard, log) in logs.iter_mut().enumerate() {
            if parts >> shard & 1 == 1 && prng.below(12) > 0 {
                // Mostly one order for all logs, sometimes crossing.
                let at = log.len() - prng.below(3).min(log.len()) * (prng.below(3) / 2);
                log.insert(at, statement(sequence, parts));
            }
        }
    }
    logs
}

#[test]
fn settled_prefixes_are_the_longest_closed_ones() {
    let mut prng = Prng(11);
    let mut cuts = 0;
    for _ in 0..3000 {
        let logs = random_logs(&mut prng);
        let expected = brute_force(&logs);
        assert_eq!(settled(&logs, &[0, 0]), expected, "{logs:?}");
        cuts += usize::from(logs.iter().zip(expected).any(|(log, end)| end < log.len()));
    }
    assert!((500..2500).contains(&cuts), "{cuts}: both outcomes are common");
}

#[test]
fn settling_one_part_at_a_time_finds_the_same_at_every_moment() {
    let mut prng = Prng(12);
    for _ in 0..2000 {
        let logs = random_logs(&mut prng);
        let mut settling = Settling::new(3, &[0, 0]);
        let mut durable: Vec<Vec<Statement>> = vec![Vec::new(); 3];
        let mut taken = Vec::new();
        while durable != logs {
            let shard = prng.below(3);
            let Some(next) = logs[shard].get(durable[shard].len()) else { continue };
            durable[shard].push(*next);
            settling.durable(u16::try_from(shard).unwrap(), *next);
            if prng.below(3) == 0 {
                continue;
            }
            taken.extend(settling.take_settled());
            let mut expected: Vec<Statement> = settled(&durable, &[0, 0])
                .into_iter()
                .zip(&durable)
                .flat_map(|(end, log)| log[..end].to_vec())
                .collect();
            expected.sort_unstable();
            expected.dedup();
            let mut once = taken.clone();
            once.sort_unstable();
            assert_eq!(once, expected);
        }
    }
}

#[test]
fn statements_that_cross_settle_together() {
    let (a, b) = (statement(0, 3), statement(1, 3));
    let mut settling = Settling::new(2, &[]);
    for (shard, part) in [(0, a), (0, b), (1, b)] {
        settling.durable(shard, part);
        assert_eq!(settling.take_settled(), []);
    }
    settling.durable(1, a);
    assert_eq!(settling.take_settled(), [a, b]);
    assert_eq!(settled(&[vec![a, b], vec![b, a]], &[]), [2, 2]);
    assert_eq!(settled(&[vec![a, b], vec![b]], &[]), [0, 0]);
}

#[test]
fn a_part_on_a_shard_that_has_no_log_never_comes() {
    assert_eq!(settled(&[vec![statement(0, 1), statement(1, 5)]], &[]), [1]);
}

#[test]
fn a_statement_whose_predecessor_is_lost_is_lost_with_it() {
    let (first, second) = (statement(0, 1), statement(2, 2));
    assert_eq!(settled(&[vec![], vec![second]], &[0]), [0, 0]);
    assert_eq!(settled(&[vec![], vec![second]], &[1]), [0, 1]);
    assert_eq!(settled(&[vec![first], vec![second]], &[0]), [1, 1]);
    let mut settling = Settling::new(2, &[0]);
    settling.durable(1, second);
    assert_eq!(settling.take_settled(), []);
    settling.durable(0, first);
    assert_eq!(settling.take_settled(), [first, second]);
}
