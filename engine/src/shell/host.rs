//! Threads that shards run on: made once per process, and used by one database after another.
//!
//! A glommio executor costs a ring, an eventfd and a thread, and some of that stays behind when it
//! ends; so it never ends. Where the kernel has no io_uring for this process, plain threads run the
//! same turns.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};

use glommio::{LocalExecutorBuilder, Placement, PoolPlacement};

use super::TurnMark;
use super::bell::Bell;
use super::driver::{Driver, panicked};
use super::sync::{AtomicBool, Mutex, Ordering};
use super::topology::bind_thread;

/// What turns a shard's driver.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Runtime {
    /// A glommio executor.
    Glommio,
    /// A plain thread.
    Thread,
}

/// A thread that waits for a shard, or runs one.
struct Host {
    runtime: Runtime,
    /// On which it runs: one, or those that it shares with others.
    cpus: Vec<u32>,
    bell: Arc<Bell>,
    job: Mutex<Option<Job>>,
}

struct Job {
    driver: Box<Driver>,
    done: Arc<Done>,
}

/// Whether a shard has come to its end.
pub(crate) struct Done {
    over: AtomicBool,
    bell: Bell,
}

/// Hosts that wait for a shard.
static IDLE: Mutex<Vec<Arc<Host>>> = Mutex::new(Vec::new());

/// Why a shard has no thread.
#[derive(Debug)]
pub(crate) struct HostError(pub(crate) std::io::Error);

/// Bytes of registered memory of an executor. Nothing of ours does IO through it.
const IO_MEMORY_BYTES: usize = 64 << 10;

/// Runs a driver on a host of its own, on these CPUs.
pub(crate) fn start(
    driver: Driver,
    runtime: Runtime,
    cpus: Vec<u32>,
) -> Result<Arc<Done>, HostError> {
    let host = match take_idle(runtime, &cpus) {
        Some(host) => host,
        None => make(runtime, cpus)?,
    };
    let done = Arc::new(Done { over: AtomicBool::new(false), bell: Bell::new() });
    let job = Job { driver: Box::new(driver), done: Arc::clone(&done) };
    let before = lock(&host.job).replace(job);
    assert!(before.is_none(), "a host that waits has no job");
    host.bell.ring();
    Ok(done)
}

fn take_idle(runtime: Runtime, cpus: &[u32]) -> Option<Arc<Host>> {
    let mut idle = lock(&IDLE);
    let fits = |host: &Arc<Host>| host.runtime == runtime && host.cpus == cpus;
    let at = idle.iter().position(fits)?;
    Some(idle.swap_remove(at))
}

fn make(runtime: Runtime, cpus: Vec<u32>) -> Result<Arc<Host>, HostError> {
    let host = Arc::new(Host { runtime, cpus, bell: Arc::new(Bell::new()), job: Mutex::new(None) });
    let own = Arc::clone(&host);
    match runtime {
        Runtime::Glommio => {
            let placement = match host.cpus[..] {
                [cpu] => Placement::Fixed(cpu as usize),
                // It binds itself to all of them.
                _ => Placement::Unbound,
            };
            let (up, is_up) = std::sync::mpsc::channel();
            let serve = move || async move {
                // Whoever made the host waits for this, or finds that the executor never ran.
                let _ = up.send(());
                own.bind();
                own.serve().await;
            };
            let spawn = || {
                LocalExecutorBuilder::new(placement)
                    .name("sluice-shard")
                    .io_memory(IO_MEMORY_BYTES)
                    .blocking_thread_pool_placement(PoolPlacement::Unbound(1))
                    .spawn(serve)
            };
            // It reads the topology of the machine, and panics where it has no descriptor for that.
            let executor = catch_unwind(AssertUnwindSafe(spawn))
                .map_err(|panic| HostError(std::io::Error::other(panicked(panic).to_string())))?
                .map_err(|error| HostError(std::io::Error::other(error.to_string())))?;
            if is_up.recv().is_err() {
                let why = executor.join().err().map(|error| error.to_string());
                let why = why.unwrap_or_else(|| "it ended at once".to_owned());
                return Err(HostError(std::io::Error::other(why)));
            }
            // It never ends, and nobody joins it.
        }
        Runtime::Thread => {
            let thread = std::thread::Builder::new().name("sluice-shard".to_owned());
            let run = move || {
                own.bind();
                own.serve_blocking();
            };
            thread.spawn(run).map_err(HostError)?;
        }
    }
    Ok(host)
}

impl Host {
    /// Leaves the CPUs of whoever opened the first database for its own.
    fn bind(&self) {
        // Elsewhere it is slower and as right: a container may forbid it.
        let _ = bind_thread(&self.cpus);
    }

    async fn serve(self: Arc<Host>) {
        // For good: callbacks are dropped outside turns, and must not wait for this thread either.
        let _mark = TurnMark::set();
        loop {
            self.bell.arm();
            let Some(Job { driver, done }) = self.next() else {
                self.bell.rung().await;
                continue;
            };
            let mut driver = driver;
            driver.drive().await;
            self.finish(driver, &done);
        }
    }

    fn serve_blocking(self: Arc<Host>) {
        let _mark = TurnMark::set();
        loop {
            self.bell.arm();
            let Some(Job { driver, done }) = self.next() else {
                self.bell.sleep(None);
                continue;
            };
            let mut driver = driver;
            driver.run();
            self.finish(driver, &done);
        }
    }

    fn next(&self) -> Option<Job> {
        let job = lock(&self.job).take();
        if job.is_some() {
            self.bell.disarm();
        }
        job
    }

    /// Waits for the next shard; whoever waited for the end of this one finds the host free.
    fn finish(self: &Arc<Host>, driver: Box<Driver>, done: &Done) {
        // Callbacks go with it, and what they hold may panic: the host is needed for longer.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(driver)));
        lock(&IDLE).push(Arc::clone(self));
        done.over.store(true, Ordering::Release);
        done.bell.ring();
    }
}

impl Done {
    /// Blocks until the shard has come to its end.
    pub(crate) fn wait(&self) {
        loop {
            self.bell.arm();
            if self.over.load(Ordering::Acquire) {
                self.bell.disarm();
                return;
            }
            self.bell.sleep(None);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> super::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
