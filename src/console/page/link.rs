//! Addresses: every state of the page is one. An [`Address`] is a question together with the words
//! in which its range was asked, so that "the last 30 days" stays that when a filter is added.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::insight::query::{DEFAULT_DAYS, DEFAULT_LIMIT, Filter, Interval, MAX_FILTERS, Measure, Query};
use crate::work::key::Kind;

/// What is kept as it is in a part of a path.
const PART: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A question and how its range was put. Changing one gives another address.
#[derive(Clone, Debug, PartialEq)]
pub struct Address {
    query: Query,
    from: Option<String>,
    to: Option<String>,
    extra: Vec<(String, String)>,
    session: Option<String>,
}

/// The canonical address of a question whose range is absolute.
pub fn url(path: &str, query: &Query) -> String {
    Address::absolute(query).url(path)
}

/// The address of a key's details.
pub fn tag_path(key: &str) -> String {
    format!("/tags/{}", utf8_percent_encode(key, PART))
}

/// The address of a trace: by its id, or by the key of one of its members.
pub fn trace_path(id: &str) -> String {
    format!("/traces/{}", utf8_percent_encode(id, PART))
}

/// An address that a sender gave, if a browser may be sent there.
pub fn external(url: &str) -> Option<&str> {
    let scheme = |name: &str| url.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name));
    let clean = !url.chars().any(|c| c.is_control() || c.is_whitespace());
    (clean && (scheme("https://") || scheme("http://"))).then_some(url)
}

impl Address {
    /// A question with the parameters that it was read from.
    pub fn new(query: &Query, given: &[(String, String)]) -> Self {
        let text = |name: &str| {
            given.iter().find(|(key, value)| key == name && !value.is_empty()).map(|(_, value)| value.clone())
        };
        let unknown = |(name, _): &&(String, String)| !Query::PARAMETERS.contains(&name.as_str());
        Self {
            query: query.clone(),
            from: text("from"),
            to: text("to"),
            extra: given.iter().filter(unknown).cloned().collect(),
            session: None,
        }
    }

    /// A question whose range is absolute.
    pub fn absolute(query: &Query) -> Self {
        let (from, to) = (Some(query.from.to_string()), Some(query.to.to_string()));
        Self { query: query.clone(), from, to, extra: Vec::new(), session: None }
    }

    /// The same, asked by somebody who has logged in, with what forms of that session have to bring.
    pub fn in_session(self, session: Option<String>) -> Self {
        Self { session, ..self }
    }

    /// What forms have to bring, if it is asked by somebody who has logged in.
    pub fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    /// The question.
    pub fn query(&self) -> &Query {
        &self.query
    }

    /// The beginning and the end of the range in the words in which they were given.
    pub fn range(&self) -> (Option<&str>, Option<&str>) {
        (self.from.as_deref(), self.to.as_deref())
    }

    /// How many days back the range goes from now, if it was put that way.
    pub fn days(&self) -> Option<i64> {
        match (&self.from, &self.to) {
            (None, None) => Some(DEFAULT_DAYS),
            (Some(from), None) => from.strip_suffix('d')?.parse().ok(),
            _ => None,
        }
    }

    /// The parameters: only what is not the default, in the order of the documentation, filters in
    /// their own order.
    pub fn pairs(&self) -> Vec<(String, String)> {
        let query = &self.query;
        let mut pairs: Vec<(&str, String)> = Vec::new();
        let mut add = |name, value: Option<String>| pairs.extend(value.map(|value| (name, value)));
        add("kind", (query.kind != Kind::Issue).then(|| query.kind.to_string()));
        let default = format!("{DEFAULT_DAYS}d");
        add("from", self.from.clone().filter(|text| *text != default));
        add("to", self.to.clone());
        let sorted = |filters: &[Filter]| {
            let mut filters = filters.to_vec();
            filters.sort();
            filters
        };
        for filter in sorted(&query.filters) {
            add("filter", Some(filter.to_string()));
        }
        add("tier", query.tier.map(|tier| word(&tier)));
        add("group", query.group.clone());
        add("interval", query.interval.map(|interval| word(&interval)));
        let usual = Query { measure: None, ..query.clone() }.measure();
        add("measure", query.measure.filter(|measure| *measure != usual).map(|measure| word(&measure)));
        add("slower", query.slower.map(|seconds| seconds.to_string()));
        add("faster", query.faster.map(|seconds| seconds.to_string()));
        for filter in sorted(&query.overlay) {
            add("overlay", Some(filter.to_string()));
        }
        add("limit", (query.limit != DEFAULT_LIMIT).then(|| query.limit.to_string()));
        add("cursor", query.cursor.clone());
        let known = pairs.into_iter().map(|(name, value)| (name.to_owned(), value));
        known.chain(self.extra.iter().cloned()).collect()
    }

    /// The whole address.
    pub fn url(&self, path: &str) -> String {
        let pairs = self.pairs();
        if pairs.is_empty() {
            return path.to_owned();
        }
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        format!("{path}?{query}")
    }

    /// The same question to the API.
    pub fn api(&self, report: &str) -> String {
        Self { extra: Vec::new(), ..self.clone() }.url(&format!("/api/v1/{report}"))
    }

    /// The same, changed.
    fn changed(&self, change: impl FnOnce(&mut Query)) -> Self {
        let mut address = self.clone();
        address.query.cursor = None;
        change(&mut address.query);
        address
    }

    /// With one filter more; its opposite goes.
    pub fn with_filter(&self, filter: &Filter) -> Self {
        let opposite = Filter { exclude: !filter.exclude, ..filter.clone() };
        self.changed(|query| {
            query.filters.retain(|other| *other != opposite);
            if !query.filters.contains(filter) && query.filters.len() < MAX_FILTERS {
                query.filters.push(filter.clone());
            }
            query.overlay.clear();
        })
    }

    /// With several filters more.
    pub fn with_filters<'a>(&self, filters: impl IntoIterator<Item = &'a Filter>) -> Self {
        filters.into_iter().fold(self.clone(), |address, filter| address.with_filter(filter))
    }

    /// With one filter less.
    pub fn without_filter(&self, filter: &Filter) -> Self {
        self.changed(|query| query.filters.retain(|other| other != filter))
    }

    /// With no filter at all.
    pub fn without_filters(&self) -> Self {
        self.changed(|query| query.filters.clear())
    }

    /// About another kind of item. What was selected of the old kind's latency has no meaning there.
    pub fn with_kind(&self, kind: Kind) -> Self {
        if kind == self.query.kind {
            return self.clone();
        }
        self.changed(|query| {
            query.kind = kind;
            query.measure = None;
            query.slower = None;
            query.faster = None;
        })
    }

    /// The days up to now.
    pub fn with_days(&self, days: i64) -> Self {
        Self { from: Some(format!("{days}d")), to: None, ..self.changed(|_| {}) }
    }

    /// A range of its own.
    pub fn with_range(&self, from: &str, to: &str) -> Self {
        Self { from: Some(from.to_owned()), to: Some(to.to_owned()), ..self.changed(|_| {}) }
    }

    /// With another selection of latency; none means the slowest tenth.
    pub fn with_selection(&self, slower: Option<f64>, faster: Option<f64>) -> Self {
        self.changed(|query| (query.slower, query.faster) = (slower, faster))
    }

    /// With more or fewer rows.
    pub fn with_limit(&self, limit: usize) -> Self {
        self.changed(|query| query.limit = limit)
    }

    /// Grouped by another key.
    pub fn with_group(&self, key: &str) -> Self {
        self.changed(|query| query.group = Some(key.to_owned()))
    }

    /// With other correlations.
    pub fn with_measure(&self, measure: Measure) -> Self {
        self.changed(|query| query.measure = Some(measure))
    }

    /// With an attribute, or a pair, laid over the histogram.
    pub fn with_overlay(&self, overlay: Vec<Filter>) -> Self {
        self.changed(|query| query.overlay = overlay)
    }

    /// With points of another width.
    pub fn with_interval(&self, interval: Interval) -> Self {
        self.changed(|query| query.interval = Some(interval))
    }

    /// The trace of an item, from which the way back leads here.
    pub fn trace(&self, id: &str) -> String {
        Self { extra: Vec::new(), ..self.first_page() }.url(&trace_path(id))
    }

    /// The value of a parameter that is none of a question.
    pub fn extra(&self, name: &str) -> Option<&str> {
        self.extra.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The same with a parameter that is none of a question, or without it.
    pub fn with_extra(&self, name: &str, value: Option<&str>) -> Self {
        let mut address = self.clone();
        address.extra.retain(|(known, _)| known != name);
        address.extra.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        address
    }

    /// The first page.
    pub fn first_page(&self) -> Self {
        self.changed(|_| {})
    }

    /// The next page.
    pub fn with_cursor(&self, cursor: &str) -> Self {
        self.changed(|query| query.cursor = Some(cursor.to_owned()))
    }
}

/// Whether a filter can be written as a parameter at all; a key with a `=` cannot.
pub fn writable(filter: &Filter) -> bool {
    Filter::parse(&filter.to_string()).as_ref() == Some(filter)
}

/// An enumeration's word, as the parameter writes it.
pub(crate) fn word(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::time::Time;
    use proptest::prelude::*;

    fn now() -> Time {
        Time::parse("2026-06-01T12:00:00Z").unwrap()
    }

    fn address(text: &str) -> Address {
        let given: Vec<(String, String)> =
            form_urlencoded::parse(text.as_bytes()).map(|(k, v)| (k.into_owned(), v.into_owned())).collect();
        let known = given.iter().filter(|(name, _)| Query::PARAMETERS.contains(&name.as_str()));
        let query = Query::parse(known.map(|(k, v)| (k.as_str(), v.as_str())), now()).unwrap();
        Address::new(&query, &given)
    }

    #[test]
    fn only_what_differs_from_the_default_is_written() {
        assert_eq!(address("").url("/"), "/");
        assert_eq!(address("kind=issue&from=90d&limit=50&tier=&to=").url("/"), "/");
        assert_eq!(address("measure=failure&kind=deploy").url("/"), "/?kind=deploy");
        assert_eq!(address("measure=failure").url("/"), "/?measure=failure");
    }

    #[test]
    fn a_trace_keeps_the_question_that_led_to_it() {
        let from = address("kind=deploy&filter=team=a&cursor=x&steps=show");
        assert_eq!(from.trace("ab"), "/traces/ab?kind=deploy&filter=team%3Da");
        let hidden = from.with_extra("steps", None);
        assert_eq!(hidden.with_extra("steps", Some("show")).pairs(), from.pairs());
        assert!(!hidden.url("/").contains("steps"), "{}", hidden.url("/"));
    }

    #[test]
    fn filters_stand_in_their_own_order() {
        let address = address("filter=team=b&filter=language!=go&filter=team=a");
        assert_eq!(address.url("/"), "/?filter=language%21%3Dgo&filter=team%3Da&filter=team%3Db");
    }

    #[test]
    fn a_relative_range_stays_relative_and_an_unknown_parameter_stays() {
        let asked = address("from=30d&theme=dark&filter=a=b&cursor=x");
        let more = asked.with_filter(&Filter::include("team", "pay ments&co"));
        assert_eq!(more.url("/"), "/?from=30d&filter=a%3Db&filter=team%3Dpay+ments%26co&theme=dark");
        assert_eq!(more.days(), Some(30));
        assert_eq!(more.with_range("2026-01-01", "2026-02-01").days(), None);
    }

    #[test]
    fn a_filter_takes_the_place_of_its_opposite() {
        let asked = address("filter=team!=a");
        assert_eq!(asked.with_filter(&Filter::include("team", "a")).url("/"), "/?filter=team%3Da");
        assert_eq!(asked.without_filters().url("/"), "/");
    }

    #[test]
    fn another_kind_drops_the_selection_of_latency() {
        let asked = address("slower=100&faster=200&from=7d");
        assert_eq!(asked.with_kind(Kind::Deploy).url("/"), "/?kind=deploy&from=7d");
        assert_eq!(asked.with_kind(Kind::Issue), asked);
    }

    #[test]
    fn parts_of_a_path_are_encoded() {
        assert_eq!(tag_path("a/b?c#d%"), "/tags/a%2Fb%3Fc%23d%25");
        assert_eq!(tag_path("deploy.type"), "/tags/deploy.type");
        assert_eq!(
            trace_path("github:github.com/acme/api/issue/12"),
            "/traces/github%3Agithub.com%2Facme%2Fapi%2Fissue%2F12"
        );
    }

    #[test]
    fn only_web_addresses_of_senders_are_followed() {
        assert_eq!(external("https://github.com/a/b"), Some("https://github.com/a/b"));
        assert_eq!(external("HTTP://ci/"), Some("HTTP://ci/"));
        for url in
            ["javascript:alert(1)", "java\nscript:x", " https://x", "data:text/html,x", "//x", "", "https:x"]
        {
            assert_eq!(external(url), None, "{url:?}");
        }
    }

    proptest! {
        #[test]
        fn an_address_reads_back_as_what_it_was(
            key in "[^=!]{1,12}",
            value in ".{1,40}",
            exclude: bool,
            slower in proptest::option::of(0.0..1e9f64),
        ) {
            let filter = Filter { key, value, exclude };
            prop_assume!(writable(&filter));
            let asked = address("kind=build&from=30d").with_filter(&filter).with_selection(slower, None);
            let url = asked.url("/");
            prop_assert_eq!(address(url.strip_prefix("/?").unwrap()), asked);
        }
    }
}
