//! `sluice topology`: the machine, which shard runs where on it, and why.

use std::io::Write;

use sluicedb::shell::topology::{Reading, Request, Topology, parse_cpus, place};

use crate::command::{Command, Failure, Options};

pub(crate) const COMMAND: Command = Command {
    name: "topology",
    about: "the CPUs of this machine, which shard runs where, and why",
    help: "\
Prints the machine as the database sees it, the place of every shard, and why.

Usage: sluice topology [--shards N] [--cores LIST] [--machine FILE] [--record]

  --shards N       plan for N shards instead of one per core that is free
  --cores LIST     plan for these CPUs, such as 0,2-5
  --machine FILE   plan for the machine in FILE instead of this one
  --record         print this machine as such a file, and no plan

Example: sluice topology --shards 2",
    run,
};

#[derive(Debug, Default, PartialEq)]
struct Asked {
    request: Request,
    machine: Option<String>,
    record: bool,
}

fn run(given: &[String], out: &mut dyn Write) -> Result<(), Failure> {
    let Asked { request, machine, record } = asked(given)?;
    let Reading { topology, warning } = match machine {
        Some(path) => Reading { topology: recorded(&path)?, warning: None },
        None => Topology::read(),
    };
    if record {
        // The remark keeps the file readable by `--machine`.
        if let Some(warning) = warning {
            writeln!(out, "# {warning}")?;
        }
        return Ok(write!(out, "{topology}")?);
    }
    write!(out, "machine: {}", topology.summary())?;
    if let Some(warning) = warning {
        writeln!(out, "  warning: {warning}")?;
    }
    let placement = place(&topology, &request).map_err(|error| Failure::Failed(error.to_string()));
    Ok(write!(out, "plan: {}", placement?)?)
}

fn asked(given: &[String]) -> Result<Asked, Failure> {
    let mut options = Options::new(COMMAND.name, given);
    let mut asked = Asked::default();
    while let Some(option) = options.option()? {
        match option {
            "--shards" => {
                let number = options.value(option, "a number of shards")?;
                let number = number.parse().map_err(|_| {
                    options.usage(&format!("--shards takes a number, and not `{number}`"))
                });
                asked.request.shards = Some(number?);
            }
            "--cores" => {
                let list = options.value(option, "a list of CPUs such as 0,2-5")?;
                let cores = parse_cpus(list).map_err(|error| options.usage(&error.to_string()));
                asked.request.cores = Some(cores?);
            }
            "--machine" => {
                asked.machine = Some(options.value(option, "the name of a file")?.to_owned());
            }
            "--record" => asked.record = true,
            word => return Err(options.unknown(word)),
        }
    }
    Ok(asked)
}

fn recorded(path: &str) -> Result<Topology, Failure> {
    let text = std::fs::read_to_string(path);
    let text = text.map_err(|error| Failure::Failed(format!("{path}: {error}")))?;
    Topology::parse(&text).map_err(|error| Failure::Failed(format!("{path}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Asked, String> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        asked(&words).map_err(|failure| {
            assert_eq!(failure.code(), 2);
            failure.to_string()
        })
    }

    #[test]
    fn options_are_taken_with_a_space_or_an_equals_sign() {
        let request = Request { shards: Some(2), cores: Some(vec![0, 2, 3]) };
        let expected = Asked { request, machine: Some("m".to_owned()), record: true };
        assert_eq!(parsed("--shards 2 --cores 0,2-3 --machine m --record").unwrap(), expected);
        assert_eq!(parsed("--record --machine=m --cores=0,2-3 --shards=2").unwrap(), expected);
    }

    #[test]
    fn wrong_usage_says_what_is_taken() {
        let refused = |line: &str| parsed(line).unwrap_err();
        let hint = "; see `sluice topology --help`";
        assert_eq!(
            refused("--shards"),
            format!("topology: --shards takes a number of shards{hint}")
        );
        assert_eq!(
            refused("--shards two"),
            format!("topology: --shards takes a number, and not `two`{hint}")
        );
        assert_eq!(refused("--record=1"), format!("topology: --record takes no value{hint}"));
        assert_eq!(refused("here"), format!("topology: `here` means nothing here{hint}"));
        assert!(refused("--cores 0-").starts_with("topology: `0-` is no list of CPUs"));
    }

    #[test]
    fn a_recorded_machine_is_planned_as_this_one_would_be() {
        let path = std::env::temp_dir().join(format!("sluice-topology-{}", std::process::id()));
        let words = ["--machine", path.to_str().unwrap(), "--shards", "1"].map(str::to_owned);
        let mut recorded = Vec::new();
        run(&["--record".to_owned()], &mut recorded).unwrap();
        std::fs::write(&path, recorded).unwrap();
        let (mut here, mut there) = (Vec::new(), Vec::new());
        run(&words[2..], &mut here).unwrap();
        run(&words, &mut there).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert_eq!(String::from_utf8(here).unwrap(), String::from_utf8(there).unwrap());
    }
}
