//! Decides which shard runs on which CPU, and says why. Does nothing else.

use super::{Core, Cpus, Named, Topology};
use crate::core::limits::SHARDS_MAX;
use std::collections::BTreeMap;
use std::fmt;

/// What a user asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// How many parts the work has; one per core that is left if absent.
    pub shards: Option<usize>,
    /// Which CPUs shards run on, in this order; our choice if absent.
    pub cores: Option<Vec<u32>>,
}

/// Where one shard runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat {
    /// The CPU of this shard alone; none for a shard beyond the CPUs, which is not pinned.
    pub cpu: Option<u32>,
    /// The NUMA node from which its memory comes.
    pub node: u32,
}

/// Where everything runs. Shown, it says why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// By number of the shard.
    pub shards: Vec<Seat>,
    /// CPUs of all threads that are no shard: log sync, connectors, servers, the coordinator.
    pub housekeeping: Vec<u32>,
    /// CPUs that shards without one of their own share; empty if each has one.
    pub shared: Vec<u32>,
    /// One sentence a decision.
    pub reasons: Vec<String>,
}

/// Why a request cannot be met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlacementError {
    /// The process may use no CPU of this machine.
    NoCpus,
    /// Zero shards, or more than a database may have.
    Shards {
        /// How many.
        asked: usize,
    },
    /// `cores` is there and names none.
    NoCores,
    /// `cores` names CPUs that are not there, or not for this process.
    Cores {
        /// CPUs that do not exist.
        missing: Vec<u32>,
        /// CPUs that this process may not use.
        denied: Vec<u32>,
        /// CPUs that it may use.
        allowed: Vec<u32>,
    },
}

impl fmt::Display for PlacementError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PlacementError::NoCpus => {
                write!(f, "this process may use no CPU of this machine: widen its CPU affinity")
            }
            PlacementError::Shards { asked } => {
                write!(f, "{asked} shards: a database has 1 to {SHARDS_MAX}")
            }
            PlacementError::NoCores => {
                write!(f, "`cores` names no CPU: name some, for example 0,2-5, or leave it out")
            }
            PlacementError::Cores { missing, denied, allowed } => {
                write!(f, "`cores` names ")?;
                if !missing.is_empty() {
                    let verb = if missing.len() == 1 { "does" } else { "do" };
                    write!(f, "{}, which {verb} not exist", Named(missing))?;
                }
                if !missing.is_empty() && !denied.is_empty() {
                    write!(f, ", and ")?;
                }
                if !denied.is_empty() {
                    write!(f, "{}, which this process may not use", Named(denied))?;
                }
                write!(f, "; it may use {}", Named(allowed))
            }
        }
    }
}

impl std::error::Error for PlacementError {}

/// Places the shards of a database on a machine.
pub fn place(topology: &Topology, request: &Request) -> Result<Placement, PlacementError> {
    let Request { shards: asked, cores: given } = request;
    if let Some(asked) = asked.filter(|asked| *asked == 0 || *asked > SHARDS_MAX) {
        return Err(PlacementError::Shards { asked });
    }
    let cores = topology.cores();
    if cores.is_empty() {
        return Err(PlacementError::NoCpus);
    }
    let mut reasons = Vec::new();
    let mut shards = match given {
        Some(given) => named(topology, &checked(topology, given)?, *asked, &mut reasons),
        None => chosen(&cores, *asked, topology.quota(), &mut reasons),
    };
    let beyond = asked.map_or(0, |asked| asked - shards.len());
    let shared = match (beyond, given) {
        (0, _) => Vec::new(),
        (_, Some(given)) => checked(topology, given)?,
        (_, None) => topology.allowed(),
    };
    if beyond > 0 {
        let shares = if beyond == 1 { "1 shard has" } else { &format!("{beyond} shards have") };
        reasons.push(format!(
            "{shares} no CPU left: unpinned, shared {}, parked whenever there is nothing to do.",
            Named(&shared)
        ));
        float(topology, &shared, beyond, &mut shards);
    }
    quota_warning(topology, shards.len(), &mut reasons);
    let housekeeping = housekeeping(&cores, &shards, &mut reasons);
    neighbours(&cores, &shards, &housekeeping, &mut reasons);
    Ok(Placement { shards, housekeeping, shared, reasons })
}

/// The CPUs of `cores = ..`, each once, if they are there and allowed.
fn checked(topology: &Topology, given: &[u32]) -> Result<Vec<u32>, PlacementError> {
    let (mut cpus, mut missing, mut denied) = (Vec::new(), Vec::new(), Vec::new());
    for cpu in given {
        let list = match topology.find(*cpu) {
            None => &mut missing,
            Some(found) if !found.allowed => &mut denied,
            Some(_) => &mut cpus,
        };
        if !list.contains(cpu) {
            list.push(*cpu);
        }
    }
    if !missing.is_empty() || !denied.is_empty() {
        let allowed = topology.allowed();
        return Err(PlacementError::Cores { missing, denied, allowed });
    }
    if cpus.is_empty() { Err(PlacementError::NoCores) } else { Ok(cpus) }
}

/// Seats on CPUs that the user named. A second hyper-thread of a core is used only by somebody who
/// asks for as many shards.
fn named(
    topology: &Topology,
    cpus: &[u32],
    asked: Option<usize>,
    reasons: &mut Vec<String>,
) -> Vec<Seat> {
    let core = |cpu: u32| topology.find(cpu).map(|found| (found.core, found.node));
    let first = |index: usize| cpus[..index].iter().all(|cpu| core(*cpu) != core(cpus[index]));
    let (firsts, seconds): (Vec<usize>, Vec<usize>) = (0..cpus.len()).partition(|i| first(*i));
    let count = asked.unwrap_or(firsts.len().min(SHARDS_MAX));
    let seat = |index: usize| {
        let node = core(cpus[index]).map_or(0, |(_, node)| node);
        Seat { cpu: Some(cpus[index]), node }
    };
    let of = |indexes: &[usize]| indexes.iter().map(|i| cpus[*i]).collect::<Vec<u32>>();
    let order = firsts.iter().chain(&seconds).take(count).copied();
    let seats: Vec<Seat> = order.map(seat).collect();
    match asked {
        Some(asked) => reasons.push(format!(
            "{} and {} are as asked for.",
            plural(asked, "shard"),
            Named(cpus)
        )),
        None => reasons.push(format!(
            "`cores` names {}: one shard on each physical core of them.",
            Named(cpus)
        )),
    }
    let doubled = seats.len().saturating_sub(firsts.len());
    if doubled > 0 {
        reasons.push(format!(
            "Shards on {} share a core with another shard, which halves the speed of both: only \
             because that many are asked for.",
            Named(&of(&seconds[..doubled]))
        ));
    } else if !seconds.is_empty() && asked.is_none() {
        reasons.push(format!(
            "No shard on {}: hyper-threads of cores that have one. `shards` = {} would use them.",
            Named(&of(&seconds)),
            cpus.len().min(SHARDS_MAX)
        ));
    }
    seats
}

/// Seats on cores of our choice.
fn chosen(
    cores: &[Core],
    asked: Option<usize>,
    quota: Option<u32>,
    reasons: &mut Vec<String>,
) -> Vec<Seat> {
    let left = if cores.len() >= 2 { &cores[1..] } else { cores };
    let count = match asked {
        Some(asked) => {
            reasons.push(format!("{} as asked for.", plural(asked, "shard")));
            asked
        }
        None => usual(cores, left.len(), quota, reasons),
    };
    let pool = if count > left.len() { cores } else { left };
    let (seats, nodes) = spread(pool, count.min(pool.len()));
    if cores.iter().any(|core| core.node != cores[0].node) {
        reasons.push(match nodes[..] {
            [node] => format!(
                "All on node {node}, which has room for them: lanes within a node are faster than \
                 lanes between nodes."
            ),
            _ => format!(
                "Nodes {} are the fewest neighbours with room for them, and each has as even a \
                 share as its cores allow, because the slowest shard sets the pace.",
                Cpus(&nodes)
            ),
        });
    }
    seats
}

/// How many shards there are if nobody says so.
fn usual(cores: &[Core], left: usize, quota: Option<u32>, reasons: &mut Vec<String>) -> usize {
    let granted = quota.map_or(usize::MAX, |quota| (quota as usize).saturating_sub(1).max(1));
    let count = left.min(SHARDS_MAX).min(granted);
    let shards = plural(count, "shard");
    reasons.push(if count == left && cores.len() == 1 {
        format!("{shards}, because this process has one physical core.")
    } else if count == left {
        format!("{shards}: one on each physical core but one.")
    } else if count == granted {
        let quota = plural(quota.unwrap_or_default() as usize, "CPU");
        format!("{shards}, because the cgroup grants the time of {quota}, and not only to shards.")
    } else {
        format!("{shards}, the most that a database may have, though {left} cores are free.")
    });
    count
}

/// Takes the fewest neighbouring nodes with room for all, and as even a share of each as its cores
/// allow. Neighbours by number are in most machines neighbours on the board.
fn spread(pool: &[Core], count: usize) -> (Vec<Seat>, Vec<u32>) {
    assert!(count <= pool.len(), "{count} seats on {} cores", pool.len());
    let mut rooms: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
    for core in pool {
        rooms.entry(core.node).or_default().push(core.cpus[0]);
    }
    let rooms: Vec<(u32, Vec<u32>)> = rooms.into_iter().collect();
    let fits = |nodes: &&[(u32, Vec<u32>)]| {
        nodes.iter().map(|(_, cpus)| cpus.len()).sum::<usize>() >= count
    };
    let nodes = (1..=rooms.len()).find_map(|width| rooms.windows(width).find(fits));
    let nodes = nodes.expect("all nodes together have the whole pool");
    let mut taken = vec![0; nodes.len()];
    for _ in 0..count {
        let free = (0..nodes.len()).filter(|index| taken[*index] < nodes[*index].1.len());
        let least = free.min_by_key(|index| taken[*index]).expect("the nodes have room for all");
        taken[least] += 1;
    }
    let seats = nodes.iter().zip(taken).flat_map(|((node, cpus), taken)| {
        cpus[..taken].iter().map(|cpu| Seat { cpu: Some(*cpu), node: *node })
    });
    (seats.collect(), nodes.iter().map(|(node, _)| *node).collect())
}

/// Adds shards without a CPU; their memory comes from the nodes that have the fewest shards.
fn float(topology: &Topology, shared: &[u32], beyond: usize, shards: &mut Vec<Seat>) {
    let mut counts: BTreeMap<u32, usize> = BTreeMap::new();
    for cpu in shared.iter().filter_map(|cpu| topology.find(*cpu)) {
        counts.entry(cpu.node).or_insert(0);
    }
    for seat in &*shards {
        *counts.entry(seat.node).or_insert(0) += 1;
    }
    for _ in 0..beyond {
        let least = counts.iter_mut().min_by_key(|(_, count)| **count);
        let (node, count) = least.expect("there is a CPU, so there is a node");
        *count += 1;
        shards.push(Seat { cpu: None, node: *node });
    }
}

/// Cores without a shard; if there are none, hyper-threads beside shards; if there are none, all.
fn housekeeping(cores: &[Core], shards: &[Seat], reasons: &mut Vec<String>) -> Vec<u32> {
    let sits = |cpu: &u32| shards.iter().any(|seat| seat.cpu == Some(*cpu));
    let all = || cores.iter().flat_map(|core| core.cpus.iter().copied());
    let sorted = |cpus: &mut dyn Iterator<Item = u32>| {
        let mut cpus: Vec<u32> = cpus.collect();
        cpus.sort_unstable();
        cpus
    };
    let free = cores.iter().filter(|core| !core.cpus.iter().any(sits));
    let apart = sorted(&mut free.flat_map(|core| core.cpus.iter().copied()));
    if !apart.is_empty() {
        reasons.push(format!(
            "{} without a shard {} for housekeeping: log sync, connectors, servers, the \
             coordinator and the kernel's own work, which is most often on the lowest CPU.",
            Named(&apart),
            if apart.len() == 1 { "is" } else { "are" }
        ));
        return apart;
    }
    let beside = sorted(&mut all().filter(|cpu| !sits(cpu)));
    if !beside.is_empty() {
        reasons.push(format!(
            "No core is left for housekeeping: it runs on {}, beside shards on the same cores.",
            Named(&beside)
        ));
        return beside;
    }
    let all = sorted(&mut all());
    reasons
        .push(format!("No core is left for housekeeping: it shares {} with shards.", Named(&all)));
    all
}

/// Hyper-threads beside shards: those that stay idle, and those that are not ours.
fn neighbours(cores: &[Core], shards: &[Seat], housekeeping: &[u32], reasons: &mut Vec<String>) {
    let sits = |cpu: &u32| shards.iter().any(|seat| seat.cpu == Some(*cpu));
    let taken = || cores.iter().filter(|core| core.cpus.iter().any(sits));
    let idle = taken().flat_map(|core| &core.cpus).copied();
    let idle = idle.filter(|cpu| !sits(cpu) && !housekeeping.contains(cpu));
    let mut idle: Vec<u32> = idle.collect();
    idle.sort_unstable();
    if !idle.is_empty() {
        reasons.push(format!(
            "Nothing of ours on {}: a hyper-thread beside a shard would take part of its core.",
            Named(&idle)
        ));
    }
    let mut denied: Vec<u32> = taken().flat_map(|core| &core.denied).copied().collect();
    denied.sort_unstable();
    if !denied.is_empty() {
        reasons.push(format!(
            "Not ours, but beside shards on the same cores: {}. What runs there slows those shards.",
            Named(&denied)
        ));
    }
}

fn quota_warning(topology: &Topology, shards: usize, reasons: &mut Vec<String>) {
    if let Some(quota) = topology.quota().filter(|quota| (*quota as usize) < shards) {
        reasons.push(format!(
            "The cgroup grants the time of {} only: busy shards will be stopped for part of each \
             period.",
            plural(quota as usize, "CPU")
        ));
    }
}

fn plural(count: usize, name: &str) -> String {
    format!("{count} {name}{}", if count == 1 { "" } else { "s" })
}

impl fmt::Display for Placement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Placement { shards, housekeeping, shared, reasons } = self;
        writeln!(f, "{}", plural(shards.len(), "shard"))?;
        let mut groups: BTreeMap<(bool, u32), (Vec<u32>, Vec<u32>)> = BTreeMap::new();
        for (shard, Seat { cpu, node }) in (0..).zip(shards) {
            let (numbers, cpus) = groups.entry((cpu.is_none(), *node)).or_default();
            numbers.push(shard);
            cpus.extend(cpu);
        }
        for ((floats, node), (numbers, cpus)) in &groups {
            let label = if numbers.len() == 1 { "shard" } else { "shards" };
            let numbers = Cpus(numbers);
            match floats {
                false => writeln!(f, "  node {node}: {label} {numbers} on {}", Named(cpus))?,
                true => {
                    writeln!(f, "  node {node}: {label} {numbers} on any of {}", Named(shared))?
                }
            }
        }
        writeln!(f, "  housekeeping on {}", Named(housekeeping))?;
        writeln!(f, "why")?;
        reasons.iter().try_for_each(|reason| writeln!(f, "  {reason}"))
    }
}

#[cfg(test)]
mod tests;
