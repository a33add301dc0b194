//! How a database is to be run.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ::arrow::array::ArrayRef;
use sluicedb_sql::catalog::{Catalog, FunctionOutcome, ScalarFunction};
use sluicedb_sql::dialect::syntax::ObjectKind;
use sluicedb_sql::plan::AggregateFunction;
use sluicedb_sql::{DataType, Plan, SqlError};
use sluicedb_wal::SyncPath;
use sluicedb_wal::directory::Directory;
use sluicedb_wal::worker::DiskOptions;

use super::aggregate::{Aggregate, Retract, plain, retractable};
use super::connect::Connectors;
use super::database::Machine;
use super::error::Error;
use super::history::{History, Resumed};
use super::loss::{DataLoss, Told};
use super::session::Begun;
use super::statement::Language;
use super::{Database, InlineDatabase};
use crate::core::arena::Region;
use crate::core::graph::{Graph, Route, SourceSpec, ViewSpec, lower};
use crate::core::ids::{SourceId, ViewId};
use crate::core::recovery::{DatabaseOptions, RecoverError, history, shards};
use crate::shell::memory::{Budget, MachineMemory, Mapped, Populator, Reserve};
use crate::shell::start::{Seating, Setup, start, start_inline};
use crate::shell::topology::{Placement, Request, Topology, place};
use crate::shell::{Runtime, Spin, probe};

/// What a shard does when there is nothing to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Latency {
    /// It spins for ever: the least latency, and a whole CPU for each shard.
    Lowest,
    /// It spins for a while ([`Builder::spin`]) and then sleeps.
    #[default]
    Balanced,
    /// It sleeps at once.
    Eco,
}

/// Where rows are kept before they are acknowledged, in a database with a directory.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Durability {
    /// In the log: what is acknowledged survives a crash.
    #[default]
    Log,
    /// In the checkpoints only: after a crash the last second is missing, and is to be pushed again.
    Checkpoint,
}

/// Options of a database, each with a default that suits most.
#[derive(Clone, Debug)]
pub struct Builder {
    directory: Option<PathBuf>,
    shards: Option<usize>,
    cores: Option<Vec<u32>>,
    latency: Latency,
    spin: Duration,
    memory_limit: Option<u64>,
    epoch_interval: Duration,
    checkpoint_interval: Duration,
    durability: Durability,
    sync_path: Option<SyncPath>,
    accepts_loss: Option<Told>,
    lane_frames: usize,
    exchange_frames: usize,
    runtime: Option<Runtime>,
    connectors: Option<Arc<dyn Connectors>>,
    functions: Vec<ScalarFunction>,
    aggregates: Vec<Result<AggregateFunction, SqlError>>,
}

impl Default for Builder {
    fn default() -> Builder {
        Builder {
            directory: None,
            shards: None,
            cores: None,
            latency: Latency::default(),
            spin: Duration::from_micros(50),
            memory_limit: None,
            epoch_interval: Duration::from_millis(10),
            checkpoint_interval: Duration::from_secs(1),
            durability: Durability::default(),
            sync_path: None,
            accepts_loss: None,
            lane_frames: 256,
            exchange_frames: 64,
            runtime: None,
            connectors: None,
            functions: Vec::new(),
            aggregates: Vec::new(),
        }
    }
}

/// Frames a lane may have: one would let a sender and a receiver only take turns.
const LANE_FRAMES: std::ops::RangeInclusive<usize> = 2..=1 << 16;

/// Checkpoints between two that hold everything.
const CHECKPOINT_DELTAS_MAX: usize = 16;
/// Disk writes of a checkpoint in flight at a time.
const CHECKPOINT_WRITES_MAX: usize = 8;

impl Builder {
    /// Keeps the database in this directory, which is made if it is not there. Without one it lives
    /// in memory.
    pub fn directory(mut self, path: impl Into<PathBuf>) -> Builder {
        self.directory = Some(path.into());
        self
    }

    /// How many parts the work has; by default as many as the directory was written by, or else one for
    /// each core that is left beside housekeeping. Those beyond the cores share them.
    ///
    /// A directory that another number wrote is taken over when it is opened: rows and groups go to the
    /// shards that own them now, which takes the memory of both for that long. A view whose rows lie
    /// where those lie that they were made of, and may be taken back, keeps a directory from it.
    pub fn shards(mut self, shards: usize) -> Builder {
        self.shards = Some(shards);
        self
    }

    /// The CPUs that shards are pinned to, as the kernel counts them; by default our choice.
    pub fn cores(mut self, cores: impl Into<Vec<u32>>) -> Builder {
        self.cores = Some(cores.into());
        self
    }

    /// What a shard does when there is nothing to do.
    pub fn latency(mut self, latency: Latency) -> Builder {
        self.latency = latency;
        self
    }

    /// How long a shard without work spins before it sleeps, where latency is `Balanced`.
    pub fn spin(mut self, time: Duration) -> Builder {
        self.spin = time;
        self
    }

    /// Bytes that the database may use; by default 70 % of the machine's memory.
    ///
    /// Near the limit producers are slowed down, and sources keep fewer of their rows. At the limit the
    /// query with the largest state stops, with all that reads it, and says so to whoever reads it
    /// ([`Ending::Stopped`](crate::shell::Ending::Stopped)); nothing else does.
    pub fn memory_limit(mut self, bytes: u64) -> Builder {
        self.memory_limit = Some(bytes);
        self
    }

    /// The longest an epoch stays open while rows arrive.
    pub fn epoch_interval(mut self, time: Duration) -> Builder {
        self.epoch_interval = time;
        self
    }

    /// The longest between two checkpoints while rows arrive, in a database with a directory.
    pub fn checkpoint_interval(mut self, time: Duration) -> Builder {
        self.checkpoint_interval = time;
        self
    }

    /// Where rows are kept before they are acknowledged, in a database with a directory.
    pub fn durability(mut self, durability: Durability) -> Builder {
        self.durability = durability;
        self
    }

    /// How groups of the log become durable, in a database with a directory. By default what was
    /// fastest there in a probe; `sluice doctor DIR` shows its figures, and
    /// [`Database::sync_path`] what was chosen. A log is read whichever way it was written.
    pub fn sync_path(mut self, path: SyncPath) -> Builder {
        self.sync_path = Some(path);
        self
    }

    /// Opens a directory whose files are proven corrupt without what cannot be read, instead of refusing it.
    ///
    /// Of each log the records up to the first gap are kept, and the newest checkpoint is taken that is
    /// whole. Before the database starts, `told` is called with what that gives up: which statements and
    /// how many rows of which epochs. The files as they were stay in a folder in the directory. Where
    /// nothing is corrupt nothing is given up, and nothing is told. [`Database::open`] never does it.
    pub fn accept_data_loss(mut self, told: impl Fn(&DataLoss) + Send + Sync + 'static) -> Builder {
        self.accepts_loss = Some(Told::new(told));
        self
    }

    /// Rows that are pushed one by one, or batches, that may wait on the lane from a handle to a shard
    /// before a push is refused.
    pub fn lane_frames(mut self, frames: usize) -> Builder {
        self.lane_frames = frames;
        self
    }

    /// Frames that may wait on a lane between two shards.
    pub fn exchange_frames(mut self, frames: usize) -> Builder {
        self.exchange_frames = frames;
        self
    }

    /// What turns the shards. By default glommio executors, and plain threads where the kernel gives
    /// this process no io_uring; [`Database::fallback`] says why.
    pub fn runtime(mut self, runtime: Runtime) -> Builder {
        self.runtime = Some(runtime);
        self
    }

    /// Starts the database on threads of its own.
    pub fn start(self, plan: &Plan) -> Result<Database, Error> {
        match self.begin(plan) {
            Err(Error::Recover { error: RecoverError::Shards { found, .. }, .. }) => {
                // As many as placed it work off what the log has; others take up the checkpoint.
                self.clone().shards(found).begin(plan)?.close()?;
                self.begin(plan)
            }
            begun => begun,
        }
    }

    fn begin(&self, plan: &Plan) -> Result<Database, Error> {
        let (runtime, fallback) = self.choose_runtime()?;
        let catalog = self.catalog(plan)?;
        let graph = self.graph(plan)?;
        let (directory, loss) = self.open_directory()?;
        let written_by =
            |directory: &Directory| shards(directory).map_err(|error| self.cannot_recover(error));
        let known = directory.as_ref().map(written_by).transpose()?.flatten();
        let request = Request { shards: self.shards.or(known), cores: self.cores.clone() };
        let topology = Topology::read().topology;
        let placement = place(&topology, &request).map_err(Error::Placement)?;
        let budget = self.budget(placement.shards.len())?;
        let populator = Populator::start(&placement.housekeeping).map_err(Error::Thread)?;
        let nodes: Vec<u32> = placement.shards.iter().map(|seat| seat.node).collect();
        let memory = memory(&budget, &nodes, Some(&populator))?;
        let several = topology.cpus().iter().any(|cpu| cpu.node != topology.cpus()[0].node);
        let near = nodes.iter().map(|node| several.then_some(*node)).collect();
        let files = (graph, directory, loss);
        let (mut setup, catalog, begun) = self.setup(files, catalog, (memory, near))?;
        if let Some((_, disk)) = &mut setup.directory {
            disk.cpus.clone_from(&placement.housekeeping);
        }
        let running = start(setup, self.seating(&placement, runtime));
        let running = running.map_err(|error| Error::starting(error, self.directory.clone()))?;
        let language = Language::new(catalog, self.connectors.clone());
        let machine = Machine { placement, budget, runtime, fallback };
        Database::new(running, begun, machine, language)
    }

    /// A function that SQL can call under this name, in bounded and in continuous queries alike. It
    /// must be pure: equal arguments give equal results, whenever and wherever it is called.
    ///
    /// It takes and gives whole columns, which are Arrow arrays of the types that it was declared
    /// with, all of one length: nothing is dispatched row by row. Arguments are cast to its types
    /// where SQL casts by itself, and refused where the query is created otherwise. Where it fails or
    /// panics, a bounded query fails with an error that names it; in a continuous one the rows that
    /// are to blame are left out and counted, and the process lives.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use arrow::array::{AsArray, Float64Array};
    /// use arrow::datatypes::Float64Type;
    /// use sluicedb::db::{DataType, Database, values, Value};
    ///
    /// let db = Database::builder()
    ///     .shards(1)
    ///     .scalar_function("midpoint", &[DataType::Double, DataType::Double], DataType::Double, |args| {
    ///         let (bid, ask) = (args[0].as_primitive::<Float64Type>(), args[1].as_primitive::<Float64Type>());
    ///         let both = bid.iter().zip(ask.iter());
    ///         let middle = both.map(|(bid, ask)| Some((bid? + ask?) / 2.0));
    ///         Ok(Arc::new(middle.collect::<Float64Array>()))
    ///     })
    ///     .start(&sluicedb::plan::Plan::empty())?;
    /// db.execute("CREATE SOURCE quotes (symbol TEXT, bid DOUBLE, ask DOUBLE)")?;
    /// db.execute(
    ///     "CREATE MATERIALIZED VIEW middle AS
    ///      SELECT symbol, max(midpoint(bid, ask)) AS most FROM quotes GROUP BY symbol",
    /// )?;
    /// db.execute("INSERT INTO quotes VALUES ('ACME', 1.0, 2.0), ('ACME', 1.0, 4.0)")?;
    /// let found = db.query("SELECT most, midpoint(most, 0) FROM middle WHERE symbol = 'ACME'")?;
    /// assert_eq!(values(&found.batches[0]), [[Value::Double(2.5), Value::Double(1.25)]]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn scalar_function(
        mut self,
        name: &str,
        args: &[DataType],
        result: DataType,
        body: impl Fn(&[ArrayRef]) -> FunctionOutcome + Send + Sync + 'static,
    ) -> Builder {
        let (name, args, body) = (name.to_owned(), args.to_vec(), Arc::new(body));
        self.functions.push(ScalarFunction { name, args, result, body });
        self
    }

    /// An aggregate that SQL can call under this name, in bounded and in continuous queries alike:
    /// with FILTER, in every kind of window and without one. [`Aggregate`] has an example.
    ///
    /// It cannot be called over rows that change, such as those of a view with groups; see
    /// [`Builder::retractable_aggregate_function`]. A database in a directory that has queries with
    /// it is opened with it only, and with states of the same size.
    #[must_use]
    pub fn aggregate_function(
        mut self,
        name: &str,
        args: &[DataType],
        result: DataType,
        aggregate: impl Aggregate,
    ) -> Builder {
        self.aggregates.push(plain(name, args, result, aggregate));
        self
    }

    /// The same for an aggregate that rows can be taken from again, so that it can be called over
    /// rows that change too.
    #[must_use]
    pub fn retractable_aggregate_function(
        mut self,
        name: &str,
        args: &[DataType],
        result: DataType,
        aggregate: impl Retract,
    ) -> Builder {
        self.aggregates.push(retractable(name, args, result, aggregate));
        self
    }

    /// What `CREATE SOURCE .. FROM KIND (..)` and `CREATE SINK .. INTO KIND (..)` can reach.
    #[must_use]
    pub fn connectors(mut self, connectors: Arc<dyn Connectors>) -> Builder {
        self.connectors = Some(connectors);
        self
    }

    /// Makes a database of one shard that runs where its caller calls
    /// [`InlineDatabase::turn`]: no thread, no hop. A directory that several shards wrote is taken over.
    pub fn inline(mut self, plan: &Plan) -> Result<InlineDatabase, Error> {
        // It reaches nothing outside.
        self.connectors = None;
        if self.shards.is_some_and(|shards| shards != 1) || self.cores.is_some() {
            let what =
                "an inline database has one shard, on the thread that turns it: leave shards \
                        and cores out"
                    .to_owned();
            return Err(Error::Option { name: "shards", what });
        }
        match self.begin_inline(plan) {
            Err(Error::Recover { error: RecoverError::Shards { found, .. }, .. }) => {
                self.clone().shards(found).begin(plan)?.close()?;
                self.begin_inline(plan)
            }
            begun => begun,
        }
    }

    fn begin_inline(&self, plan: &Plan) -> Result<InlineDatabase, Error> {
        let catalog = self.catalog(plan)?;
        let graph = self.graph(plan)?;
        let (directory, loss) = self.open_directory()?;
        let files = (graph, directory, loss);
        let budget = self.budget(1)?;
        let memory = memory(&budget, &[0], None)?;
        let (setup, catalog, begun) = self.setup(files, catalog, (memory, vec![None]))?;
        let inline = start_inline(setup);
        let inline = inline.map_err(|error| Error::starting(error, self.directory.clone()))?;
        let language = Language::new(catalog, None);
        InlineDatabase::new(inline, begun, language)
    }

    /// The objects and functions that it starts with.
    fn catalog(&self, plan: &Plan) -> Result<Catalog, Error> {
        let mut functions = self.functions.iter().cloned();
        let catalog = functions.try_fold(Catalog::over(plan), Catalog::with_function)?;
        let mut aggregates = self.aggregates.iter().cloned();
        Ok(aggregates.try_fold(catalog, |catalog, function| catalog.with_aggregate(function?))?)
    }

    fn choose_runtime(&self) -> Result<(Runtime, Option<String>), Error> {
        match (self.runtime, probe::io_uring()) {
            (Some(Runtime::Thread), _) => Ok((Runtime::Thread, None)),
            (_, Ok(())) => Ok((Runtime::Glommio, None)),
            (None, Err(why)) => Ok((Runtime::Thread, Some(why))),
            (Some(Runtime::Glommio), Err(why)) => Err(Error::Option { name: "runtime", what: why }),
        }
    }

    fn budget(&self, shards: usize) -> Result<Budget, Error> {
        Budget::new(self.memory_limit, shards, MachineMemory::read()).map_err(Error::Memory)
    }

    fn seating(&self, placement: &Placement, runtime: Runtime) -> Seating {
        let spin = match self.latency {
            Latency::Lowest => Spin::Forever,
            Latency::Balanced => Spin::For(self.spin),
            Latency::Eco => Spin::For(Duration::ZERO),
        };
        let seat = |cpu: Option<u32>| match cpu {
            Some(cpu) if !placement.housekeeping.contains(&cpu) => (vec![cpu], spin),
            // One that shares its CPU gives it away at once.
            Some(cpu) => (vec![cpu], Spin::For(Duration::ZERO)),
            None => (placement.shared.clone(), Spin::For(Duration::ZERO)),
        };
        Seating {
            shards: placement.shards.iter().map(|shard| seat(shard.cpu)).collect(),
            housekeeping: placement.housekeeping.clone(),
            runtime,
        }
    }

    /// What the plan of the application makes; options are looked at before a directory is made.
    fn graph(&self, plan: &Plan) -> Result<Graph, Error> {
        for (name, frames) in
            [("lane_frames", self.lane_frames), ("exchange_frames", self.exchange_frames)]
        {
            if !LANE_FRAMES.contains(&frames) {
                let what = format!("{frames}: choose between 2 and {}", LANE_FRAMES.end());
                return Err(Error::Option { name, what });
            }
        }
        Ok(lower(plan, Route::Aligned)?)
    }

    fn cannot_recover(&self, error: RecoverError) -> Error {
        Error::Recover { directory: self.directory.clone(), error }
    }

    fn setup(
        &self,
        (graph, directory, loss): (Graph, Option<Directory>, Option<DataLoss>),
        catalog: Catalog,
        (memory, nodes): (Vec<(Region, Region)>, Vec<Option<u32>>),
    ) -> Result<(Setup, Catalog, Begun), Error> {
        let kept = directory.is_some();
        let logged = kept && self.durability == Durability::Log;
        let history = match &directory {
            Some(files) => self.history(files)?,
            None => History::default(),
        };
        let origin = Resumed { catalog, graph };
        let Resumed { catalog, graph } = history.replay(origin.clone(), logged)?;
        if let (Some(loss), Some(files), Some(told)) = (loss, &directory, &self.accepts_loss) {
            loss.tell(files, &graph, told)?;
        }
        let outside = |(at, source): (usize, &SourceSpec)| {
            let object = catalog.object(&source.name)?;
            object.connector().map(|_| SourceId(at as u16))
        };
        let outside = graph.sources.places().filter_map(outside).collect();
        let sinks = self.sinks(&catalog, &graph)?;
        let begun = Begun { plan: catalog.plan().clone(), history, origin, outside };
        let is_logged = |at| logged && !begun.outside.contains(&SourceId(at as u16));
        let nanos = |time: Duration| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let options = DatabaseOptions {
            shards: memory.len() as u16,
            logged: (0..graph.sources.len()).map(is_logged).collect(),
            log: kept.then(Default::default),
            epoch_interval_ns: nanos(self.epoch_interval),
            checkpoint_interval_ns: nanos(self.checkpoint_interval),
            checkpoint_deltas_max: CHECKPOINT_DELTAS_MAX,
            checkpoint_writes_max: CHECKPOINT_WRITES_MAX,
            seed: random(),
        };
        let (lane_frames, exchange_frames) = (self.lane_frames, self.exchange_frames);
        let disk = DiskOptions { sync_path: self.sync_path, ..DiskOptions::default() };
        let setup = Setup {
            graph: Arc::new(graph),
            options,
            logs: logged,
            directory: directory.map(|directory| (directory, disk)),
            sinks,
            memory,
            nodes,
            lane_frames,
            exchange_frames,
        };
        Ok((setup, catalog, begun))
    }

    /// The streams that feed the sinks of a directory.
    fn sinks(&self, catalog: &Catalog, graph: &Graph) -> Result<Vec<ViewId>, Error> {
        let sinks = catalog.objects().filter(|object| object.kind() == ObjectKind::Sink);
        let sinks: Vec<&str> = sinks.map(|object| object.name.as_str()).collect();
        if let (Some(name), None) = (sinks.first(), &self.connectors) {
            let message = format!("nothing can write what the sink \"{name}\" is owed");
            let error = SqlError::unsupported(message);
            return Err(Error::Sql(error.hint(
                "Open the directory with connectors, on threads, or changes would be lost to it.",
            )));
        }
        let feeds = |view: &&ViewSpec| sinks.contains(&view.name.as_str());
        Ok(graph.views.iter().filter(feeds).map(|view| view.id).collect())
    }

    /// Takes the directory, and gives up what is corrupt in it if that is accepted.
    fn open_directory(&self) -> Result<(Option<Directory>, Option<DataLoss>), Error> {
        let Some(path) = &self.directory else { return Ok((None, None)) };
        let mut directory = Directory::open(path).map_err(Error::Directory)?;
        let loss = match self.accepts_loss {
            Some(_) => DataLoss::accept(&mut directory, random())?,
            None => None,
        };
        Ok((Some(directory), loss))
    }

    /// What was said until the newest checkpoint of a directory.
    fn history(&self, files: &Directory) -> Result<History, Error> {
        let found = history(files).map_err(|error| self.cannot_recover(error))?;
        History::read(&found)
    }
}

/// The memory of each shard, near the node it runs on: for state, and for the copies that freezes
/// need.
fn memory(
    budget: &Budget,
    nodes: &[u32],
    populator: Option<&Populator>,
) -> Result<Vec<(Region, Region)>, Error> {
    let region = |blocks_max, node| {
        let mapped = Mapped::reserve(Reserve { blocks_max, node: Some(node), populator });
        // A node that cannot be bound to makes memory slower, not wrong.
        mapped.map(|mapped| Region::new(Box::new(mapped))).map_err(Error::Address)
    };
    let both = |&node: &u32| {
        Ok((region(budget.state_blocks(), node)?, region(budget.shadow_blocks(), node)?))
    };
    nodes.iter().map(both).collect()
}

/// A number that no other life of the database had.
fn random() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    // Seeded by the system for each process, and counted up within it.
    std::hash::RandomState::new().build_hasher().finish()
}
