//! Feeds the language with statements that were broken on purpose: none may make it panic, overflow
//! its stack or think for long.
//!
//! Statements come from the scripts of the test suite, and each is changed in a few places. Every
//! input is a function of the seed and its number, so that a failure can be run again by itself.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program that says what it found")]

mod corpus;
mod mutate;
mod random;
mod target;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use random::Random;

/// A statement that takes longer is a find too.
const TIME_MAX: Duration = Duration::from_secs(20);
/// How often it says how far it is: a stack that overflows says no more.
const SAID_EVERY: u64 = 10_000;

const USAGE: &str = "Usage: sluicedb-fuzz [--seconds N] [--seed N] [--only NUMBER]
Runs for N seconds (60) over inputs of a seed (1); --only runs one input and prints it.";

struct Options {
    seconds: u64,
    seed: u64,
    only: Option<u64>,
}

fn options(mut args: impl Iterator<Item = String>) -> Option<Options> {
    let mut options = Options { seconds: 60, seed: 1, only: None };
    while let Some(arg) = args.next() {
        let number = args.next()?.parse().ok()?;
        match arg.as_str() {
            "--seconds" => options.seconds = number,
            "--seed" => options.seed = number,
            "--only" => options.only = Some(number),
            _ => return None,
        }
    }
    Some(options)
}

fn main() -> ExitCode {
    let Some(Options { seconds, seed, only }) = options(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let corpus = corpus::statements();
    let target = target::Target::new();
    let input = |number: u64| mutate::input(&corpus, &mut Random::new(seed, number));
    if let Some(number) = only {
        println!("{}", input(number));
        println!("{:?}", target.run(&input(number)));
        return ExitCode::SUCCESS;
    }
    let (start, mut refused, mut number) = (Instant::now(), 0_u64, 0_u64);
    while start.elapsed().as_secs() < seconds {
        let text = input(number);
        let began = Instant::now();
        let what = match catch_unwind(AssertUnwindSafe(|| target.run(&text))) {
            Ok(outcome) if began.elapsed() < TIME_MAX => {
                refused += u64::from(outcome == target::Outcome::Refused);
                None
            }
            Ok(_) => Some("takes long"),
            Err(_) => Some("panics"),
        };
        if let Some(what) = what {
            eprintln!("input {number} of seed {seed} {what}:\n{text}");
            return ExitCode::FAILURE;
        }
        number += 1;
        if number.is_multiple_of(SAID_EVERY) {
            println!("{number} inputs of seed {seed}");
        }
    }
    println!("{number} inputs of seed {seed}, {refused} of them refused, and no panic");
    ExitCode::SUCCESS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_statement_that_was_broken_panics() {
        let corpus = corpus::statements();
        assert!(corpus.len() > 500, "{} statements", corpus.len());
        let target = target::Target::new();
        let mut outcomes = [0_usize; 3];
        for number in 0..600 {
            let text = mutate::input(&corpus, &mut Random::new(7, number));
            let outcome = target.run(&text);
            outcomes[outcome as usize] += 1;
        }
        // Inputs that are all refused at their first word say nothing about what comes behind it.
        assert!(outcomes.iter().all(|count| *count > 10), "{outcomes:?}");
    }

    #[test]
    fn an_input_is_a_function_of_its_number() {
        let corpus = corpus::statements();
        let input = |number| mutate::input(&corpus, &mut Random::new(1, number));
        assert_eq!(input(3), input(3));
        assert!((0..20).any(|number| input(number) != input(number + 1)));
    }
}
