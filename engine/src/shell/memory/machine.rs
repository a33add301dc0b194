//! How much memory there is for this process.

use std::fs;

/// Memory that the process can have, and who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MachineMemory {
    /// In bytes.
    pub bytes: u64,
    /// Whether a cgroup sets it, which has less than the machine.
    pub cgroup: bool,
}

impl MachineMemory {
    /// Asks the machine. None if it does not say.
    pub fn read() -> Option<MachineMemory> {
        least(|path| fs::read_to_string(path).ok())
    }
}

/// The machine's memory or the least that a cgroup above this process allows, from the files that
/// `read` reads.
fn least(read: impl Fn(&str) -> Option<String>) -> Option<MachineMemory> {
    let machine = total(&read("/proc/meminfo")?)?;
    let groups = read("/proc/self/cgroup").unwrap_or_default();
    let limits = groups.lines().flat_map(files).filter_map(|file| {
        // `max` and the numbers that version 1 writes for "no limit" are no limits.
        read(&file)?.trim().parse::<u64>().ok().filter(|bytes| *bytes < machine)
    });
    let least = limits.min();
    Some(MachineMemory { bytes: least.unwrap_or(machine), cgroup: least.is_some() })
}

fn total(meminfo: &str) -> Option<u64> {
    let rest = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = rest.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// The files with the limits of a cgroup and of all above it, by its line in `/proc/self/cgroup`:
/// `0::/a/b` for version 2, `4:memory:/a/b` for version 1. A container often sees its own cgroup
/// as the root, whatever the line says; so the root is always asked too.
fn files(line: &str) -> Vec<String> {
    let mut fields = line.splitn(3, ':').skip(1);
    let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { return Vec::new() };
    let (mount, name) = match controllers {
        "" => ("/sys/fs/cgroup", "memory.max"),
        list if list.split(',').any(|one| one == "memory") => {
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
        }
        _ => return Vec::new(),
    };
    let path = path.trim_end_matches('/');
    let ends = path.char_indices().filter(|(_, c)| *c == '/').map(|(at, _)| at).chain([path.len()]);
    let mut files: Vec<String> =
        ends.map(|end| format!("{mount}{}/{name}", &path[..end])).collect();
    files.dedup();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMINFO: &str = "MemTotal:       16 kB\nMemFree:        1 kB\n";

    fn check(files: &[(&str, &str)], bytes: u64, cgroup: bool) {
        let read = |path: &str| {
            let found = files.iter().find(|(name, _)| *name == path);
            found.map(|(_, text)| (*text).to_owned())
        };
        assert_eq!(least(read), Some(MachineMemory { bytes, cgroup }));
    }

    #[test]
    fn without_a_cgroup_it_is_the_memory_of_the_machine() {
        check(&[("/proc/meminfo", MEMINFO)], 16 << 10, false);
        assert_eq!(least(|_| None), None);
        assert_eq!(least(|_| Some("MemTotal: much\n".to_owned())), None);
    }

    #[test]
    fn the_least_of_all_cgroups_above_counts() {
        let files = [
            ("/proc/meminfo", MEMINFO),
            ("/proc/self/cgroup", "0::/a/b\n"),
            ("/sys/fs/cgroup/a/b/memory.max", "max\n"),
            ("/sys/fs/cgroup/a/memory.max", "8192\n"),
            ("/sys/fs/cgroup/memory.max", "9000\n"),
        ];
        check(&files, 8192, true);
        check(&files[..3], 16 << 10, false);
    }

    #[test]
    fn the_first_version_of_cgroups_counts_too() {
        let limit = |text| {
            let line = ("/proc/self/cgroup", "5:cpu:/a\n4:cpuset,memory:/a\n");
            let file = ("/sys/fs/cgroup/memory/a/memory.limit_in_bytes", text);
            [("/proc/meminfo", MEMINFO), line, file]
        };
        check(&limit("4096\n"), 4096, true);
        check(&limit("9223372036854771712\n"), 16 << 10, false);
    }

    #[test]
    fn a_container_that_sees_its_cgroup_as_the_root_is_bound_by_it() {
        let files = [
            ("/proc/meminfo", MEMINFO),
            ("/proc/self/cgroup", "0::/system.slice/docker.scope\n"),
            ("/sys/fs/cgroup/memory.max", "4096\n"),
        ];
        check(&files, 4096, true);
    }

    #[test]
    fn this_machine_says_how_much_it_has() {
        let memory = MachineMemory::read().unwrap();
        assert!(memory.bytes > 64 << 20, "{memory:?}");
    }
}
