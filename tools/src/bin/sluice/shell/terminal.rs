//! What the shell asks of the terminal: its size, and whether Ctrl-C was typed.

use std::io::{self, IsTerminal as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustyline::DefaultEditor;
use signal_hook::consts::SIGINT;
use signal_hook::flag;

/// Whether Ctrl-C was typed. What waits looks at it; typed a second time, it ends the process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Takes Ctrl-C from here on.
    pub(crate) fn install() -> io::Result<Interrupt> {
        let interrupt = Interrupt::default();
        // In this order, so that the first Ctrl-C finds the flag down.
        flag::register_conditional_default(SIGINT, Arc::clone(&interrupt.0))?;
        flag::register(SIGINT, Arc::clone(&interrupt.0))?;
        Ok(interrupt)
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    pub(crate) fn clear(&self) {
        self.0.store(false, Ordering::Release);
    }
}

/// Columns and rows, where output goes to a terminal.
pub(crate) fn size() -> Option<(usize, usize)> {
    if !io::stdout().is_terminal() {
        return None;
    }
    let (columns, rows) = DefaultEditor::new().ok()?.dimensions()?;
    Some((usize::from(columns), usize::from(rows)))
}
