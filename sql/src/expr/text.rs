//! Expressions as a person reads them.

use crate::expr::{BinaryOp, Expr};
use crate::schema::Schema;
use crate::types::DataType;
use crate::value::Value;

impl BinaryOp {
    /// As it is written in SQL.
    pub const fn sign(self) -> &'static str {
        match self {
            BinaryOp::Add => "+",
            BinaryOp::Sub => "-",
            BinaryOp::Mul => "*",
            BinaryOp::Div => "/",
            BinaryOp::Mod => "%",
            BinaryOp::Eq => "=",
            BinaryOp::NotEq => "<>",
            BinaryOp::Lt => "<",
            BinaryOp::LtEq => "<=",
            BinaryOp::Gt => ">",
            BinaryOp::GtEq => ">=",
            BinaryOp::And => "AND",
            BinaryOp::Or => "OR",
        }
    }
}

impl Expr {
    /// The expression as text, with the names that columns have in `schema`.
    pub fn text(&self, schema: &Schema) -> String {
        let operand = |expr: &Expr| match expr {
            Expr::Binary { .. } => format!("({})", expr.text(schema)),
            _ => expr.text(schema),
        };
        match self {
            Expr::Column(index) => match schema.fields().get(*index) {
                Some(field) => field.name.clone(),
                None => format!("#{index}"),
            },
            Expr::Named(name) => name.clone(),
            Expr::Literal(Value::Text(text), _) => format!("'{}'", text.replace('\'', "''")),
            Expr::Literal(Value::Timestamp(_), _) => format!("TIMESTAMP '{}'", self.constant()),
            // Of other types the text alone does not tell the type.
            Expr::Literal(value, data_type)
                if !value.is_null()
                    && !data_type.is_numeric()
                    && *data_type != DataType::Boolean =>
            {
                format!("{data_type} '{}'", self.constant().replace('\'', "''"))
            }
            Expr::Literal(..) => self.constant(),
            Expr::Binary { op, left, right } => {
                format!("{} {} {}", operand(left), op.sign(), operand(right))
            }
            Expr::Not(input) => format!("NOT {}", operand(input)),
            Expr::IsNull(input) => format!("{} IS NULL", operand(input)),
            Expr::Negate(input) => format!("-{}", operand(input)),
            Expr::Case { branches, otherwise } => {
                let mut text = String::from("CASE");
                for (condition, value) in branches {
                    text +=
                        &format!(" WHEN {} THEN {}", condition.text(schema), value.text(schema));
                }
                if let Some(otherwise) = otherwise {
                    text += &format!(" ELSE {}", otherwise.text(schema));
                }
                text + " END"
            }
            Expr::Call { function, args } => {
                let args: Vec<String> = args.iter().map(|arg| arg.text(schema)).collect();
                format!("{}({})", function.name(), args.join(", "))
            }
            Expr::Cast { input, to } => format!("CAST({} AS {to})", input.text(schema)),
        }
    }

    fn constant(&self) -> String {
        match self {
            Expr::Literal(value, _) => value.to_string(),
            _ => unreachable!("only constants are written so"),
        }
    }
}
