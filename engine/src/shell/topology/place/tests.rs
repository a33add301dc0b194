use super::*;

/// What a laptop in the cloud says.
const TWO_CPUS: &str = "\
cpu 0 core 0 node 0 package 0
cpu 1 core 1 node 0 package 0
";

const ONE_CORE: &str = "cpu 0 core 0 node 0 package 0\n";

/// Two sockets of 16 cores with hyper-threads, numbered as Linux does: first all cores, then the
/// second threads of all.
fn two_nodes() -> String {
    let line = |cpu: u32| {
        let core = cpu % 32;
        format!("cpu {cpu} core {core} node {0} package {0}\n", core / 16)
    };
    (0..64).map(line).collect()
}

/// The same machine, where only these CPUs are ours.
fn only(text: &str, cpus: &str) -> String {
    let cpus = super::super::parse_cpus(cpus).unwrap();
    let lines = (0..).zip(text.lines());
    let denied = |cpu| if cpus.contains(&cpu) { "" } else { " denied" };
    lines.map(|(cpu, line)| format!("{line}{}\n", denied(cpu))).collect()
}

fn request(shards: Option<usize>, cores: Option<&str>) -> Request {
    let cores = cores.map(|text| super::super::parse_cpus(text).unwrap());
    Request { shards, cores }
}

fn decided(machine: &str, request: &Request) -> Result<Placement, PlacementError> {
    place(&Topology::parse(machine).unwrap(), request)
}

fn check(machine: &str, shards: Option<usize>, cores: Option<&str>, expected: &str) {
    let placement = decided(machine, &request(shards, cores)).unwrap();
    assert_eq!(placement.to_string().trim_end(), expected);
}

fn check_refused(machine: &str, shards: Option<usize>, cores: Option<&str>, expected: &str) {
    let error = decided(machine, &request(shards, cores)).unwrap_err();
    assert_eq!(error.to_string(), expected);
}

#[test]
fn two_cpus_are_a_shard_and_housekeeping() {
    check(
        TWO_CPUS,
        None,
        None,
        "\
1 shard
  node 0: shard 0 on cpu 1
  housekeeping on cpu 0
why
  1 shard: one on each physical core but one.
  cpu 0 without a shard is for housekeeping: log sync, connectors, servers, the coordinator and \
the kernel's own work, which is most often on the lowest CPU.",
    );
}

#[test]
fn one_core_has_one_shard_and_everything_else() {
    check(
        ONE_CORE,
        None,
        None,
        "\
1 shard
  node 0: shard 0 on cpu 0
  housekeeping on cpu 0
why
  1 shard, because this process has one physical core.
  No core is left for housekeeping: it shares cpu 0 with shards.",
    );
}

#[test]
fn on_two_nodes_each_core_but_one_has_a_shard_and_no_hyper_thread_has() {
    check(
        &two_nodes(),
        None,
        None,
        "\
31 shards
  node 0: shards 0-14 on cpus 1-15
  node 1: shards 15-30 on cpus 16-31
  housekeeping on cpus 0,32
why
  31 shards: one on each physical core but one.
  Nodes 0-1 are the fewest neighbours with room for them, and each has as even a share as its \
cores allow, because the slowest shard sets the pace.
  cpus 0,32 without a shard are for housekeeping: log sync, connectors, servers, the coordinator \
and the kernel's own work, which is most often on the lowest CPU.
  Nothing of ours on cpus 33-63: a hyper-thread beside a shard would take part of its core.",
    );
}

/// The shards and housekeeping, without the reasons.
fn seats(machine: &str, shards: Option<usize>, cores: Option<&str>) -> String {
    let text = decided(machine, &request(shards, cores)).unwrap().to_string();
    let (seats, why) = text.split_once("why\n").unwrap();
    assert!(!why.is_empty(), "every decision says why");
    seats.lines().skip(1).map(str::trim).collect::<Vec<_>>().join("; ")
}

#[test]
fn shards_that_fit_on_one_node_stay_on_one() {
    let fourteen = seats(&two_nodes(), Some(14), None);
    assert_eq!(fourteen, "node 0: shards 0-13 on cpus 1-14; housekeeping on cpus 0,15-32,47-63");
    // Node 0 has one core for housekeeping.
    let sixteen = seats(&two_nodes(), Some(16), None);
    assert_eq!(sixteen, "node 1: shards 0-15 on cpus 16-31; housekeeping on cpus 0-15,32-47");
}

#[test]
fn shards_that_need_two_nodes_are_spread_evenly() {
    assert_eq!(
        seats(&two_nodes(), Some(20), None),
        "node 0: shards 0-9 on cpus 1-10; node 1: shards 10-19 on cpus 16-25; \
         housekeeping on cpus 0,11-15,26-32,43-47,58-63"
    );
}

#[test]
fn nodes_that_are_taken_together_are_neighbours() {
    let line =
        |cpu| format!("cpu {cpu} core {cpu} node {} package 0\n", [0, 0, 1, 2, 2, 3, 3][cpu]);
    let machine: String = (0..7).map(line).collect();
    // Nodes 0 and 1 have room for two, 1 and 2 for three, 2 and 3 for four.
    let at = |shards| seats(&machine, Some(shards), None);
    assert!(at(3).starts_with("node 1: shard 0 on cpu 2; node 2: shards 1-2 on cpus 3-4; "));
    assert!(at(4).starts_with("node 2: shards 0-1 on cpus 3-4; node 3: shards 2-3 on cpus 5-6; "));
}

#[test]
fn as_many_shards_as_cores_leave_none_for_housekeeping() {
    check(
        TWO_CPUS,
        Some(2),
        None,
        "\
2 shards
  node 0: shards 0-1 on cpus 0-1
  housekeeping on cpus 0-1
why
  2 shards as asked for.
  No core is left for housekeeping: it shares cpus 0-1 with shards.",
    );
    assert_eq!(
        seats(&two_nodes(), Some(32), None),
        "node 0: shards 0-15 on cpus 0-15; node 1: shards 16-31 on cpus 16-31; \
         housekeeping on cpus 32-63"
    );
}

#[test]
fn shards_beyond_the_cpus_share_them() {
    check(
        TWO_CPUS,
        Some(5),
        None,
        "\
5 shards
  node 0: shards 0-1 on cpus 0-1
  node 0: shards 2-4 on any of cpus 0-1
  housekeeping on cpus 0-1
why
  5 shards as asked for.
  3 shards have no CPU left: unpinned, shared cpus 0-1, parked whenever there is nothing to do.
  No core is left for housekeeping: it shares cpus 0-1 with shards.",
    );
    let placement = decided(TWO_CPUS, &request(Some(3), None)).unwrap();
    assert_eq!(placement.shards[2], Seat { cpu: None, node: 0 });
    assert_eq!(placement.shared, [0, 1]);
}

#[test]
fn memory_of_shards_beyond_the_cpus_is_spread_over_the_nodes() {
    assert_eq!(
        seats(&two_nodes(), Some(7), Some("0-1,16")),
        "node 0: shards 0-1 on cpus 0-1; node 1: shard 2 on cpu 16; \
         node 0: shards 4,6 on any of cpus 0-1,16; node 1: shards 3,5 on any of cpus 0-1,16; \
         housekeeping on cpus 2-15,17-31,34-47,49-63"
    );
}

#[test]
fn a_cgroup_that_allows_some_cpus_bounds_everything() {
    check(
        &only(&two_nodes(), "4-7,36-39"),
        None,
        None,
        "\
3 shards
  node 0: shards 0-2 on cpus 5-7
  housekeeping on cpus 4,36
why
  3 shards: one on each physical core but one.
  cpus 4,36 without a shard are for housekeeping: log sync, connectors, servers, the coordinator \
and the kernel's own work, which is most often on the lowest CPU.
  Nothing of ours on cpus 37-39: a hyper-thread beside a shard would take part of its core.",
    );
}

#[test]
fn half_a_core_is_a_core_that_others_can_slow_down() {
    check(
        &only(&two_nodes(), "0,32,35"),
        None,
        None,
        "\
1 shard
  node 0: shard 0 on cpu 35
  housekeeping on cpus 0,32
why
  1 shard: one on each physical core but one.
  cpus 0,32 without a shard are for housekeeping: log sync, connectors, servers, the coordinator \
and the kernel's own work, which is most often on the lowest CPU.
  Not ours, but beside shards on the same cores: cpu 3. What runs there slows those shards.",
    );
}

#[test]
fn two_hyper_threads_of_one_core_are_one_shard() {
    check(
        &only(&two_nodes(), "5,37"),
        None,
        None,
        "\
1 shard
  node 0: shard 0 on cpu 5
  housekeeping on cpu 37
why
  1 shard, because this process has one physical core.
  No core is left for housekeeping: it runs on cpu 37, beside shards on the same cores.",
    );
    let two = seats(&only(&two_nodes(), "5,37"), Some(2), None);
    assert_eq!(
        two,
        "node 0: shard 0 on cpu 5; node 0: shard 1 on any of cpus 5,37; housekeeping on cpu 37"
    );
}

#[test]
fn a_quota_of_time_bounds_the_shards_nobody_asked_for() {
    let machine = format!("{}quota 4\n", two_nodes());
    let placement = decided(&machine, &Request::default()).unwrap();
    assert_eq!(placement.shards.len(), 3);
    assert_eq!(
        placement.reasons[0],
        "3 shards, because the cgroup grants the time of 4 CPUs, and not only to shards."
    );
    let warning = "The cgroup grants the time of 4 CPUs only: busy shards will be stopped for \
                   part of each period.";
    let asked = decided(&machine, &request(Some(5), None)).unwrap();
    assert_eq!(asked.shards.len(), 5);
    assert!(asked.reasons.iter().any(|reason| reason == warning));
    let one = decided(&format!("{TWO_CPUS}quota 1\n"), &Request::default()).unwrap();
    assert_eq!(one.shards.len(), 1);
    assert_eq!(one.reasons[0], "1 shard: one on each physical core but one.");
}

#[test]
fn a_database_has_no_more_shards_than_it_may() {
    let line = |cpu| format!("cpu {cpu} core {cpu} node 0 package 0\n");
    let machine: String = (0..100).map(line).collect();
    let placement = decided(&machine, &Request::default()).unwrap();
    assert_eq!(placement.shards.len(), SHARDS_MAX);
    assert_eq!(
        placement.reasons[0],
        "64 shards, the most that a database may have, though 99 cores are free."
    );
    check_refused(&machine, Some(65), None, "65 shards: a database has 1 to 64");
    check_refused(&machine, Some(0), None, "0 shards: a database has 1 to 64");
}

#[test]
fn cores_that_are_named_are_taken_in_their_order() {
    check(
        &two_nodes(),
        None,
        Some("17,2-3,17"),
        "\
3 shards
  node 0: shards 1-2 on cpus 2-3
  node 1: shard 0 on cpu 17
  housekeeping on cpus 0-1,4-16,18-33,36-48,50-63
why
  `cores` names cpus 17,2-3: one shard on each physical core of them.
  cpus 0-1,4-16,18-33,36-48,50-63 without a shard are for housekeeping: log sync, connectors, \
servers, the coordinator and the kernel's own work, which is most often on the lowest CPU.
  Nothing of ours on cpus 34-35,49: a hyper-thread beside a shard would take part of its core.",
    );
    assert_eq!(
        seats(TWO_CPUS, Some(1), Some("1,0")),
        "node 0: shard 0 on cpu 1; housekeeping on cpu 0"
    );
}

#[test]
fn a_hyper_thread_beside_a_shard_is_used_only_if_that_many_are_asked_for() {
    let few = decided(&two_nodes(), &request(None, Some("0,32,1"))).unwrap();
    let cpus: Vec<Option<u32>> = few.shards.iter().map(|seat| seat.cpu).collect();
    assert_eq!(cpus, [Some(0), Some(1)]);
    assert_eq!(
        few.reasons[1],
        "No shard on cpu 32: hyper-threads of cores that have one. `shards` = 3 would use them."
    );
    let all = decided(&two_nodes(), &request(Some(3), Some("0,32,1"))).unwrap();
    let cpus: Vec<Option<u32>> = all.shards.iter().map(|seat| seat.cpu).collect();
    assert_eq!(cpus, [Some(0), Some(1), Some(32)]);
    assert_eq!(
        all.reasons[1],
        "Shards on cpu 32 share a core with another shard, which halves the speed of both: only \
         because that many are asked for."
    );
}

#[test]
fn cores_that_cannot_be_used_are_named_with_those_that_can() {
    let machine = only(&two_nodes(), "0-3");
    check_refused(
        &machine,
        None,
        Some("0,4-5,99"),
        "`cores` names cpu 99, which does not exist, and cpus 4-5, which this process may not \
         use; it may use cpus 0-3",
    );
    check_refused(
        TWO_CPUS,
        Some(1),
        Some("2-3"),
        "`cores` names cpus 2-3, which do not exist; it may use cpus 0-1",
    );
    check_refused(
        &machine,
        None,
        Some("63"),
        "`cores` names cpu 63, which this process may not use; it may use cpus 0-3",
    );
    let none = Request { shards: None, cores: Some(Vec::new()) };
    let error = decided(TWO_CPUS, &none).unwrap_err().to_string();
    assert_eq!(error, "`cores` names no CPU: name some, for example 0,2-5, or leave it out");
}

#[test]
fn a_process_without_a_cpu_is_told_so() {
    check_refused(
        "cpu 0 core 0 node 0 package 0 denied",
        None,
        None,
        "this process may use no CPU of this machine: widen its CPU affinity",
    );
}

#[test]
fn no_two_shards_share_a_core_whatever_is_allowed() {
    let machine = two_nodes();
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    for _ in 0..200 {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let allowed: Vec<u32> = (0..64).filter(|cpu| seed >> cpu & 1 == 1).collect();
        if allowed.is_empty() {
            continue;
        }
        let topology = Topology::parse(&only(&machine, &Cpus(&allowed).to_string())).unwrap();
        for shards in [None, Some(1), Some(7), Some(30), Some(64)] {
            let placement = place(&topology, &request(shards, None)).unwrap();
            let cpus: Vec<u32> = placement.shards.iter().filter_map(|seat| seat.cpu).collect();
            let mut cores: Vec<u32> = cpus.iter().map(|cpu| cpu % 32).collect();
            cores.sort_unstable();
            cores.dedup();
            assert_eq!(cores.len(), cpus.len(), "{placement}");
            assert!(cpus.iter().chain(&placement.housekeeping).all(|cpu| allowed.contains(cpu)));
            assert!(!placement.housekeeping.is_empty());
            let nodes_fit = |seat: &Seat| seat.cpu.is_none_or(|cpu| cpu % 32 / 16 == seat.node);
            assert!(placement.shards.iter().all(nodes_fit), "{placement}");
            assert_eq!(placement.shards.len(), shards.unwrap_or(cpus.len()));
        }
    }
}
