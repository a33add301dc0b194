//! How far sources and feeders have come, epoch by epoch.

/// A source and its feeders are at the least of the feeders that are attached, and never go back.
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
}

/// What happens to a feeder at the end of an epoch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Change {
    /// It counts from here on.
    Attach(usize),
    /// It counts no more.
    Detach(usize),
}

impl Clocks {
    /// Nothing has been promised; one source a feeder.
    pub fn new(sources: usize, feeders: impl Iterator<Item = usize>) -> Clocks {
        let feeder =
            |source| FeederClock { source, watermark: i64::MIN, attached: false, known: false };
        Clocks { sources: vec![i64::MIN; sources], feeders: feeders.map(feeder).collect() }
    }

    /// The same when the database is opened again: nobody is attached.
    pub fn detached(mut self) -> Clocks {
        self.feeders.iter_mut().for_each(|feeder| feeder.attached = false);
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
        for change in changes {
            if let Change::Detach(feeder) = change {
                self.feeders[*feeder].attached = false;
            }
        }
        self.advance();
        let floors = self.sources.clone();
        for change in changes {
            if let Change::Attach(feeder) = *change {
                self.reach(feeder, floors[self.feeders[feeder].source]);
                let feeder = &mut self.feeders[feeder];
                (feeder.attached, feeder.known) = (true, true);
            }
        }
        self.advance();
    }

    fn advance(&mut self) {
        for (source, watermark) in self.sources.iter_mut().enumerate() {
            let mine =
                self.feeders.iter().filter(|feeder| feeder.attached && feeder.source == source);
            if let Some(least) = mine.map(|feeder| feeder.watermark).min() {
                *watermark = least.max(*watermark);
            }
        }
    }
}
