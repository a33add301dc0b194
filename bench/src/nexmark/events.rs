//! The events: the same for ever, because the generator draws each from its number.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringViewArray, TimestampMicrosecondArray};
use nexmark::EventGenerator;
use nexmark::config::NexmarkConfig;
use nexmark::event::{Auction, Bid, Event, Person};

/// 2015-07-15 00:00:00, in milliseconds: when the first event is.
const FIRST_MS: u64 = 1_436_918_400_000;
/// Ten events a millisecond become one in six: 100 000 take ten minutes of event time.
const STRETCH: u64 = 60;
/// Within so many events all are out of order: three seconds, where watermarks are four behind.
const GROUP: usize = 500;

/// How events arrive.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// By their time.
    Sorted,
    /// Each group of them shuffled. None is late.
    Shuffled,
}

impl Order {
    /// Both.
    pub const ALL: [Order; 2] = [Order::Sorted, Order::Shuffled];

    /// As a figure says it.
    pub fn name(self) -> &'static str {
        match self {
            Order::Sorted => "in order",
            Order::Shuffled => "out of order",
        }
    }
}

/// The first events, each kind in the order in which it arrives.
#[derive(Debug, Default)]
pub struct Events {
    persons: Vec<Person>,
    auctions: Vec<Auction>,
    bids: Vec<Bid>,
}

/// What the events of one kind go into.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// New persons.
    Person,
    /// New auctions.
    Auction,
    /// Bids.
    Bid,
}

impl Source {
    /// All of them.
    pub const ALL: [Source; 3] = [Source::Person, Source::Auction, Source::Bid];

    /// As SQL calls it.
    pub fn name(self) -> &'static str {
        match self {
            Source::Person => "person",
            Source::Auction => "auction",
            Source::Bid => "bid",
        }
    }
}

impl Events {
    /// The first `count` events, the last of which end a group where they are shuffled.
    pub fn first(count: usize, order: Order) -> Events {
        let mut config = NexmarkConfig { base_time: 0, ..NexmarkConfig::default() };
        if order == Order::Shuffled {
            assert!(count.is_multiple_of(GROUP), "the last group is whole, so that the set is");
            config.out_of_order_group_size = GROUP;
        }
        let mut events = Events::default();
        for event in EventGenerator::new(config).take(count) {
            match event {
                Event::Person(mut person) => {
                    person.date_time = moved(person.date_time);
                    events.persons.push(person);
                }
                Event::Auction(mut auction) => {
                    auction.date_time = moved(auction.date_time);
                    auction.expires = moved(auction.expires);
                    events.auctions.push(auction);
                }
                Event::Bid(mut bid) => {
                    bid.date_time = moved(bid.date_time);
                    events.bids.push(bid);
                }
            }
        }
        events
    }

    /// How many events of a kind there are.
    pub fn count(&self, of: Source) -> usize {
        match of {
            Source::Person => self.persons.len(),
            Source::Auction => self.auctions.len(),
            Source::Bid => self.bids.len(),
        }
    }

    /// The events of a kind as Arrow has them, so many rows a batch. Nobody else holds the buffers.
    pub fn batches(&self, of: Source, rows: usize) -> Vec<RecordBatch> {
        match of {
            Source::Person => self.persons.chunks(rows).map(persons).collect(),
            Source::Auction => self.auctions.chunks(rows).map(auctions).collect(),
            Source::Bid => self.bids.chunks(rows).map(bids).collect(),
        }
    }
}

/// A time of the generator, which begins at zero.
fn moved(ms: u64) -> u64 {
    FIRST_MS + ms * STRETCH
}

fn numbers<T>(rows: &[T], of: impl Fn(&T) -> usize) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| of(row) as i64)))
}

fn texts<T>(rows: &[T], of: impl Fn(&T) -> &String) -> ArrayRef {
    Arc::new(StringViewArray::from_iter_values(rows.iter().map(of)))
}

fn times<T>(rows: &[T], of: impl Fn(&T) -> u64) -> ArrayRef {
    let us = rows.iter().map(|row| of(row) as i64 * 1000);
    Arc::new(TimestampMicrosecondArray::from_iter_values(us))
}

fn batch<const N: usize>(columns: [(&str, ArrayRef); N]) -> RecordBatch {
    let nullable = columns.map(|(name, array)| (name, array, true));
    RecordBatch::try_from_iter_with_nullable(nullable).expect("columns of one length")
}

fn persons(rows: &[Person]) -> RecordBatch {
    batch([
        ("id", numbers(rows, |row| row.id)),
        ("name", texts(rows, |row| &row.name)),
        ("email_address", texts(rows, |row| &row.email_address)),
        ("credit_card", texts(rows, |row| &row.credit_card)),
        ("city", texts(rows, |row| &row.city)),
        ("state", texts(rows, |row| &row.state)),
        ("date_time", times(rows, |row| row.date_time)),
        ("extra", texts(rows, |row| &row.extra)),
    ])
}

fn auctions(rows: &[Auction]) -> RecordBatch {
    batch([
        ("id", numbers(rows, |row| row.id)),
        ("item_name", texts(rows, |row| &row.item_name)),
        ("description", texts(rows, |row| &row.description)),
        ("initial_bid", numbers(rows, |row| row.initial_bid)),
        ("reserve", numbers(rows, |row| row.reserve)),
        ("date_time", times(rows, |row| row.date_time)),
        ("expires", times(rows, |row| row.expires)),
        ("seller", numbers(rows, |row| row.seller)),
        ("category", numbers(rows, |row| row.category)),
        ("extra", texts(rows, |row| &row.extra)),
    ])
}

fn bids(rows: &[Bid]) -> RecordBatch {
    batch([
        ("auction", numbers(rows, |row| row.auction)),
        ("bidder", numbers(rows, |row| row.bidder)),
        ("price", numbers(rows, |row| row.price)),
        ("channel", texts(rows, |row| &row.channel)),
        ("url", texts(rows, |row| &row.url)),
        ("date_time", times(rows, |row| row.date_time)),
        ("extra", texts(rows, |row| &row.extra)),
    ])
}
