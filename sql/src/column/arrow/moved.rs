//! Buffers out of arrays: moved where nobody else holds them, else copied.

use std::sync::Arc;

use arrow::array::GenericByteViewArray;
use arrow::buffer::{BooleanBuffer, Buffer, ScalarBuffer};
use arrow::datatypes::{ArrowNativeType, ByteViewType};

use crate::column::{Bitmap, Text};
use crate::limits::HEAP_BYTES_MAX;

/// A buffer moves only if it holds at most this beyond twice its values: one row cut out of a large
/// batch must not keep the memory of all of them.
const SPARE_BYTES_MAX: usize = 64 << 10;

/// The values of a buffer.
pub(super) fn values<T: ArrowNativeType>(values: ScalarBuffer<T>) -> Vec<T> {
    take(values.into_inner()).unwrap_or_else(|buffer| buffer.typed_data().to_vec())
}

/// The buffer itself, if it is whole, ours to change, aligned for `T` and not mostly unused.
fn take<T: ArrowNativeType>(buffer: Buffer) -> Result<Vec<T>, Buffer> {
    let wasteful = buffer.capacity() > 2 * buffer.len() + SPARE_BYTES_MAX;
    if wasteful { Err(buffer) } else { buffer.into_vec() }
}

/// Arrow counts bits from the lowest one of the first byte, which is how words of little-endian
/// machines count them.
pub(super) fn bits(bits: BooleanBuffer) -> Bitmap {
    let len = bits.len();
    let whole = bits.offset() == 0 && bits.inner().len() >= len.div_ceil(64) * size_of::<u64>();
    let copied = |bits: &BooleanBuffer| bits.bit_chunks().iter_padded().collect();
    if !whole {
        return Bitmap::of_words(copied(&bits), len);
    }
    let words = match take::<u64>(bits.into_inner()) {
        Ok(mut words) => {
            words.iter_mut().for_each(|word| *word = u64::from_le(*word));
            words
        }
        Err(buffer) => copied(&BooleanBuffer::new(buffer, 0, len)),
    };
    Bitmap::of_words(words, len)
}

/// The texts of an array; texts of NULLs are whatever they are. `None` where the views cannot be
/// taken as they are, because long texts lie in several buffers or in one that is mostly unused or
/// too large.
pub(super) fn texts<T: ByteViewType>(
    array: GenericByteViewArray<T>,
) -> Result<Text, GenericByteViewArray<T>> {
    let long: usize = array.lengths().filter(|len| *len > 12).map(|len| len as usize).sum();
    let movable = |heap: &Buffer| {
        heap.capacity() <= 2 * long + SPARE_BYTES_MAX && heap.len() <= HEAP_BYTES_MAX
    };
    match array.data_buffers() {
        _ if long == 0 => {}
        [heap] if movable(heap) => {}
        _ => return Err(array),
    }
    let (views, mut buffers, _) = array.into_parts();
    let heap = match Arc::get_mut(&mut buffers) {
        _ if long == 0 => Vec::new(),
        // A buffer of nothing would have to be made, so that the one of the views stands in for it.
        Some(owned) => values(std::mem::replace(&mut owned[0], views.inner().clone()).into()),
        None => buffers[0].to_vec(),
    };
    // The views have one owner again.
    drop(buffers);
    Ok(Text::of_views(values(views), heap))
}
