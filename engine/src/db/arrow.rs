//! Morsels from record batches and back, buffers moved where that is possible.
