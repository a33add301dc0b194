//! What kernels of functions keep from morsel to morsel.

use crate::expr::kernel::call::like::Token;

/// Room to work in, kept so that nothing is allocated once it is large enough.
#[derive(Clone, Debug, Default)]
pub(in crate::expr) struct Work {
    /// A text on its way.
    pub(in crate::expr::kernel) text: String,
    /// Another one.
    pub(super) other: String,
    /// A value as its bytes.
    pub(super) bytes: Vec<u8>,
    /// Rows that are NULL although no argument is.
    pub(super) rows: Vec<u32>,
    /// A pattern that is no constant.
    pub(super) tokens: Vec<Token>,
    /// A pattern of moments that is no constant.
    pub(super) moments: super::time::Pattern,
    /// The last expression that is no constant, as it was compiled.
    pub(super) regex: super::regex::Last,
}
