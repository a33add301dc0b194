//! A graph as text: what runs where, and where rows cross shards.

use std::fmt;

use super::{EntryKey, Graph, Kind, StageSpec, Target};

impl fmt::Display for Graph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for stage in &self.stages {
            writeln!(f, "stage {}", stage.id.0)?;
            for (key, targets) in &stage.entries {
                match key {
                    EntryKey::Source(id) => {
                        let source = &self.sources[id.index()];
                        write!(f, "  source {} by {:?}", source.name, source.key)?;
                    }
                    EntryKey::Edge(id) => {
                        write!(f, "  {id} from stage {}", { self.edges[id.index()].from_stage.0 })?
                    }
                }
                writeln!(f, "{}", to(stage, targets))?;
            }
            for operator in &stage.operators {
                write!(f, "  {} ", operator.id)?;
                match &operator.kind {
                    Kind::Map(_) => f.write_str(operator.kind.name())?,
                    Kind::Aggregate(options) => write!(f, "aggregate by {:?}", options.keys)?,
                    Kind::Join(options) => {
                        let kind = options.kind.text();
                        write!(f, "{kind} on {:?} = {:?}", options.keys[0], options.keys[1])?;
                    }
                    Kind::Over(options) => write!(f, "over by {:?}", options.partition)?,
                    Kind::Top(options) => write!(f, "top by {:?}", options.partition)?,
                    Kind::View(options) => {
                        let view = &self.views[options.view.index()];
                        let what = if options.kept { "view" } else { "stream" };
                        let when = if options.consolidated { ", by epoch" } else { "" };
                        write!(f, "{what} {}{when}", view.name)?;
                    }
                    Kind::Retain(_) => f.write_str("retain")?,
                    Kind::Stream(options) => {
                        write!(f, "stream {}", self.views[options.view.index()].name)?;
                    }
                    Kind::Exchange(id) => {
                        let edge = &self.edges[id.index()];
                        write!(f, "exchange {id} by {:?} to stage {}", edge.key, edge.to_stage.0)?;
                    }
                }
                for (port, targets) in operator.outputs.iter().enumerate() {
                    if port > 0 && !targets.is_empty() {
                        write!(f, ", late")?;
                    }
                    write!(f, "{}", to(stage, targets))?;
                }
                writeln!(f)?;
            }
        }
        Ok(())
    }
}

fn to(stage: &StageSpec, targets: &[Target]) -> String {
    let name = |target: &Target| {
        let id = stage.operators[target.operator].id;
        if target.port.0 == 0 { format!("{id}") } else { format!("{id}.{}", target.port.0) }
    };
    match targets {
        [] => String::new(),
        _ => format!(" -> {}", targets.iter().map(name).collect::<Vec<_>>().join(", ")),
    }
}
