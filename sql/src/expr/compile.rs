//! Bound expressions to instructions.

use crate::column::Column;
use crate::error::SqlError;
use crate::expr::failure::Failures;
use crate::expr::function::{Argument, Function, Native};
use crate::expr::kernel::Prepared;
use crate::expr::program::{Call, Instruction, Operand, Operation, Program, Register, Slot};
use crate::expr::{Expr, function, kernel, rules};
use crate::limits::EXPR_NODES_MAX;
use crate::schema::Schema;
use crate::types::DataType;
use crate::value::Value;

/// A program on its way.
pub(super) struct Compiler {
    program: Program,
    nodes: usize,
}

impl Compiler {
    pub(super) fn new(input: &Schema) -> Compiler {
        let inputs = input.fields().iter().map(|field| field.data_type).collect();
        let program = Program {
            inputs,
            constants: Vec::new(),
            instructions: Vec::new(),
            outputs: Vec::new(),
            repeated: Vec::new(),
            reads: Vec::new(),
        };
        Compiler { program, nodes: 0 }
    }

    pub(super) fn output(&mut self, bound: &Expr) -> Result<(), SqlError> {
        let slot = self.slot(bound)?;
        self.program.outputs.push(slot);
        Ok(())
    }

    pub(super) fn finish(mut self) -> Program {
        let slots = self.program.instructions.iter().flat_map(|one| one.operation.slots());
        let mut reads: Vec<usize> = slots
            .filter_map(|slot| match slot {
                Slot::Input(column) => Some(column),
                _ => None,
            })
            .collect();
        reads.sort_unstable();
        reads.dedup();
        self.program.reads = reads;
        let outputs = &self.program.outputs;
        let again = |(at, slot): (usize, &Slot)| outputs[at + 1..].contains(slot);
        self.program.repeated = outputs.iter().enumerate().map(again).collect();
        self.program
    }

    fn slot(&mut self, expr: &Expr) -> Result<Slot, SqlError> {
        self.nodes += 1;
        if self.nodes > EXPR_NODES_MAX {
            let what = "parts of the expressions over one input";
            return Err(SqlError::limit_exceeded(what, self.nodes, EXPR_NODES_MAX));
        }
        let (operation, data_type) = match expr {
            Expr::Column(index) => return Ok(Slot::Input(*index)),
            Expr::Named(name) => unreachable!("column {name} is bound"),
            Expr::Literal(value, data_type) => return Ok(self.constant(value.clone(), *data_type)),
            Expr::Binary { op, left, right } => {
                let (left, right) = (self.slot(left)?, self.slot(right)?);
                let data_type = match op.is_arithmetic() {
                    true => rules::arithmetic_type(*op, self.type_of(left), self.type_of(right)),
                    false => DataType::Boolean,
                };
                (Operation::Binary(*op, left, right), data_type)
            }
            Expr::Not(input) => (Operation::Not(self.slot(input)?), DataType::Boolean),
            Expr::IsNull(input) => (Operation::IsNull(self.slot(input)?), DataType::Boolean),
            Expr::Negate(input) => {
                let input = self.slot(input)?;
                (Operation::Negate(input), self.type_of(input))
            }
            Expr::Cast { input, to } => {
                let input = self.slot(input)?;
                if self.type_of(input) == *to {
                    return Ok(input);
                }
                (Operation::Cast(input), *to)
            }
            Expr::Call { function, args } => return self.call(function, args),
            Expr::Case { branches, otherwise } => {
                return self.case(branches, otherwise.as_deref());
            }
        };
        Ok(self.emit(Instruction { operation, data_type }))
    }

    fn call(&mut self, function: &Function, args: &[Expr]) -> Result<Slot, SqlError> {
        // The constants of an IN are only prepared: as columns they would cost rows times their
        // number.
        let listed = matches!(function, Function::Native(Native::InList));
        let columns = if listed { &args[..1] } else { args };
        let slots = columns.iter().map(|arg| self.slot(arg)).collect::<Result<Vec<_>, _>>()?;
        let mut known: Vec<Argument<'_>> = slots.iter().map(|slot| self.argument(*slot)).collect();
        known.extend(args[slots.len()..].iter().map(|arg| match arg {
            Expr::Literal(value, of) => Argument { data_type: *of, constant: Some(value) },
            other => unreachable!("binding refuses {other:?} in a list of constants"),
        }));
        let (prepared, data_type) = match function {
            Function::Native(native) => {
                (Prepared::new(*native, &known)?, function::result(*native, &known))
            }
            Function::Library(library) => {
                let types: Vec<DataType> = known.iter().map(|arg| arg.data_type).collect();
                (Prepared::None, library.result(&types)?)
            }
        };
        let call = Call { function: function.clone(), args: slots, prepared };
        Ok(self.emit(Instruction { operation: Operation::Call(Box::new(call)), data_type }))
    }

    fn argument(&self, slot: Slot) -> Argument<'_> {
        let constant = match slot {
            Slot::Constant(index) => Some(&self.program.constants[index].0),
            _ => None,
        };
        Argument { data_type: self.type_of(slot), constant }
    }

    /// The first true condition wins, so that the last branch is the innermost choice.
    fn case(
        &mut self,
        branches: &[(Expr, Expr)],
        otherwise: Option<&Expr>,
    ) -> Result<Slot, SqlError> {
        let mut otherwise = self.slot(otherwise.expect("binding adds ELSE NULL"))?;
        for (condition, value) in branches.iter().rev() {
            let (condition, then) = (self.slot(condition)?, self.slot(value)?);
            let operation = Operation::Select { condition, then, otherwise };
            otherwise = self.emit(Instruction { operation, data_type: self.type_of(then) });
        }
        Ok(otherwise)
    }

    fn type_of(&self, slot: Slot) -> DataType {
        match slot {
            Slot::Input(index) => self.program.inputs[index],
            Slot::Constant(index) => self.program.constants[index].1,
            Slot::Register(index) => self.program.instructions[index].data_type,
        }
    }

    fn constant(&mut self, value: Value, data_type: DataType) -> Slot {
        let same = |other: &(Value, DataType)| other.1 == data_type && identical(&other.0, &value);
        let constants = &mut self.program.constants;
        let index = constants.iter().position(same).unwrap_or_else(|| {
            constants.push((value, data_type));
            constants.len() - 1
        });
        Slot::Constant(index)
    }

    fn emit(&mut self, instruction: Instruction) -> Slot {
        if let Some(value) = self.folded(&instruction) {
            return self.constant(value, instruction.data_type);
        }
        let instructions = &mut self.program.instructions;
        let index = instructions.iter().position(|other| *other == instruction);
        Slot::Register(index.unwrap_or_else(|| {
            instructions.push(instruction);
            instructions.len() - 1
        }))
    }

    /// The value of an instruction over constants alone. One that fails is left to fail for the
    /// rows that need it: `CASE WHEN d = 0 THEN 1 / 0 ..` is legal.
    fn folded(&self, instruction: &Instruction) -> Option<Value> {
        let of = |slot: Slot| match slot {
            Slot::Constant(index) => {
                let (value, data_type) = &self.program.constants[index];
                Some(Column::of(*data_type, [value]))
            }
            _ => None,
        };
        let slots: Vec<Slot> = instruction.operation.slots();
        let columns: Option<Vec<Column>> = slots.iter().map(|slot| of(*slot)).collect();
        let (columns, none) = (columns?, Failures::new());
        let operand = |wanted: Slot| {
            let at = slots.iter().position(|slot| *slot == wanted).expect("a slot it reads");
            Operand { column: &columns[at], failed: &none }
        };
        let mut out = Register::new(instruction.data_type);
        kernel::execute(instruction, operand, 1, &mut out);
        out.failed.is_empty().then(|| out.column.value(0))
    }
}

impl Operation {
    fn slots(&self) -> Vec<Slot> {
        match self {
            Operation::Binary(_, left, right) => vec![*left, *right],
            Operation::Not(input)
            | Operation::IsNull(input)
            | Operation::Negate(input)
            | Operation::Cast(input) => vec![*input],
            Operation::Select { condition, then, otherwise } => {
                vec![*condition, *then, *otherwise]
            }
            Operation::Call(call) => call.args.clone(),
        }
    }
}

/// Equal in every respect: both zeros are equal values and yet not the same constant, and so are a
/// month and 30 days.
fn identical(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Double(left), Value::Double(right)) => left.to_bits() == right.to_bits(),
        (Value::Real(left), Value::Real(right)) => left.to_bits() == right.to_bits(),
        (Value::Interval(left), Value::Interval(right)) => left.to_i128() == right.to_i128(),
        _ => left == right,
    }
}
