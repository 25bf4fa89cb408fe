//! A filter: an attribute that items must have, or must not.

use super::MAX_TEXT;
#[cfg(doc)]
use super::NONE;

/// Whether items with an attribute are wanted, or those without it. Several that include values of
/// one key mean any of them; different keys must all hold; none that exclude may hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Filter {
    /// The key.
    pub key: String,
    /// The value, or [`NONE`].
    pub value: String,
    /// Whether it must not be there.
    pub exclude: bool,
}

impl Filter {
    /// From `key=value` or `key!=value`.
    pub fn parse(text: &str) -> Option<Self> {
        let (key, value) = text.split_once('=')?;
        let (key, exclude) = match key.strip_suffix('!') {
            Some(key) => (key, true),
            None => (key, false),
        };
        let usable = !key.is_empty() && !value.is_empty() && text.len() <= MAX_TEXT;
        usable.then(|| Self { key: key.to_owned(), value: value.to_owned(), exclude })
    }

    /// Items with the attribute.
    pub fn include(key: &str, value: &str) -> Self {
        Self { key: key.to_owned(), value: value.to_owned(), exclude: false }
    }
}

impl std::fmt::Display for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let sign = if self.exclude { "!=" } else { "=" };
        write!(f, "{}{sign}{}", self.key, self.value)
    }
}
