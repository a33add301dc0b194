//! Lists of CPUs as people and the kernel write them: `0,2-5`.

use std::fmt;

/// Highest number of a CPU in a list, so that a slip of the pen does not fill the memory.
const CPU_MAX: u32 = (1 << 16) - 1;

/// Why a text is no list of CPUs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CpuListError {
    /// The part that cannot be read.
    pub part: String,
}

impl fmt::Display for CpuListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CpuListError { part } = self;
        write!(
            f,
            "`{part}` is no list of CPUs: write numbers up to {CPU_MAX} and ranges with commas \
             between, for example 0,2-5"
        )
    }
}

impl std::error::Error for CpuListError {}

/// Reads a list such as `0,2-5`; keeps its order.
pub fn parse_cpus(text: &str) -> Result<Vec<u32>, CpuListError> {
    let mut cpus = Vec::new();
    for part in text.trim().split(',') {
        let refused = || CpuListError { part: part.to_owned() };
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let number = |text: &str| text.trim().parse().ok().filter(|cpu| *cpu <= CPU_MAX);
        let first: u32 = number(first).ok_or_else(refused)?;
        let last: u32 = number(last).ok_or_else(refused)?;
        if first > last {
            return Err(refused());
        }
        cpus.extend(first..=last);
    }
    Ok(cpus)
}

/// Shows numbers as `0,2-5`: runs that rise by one are drawn together, the order is kept.
pub struct Cpus<'a>(pub &'a [u32]);

impl fmt::Display for Cpus<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs = self.0.chunk_by(|left, right| left.checked_add(1) == Some(*right));
        for (index, run) in runs.enumerate() {
            let comma = if index == 0 { "" } else { "," };
            match run {
                [only] => write!(f, "{comma}{only}")?,
                [first, .., last] => write!(f, "{comma}{first}-{last}")?,
                [] => {}
            }
        }
        Ok(())
    }
}

/// `cpu 3` or `cpus 3,5-7`.
pub(super) struct Named<'a>(pub(super) &'a [u32]);

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.0.len() == 1 { "" } else { "s" };
        write!(f, "cpu{plural} {}", Cpus(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let shown = match parse_cpus(text) {
            Ok(cpus) => Cpus(&cpus).to_string(),
            Err(error) => format!("not `{}`", error.part),
        };
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_list_is_read_and_shown_in_its_order() {
        check("0,2-5", "0,2-5");
        check(" 7, 0,1 ,2\n", "7,0-2");
        check("3-3", "3");
        assert_eq!(parse_cpus("4,1-2"), Ok(vec![4, 1, 2]));
    }

    #[test]
    fn what_is_no_list_is_refused_with_the_part_at_fault() {
        check("", "not ``");
        check("0,,1", "not ``");
        check("0,x", "not `x`");
        check("5-2", "not `5-2`");
        check("-1", "not `-1`");
        check("0-4000000000", "not `0-4000000000`");
        let error = parse_cpus("0,two").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`two` is no list of CPUs: write numbers up to 65535 and ranges with commas between, \
             for example 0,2-5"
        );
    }
}
