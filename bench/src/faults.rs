//! Page faults, context switches and waits for a CPU, of this process, thread by thread.

use std::collections::BTreeMap;
use std::fs;

use crate::sys::{self, Usage};

/// What the kernel has counted up to one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    process: Usage,
    threads: BTreeMap<u64, Thread>,
    cpu: CpuTime,
}

/// One thread.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Thread {
    /// What it is called.
    pub name: String,
    /// Its faults and switches.
    pub usage: Usage,
    /// How long it was ready to run and had no CPU.
    pub waited_ns: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct CpuTime {
    stolen: u64,
    total: u64,
}

/// What happened between two moments.
#[derive(Clone, PartialEq, Debug)]
pub struct Change {
    /// In the whole process.
    pub process: Usage,
    /// In each thread that lived at the end, by its id.
    pub threads: Vec<(u64, Thread)>,
    /// The share of all CPU time that the hypervisor gave to others.
    pub stolen: f64,
}

impl Snapshot {
    /// As of this moment.
    pub fn take() -> Snapshot {
        let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
        let cpu = cpu_time(&stat).unwrap_or_default();
        // Reading faults and allocates: the process is asked last, so as not to count that later.
        let threads = threads();
        Snapshot { process: sys::process_usage(), threads, cpu }
    }

    /// What happened since `earlier`.
    pub fn since(&self, earlier: &Snapshot) -> Change {
        let none = Thread::default();
        let threads = self.threads.iter().map(|(&id, thread)| {
            let before = earlier.threads.get(&id).unwrap_or(&none);
            let change = Thread {
                name: thread.name.clone(),
                usage: difference(thread.usage, before.usage),
                waited_ns: thread.waited_ns.saturating_sub(before.waited_ns),
            };
            (id, change)
        });
        let total = self.cpu.total.saturating_sub(earlier.cpu.total);
        let stolen = self.cpu.stolen.saturating_sub(earlier.cpu.stolen);
        Change {
            process: difference(self.process, earlier.process),
            threads: threads.collect(),
            stolen: if total == 0 { 0.0 } else { stolen as f64 / total as f64 },
        }
    }
}

fn difference(later: Usage, earlier: Usage) -> Usage {
    let of = |figure: fn(&Usage) -> u64| figure(&later).saturating_sub(figure(&earlier));
    Usage {
        minor_faults: of(|usage| usage.minor_faults),
        major_faults: of(|usage| usage.major_faults),
        voluntary_switches: of(|usage| usage.voluntary_switches),
        involuntary_switches: of(|usage| usage.involuntary_switches),
    }
}

fn threads() -> BTreeMap<u64, Thread> {
    let Ok(entries) = fs::read_dir("/proc/self/task") else { return BTreeMap::new() };
    let ids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    ids.filter_map(|id: u64| {
        // A thread may end while it is being read.
        let read = |file| fs::read_to_string(format!("/proc/self/task/{id}/{file}")).ok();
        let (stat, status) = (read("stat")?, read("status")?);
        Some((id, thread(&stat, &status, &read("schedstat").unwrap_or_default())?))
    })
    .collect()
}

/// From the texts of `stat`, `status` and `schedstat`.
fn thread(stat: &str, status: &str, schedstat: &str) -> Option<Thread> {
    // The name is in parentheses and may hold any character, so the fields count from its end.
    let (head, fields) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let field = |at: usize| fields.get(at)?.parse::<u64>().ok();
    let switches = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().parse::<u64>().ok()
    };
    Some(Thread {
        name: head.split_once('(')?.1.to_owned(),
        usage: Usage {
            minor_faults: field(7)?,
            major_faults: field(9)?,
            voluntary_switches: switches("voluntary_ctxt_switches:")?,
            involuntary_switches: switches("nonvoluntary_ctxt_switches:")?,
        },
        waited_ns: schedstat.split(' ').nth(1).and_then(|ns| ns.parse().ok()).unwrap_or(0),
    })
}

/// Of all CPUs, from the first line of `/proc/stat`.
fn cpu_time(stat: &str) -> Option<CpuTime> {
    let line = stat.lines().next()?.strip_prefix("cpu ")?;
    let times: Vec<u64> = line.split_whitespace().filter_map(|time| time.parse().ok()).collect();
    // Guests are counted in the time of users already.
    Some(CpuTime { stolen: *times.get(7)?, total: times[..8].iter().sum() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_read_whatever_its_name_is() {
        let stat = "77 (a) (b)) S 1 77 77 0 -1 4194560 501 0 3 0 11 12 0 0 20 0 1 0";
        let status = "Name:\ta\nvoluntary_ctxt_switches:\t41\nnonvoluntary_ctxt_switches:\t7\n";
        let usage = Usage {
            minor_faults: 501,
            major_faults: 3,
            voluntary_switches: 41,
            involuntary_switches: 7,
        };
        let expected = Thread { name: "a) (b)".into(), usage, waited_ns: 900 };
        assert_eq!(thread(stat, status, "1000 900 3\n"), Some(expected));
        assert_eq!(thread("77 (a) S", status, ""), None);
    }

    #[test]
    fn stolen_time_is_a_share_of_all_time() {
        let stat = "cpu  10 0 10 70 0 0 0 10 5 0\ncpu0 1 1 1 1 1 1 1 1\n";
        assert_eq!(cpu_time(stat), Some(CpuTime { stolen: 10, total: 100 }));
        assert_eq!(cpu_time("intr 1 2"), None);
    }

    #[test]
    fn a_change_holds_what_a_thread_did_between() {
        let before = Snapshot::take();
        std::hint::black_box(vec![1_u8; 32 << 20]);
        std::thread::yield_now();
        let change = Snapshot::take().since(&before);
        assert!(change.process.minor_faults > 0);
        assert!(change.threads.iter().any(|(_, thread)| thread.usage.minor_faults > 0));
        assert!((0.0..=1.0).contains(&change.stolen));
    }

    #[test]
    fn nothing_happens_between_a_moment_and_itself() {
        let moment = Snapshot::take();
        let change = moment.since(&moment);
        assert_eq!(change.process, Usage::default());
        assert!(change.threads.iter().all(|(_, thread)| thread.usage == Usage::default()));
    }
}
