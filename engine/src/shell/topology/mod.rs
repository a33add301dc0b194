//! Which CPUs there are, and which of them shards run on.
//!
//! A [`Topology`] is plain data with a text form, so that the machine of somebody else is a test;
//! [`place`] decides on that data alone; [`bind_thread`] and [`bind_memory`] carry the decision out.

mod bind;
mod cpus;
mod place;
mod read;
mod text;

pub(crate) use bind::near_node;
pub use bind::{BindError, bind_memory, bind_thread};
pub use cpus::{CpuListError, Cpus, parse_cpus};
pub use place::{Placement, PlacementError, Request, Seat, place};
pub use read::Reading;
pub use text::ParseError;

use cpus::Named;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// One hardware thread, which the kernel counts as a CPU. The numbers of CPUs and nodes are the
/// kernel's; those of cores are unique in the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cpu {
    /// Number of the CPU.
    pub cpu: u32,
    /// The physical core; CPUs of one core are hyper-threads of each other.
    pub core: u32,
    /// The NUMA node whose memory is near.
    pub node: u32,
    /// The package that sits in one socket.
    pub package: u32,
    /// Whether this process may run there.
    pub allowed: bool,
}

/// The CPUs of a machine and how much of it this process may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topology {
    /// By number, each once.
    cpus: Vec<Cpu>,
    /// CPUs' worth of time that a cgroup grants, if it grants less than the allowed CPUs.
    quota: Option<u32>,
}

/// The allowed CPUs of one physical core.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Core {
    core: u32,
    node: u32,
    /// Rising, at least one.
    cpus: Vec<u32>,
    /// Hyper-threads of the core that others have.
    denied: Vec<u32>,
}

/// Why CPUs are not those of a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TopologyError {
    /// No CPU at all.
    Empty,
    /// The CPU is there twice.
    Twice {
        /// Its number.
        cpu: u32,
    },
    /// The CPU lies on another node or package than a hyper-thread of the same core.
    Torn {
        /// Its number.
        cpu: u32,
        /// The core.
        core: u32,
    },
}

impl fmt::Display for TopologyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TopologyError::Empty => write!(f, "a machine has at least one CPU"),
            TopologyError::Twice { cpu } => write!(f, "cpu {cpu} is there twice"),
            TopologyError::Torn { cpu, core } => {
                write!(f, "cpu {cpu} is on another node or package than the rest of core {core}")
            }
        }
    }
}

impl std::error::Error for TopologyError {}

impl Topology {
    /// A machine of these CPUs, in any order.
    pub fn new(mut cpus: Vec<Cpu>, quota: Option<u32>) -> Result<Topology, TopologyError> {
        if cpus.is_empty() {
            return Err(TopologyError::Empty);
        }
        cpus.sort_by_key(|cpu| cpu.cpu);
        if let Some(pair) = cpus.windows(2).find(|pair| pair[0].cpu == pair[1].cpu) {
            return Err(TopologyError::Twice { cpu: pair[0].cpu });
        }
        let mut cores = BTreeMap::new();
        for cpu in &cpus {
            let place = (cpu.node, cpu.package);
            if *cores.entry(cpu.core).or_insert(place) != place {
                return Err(TopologyError::Torn { cpu: cpu.cpu, core: cpu.core });
            }
        }
        Ok(Topology { cpus, quota })
    }

    /// All CPUs by number, those that are not allowed too.
    pub fn cpus(&self) -> &[Cpu] {
        &self.cpus
    }

    /// CPUs' worth of time that a cgroup grants, if that is less than the allowed CPUs.
    pub fn quota(&self) -> Option<u32> {
        self.quota
    }

    /// Numbers of the CPUs that this process may use.
    pub fn allowed(&self) -> Vec<u32> {
        self.cpus.iter().filter(|cpu| cpu.allowed).map(|cpu| cpu.cpu).collect()
    }

    /// The CPU with this number.
    pub fn find(&self, cpu: u32) -> Option<&Cpu> {
        self.cpus.binary_search_by_key(&cpu, |cpu| cpu.cpu).ok().map(|index| &self.cpus[index])
    }

    /// Physical cores with an allowed CPU, by the lowest such CPU.
    fn cores(&self) -> Vec<Core> {
        let mut cores: Vec<Core> = Vec::new();
        for Cpu { cpu, core, node, .. } in self.cpus.iter().filter(|cpu| cpu.allowed) {
            match cores.iter_mut().find(|found| found.core == *core) {
                Some(found) => found.cpus.push(*cpu),
                None => {
                    let denied = self.cpus.iter().filter(|cpu| cpu.core == *core && !cpu.allowed);
                    let denied = denied.map(|cpu| cpu.cpu).collect();
                    cores.push(Core { core: *core, node: *node, cpus: vec![*cpu], denied });
                }
            }
        }
        cores
    }

    /// What the machine is, in a few lines for a person.
    pub fn summary(&self) -> String {
        let count = |number: usize, name: &str| {
            format!("{number} {name}{}", if number == 1 { "" } else { "s" })
        };
        let distinct = |of: fn(&Cpu) -> u32| self.cpus.iter().map(of).collect::<BTreeSet<_>>();
        let nodes = distinct(|cpu| cpu.node);
        let mut text = format!(
            "{}, {}, {}, {}\n",
            count(distinct(|cpu| cpu.package).len(), "package"),
            count(nodes.len(), "NUMA node"),
            count(distinct(|cpu| cpu.core).len(), "core"),
            count(self.cpus.len(), "CPU"),
        );
        for node in nodes {
            let here: Vec<&Cpu> = self.cpus.iter().filter(|cpu| cpu.node == node).collect();
            let cpus: Vec<u32> = here.iter().map(|cpu| cpu.cpu).collect();
            let cores: BTreeSet<u32> = here.iter().map(|cpu| cpu.core).collect();
            let packages: BTreeSet<u32> = here.iter().map(|cpu| cpu.package).collect();
            let packages: Vec<String> = packages.iter().map(u32::to_string).collect();
            text += &format!(
                "  node {node} of package {}: {}, {}\n",
                packages.join(","),
                count(cores.len(), "core"),
                Named(&cpus),
            );
        }
        let allowed = self.allowed();
        if allowed.len() < self.cpus.len() {
            text += &format!("  this process may use {}\n", Named(&allowed));
        }
        if let Some(quota) = self.quota {
            text += &format!("  its cgroup grants the time of {}\n", count(quota as usize, "CPU"));
        }
        text
    }
}
