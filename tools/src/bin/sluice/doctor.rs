//! `sluice doctor`: what this host gives a database, and what is lost where it gives less.

use std::fs;
use std::io::Write;
use std::path::Path;

use sluicedb::shell::probe::{self, SyncProbe, Timing};
use sluicedb::shell::topology::{Placement, Reading, Request, Topology, place};

use crate::command::{Command, Failure, Options};

pub(crate) const COMMAND: Command = Command {
    name: "doctor",
    about: "what this host gives a database, and what each thing that is missing costs",
    help: "\
Looks at the kernel and the CPUs of this host: io_uring, locked memory, huge pages, the pace of the CPUs,
how many there are and how many a container may use. Says of each whether it is as a database wants it,
and what it costs where it is not.

With a directory, measures there how long each way takes by which a log can be made durable, and says which
one a database in it chooses. It writes a small file that has no name by then, and changes nothing else, so
that a database may be open there. Its builder's `sync_path` makes another choice.

Usage: sluice doctor [DIR]

Example: sluice doctor .",
    run,
};

/// What was found of one thing.
#[derive(Debug, PartialEq)]
struct Finding {
    what: &'static str,
    is: String,
    /// What it costs, and what to do; none where all is well.
    costs: Option<String>,
}

impl Finding {
    fn good(what: &'static str, is: impl Into<String>) -> Finding {
        Finding { what, is: is.into(), costs: None }
    }

    fn bad(what: &'static str, is: impl Into<String>, costs: impl Into<String>) -> Finding {
        Finding { what, is: is.into(), costs: Some(costs.into()) }
    }
}

fn run(given: &[String], out: &mut dyn Write) -> Result<(), Failure> {
    let mut options = Options::new(COMMAND.name, given);
    let mut directory = None;
    while let Some(word) = options.option()? {
        if word.starts_with('-') || directory.is_some() {
            return Err(options.unknown(word));
        }
        directory = Some(Path::new(word));
    }
    let Reading { topology, warning } = Topology::read();
    let placement = place(&topology, &Request::default());
    let placement = placement.map_err(|error| Failure::Failed(error.to_string()))?;
    let mut findings = vec![ring(), locked(&read("/proc/self/limits"))];
    findings.extend(huge_pages(&read("/sys/kernel/mm/transparent_hugepage/enabled")));
    findings.push(governors(&governor_texts()));
    findings.push(cpus(&placement));
    findings.extend(quota(&read("/sys/fs/cgroup/cpu.max")));
    if let Some(directory) = directory {
        let probe = SyncProbe::of(directory);
        let probe = probe.map_err(|error| {
            let place = directory.display();
            Failure::Failed(format!(
                "{place} cannot be probed: {error}; name a directory that exists and takes writes"
            ))
        })?;
        findings.extend(sync_paths(&probe));
    }
    findings.extend(warning.map(|warning| {
        Finding::bad("topology", warning, "shards are placed as if all CPUs were alike")
    }));
    for Finding { what, is, costs } in &findings {
        let mark = if costs.is_none() { "ok  " } else { "note" };
        writeln!(out, "{mark}  {what:<14} {is}")?;
        if let Some(costs) = costs {
            writeln!(out, "      {:<14} {costs}", "")?;
        }
    }
    let notes = findings.iter().filter(|finding| finding.costs.is_some()).count();
    match notes {
        0 => writeln!(out, "\nThis host gives a database all it asks for.")?,
        1 => writeln!(out, "\nA database runs here; one thing costs something.")?,
        n => writeln!(out, "\nA database runs here; {n} things cost something.")?,
    }
    Ok(())
}

/// The text of a file of the kernel, empty where there is none.
fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn ring() -> Finding {
    const WHAT: &str = "io_uring";
    match probe::io_uring() {
        Ok(()) => Finding::good(WHAT, "shards run on glommio, and sleep in their rings"),
        Err(why) => Finding::bad(
            WHAT,
            why,
            "shards run on plain threads with the same results: a shard that sleeps wakes some \
             microseconds later, and the log is written by threads of its own",
        ),
    }
}

/// What a probe of a directory says.
fn sync_paths(probe: &SyncProbe) -> Vec<Finding> {
    let choice = probe.choice();
    let mut findings: Vec<Finding> = probe
        .paths
        .iter()
        .map(|(path, timing)| {
            let what = path.name();
            let chosen = if *path == choice { ": chosen for the log" } else { "" };
            match timing {
                Ok(Timing { p50_ns, max_ns, rounds }) => {
                    let [p50, max] = [p50_ns, max_ns].map(|ns| *ns as f64 / 1e3);
                    let is = format!("p50 {p50:.0} us, longest {max:.0} us of {rounds}{chosen}");
                    Finding::good(what, is)
                }
                Err(why) => Finding::bad(
                    what,
                    why.clone(),
                    "the log has one way less to become durable, and may wait longer for a disk",
                ),
            }
        })
        .collect();
    findings.push(match probe.direct {
        true => Finding::good("direct writes", "the log goes past the page cache"),
        false => Finding::bad(
            "direct writes",
            "refused by this file system",
            "each group of the log is copied once more, and its sync looks through the page cache",
        ),
    });
    findings
}

/// From the text of `/proc/self/limits`.
fn locked(limits: &str) -> Finding {
    const WHAT: &str = "locked memory";
    let line = limits.lines().find_map(|line| line.strip_prefix("Max locked memory"));
    match line.and_then(|line| line.split_whitespace().next()) {
        None => Finding::good(WHAT, "not limited, as far as the kernel says"),
        Some("unlimited") => Finding::good(WHAT, "not limited"),
        Some(bytes) => match bytes.parse::<u64>() {
            Ok(bytes) if bytes >= 8 << 20 => Finding::good(WHAT, format!("{} MiB", bytes >> 20)),
            _ => Finding::bad(
                WHAT,
                format!("{bytes} bytes"),
                "rings of many shards may not fit and then run on plain threads; raise `ulimit -l` \
                 to 8192 or more",
            ),
        },
    }
}

/// From the text of `/sys/kernel/mm/transparent_hugepage/enabled`.
fn huge_pages(enabled: &str) -> Option<Finding> {
    const WHAT: &str = "huge pages";
    let chosen = enabled.split_once('[')?.1.split_once(']')?.0;
    Some(if chosen == "never" {
        Finding::bad(
            WHAT,
            "never",
            "state of more than some MiB misses the address cache of the CPU more often; write \
             `madvise` to /sys/kernel/mm/transparent_hugepage/enabled",
        )
    } else {
        Finding::good(WHAT, format!("{chosen}: arenas ask for them"))
    })
}

/// The governor of each CPU that has one.
fn governor_texts() -> Vec<String> {
    let cpus = fs::read_dir("/sys/devices/system/cpu").into_iter().flatten().flatten();
    let text = cpus.map(|cpu| read(cpu.path().join("cpufreq/scaling_governor")));
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).collect()
}

fn governors(found: &[String]) -> Finding {
    const WHAT: &str = "CPU pace";
    let slow = found.iter().find(|governor| *governor != "performance");
    match (found.first(), slow) {
        (None, _) => Finding::good(WHAT, "left to the machine: the kernel changes none here"),
        (Some(_), None) => Finding::good(WHAT, "performance"),
        (Some(_), Some(slow)) => Finding::bad(
            WHAT,
            slow.clone(),
            "the first rows after a pause are worked on by a CPU that has slowed down, which shows \
             in the upper percentiles; `cpupower frequency-set -g performance` ends that",
        ),
    }
}

fn cpus(placement: &Placement) -> Finding {
    const WHAT: &str = "CPUs";
    let shards = placement.shards.len();
    let own = placement.shards.iter().filter_map(|seat| seat.cpu);
    let apart = own.clone().count() == shards
        && own.clone().all(|cpu| !placement.housekeeping.contains(&cpu));
    let places = if shards == 1 { "1 shard".to_owned() } else { format!("{shards} shards") };
    if apart {
        return Finding::good(WHAT, format!("{places}, each on a core of its own"));
    }
    Finding::bad(
        WHAT,
        format!("{places}, on CPUs that others use too"),
        "a shard waits while producers, sinks and the log have its CPU: results come later by a \
         turn of the scheduler, up to milliseconds; give the process one core more than shards",
    )
}

/// From the text of `cpu.max` of a control group.
fn quota(limit: &str) -> Option<Finding> {
    let (most, period) = limit.trim().split_once(' ')?;
    let (most, period): (f64, f64) = (most.parse().ok()?, period.parse().ok()?);
    let cpus = most / period;
    Some(Finding::bad(
        "CPU quota",
        format!("{cpus:.1} CPUs' worth of time"),
        "once it is used up every thread stands still until the next period: use a set of CPUs \
         in its place (--cpuset-cpus)",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_says_is_understood() {
        let limits = |value| {
            format!("Limit  Soft  Hard  Units\nMax locked memory  {value}  8388608  bytes\n")
        };
        assert_eq!(locked(&limits("unlimited")).is, "not limited");
        assert_eq!(locked(&limits("8388608")).costs, None);
        assert!(locked(&limits("65536")).costs.is_some_and(|costs| costs.contains("ulimit -l")));
        assert_eq!(huge_pages("always [madvise] never").and_then(|found| found.costs), None);
        assert!(huge_pages("always madvise [never]").is_some_and(|found| found.costs.is_some()));
        assert_eq!(huge_pages(""), None);
    }

    #[test]
    fn the_path_that_is_chosen_is_told_and_so_is_one_that_cannot_be_had() {
        let mut probe = SyncProbe::of(&std::env::temp_dir()).unwrap();
        probe.direct = true;
        let timing = |p50_ns| Ok(Timing { p50_ns, max_ns: 9_000_000, rounds: 32 });
        for (at, p50_ns) in [150_000, 75_000, 80_000].into_iter().enumerate() {
            probe.paths[at].1 = timing(p50_ns);
        }
        let shown = |probe: &SyncProbe| {
            let line = |found: &Finding| {
                let mark = if found.costs.is_none() { "ok" } else { "note" };
                format!("{mark} {}: {}", found.what, found.is)
            };
            sync_paths(probe).iter().map(line).collect::<Vec<_>>()
        };
        assert_eq!(
            shown(&probe),
            [
                "ok linked: p50 150 us, longest 9000 us of 32",
                "ok blocking: p50 75 us, longest 9000 us of 32: chosen for the log",
                "ok dsync: p50 80 us, longest 9000 us of 32",
                "ok direct writes: the log goes past the page cache",
            ]
        );
        probe.direct = false;
        probe.paths[0].1 = Err("no ring".to_owned());
        let found = shown(&probe);
        assert_eq!(found[0], "note linked: no ring");
        assert_eq!(found[3], "note direct writes: refused by this file system");
    }

    #[test]
    fn what_slows_a_cpu_down_is_named() {
        let of = |governors: &[&str]| {
            let governors: Vec<String> = governors.iter().map(|of| (*of).to_owned()).collect();
            governors_of(&governors)
        };
        assert_eq!(of(&["performance", "performance"]), ("performance".to_owned(), true));
        assert_eq!(of(&["performance", "powersave"]), ("powersave".to_owned(), false));
        assert!(of(&[]).1);
        assert_eq!(quota("max 100000\n"), None);
        assert_eq!(
            quota("150000 100000\n").map(|found| found.is),
            Some("1.5 CPUs' worth of time".to_owned())
        );
    }

    fn governors_of(found: &[String]) -> (String, bool) {
        let found = governors(found);
        (found.is, found.costs.is_none())
    }
}
