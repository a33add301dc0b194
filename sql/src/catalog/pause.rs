//! PAUSE and RESUME: a source that reaches outside stops to read, and goes on where it was.
//!
//! Only where rows can wait outside, in a file or with whoever makes them: rows for a query that
//! stands still would have to be kept here, without an end.

use std::collections::BTreeSet;

use super::decide::Decision;
use super::{Catalog, Definition, kind_name};
use crate::SqlError;
use crate::dialect::syntax::Target;

impl Catalog {
    pub(super) fn pause(&self, target: &Target, resume: bool) -> Result<Decision, SqlError> {
        let Target { kind, name } = target;
        let object = self.named(name)?;
        if let Some(wanted) = kind
            && *wanted != object.kind()
        {
            return Err(self.kind_error(name, object.kind(), *wanted));
        }
        let word = if resume { "RESUME" } else { "PAUSE" };
        match &object.definition {
            Definition::Source { connector: Some(_), .. } => {
                Ok(Decision::Pause { name: object.name.clone(), resume })
            }
            Definition::Source { connector: None, .. } => Err(SqlError::wrong_kind(format!(
                "{word}: source \"{}\" is fed by applications, which push when they like",
                name.name
            ))
            .hint("Stop pushing.")
            .at(name.at)),
            _ => {
                let kind = kind_name(object.kind());
                let message = format!(
                    "{word} of a {kind}: the rows that come meanwhile would be kept without an end"
                );
                Err(SqlError::unsupported(message).hint(self.instead(&object.name)).at(name.at))
            }
        }
    }

    /// What to pause instead of a query.
    fn instead(&self, name: &str) -> String {
        let (mut sources, mut next) = (BTreeSet::new(), vec![name.to_owned()]);
        let mut seen = BTreeSet::new();
        while let Some(object) = next.pop().and_then(|name| self.object(&name)) {
            if let Definition::Source { connector: Some(_), .. } = &object.definition {
                sources.insert(format!("PAUSE SOURCE {}", object.name));
            }
            next.extend(object.reads.iter().filter(|read| seen.insert(read.as_str())).cloned());
        }
        match sources.is_empty() {
            true => "Drop it, and create it again when it is to go on.".to_owned(),
            false => {
                let sources: Vec<String> = sources.into_iter().collect();
                format!("Pause what it reads: {}.", sources.join("; "))
            }
        }
    }
}
