//! What a lane of the durability tests ran: one line each, past the harness that keeps the output of
//! tests which pass, so that whoever runs the suite sees that no lane ran less than it should.

use std::io::Write as _;

/// What was done, how often, and how often at least it has to be.
pub type Count = (&'static str, u64, u64);

/// Prints what a lane ran.
///
/// # Panics
///
/// If it ran less than it should.
pub fn lane(number: u8, counts: &[Count]) {
    let told: Vec<String> = counts.iter().map(|(what, n, _)| format!("{n} {what}")).collect();
    say(&format!("lane {number}: {}", told.join(", ")));
    let short: Vec<&Count> = counts.iter().filter(|(_, n, least)| n < least).collect();
    assert!(short.is_empty(), "lane {number} ran too little (what, how often, least): {short:?}");
}

/// Says that a lane cannot run here, and why.
pub fn skipped(number: u8, why: &str) {
    say(&format!("lane {number}: skipped: {why}"));
}

fn say(line: &str) {
    // Where nobody reads it nothing is lost.
    let _unread = writeln!(std::io::stdout(), "{line}");
}
