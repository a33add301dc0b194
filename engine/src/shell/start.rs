//! From shards and a coordinator to threads that run them, and back.

use std::any::Any;
use std::collections::{BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use rtrb::{Consumer, Producer, RingBuffer};
use sluicedb_wal::worker::{DiskOptions, Disks};
use sluicedb_wal::{Failure, Files, SyncPath};

use super::bell::Bell;
use super::clock::{Clock, Day};
use super::conductor::{Conductor, Parts, ShardPort};
use super::desk::{self, Lookup};
use super::driver::{Driver, Spin, conduct, panicked};
use super::epochs::SealedEpoch;
use super::host::{self, Done, HostError, Runtime};
use super::inbox::{Inbox, Request};
use super::lane::{Place, Receiver, lane};
use super::lanes::connect_all;
use super::life::{Ending, Life};
use super::mark::OpenEpoch;
use super::outlet::{Callback, Delivery, Gap, LaneOut, LocalCall, Overflow};
use super::reactor::{Ports, Reactor, ToShard, Turn};
use super::refused::Refused;
use super::stats::ShardStats;
use super::stops::Stops;
use super::topology::bind_thread;
use super::{TurnMark, in_turn};
use crate::core::arena::Region;
use crate::core::effect::{Report, SinkMark};
use crate::core::graph::Graph;
use crate::core::ids::{Epoch, ShardId, SourceId, ViewId};
use crate::core::recovery::{DatabaseOptions, Letters, NoFiles, Opened, RecoverError, open};
use sluicedb_wal::directory::Directory;

/// Orders that may wait for a shard, and reports for the coordinator, before they are kept aside.
const CONTROL_PLACES: usize = 1024;

/// Morsels that may wait for a sink on each lane.
const SINK_PLACES: usize = 1024;

/// What a database is started with.
pub(crate) struct Setup {
    pub(crate) graph: Arc<Graph>,
    pub(crate) options: DatabaseOptions,
    /// Whether rows of sources that come are logged.
    pub(crate) logs: bool,
    /// Where it keeps its files, if anywhere, and how it writes there.
    pub(crate) directory: Option<(Directory, DiskOptions)>,
    /// Streams that feed sinks which write in step with checkpoints.
    pub(crate) sinks: Vec<ViewId>,
    /// The memory of each shard, for state and for the copies that freezes need.
    pub(crate) memory: Vec<(Region, Region)>,
    /// By shard: the NUMA node from which it runs, if there are several.
    pub(crate) nodes: Vec<Option<u32>>,
    /// Frames or rows on the lane from a feeder to a shard.
    pub(crate) lane_frames: usize,
    /// Frames on a lane between two shards.
    pub(crate) exchange_frames: usize,
}

/// Where shards run.
pub(crate) struct Seating {
    /// By shard: the CPUs that it may run on, and when it sleeps.
    pub(crate) shards: Vec<(Vec<u32>, Spin)>,
    /// Where everything else runs.
    pub(crate) housekeeping: Vec<u32>,
    pub(crate) runtime: Runtime,
}

/// Why a database did not start.
#[derive(Debug)]
pub(crate) enum StartError {
    Recover(RecoverError),
    Disk(Failure),
    Host(std::io::Error),
}

impl From<HostError> for StartError {
    fn from(HostError(error): HostError) -> StartError {
        StartError::Host(error)
    }
}

/// What everybody who talks to a database shares.
#[derive(Clone)]
pub(crate) struct Contact {
    /// What ran first.
    pub(crate) graph: Arc<Graph>,
    /// Whether rows of sources that come are logged.
    pub(crate) logs: bool,
    /// Whether there is a directory, which only a plan with the same operators opens.
    pub(crate) saves: bool,
    /// Where that is.
    pub(crate) directory: Option<Arc<Path>>,
    /// How groups of the logs become durable, if there is a directory.
    pub(crate) sync_path: Option<SyncPath>,
    /// Sources that have been fed in earlier lives.
    pub(crate) fed: BTreeSet<SourceId>,
    pub(crate) life: Arc<Life>,
    pub(crate) stops: Arc<Stops>,
    pub(crate) inbox: Arc<Inbox>,
    /// At which each shard sleeps.
    pub(crate) bells: Arc<[Arc<Bell>]>,
    pub(crate) stats: Arc<[Arc<ShardStats>]>,
    pub(crate) sealed: Arc<SealedEpoch>,
    /// How far sinks had come in earlier lives.
    pub(crate) sinks: Arc<[SinkMark]>,
    pub(crate) day: Arc<Day>,
}

/// What a sink is given, from what is replayed on.
pub(crate) struct SinkLanes {
    pub(crate) sink: ViewId,
    pub(crate) lanes: Vec<Receiver<Delivery>>,
    pub(crate) bell: Arc<Bell>,
    pub(crate) gap: Arc<Gap>,
}

/// A database that nobody turns yet.
struct Assembly<C> {
    contact: Contact,
    reactors: Vec<Reactor<C>>,
    conductor: Conductor,
    disks: Option<Disks>,
    clock: Clock,
    sinks: Vec<SinkLanes>,
    /// Whether rows of the log are worked on again.
    replays: bool,
}

/// A database on threads. Dropped, it ends and waits for them.
pub(crate) struct Running {
    pub(crate) contact: Contact,
    /// None once it was told to end.
    threads: Option<Threads>,
    /// What is not taken up is a sink that has failed.
    pub(crate) sinks: Vec<SinkLanes>,
    /// Whether rows of the log are worked on again.
    pub(crate) replays: bool,
}

/// What a database runs on.
struct Threads {
    shards: Vec<Arc<Done>>,
    conductor: JoinHandle<()>,
    disks: Option<Disks>,
}

/// A database that its caller turns.
pub(crate) struct Inline {
    pub(crate) contact: Contact,
    /// They call what must stay on this thread, and so stay there too.
    reactors: Vec<Reactor<LocalCall>>,
    conductor: Conductor,
    disks: Option<Disks>,
    /// Whether rows of the log are worked on again.
    pub(crate) replays: bool,
}

/// Starts a database on threads.
pub(crate) fn start(setup: Setup, seating: Seating) -> Result<Running, StartError> {
    let Seating { shards: seats, housekeeping, runtime } = seating;
    let Assembly { contact, reactors, conductor, disks, clock, sinks, replays } =
        assemble(setup, false)?;
    assert_eq!(seats.len(), reactors.len(), "a seat for each shard");
    // First, so that nothing runs yet if there is no thread for it.
    let (give, take) = std::sync::mpsc::channel();
    let run = move || {
        // Callbacks that nobody takes any more are dropped here.
        let _mark = TurnMark::set();
        // A thread that may not be bound runs anywhere.
        let _ = bind_thread(&housekeeping);
        if let Ok(conductor) = take.recv() {
            conduct(conductor, clock);
        }
    };
    let thread = std::thread::Builder::new().name("sluice-epochs".to_owned()).spawn(run);
    let thread = thread.map_err(StartError::Host)?;
    let mut shards = Vec::with_capacity(reactors.len());
    for (reactor, (cpus, spin)) in reactors.into_iter().zip(seats) {
        let driver = Driver::new(reactor, spin, clock, Arc::clone(&contact.inbox));
        match host::start(driver, runtime, cpus) {
            Ok(done) => shards.push(done),
            Err(error) => {
                // Those that run are told to stop by the conductor, which is turned here.
                contact.inbox.end(Ending::Closed);
                conduct(conductor, clock);
                shards.iter().for_each(|shard| shard.wait());
                return Err(error.into());
            }
        }
    }
    // It waits for this, and nobody else waits at the end.
    if give.send(conductor).is_err() {
        unreachable!("the coordinator's thread takes what it is given");
    }
    let threads = Some(Threads { shards, conductor: thread, disks });
    Ok(Running { contact, threads, sinks, replays })
}

/// Makes a database that its caller turns.
pub(crate) fn start_inline(setup: Setup) -> Result<Inline, StartError> {
    let Assembly { contact, reactors, conductor, disks, clock: _, sinks, replays } =
        assemble(setup, true)?;
    assert!(sinks.is_empty(), "an inline database reaches nothing outside");
    Ok(Inline { contact, reactors, conductor, disks, replays })
}

fn assemble<C: Callback>(setup: Setup, inline: bool) -> Result<Assembly<C>, StartError> {
    let Setup { graph, options, logs, directory, sinks, memory, nodes, .. } = setup;
    let Setup { lane_frames, exchange_frames, .. } = setup;
    let place = directory.as_ref().map(|(directory, _)| Arc::from(directory.path()));
    let (opened, mut disks) = opened(directory, &graph, &options, memory)?;
    let Opened { shards, coordinator, feeders, producers, letters, sealed, .. } = opened;
    let (clock, bell, life) = (Clock::start(), Arc::new(Bell::new()), Life::new());
    let (stops, day) = (Arc::<Stops>::default(), Arc::new(Day::of(clock)));
    let sealed = Arc::new(SealedEpoch::new(sealed.unwrap_or(Epoch(0))));
    let inbox = Arc::new(Inbox::new(Arc::clone(&bell), Arc::clone(&life), inline));
    let bells: Arc<[_]> = shards.iter().map(|_| Arc::new(Bell::new())).collect();
    let stats: Arc<[_]> = shards.iter().map(|_| Arc::new(ShardStats::default())).collect();
    let places = places(&bells, nodes);
    let mut lanes = connect_all(&graph, &places, exchange_frames);
    let (mut reactors, mut ports) = (Vec::new(), Vec::new());
    for (at, shard) in shards.into_iter().enumerate() {
        let (port, orders, reports) = control(&places[at]);
        ports.push(port);
        let (lanes_in, lanes_out) = std::mem::take(&mut lanes[at]);
        let ports = Ports {
            orders,
            reports,
            coordinator: Arc::clone(&bell),
            bell: Arc::clone(&bells[at]),
            lanes_in,
            lanes_out,
            disk: disks.as_mut().map(|disks| disks.disk(wakes(&bells[at]))),
            stats: Arc::clone(&stats[at]),
            clock,
        };
        let refused = refused(&letters, &graph, (at, places.len()), &ports.stats, &day)?;
        reactors.push(Reactor::new(shard, ports, refused));
    }
    let sinks = sinks.into_iter().map(|sink| connect_sink(sink, &mut reactors)).collect();
    let conductor = Conductor::new(Parts {
        open: Arc::new(OpenEpoch::new(coordinator.open())),
        coordinator,
        graph: Arc::clone(&graph),
        shards: ports,
        sealed: Arc::clone(&sealed),
        inbox: Arc::clone(&inbox),
        life: Arc::clone(&life),
        stops: Arc::clone(&stops),
        disk: disks.as_mut().map(|disks| disks.disk_without_log(wakes(&bell))),
        clock,
        day: Arc::clone(&day),
        bell,
        stats: Arc::clone(&stats),
        lane_frames,
        exchange_frames,
        logged: options.logged.clone(),
        feeders: feeders.iter().map(|mark| mark.source).collect(),
        producers,
    });
    let contact = Contact {
        graph,
        logs,
        saves: disks.is_some(),
        directory: place,
        sync_path: disks.as_ref().map(Disks::sync_path),
        fed: feeders.iter().map(|mark| mark.source).collect(),
        life,
        stops,
        inbox,
        bells,
        stats,
        sealed,
        sinks: opened.sinks.into(),
        day,
    };
    Ok(Assembly { contact, reactors, conductor, disks, clock, sinks, replays: opened.replayed > 0 })
}

/// What the files hold, and what carries out what is done with them, if there are any.
fn opened(
    directory: Option<(Directory, DiskOptions)>,
    graph: &Arc<Graph>,
    options: &DatabaseOptions,
    memory: Vec<(Region, Region)>,
) -> Result<(Opened, Option<Disks>), StartError> {
    let files: &dyn Files = directory.as_ref().map_or(&NoFiles, |(directory, _)| directory);
    let mut memory = memory.into_iter();
    let next = |_| memory.next().expect("memory for each shard");
    let opened = open(files, graph, options, next).map_err(StartError::Recover)?;
    let disks = directory.map(|(directory, disk)| Disks::start(directory, &disk));
    Ok((opened, disks.transpose().map_err(StartError::Disk)?))
}

/// What a shard, one of so many, has refused: it takes up what was kept of that by those that wrote a
/// checkpoint, of which there may have been more or fewer.
fn refused(
    letters: &[Letters],
    graph: &Arc<Graph>,
    (at, shards): (usize, usize),
    stats: &ShardStats,
    day: &Arc<Day>,
) -> Result<Refused, StartError> {
    let what = "what it says of refused rows has another form";
    let another = RecoverError::AnotherPlan { shard: ShardId(at as u16), what };
    let own = letters.iter().skip(at).step_by(shards);
    Refused::restore(graph, own, stats, Arc::clone(day)).ok_or(StartError::Recover(another))
}

/// Who is woken by lanes to each shard, and the node that their memory lies on.
fn places(bells: &[Arc<Bell>], nodes: Vec<Option<u32>>) -> Vec<Place> {
    let place = |(bell, node): (&Arc<Bell>, Option<u32>)| Place { bell: Arc::clone(bell), node };
    bells.iter().zip(nodes).map(place).collect()
}

/// The coordinator's way to a shard and back, and its ends there.
fn control(place: &Place) -> (ShardPort, Consumer<ToShard>, Producer<Report>) {
    let (orders, taken) = RingBuffer::new(CONTROL_PLACES);
    let (told, reports) = RingBuffer::new(CONTROL_PLACES);
    let unsent = VecDeque::new();
    (ShardPort { orders, reports, place: place.clone(), unsent }, taken, told)
}

/// Lanes from all shards to a sink: whoever pushes waits for it.
fn connect_sink<C: Callback>(sink: ViewId, reactors: &mut [Reactor<C>]) -> SinkLanes {
    let (bell, gap) = (Arc::new(Bell::new()), Arc::new(Gap::default()));
    let lanes = reactors.iter_mut().map(|reactor| {
        let (sender, receiver) = lane(SINK_PLACES, &bell);
        reactor.add_sink(sink, LaneOut::new(sender, Overflow::Block, Arc::clone(&gap)));
        receiver
    });
    let lanes = lanes.collect();
    SinkLanes { sink, lanes, bell, gap }
}

fn wakes(bell: &Arc<Bell>) -> Box<dyn Fn() + Send + Sync> {
    let bell = Arc::clone(bell);
    Box::new(move || bell.ring())
}

impl Running {
    /// Ends the database and waits for its threads. What was pushed and not flushed may be lost.
    pub(crate) fn stop(&mut self) {
        let Some(threads) = self.threads.take() else { return };
        // One that has ended already takes no request, and needs none.
        let _ = self.contact.inbox.post(Request::Close);
        if in_turn() {
            // A callback had the last handle. A thread of the database cannot wait for itself.
            let wait = std::thread::Builder::new().name("sluice-end".to_owned());
            // Without it the threads end all the same, and nobody waits for that.
            let _ = wait.spawn(move || threads.wait());
        } else {
            threads.wait();
        }
    }
}

impl Threads {
    fn wait(self) {
        let Threads { shards, conductor, disks } = self;
        // A panic in it was told to everybody by then.
        let _ = conductor.join();
        shards.into_iter().for_each(|shard| shard.wait());
        drop(disks);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Inline {
    /// One turn of everything; returns whether anything was done. Shards come first: what was pushed
    /// waits for them, and nobody for the clock of the coordinator.
    #[inline]
    pub(crate) fn turn(&mut self) -> bool {
        let mark = TurnMark::set();
        let turns = catch_unwind(AssertUnwindSafe(|| {
            let mut worked = false;
            for reactor in &mut self.reactors {
                worked |= reactor.turn() == Turn::Worked;
            }
            worked
        }));
        drop(mark);
        let worked = turns.unwrap_or_else(|panic| self.broken(panic));
        worked | (self.conductor.turn() == Turn::Worked)
    }

    /// A panic of a callback ends the database, as it does where shards have threads.
    #[cold]
    fn broken(&mut self, panic: Box<dyn Any + Send>) -> bool {
        self.contact.inbox.end(panicked(panic));
        // Callbacks go with them, and what they hold may panic.
        let reactors = std::mem::take(&mut self.reactors);
        let _ = catch_unwind(AssertUnwindSafe(|| drop(reactors)));
        true
    }

    /// Has a function called with the deltas of a view. One that has ended calls nothing.
    pub(crate) fn add_call(&mut self, view: ViewId, call: LocalCall) {
        // The one shard that there is, or none after a panic.
        if let Some(reactor) = self.reactors.first_mut() {
            reactor.add_call(view, call);
        }
    }

    /// Answers a lookup without a detour.
    #[inline]
    pub(crate) fn look_up(&self, shard: ShardId, lookup: &mut Lookup) -> Result<(), Ending> {
        let shard = self.reactors[shard.index()].shard();
        if let Some(stopped) = shard.stopped(lookup.view) {
            return Err(Ending::Stopped(Arc::clone(stopped)));
        }
        desk::answer(shard, lookup);
        Ok(())
    }
}

impl Drop for Inline {
    fn drop(&mut self) {
        self.conductor.stop(Ending::Closed);
        while self.conductor.turn() != Turn::Stopped {
            self.turn();
        }
        self.disks = None;
    }
}
