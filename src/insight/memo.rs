//! Remembers what was computed a moment ago: a page asks ten questions about the same items, and
//! several people look at the same page. What is remembered is given again while nothing has
//! changed, and else for as long as it is at most twenty times as old as it took to compute, so that
//! what is cheap is always fresh and what is dear is not computed over and over while deliveries
//! come in.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How many times as old as it took to compute a thing may become.
const AGE: u32 = 20;

/// Things by what they were asked for.
#[derive(Debug)]
pub struct Memo<K, V> {
    known: Mutex<Known<K, V>>,
    /// Something is no longer being made.
    made: Condvar,
    size: usize,
}

#[derive(Debug)]
struct Known<K, V> {
    entries: Vec<Entry<K, V>>,
    /// What somebody computes right now.
    making: Vec<K>,
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
        let known = Known { entries: Vec::new(), making: Vec::new() };
        Self { known: Mutex::new(known), made: Condvar::new(), size: size.max(1) }
    }

    /// What is remembered for `key`, if it is still good for the data of `version`.
    pub fn get(&self, key: &K, version: u64, now: Instant) -> Option<Arc<V>> {
        self.known().good(key, version, now)
    }

    /// What is remembered for `key`, or else what `make` computes. Whoever asks for the same meanwhile
    /// waits for it, and computes it only if that failed: reports of one page ask at the same time.
    ///
    /// Blocks. `make` must not ask this memo for anything.
    pub fn recall<E>(&self, key: &K, version: u64, make: impl FnOnce() -> Result<V, E>) -> Result<Arc<V>, E>
    where
        K: Clone,
    {
        let mut known = self.known();
        let turn = loop {
            if let Some(value) = known.good(key, version, Instant::now()) {
                return Ok(value);
            }
            if !known.making.contains(key) {
                known.making.push(key.clone());
                break Turn { memo: self, key };
            }
            known = self.made.wait(known).unwrap_or_else(PoisonError::into_inner);
        };
        drop(known);
        let begun = Instant::now();
        let value = make()?;
        let value = self.put(key.clone(), value, version, begun, Instant::now());
        drop(turn);
        Ok(value)
    }

    /// Remembers what took from `begun` to `now` to compute, and forgets the oldest for it.
    pub fn put(&self, key: K, value: V, version: u64, begun: Instant, now: Instant) -> Arc<V> {
        let value = Arc::new(value);
        let cost = now.duration_since(begun);
        let mut known = self.known();
        let entries = &mut known.entries;
        entries.retain(|entry| entry.key != key);
        if entries.len() == self.size {
            entries.remove(0);
        }
        entries.push(Entry { key, value: value.clone(), version, cost, made: now });
        value
    }

    fn known(&self) -> MutexGuard<'_, Known<K, V>> {
        // Nothing is left half done under the lock.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: PartialEq, V> Known<K, V> {
    fn good(&self, key: &K, version: u64, now: Instant) -> Option<Arc<V>> {
        let entry = self.entries.iter().find(|entry| entry.key == *key)?;
        let fresh = entry.version == version || now.duration_since(entry.made) < entry.cost * AGE;
        fresh.then(|| entry.value.clone())
    }
}

/// Somebody computes something: until this is gone, however that ends.
struct Turn<'m, K: PartialEq, V> {
    memo: &'m Memo<K, V>,
    key: &'m K,
}

impl<K: PartialEq, V> Drop for Turn<'_, K, V> {
    fn drop(&mut self) {
        self.memo.known().making.retain(|making| making != self.key);
        self.memo.made.notify_all();
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests {
    use std::sync::mpsc;

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
    fn what_several_ask_for_at_once_is_computed_once() {
        let memo = Memo::new(4);
        let (begins, begun) = mpsc::channel();
        let (again, computed_again) = mpsc::channel();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                memo.recall(&"a", 7, move || {
                    begins.send(())?;
                    // Lasts until it is computed again, which must not be.
                    let _ = computed_again.recv_timeout(Duration::from_millis(100));
                    Ok::<_, mpsc::SendError<()>>("the first")
                })
            });
            begun.recv().unwrap();
            let value = memo.recall(&"a", 7, move || again.send(()).map(|()| "again"));
            assert_eq!(value.as_deref(), Ok(&"the first"));
        });
    }

    #[test]
    fn what_could_not_be_computed_is_computed_by_the_next() {
        let memo = Memo::new(4);
        assert_eq!(memo.recall(&"a", 7, || Err::<u32, _>("no")), Err("no"));
        let broken =
            std::panic::AssertUnwindSafe(|| memo.recall(&"a", 7, || -> Result<u32, ()> { panic!("broken") }));
        assert!(std::panic::catch_unwind(broken).is_err());
        assert_eq!(memo.recall(&"a", 7, || Ok::<_, ()>(1)).as_deref(), Ok(&1));
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
