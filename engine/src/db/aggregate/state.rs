//! States of aggregates as bytes.

/// What an aggregate keeps of a group: something that is written to a fixed number of bytes, and
/// read from them as it was.
///
/// Numbers, truths, arrays, tuples and options of states are states. A struct is one by way of those:
///
/// ```
/// use sluicedb::db::AggregateState;
///
/// struct Range {
///     low: f64,
///     high: f64,
/// }
///
/// impl AggregateState for Range {
///     const BYTES: usize = <(f64, f64)>::BYTES;
///
///     fn write(&self, bytes: &mut [u8]) {
///         (self.low, self.high).write(bytes);
///     }
///
///     fn read(bytes: &[u8]) -> Range {
///         let (low, high) = AggregateState::read(bytes);
///         Range { low, high }
///     }
/// }
/// ```
///
/// What lies in a directory was written so: another form of it takes another name of the function.
pub trait AggregateState: Sized {
    /// How many bytes it takes.
    const BYTES: usize;

    /// Writes it to so many bytes.
    fn write(&self, bytes: &mut [u8]);

    /// Reads what was written.
    fn read(bytes: &[u8]) -> Self;
}

macro_rules! numbers {
    ($($type:ty)+) => {$(
        impl AggregateState for $type {
            const BYTES: usize = size_of::<$type>();

            #[inline]
            fn write(&self, bytes: &mut [u8]) {
                bytes.copy_from_slice(&self.to_le_bytes());
            }

            #[inline]
            fn read(bytes: &[u8]) -> $type {
                <$type>::from_le_bytes(bytes.try_into().expect("as many bytes as were written"))
            }
        }
    )+};
}

numbers!(u8 u16 u32 u64 u128 i8 i16 i32 i64 i128 f32 f64);

impl AggregateState for bool {
    const BYTES: usize = 1;

    #[inline]
    fn write(&self, bytes: &mut [u8]) {
        bytes[0] = u8::from(*self);
    }

    #[inline]
    fn read(bytes: &[u8]) -> bool {
        bytes[0] != 0
    }
}

impl<T: AggregateState> AggregateState for Option<T> {
    const BYTES: usize = 1 + T::BYTES;

    #[inline]
    fn write(&self, bytes: &mut [u8]) {
        bytes[0] = u8::from(self.is_some());
        match self {
            Some(state) => state.write(&mut bytes[1..]),
            None => bytes[1..].fill(0),
        }
    }

    #[inline]
    fn read(bytes: &[u8]) -> Option<T> {
        (bytes[0] != 0).then(|| T::read(&bytes[1..]))
    }
}

impl<T: AggregateState, const N: usize> AggregateState for [T; N] {
    const BYTES: usize = N * T::BYTES;

    #[inline]
    fn write(&self, bytes: &mut [u8]) {
        for (at, state) in self.iter().enumerate() {
            state.write(&mut bytes[at * T::BYTES..(at + 1) * T::BYTES]);
        }
    }

    #[inline]
    fn read(bytes: &[u8]) -> [T; N] {
        std::array::from_fn(|at| T::read(&bytes[at * T::BYTES..(at + 1) * T::BYTES]))
    }
}

macro_rules! tuple {
    ($($type:ident $at:tt)+) => {
        impl<$($type: AggregateState),+> AggregateState for ($($type,)+) {
            const BYTES: usize = 0 $(+ $type::BYTES)+;

            #[inline]
            fn write(&self, bytes: &mut [u8]) {
                let mut rest = bytes;
                $(
                    let (own, behind) = rest.split_at_mut($type::BYTES);
                    self.$at.write(own);
                    rest = behind;
                )+
                assert!(rest.is_empty(), "as many bytes as it takes");
            }

            #[inline]
            fn read(bytes: &[u8]) -> Self {
                let mut from = 0;
                ($({
                    let own = &bytes[from..from + $type::BYTES];
                    from += $type::BYTES;
                    let state = $type::read(own);
                    assert!(from <= bytes.len(), "as many bytes as were written");
                    state
                },)+)
            }
        }
    };
}

tuple!(A 0);
tuple!(A 0 B 1);
tuple!(A 0 B 1 C 2);
tuple!(A 0 B 1 C 2 D 3);
tuple!(A 0 B 1 C 2 D 3 E 4);
tuple!(A 0 B 1 C 2 D 3 E 4 F 5);
tuple!(A 0 B 1 C 2 D 3 E 4 F 5 G 6);
tuple!(A 0 B 1 C 2 D 3 E 4 F 5 G 6 H 7);

#[cfg(test)]
mod tests {
    use super::*;

    fn same<T: AggregateState + PartialEq + std::fmt::Debug>(state: T, bytes: usize) {
        assert_eq!(T::BYTES, bytes);
        // What was there before must not show through.
        let mut kept = vec![0xff; bytes];
        state.write(&mut kept);
        assert_eq!(T::read(&kept), state);
    }

    #[test]
    fn a_state_is_read_as_it_was_written() {
        same(true, 1);
        same((1_u8, -2_i128, f64::NEG_INFINITY), 25);
        same([Some(7_u32), None], 10);
        same((None::<[f32; 3]>, [(false, 9_i16); 2]), 19);
        same([0_u8; 64], 64);
    }
}
