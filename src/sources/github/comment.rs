//! `issue_comment` and `pull_request_review_comment`: that somebody wrote, when, and in what part;
//! never what. The issue or pull request that comes along is told as it stands.

use serde::Deserialize;

use super::issue::Issue;
use super::payload::{Payload, Repository, Text, User};
use super::pull_request::PullRequest;
use super::scene::{Scene, needed, role};
use crate::sources::{Context, ParseError, Parsed};
use crate::work::event::{Facts, What};

/// What stands for a comment's action where snapshots are read: one that neither opens nor closes.
const COMMENTED: &str = "commented";

#[derive(Deserialize)]
pub(super) struct IssueComments<'a> {
    #[serde(borrow)]
    action: Option<Text<'a>>,
    issue: Issue<'a>,
    comment: Comment<'a>,
    repository: Repository<'a>,
}

#[derive(Deserialize)]
pub(super) struct ReviewComments<'a> {
    #[serde(borrow)]
    action: Option<Text<'a>>,
    pull_request: PullRequest<'a>,
    comment: Comment<'a>,
    repository: Repository<'a>,
}

#[derive(Deserialize)]
struct Comment<'a> {
    #[serde(borrow)]
    created_at: Option<Text<'a>>,
    user: Option<User<'a>>,
}

impl<'a> Payload<'a> for IssueComments<'a> {
    const EVENT: &'static str = "issue_comment";
    const ACTIONS: &'static [&'static str] = &["created"];

    fn action(&self) -> Option<&str> {
        self.action.as_deref()
    }

    fn said(&self, _: &'static str, context: &Context<'_>) -> Result<Parsed, ParseError> {
        let mut scene = Scene::new(&self.repository, context);
        let issue = &self.issue;
        let mut told = match issue.pull_request {
            None => issue.told("issue", COMMENTED, &mut scene)?,
            Some(_) => issue.told_as_pull_request(&mut scene)?,
        };
        self.comment.happened(&mut told.facts, issue.user.as_ref(), &scene)?;
        scene.point_at_project();
        scene.told(told.key, told.facts)
    }
}

impl<'a> Payload<'a> for ReviewComments<'a> {
    const EVENT: &'static str = "pull_request_review_comment";
    const ACTIONS: &'static [&'static str] = &["created"];

    fn action(&self) -> Option<&str> {
        self.action.as_deref()
    }

    fn said(&self, _: &'static str, context: &Context<'_>) -> Result<Parsed, ParseError> {
        let mut scene = Scene::new(&self.repository, context);
        let mut told = self.pull_request.told(COMMENTED, &mut scene)?;
        self.comment.happened(&mut told.facts, self.pull_request.user.as_ref(), &scene)?;
        scene.told(told.key, told.facts)
    }
}

impl Comment<'_> {
    fn happened(
        &self,
        facts: &mut Facts,
        author: Option<&User<'_>>,
        scene: &Scene<'_, '_>,
    ) -> Result<(), ParseError> {
        let at = needed("comment.created_at", self.created_at.as_ref())?;
        let who = self.user.as_ref();
        let role = who.map(|who| role(who, author));
        facts.happened(Some(at), What::Commented, None, role, scene.person(who));
        Ok(())
    }
}
