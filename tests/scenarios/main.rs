//! One test per scenario file: a story told to the engine, and what is expected of it.
fn main() {}
