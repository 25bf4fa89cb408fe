//! A build of the API as the messages that the Notification plugin would have sent of it: the same
//! fields with the same meaning, phase for phase, so that the parser gives them the same keys and the
//! same identities. What the plugin cannot know is not in them. Pure.

use axum::http::HeaderMap;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::client::segment;
use super::shape::{Action, Build, Parameter};
use crate::import::{Group, Payload};

/// A job: the names that lead to it, and what it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Job {
    /// From the outermost folder, as Jenkins writes them: a branch's slash is `%2F`.
    pub(super) names: Vec<String>,
    /// What people call it.
    pub(super) display_name: Option<String>,
}

impl Job {
    /// The names with slashes, as people write them.
    pub(super) fn path(&self) -> String {
        self.names.join("/")
    }

    /// Where it is below the Jenkins, with a slash at the end.
    pub(super) fn place(&self) -> String {
        self.names.iter().map(|name| format!("job/{}/", segment(name))).collect()
    }

    fn name(&self) -> &str {
        self.names.last().map_or("", String::as_str)
    }
}

/// The messages of one build. A build that still runs has not sent its last ones. `root` is the
/// Jenkins' address, for a build that does not say its own; none where the Jenkins is taken to
/// know none.
pub(super) fn messages(job: &Job, build: &Build, root: Option<&str>) -> Group {
    let queued = build.actions().find_map(|action| action.queuing).filter(|millis| *millis >= 0);
    // 0 stands for not known, as with the plugin.
    let queued = queued.map_or(0, |millis| build.timestamp - millis);
    let mut phases = vec![("QUEUED", queued), ("STARTED", build.timestamp)];
    if !build.building {
        // When it was cleaned up after is not told: at its end, as far as that is known.
        let end = build.timestamp.saturating_add(build.duration);
        phases.extend([("COMPLETED", end), ("FINALIZED", end)]);
    }
    let payload = |(phase, at)| {
        let ended = matches!(phase, "COMPLETED" | "FINALIZED");
        // Values always serialize.
        let body = serde_json::to_vec(&message(job, build, root, (phase, at), ended)).unwrap_or_default();
        Payload { headers: HeaderMap::new(), body }
    };
    phases.into_iter().map(payload).collect()
}

fn message(job: &Job, build: &Build, root: Option<&str>, (phase, at): (&str, i64), ended: bool) -> Value {
    let place = job.place();
    let own = format!("{place}{}/", build.number);
    let mut told = Map::new();
    if let Some(root) = root {
        let address = build.url.clone().unwrap_or_else(|| format!("{root}{own}"));
        told.insert("full_url".to_owned(), address.into());
    }
    let plain: [(&str, Value); 5] = [
        ("number", build.number.into()),
        ("url", own.into()),
        ("phase", phase.into()),
        ("timestamp", at.into()),
        ("duration", if ended { build.duration } else { 0 }.into()),
    ];
    told.extend(plain.map(|(name, value)| (name.to_owned(), value)));
    let mut add = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            told.insert(name.to_owned(), value);
        }
    };
    add("queue_id", build.queue_id.map(Value::from));
    add("status", build.result.clone().filter(|_| ended).map(Value::from));
    add("scm", Some(scm(job, build)));
    add("parameters", parameters(build));
    add("test_summary", tests(build).filter(|_| ended));
    let display_name = job.display_name.as_deref().unwrap_or(job.name());
    json!({"name": job.name(), "display_name": display_name, "url": place, "build": told})
}

impl Build {
    fn actions(&self) -> impl Iterator<Item = &Action> {
        self.actions.iter()
    }
}

/// The parameters that are nobody's secret, as texts; none if the job has none.
fn parameters(build: &Build) -> Option<Value> {
    let mut given = build.actions().filter(|action| !action.parameters.is_empty()).peekable();
    given.peek()?;
    let text = |parameter: &Parameter| match &parameter.value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(parameter.value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    };
    // Jenkins does not tell the values of these; should a plugin of its own do so, they stay untold.
    let secret = |parameter: &Parameter| {
        let class = parameter.class.to_ascii_lowercase();
        ["password", "secret", "credential"].iter().any(|word| class.contains(word))
    };
    let plain = given.flat_map(|action| &action.parameters).filter(|parameter| !secret(parameter));
    let plain: Map<String, Value> =
        plain.filter_map(|parameter| Some((parameter.name.clone(), text(parameter)?.into()))).collect();
    Some(plain.into())
}

/// What was checked out. A Pipeline can check out several repositories, such as libraries: then it is
/// the one whose branch the job is named after, if there is one, since nothing says what was built.
fn scm(job: &Job, build: &Build) -> Value {
    let checkouts: Vec<(&str, &str, &str)> = build.actions().filter_map(checkout).collect();
    let one = checkouts.first().filter(|(first, ..)| checkouts.iter().all(|(url, ..)| url == first));
    let decoded = percent_decode_str(job.name()).decode_utf8_lossy();
    let own = || {
        let mut named = checkouts.iter().filter(|(_, branch, _)| {
            let rest = branch.strip_suffix(&*decoded);
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
        });
        named.next().filter(|_| named.next().is_none())
    };
    let mut scm = json!({"changes": [], "culprits": []});
    if let (Some((url, branch, commit)), Some(members)) = (one.or_else(own), scm.as_object_mut()) {
        for (name, value) in [("url", *url), ("branch", *branch), ("commit", *commit)] {
            if !value.is_empty() {
                members.insert(name.to_owned(), value.into());
            }
        }
    }
    scm
}

/// Repository, branch and commit of a checkout. The branch is as the plugin writes it, `origin/main`.
fn checkout(action: &Action) -> Option<(&str, &str, &str)> {
    let (url, revision) = (action.remotes.first()?, action.revision.as_ref()?);
    let branch = revision.branch.first().and_then(|branch| branch.name.as_deref()).unwrap_or_default();
    let branch = branch.strip_prefix("refs/remotes/").unwrap_or(branch);
    Some((url, branch, revision.sha.as_deref().unwrap_or_default()))
}

fn tests(build: &Build) -> Option<Value> {
    let action = build.actions().find(|action| action.total.is_some())?;
    let (total, failed, skipped) =
        (action.total?, action.failed.unwrap_or_default(), action.skipped.unwrap_or_default());
    let passed = total.saturating_sub(failed).saturating_sub(skipped);
    Some(json!({
        "total": total, "failed": failed, "skipped": skipped, "passed": passed, "failed_tests": [],
    }))
}
