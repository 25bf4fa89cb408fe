//! Remembers what was computed a moment ago: a page asks ten questions about the same items, and
//! several people look at the same page. What is remembered is given again while nothing has
//! changed, and else for as long as it is at most twenty times as old as it took to compute, so that
//! what is cheap is always fresh and what is dear is not computed over and over while deliveries
//! come in.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How many times as old as it took to compute a thing may become.
const AGE: u32 = 20;

/// Things by what they were asked for.
#[derive(Debug)]
pub struct Memo<K, V> {
    entries: Mutex<Vec<Entry<K, V>>>,
    size: usize,
}

#[derive(Debug)]
struct Entry<K, V> {
    key: K,
    value: Arc<V>,
    version: u64,
    cost: Duration,
    made: Instant,
}

impl<K: PartialEq, V> Memo<K, V> {
    /// Remembers at most `size` things.
    pub fn new(size: usize) -> Self {
        Self { entries: Mutex::default(), size: size.max(1) }
    }

    /// What is remembered for `key`, if it is still good for the data of `version`.
    pub fn get(&self, key: &K, version: u64, now: Instant) -> Option<Arc<V>> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.iter().find(|entry| entry.key == *key)?;
        let fresh = entry.version == version || now.duration_since(entry.made) < entry.cost * AGE;
        fresh.then(|| entry.value.clone())
    }

    /// Remembers what took from `begun` to `now` to compute, and forgets the oldest for it.
    pub fn put(&self, key: K, value: V, version: u64, begun: Instant, now: Instant) -> Arc<V> {
        let value = Arc::new(value);
        let cost = now.duration_since(begun);
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|entry| entry.key != key);
        if entries.len() == self.size {
            entries.remove(0);
        }
        entries.push(Entry { key, value: value.clone(), version, cost, made: now });
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_good_until_something_changes_or_for_a_while_if_it_was_dear() {
        let memo = Memo::new(4);
        let begun = Instant::now();
        let made = begun + Duration::from_millis(100);
        memo.put("a", 1, 7, begun, made);
        let later = |milliseconds| made + Duration::from_millis(milliseconds);
        assert_eq!(memo.get(&"a", 7, later(1_000_000)).as_deref(), Some(&1));
        assert_eq!(memo.get(&"a", 8, later(1_999)).as_deref(), Some(&1));
        assert_eq!(memo.get(&"a", 8, later(2_000)), None);
        assert_eq!(memo.get(&"b", 7, later(0)), None);
    }

    #[test]
    fn only_the_latest_are_remembered() {
        let memo = Memo::new(4);
        let now = Instant::now();
        for n in 0..=4 {
            memo.put(n, n, 0, now, now);
        }
        assert_eq!(memo.get(&0, 0, now), None);
        assert_eq!(memo.get(&4, 0, now).as_deref(), Some(&4));
    }
}
