//! Tables whose places are numbered and used again.
//!
//! Invariant: a place keeps its number as long as something is in it.

use std::ops::Index;

/// A table by id.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Slots<T> {
    places: Vec<Option<T>>,
}

impl<T> Default for Slots<T> {
    fn default() -> Slots<T> {
        Slots { places: Vec::new() }
    }
}

impl<T> Slots<T> {
    /// How many places there are, used or not.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether nothing was ever in it.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// What is in a place.
    pub fn get(&self, at: usize) -> Option<&T> {
        self.places.get(at).and_then(Option::as_ref)
    }

    /// What is in a place, to be changed.
    pub fn get_mut(&mut self, at: usize) -> Option<&mut T> {
        self.places.get_mut(at).and_then(Option::as_mut)
    }

    /// All there is, in the order of places.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.places.iter().flatten()
    }

    /// All there is, each with its place.
    pub fn places(&self) -> impl Iterator<Item = (usize, &T)> {
        self.places.iter().enumerate().filter_map(|(at, place)| Some((at, place.as_ref()?)))
    }

    /// Puts something into the lowest free place; returns that.
    pub fn add(&mut self, item: T) -> usize {
        let at = self.vacancy();
        self.put(at, item);
        at
    }

    /// The lowest free place.
    pub fn vacancy(&self) -> usize {
        let free = self.places.iter().position(Option::is_none);
        free.unwrap_or(self.places.len())
    }

    /// Puts something into a free place.
    pub fn put(&mut self, at: usize, item: T) {
        let places = self.places.len().max(at + 1);
        self.places.resize_with(places, || None);
        assert!(self.places[at].is_none(), "place {at} is taken");
        self.places[at] = Some(item);
    }

    /// Empties a place.
    pub fn take(&mut self, at: usize) -> T {
        self.places[at].take().unwrap_or_else(|| panic!("place {at} is empty"))
    }
}

impl<T> Index<usize> for Slots<T> {
    type Output = T;

    fn index(&self, at: usize) -> &T {
        self.get(at).unwrap_or_else(|| panic!("place {at} is empty"))
    }
}

impl<T> FromIterator<T> for Slots<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Slots<T> {
        Slots { places: items.into_iter().map(Some).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_free_place_is_used_first_and_the_others_keep_their_numbers() {
        let mut slots: Slots<char> = ['a', 'b', 'c'].into_iter().collect();
        assert_eq!((slots.take(0), slots.take(1)), ('a', 'b'));
        assert_eq!(slots.add('d'), 0);
        assert_eq!((slots.len(), slots[2], slots.get(1)), (3, 'c', None));
        assert_eq!(slots.places().collect::<Vec<_>>(), [(0, &'d'), (2, &'c')]);
        assert_eq!((slots.add('e'), slots.add('f')), (1, 3));
    }
}
