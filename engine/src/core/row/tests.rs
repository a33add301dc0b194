use super::random::{Prng, columns, rows};
use super::{Row, RowLayout, RowSlab};
use crate::core::arena::{Anchor, Arena, Region, SlotId};
use sluicedb_sql::{Column, DataType, Value};

const TYPES: [DataType; 8] = [
    DataType::Boolean,
    DataType::Text,
    DataType::Int,
    DataType::Double,
    DataType::Text,
    DataType::BigInt,
    DataType::Decimal { precision: 20, scale: 2 },
    DataType::Timestamp,
];

const MORE: [DataType; 13] = [
    DataType::SmallInt,
    DataType::Bytea,
    DataType::Real,
    DataType::Uuid,
    DataType::Date,
    DataType::Time,
    DataType::TimestampTz,
    DataType::Interval,
    DataType::Json,
    DataType::Array(&DataType::Text),
    DataType::Map,
    DataType::Array(&DataType::Array(&DataType::Real)),
    DataType::Boolean,
];

fn arena() -> (Arena, Anchor) {
    let mut arena = Arena::new(Region::heap(4096), Region::heap(64));
    let zone = arena.create_zone(1);
    let root = arena.root(zone);
    (arena, Anchor::new(root, 8))
}

fn slab(arena: &mut Arena, anchor: Anchor, types: &[DataType]) -> RowSlab {
    let slab = RowSlab::new(RowLayout::new(types), 16, anchor).unwrap();
    let zone = crate::core::arena::ZoneId(0);
    slab.create(arena, arena.root_extent(zone));
    slab
}

#[test]
fn rows_come_back_as_they_were_written_and_their_texts_are_freed_with_them() {
    come_back(&TYPES);
    come_back(&MORE);
    // A column alone meets values that are equal and not the same.
    come_back(&[DataType::Interval]);
}

fn come_back(types: &[DataType]) {
    let (mut arena, anchor) = arena();
    let mut slab = slab(&mut arena, anchor, types);
    let mut used = None;
    let mut prng = Prng::new(1);
    let picks: Vec<usize> = (0..types.len()).collect();
    for _ in 0..20 {
        let written: Vec<_> = (0..100).map(|_| prng.row(types, 20)).collect();
        let columns = columns(types, &written);
        let row = |row| Row { columns: &columns, picks: &picks, row };
        let slots: Vec<SlotId> = (0..100).map(|at| slab.insert(&mut arena, row(at))).collect();
        let mut out: Vec<Column> = types.iter().map(|&data_type| Column::new(data_type)).collect();
        slots.iter().for_each(|&slot| slab.read(&arena, slot, &mut out));
        assert_eq!(rows(&out), written);
        let shown = |rows: &[Vec<Value>]| format!("{rows:?}");
        let mut kept = Vec::new();
        for row in &written {
            kept.push(row.iter().zip(types).map(|(v, t)| Column::of(*t, [v]).value(0)).collect());
        }
        assert_eq!(shown(&rows(&out)), shown(&kept), "not only equal but the same");
        for (at, &slot) in slots.iter().enumerate() {
            assert_eq!(slab.head(&arena, slot), [0; 16]);
            for (other, values) in written.iter().enumerate() {
                assert_eq!(slab.equals(&arena, slot, row(other)), written[at] == *values);
            }
        }
        slots.into_iter().for_each(|slot| slab.free(&mut arena, slot));
        assert_eq!(slab.live(&arena), 0);
        assert_eq!(*used.get_or_insert(arena.used_blocks()), arena.used_blocks());
    }
}

#[test]
fn values_take_their_width_and_a_bit() {
    assert_eq!(RowLayout::new(&TYPES).bytes(), 1 + 1 + 4 + 3 * 8 + 3 * 16);
    assert_eq!(RowLayout::new(&[]).bytes(), 0);
    assert_eq!(RowLayout::new(&[DataType::Boolean; 9]).bytes(), 2 + 9);
}

#[test]
fn a_layout_of_some_columns_keeps_and_compares_only_them() {
    let (mut arena, anchor) = arena();
    let mut slab = slab(&mut arena, anchor, &[DataType::Text, DataType::Int]);
    let values = |a: &str, b, c| vec![Value::text(a), Value::BigInt(b), Value::Int(c)];
    let types = [DataType::Text, DataType::BigInt, DataType::Int];
    let long = "a text that is not inline";
    let columns = columns(&types, &[values(long, 1, 2), values(long, 3, 2), values("a", 1, 2)]);
    let row = |row| Row { columns: &columns, picks: &[0, 2], row };
    let slot = slab.insert(&mut arena, row(0));
    assert!(slab.equals(&arena, slot, row(1)) && !slab.equals(&arena, slot, row(2)));
    let only = |row| Row { columns: &columns, picks: &[2], row };
    assert!(slab.equals_on(&arena, slot, &[1], only(2)));
}

#[test]
fn texts_of_one_length_are_compared_to_their_ends() {
    let (mut arena, anchor) = arena();
    let mut slab = slab(&mut arena, anchor, &[DataType::Text]);
    let texts = [11, 12, 5000].map(|len| ["a", "b"].map(|end| "x".repeat(len) + end));
    let rows: Vec<_> = texts.as_flattened().iter().map(|text| vec![Value::text(text)]).collect();
    let columns = columns(&[DataType::Text], &rows);
    let row = |row| Row { columns: &columns, picks: &[0], row };
    for at in 0..rows.len() {
        let slot = slab.insert(&mut arena, row(at));
        for other in 0..rows.len() {
            assert_eq!(slab.equals(&arena, slot, row(other)), at == other, "{at} {other}");
        }
    }
}

#[test]
fn nan_equals_nan_and_the_zeros_are_equal() {
    let (mut arena, anchor) = arena();
    let types = [DataType::Double; 2];
    let mut slab = slab(&mut arena, anchor, &types);
    let kept = [Value::Double(f64::NAN), Value::Double(0.0)];
    let other = [Value::Double(-f64::NAN), Value::Double(-0.0)];
    let columns = columns(&types, &[kept.to_vec(), other.to_vec()]);
    let row = |row| Row { columns: &columns, picks: &[0, 1], row };
    let slot = slab.insert(&mut arena, row(0));
    assert!(slab.equals(&arena, slot, row(1)));
    let turned = Row { columns: &columns, picks: &[1, 0], row: 0 };
    assert!(!slab.equals(&arena, slot, turned));
}

#[test]
fn a_row_that_no_slot_holds_is_refused_with_the_bound() {
    assert_eq!(RowLayout::new(&[DataType::Text; 60]).slot_bytes(32).unwrap(), 8 + 960 + 32);
    let error = RowLayout::new(&[DataType::Text; 64]).slot_bytes(32).unwrap_err();
    assert_eq!(error.sqlstate, "54000");
    assert!(error.message.contains("64 columns") && error.message.contains("limit of 1024"));
    assert_eq!(RowLayout::new(&[]).slot_bytes(0).unwrap(), 8);
}

#[test]
fn one_value_can_be_looked_at() {
    let (mut arena, anchor) = arena();
    let zone = crate::core::arena::ZoneId(0);
    let extent = arena.root_extent(zone);
    let heap = crate::core::arena::Heap::create(&mut arena, extent, anchor);
    let layout = RowLayout::new(&TYPES);
    let written = Prng::new(3).row(&TYPES, 20);
    let columns = columns(&TYPES, std::slice::from_ref(&written));
    let mut slot = vec![0; layout.bytes()];
    let picks = [0, 1, 2, 3, 4, 5, 6, 7];
    let row = Row { columns: &columns, picks: &picks, row: 0 };
    layout.write(&mut arena, heap, row, &mut slot);
    for (at, value) in written.iter().enumerate() {
        assert_eq!(layout.value(&arena, heap, &slot, at), *value);
    }
}
