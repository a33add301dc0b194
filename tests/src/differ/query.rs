//! Random queries.

use super::aggregate::Output;
use super::case::Case;
use super::compare::Check;
use super::data::Data;
use super::expr::{Grammar, Input, type_construct};
use super::text::{Pair, join};
use crate::prng::Prng;
use sluicedb_sql::DataType;

/// How deep expressions go.
const DEPTH: usize = 3;

/// What the query is read from, here: the source, or a view of all its rows.
const SOURCE: &str = "s";
const VIEW: &str = "everything";

impl Case {
    /// A query over `data`. `name` is that of its view.
    pub(super) fn draw(prng: &mut Prng, data: &Data, name: &str) -> Case {
        let from = if prng.chance(25) { VIEW } else { SOURCE };
        let shape = prng.below(20);
        let mut grammar = Grammar::over(prng, data);
        let draft = match shape {
            0..=4 => projection(&mut grammar),
            5..=8 => grouped(&mut grammar),
            9..=14 => windowed(&mut grammar),
            15 | 16 => nested(&mut grammar, data.rows.len()),
            17 => distinct(&mut grammar),
            _ => failing(&mut grammar),
        };
        let windowed = draft.windowed;
        let from = if windowed { SOURCE } else { from };
        if from == VIEW {
            grammar.uses("view on a view");
        }
        draft.case(grammar, name, from)
    }
}

/// A query before it is known what it is read from, which `{from}` stands for.
struct Draft {
    text: Pair,
    /// A query that is a view of its own, and its name in `text`.
    beneath: Option<String>,
    outputs: Vec<Output>,
    windowed: bool,
    fails: bool,
}

impl Draft {
    fn case(self, grammar: Grammar<'_>, name: &str, from: &str) -> Case {
        let Draft { text, beneath, outputs, windowed, fails } = self;
        let beneath_name = format!("{name}_beneath");
        let ours = text.ours.replace("{from}", from).replace("{beneath}", &beneath_name);
        let mut creates = Vec::new();
        if let Some(beneath) = beneath {
            let beneath = beneath.replace("{from}", from);
            creates.push(format!("CREATE MATERIALIZED VIEW {beneath_name} AS {beneath}"));
        }
        let again = text.ours.replace("{from}", VIEW);
        let by_source = grammar.used.contains("first, last by event time");
        let again = (creates.is_empty() && !windowed && !fails && !by_source).then_some(again);
        creates.push(format!("CREATE MATERIALIZED VIEW {name} AS {ours}"));
        Case {
            creates,
            name: name.to_owned(),
            theirs: text.theirs.replace("{from}", "s"),
            again,
            checks: outputs.iter().map(|output| output.check).collect(),
            on_view: from == VIEW,
            constructs: grammar.used,
        }
    }
}

/// The text of a query: outputs, what the other side adds to them, and the rest behind them.
fn select(outputs: &[Output], rest: &Pair) -> Pair {
    let list = |of: &dyn Fn(&Output) -> String| -> Vec<String> {
        outputs.iter().enumerate().map(|(at, output)| format!("{} AS o{at}", of(output))).collect()
    };
    let ours = list(&|output| output.pair.ours.clone());
    let mut theirs = list(&|output| output.pair.theirs.clone());
    for (at, output) in outputs.iter().enumerate() {
        if let Some(scale) = &output.scale {
            theirs.push(format!("{scale} AS scale{at}"));
        }
    }
    Pair::new(
        format!("SELECT {} {}", ours.join(", "), rest.ours),
        format!("SELECT {} {}", theirs.join(", "), rest.theirs),
    )
}

fn condition(grammar: &mut Grammar<'_>) -> Pair {
    if !grammar.prng.chance(60) {
        return Pair::same("");
    }
    grammar.uses("WHERE");
    let truth = grammar.truth(2);
    join(" WHERE {}", &[&truth])
}

fn projection(grammar: &mut Grammar<'_>) -> Draft {
    grammar.uses("projection");
    let count = 1 + grammar.prng.below(4);
    let mut outputs = vec![Output::exact(Pair::same("id"), DataType::Int)];
    for _ in 0..count {
        let typed = grammar.any(DEPTH);
        let check = match typed.data_type {
            DataType::Double | DataType::Real => Check::Near(1e-12),
            _ => Check::Exact,
        };
        outputs.push(Output { check, ..Output::exact(typed.pair, typed.data_type) });
    }
    let rest = join("FROM {from}{}", &[&condition(grammar)]);
    let text = select(&outputs, &rest);
    Draft { text, beneath: None, outputs, windowed: false, fails: false }
}

/// Up to `most` expressions to group by.
fn keys(grammar: &mut Grammar<'_>, most: usize) -> Vec<Output> {
    let count = grammar.prng.below(most + 1);
    let mut keys: Vec<Output> = Vec::new();
    for _ in 0..count {
        let key = match grammar.prng.below(4) {
            0 => {
                let of = grammar.whole(1);
                let pair = join("({} % 4)", &[&of.pair]);
                Output::exact(pair, of.data_type)
            }
            1 => {
                let of = grammar.text(1);
                Output::exact(of, DataType::Text)
            }
            _ => {
                let input = grammar.input(|of| of != DataType::Map).expect("id is one");
                grammar.uses(type_construct(input.data_type));
                Output::exact(Pair::same(input.name), input.data_type)
            }
        };
        // A constant is no key: the planners write it away, each in its way.
        let varies = grammar.inputs.iter().any(|input| key.pair.ours.contains(&input.name));
        let known = keys.iter().any(|known| known.pair.ours == key.pair.ours);
        if varies && !known {
            keys.push(key);
        }
    }
    keys
}

fn calls(grammar: &mut Grammar<'_>) -> Vec<Output> {
    let count = 1 + grammar.prng.below(4);
    (0..count).map(|_| grammar.call()).collect()
}

fn group_by(keys: &[Pair]) -> Pair {
    if keys.is_empty() {
        return Pair::same("");
    }
    let list = |of: &dyn Fn(&Pair) -> String| keys.iter().map(of).collect::<Vec<_>>().join(", ");
    Pair::new(
        format!(" GROUP BY {}", list(&|pair| pair.ours.clone())),
        format!(" GROUP BY {}", list(&|pair| pair.theirs.clone())),
    )
}

fn having(grammar: &mut Grammar<'_>) -> Pair {
    if !grammar.prng.chance(20) {
        return Pair::same("");
    }
    grammar.uses("HAVING");
    let of = grammar.input(DataType::is_integer).expect("id is one").name;
    let conditions =
        ["count(*) > 2".to_owned(), format!("max({of}) > 0"), format!("min({of}) IS NOT NULL")];
    Pair::same(format!(" HAVING {}", grammar.prng.pick(&conditions)))
}

fn grouped(grammar: &mut Grammar<'_>) -> Draft {
    let keys = keys(grammar, 2);
    grammar.uses(if keys.is_empty() { "aggregate of all" } else { "GROUP BY" });
    let pairs: Vec<Pair> = keys.iter().map(|key| key.pair.clone()).collect();
    let mut outputs = keys;
    outputs.extend(calls(grammar));
    let parts = [condition(grammar), group_by(&pairs), having(grammar)];
    let rest = join("FROM {from}{}{}{}", &[&parts[0], &parts[1], &parts[2]]);
    let text = select(&outputs, &rest);
    Draft { text, beneath: None, outputs, windowed: false, fails: false }
}

fn windowed(grammar: &mut Grammar<'_>) -> Draft {
    let window = grammar.window();
    let keys = keys(grammar, 1);
    let pairs: Vec<Pair> = keys.iter().map(|key| key.pair.clone()).collect();
    let bounds = ["window_start", "window_end"];
    let bounds = bounds.map(|name| Output::exact(Pair::same(name), DataType::Timestamp));
    let mut outputs: Vec<Output> = bounds.into_iter().chain(keys).collect();
    outputs.extend(calls(grammar));
    let (condition, having) = (condition(grammar), having(grammar));
    let exploded = window.exploded(&format!("SELECT * FROM {{from}}{}", condition.theirs), &pairs);
    let by = |first: &str, of: &dyn Fn(&Pair) -> String| {
        let more: String = pairs.iter().map(|pair| format!(", {}", of(pair))).collect();
        format!(" GROUP BY {first}{more}")
    };
    let ours_by = by(&window.call, &|pair| pair.ours.clone());
    let theirs_by = by("window_start, window_end", &|pair| pair.theirs.clone());
    let emit = if grammar.prng.chance(50) {
        grammar.uses("EMIT ON WINDOW CLOSE");
        " EMIT ON WINDOW CLOSE"
    } else {
        ""
    };
    let rest = Pair::new(
        format!("FROM {{from}}{}{ours_by}{}{emit}", condition.ours, having.ours),
        format!("FROM {exploded} AS e{theirs_by}{}", having.theirs),
    );
    let text = select(&outputs, &rest);
    Draft { text, beneath: None, outputs, windowed: true, fails: false }
}

/// Groups of groups: what is beneath takes back what it said, row after row.
fn nested(grammar: &mut Grammar<'_>, rows: usize) -> Draft {
    grammar.uses("groups of groups");
    let mut inner = keys(grammar, 2);
    if inner.is_empty() {
        inner.push(Output::exact(Pair::same("c1"), DataType::Text));
    }
    let pairs: Vec<Pair> = inner.iter().map(|key| key.pair.clone()).collect();
    while inner.len() < pairs.len() + 3 {
        let call = grammar.call();
        // What both sides have in the same type, exactly.
        if call.check == Check::Exact {
            inner.push(call);
        }
    }
    let parts = [condition(grammar), group_by(&pairs)];
    let beneath = select(&inner, &join("FROM {from}{}{}", &[&parts[0], &parts[1]]));
    let outer = inner.iter().enumerate().map(|(at, output)| Input {
        name: format!("o{at}"),
        data_type: output.data_type,
        bound: output.bound * rows.max(1) as f64,
    });
    // What is in JSON lies beside it, and stayed beneath.
    let outer: Vec<Input> = outer.filter(|of| of.data_type != DataType::Json).collect();
    grammar.inputs = outer;
    grammar.times_differ = false;
    let keys = outer_keys(grammar);
    let pairs: Vec<Pair> = keys.iter().map(|key| key.pair.clone()).collect();
    let mut outputs = keys;
    outputs.extend(outer_calls(grammar));
    let by = group_by(&pairs);
    let as_view = grammar.prng.chance(50);
    if as_view {
        grammar.uses("view on a view");
        let rest = Pair::new(
            format!("FROM {{beneath}}{}", by.ours),
            format!("FROM ({}) AS b{}", beneath.theirs, by.theirs),
        );
        let text = select(&outputs, &rest);
        return Draft { text, beneath: Some(beneath.ours), outputs, windowed: false, fails: false };
    }
    grammar.uses("subquery");
    let rest = join("FROM ({}) AS b{}", &[&beneath, &by]);
    let text = select(&outputs, &rest);
    Draft { text, beneath: None, outputs, windowed: false, fails: false }
}

fn outer_keys(grammar: &mut Grammar<'_>) -> Vec<Output> {
    let input = grammar.input(|of| of != DataType::Map);
    let input = input.filter(|_| grammar.prng.chance(70));
    input.map(|of| Output::exact(Pair::same(of.name), of.data_type)).into_iter().collect()
}

/// Calls that the columns beneath allow: the grammar counts on a column of whole numbers.
fn outer_calls(grammar: &mut Grammar<'_>) -> Vec<Output> {
    match grammar.input(DataType::is_integer).is_some() {
        true => calls(grammar),
        false => vec![Output::exact(Pair::same("count(*)"), DataType::BigInt)],
    }
}

fn distinct(grammar: &mut Grammar<'_>) -> Draft {
    grammar.uses("DISTINCT");
    let mut outputs = keys(grammar, 3);
    if outputs.is_empty() {
        outputs.push(Output::exact(Pair::same("c0"), DataType::Int));
    }
    let rest = join("FROM {from}{}", &[&condition(grammar)]);
    let mut text = select(&outputs, &rest);
    for side in [&mut text.ours, &mut text.theirs] {
        *side = side.replacen("SELECT ", "SELECT DISTINCT ", 1);
    }
    Draft { text, beneath: None, outputs, windowed: false, fails: false }
}

/// Rows whose expression fails are left out, and the query goes on.
fn failing(grammar: &mut Grammar<'_>) -> Draft {
    let fault = grammar.fault();
    let value = |pattern: &str| join(pattern, &[&fault.pair]);
    let outputs = match grammar.prng.chance(50) {
        true => vec![
            Output::exact(Pair::same("id"), DataType::Int),
            Output { check: Check::Near(1e-12), ..Output::exact(value("{}"), fault.data_type) },
        ],
        false => vec![
            Output::exact(Pair::same("count(*)"), DataType::BigInt),
            Output::exact(value("max({})"), fault.data_type),
            Output::exact(value("count({})"), DataType::BigInt),
        ],
    };
    let rest = Pair::new("FROM {from}", format!("FROM {{from}} WHERE {}", fault.fine));
    let text = select(&outputs, &rest);
    Draft { text, beneath: None, outputs, windowed: false, fails: true }
}
