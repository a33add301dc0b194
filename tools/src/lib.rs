//! The `sluice` command and the checks of the workspace.
