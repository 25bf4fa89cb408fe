//! What is asked of insight: one set of parameters for the API, the commands and the page, read
//! from name and value pairs and written back as such, so that every view has an address.

mod error;
mod filter;
mod words;

use std::borrow::Cow;

pub use error::QueryError;
use error::shortened;
pub use filter::Filter;
use words::word;
pub(super) use words::written;
pub use words::{Interval, Measure, Tier};

use crate::work::key::Kind;
use crate::work::time::Time;

/// A day in microseconds.
pub const DAY: i64 = 24 * 3600 * 1_000_000;
/// The range if none is given, in days.
pub const DEFAULT_DAYS: i64 = 90;
/// The value that stands for "has none".
pub const NONE: &str = "(none)";
/// The pseudo key under which outcomes are filtered.
pub const OUTCOME: &str = "outcome";
/// How many rows are returned if `limit` is not given.
pub const DEFAULT_LIMIT: usize = 50;
/// The greatest `limit`.
pub const MAX_LIMIT: usize = 1_000;
/// The longest text of a filter, a key or a cursor, in bytes.
const MAX_TEXT: usize = 1_024;
/// The most filters of one query, and the most overlays.
pub const MAX_FILTERS: usize = 32;

/// A question, with every default filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// The kind of item.
    pub kind: Kind,
    /// Items that ended at or after this.
    pub from: Time,
    /// Items that ended before this.
    pub to: Time,
    /// What items must, and must not, have.
    pub filters: Vec<Filter>,
    /// The environment tier that deployments must be of. If not said: production for DORA's metrics
    /// and what comes from them, any for everything else.
    pub tier: Option<Tier>,
    /// The key to group by.
    pub group: Option<String>,
    /// How wide a trend's points are; by the length of the range if not said.
    pub interval: Option<Interval>,
    /// What correlations compare; failures for kinds that fail, if not said.
    pub measure: Option<Measure>,
    /// The latency range that is selected, in seconds; the slowest tenth if not said.
    pub slower: Option<f64>,
    /// Its upper end, in seconds.
    pub faster: Option<f64>,
    /// An attribute whose share is laid over the histogram, or whose strata are asked for.
    pub overlay: Vec<Filter>,
    /// The most rows to return.
    pub limit: usize,
    /// Where to go on.
    pub cursor: Option<String>,
}

impl Query {
    /// The parameters, in the order of the documentation.
    pub const PARAMETERS: &'static [&'static str] = &[
        "kind", "from", "to", "filter", "tier", "group", "interval", "measure", "slower", "faster",
        "overlay", "limit", "cursor",
    ];

    /// What is asked if nothing is said.
    pub fn new(now: Time) -> Self {
        Self {
            kind: Kind::Issue,
            from: now.plus(-DEFAULT_DAYS * DAY),
            to: now,
            filters: Vec::new(),
            tier: None,
            group: None,
            interval: None,
            measure: None,
            slower: None,
            faster: None,
            overlay: Vec::new(),
            limit: DEFAULT_LIMIT,
            cursor: None,
        }
    }

    /// Reads the part of an address after `?`, as it stands there.
    pub fn read(raw: Option<&str>, now: Time) -> Result<Self, QueryError> {
        let pairs = decoded(raw.unwrap_or_default())?;
        Self::parse(pairs.iter().map(|(name, value)| (name.as_ref(), value.as_ref())), now)
    }

    /// Reads a question. Empty values count as not given, so that a form can send all its fields.
    ///
    /// Without `to` the question is about everything until the end of the current hour: what is
    /// asked twice within it is the same question, and can have the same answer.
    pub fn parse<'a>(
        pairs: impl IntoIterator<Item = (&'a str, &'a str)>,
        now: Time,
    ) -> Result<Self, QueryError> {
        let now = end_of_hour(now);
        let mut query = Self::new(now);
        let (mut from, mut to) = (None, None);
        let mut seen: Vec<&'static str> = Vec::new();
        for (name, value) in pairs {
            let Some(name) = Self::PARAMETERS.iter().copied().find(|known| *known == name) else {
                let known = Self::PARAMETERS.join(", ");
                return Err(QueryError::Unknown { name: shortened(name), known });
            };
            if value.is_empty() {
                continue;
            }
            if seen.contains(&name) && !matches!(name, "filter" | "overlay") {
                return Err(QueryError::Twice(name));
            }
            seen.push(name);
            let bad = |problem: String| QueryError::Value { name, value: shortened(value), problem };
            match name {
                "kind" => {
                    query.kind = value.parse().map_err(|_| {
                        bad(format!("write one of {}", Kind::ALL.map(Kind::as_str).join(", ")))
                    })?;
                }
                "from" => from = Some(value),
                "to" => to = Some(value),
                "filter" | "overlay" => {
                    let filter = Filter::parse(value).ok_or_else(|| {
                        bad("write key=value, or key!=value for items without it".to_owned())
                    })?;
                    let list = if name == "filter" { &mut query.filters } else { &mut query.overlay };
                    if list.len() == MAX_FILTERS {
                        return Err(bad(format!("at most {MAX_FILTERS} of them")));
                    }
                    if !list.contains(&filter) {
                        list.push(filter);
                    }
                }
                "tier" => query.tier = Some(word(value, Tier::WORDS).map_err(bad)?),
                "group" => query.group = Some(bounded(value).map_err(bad)?),
                "interval" => query.interval = Some(word(value, Interval::WORDS).map_err(bad)?),
                "measure" => query.measure = Some(word(value, Measure::WORDS).map_err(bad)?),
                "slower" => query.slower = Some(seconds(value).map_err(bad)?),
                "faster" => query.faster = Some(seconds(value).map_err(bad)?),
                "limit" => {
                    let limit = value.parse().ok().filter(|n| (1..=MAX_LIMIT).contains(n));
                    query.limit =
                        limit.ok_or_else(|| bad(format!("write a number from 1 to {MAX_LIMIT}")))?;
                }
                _ => query.cursor = Some(bounded(value).map_err(bad)?),
            }
        }
        if let Some(text) = to {
            query.to = time("to", text, now)?;
        }
        query.from = match from {
            Some(text) => time("from", text, query.to)?,
            None => query.to.plus(-DEFAULT_DAYS * DAY),
        };
        if query.from >= query.to {
            return Err(QueryError::EmptyRange { from: query.from, to: query.to });
        }
        if let (Some(slower), Some(faster)) = (query.slower, query.faster)
            && slower > faster
        {
            let problem = format!("must not be less than slower ({slower})");
            return Err(QueryError::Value { name: "faster", value: faster.to_string(), problem });
        }
        Ok(query)
    }

    /// The parameters that ask the same again, whenever: with absolute times, and without what is
    /// said by default. [`Query::parse`] of these gives this question.
    pub fn pairs(&self) -> Vec<(&'static str, String)> {
        let mut pairs = vec![
            ("kind", self.kind.as_str().to_owned()),
            ("from", self.from.to_string()),
            ("to", self.to.to_string()),
        ];
        let mut add = |name, value: Option<String>| pairs.extend(value.map(|value| (name, value)));
        for filter in &self.filters {
            add("filter", Some(filter.to_string()));
        }
        add("tier", self.tier.map(|tier| written(tier, Tier::WORDS)));
        add("group", self.group.clone());
        add("interval", self.interval.map(|interval| written(interval, Interval::WORDS)));
        add("measure", self.measure.map(|measure| written(measure, Measure::WORDS)));
        add("slower", self.slower.map(|seconds| seconds.to_string()));
        add("faster", self.faster.map(|seconds| seconds.to_string()));
        for filter in &self.overlay {
            add("overlay", Some(filter.to_string()));
        }
        add("limit", (self.limit != DEFAULT_LIMIT).then(|| self.limit.to_string()));
        add("cursor", self.cursor.clone());
        pairs
    }

    /// The key to group by, where a report needs one.
    pub fn grouped(&self) -> Result<&str, QueryError> {
        self.group.as_deref().ok_or(QueryError::Missing("group"))
    }

    /// What correlations compare.
    pub fn measure(&self) -> Measure {
        self.measure.unwrap_or(match self.kind {
            Kind::Issue | Kind::PullRequest | Kind::Sprint => Measure::Latency,
            Kind::Build | Kind::Job | Kind::Deploy => Measure::Failure,
        })
    }

    /// How wide a trend's points are: days up to five weeks, weeks up to a year, then months.
    pub fn interval(&self) -> Interval {
        self.interval.unwrap_or_else(|| match self.to.since(self.from) / DAY {
            ..=35 => Interval::Day,
            36..=370 => Interval::Week,
            _ => Interval::Month,
        })
    }

    /// The same question about the period before, of the same length.
    pub fn previous(&self) -> Self {
        let length = self.to.since(self.from);
        Self { from: self.from.plus(-length), to: self.from, ..self.clone() }
    }

    /// The filters as the parameter writes them.
    pub fn filter_texts(&self) -> Vec<String> {
        self.filters.iter().map(Filter::to_string).collect()
    }
}

/// The next full hour.
fn end_of_hour(now: Time) -> Time {
    const HOUR: i64 = DAY / 24;
    now.plus((HOUR - now.micros().rem_euclid(HOUR)) % HOUR)
}

type Pair<'a> = (Cow<'a, str>, Cow<'a, str>);

/// The pairs of a query string. What is not percent-encoded UTF-8 is an error, not a replacement
/// character: the question would be another one.
pub(crate) fn decoded(raw: &str) -> Result<Vec<Pair<'_>>, QueryError> {
    let stray = |(at, _): (usize, &str)| {
        let digits = raw.as_bytes().get(at + 1..at + 3);
        !digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    // Separators are ASCII and stay what they are, so the whole is UTF-8 if and only if each part is.
    let text = percent_encoding::percent_decode_str(raw).decode_utf8();
    if text.is_err() || raw.match_indices('%').any(stray) {
        return Err(QueryError::Encoding);
    }
    Ok(form_urlencoded::parse(raw.as_bytes()).collect())
}

fn bounded(text: &str) -> Result<String, String> {
    let fits = text.len() <= MAX_TEXT;
    fits.then(|| text.to_owned()).ok_or_else(|| format!("write {MAX_TEXT} bytes at most"))
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|s: &f64| s.is_finite() && *s >= 0.0);
    seconds.ok_or_else(|| "write a number of seconds".to_owned())
}

/// An RFC 3339 time, a date (its beginning in UTC), or so many days before `base`, such as `30d`.
pub(crate) fn time(name: &'static str, text: &str, base: Time) -> Result<Time, QueryError> {
    let days = || {
        let days: i64 = text.strip_suffix('d')?.parse().ok()?;
        (0..=36_500).contains(&days).then(|| base.plus(-days * DAY))
    };
    let date = || Time::parse(&format!("{text}T00:00:00Z"));
    days().or_else(|| Time::parse(text)).or_else(date).ok_or_else(|| QueryError::Value {
        name,
        value: shortened(text),
        problem: "write a date (2026-03-01) or a time (2026-03-01T09:00:00Z) from 2000 to 2099, or a number of days (30d)"
            .to_owned(),
    })
}

#[cfg(test)]
mod tests;
