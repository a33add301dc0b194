//! MIN, MAX, FIRST and LAST over input that never retracts: the best value so far.
//!
//! State: whether there is one, then its sort key.

use std::cmp::Ordering;

use sluicedb_sql::Column;

use crate::core::arena::{Arena, Heap, SlotId};
use crate::core::morsel::Morsel;

use super::sort_key::{SORT_KEY_BYTES_MAX, SortKey, Words, of_f64, of_i64};
use super::{Entry, Group, Store};

const KEY_AT: usize = 1;

/// The least or greatest key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Best {
    pub(super) key: SortKey,
    /// Whether the greatest is wanted.
    pub(super) greatest: bool,
}

impl Best {
    /// Bytes of the state.
    pub(super) fn bytes(&self) -> usize {
        KEY_AT + self.key.bytes()
    }

    pub(super) fn update(&self, store: &mut Store<'_>, morsel: &Morsel, entries: &[Entry]) {
        match self.key.words(morsel) {
            Some(Words::I64(values)) => {
                return self.offer_words(store, entries, |row| of_i64(values[row]));
            }
            Some(Words::F64(values)) => {
                return self.offer_words(store, entries, |row| of_f64(values[row]));
            }
            None => {}
        }
        self.key.each(morsel, entries, |entry, key, text| {
            if self.key.is_text() {
                return self.offer(store, entry.group, key, text);
            }
            let kept = &mut store.state_mut(entry.group)[..KEY_AT + key.len()];
            let better = match self.greatest {
                true => key > &kept[KEY_AT..],
                false => key < &kept[KEY_AT..],
            };
            if better || kept[0] == 0 {
                kept[0] = 1;
                kept[KEY_AT..].copy_from_slice(key);
            }
        });
    }

    /// Offers a key of eight bytes of each row. Whether it is better hangs on the data, so both
    /// outcomes write: a branch would be guessed wrong too often.
    #[inline]
    fn offer_words(
        &self,
        store: &mut Store<'_>,
        entries: &[Entry],
        key: impl Fn(usize) -> [u8; 8],
    ) {
        for entry in entries {
            let key = u64::from_be_bytes(key(entry.row as usize));
            let [any, kept_bytes @ ..] = store.entry_mut::<{ KEY_AT + 8 }>(entry);
            let kept = u64::from_be_bytes(*kept_bytes);
            let best = if self.greatest { kept.max(key) } else { kept.min(key) };
            let best = if *any == 0 { key } else { best };
            *any = 1;
            *kept_bytes = best.to_be_bytes();
        }
    }

    /// Keeps the key if it is better than the one that is there.
    #[inline]
    fn offer(&self, store: &mut Store<'_>, group: Group, key: &[u8], text: &[u8]) {
        assert!(group.slot != SlotId::NONE, "a group has a slot");
        let heap = store.heap(group.pane);
        let state = store.state(group);
        let kept = &state[KEY_AT..][..key.len()];
        let mut old = None;
        if state[0] != 0 {
            let wanted = if self.greatest { Ordering::Less } else { Ordering::Greater };
            if self.key.compare(store.arena, heap, kept, key, text) != wanted {
                return;
            }
            old = self.key.place(kept);
        }
        if let Some((place, _)) = old {
            heap.free(store.arena, place);
        }
        let mut buffer = [0; SORT_KEY_BYTES_MAX];
        let kept = &mut buffer[..key.len()];
        kept.copy_from_slice(key);
        if self.key.place(key).is_some() {
            let place = heap.insert(store.arena, text);
            self.key.set_place(kept, place);
        }
        let state = store.state_mut(group);
        state[0] = 1;
        state[KEY_AT..][..kept.len()].copy_from_slice(kept);
    }

    /// Offers one group's best to another, where it is no text.
    pub(super) fn merge_plain(&self, from: &[u8], into: &mut [u8]) {
        if from[0] == 0 {
            return;
        }
        let kept = &mut into[..from.len()];
        let better = match self.greatest {
            true => from[KEY_AT..] > kept[KEY_AT..],
            false => from[KEY_AT..] < kept[KEY_AT..],
        };
        if better || kept[0] == 0 {
            kept.copy_from_slice(from);
        }
    }

    /// Offers one group's best to another.
    pub(super) fn merge(
        &self,
        store: &mut Store<'_>,
        from: Group,
        into: Group,
        text: &mut Vec<u8>,
    ) {
        let mut buffer = [0; SORT_KEY_BYTES_MAX];
        let key = &mut buffer[..self.key.bytes()];
        if self.take_out(store, from, key, text) {
            self.offer(store, into, key, text);
        }
    }

    /// Offers one group's best to one of another shard.
    pub(super) fn carry(
        &self,
        (store, from): (&Store<'_>, Group),
        (there, into): (&mut Store<'_>, Group),
        text: &mut Vec<u8>,
    ) {
        let mut buffer = [0; SORT_KEY_BYTES_MAX];
        let key = &mut buffer[..self.key.bytes()];
        if self.take_out(store, from, key, text) {
            self.offer(there, into, key, text);
        }
    }

    /// Copies a group's best, as it can be offered to another; false where there is none.
    fn take_out(&self, store: &Store<'_>, from: Group, key: &mut [u8], text: &mut Vec<u8>) -> bool {
        let state = store.state(from);
        if state[0] == 0 {
            return false;
        }
        key.copy_from_slice(&state[KEY_AT..][..self.key.bytes()]);
        self.key.text_into(store.arena, store.heap(from.pane), key, text);
        if self.key.place(key).is_some() {
            self.key.set_place(key, super::sort_key::PROBE);
        }
        true
    }

    /// Frees the text of a group that is freed next.
    pub(super) fn let_go(&self, store: &mut Store<'_>, group: Group) {
        let state = store.state(group);
        let place = if state[0] == 0 { None } else { self.key.place(&state[KEY_AT..]) };
        if let Some((place, _)) = place {
            store.heap(group.pane).free(store.arena, place);
            store.state_mut(group)[0] = 0;
        }
    }

    /// Bytes of text that merging the group may copy.
    pub(super) fn text_bytes(&self, store: &Store<'_>, group: Group) -> usize {
        let state = store.state(group);
        let place = if state[0] == 0 { None } else { self.key.place(&state[KEY_AT..]) };
        place.map_or(0, |(_, len)| len)
    }

    /// Appends the value.
    pub(super) fn push(&self, arena: &Arena, heap: Heap, state: &[u8], out: &mut Column) {
        if state[0] == 0 {
            return out.push_null();
        }
        self.key.push(arena, heap, &state[KEY_AT..][..self.key.bytes()], out);
    }
}
