//! What a figure was measured on.

use std::fmt;
use std::fs;
use std::process::Command;

/// The machine and the build.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Machine {
    /// What the processor calls itself.
    pub cpu: String,
    /// How many CPUs this process may use.
    pub cpus: usize,
    /// The release of the kernel.
    pub kernel: String,
    /// With or without the checks of a debug build.
    pub profile: &'static str,
    /// The commit of the folder it runs in, if git knows one.
    pub commit: Option<String>,
}

impl Machine {
    /// This one.
    pub fn here() -> Machine {
        let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        Machine {
            cpu: cpu_model(&info).unwrap_or("unknown processor").to_owned(),
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            kernel: kernel.trim().to_owned(),
            profile: if cfg!(debug_assertions) { "debug" } else { "release" },
            commit: commit(),
        }
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Machine { cpu, cpus, kernel, profile, commit } = self;
        write!(f, "{cpu}, {cpus} CPUs, kernel {kernel}, {profile} build")?;
        match commit {
            Some(commit) => write!(f, " of {commit}"),
            None => Ok(()),
        }
    }
}

fn cpu_model(info: &str) -> Option<&str> {
    let line = info.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(':').map(|(_, model)| model.trim())
}

fn commit() -> Option<String> {
    let arguments = ["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"];
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_named_in_one_line() {
        let machine = Machine {
            cpu: "Some CPU".into(),
            cpus: 2,
            kernel: "6.1".into(),
            profile: "release",
            commit: Some("abc".into()),
        };
        let line = "Some CPU, 2 CPUs, kernel 6.1, release build of abc";
        assert_eq!(machine.to_string(), line);
        let elsewhere = Machine { commit: None, ..machine };
        assert_eq!(elsewhere.to_string(), "Some CPU, 2 CPUs, kernel 6.1, release build");
    }

    #[test]
    fn the_model_of_the_processor_is_found() {
        assert_eq!(cpu_model("x : 1\nmodel name\t: A B\nmodel name\t: C\n"), Some("A B"));
        assert_eq!(cpu_model("Processor : ARM"), None);
    }
}
