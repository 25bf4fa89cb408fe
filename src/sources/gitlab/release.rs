//! `Release Hook`: a published release is a deploy to the environment `release`.

use serde::Deserialize;

use super::payload::{Commit, Id, Payload, Project, Text};
use super::scene::{Scene, link, needed, relate};
use crate::sources::{Context, ParseError, Parsed};
use crate::work::attr::Attr;
use crate::work::event::{Cycle, Facts, Outcome, Pointer, Ref, Relation, Target};
use crate::work::key::Kind;
use crate::work::lattice::{Instant, Latest, Stamp};

/// The environment that releases go to.
const ENVIRONMENT: &str = "release";

#[derive(Deserialize)]
pub(super) struct Releases<'a> {
    #[serde(borrow)]
    action: Option<Text<'a>>,
    id: Option<Id>,
    tag: Text<'a>,
    url: Option<Text<'a>>,
    created_at: Option<Text<'a>>,
    released_at: Option<Text<'a>>,
    commit: Option<Commit<'a>>,
    project: Option<Project<'a>>,
}

impl<'a> Payload<'a> for Releases<'a> {
    const NAME: &'static str = "releases";
    const ACTIONS: &'static [&'static str] = &["create"];
    const USUAL_ACTION: &'static str = "create";

    fn action(&self) -> Option<&str> {
        self.action.as_deref()
    }

    fn said(
        &self,
        _: &'static str,
        instance: Option<&str>,
        context: &Context<'_>,
    ) -> Result<Parsed, ParseError> {
        if self.tag.is_empty() {
            return Err(ParseError::field("tag", "is empty"));
        }
        let mut scene = Scene::new(self.project.as_ref(), None, self.url.as_ref(), instance, context)?;
        // The tag names a release within its project; ids are the instance's.
        let key = scene.key(Kind::Deploy, &format!("release-{}", &*self.tag))?;
        let at = match &self.released_at {
            Some(released_at) => needed("released_at", Some(released_at))?,
            None => needed("created_at", self.created_at.as_ref())?,
        };
        let stamp = Stamp::stated(Some(at), 2);
        let mut cycle = Cycle { opened: Some(Instant::stated(at)), ..Cycle::default() };
        cycle.closed.insert(at, Latest::new(stamp, Outcome::Success));

        let sha = self.commit.as_ref().and_then(|commit| commit.id.as_deref());
        let mut facts = Facts::cycle(cycle);
        facts.attr(stamp, Attr::DeploymentId, self.id.map(|id| id.to_string()));
        facts.attr(stamp, Attr::DeploymentName, Some(scene.name()));
        facts.attr(stamp, Attr::DeploymentUrl, link(self.url.as_ref()));
        facts.attr(stamp, Attr::Environment, Some(ENVIRONMENT));
        facts.attr(stamp, Attr::ReleaseName, Some(&*self.tag));
        facts.attr(stamp, Attr::RefHeadName, Some(&*self.tag));
        facts.attr(stamp, Attr::RefHeadType, Some("tag"));
        facts.attr(stamp, Attr::RefHeadRevision, sha);
        scene.describe_repository(&mut facts, stamp);

        let commit = sha.and_then(Ref::commit);
        let tag = scene.tag(&self.tag);
        let found_by = [commit.clone(), tag.clone()].into_iter().flatten().map(Target::Ref).collect();
        relate(&mut facts, stamp, Relation::Commit, found_by);
        scene.point(tag.clone(), &Pointer::Item(key.clone()));
        if let Some(commit) = commit {
            scene.point(tag, &Pointer::Ref(commit));
        }
        scene.point_at_project();
        scene.told(key, facts)
    }
}
