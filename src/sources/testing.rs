//! What the tests of sources share.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub(super) mod hostile;

use axum::http::{HeaderMap, HeaderValue};
use serde_json::Value;

use super::jenkins::JenkinsOptions;
use super::{Context, Delivery, ParseError, Parsed, Request, parse};
use crate::work::attr::{self, Attr};
use crate::work::convention::Conventions;
use crate::work::event::{Cycle, Facts, Life, Pointer, Relation, Run, Said, Target};
use crate::work::key::Source;
use crate::work::tags::Tagger;
use crate::work::time::Time;

pub(super) fn at(text: &str) -> Time {
    Time::parse(text).unwrap()
}

pub(super) fn millis(millis: i64) -> Time {
    Time::from_millis(millis).unwrap()
}

/// When every request of the tests is received.
pub(super) fn received_at() -> Time {
    at("2026-09-21T12:00:00Z")
}

pub(super) fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap())).collect()
}

#[derive(Default)]
pub(super) struct Settings {
    pub(super) people: bool,
    pub(super) tagger: Tagger,
    pub(super) conventions: Conventions,
    pub(super) jenkins: JenkinsOptions,
}

impl Settings {
    pub(super) fn parse(&self, source: Source, headers: &HeaderMap, body: &[u8]) -> Delivery {
        let context = Context {
            people: self.people,
            received_at: received_at(),
            tagger: &self.tagger,
            conventions: &self.conventions,
            jenkins: &self.jenkins,
        };
        parse(source, Request { headers, body }, &context)
    }

    pub(super) fn github(&self, event: &str, body: &Value) -> Result<Parsed, ParseError> {
        let headers = headers(&[("X-GitHub-Event", event), ("X-GitHub-Delivery", "1")]);
        self.parse(Source::Github, &headers, body.to_string().as_bytes()).content
    }

    pub(super) fn jenkins(&self, body: &Value) -> Result<Parsed, ParseError> {
        self.parse(Source::Jenkins, &HeaderMap::new(), body.to_string().as_bytes()).content
    }
}

pub(super) fn used(parsed: Result<Parsed, ParseError>) -> Said {
    match parsed {
        Ok(Parsed::Used(said)) => said,
        other => panic!("not used: {other:?}"),
    }
}

pub(super) fn ignored(parsed: Result<Parsed, ParseError>) -> String {
    match parsed {
        Ok(Parsed::Ignored { reason }) => reason,
        other => panic!("not ignored: {other:?}"),
    }
}

pub(super) fn wrong(parsed: Result<Parsed, ParseError>) -> String {
    match parsed {
        Err(error) => error.to_string(),
        other => panic!("no error: {other:?}"),
    }
}

/// The key and the facts of the one event that is said.
pub(super) fn one(said: &Said) -> (&str, &Facts) {
    assert_eq!(said.events.len(), 1, "{said:?}");
    (said.events[0].key.as_str(), &said.events[0].facts)
}

pub(super) fn cycle(facts: &Facts) -> &Cycle {
    match &facts.life {
        Life::Cycle(cycle) => cycle,
        Life::Run(_) => panic!("a run"),
    }
}

pub(super) fn run(facts: &Facts) -> &Run {
    match &facts.life {
        Life::Run(run) => run,
        Life::Cycle(_) => panic!("a cycle"),
    }
}

/// An attribute as text.
pub(super) fn text(facts: &Facts, attr: Attr) -> String {
    match facts.attrs.get(&attr).map(|latest| &latest.value) {
        None => "(none)".to_owned(),
        Some(attr::Value::Str(text)) => text.clone(),
        Some(attr::Value::Int(n)) => n.to_string(),
        Some(attr::Value::Bool(yes)) => yes.to_string(),
        Some(attr::Value::List(list)) => list.join(","),
    }
}

/// What an item points at, as texts: `=key`, `?hint`, `ref`, `project kind id`.
pub(super) fn targets(facts: &Facts, relation: Relation) -> Vec<String> {
    let show = |target: &Target| match target {
        Target::Key(key) => format!("={key}"),
        Target::Hint(key) => format!("?{key}"),
        Target::Ref(reference) => reference.as_str().to_owned(),
        Target::Token { project, kind, id } => format!("{} {kind} {id}", project.as_str()),
    };
    facts.relations.get(&relation).map(|latest| latest.value.iter().map(show).collect()).unwrap_or_default()
}

/// The references that are said, as `ref > pointer`.
pub(super) fn refs(said: &Said) -> Vec<String> {
    let show = |pointer: &Pointer| pointer.to_stored();
    said.refs
        .iter()
        .map(|(reference, pointer)| format!("{} > {}", reference.as_str(), show(pointer)))
        .collect()
}

/// Sets the value at a JSON pointer.
pub(super) fn with(mut value: Value, pointer: &str, new: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = value.pointer_mut(parent).expect("the parent is there").as_object_mut().unwrap();
    parent.insert(name.to_owned(), new);
    value
}

/// Removes what is at a JSON pointer.
pub(super) fn without(mut value: Value, pointer: &str) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    value.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(name);
    value
}
