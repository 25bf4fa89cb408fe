//! What is asked of Jenkins' JSON API, and the shapes in which it answers. A field that a plugin would
//! add is absent where that plugin is; an action that says nothing that is asked for is empty.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// What is asked of an item: whether it holds others, and whether it has builds.
pub(super) const ITEM: &str = "name,displayName,lastBuild[number,timestamp],jobs[name]";

/// What is asked of an item that holds others.
pub(super) const FOLDER: &str = "jobs[name,displayName,lastBuild[number,timestamp],jobs[name]]";

/// What is asked of a build.
pub(super) const BUILD: &str = "number,url,timestamp,duration,result,building,queueId,\
     actions[_class,parameters[_class,name,value],queuingDurationMillis,remoteUrls,\
     lastBuiltRevision[SHA1,branch[name]],totalCount,failCount,skipCount]";

/// A folder, an organisation, a multibranch project, or the Jenkins itself.
#[derive(Debug, Deserialize)]
pub(super) struct Folder {
    #[serde(default)]
    pub(super) jobs: Vec<Item>,
}

/// What stands in a folder, or is one.
#[derive(Debug, Deserialize)]
pub(super) struct Item {
    #[serde(default)]
    pub(super) name: String,
    #[serde(rename = "displayName")]
    pub(super) display_name: Option<String>,
    /// What it holds, if it is something that holds others.
    pub(super) jobs: Option<Vec<Named>>,
    /// Its latest build, if it has any.
    #[serde(rename = "lastBuild")]
    pub(super) last_build: Option<Listed>,
}

/// An item that only matters for being there.
#[derive(Debug, Deserialize)]
pub(super) struct Named {}

/// Builds of a job, the latest first.
#[derive(Debug, Deserialize)]
pub(super) struct Builds<T> {
    #[serde(rename = "allBuilds", default = "Vec::new")]
    pub(super) all: Vec<T>,
}

/// As much of a build as says whether it is wanted.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) struct Listed {
    pub(super) number: u64,
    /// When it started, in milliseconds since 1970.
    #[serde(default)]
    pub(super) timestamp: i64,
}

/// A build.
#[derive(Debug, Deserialize)]
pub(super) struct Build {
    pub(super) number: u64,
    /// Its address, with the Jenkins' own root, or with the one that it was asked by if it knows none.
    pub(super) url: Option<String>,
    /// When it started, in milliseconds since 1970.
    #[serde(default)]
    pub(super) timestamp: i64,
    /// How long it took, in milliseconds; 0 while it runs.
    #[serde(default)]
    pub(super) duration: i64,
    /// Can be there while it still runs: a Pipeline says early that it failed.
    pub(super) result: Option<String>,
    #[serde(default)]
    pub(super) building: bool,
    #[serde(rename = "queueId")]
    pub(super) queue_id: Option<i64>,
    #[serde(default, deserialize_with = "actions")]
    pub(super) actions: Vec<Action>,
}

/// What plugins add. Any plugin may use these names for something else: what is not in the shape that
/// is known here says nothing, and takes no build with it.
fn actions<'de, D: Deserializer<'de>>(told: D) -> Result<Vec<Action>, D::Error> {
    let told = Option::<Vec<Value>>::deserialize(told)?.unwrap_or_default();
    Ok(told.into_iter().filter_map(|action| serde_json::from_value(action).ok()).collect())
}

/// What a plugin adds to a build.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Action {
    /// Of the parameters.
    pub(super) parameters: Vec<Parameter>,
    /// Of the Metrics plugin: how long it was in the queue, in milliseconds.
    #[serde(rename = "queuingDurationMillis")]
    pub(super) queuing: Option<i64>,
    /// Of the Git plugin: where was checked out from.
    #[serde(rename = "remoteUrls")]
    pub(super) remotes: Vec<String>,
    /// And what.
    #[serde(rename = "lastBuiltRevision")]
    pub(super) revision: Option<Revision>,
    /// Of the tests.
    #[serde(rename = "totalCount")]
    pub(super) total: Option<i64>,
    #[serde(rename = "failCount")]
    pub(super) failed: Option<i64>,
    #[serde(rename = "skipCount")]
    pub(super) skipped: Option<i64>,
}

/// A parameter.
#[derive(Debug, Deserialize)]
pub(super) struct Parameter {
    #[serde(rename = "_class", default)]
    pub(super) class: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) value: Value,
}

/// What was checked out.
#[derive(Debug, Deserialize)]
pub(super) struct Revision {
    #[serde(rename = "SHA1")]
    pub(super) sha: Option<String>,
    #[serde(default)]
    pub(super) branch: Vec<Branch>,
}

/// A branch, `refs/remotes/origin/main` or `detached`.
#[derive(Debug, Deserialize)]
pub(super) struct Branch {
    pub(super) name: Option<String>,
}
