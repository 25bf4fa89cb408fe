//! `release`: a published release is a deploy to the environment `release`. It is over as soon as it
//! is there; what it brings follows from its tag's commit.

use serde::Deserialize;

use super::payload::{Id, Payload, Repository, Text, User};
use super::scene::{Scene, link, needed, relate};
use crate::sources::{Context, ParseError, Parsed};
use crate::work::attr::Attr;
use crate::work::event::{Cycle, Facts, Flaw, Outcome, Pointer, Ref, Relation, Target};
use crate::work::key::Kind;
use crate::work::lattice::{Instant, Latest, Stamp, Trust};

/// Where releases go.
const ENVIRONMENT: &str = "release";

#[derive(Deserialize)]
pub(super) struct Releases<'a> {
    #[serde(borrow)]
    action: Option<Text<'a>>,
    release: Release<'a>,
    repository: Repository<'a>,
}

/// A release. Its `created_at` is the date of the tagged commit, so it is of no use here.
#[derive(Deserialize)]
struct Release<'a> {
    id: Id,
    #[serde(borrow)]
    tag_name: Option<Text<'a>>,
    target_commitish: Option<Text<'a>>,
    html_url: Option<Text<'a>>,
    /// Null for a draft.
    published_at: Option<Text<'a>>,
    updated_at: Option<Text<'a>>,
    author: Option<User<'a>>,
}

impl<'a> Payload<'a> for Releases<'a> {
    const EVENT: &'static str = "release";
    /// The first three come together, or one after the other if a prerelease becomes a release; they
    /// say the same of one deploy.
    const ACTIONS: &'static [&'static str] =
        &["published", "released", "prereleased", "unpublished", "deleted"];

    fn action(&self) -> Option<&str> {
        self.action.as_deref()
    }

    fn said(&self, action: &'static str, context: &Context<'_>) -> Result<Parsed, ParseError> {
        let mut scene = Scene::new(&self.repository, context);
        let release = &self.release;
        let gone = matches!(action, "unpublished" | "deleted");
        if action == "deleted" && release.published_at.is_none() {
            return Ok(Parsed::ignored("deletion of a draft is not used"));
        }
        let published = if gone {
            scene.time(release.published_at.as_ref())
        } else {
            Some(needed("release.published_at", release.published_at.as_ref())?)
        };
        let updated = scene.time(release.updated_at.as_ref());
        let stamp = Stamp::stated(updated.max(published), u8::from(gone));

        let mut cycle = Cycle { opened: published.map(Instant::stated), ..Cycle::default() };
        if gone {
            // Of a release that only its end tells of, nothing is left.
            cycle.withdrawn = Some(match updated {
                Some(at) => Instant { trust: Trust::Near, at },
                None => {
                    scene.flaw(Flaw::TimeOfReceipt);
                    Instant { trust: Trust::Receipt, at: context.received_at }
                }
            });
        } else if let Some(at) = published {
            cycle.closed.insert(at, Latest::new(stamp, Outcome::Success));
        }
        let key = scene.key(Kind::Deploy, &format!("release-{}", release.id))?;
        let mut facts = Facts::cycle(cycle);
        self.describe(&mut facts, stamp, &scene);

        let tag = release.tag_name.as_ref().and_then(|tag| scene.tag(tag));
        let commit = release.target_commitish.as_ref().and_then(|commit| Ref::commit(commit));
        let found_by = [commit, tag.clone()].into_iter().flatten().map(Target::Ref).collect();
        relate(&mut facts, stamp, Relation::Commit, found_by);
        if !gone {
            scene.point(tag, &Pointer::Item(key.clone()));
        }
        scene.point_at_project();
        scene.told(key, facts)
    }
}

impl Releases<'_> {
    fn describe(&self, facts: &mut Facts, stamp: Stamp, scene: &Scene<'_, '_>) {
        let release = &self.release;
        let full_name = &self.repository.full_name;
        facts.attr(stamp, Attr::DeploymentId, Some(release.id.to_string()));
        facts.attr(stamp, Attr::DeploymentName, full_name.rsplit('/').next());
        facts.attr(stamp, Attr::DeploymentUrl, link(release.html_url.as_ref()));
        facts.attr(stamp, Attr::Environment, Some(ENVIRONMENT));
        facts.attr(stamp, Attr::ReleaseName, release.tag_name.as_deref());
        facts.attr(stamp, Attr::RefHeadName, release.tag_name.as_deref());
        if release.tag_name.is_some() {
            facts.attr(stamp, Attr::RefHeadType, Some("tag"));
        }
        let revision = release.target_commitish.as_deref().filter(|commit| Ref::commit(commit).is_some());
        facts.attr(stamp, Attr::RefHeadRevision, revision);
        facts.attr(stamp, Attr::UserName, scene.person(release.author.as_ref()));
        scene.describe_repository(facts, stamp);
    }
}
