//! `push`: not work by itself, but it tells which branch a commit is on and which issues a commit
//! on the default branch closes.

use serde::Deserialize;

use super::payload::{Payload, Repository, Text};
use super::scene::Scene;
use crate::sources::{Context, ParseError, Parsed};
use crate::work::event::{Pointer, Ref};
use crate::work::mention;

/// How many commits of a push are looked at.
const MAX_COMMITS: usize = 256;

/// How many references a push may add.
const MAX_REFS: usize = 512;

#[derive(Deserialize)]
pub(super) struct Push<'a> {
    #[serde(borrow, rename = "ref")]
    name: Text<'a>,
    deleted: Option<bool>,
    commits: Option<Vec<Commit<'a>>>,
    repository: Repository<'a>,
}

#[derive(Deserialize)]
struct Commit<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    message: Option<Text<'a>>,
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
        let Some(branch) = self.name.strip_prefix("refs/heads/") else {
            return Ok(Parsed::ignored("push of a tag is not used"));
        };
        if self.deleted == Some(true) {
            return Ok(Parsed::ignored("deletion of a branch is not used"));
        }
        let mut scene = Scene::new(&self.repository, context);
        let project = &self.repository.full_name;
        let commits = self.commits.iter().flatten().take(MAX_COMMITS);
        match scene.branch(project, branch) {
            Some(branch) => {
                let pointer = Pointer::Ref(branch);
                // What another branch already had, such as the main branch merged into this one,
                // is not this branch's work.
                for commit in commits.filter(|commit| commit.distinct != Some(false)) {
                    scene.point(commit.reference(), &pointer);
                }
            }
            None => {
                for commit in commits {
                    if scene.said.refs.len() >= MAX_REFS {
                        break;
                    }
                    let message = commit.message.as_deref().unwrap_or_default();
                    for issue in mention::closing(message, &scene.host, project) {
                        scene.point(commit.reference(), &Pointer::Item(issue));
                    }
                }
            }
        }
        if scene.said.refs.is_empty() {
            return Ok(Parsed::ignored("push without commits that are used"));
        }
        Ok(Parsed::Used(scene.said))
    }
}

impl Commit<'_> {
    fn reference(&self) -> Option<Ref> {
        self.id.as_ref().and_then(|id| Ref::commit(id))
    }
}
