//! The one set of parameters that every question takes, as the document describes it.
//! [`Query::PARAMETERS`] names them; [`Query::parse`] reads them.

use serde_json::{Value, json};

use crate::insight::query::{
    DEFAULT_DAYS, DEFAULT_LIMIT, Interval, MAX_FILTERS, MAX_LIMIT, Measure, Query, Tier,
};
use crate::work::key::Kind;

/// A parameter.
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub description: String,
    /// The JSON schema of its value.
    pub schema: Value,
    /// A value to try.
    pub example: &'static str,
}

/// All of them, in the order of [`Query::PARAMETERS`].
pub fn all() -> Vec<Parameter> {
    Query::PARAMETERS.iter().map(|name| described(name)).collect()
}

fn described(name: &'static str) -> Parameter {
    let (description, schema, example) = match name {
        "kind" => {
            ("The kind of item.".to_owned(), one_of(&Kind::ALL.map(Kind::as_str), Some("issue")), "pull_request")
        }
        "from" => (
            format!(
                "Items that ended at or after this: an RFC 3339 time, a date (its beginning in UTC), or so many days \
                 before `to`, such as `30d`. In a query string a + is written %2B. By default {DEFAULT_DAYS} days \
                 before `to`."
            ),
            json!({ "type": "string", "default": format!("{DEFAULT_DAYS}d") }),
            "2026-03-01",
        ),
        "to" => (
            "Items that ended before this; written like `from`, days count from now. By default now.".to_owned(),
            json!({ "type": "string" }),
            "2026-06-01T00:00:00Z",
        ),
        "filter" => (
            "Only items with an attribute (`key=value`), or without it (`key!=value`); the value `(none)` stands for \
             items that have none of the key. Several values of one key mean any of them, different keys must all \
             hold, none that exclude may hold. `outcome` is filtered like a key, and brings in what is left out by \
             default."
                .to_owned(),
            attributes(),
            "team=payments",
        ),
        "tier" => (
            "What the environments of deployments are for. By default production for DORA's metrics, and any for \
             everything else."
                .to_owned(),
            one_of(&words(Tier::WORDS), None),
            "staging",
        ),
        "group" => (
            "The key to group by; `groups` needs it, `trend` can do without.".to_owned(),
            json!({ "type": "string" }),
            "team",
        ),
        "interval" => (
            "How wide the points of a trend are. By default days up to five weeks, weeks up to a year, then months."
                .to_owned(),
            one_of(&words(Interval::WORDS), None),
            "week",
        ),
        "measure" => (
            "What correlations compare: how long items took, or whether they failed. By default latency for issues \
             and pull requests, failure for builds, jobs and deploys."
                .to_owned(),
            one_of(&words(Measure::WORDS), None),
            "failure",
        ),
        "slower" => (
            "The selected range of latency begins here, in seconds. By default the slowest tenth is selected."
                .to_owned(),
            json!({ "type": "number", "minimum": 0 }),
            "86400",
        ),
        "faster" => (
            "The selected range of latency ends here, in seconds.".to_owned(),
            json!({ "type": "number", "minimum": 0 }),
            "604800",
        ),
        "overlay" => (
            "An attribute (`key=value`) whose share is laid over the histogram of `latency`, or, of a key in detail, \
             the value whose effect is looked for within the strata of other keys."
                .to_owned(),
            attributes(),
            "language=go",
        ),
        "limit" => (
            "The most rows to return.".to_owned(),
            json!({ "type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT }),
            "100",
        ),
        _ => (
            "Where `items` goes on: `next_cursor` of the answer before.".to_owned(),
            json!({ "type": "string" }),
            "",
        ),
    };
    Parameter { name, description, schema, example }
}

fn words<T>(words: &[(&'static str, T)]) -> Vec<&'static str> {
    words.iter().map(|(word, _)| *word).collect()
}

fn one_of(words: &[&str], default: Option<&str>) -> Value {
    let mut schema = json!({ "type": "string", "enum": words });
    if let Some(default) = default {
        schema["default"] = default.into();
    }
    schema
}

fn attributes() -> Value {
    json!({ "type": "array", "items": { "type": "string", "pattern": "^[^=]+=.+" }, "maxItems": MAX_FILTERS })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::time::Time;

    #[test]
    fn defaults_and_examples_of_the_document_are_those_of_the_program() {
        let now = Time::parse("2026-06-01T12:00:00Z").unwrap();
        let parse = |name, text: &str| Query::parse([(name, text)], now);
        let all = all();
        assert_eq!(all.iter().map(|p| p.name).collect::<Vec<_>>(), Query::PARAMETERS);
        for Parameter { name, schema, example, .. } in all {
            assert_eq!(
                parse(name, example).map(|query| query == Query::new(now)),
                Ok(name == "cursor"),
                "{name}"
            );
            if let Some(default) = schema.get("default") {
                let default = default.as_str().map_or_else(|| default.to_string(), str::to_owned);
                assert_eq!(parse(name, &default), Ok(Query::new(now)), "{name}");
            }
            for word in schema["enum"].as_array().into_iter().flatten() {
                assert!(parse(name, word.as_str().unwrap()).is_ok(), "{name}={word}");
            }
        }
    }
}
