//! `Deployment Hook`: deploys.

use serde::Deserialize;

use super::job::is_production;
use super::payload::{Id, Payload, Project, Text, User};
use super::scene::{Scene, link, needed, relate};
use crate::sources::{Context, ParseError, Parsed};
use crate::work::attr::Attr;
use crate::work::convention::Spot;
use crate::work::event::{Cycle, Facts, Outcome, Ref, Relation, Target, What};
use crate::work::key::Kind;
use crate::work::lattice::{Instant, Latest, Stamp, Trust};

#[derive(Deserialize)]
pub(super) struct Deployments<'a> {
    deployment_id: Id,
    #[serde(borrow)]
    status: Text<'a>,
    status_changed_at: Option<Text<'a>>,
    environment: Option<Text<'a>>,
    environment_tier: Option<Text<'a>>,
    #[serde(rename = "ref")]
    name: Option<Text<'a>>,
    short_sha: Option<Text<'a>>,
    commit_url: Option<Text<'a>>,
    deployable_id: Option<Id>,
    deployable_url: Option<Text<'a>>,
    project: Option<Project<'a>>,
    user: Option<User<'a>>,
}

impl<'a> Payload<'a> for Deployments<'a> {
    const NAME: &'static str = "deployments";
    const ACTIONS: &'static [&'static str] =
        &["created", "blocked", "running", "success", "failed", "canceled", "skipped"];
    const USUAL_ACTION: &'static str = "";

    fn action(&self) -> Option<&str> {
        Some(&self.status)
    }

    fn said(
        &self,
        status: &'static str,
        instance: Option<&str>,
        context: &Context<'_>,
    ) -> Result<Parsed, ParseError> {
        let other = self.commit_url.as_ref().or(self.deployable_url.as_ref());
        let scene = Scene::new(self.project.as_ref(), None, other, instance, context)?;
        let key = scene.key(Kind::Deploy, &self.deployment_id.to_string())?;
        let at = needed("status_changed_at", self.status_changed_at.as_ref())?;
        let end = match status {
            "success" => Some(Outcome::Success),
            "failed" => Some(Outcome::Failure),
            "canceled" => Some(Outcome::Cancellation),
            "skipped" => Some(Outcome::Skip),
            _ => None,
        };
        let step = match status {
            "created" => 0,
            _ if end.is_some() => 2,
            _ => 1,
        };
        let stamp = Stamp::stated(Some(at), step);
        let mut cycle = Cycle::default();
        match end {
            Some(outcome) => cycle.closed.insert(at, Latest::new(stamp, outcome)),
            None if status == "created" => cycle.opened = Some(Instant::stated(at)),
            None => {
                // GitLab mostly tells of a deployment only once it runs: then that is where it began.
                cycle.opened = Some(Instant { trust: Trust::Near, at });
                cycle.under_way.insert(at);
            }
        }
        let mut facts = Facts::cycle(cycle);
        facts.attr(stamp, Attr::DeploymentId, Some(self.deployment_id.to_string()));
        facts.attr(stamp, Attr::DeploymentName, Some(scene.name()));
        facts.attr(stamp, Attr::Environment, self.environment.as_deref());
        facts.attr(stamp, Attr::ProductionEnvironment, self.environment_tier.as_deref().map(is_production));
        facts.attr(stamp, Attr::DeploymentUrl, link(self.deployable_url.as_ref()));
        let sha = self.sha();
        // What is deployed may be named by its sha alone; then it has no branch or tag.
        let name = self.name.as_deref().filter(|name| Ref::commit(name).is_none());
        facts.attr(stamp, Attr::RefHeadName, name);
        facts.attr(stamp, Attr::RefHeadRevision, sha.or(self.short_sha.as_deref()));
        facts.attr(stamp, Attr::UserName, scene.person(self.user.as_ref()));
        scene.describe_repository(&mut facts, stamp);

        let commit = sha.and_then(Ref::commit);
        relate(&mut facts, stamp, Relation::Commit, commit.map(Target::Ref).into_iter().collect());
        if let Some(job) = self.deployable_id {
            // Which pipeline the job is of is not said, and a job is no parent: it becomes a link.
            let job = scene.key(Kind::Job, &job.to_string())?;
            relate(&mut facts, stamp, Relation::Follows, vec![Target::Key(job)]);
        }
        scene.found(&[(Spot::Branch, self.name.as_ref())]).relate(&mut facts, stamp);
        facts.happened(Some(at), What::DeploymentStatus, Some(status), None, None);
        scene.told(key, facts)
    }
}

impl Deployments<'_> {
    /// The whole sha: only the commit's address has it.
    fn sha(&self) -> Option<&str> {
        let address = self.commit_url.as_deref()?;
        let path = address.split(['?', '#']).next()?.trim_end_matches('/');
        let sha = path.rsplit('/').next()?;
        let short = self.short_sha.as_deref().unwrap_or_default();
        (Ref::commit(sha).is_some() && sha.starts_with(short)).then_some(sha)
    }
}
