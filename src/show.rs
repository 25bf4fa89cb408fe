//! What is seen of long work while it goes on (an import, a copy of the store, a check of it), on standard
//! error: on a terminal a bar for each part with the messages above it, otherwise a line now and then.

use std::io::{self, IsTerminal, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// How often a line is written where there is no terminal.
const EVERY: Duration = Duration::from_secs(10);

/// Somebody to tell how it goes.
pub trait Show: Send + Sync {
    /// Something to know: a wait and until when, a part that was left out.
    fn say(&self, line: &str);

    /// A part begins, such as a listing; `total` is how many entries it has, if that is known.
    fn begin(&self, part: &str, total: Option<u64>);

    /// So many entries of the part are done.
    fn done(&self, entries: u64);

    /// It goes on, and there is nothing more to count.
    fn goes_on(&self) {}
}

/// Nobody is told.
impl Show for () {
    fn say(&self, _: &str) {}
    fn begin(&self, _: &str, _: Option<u64>) {}
    fn done(&self, _: u64) {}
}

/// Standard error.
pub struct Terminal(Mutex<Shown>);

struct Shown {
    part: String,
    total: Option<u64>,
    done: u64,
    bar: Option<ProgressBar>,
    told: Instant,
}

impl Default for Terminal {
    fn default() -> Self {
        let bar = io::stderr().is_terminal().then(ProgressBar::no_length);
        Self(Mutex::new(Shown { part: String::new(), total: None, done: 0, bar, told: Instant::now() }))
    }
}

impl Terminal {
    fn with(&self, show: impl FnOnce(&mut Shown)) {
        // A panic elsewhere leaves nothing half shown.
        show(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }
}

/// Progress that cannot be shown is no reason to stop.
fn line(text: &str) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

impl Show for Terminal {
    fn say(&self, text: &str) {
        self.with(|shown| match &shown.bar {
            Some(bar) => bar.suspend(|| line(text)),
            None => line(text),
        });
    }

    fn begin(&self, part: &str, total: Option<u64>) {
        self.with(|shown| {
            shown.part = part.to_owned();
            (shown.total, shown.done) = (total, 0);
            let Some(bar) = &shown.bar else { return };
            let template = match total {
                Some(_) => "{msg} {wide_bar} {human_pos}/{human_len} {eta} left",
                None => "{msg} {human_pos} {spinner}",
            };
            bar.set_style(
                ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
            );
            bar.reset();
            match total {
                Some(total) => bar.set_length(total),
                None => bar.unset_length(),
            }
            bar.set_message(part.to_owned());
        });
    }

    fn done(&self, entries: u64) {
        self.with(|shown| {
            shown.done = entries;
            shown.tell();
        });
    }

    fn goes_on(&self) {
        self.with(Shown::tell);
    }
}

impl Shown {
    fn tell(&mut self) {
        match &self.bar {
            Some(bar) => bar.set_position(self.done),
            None if self.told.elapsed() >= EVERY => {
                self.told = Instant::now();
                line(&words(&self.part, self.total, self.done));
            }
            None => {}
        }
    }
}

/// How far a part is.
fn words(part: &str, total: Option<u64>, done: u64) -> String {
    match total {
        Some(total) => format!("{part}: {done} of {total}"),
        None if done == 0 => format!("{part} …"),
        None => format!("{part}: {done}"),
    }
}

/// However it ends, no half of a bar stays on the terminal.
impl Drop for Terminal {
    fn drop(&mut self) {
        self.with(|shown| {
            if let Some(bar) = &shown.bar {
                bar.finish_and_clear();
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_how_far_it_is_as_far_as_that_is_known() {
        assert_eq!(words("items", Some(7), 3), "items: 3 of 7");
        assert_eq!(words("items", Some(7), 0), "items: 0 of 7");
        assert_eq!(words("acme/api runs", None, 3), "acme/api runs: 3");
        assert_eq!(words("the file", None, 0), "the file …");
    }
}
