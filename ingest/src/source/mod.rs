//! Where rows come from, one connector a file.

pub(crate) mod file;
pub(crate) mod generator;
pub(crate) mod lines;

use std::time::Duration;

use sluicedb::db::Link;

/// How long a source sleeps at most before it looks whether it is to stop.
const NAP: Duration = Duration::from_millis(50);

/// Sleeps for so long, or until the source is to stop.
fn sleep(mut time: Duration, link: &Link) {
    while !time.is_zero() && !link.is_stopped() {
        let nap = time.min(NAP);
        std::thread::sleep(nap);
        time -= nap;
    }
}
