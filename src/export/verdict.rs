//! What became of one request: the five things an outbox can do about it.

use std::time::Duration;

/// The longest text of a verdict, in characters.
pub const LONGEST_REASON: usize = 300;

/// What a backend, or the way to it, said about one request. Texts are at most
/// [`LONGEST_REASON`] characters on one line, and never hold a value of a configured header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All spans were taken.
    Sent,
    /// The request was taken, some of its spans were not; the backend does not say which.
    Partial {
        /// How many were not; at least one, at most as many as were sent.
        rejected: u64,
        /// The backend's explanation.
        message: String,
    },
    /// Not now; the same request may pass later.
    Retry {
        /// How long the backend asks to be left alone, an hour at most.
        after: Option<Duration>,
        /// Why.
        reason: String,
    },
    /// Never; these spans are to be set aside.
    Reject {
        /// Why.
        reason: String,
        /// Whether a part of the batch could pass where the whole did not.
        divisible: bool,
    },
    /// Something is wrong with the configuration (a token, a path), and every request will fare
    /// alike until somebody sees to it. The spans are not at fault and must be kept.
    Refused {
        /// Why.
        reason: String,
    },
}

impl Verdict {
    /// The same verdict with its text passed through `change`, then put on one line and cut.
    pub(super) fn map_text(mut self, change: impl FnOnce(&str) -> String) -> Self {
        if let Self::Partial { message: text, .. }
        | Self::Retry { reason: text, .. }
        | Self::Reject { reason: text, .. }
        | Self::Refused { reason: text } = &mut self
        {
            *text = one_line(&change(text));
        }
        self
    }
}

/// On one line, without control characters, cut to [`LONGEST_REASON`].
fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let mut line = String::new();
    let mut length = 0;
    for (index, word) in words.enumerate() {
        for c in (index > 0).then_some(' ').into_iter().chain(word.chars()) {
            if length == LONGEST_REASON - 1 {
                line.push('…');
                return line;
            }
            line.push(c);
            length += 1;
        }
    }
    line
}

/// An error and its causes on one line; a cause that its error repeats is told once.
pub(crate) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(text: &str) -> String {
        match (Verdict::Refused { reason: text.to_owned() }).map_text(str::to_owned) {
            Verdict::Refused { reason } => reason,
            other => unreachable!("{other:?}"),
        }
    }

    #[test]
    fn a_reason_is_short_and_on_one_line() {
        assert_eq!(reason(" bad\r\n\trequest\u{1b}[31m "), "bad request [31m");
        let long = reason(&"é".repeat(1_000));
        assert_eq!(long.chars().count(), LONGEST_REASON);
        assert!(long.ends_with("é…"));
    }
}
