//! Values for the parameters of a prepared statement.

use sluicedb_sql::{Interval, Json, Value};

use super::time::{Date, Time, Timestamptz};

/// Values for the parameters of a prepared statement, in their order: one value, a tuple or a slice
/// of them, or `()` for none. `Option` stands for what may be NULL, and [`Value`] for any type.
///
/// A number fits a parameter of another type of numbers that holds it exactly. An `i64` is also the
/// microseconds of a TIME, TIMESTAMP or TIMESTAMPTZ.
pub trait Parameters {
    /// Adds the values.
    fn write(&self, to: &mut Vec<Value>);
}

/// One Rust type that is one value.
macro_rules! parameter {
    ($type:ty, |$value:ident| $made:expr) => {
        impl Parameters for $type {
            #[inline]
            fn write(&self, to: &mut Vec<Value>) {
                let $value = self;
                to.push($made);
            }
        }
    };
}

parameter!(bool, |value| Value::Boolean(*value));
parameter!(i16, |value| Value::SmallInt(*value));
parameter!(i32, |value| Value::Int(*value));
parameter!(i64, |value| Value::BigInt(*value));
parameter!(f32, |value| Value::Real(*value));
parameter!(f64, |value| Value::Double(*value));
parameter!(str, |value| Value::text(value));
parameter!(String, |value| Value::text(value));
parameter!([u8], |value| Value::bytea(value));
parameter!(Vec<u8>, |value| Value::bytea(value));
parameter!(Date, |value| Value::Date(value.0));
parameter!(Time, |value| Value::Time(value.0));
parameter!(Timestamptz, |value| Value::TimestampTz(value.0));
parameter!(Interval, |value| Value::Interval(*value));
parameter!(Json, |value| Value::Json(value.clone()));
parameter!(Value, |value| value.clone());

impl<P: Parameters + ?Sized> Parameters for &P {
    #[inline]
    fn write(&self, to: &mut Vec<Value>) {
        P::write(self, to);
    }
}

impl<P: Parameters> Parameters for Option<P> {
    fn write(&self, to: &mut Vec<Value>) {
        match self {
            Some(value) => value.write(to),
            None => to.push(Value::Null),
        }
    }
}

impl<P: Parameters> Parameters for [P] {
    fn write(&self, to: &mut Vec<Value>) {
        self.iter().for_each(|value| value.write(to));
    }
}

impl<P: Parameters> Parameters for Vec<P> {
    fn write(&self, to: &mut Vec<Value>) {
        self.as_slice().write(to);
    }
}

impl<P: Parameters, const N: usize> Parameters for [P; N] {
    fn write(&self, to: &mut Vec<Value>) {
        self.as_slice().write(to);
    }
}

/// Tuples of so many.
macro_rules! tuples {
    ($(($($name:ident)*))*) => {
        $(
            impl<$($name: Parameters),*> Parameters for ($($name,)*) {
                #[inline]
                #[expect(non_snake_case, reason = "members are named by their types")]
                fn write(&self, to: &mut Vec<Value>) {
                    let ($($name,)*) = self;
                    $($name.write(to);)*
                }
            }
        )*
    };
}

impl Parameters for () {
    fn write(&self, _: &mut Vec<Value>) {}
}

tuples! {
    (A)
    (A B)
    (A B C)
    (A B C D)
    (A B C D E)
    (A B C D E F)
    (A B C D E F G)
    (A B C D E F G H)
    (A B C D E F G H I)
    (A B C D E F G H I J)
    (A B C D E F G H I J K)
    (A B C D E F G H I J K L)
}
