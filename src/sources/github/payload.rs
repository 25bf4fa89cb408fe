//! The parts that GitHub's payloads have in common: only the fields that are used.

use serde::Deserialize;

pub(super) use crate::sources::json::{Free, Id, Number, Text};
use crate::sources::{Context, ParseError, Parsed};

/// The payload of an event.
pub(super) trait Payload<'a>: Deserialize<'a> {
    /// The event's name.
    const EVENT: &'static str;
    /// The actions that are used.
    const ACTIONS: &'static [&'static str];
    /// The action that is meant where none is said.
    const USUAL_ACTION: Option<&'static str> = None;

    /// The action.
    fn action(&self) -> Option<&str>;

    /// What it says; `action` is one of [`Self::ACTIONS`].
    fn said(&self, action: &'static str, context: &Context<'_>) -> Result<Parsed, ParseError>;
}

/// The repository that a delivery is about.
#[derive(Deserialize)]
pub(super) struct Repository<'a> {
    #[serde(borrow)]
    pub(super) full_name: Text<'a>,
    pub(super) name: Option<Text<'a>>,
    pub(super) html_url: Option<Text<'a>>,
    pub(super) default_branch: Option<Text<'a>>,
    pub(super) language: Option<Text<'a>>,
    pub(super) topics: Option<Vec<Text<'a>>>,
    pub(super) custom_properties: Option<Free<'a>>,
}

/// A repository named in passing.
#[derive(Deserialize)]
pub(super) struct OtherRepository<'a> {
    #[serde(borrow)]
    pub(super) full_name: Option<Text<'a>>,
    pub(super) name: Option<Text<'a>>,
}

/// A user, team, app or bot.
#[derive(Deserialize)]
pub(super) struct User<'a> {
    #[serde(borrow)]
    pub(super) login: Option<Text<'a>>,
    pub(super) id: Option<Id>,
    #[serde(rename = "type")]
    pub(super) kind: Option<Text<'a>>,
}

/// Something with a name: a label, an issue type.
#[derive(Deserialize)]
pub(super) struct Named<'a> {
    #[serde(borrow)]
    pub(super) name: Option<Text<'a>>,
}

/// Something with a title: a milestone.
#[derive(Deserialize)]
pub(super) struct Titled<'a> {
    #[serde(borrow)]
    pub(super) title: Option<Text<'a>>,
}

/// A pull request as runs and checks name it.
#[derive(Deserialize)]
pub(super) struct PullRequestRef<'a> {
    pub(super) number: Id,
    #[serde(borrow)]
    pub(super) url: Option<Text<'a>>,
    pub(super) base: Option<PullRequestBase<'a>>,
}

/// Where a named pull request goes.
#[derive(Deserialize)]
pub(super) struct PullRequestBase<'a> {
    #[serde(borrow)]
    pub(super) repo: Option<OtherRepository<'a>>,
}

/// The text of an optional field.
pub(super) fn string(text: Option<&Text<'_>>) -> Option<String> {
    text.map(|text| text.0.to_string())
}
