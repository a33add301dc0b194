//! Nexmark: people, auctions and bids, queries over them, and what another engine made of these.

pub mod canonical;
pub mod check;
pub mod events;
pub mod golden;
pub mod queries;
#[cfg(test)]
mod tests;

/// The statements that create the three sources.
pub const SOURCES: &str = include_str!("../../nexmark/sources.sql");
