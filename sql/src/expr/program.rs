//! Expressions compiled to a short program over column registers.
//!
//! Invariants:
//! - Instruction `i` writes register `i` and reads only registers before it.
//! - A row that failed is NULL in its register and listed in `failed`, so that kernels treat it as
//!   any NULL and only decide whether the failure travels on.

use crate::column::Column;
use crate::error::SqlError;
use crate::expr::compile::Compiler;
use crate::expr::failure::Failures;
use crate::expr::kernel::{Prepared, Work};
use crate::expr::{BinaryOp, Expr, Function, kernel};
use crate::schema::Schema;
use crate::types::DataType;
use crate::value::Value;

impl Operation {
    fn is_library(&self) -> bool {
        matches!(self, Operation::Call(call) if matches!(call.function, Function::Library(_)))
    }
}

/// Where a column is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    Input(usize),
    Constant(usize),
    Register(usize),
}

/// What an instruction computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Binary(BinaryOp, Slot, Slot),
    Not(Slot),
    IsNull(Slot),
    Negate(Slot),
    Cast(Slot),
    Select { condition: Slot, then: Slot, otherwise: Slot },
    Call(Box<Call>),
}

/// A function over slots.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) function: Function,
    pub(super) args: Vec<Slot>,
    /// What was made of the constants among the arguments.
    pub(super) prepared: Prepared,
}

impl PartialEq for Call {
    /// What is prepared follows from the rest, but for the constants that are no argument.
    fn eq(&self, other: &Call) -> bool {
        self.function == other.function
            && self.args == other.args
            && self.prepared.same_constants(&other.prepared)
    }
}

impl Eq for Call {}

/// One computation of a whole column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Instruction {
    pub(super) operation: Operation,
    /// Of the result.
    pub(super) data_type: DataType,
}

/// A column that was computed, and the rows for which it could not be.
#[derive(Clone, Debug)]
pub(super) struct Register {
    pub(super) column: Column,
    pub(super) failed: Failures,
    pub(super) work: Work,
}

impl Register {
    pub(super) fn new(data_type: DataType) -> Register {
        Register { column: Column::new(data_type), failed: Failures::new(), work: Work::default() }
    }
}

/// A column to read.
#[derive(Clone, Copy)]
pub(super) struct Operand<'a> {
    pub(super) column: &'a Column,
    pub(super) failed: &'a Failures,
}

/// Expressions over one schema, ready to run. Common parts run once, constant parts not at all.
#[derive(Clone, Debug)]
pub struct Program {
    pub(super) inputs: Vec<DataType>,
    pub(super) constants: Vec<(Value, DataType)>,
    pub(super) instructions: Vec<Instruction>,
    pub(super) outputs: Vec<Slot>,
    /// By output: whether a later one is the same.
    pub(super) repeated: Vec<bool>,
    /// The columns of the input that instructions read, ascending.
    pub(super) reads: Vec<usize>,
}

/// How the instructions of a program are carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// By kernels of this crate.
    pub native: usize,
    /// By functions that are implemented elsewhere.
    pub library: usize,
}

/// The memory a program computes in. One program's scratch is of no use to another one.
#[derive(Clone, Debug)]
pub struct Scratch {
    registers: Vec<Register>,
    /// Constants as columns of the length of the morsel, so that kernels only know columns.
    constants: Vec<Column>,
    /// What a run over some rows reads of them: a column for each of the program's `reads`.
    picked: Vec<Column>,
    /// Stands for the failures of what cannot fail.
    none: Failures,
}

impl Program {
    /// Binds `outputs` to `input` and compiles them.
    pub fn compile(outputs: &[Expr], input: &Schema) -> Result<Program, SqlError> {
        let mut compiler = Compiler::new(input);
        for output in outputs {
            compiler.output(&output.bind(input)?)?;
        }
        Ok(compiler.finish())
    }

    /// Memory to run in. It grows in the first runs and is kept from then on.
    pub fn scratch(&self) -> Scratch {
        Scratch {
            registers: self.instructions.iter().map(|i| Register::new(i.data_type)).collect(),
            constants: self.constants.iter().map(|(_, of)| Column::new(*of)).collect(),
            picked: self.reads.iter().map(|column| Column::new(self.inputs[*column])).collect(),
            none: Failures::new(),
        }
    }

    /// How many instructions there are of each kind.
    pub fn counts(&self) -> Counts {
        let library = self.instructions.iter().filter(|one| one.operation.is_library()).count();
        Counts { native: self.instructions.len() - library, library }
    }

    /// How many outputs there are.
    pub fn output_count(&self) -> usize {
        self.outputs.len()
    }

    /// The type of output `index`.
    pub fn data_type(&self, index: usize) -> DataType {
        match self.outputs[index] {
            Slot::Input(input) => self.inputs[input],
            Slot::Constant(constant) => self.constants[constant].1,
            Slot::Register(register) => self.instructions[register].data_type,
        }
    }

    /// Computes all outputs over a morsel of `rows` rows. Replaces what is in `failures` by the
    /// rows for which an output failed; such an output is NULL there.
    pub fn run(
        &self,
        input: &[Column],
        rows: usize,
        scratch: &mut Scratch,
        failures: &mut Failures,
    ) {
        let Scratch { registers, constants, none, picked: _ } = scratch;
        let machine = Machine { registers, constants, none, rows };
        self.compute(|column| &input[column], machine, failures);
    }

    /// Computes all outputs over rows `picks` of a morsel, as [`Program::run`] does over all. A row
    /// that fails is known by its place among the picks.
    pub fn run_picked(
        &self,
        input: &[Column],
        picks: &[u32],
        scratch: &mut Scratch,
        failures: &mut Failures,
    ) {
        let Scratch { registers, constants, none, picked } = scratch;
        for (column, read) in picked.iter_mut().zip(&self.reads) {
            column.clear();
            column.append(&input[*read], picks);
        }
        let of = |column| &picked[self.read(column).expect("an instruction reads it")];
        let machine = Machine { registers, constants, none, rows: picks.len() };
        self.compute(of, machine, failures);
    }

    /// The place of a column of the input among those that instructions read.
    fn read(&self, column: usize) -> Option<usize> {
        self.reads.binary_search(&column).ok()
    }

    fn compute<'a>(
        &self,
        input: impl Fn(usize) -> &'a Column,
        machine: Machine<'_>,
        failures: &mut Failures,
    ) {
        let Machine { registers, constants, none, rows } = machine;
        assert!(u32::try_from(rows).is_ok(), "{rows} rows in a morsel");
        for &column in &self.reads {
            let read = input(column);
            assert_eq!(read.len(), rows, "column {column} of a morsel");
            // Kernels that take another layout for theirs stop by themselves.
            debug_assert_eq!(read.data_type(), self.inputs[column], "column {column}");
        }
        assert_eq!(registers.len(), self.instructions.len(), "scratch of this program");
        for (column, (value, _)) in constants.iter_mut().zip(&self.constants) {
            if column.len() != rows {
                spread(column, value, rows);
            }
        }
        for (index, instruction) in self.instructions.iter().enumerate() {
            let (before, rest) = registers.split_at_mut(index);
            let operand = |slot: Slot| match slot {
                Slot::Input(index) => Operand { column: input(index), failed: none },
                Slot::Constant(index) => Operand { column: &constants[index], failed: none },
                Slot::Register(index) => {
                    let Register { column, failed, work: _ } = &before[index];
                    Operand { column, failed }
                }
            };
            kernel::execute(instruction, operand, rows, &mut rest[0]);
        }
        failures.clear();
        for output in &self.outputs {
            if let Slot::Register(index) = output {
                let register = &mut registers[*index];
                register.column.blank_nulls();
                failures.add_if(&register.failed, |_| true);
            }
        }
        failures.settle();
    }

    /// Output `index` of the last run over `input`. A column of the input is that column itself.
    pub fn output<'a>(
        &self,
        scratch: &'a Scratch,
        input: &'a [Column],
        index: usize,
    ) -> &'a Column {
        match self.outputs[index] {
            Slot::Input(index) => &input[index],
            Slot::Constant(index) => &scratch.constants[index],
            Slot::Register(index) => &scratch.registers[index].column,
        }
    }

    /// Moves output `index` of the last run over `input`, or over `picks` of it, to an empty column;
    /// copies it where a later output is the same. To be called once an output, in order.
    #[inline]
    pub fn take_output(
        &self,
        scratch: &mut Scratch,
        input: &mut [Column],
        picks: Option<&[u32]>,
        index: usize,
        to: &mut Column,
    ) {
        let from = match (self.outputs[index], picks) {
            (Slot::Constant(constant), _) => {
                // A constant serves the next run too.
                let from = &scratch.constants[constant];
                return to.append_range(from, 0, from.len());
            }
            (Slot::Register(register), _) => &mut scratch.registers[register].column,
            (Slot::Input(column), None) => &mut input[column],
            (Slot::Input(column), Some(picks)) => match self.read(column) {
                Some(at) => &mut scratch.picked[at],
                None => return to.append(&input[column], picks),
            },
        };
        assert_eq!(from.data_type(), to.data_type(), "the type of an output");
        if self.repeated[index] {
            to.append_range(from, 0, from.len());
        } else {
            std::mem::swap(from, to);
        }
    }

    /// Replaces what is in `out` by the rows for which output `index`, of type BOOLEAN, is true:
    /// not false, not NULL, not failed.
    #[inline]
    pub fn selected(&self, scratch: &Scratch, input: &[Column], index: usize, out: &mut Vec<u32>) {
        let column = self.output(scratch, input, index);
        let nulls = column.nulls().words();
        out.clear();
        for (index, word) in column.bools().words().iter().enumerate() {
            let word = word & !nulls.get(index).copied().unwrap_or(0);
            select(word, (index * 64) as u32, out);
        }
    }
}

/// Appends the rows of a word whose bits are one; its first bit is row `first`.
#[inline]
fn select(word: u64, first: u32, out: &mut Vec<u32>) {
    if word.count_ones() < SELECTED_FEW {
        let mut rest = word;
        while rest != 0 {
            out.push(first + rest.trailing_zeros());
            rest &= rest - 1;
        }
        return;
    }
    // Every row is written, and the next one over it unless its bit is one: which rows pass is as
    // good as random, and a branch on it would be missed again and again.
    let (mut rows, mut count) = ([0; 64], 0);
    for at in 0..64 {
        rows[count % 64] = first + at;
        count += (word >> at & 1) as usize;
    }
    out.extend_from_slice(&rows[..count]);
}

/// Rows of 64 up to which it pays to find each of them.
const SELECTED_FEW: u32 = 8;

/// What a run computes in.
struct Machine<'a> {
    registers: &'a mut [Register],
    constants: &'a mut [Column],
    none: &'a Failures,
    rows: usize,
}

/// Makes `column` hold `rows` times `value`; it holds nothing else.
fn spread(column: &mut Column, value: &Value, rows: usize) {
    if rows == 0 {
        column.clear();
        return;
    }
    if column.is_empty() {
        column.push(value);
    }
    column.truncate(rows);
    column.repeat_last(rows);
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod twin;
