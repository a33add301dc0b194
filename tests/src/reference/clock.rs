//! How far sources and feeders have come, epoch by epoch.

/// A source is at the least of its feeders that are attached and not idle, and never goes back.
#[derive(Clone, Debug)]
pub struct Clocks {
    /// By source: its watermark at the end of the last epoch; `i64::MIN` where there is none.
    pub sources: Vec<i64>,
    /// By feeder.
    pub feeders: Vec<FeederClock>,
}

/// One feeder.
#[derive(Clone, Copy, Debug)]
pub struct FeederClock {
    /// What it feeds.
    pub source: usize,
    /// Its watermark at the end of the last epoch.
    pub watermark: i64,
    /// Whether it counts.
    pub attached: bool,
    /// Whether it ever did.
    pub known: bool,
    /// Whether nobody waits for it though it is attached.
    pub idle: bool,
    /// What it pushes below this is late: where its source was when it was last idle.
    pub floor: i64,
}

/// What happens to a feeder at the end of an epoch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// It counts from here on.
    Attach(usize),
    /// It counts no more.
    Detach(usize),
    /// It is there, and not waited for.
    Idle(usize),
    /// It is waited for again.
    Wake(usize),
    /// A source goes on by so much if nobody is waited for.
    Advance(usize, i64),
}

impl Clocks {
    /// Nothing has been promised; one source a feeder.
    pub fn new(sources: usize, feeders: impl Iterator<Item = usize>) -> Clocks {
        let feeder = |source| FeederClock {
            source,
            watermark: i64::MIN,
            attached: false,
            known: false,
            idle: false,
            floor: i64::MIN,
        };
        Clocks { sources: vec![i64::MIN; sources], feeders: feeders.map(feeder).collect() }
    }

    /// The same when the database is opened again: nobody is attached.
    pub fn detached(mut self) -> Clocks {
        for feeder in &mut self.feeders {
            (feeder.attached, feeder.idle, feeder.floor) = (false, false, i64::MIN);
        }
        self
    }

    /// A feeder is at least there.
    pub fn reach(&mut self, feeder: usize, watermark: i64) {
        let feeder = &mut self.feeders[feeder];
        feeder.watermark = feeder.watermark.max(watermark);
    }

    /// An epoch ends in which feeders have come this far.
    pub fn end(&mut self, watermarks: &[i64], changes: &[Change]) {
        for (feeder, watermark) in watermarks.iter().enumerate() {
            self.reach(feeder, *watermark);
        }
        self.advance();
        let mut fewer = Vec::new();
        for change in changes {
            match *change {
                Change::Detach(feeder) => {
                    let feeder = &mut self.feeders[feeder];
                    (feeder.attached, feeder.idle, feeder.floor) = (false, false, i64::MIN);
                    fewer.push(feeder.source);
                }
                Change::Idle(feeder) => {
                    self.feeders[feeder].idle = true;
                    fewer.push(self.feeders[feeder].source);
                }
                Change::Wake(feeder) => {
                    let reached = self.sources[self.feeders[feeder].source];
                    self.reach(feeder, reached);
                    (self.feeders[feeder].idle, self.feeders[feeder].floor) = (false, reached);
                }
                Change::Attach(_) | Change::Advance(..) => {}
            }
        }
        self.advance();
        fewer.into_iter().for_each(|source| self.wait_for_nobody(source));
        for change in changes {
            if let Change::Advance(source, by_us) = *change
                && self.attached(source).all(|feeder| feeder.idle)
                && self.sources[source] != i64::MIN
            {
                self.sources[source] += by_us;
            }
        }
        let floors = self.sources.clone();
        for change in changes {
            if let Change::Attach(feeder) = *change {
                self.reach(feeder, floors[self.feeders[feeder].source]);
                let feeder = &mut self.feeders[feeder];
                (feeder.attached, feeder.known) = (true, true);
                (feeder.idle, feeder.floor) = (false, i64::MIN);
            }
        }
        self.advance();
        for feeder in self.feeders.iter_mut().filter(|feeder| feeder.idle) {
            feeder.floor = self.sources[feeder.source];
        }
    }

    fn attached(&self, source: usize) -> impl Iterator<Item = &FeederClock> {
        self.feeders.iter().filter(move |feeder| feeder.attached && feeder.source == source)
    }

    /// A source all of whose feeders are idle is where the furthest of them is.
    fn wait_for_nobody(&mut self, source: usize) {
        if self.attached(source).all(|feeder| feeder.idle)
            && let Some(furthest) = self.attached(source).map(|feeder| feeder.watermark).max()
        {
            self.sources[source] = self.sources[source].max(furthest);
        }
    }

    fn advance(&mut self) {
        for (source, watermark) in self.sources.iter_mut().enumerate() {
            let counts = |feeder: &&FeederClock| feeder.attached && !feeder.idle;
            let mine = self.feeders.iter().filter(counts).filter(|feeder| feeder.source == source);
            if let Some(least) = mine.map(|feeder| feeder.watermark).min() {
                *watermark = least.max(*watermark);
            }
        }
    }
}
