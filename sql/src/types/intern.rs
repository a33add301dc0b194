//! Descriptions of nested types that live as long as the process, each there once.
//!
//! What is interned is never given back, so that a type can be a plain copy. There are at most
//! [`TYPES_MAX`] descriptions: a statement beyond that is refused.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use super::{DataType, StructField, StructType};
use crate::error::SqlError;
use crate::limits::TYPES_MAX;

static TYPES: Mutex<BTreeSet<&'static DataType>> = Mutex::new(BTreeSet::new());
static STRUCTS: Mutex<BTreeSet<&'static StructType>> = Mutex::new(BTreeSet::new());

/// The one description of a type.
pub(super) fn data_type(wanted: DataType) -> Result<&'static DataType, SqlError> {
    // A thread that panicked while it held the lock left a whole set: one insert changes it.
    let mut known = TYPES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(found) = known.get(&wanted) {
        return Ok(found);
    }
    check_room(known.len())?;
    let leaked: &'static DataType = Box::leak(Box::new(wanted));
    known.insert(leaked);
    Ok(leaked)
}

/// The one description of a struct.
pub(super) fn structure(fields: &[(&str, DataType)]) -> Result<&'static StructType, SqlError> {
    let mut known = STRUCTS.lock().unwrap_or_else(PoisonError::into_inner);
    let same = |found: &&&'static StructType| {
        let pairs = found.fields.iter().map(|field| (field.name, field.data_type));
        pairs.eq(fields.iter().copied())
    };
    if let Some(found) = known.iter().find(same) {
        return Ok(found);
    }
    check_room(known.len())?;
    let fields = fields.iter().map(|(name, data_type)| StructField {
        name: Box::leak((*name).to_owned().into_boxed_str()),
        data_type: *data_type,
    });
    let fields: &'static [StructField] = Box::leak(fields.collect());
    let leaked: &'static StructType = Box::leak(Box::new(StructType { fields }));
    known.insert(leaked);
    Ok(leaked)
}

fn check_room(known: usize) -> Result<(), SqlError> {
    if known < TYPES_MAX {
        return Ok(());
    }
    let advice = "Restart the process, or keep the values as JSON.";
    Err(SqlError::limit_exceeded("nested types of a process", known + 1, TYPES_MAX).hint(advice))
}
