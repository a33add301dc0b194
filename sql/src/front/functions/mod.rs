//! The functions that queries can call: the library's, and ours where they mean something else.

mod aggregate;
mod assign;
mod custom;
mod custom_aggregate;
mod lists;
mod native;
mod windows;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use datafusion::common::config::ConfigOptions;
use datafusion::execution::SessionStateDefaults;
use datafusion::logical_expr::{AggregateUDF, HigherOrderUDF, ScalarUDF, WindowUDF};

use crate::expr::{BinaryOp, Native};
use crate::types::DataType;

pub(crate) use aggregate::of_plan;
pub(crate) use assign::{assign, sessions};
pub(crate) use custom::Custom;
pub use custom::{Body, Outcome};
pub(crate) use custom_aggregate::{CustomAggregate, custom_aggregate, refuse_distinct};
pub(crate) use lists::separator;
pub(crate) use native::{Meaning, Ours};

pub(crate) use super::error::outside;
pub(crate) use windows::{WindowKind, WindowMark};

/// Everything by name.
pub(crate) struct Functions {
    pub(crate) scalar: HashMap<String, Arc<ScalarUDF>>,
    pub(crate) higher: HashMap<String, Arc<HigherOrderUDF>>,
    pub(crate) aggregate: HashMap<String, Arc<AggregateUDF>>,
    pub(crate) window: HashMap<String, Arc<WindowUDF>>,
}

/// The functions of every query. Made once: the library has some hundreds.
pub(crate) fn all() -> &'static Functions {
    static ALL: LazyLock<Functions> = LazyLock::new(Functions::new);
    &ALL
}

impl Functions {
    fn new() -> Functions {
        let mut scalar = HashMap::new();
        for function in SessionStateDefaults::default_scalar_functions() {
            for alias in function.aliases() {
                scalar.insert(alias.clone(), Arc::clone(&function));
            }
            scalar.insert(function.name().to_owned(), function);
        }
        // A moment, as PostgreSQL has it, and not what clocks show at it.
        let mut options = ConfigOptions::default();
        options.execution.time_zone = Some("+00:00".to_owned());
        for name in ["now", "current_timestamp"] {
            let moment = scalar
                .get(name)
                .and_then(|now: &Arc<ScalarUDF>| now.inner().with_updated_config(&options));
            scalar.extend(moment.map(|moment| (name.to_owned(), Arc::new(moment))));
        }
        for function in windows::marks() {
            scalar.insert(function.name().to_owned(), function);
        }
        let names: Vec<String> = scalar.keys().cloned().collect();
        let ours = Native::NAMES.iter().map(|name| (*name).to_owned());
        for name in names.into_iter().chain(ours) {
            if let Some(native) = Native::named(&name) {
                let library = scalar.remove(&name);
                let function = Ours::udf(native.name(), Meaning::Call(native), library);
                scalar.insert(name, function);
            }
        }
        let mut aggregate = HashMap::new();
        for function in SessionStateDefaults::default_aggregate_functions() {
            for alias in function.aliases() {
                aggregate.insert(alias.clone(), Arc::clone(&function));
            }
            aggregate.insert(function.name().to_owned(), function);
        }
        for function in aggregate::own().chain(lists::listings()) {
            aggregate.insert(function.name().to_owned(), function);
        }
        let mut window = HashMap::new();
        for function in SessionStateDefaults::default_window_functions() {
            for alias in function.aliases() {
                window.insert(alias.clone(), Arc::clone(&function));
            }
            window.insert(function.name().to_owned(), function);
        }
        let higher = SessionStateDefaults::default_higher_order_functions();
        let higher = higher.into_iter().map(|of| (of.name().to_owned(), of)).collect();
        Functions { scalar, higher, aggregate, window }
    }
}

impl Functions {
    /// The names of all that a user may call.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let names = self.scalar.keys().chain(self.aggregate.keys()).chain(self.window.keys());
        names.map(String::as_str).filter(|name| !name.starts_with("__"))
    }
}

/// Whether every database has a function of this name.
pub(crate) fn is_function(name: &str) -> bool {
    let Functions { scalar, higher, aggregate, window } = all();
    scalar.contains_key(name)
        || higher.contains_key(name)
        || aggregate.contains_key(name)
        || window.contains_key(name)
}

/// An operator as a function.
pub(crate) fn operator(op: BinaryOp) -> Arc<ScalarUDF> {
    Ours::udf(op.sign(), Meaning::Binary(op), None)
}

/// A native function by itself.
pub(crate) fn native(native: Native) -> Arc<ScalarUDF> {
    let known = all().scalar.get(native.name());
    Arc::clone(known.expect("every native function is registered"))
}

/// Minus as a function.
pub(crate) fn negate() -> Arc<ScalarUDF> {
    Ours::udf("-", Meaning::Negate, None)
}

/// A cast as a function.
pub(crate) fn cast(to: DataType) -> Arc<ScalarUDF> {
    Ours::udf(format!("cast to {to}"), Meaning::Cast(to), None)
}
