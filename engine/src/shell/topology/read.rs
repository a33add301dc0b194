//! Asks the machine what it is.

use super::bind::thread_cpus;
use super::{Cpu, Topology};
use hwlocality::object::TopologyObject;
use hwlocality::object::types::ObjectType;
use hwlocality::topology::Topology as Hwloc;
use hwlocality::topology::builder::BuildFlags;
use std::collections::BTreeMap;

/// What the machine said, and what it would not say.
pub struct Reading {
    /// The machine, as far as it could be read.
    pub topology: Topology,
    /// Why less is known than could be; for a person.
    pub warning: Option<String>,
}

impl Topology {
    /// Reads the machine on which this process runs. Where hwloc fails, every CPU that may be used
    /// counts as a core of its own on one node.
    pub fn read() -> Reading {
        let usable = usable();
        match discover(&usable) {
            Ok(topology) => Reading { topology, warning: None },
            Err(why) => Reading {
                topology: flat(&usable),
                warning: Some(format!(
                    "hwloc cannot read this machine ({why}): hyper-threads and NUMA nodes are \
                     unknown, each CPU counts as a core"
                )),
            },
        }
    }
}

/// Numbers of cores above this stand for a CPU that has no core, until all are numbered.
const LONE: usize = 1 << 20;

/// What the kernel lets this process have.
struct Usable {
    /// Rising, at least one.
    cpus: Vec<u32>,
    quota: Option<u32>,
}

/// A program that starts a database may have pinned the thread that does so, or its first one;
/// what both have together is the nearest to what it was started with.
fn usable() -> Usable {
    let here = thread_cpus(0).unwrap_or_default();
    let first = i32::try_from(std::process::id()).ok().and_then(|pid| thread_cpus(pid).ok());
    let mut cpus: Vec<u32> = here.iter().copied().chain(first.unwrap_or_default()).collect();
    cpus.sort_unstable();
    cpus.dedup();
    let parallelism = std::thread::available_parallelism().map_or(1, usize::from);
    if cpus.is_empty() {
        cpus = (0..parallelism as u32).collect();
    }
    // The standard library counts the CPUs of this thread and cuts that by the quota of the
    // cgroup, so only a smaller number tells the quota.
    let quota = (parallelism < here.len()).then_some(parallelism as u32);
    Usable { cpus, quota }
}

fn flat(usable: &Usable) -> Topology {
    let cpu = |cpu: &u32| Cpu { cpu: *cpu, core: *cpu, node: 0, package: 0, allowed: true };
    let cpus = usable.cpus.iter().map(cpu).collect();
    Topology::new(cpus, usable.quota).expect("at least one CPU, each once, each its own core")
}

fn discover(usable: &Usable) -> Result<Topology, String> {
    let builder = Hwloc::builder().with_flags(BuildFlags::INCLUDE_DISALLOWED);
    let builder = builder.map_err(|error| error.to_string())?;
    let machine = builder.build().map_err(|error| error.to_string())?;
    if !machine.is_this_system() {
        return Err("HWLOC_XMLFILE or HWLOC_SYNTHETIC names another machine".to_owned());
    }
    let permitted = machine.allowed_cpuset();
    let mut cpus = Vec::new();
    for unit in machine.objects_with_type(ObjectType::PU) {
        let Some(index) = unit.os_index() else { continue };
        let cpu = u32::try_from(index).map_err(|_| format!("a CPU has the number {index}"))?;
        let allowed = usable.cpus.binary_search(&cpu).is_ok()
            && permitted.iter_set().any(|bit| usize::from(bit) == index);
        let package = above(unit, ObjectType::Package).map_or(0, TopologyObject::logical_index);
        // A virtual machine may show CPUs without cores: each is a core then.
        let core = above(unit, ObjectType::Core)
            .map_or(LONE + unit.logical_index(), TopologyObject::logical_index);
        let node = node(&machine, unit);
        cpus.push(Cpu { cpu, core: core as u32, node, package: package as u32, allowed });
    }
    if !cpus.iter().any(|cpu| cpu.allowed) {
        return Err("it shows none of the CPUs that this process may use".to_owned());
    }
    number_cores(&mut cpus);
    Topology::new(cpus, usable.quota).map_err(|error| error.to_string())
}

fn above(unit: &TopologyObject, kind: ObjectType) -> Option<&TopologyObject> {
    unit.first_ancestor_with_type(kind)
}

/// The nearest node whose memory this process may use. Some CPUs have two near nodes, of slow and
/// of fast memory; the first is the one the kernel takes by itself.
fn node(machine: &Hwloc, unit: &TopologyObject) -> u32 {
    let Some(near) = unit.nodeset() else { return 0 };
    let permitted = machine.allowed_nodeset();
    let mut nodes = near.iter_set();
    let first = near.first_set();
    let found = nodes.find(|node| permitted.is_set(*node)).or(first);
    found.map_or(0, |node| usize::from(node) as u32)
}

/// Numbers the cores by their lowest CPU, so that a person finds them.
fn number_cores(cpus: &mut [Cpu]) {
    cpus.sort_by_key(|cpu| cpu.cpu);
    let mut numbers = BTreeMap::new();
    for cpu in cpus {
        let next = numbers.len() as u32;
        cpu.core = *numbers.entry(cpu.core).or_insert(next);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_the_cpus_that_the_kernel_gives_us() {
        let reading = Topology::read();
        assert_eq!(reading.warning, None);
        assert_eq!(reading.topology.allowed(), thread_cpus(0).unwrap());
        let again = Topology::parse(&reading.topology.to_string()).unwrap();
        assert_eq!(again, reading.topology);
    }

    #[test]
    fn without_hwloc_every_cpu_is_a_core() {
        let topology = flat(&Usable { cpus: vec![2, 5], quota: Some(1) });
        let expected = "cpu 2 core 2 node 0 package 0\ncpu 5 core 5 node 0 package 0\nquota 1\n";
        assert_eq!(topology.to_string(), expected);
    }

    #[test]
    fn cores_are_numbered_by_their_lowest_cpu() {
        let cpu = |cpu, core| Cpu { cpu, core, node: 0, package: 0, allowed: true };
        let mut cpus = [cpu(3, 9), cpu(0, 4), cpu(2, 4), cpu(1, 9)];
        number_cores(&mut cpus);
        assert_eq!(cpus.map(|cpu| (cpu.cpu, cpu.core)), [(0, 0), (1, 1), (2, 0), (3, 1)]);
    }
}
