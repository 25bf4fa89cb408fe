//! `Push Hook` and `Tag Push Hook`: not work by themselves, but they tell which branch a commit is
//! on, what a push brought since the one before, which issues its commits name, and which commit a
//! tag means.

use serde::Deserialize;

use super::payload::{Commit, Payload, Project, Repository, Text};
use super::scene::Scene;
use crate::sources::telling::{self, MAX_REFS, Pushed};
use crate::sources::{Context, ParseError, Parsed};
use crate::work::convention::Spot;
use crate::work::event::{Pointer, Ref};

/// How many commits of a push are looked at. GitLab itself tells the newest 20.
const MAX_COMMITS: usize = 256;

#[derive(Deserialize)]
pub(super) struct Push<'a> {
    #[serde(borrow, rename = "ref")]
    name: Text<'a>,
    before: Option<Text<'a>>,
    after: Option<Text<'a>>,
    commits: Option<Vec<Commit<'a>>>,
    project: Option<Project<'a>>,
    repository: Option<Repository<'a>>,
}

impl<'a> Payload<'a> for Push<'a> {
    const NAME: &'static str = "pushes";

    fn said(
        &self,
        _: &'static str,
        instance: Option<&str>,
        context: &Context<'_>,
    ) -> Result<Parsed, ParseError> {
        let Some(branch) = self.name.strip_prefix("refs/heads/") else {
            return Ok(Parsed::ignored("push of no branch is not used"));
        };
        if self.after.as_deref().is_some_and(is_nothing) {
            return Ok(Parsed::ignored("deletion of a branch is not used"));
        }
        let url = self.commits.iter().flatten().find_map(|commit| commit.url.as_ref());
        let mut scene = Scene::new(self.project.as_ref(), self.repository.as_ref(), url, instance, context)?;
        self.tell_commits(branch, &mut scene);
        self.tell_push(&mut scene);
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

    /// Where its commits belong: to the branch, and on the default branch to what they close.
    fn tell_commits(&self, branch: &str, scene: &mut Scene<'_, '_>) {
        let branch = scene.branch(&scene.path, branch).map(Pointer::Ref);
        for commit in self.commits() {
            if scene.said.refs.len() >= MAX_REFS {
                break;
            }
            let reference = commit.id.as_deref().and_then(Ref::commit);
            match &branch {
                Some(branch) => scene.point(reference, branch),
                None => {
                    for issue in scene.closing(commit.message()) {
                        scene.point(reference.clone(), &Pointer::Item(issue));
                    }
                }
            }
        }
    }

    fn tell_push(&self, scene: &mut Scene<'_, '_>) {
        let commits = self.commits().map(|commit| Pushed {
            made: commit.timestamp.as_ref(),
            found: scene.found(&[(Spot::Commit, commit.message.as_ref())]),
        });
        let commits = commits.collect();
        telling::push(&mut scene.said, self.after.as_deref(), self.before.as_deref(), commits);
    }
}

impl Commit<'_> {
    fn message(&self) -> &str {
        self.message.as_deref().unwrap_or_default()
    }
}

#[derive(Deserialize)]
pub(super) struct TagPush<'a> {
    #[serde(borrow, rename = "ref")]
    name: Text<'a>,
    after: Option<Text<'a>>,
    checkout_sha: Option<Text<'a>>,
    project: Option<Project<'a>>,
    repository: Option<Repository<'a>>,
}

impl<'a> Payload<'a> for TagPush<'a> {
    const NAME: &'static str = "pushes of tags";

    fn said(
        &self,
        _: &'static str,
        instance: Option<&str>,
        context: &Context<'_>,
    ) -> Result<Parsed, ParseError> {
        let Some(tag) = self.name.strip_prefix("refs/tags/") else {
            return Ok(Parsed::ignored("push of no tag is not used"));
        };
        if self.after.as_deref().is_some_and(is_nothing) {
            return Ok(Parsed::ignored("deletion of a tag is not used"));
        }
        let mut scene = Scene::new(self.project.as_ref(), self.repository.as_ref(), None, instance, context)?;
        // Of an annotated tag, `after` is the tag's own object, no commit.
        if let Some(commit) = self.checkout_sha.as_deref().and_then(Ref::commit) {
            scene.point(scene.tag(tag), &Pointer::Ref(commit));
        }
        if scene.said.refs.is_empty() {
            return Ok(Parsed::ignored("push of a tag without a commit is not used"));
        }
        Ok(Parsed::Used(scene.said))
    }
}

/// Whether a sha stands for nothing: what is deleted has no commit after, what is new none before.
fn is_nothing(sha: &str) -> bool {
    !sha.is_empty() && sha.bytes().all(|b| b == b'0')
}
