use proptest::prelude::*;
use serde::Serialize;

use super::*;

fn now() -> Time {
    Time::parse("2026-06-01T12:00:00Z").unwrap()
}

fn read(raw: &str) -> Result<Query, QueryError> {
    Query::read(Some(raw), now())
}

fn at(text: &str) -> Time {
    Time::parse(text).unwrap()
}

#[track_caller]
fn refused(raw: &str, parameter: &str, says: &str) {
    let error = read(raw).unwrap_err();
    assert_eq!(error.parameter(), Some(parameter), "{raw}: {error}");
    assert!(error.to_string().contains(says), "{raw}: {error}");
}

#[test]
fn what_is_not_said_has_its_default() {
    assert_eq!(read("").unwrap(), Query::new(now()));
    assert_eq!(Query::read(None, now()).unwrap(), Query::new(now()));
    let query = read("kind=&from=&to=&filter=&tier=&group=&limit=&slower=&cursor=").unwrap();
    assert_eq!(query, Query::new(now()), "a form sends all its fields");
}

#[test]
fn an_unknown_parameter_is_named_with_those_that_there_are() {
    refused("kin=issue", "kin", "kind, from, to, filter");
    refused("=issue", "", "known are");
    refused("Kind=issue", "Kind", "known are");
    let long = "x".repeat(10_000);
    assert!(read(&format!("{long}=1")).unwrap_err().to_string().len() < 500);
}

#[test]
fn an_unknown_value_is_named_with_those_that_can_be_written() {
    refused("kind=epic", "kind", "issue, pull_request, build, job, deploy, sprint");
    refused("tier=qa", "tier", "production, staging, development, other, any");
    refused("interval=year", "interval", "day, week, month");
    refused("measure=speed", "measure", "latency, failure");
    assert_eq!(read("group=").unwrap().grouped(), Err(QueryError::Missing("group")));
}

#[test]
fn the_words_are_those_of_the_answers() {
    fn agree<T: Serialize + Copy>(words: &[(&str, T)]) {
        for (word, value) in words {
            assert_eq!(serde_json::to_value(value).unwrap(), *word);
        }
    }
    agree(Tier::WORDS);
    agree(Interval::WORDS);
    agree(Measure::WORDS);
}

#[test]
fn a_parameter_is_given_once_unless_it_is_a_list() {
    refused("kind=issue&kind=issue", "kind", "more than once");
    refused("from=30d&from=60d", "from", "more than once");
    let query = read("filter=team%3Da&filter=team%3Db&filter=team%3Da&overlay=x%3D1&overlay=x%3D2").unwrap();
    assert_eq!(query.filter_texts(), ["team=a", "team=b"], "the same twice is once");
    assert_eq!(query.overlay.len(), 2);
    assert_eq!(read("kind=&kind=deploy").unwrap().kind, Kind::Deploy);
}

#[test]
fn a_range_is_dates_times_or_days() {
    let query = read("from=2026-03-01&to=2026-04-01T09:30:00%2B02:00").unwrap();
    assert_eq!((query.from, query.to), (at("2026-03-01T00:00:00Z"), at("2026-04-01T07:30:00Z")));
    let query = read("from=30d").unwrap();
    assert_eq!((query.from, query.to), (at("2026-05-02T12:00:00Z"), now()));
    let query = read("to=2026-03-31").unwrap();
    assert_eq!(query.from, at("2025-12-31T00:00:00Z"), "ninety days before the end, not before now");
    let query = read("to=10d&from=10d").unwrap();
    assert_eq!(query.to.since(query.from), 10 * DAY, "days count back from the end");
    assert_eq!(read("from=36500d").unwrap().from, Time::MIN);
}

#[test]
fn a_range_without_length_is_refused() {
    refused("from=2026-04-01&to=2026-03-01", "from", "must be before to");
    refused("from=2026-04-01&to=2026-04-01", "from", "must be before to");
    refused("from=0d", "from", "must be before to");
    refused("from=2027-01-01", "from", "must be before to");
    refused("to=2000-01-01", "from", "must be before to");
}

#[test]
fn a_time_that_nobody_can_mean_is_refused() {
    for text in [
        "0001-01-01",
        "1999-12-31",
        "2100-01-01",
        "9999-12-31",
        "99999-01-01",
        "-0001-01-01",
        "2026-13-01",
        "2026-02-30",
        "2026-3-1",
        "yesterday",
        "30",
        "d",
        "-5d",
        "36501d",
        "99999999999999999999d",
        "1.5d",
        "1780000000",
        "2026-06-01T25:00:00Z",
        "2026-06-01T12:00:00",
        "NaNd",
    ] {
        refused(&format!("from={text}"), "from", "30d");
        refused(&format!("to={text}"), "to", "30d");
    }
}

#[test]
fn filters_keep_whatever_was_written() {
    let one = |raw: &str| read(&format!("filter={raw}")).unwrap().filters.remove(0);
    assert_eq!(one("team%3Dpayments"), Filter::include("team", "payments"));
    assert_eq!(one("team=payments"), Filter::include("team", "payments"), "= need not be encoded");
    assert_eq!(one("language!=go"), Filter { exclude: true, ..Filter::include("language", "go") });
    assert_eq!(one("a==b=c"), Filter::include("a", "=b=c"));
    assert_eq!(one("team=(none)"), Filter::include("team", NONE));
    assert_eq!(one("team=Geld+%26+%C3%9Cbersicht"), Filter::include("team", "Geld & Übersicht"));
    assert_eq!(one("label=%F0%9F%90%9B+%22x%22+'y'"), Filter::include("label", "🐛 \"x\" 'y'"));
    let html = "<script>alert(1)</script>";
    assert_eq!(one("label=%3Cscript%3Ealert(1)%3C/script%3E"), Filter::include("label", html));
    assert_eq!(one("label=100%25"), Filter::include("label", "100%"));
    for raw in ["team", "=x", "!=x", "team=", "team!="] {
        refused(&format!("filter={raw}"), "filter", "key=value");
        refused(&format!("overlay={raw}"), "overlay", "key=value");
    }
    refused(&format!("filter=k={}", "x".repeat(1_023)), "filter", "key=value");
}

#[test]
fn there_is_a_bound_on_everything() {
    let filters = |name: &str, n: usize| -> String { (0..n).map(|n| format!("{name}=k%3D{n}&")).collect() };
    assert_eq!(read(&filters("filter", MAX_FILTERS)).unwrap().filters.len(), MAX_FILTERS);
    refused(&filters("filter", MAX_FILTERS + 1), "filter", "at most 32");
    refused(&filters("overlay", MAX_FILTERS + 1), "overlay", "at most 32");
    assert_eq!(read("limit=1000").unwrap().limit, MAX_LIMIT);
    for limit in ["0", "1001", "-1", "ten", "1e3", "99999999999999999999999"] {
        refused(&format!("limit={limit}"), "limit", "from 1 to 1000");
    }
    let long = "x".repeat(2_000);
    refused(&format!("group={long}"), "group", "1024 bytes");
    refused(&format!("cursor={long}"), "cursor", "1024 bytes");
}

#[test]
fn a_selection_is_of_seconds() {
    let query = read("slower=60.5&faster=1e3").unwrap();
    assert_eq!((query.slower, query.faster), (Some(60.5), Some(1_000.0)));
    assert_eq!(read("slower=0&faster=0").unwrap().slower, Some(0.0));
    for text in ["NaN", "nan", "inf", "-inf", "infinity", "1e999", "-1", "1h", "0x10", "%20"] {
        refused(&format!("slower={text}"), "slower", "number of seconds");
        refused(&format!("faster={text}"), "faster", "number of seconds");
    }
    refused("slower=10&faster=5", "faster", "slower (10)");
}

#[test]
fn a_query_string_that_is_not_utf8_is_refused_and_not_repaired() {
    for raw in ["filter=a%3D%FF", "filter=a=%", "filter=a=%2", "filter=a=%zz", "%C3=1", "filter=%C3&%BC=1"] {
        assert_eq!(read(raw), Err(QueryError::Encoding), "{raw}");
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z.]{1,12}", "\\PC{1,12}", "[=!%&+#;<>'\" ]{1,6}", any::<char>().prop_map(String::from)]
}

prop_compose! {
    fn filters()(list in prop::collection::vec((text(), text(), any::<bool>()), 0..4)) -> Vec<Filter> {
        let texts = list.iter().map(|(k, v, not)| format!("{k}{}={v}", if *not { "!" } else { "" }));
        let mut filters: Vec<Filter> = texts.filter_map(|text| Filter::parse(&text)).collect();
        let mut seen = std::collections::BTreeSet::new();
        filters.retain(|filter| seen.insert(filter.clone()));
        filters
    }
}

fn choice<T: Copy + std::fmt::Debug + 'static>(
    words: &'static [(&'static str, T)],
) -> impl Strategy<Value = T> {
    prop::sample::select(words).prop_map(|(_, value)| value)
}

prop_compose! {
    fn questions()(
        kind in prop::sample::select(&Kind::ALL[..]),
        from in 946_684_800_000_000..4_102_444_700_000_000_i64,
        length in 1..100_000_000_000_000_i64,
        filters in filters(),
        overlay in filters(),
        (tier, interval) in (prop::option::of(choice(Tier::WORDS)), prop::option::of(choice(Interval::WORDS))),
        (group, cursor) in (prop::option::of(text()), prop::option::of(text())),
        measure in prop::option::of(choice(Measure::WORDS)),
        slower in prop::option::of(0.0..1e12_f64),
        wider in prop::option::of(0.0..1e300_f64),
        limit in 1..=MAX_LIMIT,
    ) -> Query {
        let from = Time::from_micros(from).unwrap();
        let to = from.plus(length);
        let faster = wider.map(|wider| slower.unwrap_or_default() + wider);
        Query { kind, from, to, filters, tier, group, interval, measure, slower, faster, overlay, limit, cursor }
    }
}

proptest! {
    #[test]
    fn a_question_written_as_pairs_is_the_same_question(query in questions(), later in 0..DAY) {
        let pairs = query.pairs();
        let pairs = pairs.iter().map(|(name, value)| (*name, value.as_str()));
        let again = Query::parse(pairs.clone(), now().plus(later));
        prop_assert_eq!(again.as_ref(), Ok(&query));
        let raw = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        prop_assert_eq!(Query::read(Some(&raw), now().plus(later)), Ok(query));
    }

    #[test]
    fn nothing_that_is_read_panics_and_what_is_understood_can_be_asked_again(
        bytes in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            "(kind|from|to|filter|overlay|limit|slower|tier|group|&|=|!|%|%2|%FF|%C3%BC|[0-9]|d|-|[a-z]|e9){0,24}"
                .prop_map(String::into_bytes),
            "((filter|overlay|group|from|slower|kind|limit)=([0-9]{1,3}d?|[a-z]{1,3}!?=[a-z%!=]{1,3}|issue)&){0,6}"
                .prop_map(String::into_bytes),
        ],
    ) {
        let raw = String::from_utf8_lossy(&bytes);
        if let Ok(query) = Query::read(Some(&raw), now()) {
            prop_assert!(query.from < query.to);
            let pairs = query.pairs();
            let again = Query::parse(pairs.iter().map(|(name, value)| (*name, value.as_str())), now());
            prop_assert_eq!(again, Ok(query));
        }
    }
}
