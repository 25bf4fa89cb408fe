//! The same with very many open items in the store: speed, start, memory, bytes on disk; and how
//! fast finished items leave.
pub fn run(_items: usize, _deliveries: usize, _rounds: usize) {}
