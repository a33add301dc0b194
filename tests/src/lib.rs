//! The simulated world in which the engine runs before it runs on a machine.
