//! Why the planner refuses a query, in our words and with PostgreSQL's codes: it tells kinds of
//! errors apart by their text only.

use crate::SqlError;
use crate::dialect::nearest;

/// The error for a text of the planner's.
pub(super) fn of(text: &str) -> SqlError {
    let known = function(text)
        .or_else(|| grouping(text))
        .or_else(|| types(text))
        .or_else(|| shape(text))
        .or_else(|| condition(text));
    known.unwrap_or_else(|| match text.contains("coerce") || text.contains("type") {
        true => SqlError::datatype_mismatch(written(text)),
        false => SqlError::invalid_parameter(text),
    })
}

/// What stands between two parts of a text.
fn between<'a>(text: &'a str, before: &str, behind: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    let found = if behind.is_empty() { rest } else { rest.split_once(behind)?.0 };
    Some(found.trim())
}

/// Arrow's names of types as SQL writes them.
fn written(text: &str) -> String {
    const NAMES: [(&str, &str); 25] = [
        ("Timestamp(µs, \"+00:00\")", "TIMESTAMPTZ"),
        ("Timestamp(µs, \"UTC\")", "TIMESTAMPTZ"),
        ("Timestamp(ns, \"UTC\")", "TIMESTAMPTZ"),
        ("Timestamp(µs)", "TIMESTAMP"),
        ("Timestamp(ns)", "TIMESTAMP"),
        ("Interval(MonthDayNano)", "INTERVAL"),
        ("FixedSizeBinary(16)", "UUID"),
        ("Decimal128", "DECIMAL"),
        ("BinaryView", "BYTEA"),
        ("Binary", "BYTEA"),
        ("LargeUtf8", "TEXT"),
        ("Utf8View", "TEXT"),
        ("Utf8", "TEXT"),
        ("String", "TEXT"),
        ("Time64(µs)", "TIME"),
        ("Time64(ns)", "TIME"),
        ("Boolean", "BOOLEAN"),
        ("Float64", "DOUBLE"),
        ("Float32", "REAL"),
        ("UInt64", "BIGINT"),
        ("Int64", "BIGINT"),
        ("Int32", "INT"),
        ("Int16", "SMALLINT"),
        ("Date32", "DATE"),
        ("Null", "NULL"),
    ];
    let nested = unnested(text);
    NAMES.iter().fold(nested, |text, (arrow, sql)| text.replace(arrow, sql))
}

/// Arrow's names of lists, maps and structs as SQL writes them, but for those of what is in them.
fn unnested(text: &str) -> String {
    let kinds = ["List(", "Map(", "Struct("];
    let first = kinds.iter().filter_map(|kind| Some((text.find(kind)?, *kind))).min();
    let Some((at, kind)) = first else { return text.to_owned() };
    let (before, inside) = (&text[..at], &text[at + kind.len()..]);
    let mut depth = 1;
    let end = inside.find(|c: char| {
        depth += i32::from(c == '(') - i32::from(c == ')');
        depth == 0
    });
    // Cut off in the middle: as it is.
    let Some(end) = end else { return text.to_owned() };
    let behind = unnested(&inside[end + 1..]);
    let inside = match kind {
        "List(" => format!("{}[]", unnested(inside[..end].trim_start_matches("non-null "))),
        // The one kind of map there is.
        "Map(" => "MAP<TEXT, TEXT>".to_owned(),
        _ => {
            let fields = inside[..end].replace("\": non-null ", " ").replace("\": ", " ");
            format!("STRUCT<{}>", unnested(&fields.replace('"', "")))
        }
    };
    format!("{before}{inside}{behind}")
}

/// A name that is no function, or one that takes other arguments.
fn function(text: &str) -> Option<SqlError> {
    if let Some(name) = between(text, "Invalid function '", "'") {
        let error = SqlError::unknown_function(format!("function {name} does not exist"));
        return Some(match nearest(name, super::functions::all().names()) {
            Some(near) => error.hint(format!("Did you mean {near}?")),
            None => error.hint("Functions have the names that PostgreSQL gives them."),
        });
    }
    let call = between(text, "No function matches the given name and argument types '", "'.")?;
    let message = format!("function {} does not exist", written(call));
    let candidates = between(text, "Candidate functions:", "").unwrap_or_default();
    // Some are described in the words of the planner, which help nobody.
    let plain = |line: &&str| !line.is_empty() && !line.contains(['{', '=']);
    let candidates: Vec<String> =
        candidates.lines().map(str::trim).filter(plain).take(4).map(written).collect();
    let error = SqlError::unknown_function(message);
    Some(match candidates.is_empty() {
        true => error.hint("Cast the arguments to the types it takes."),
        false => error.hint(format!("It is called as {}.", candidates.join(" or "))),
    })
}

/// Values that are not the same for all rows of a group, and aggregates where there are no groups.
fn grouping(text: &str) -> Option<SqlError> {
    if text.contains("could not be resolved from available columns")
        || text.contains("must be part of GROUP BY")
        || text.contains("must appear in the GROUP BY clause")
    {
        return Some(match between(text, "column \"", "\"") {
            Some(column) => SqlError::grouping(format!(
                "column \"{column}\" must appear in GROUP BY or in an aggregate function"
            )),
            None => SqlError::grouping(text),
        });
    }
    if text.contains("Aggregate function calls cannot be nested") {
        let error = SqlError::grouping("an aggregate of an aggregate");
        return Some(error.hint("Aggregate in a subquery, and again over that."));
    }
    if text.contains("Aggregate functions are not allowed in the WHERE clause") {
        let error = SqlError::grouping("an aggregate in WHERE, where there are no groups yet");
        return Some(error.hint("Write the condition behind HAVING."));
    }
    None
}

/// Types that do not go together.
fn types(text: &str) -> Option<SqlError> {
    const CAST: &str = "Cast one side to the type of the other.";
    let none = |what: String| SqlError::datatype_mismatch(format!("there is no {what}")).hint(CAST);
    for before in ["for comparison operation ", "for logical boolean operation "] {
        if let Some(found) = between(text, before, "") {
            return Some(none(written(found)));
        }
    }
    if let Some(pair) = between(text, "a common type to coerce ", " in LIKE expression") {
        let (left, right) = pair.split_once(" and ")?;
        return Some(none(format!("{} LIKE {}", written(left), written(right))));
    }
    if let Some(pair) = between(text, "compatible types to compare ", "") {
        let (left, items) = pair.split_once(" with ")?;
        let items = written(items.trim_matches(['[', ']']));
        return Some(none(format!("{} IN ({items})", written(left))));
    }
    if let Some(pair) = between(text, "expr type ", " in InSubquery") {
        let (left, right) = pair.split_once(" can't cast to ")?;
        return Some(none(format!("{} IN (SELECT {})", written(left), written(right))));
    }
    if let Some(pair) = between(text, "Failed to coerce ", " to common types in CASE") {
        let message = format!("the branches of a CASE have no type in common: {}", written(pair));
        return Some(SqlError::datatype_mismatch(message).hint("Cast them to one type."));
    }
    if let Some(pair) = between(text, "Previous inputs were of type ", " on column") {
        let (left, right) = pair.split_once(", but got incompatible type ")?;
        let (left, right) = (written(left), written(right));
        let column = between(text, "on column '", "'").unwrap_or_default();
        let message = format!("UNION of {left} and {right} in column \"{column}\"");
        return Some(SqlError::datatype_mismatch(message).hint(CAST));
    }
    None
}

/// Conditions that are no truths.
fn condition(text: &str) -> Option<SqlError> {
    const HINT: &str = "A condition is BOOLEAN: compare it with something.";
    let (what, found) = match between(text, "non-boolean predicate", "") {
        Some(rest) => ("a condition", between(rest, " returning ", "")?),
        None => ("NOT", between(text, "'NOT' requires a boolean expression, got ", "")?),
    };
    let message = format!("{what} takes a BOOLEAN, not {}", written(found));
    Some(SqlError::datatype_mismatch(message).hint(HINT))
}

/// Columns that are too many, too few, or there twice.
fn shape(text: &str) -> Option<SqlError> {
    if text.contains("require unique expression names") {
        let name = text.rsplit_once(" AS ").and_then(|(_, rest)| rest.split('"').next());
        return Some(SqlError::duplicate_column(name.unwrap_or_default()));
    }
    if let Some((op, _)) = text.split_once(" queries have different number of columns") {
        return Some(SqlError::syntax(format!("{op}: its queries have not as many columns each")));
    }
    if text.contains("The subquery should only return one column") {
        return Some(SqlError::syntax("a subquery that stands for a value must have one column"));
    }
    if text.contains("DISTINCT ON expressions must match initial ORDER BY") {
        let message = "DISTINCT ON: its expressions must be the first ones of ORDER BY";
        return Some(SqlError::invalid_reference(message));
    }
    if let Some(bounds) = between(text, "Order by column out of bounds, specified: ", "") {
        let (at, max) = bounds.split_once(", max: ")?;
        let message = format!("ORDER BY {at}: the query has {max} columns");
        return Some(SqlError::invalid_reference(message));
    }
    None
}
