//! The same for many, on several threads.

use std::sync::atomic::{AtomicUsize, Ordering};

/// What `each` makes of 0 to `count - 1`, in that order whoever was done first. Threads take one
/// after another.
pub(super) fn map<T: Send>(threads: usize, count: usize, each: impl Fn(usize) -> T + Sync) -> Vec<T> {
    if threads <= 1 || count <= 1 {
        return (0..count).map(each).collect();
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let taken = std::iter::from_fn(|| {
            let index = next.fetch_add(1, Ordering::Relaxed);
            (index < count).then(|| (index, each(index)))
        });
        taken.collect::<Vec<_>>()
    };
    let mut done = std::thread::scope(|scope| {
        let others: Vec<_> = (1..threads.min(count)).map(|_| scope.spawn(work)).collect();
        let mut done = work();
        for other in others {
            match other.join() {
                Ok(part) => done.extend(part),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, made)| made).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_order_does_not_depend_on_who_is_done_first() {
        let squares: Vec<usize> = (0..100).map(|n| n * n).collect();
        for threads in [1, 3, 200] {
            assert_eq!(super::map(threads, 100, |n| n * n), squares);
        }
        assert!(super::map(4, 0, |n| n).is_empty());
    }
}
