//! Turns one after another, until there is nothing to do and then to sleep.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use super::bell::Bell;
use super::clock::Clock;
use super::conductor::Conductor;
use super::inbox::Inbox;
use super::life::Ending;
use super::reactor::{Reactor, Turn};

/// When a shard that has nothing to do goes to sleep.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Spin {
    /// Never: the least latency, and a CPU for it.
    Forever,
    /// After this time without work.
    For(Duration),
}

/// A shard on the way from turn to turn.
pub(crate) struct Driver {
    reactor: Reactor,
    bell: Arc<Bell>,
    spin: Spin,
    clock: Clock,
    /// Where it says that it cannot go on.
    inbox: Arc<Inbox>,
}

/// What a driver needs of whoever runs it.
enum Next {
    /// To sleep, at most so long.
    Sleep(Option<Duration>),
    Stop,
}

impl Driver {
    pub(crate) fn new(reactor: Reactor, spin: Spin, clock: Clock, inbox: Arc<Inbox>) -> Driver {
        let bell = Arc::clone(reactor.bell());
        Driver { reactor, bell, spin, clock, inbox }
    }

    /// Runs to the end on this thread.
    pub(crate) fn run(&mut self) {
        while let Next::Sleep(at_most) = self.until_idle() {
            self.bell.sleep(at_most);
        }
    }

    /// Runs to the end as a task of an executor.
    pub(crate) async fn drive(&mut self) {
        while let Next::Sleep(at_most) = self.until_idle() {
            let mut rung = pin!(self.bell.rung());
            match at_most {
                None => rung.await,
                Some(time) => {
                    let mut timer = pin!(glommio::timer::Timer::new(time));
                    std::future::poll_fn(|context| {
                        let woken = rung.as_mut().poll(context).is_ready();
                        if woken || timer.as_mut().poll(context).is_ready() {
                            Poll::Ready(())
                        } else {
                            Poll::Pending
                        }
                    })
                    .await;
                }
            }
            self.bell.disarm();
        }
    }

    /// Takes turns until the shard wants to sleep or stop. A panic ends the database, not the
    /// process.
    fn until_idle(&mut self) -> Next {
        match catch_unwind(AssertUnwindSafe(|| self.turns())) {
            Ok(next) => next,
            Err(panic) => {
                self.inbox.end(panicked(panic));
                Next::Stop
            }
        }
    }

    fn turns(&mut self) -> Next {
        let mut idle_since = None;
        loop {
            match self.reactor.turn() {
                Turn::Stopped => return Next::Stop,
                Turn::Worked => idle_since = None,
                Turn::Idle => {
                    std::hint::spin_loop();
                    let Spin::For(spin) = self.spin else { continue };
                    let now = self.clock.now_ns();
                    let since = *idle_since.get_or_insert(now);
                    if now - since < spin.as_nanos() as u64 {
                        continue;
                    }
                    self.bell.arm();
                    // Whoever came before the bell was armed has rung none.
                    match self.reactor.turn() {
                        Turn::Idle => return Next::Sleep(self.sleep_at_most()),
                        Turn::Stopped => return Next::Stop,
                        Turn::Worked => self.bell.disarm(),
                    }
                    idle_since = None;
                }
            }
        }
    }

    fn sleep_at_most(&self) -> Option<Duration> {
        let wake_at = self.reactor.wake_at()?;
        Some(Duration::from_nanos(wake_at.saturating_sub(self.clock.now_ns())))
    }
}

/// The ending by a panic, with its message.
pub(crate) fn panicked(panic: Box<dyn Any + Send>) -> Ending {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    // What was thrown is of the application, and may panic again where it is dropped.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(panic)));
    Ending::Panicked(text.unwrap_or_else(|| "without a message".to_owned()))
}

/// Runs the coordinator to the end on this thread. A panic ends the database, and shards hear of it.
pub(crate) fn conduct(mut conductor: Conductor, clock: Clock) {
    let turns = catch_unwind(AssertUnwindSafe(|| turn_to_the_end(&mut conductor, clock)));
    if let Err(panic) = turns {
        conductor.stop(panicked(panic));
        turn_to_the_end(&mut conductor, clock);
    }
}

fn turn_to_the_end(conductor: &mut Conductor, clock: Clock) {
    let bell = Arc::clone(conductor.bell());
    loop {
        match conductor.turn() {
            Turn::Worked => continue,
            Turn::Stopped => return,
            Turn::Idle => {}
        }
        bell.arm();
        match conductor.turn() {
            Turn::Worked => bell.disarm(),
            Turn::Stopped => return,
            Turn::Idle => {
                let wake_at = conductor.wake_at();
                let at_most = wake_at.map(|at| at.saturating_sub(clock.now_ns()));
                bell.sleep(at_most.map(Duration::from_nanos));
            }
        }
    }
}
