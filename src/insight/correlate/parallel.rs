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
    use std::sync::Barrier;

    #[test]
    fn the_order_does_not_depend_on_who_took_what() {
        let squares: Vec<usize> = (0..40).map(|n| n * n).collect();
        assert_eq!(super::map(1, 40, |n| n * n), squares);
        assert_eq!(super::map(200, 40, |n| n * n), squares);
        // All four threads wait for each other, so that each takes ten.
        let barrier = Barrier::new(4);
        let together = |n| {
            barrier.wait();
            n * n
        };
        assert_eq!(super::map(4, 40, together), squares);
        assert!(super::map(4, 0, |n| n).is_empty());
    }
}
