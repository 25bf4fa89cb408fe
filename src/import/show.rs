//! What is seen of an import while it goes on, on standard error: on a terminal a bar for each
//! listing with the messages above it, otherwise a line now and then.

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

    /// A listing begins; `total` is how many entries it has, if that is known.
    fn begin(&self, listing: &str, total: Option<u64>);

    /// So many entries of the listing are done.
    fn done(&self, entries: u64);
}

/// Standard error.
pub struct Terminal(Mutex<Shown>);

struct Shown {
    listing: String,
    total: Option<u64>,
    bar: Option<ProgressBar>,
    told: Instant,
}

impl Default for Terminal {
    fn default() -> Self {
        let bar = io::stderr().is_terminal().then(ProgressBar::no_length);
        Self(Mutex::new(Shown { listing: String::new(), total: None, bar, told: Instant::now() }))
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

    fn begin(&self, listing: &str, total: Option<u64>) {
        self.with(|shown| {
            shown.listing = listing.to_owned();
            shown.total = total;
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
            bar.set_message(listing.to_owned());
        });
    }

    fn done(&self, entries: u64) {
        self.with(|shown| match &shown.bar {
            Some(bar) => bar.set_position(entries),
            None if shown.told.elapsed() >= EVERY => {
                shown.told = Instant::now();
                match shown.total {
                    Some(total) => line(&format!("{}: {entries} of {total}", shown.listing)),
                    None => line(&format!("{}: {entries}", shown.listing)),
                }
            }
            None => {}
        });
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
