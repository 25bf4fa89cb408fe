//! `merge_group`: which pull request the commit of a merge queue tries out, so that builds of that
//! commit find it. The commit is neither the pull request's head nor its merge.

use std::sync::LazyLock;

use regex::Regex;
use serde::Deserialize;

use super::payload::{Payload, Repository, Text};
use super::scene::Scene;
use crate::sources::{Context, ParseError, Parsed};
use crate::work::event::{Pointer, Ref};
use crate::work::key::Kind;

/// The branch on which a merge queue tries a pull request out.
#[expect(clippy::expect_used, reason = "a constant pattern, compiled by the tests")]
static MERGE_QUEUE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new("^gh-readonly-queue/.+/pr-([0-9]{1,10})-[0-9a-f]{7,64}$")
        .expect("the pattern of merge queue branches is valid")
});

/// The number of the pull request that a branch of a merge queue tries out.
pub(super) fn queued_number(branch: &str) -> Option<u64> {
    MERGE_QUEUE.captures(branch)?.get(1)?.as_str().parse().ok()
}

#[derive(Deserialize)]
pub(super) struct MergeGroups<'a> {
    #[serde(borrow)]
    action: Option<Text<'a>>,
    merge_group: MergeGroup<'a>,
    repository: Repository<'a>,
}

#[derive(Deserialize)]
struct MergeGroup<'a> {
    #[serde(borrow)]
    head_sha: Text<'a>,
    head_ref: Text<'a>,
}

impl<'a> Payload<'a> for MergeGroups<'a> {
    const EVENT: &'static str = "merge_group";
    /// That it was destroyed, and why, is what `dequeued` says of the pull request.
    const ACTIONS: &'static [&'static str] = &["checks_requested"];

    fn action(&self) -> Option<&str> {
        self.action.as_deref()
    }

    fn said(&self, _: &'static str, context: &Context<'_>) -> Result<Parsed, ParseError> {
        let mut scene = Scene::new(&self.repository, context);
        let group = &self.merge_group;
        let branch = group.head_ref.strip_prefix("refs/heads/").unwrap_or(&group.head_ref);
        let Some(number) = queued_number(branch) else {
            return Ok(Parsed::ignored("merge_group whose branch names no pull request is not used"));
        };
        let key = scene.key(Kind::PullRequest, &number.to_string())?;
        scene.point(Ref::commit(&group.head_sha), &Pointer::Item(key));
        if scene.said.refs.is_empty() {
            return Err(ParseError::field("merge_group.head_sha", "is not a full sha"));
        }
        Ok(Parsed::Used(scene.said))
    }
}
