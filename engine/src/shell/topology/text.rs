//! The text form of a topology: one CPU a line, so that a recorded machine is test data.
//!
//! `cpu 3 core 1 node 0 package 0`, with ` denied` behind it where this process may not run, and
//! at most one line `quota 2`. What follows a `#` is a remark.

use super::{Cpu, Topology, TopologyError};
use std::fmt;

/// Why a text is no topology.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// A line that says nothing known.
    Line {
        /// Counted from 1.
        line: usize,
        /// Its text.
        text: String,
    },
    /// The lines contradict each other.
    Machine(TopologyError),
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParseError::Line { line, text } => write!(
                f,
                "line {line}: `{text}` is neither `cpu N core N node N package N [denied]` nor \
                 `quota N`"
            ),
            ParseError::Machine(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ParseError {}

impl Topology {
    /// Reads the text form.
    pub fn parse(text: &str) -> Result<Topology, ParseError> {
        let (mut cpus, mut quota) = (Vec::new(), None);
        for (index, text) in text.lines().enumerate() {
            let said = text.split('#').next().unwrap_or_default();
            let words: Vec<&str> = said.split_whitespace().collect();
            match (&words[..], quota) {
                ([], _) => continue,
                (["quota", number], None) => {
                    quota = number.parse().ok().filter(|quota| *quota > 0);
                    if quota.is_some() {
                        continue;
                    }
                }
                (words, _) => {
                    if let Some(cpu) = cpu(words) {
                        cpus.push(cpu);
                        continue;
                    }
                }
            }
            return Err(ParseError::Line { line: index + 1, text: text.trim().to_owned() });
        }
        Topology::new(cpus, quota).map_err(ParseError::Machine)
    }
}

fn cpu(words: &[&str]) -> Option<Cpu> {
    let (words, allowed) = match words {
        [words @ .., "denied"] => (words, false),
        words => (words, true),
    };
    let &["cpu", cpu, "core", core, "node", node, "package", package] = words else { return None };
    let number = |text: &str| text.parse().ok();
    Some(Cpu {
        cpu: number(cpu)?,
        core: number(core)?,
        node: number(node)?,
        package: number(package)?,
        allowed,
    })
}

impl fmt::Display for Topology {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Cpu { cpu, core, node, package, allowed } in self.cpus() {
            let denied = if *allowed { "" } else { " denied" };
            writeln!(f, "cpu {cpu} core {core} node {node} package {package}{denied}")?;
        }
        match self.quota() {
            Some(quota) => writeln!(f, "quota {quota}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str) -> String {
        Topology::parse(text).unwrap_err().to_string()
    }

    #[test]
    fn a_machine_is_read_as_it_was_written() {
        let text = "cpu 0 core 0 node 0 package 0\ncpu 1 core 0 node 0 package 0 denied\n\
                    cpu 2 core 1 node 1 package 0\nquota 2\n";
        let topology = Topology::parse(text).unwrap();
        assert_eq!(topology.to_string(), text);
        assert_eq!(topology.allowed(), [0, 2]);
        assert_eq!(topology.quota(), Some(2));
    }

    #[test]
    fn remarks_and_the_order_of_lines_do_not_matter() {
        let text = "# a laptop\n\ncpu 1 core 1 node 0 package 0 # the fast one\n\
                    cpu 0 core 0 node 0 package 0\n";
        let cpus: Vec<u32> = Topology::parse(text).unwrap().cpus().iter().map(|c| c.cpu).collect();
        assert_eq!(cpus, [0, 1]);
    }

    #[test]
    fn a_line_that_says_nothing_is_named() {
        let why = "is neither `cpu N core N node N package N [denied]` nor `quota N`";
        assert_eq!(refused("quota 1\ncpu 0 core\n"), format!("line 2: `cpu 0 core` {why}"));
        assert_eq!(refused("quota 0"), format!("line 1: `quota 0` {why}"));
        assert_eq!(refused("quota 1\nquota 2"), format!("line 2: `quota 2` {why}"));
        let minus = "cpu -1 core 0 node 0 package 0";
        assert_eq!(refused(minus), format!("line 1: `{minus}` {why}"));
    }

    #[test]
    fn what_no_machine_is_like_is_refused() {
        let line = "cpu 0 core 0 node 0 package 0\n";
        assert_eq!(refused(""), "a machine has at least one CPU");
        assert_eq!(refused(&format!("{line}{line}")), "cpu 0 is there twice");
        assert_eq!(
            refused(&format!("{line}cpu 1 core 0 node 1 package 0")),
            "cpu 1 is on another node or package than the rest of core 0"
        );
    }
}
