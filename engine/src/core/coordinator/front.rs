//! What a manifest holds beside its parts, as bytes, little endian: the form (4 bytes), the plan (16),
//! the length of the history (4), the history, the count of sources (2), the watermark of each source
//! (8), the count of sinks (2), how far each had come (20), the count of producers with names (4), the
//! feeder (4), the source (2) and the name (1 byte for its length) of each, and how far each feeder had
//! come (47).

use std::sync::Arc;

use crate::core::effect::{FeederMark, ProducerMark, SinkMark};
use crate::core::feeder::Position;
use crate::core::ids::{FeederId, SourceId, Time, ViewId};
use crate::core::limits::PRODUCER_NAME_BYTES_MAX;

/// Counts the changes of the form. Form 1 had no such number, no sources, and feeders without theirs;
/// form 2 had no history; form 3, which is still read, had no positions and no sinks; form 4, which is
/// read too, had no producers.
const FORM: u32 = 5;
const FORM_WITHOUT_PRODUCERS: u32 = 4;
const FORM_WITHOUT_POSITIONS: u32 = 3;
const MARK_BYTES: usize = 47;
/// What a mark consists of beside the position.
const MARK_HEAD_BYTES: usize = 30;
const SINK_BYTES: usize = 20;

/// What a manifest says of all shards together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Front {
    /// Names the operators whose state is kept.
    pub plan: u128,
    /// How the graph came about, in the words of whoever changes it.
    pub history: Arc<[u8]>,
    /// The watermark of each source.
    pub sources: Vec<Time>,
    /// How far each sink had come that writes in step with checkpoints.
    pub sinks: Vec<SinkMark>,
    /// The feeders that belong to producers with names.
    pub producers: Vec<ProducerMark>,
    /// How far each feeder had come, by id.
    pub feeders: Vec<FeederMark>,
}

impl Front {
    /// As bytes.
    pub fn encode(&self) -> Vec<u8> {
        let Front { plan, history, sources, sinks, producers, feeders } = self;
        let bytes = 32
            + sinks.len() * SINK_BYTES
            + history.len()
            + sources.len() * 8
            + producers.iter().map(|producer| 7 + producer.name.len()).sum::<usize>()
            + feeders.len() * MARK_BYTES;
        let mut out = Vec::with_capacity(bytes);
        out.extend(FORM.to_le_bytes());
        out.extend(plan.to_le_bytes());
        let length = u32::try_from(history.len()).expect("a history is bounded");
        out.extend(length.to_le_bytes());
        out.extend_from_slice(history);
        let count = u16::try_from(sources.len()).expect("sources are numbered in 16 bits");
        out.extend(count.to_le_bytes());
        sources.iter().for_each(|time| out.extend(time.0.to_le_bytes()));
        let count = u16::try_from(sinks.len()).expect("views are numbered in 16 bits");
        out.extend(count.to_le_bytes());
        for &SinkMark { sink, position, failed } in sinks {
            out.extend(sink.0.to_le_bytes());
            out.push(u8::from(failed));
            encode_position(position, &mut out);
        }
        let count = u32::try_from(producers.len()).expect("feeders are bounded");
        out.extend(count.to_le_bytes());
        for ProducerMark { feeder, source, name } in producers {
            out.extend(feeder.0.to_le_bytes());
            out.extend(source.0.to_le_bytes());
            out.push(u8::try_from(name.len()).expect("longer names are refused"));
            out.extend(name.as_bytes());
        }
        for &FeederMark { feeder, source, sequence, watermark, rows_numbered, position } in feeders
        {
            out.extend(feeder.0.to_le_bytes());
            out.extend(source.0.to_le_bytes());
            out.extend(sequence.to_le_bytes());
            out.extend(watermark.0.to_le_bytes());
            out.extend(rows_numbered.to_le_bytes());
            encode_position(position, &mut out);
        }
        out
    }

    /// The front that the bytes hold, if they are one.
    pub fn decode(bytes: &[u8]) -> Option<Front> {
        let (form, rest) = bytes.split_first_chunk()?;
        let form = u32::from_le_bytes(*form);
        let mark_bytes = match form {
            FORM | FORM_WITHOUT_PRODUCERS => MARK_BYTES,
            FORM_WITHOUT_POSITIONS => MARK_HEAD_BYTES,
            _ => return None,
        };
        let (plan, rest) = rest.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let (history, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        let (count, rest) = rest.split_first_chunk()?;
        let count = usize::from(u16::from_le_bytes(*count));
        let (sources, mut marks) = rest.split_at_checked(count * 8)?;
        let (sources, _) = sources.as_chunks::<8>();
        let mut sinks = Vec::new();
        if mark_bytes == MARK_BYTES {
            let (count, rest) = marks.split_first_chunk()?;
            let bytes = usize::from(u16::from_le_bytes(*count)) * SINK_BYTES;
            let (told, rest) = rest.split_at_checked(bytes)?;
            sinks = told.chunks(SINK_BYTES).map(sink).collect::<Option<_>>()?;
            marks = rest;
        }
        let mut producers = Vec::new();
        if form == FORM {
            (producers, marks) = producers_of(marks)?;
        }
        let marks = marks.chunks(mark_bytes).map(|bytes| {
            let (head, tail) = bytes.split_first_chunk()?;
            let position = if mark_bytes == MARK_BYTES { position(tail)? } else { None };
            Some(FeederMark { position, ..mark(head) })
        });
        let feeders: Vec<FeederMark> = marks.collect::<Option<_>>()?;
        let counts = |(at, mark): (usize, &FeederMark)| {
            mark.feeder.index() == at && mark.source.index() < count
        };
        let known = |producer: &ProducerMark| {
            producer.feeder.index() < feeders.len() && producer.source.index() < count
        };
        let whole = feeders.iter().enumerate().all(counts) && producers.iter().all(known);
        whole.then(|| Front {
            plan: u128::from_le_bytes(*plan),
            history: history.into(),
            sources: sources.iter().map(|time| Time(i64::from_le_bytes(*time))).collect(),
            sinks,
            producers,
            feeders,
        })
    }
}

/// The producers with names, and what stands behind them.
fn producers_of(bytes: &[u8]) -> Option<(Vec<ProducerMark>, &[u8])> {
    let (count, mut rest) = bytes.split_first_chunk()?;
    let mut producers = Vec::new();
    for _ in 0..u32::from_le_bytes(*count) {
        let (feeder, behind) = rest.split_first_chunk()?;
        let (source, behind) = behind.split_first_chunk()?;
        let (length, behind) = behind.split_first()?;
        let (name, behind) = behind.split_at_checked(usize::from(*length))?;
        let feeder = FeederId(u32::from_le_bytes(*feeder));
        let source = SourceId(u16::from_le_bytes(*source));
        let name = std::str::from_utf8(name).ok()?.into();
        producers.push(ProducerMark { feeder, source, name });
        rest = behind;
    }
    Some((producers, rest))
}

const _: () = assert!(PRODUCER_NAME_BYTES_MAX <= u8::MAX as usize);

fn sink(bytes: &[u8]) -> Option<SinkMark> {
    let (id, rest) = bytes.split_first_chunk()?;
    let (failed, rest) = rest.split_first()?;
    let (sink, position) = (ViewId(u16::from_le_bytes(*id)), position(rest)?);
    (*failed <= 1).then_some(SinkMark { sink, position, failed: *failed == 1 })
}

fn encode_position(position: Option<Position>, out: &mut Vec<u8>) {
    out.push(u8::from(position.is_some()));
    let Position { offset, check } = position.unwrap_or(Position { offset: 0, check: 0 });
    out.extend(offset.to_le_bytes());
    out.extend(check.to_le_bytes());
}

fn position(bytes: &[u8]) -> Option<Option<Position>> {
    let (told, rest) = bytes.split_first()?;
    let (words, []) = rest.as_chunks::<8>() else { return None };
    let &[offset, check] = words else { return None };
    let [offset, check] = [offset, check].map(u64::from_le_bytes);
    match told {
        0 if offset == 0 && check == 0 => Some(None),
        1 => Some(Some(Position { offset, check })),
        _ => None,
    }
}

fn mark(bytes: &[u8; MARK_HEAD_BYTES]) -> FeederMark {
    let (feeder, rest) = bytes.split_first_chunk().expect("30 bytes");
    let (source, rest) = rest.split_first_chunk().expect("26 bytes");
    let (words, _) = rest.as_chunks::<8>();
    FeederMark {
        feeder: FeederId(u32::from_le_bytes(*feeder)),
        source: SourceId(u16::from_le_bytes(*source)),
        sequence: u64::from_le_bytes(words[0]),
        watermark: Time(i64::from_le_bytes(words[1])),
        rows_numbered: u64::from_le_bytes(words[2]),
        position: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_front_is_read_back_and_anything_shorter_or_of_another_form_is_refused() {
        let mark = |feeder, source| FeederMark {
            sequence: 7,
            watermark: Time(-5),
            rows_numbered: 1 << 40,
            ..FeederMark::start(FeederId(feeder), SourceId(source))
        };
        let named = |feeder, source, name: &str| ProducerMark {
            feeder: FeederId(feeder),
            source: SourceId(source),
            name: name.into(),
        };
        let position = Some(Position { offset: 1 << 50, check: 9 });
        let front = Front {
            plan: 3,
            history: Arc::from(*b"CREATE"),
            sources: vec![Time::MIN, Time(-5)],
            sinks: vec![
                SinkMark { sink: ViewId(2), position, failed: true },
                SinkMark { sink: ViewId(5), position: None, failed: false },
            ],
            producers: vec![named(1, 0, "orders"), named(0, 1, "gates")],
            feeders: vec![mark(0, 1), FeederMark { position, ..mark(1, 0) }],
        };
        let bytes = front.encode();
        assert_eq!(Front::decode(&bytes), Some(front.clone()));
        for cut in (0..bytes.len()).filter(|cut| !(bytes.len() - cut).is_multiple_of(MARK_BYTES)) {
            assert_eq!(Front::decode(&bytes[..cut]), None, "{cut} bytes");
        }
        assert_eq!(Front::decode(&bytes[4..]), None, "form 1 began with the plan");
        let older = [&2_u32.to_le_bytes()[..], &bytes[4..]].concat();
        assert_eq!(Front::decode(&older), None, "form 2 had no history");
        let strange = Front { feeders: vec![mark(0, 2)], ..front.clone() };
        assert_eq!(Front::decode(&strange.encode()), None, "there is no source 2");
        let strange = Front { producers: vec![named(2, 0, "orders")], ..front.clone() };
        assert_eq!(Front::decode(&strange.encode()), None, "there is no feeder 2");
        let mut doubtful = bytes.clone();
        doubtful[bytes.len() - 17] = 2;
        assert_eq!(Front::decode(&doubtful), None, "a position is there or not");
    }

    #[test]
    fn a_front_of_form_3_has_no_positions_and_one_of_form_4_no_producers() {
        let first = FeederMark {
            sequence: 7,
            watermark: Time(-5),
            ..FeederMark::start(FeederId(0), SourceId(0))
        };
        let second = FeederMark::start(FeederId(1), SourceId(0));
        let (history, sources) = (Arc::from(*b"CREATE"), vec![Time(4)]);
        let (sinks, producers, feeders) = (Vec::new(), Vec::new(), vec![first, second]);
        let front = Front { plan: 3, history, sources, sinks, producers, feeders };
        let bytes = front.encode();
        let (head, marks) = bytes.split_at(bytes.len() - 2 * MARK_BYTES);
        let form_4 = [&4_u32.to_le_bytes()[..], &head[4..head.len() - 4], marks].concat();
        assert_eq!(Front::decode(&form_4), Some(front.clone()), "form 4 had no producers");
        let head = &head[..head.len() - 6];
        let marks = marks.chunks(MARK_BYTES).flat_map(|mark| &mark[..MARK_HEAD_BYTES]).copied();
        let older = [&3_u32.to_le_bytes()[..], &head[4..]].concat().into_iter().chain(marks);
        assert_eq!(Front::decode(&older.collect::<Vec<u8>>()), Some(front));
    }
}
