//! `push`: not work by itself, but it tells which branch a commit is on, which issues a commit on the
//! default branch closes, what a push came after, and when the work in it began.

use serde::Deserialize;

use super::payload::{Payload, Repository, Text};
use super::scene::Scene;
use crate::sources::telling::{self, MAX_REFS, Pushed};
use crate::sources::{Context, ParseError, Parsed};
use crate::work::convention::Spot;
use crate::work::event::{Pointer, Ref};
use crate::work::mention;

/// How many commits of a push are looked at.
const MAX_COMMITS: usize = 256;

#[derive(Deserialize)]
pub(super) struct Push<'a> {
    #[serde(borrow, rename = "ref")]
    name: Text<'a>,
    before: Option<Text<'a>>,
    after: Option<Text<'a>>,
    deleted: Option<bool>,
    head_commit: Option<Commit<'a>>,
    commits: Option<Vec<Commit<'a>>>,
    repository: Repository<'a>,
}

#[derive(Deserialize)]
struct Commit<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    message: Option<Text<'a>>,
    timestamp: Option<Text<'a>>,
    distinct: Option<bool>,
}

impl<'a> Payload<'a> for Push<'a> {
    const EVENT: &'static str = "push";
    const ACTIONS: &'static [&'static str] = &["pushed"];
    /// A push has no action.
    const USUAL_ACTION: Option<&'static str> = Some("pushed");

    fn action(&self) -> Option<&str> {
        None
    }

    fn said(&self, _: &'static str, context: &Context<'_>) -> Result<Parsed, ParseError> {
        let mut scene = Scene::new(&self.repository, context);
        if self.deleted == Some(true) {
            return Ok(Parsed::ignored("deletion of a branch or tag is not used"));
        }
        if let Some(branch) = self.name.strip_prefix("refs/heads/") {
            self.point_at_commits(branch, &mut scene);
            self.point_at_push(&mut scene);
        } else if let Some(tag) = self.name.strip_prefix("refs/tags/") {
            // `after` of an annotated tag is the tag itself, not the commit.
            let head = self.head_commit.as_ref().and_then(|commit| commit.id.as_ref());
            if let Some(commit) = head.or(self.after.as_ref()).and_then(|sha| Ref::commit(sha)) {
                scene.point(scene.tag(tag), &Pointer::Ref(commit));
            }
        } else {
            return Ok(Parsed::ignored("push of what is neither a branch nor a tag is not used"));
        }
        if scene.said.refs.is_empty() {
            return Ok(Parsed::ignored("push without commits that are used"));
        }
        Ok(Parsed::Used(scene.said))
    }
}

impl Push<'_> {
    fn commits(&self) -> impl Iterator<Item = &Commit<'_>> {
        self.commits.iter().flatten().take(MAX_COMMITS)
    }

    /// What another branch already had, such as the main branch merged into this one, is not this
    /// branch's work.
    fn own_commits(&self) -> impl Iterator<Item = &Commit<'_>> {
        self.commits().filter(|commit| commit.distinct != Some(false))
    }

    /// Where builds and deploys of each commit find what they belong to.
    fn point_at_commits(&self, branch: &str, scene: &mut Scene<'_, '_>) {
        let project = &self.repository.full_name;
        match scene.branch(project, branch) {
            Some(branch) => {
                let pointer = Pointer::Ref(branch);
                for commit in self.own_commits() {
                    scene.point(commit.reference(), &pointer);
                }
            }
            None => {
                for commit in self.commits() {
                    let message = commit.message.as_deref().unwrap_or_default();
                    for issue in mention::closing(message, &scene.host, project) {
                        if scene.said.refs.len() < MAX_REFS {
                            scene.point(commit.reference(), &Pointer::Item(issue));
                        }
                    }
                }
            }
        }
    }

    fn point_at_push(&self, scene: &mut Scene<'_, '_>) {
        let commits = self.own_commits().map(|commit| Pushed {
            made: commit.timestamp.as_ref(),
            found: scene.found(&[(Spot::Commit, commit.message.as_ref())]),
        });
        let commits = commits.collect();
        telling::push(&mut scene.said, self.after.as_deref(), self.before.as_deref(), commits);
    }
}

impl Commit<'_> {
    fn reference(&self) -> Option<Ref> {
        self.id.as_ref().and_then(|id| Ref::commit(id))
    }
}
