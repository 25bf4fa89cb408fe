//! `deployment` and `deployment_status`: deploys.

use serde::Deserialize;

use super::payload::{Free, Id, Payload, Repository, Text, User};
use super::scene::{Scene, clip, link, needed, relate};
use crate::sources::{Context, ParseError, Parsed, cut};
use crate::work::attr::Attr;
use crate::work::convention::Spot;
use crate::work::event::{Cycle, Facts, Outcome, Ref, Relation, Target, What};
use crate::work::key::{Key, Kind};
use crate::work::lattice::{Instant, Latest, Stamp};
use crate::work::tags::DEPLOY_FLAGS;

#[derive(Deserialize)]
pub(super) struct Deployments<'a> {
    #[serde(borrow)]
    action: Option<Text<'a>>,
    deployment: Deployment<'a>,
    workflow_run: Option<Starter>,
    repository: Repository<'a>,
}

#[derive(Deserialize)]
pub(super) struct Statuses<'a> {
    #[serde(borrow)]
    action: Option<Text<'a>>,
    deployment_status: Status<'a>,
    deployment: Deployment<'a>,
    workflow_run: Option<Starter>,
    repository: Repository<'a>,
}

#[derive(Deserialize)]
struct Deployment<'a> {
    id: Id,
    #[serde(borrow)]
    sha: Option<Text<'a>>,
    #[serde(rename = "ref")]
    name: Option<Text<'a>>,
    environment: Option<Text<'a>>,
    production_environment: Option<bool>,
    #[serde(default)]
    payload: Free<'a>,
    created_at: Option<Text<'a>>,
    creator: Option<User<'a>>,
    workflow_run: Option<Starter>,
}

/// The workflow run that started a deployment.
#[derive(Deserialize)]
struct Starter {
    id: Option<Id>,
    run_attempt: Option<Id>,
}

#[derive(Deserialize)]
struct Status<'a> {
    #[serde(borrow)]
    state: Text<'a>,
    environment: Option<Text<'a>>,
    target_url: Option<Text<'a>>,
    log_url: Option<Text<'a>>,
    environment_url: Option<Text<'a>>,
    created_at: Option<Text<'a>>,
}

impl<'a> Payload<'a> for Deployments<'a> {
    const EVENT: &'static str = "deployment";
    const ACTIONS: &'static [&'static str] = &["created"];
    /// GitHub Enterprise Server did not always say it.
    const USUAL_ACTION: Option<&'static str> = Some("created");

    fn action(&self) -> Option<&str> {
        self.action.as_deref()
    }

    fn said(&self, _: &'static str, context: &Context<'_>) -> Result<Parsed, ParseError> {
        let scene = Scene::new(&self.repository, context);
        let opened = needed("deployment.created_at", self.deployment.created_at.as_ref())?;
        let stamp = Stamp::stated(Some(opened), 0);
        let cycle = Cycle { opened: Some(Instant::stated(opened)), ..Cycle::default() };
        let (key, facts) = self.deployment.told(cycle, stamp, self.workflow_run.as_ref(), &scene)?;
        scene.told(key, facts)
    }
}

impl<'a> Payload<'a> for Statuses<'a> {
    const EVENT: &'static str = "deployment_status";
    const ACTIONS: &'static [&'static str] = &["created"];
    const USUAL_ACTION: Option<&'static str> = Some("created");

    fn action(&self) -> Option<&str> {
        self.action.as_deref()
    }

    fn said(&self, _: &'static str, context: &Context<'_>) -> Result<Parsed, ParseError> {
        let scene = Scene::new(&self.repository, context);
        let status = &self.deployment_status;
        let end = match &*status.state {
            "success" => Some(Outcome::Success),
            "failure" => Some(Outcome::Failure),
            "error" => Some(Outcome::Error),
            "in_progress" | "queued" | "pending" | "waiting" => None,
            // `inactive` is said of a deployment that another one replaced: it ended before.
            state => {
                return Ok(Parsed::ignored(format!("deployment state {:?} is not used", cut(state, 64))));
            }
        };
        let opened = needed("deployment.created_at", self.deployment.created_at.as_ref())?;
        let at = needed("deployment_status.created_at", status.created_at.as_ref())?;
        let stamp = Stamp::stated(Some(at), if end.is_some() { 2 } else { 1 });
        let mut cycle = Cycle { opened: Some(Instant::stated(opened)), ..Cycle::default() };
        match end {
            Some(outcome) => cycle.closed.insert(at, Latest::new(stamp, outcome)),
            None => cycle.under_way.insert(at),
        }
        let (key, mut facts) = self.deployment.told(cycle, stamp, self.workflow_run.as_ref(), &scene)?;
        if status.environment.as_ref().is_some_and(|environment| !environment.is_empty()) {
            facts.attr(stamp, Attr::Environment, status.environment.as_deref());
        }
        let addresses = [&status.target_url, &status.log_url, &status.environment_url];
        let address = addresses.into_iter().find_map(|address| link(address.as_ref()));
        facts.attr(stamp, Attr::DeploymentUrl, address);
        facts.happened(Some(at), What::DeploymentStatus, Some(&status.state), None, None);
        scene.told(key, facts)
    }
}

impl Deployment<'_> {
    fn told(
        &self,
        cycle: Cycle,
        stamp: Stamp,
        starter: Option<&Starter>,
        scene: &Scene<'_, '_>,
    ) -> Result<(Key, Facts), ParseError> {
        let key = scene.key(Kind::Deploy, &self.id.to_string())?;
        let mut facts = Facts::cycle(cycle);
        facts.attr(stamp, Attr::DeploymentId, Some(self.id.to_string()));
        let full_name = &scene.repository.full_name;
        facts.attr(stamp, Attr::DeploymentName, full_name.rsplit('/').next());
        facts.attr(stamp, Attr::Environment, self.environment.as_deref());
        facts.attr(stamp, Attr::ProductionEnvironment, self.production_environment);
        let head = self.head();
        facts.attr(stamp, Attr::RefHeadName, head.map(|(name, _)| name));
        facts.attr(stamp, Attr::RefHeadType, head.and_then(|(_, kind)| kind));
        facts.attr(stamp, Attr::RefHeadRevision, self.sha.as_deref());
        facts.attr(stamp, Attr::UserName, scene.person(self.creator.as_ref()));
        scene.describe_repository(&mut facts, stamp);
        facts.marks.parameters = self.parameters(stamp, scene);

        let starter = starter.or(self.workflow_run.as_ref());
        if let Some(Starter { id: Some(run), run_attempt }) = starter {
            let run = scene.run_key(*run, *run_attempt)?;
            relate(&mut facts, stamp, Relation::Run, vec![Target::Key(run)]);
        }
        let commit = self.sha.as_ref().and_then(|sha| Ref::commit(sha));
        relate(&mut facts, stamp, Relation::Commit, commit.map(Target::Ref).into_iter().collect());
        // A name by itself may be a tag; if it is none, nothing is known by it.
        let main = scene.repository.default_branch.as_deref();
        let tag = head.filter(|(name, kind)| *kind != Some("branch") && main != Some(*name));
        let tag = tag.and_then(|(name, _)| scene.tag(name)).map(Target::Ref);
        relate(&mut facts, stamp, Relation::Release, tag.into_iter().collect());
        scene.found(&[(Spot::Branch, self.name.as_ref())]).relate(&mut facts, stamp);
        Ok((key, facts))
    }

    /// The branch or tag that is deployed, and which of the two, if the name says. What is deployed
    /// may be named by its sha alone; then it has neither.
    fn head(&self) -> Option<(&str, Option<&'static str>)> {
        let name = self.name.as_deref().filter(|name| Ref::commit(name).is_none())?;
        let tag = name.strip_prefix("refs/tags/").map(|tag| (tag, Some("tag")));
        let branch = || name.strip_prefix("refs/heads/").map(|branch| (branch, Some("branch")));
        Some(tag.or_else(branch).unwrap_or((name, None)))
    }

    /// The members of the deployment's payload that can become tags, and its flags. The payload is an
    /// object, or a text that holds one.
    fn parameters(
        &self,
        stamp: Stamp,
        scene: &Scene<'_, '_>,
    ) -> Option<Latest<std::collections::BTreeMap<String, String>>> {
        let parsed: Free<'_>;
        let payload = match &self.payload {
            Free::Text(text) => {
                parsed = serde_json::from_str(text).unwrap_or_default();
                &parsed
            }
            other => other,
        };
        let mut found: std::collections::BTreeMap<_, _> = scene.tag_texts(payload).collect();
        for name in DEPLOY_FLAGS {
            found.extend(payload.get(name).map(|value| (name.to_owned(), clip(value))));
        }
        (!found.is_empty()).then(|| Latest::new(stamp, found))
    }
}
