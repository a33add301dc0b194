//! Text for both sides.

/// What a query says here, and what means the same to plain DataFusion.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) ours: String,
    pub(super) theirs: String,
}

impl Pair {
    /// What both sides write alike.
    pub(super) fn same(text: impl Into<String>) -> Pair {
        let ours = text.into();
        Pair { theirs: ours.clone(), ours }
    }

    pub(super) fn new(ours: impl Into<String>, theirs: impl Into<String>) -> Pair {
        Pair { ours: ours.into(), theirs: theirs.into() }
    }
}

/// The pattern with each `{}` replaced by the next part.
pub(super) fn join(pattern: &str, parts: &[&Pair]) -> Pair {
    join_apart(pattern, pattern, parts)
}

/// The same where the sides have patterns of their own; `{0}` is the first part, and so on.
pub(super) fn join_apart(ours: &str, theirs: &str, parts: &[&Pair]) -> Pair {
    let fill = |pattern: &str, of: &dyn Fn(&Pair) -> String| {
        let mut text = pattern.to_owned();
        for (at, part) in parts.iter().enumerate() {
            text = text.replace(&format!("{{{at}}}"), &of(part));
        }
        for part in parts {
            text = text.replacen("{}", &of(part), 1);
        }
        text
    };
    Pair {
        ours: fill(ours, &|pair| pair.ours.clone()),
        theirs: fill(theirs, &|pair| pair.theirs.clone()),
    }
}
