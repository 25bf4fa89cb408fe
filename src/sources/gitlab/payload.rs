//! The parts that GitLab's payloads have in common: only the fields that are used.

use serde::Deserialize;

pub(super) use crate::sources::json::{Free, Id, Text};
use crate::sources::{Context, ParseError, Parsed};

/// The payload of a hook.
pub(super) trait Payload<'a>: Deserialize<'a> {
    /// What the hook tells of, for replies.
    const NAME: &'static str;
    /// The actions (a deployment's statuses) that are used; none where the hook has no such thing.
    const ACTIONS: &'static [&'static str] = &[];
    /// The action that is meant where none is said, as in GitLab's test deliveries.
    const USUAL_ACTION: &'static str = "";

    /// The action.
    fn action(&self) -> Option<&str> {
        None
    }

    /// What it says; `action` is one of [`Self::ACTIONS`], or the usual one.
    fn said(
        &self,
        action: &'static str,
        instance: Option<&str>,
        context: &Context<'_>,
    ) -> Result<Parsed, ParseError>;
}

/// The project that a delivery is about.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Project<'a> {
    pub(super) id: Option<Id>,
    #[serde(borrow)]
    pub(super) path_with_namespace: Option<Text<'a>>,
    pub(super) web_url: Option<Text<'a>>,
    pub(super) http_url: Option<Text<'a>>,
    pub(super) git_http_url: Option<Text<'a>>,
    pub(super) git_ssh_url: Option<Text<'a>>,
    pub(super) default_branch: Option<Text<'a>>,
}

/// The same project as older versions and some hooks name it.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Repository<'a> {
    #[serde(borrow)]
    pub(super) homepage: Option<Text<'a>>,
    pub(super) git_http_url: Option<Text<'a>>,
    pub(super) git_ssh_url: Option<Text<'a>>,
    pub(super) url: Option<Text<'a>>,
}

/// A person or a bot.
#[derive(Deserialize)]
pub(super) struct User<'a> {
    pub(super) id: Option<Id>,
    #[serde(borrow)]
    pub(super) username: Option<Text<'a>>,
    /// Of a reviewer: whether it was asked for once more.
    pub(super) re_requested: Option<bool>,
}

impl User<'_> {
    /// Whether both are the same account.
    pub(super) fn is(&self, other: &User<'_>) -> bool {
        match (self.id, other.id) {
            (Some(mine), Some(theirs)) => mine == theirs,
            _ => self.username.is_some() && self.username == other.username,
        }
    }
}

/// A label.
#[derive(Deserialize)]
pub(super) struct Label<'a> {
    #[serde(borrow)]
    pub(super) title: Option<Text<'a>>,
}

/// A commit named in passing.
#[derive(Deserialize)]
pub(super) struct Commit<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Text<'a>>,
    pub(super) message: Option<Text<'a>>,
    pub(super) timestamp: Option<Text<'a>>,
    pub(super) url: Option<Text<'a>>,
}

/// A length of time in seconds, as microseconds; `None` if it is none that can be meant.
pub(super) fn micros(seconds: Option<f64>) -> Option<i64> {
    const YEAR: f64 = 366.0 * 24.0 * 3600.0;
    seconds.filter(|seconds| (0.0..YEAR).contains(seconds)).map(|seconds| (seconds * 1e6).round() as i64)
}
