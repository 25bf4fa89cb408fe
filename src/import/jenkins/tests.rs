//! Imports from a Jenkins on loopback into real stores, before and after the webhooks of the same
//! builds.

mod fake;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use secrecy::SecretString;
use serde_json::{Value, json};

use self::fake::{Jenkins, Witness};
use super::*;
use crate::import::{Payload, Tally};
use crate::ingest::receive::Understanding;
use crate::sources::jenkins::JenkinsOptions;

use crate::store::sqlite::SqliteStore;
use crate::store::{Rules, Store};
use crate::work::attr::Attr;
use crate::work::event::Outcome;
use crate::work::item::Item as WorkItem;
use crate::work::key::{Key, Source};
use crate::work::line::text;
use crate::work::testing::key;

/// 2026-05-01T00:00:00Z in milliseconds.
const T: i64 = 1_777_593_600_000;
const SHA: &str = "ec26c3e57ca3a959ca5aad62de7213c562f8c821";

/// A build as Jenkins tells it: the shape of a freestyle one with Git, JUnit and Metrics.
fn build(place: &str, number: u64) -> Value {
    json!({
        "_class": "hudson.model.FreeStyleBuild",
        "actions": [
            {"_class": "hudson.model.CauseAction", "causes": [
                {"_class": "hudson.triggers.SCMTrigger$SCMTriggerCause", "shortDescription": "Started by an SCM change"},
            ]},
            {"_class": "hudson.model.ParametersAction", "parameters": [
                {"_class": "hudson.model.StringParameterValue", "name": "team", "value": "payments"},
                {"_class": "hudson.model.BooleanParameterValue", "name": "dry", "value": false},
                {"_class": "hudson.model.PasswordParameterValue", "name": "PASS"},
            ]},
            {"_class": "jenkins.metrics.impl.TimeInQueueAction", "queuingDurationMillis": 1_500, "totalDurationMillis": 10_500},
            {},
            {"_class": "hudson.plugins.git.util.BuildData",
             "buildsByBranchName": {"refs/remotes/origin/12-faster": {"buildNumber": number, "buildResult": null}},
             "lastBuiltRevision": {"SHA1": SHA, "branch": [{"SHA1": SHA, "name": "refs/remotes/origin/12-faster"}]},
             "remoteUrls": ["https://github.com/acme/api.git"], "scmName": ""},
            {"_class": "hudson.tasks.junit.TestResultAction", "failCount": 1, "skipCount": 2, "totalCount": 10, "urlName": "testReport"},
            null,
        ],
        "artifacts": [], "building": false, "description": null, "displayName": format!("#{number}"),
        "duration": 9_000, "estimatedDuration": 8_000, "executor": null, "id": number.to_string(), "keepLog": false,
        "number": number, "queueId": 40 + number, "result": "UNSTABLE", "timestamp": T + number as i64 * 60_000,
        "url": format!("https://ci.example.org/{place}{number}/"), "builtOn": "node-1",
        "changeSet": {"_class": "hudson.plugins.git.GitChangeSetList", "items": [], "kind": "git"}, "culprits": [],
    })
}

/// The messages that the Notification plugin sends of that build.
fn hooks(place: &str, name: &str, number: u64) -> Group {
    let at = T + number as i64 * 60_000;
    let message = |phase: &str, at: i64| {
        let ended = phase == "COMPLETED" || phase == "FINALIZED";
        let mut build = json!({
            "full_url": format!("https://ci.example.org/{place}{number}/"), "number": number, "queue_id": 40 + number,
            "timestamp": at, "duration": if ended { 9_000 } else { 0 }, "phase": phase, "url": format!("{place}{number}/"),
            "scm": {"url": "https://github.com/acme/api.git", "branch": "origin/12-faster", "commit": SHA, "changes": [], "culprits": []},
            "parameters": {"team": "payments", "dry": "false"}, "log": "", "artifacts": {},
        });
        if ended {
            build["status"] = json!("UNSTABLE");
            build["test_summary"] =
                json!({"total": 10, "failed": 1, "skipped": 2, "passed": 7, "failed_tests": ["a"]});
        }
        let body = json!({"name": name, "display_name": name, "url": place, "build": build});
        Payload { headers: HeaderMap::new(), body: body.to_string().into_bytes() }
    };
    // The queue and the clean-up as the plugin measures them, some milliseconds off.
    [("QUEUED", at - 1_493), ("STARTED", at), ("COMPLETED", at + 9_000), ("FINALIZED", at + 9_120)]
        .map(|(phase, at)| message(phase, at))
        .into()
}

fn job(name: &str, place: &str, numbers: impl DoubleEndedIterator<Item = u64>) -> Value {
    let builds: Vec<Value> = numbers.rev().map(|number| build(place, number)).collect();
    json!({"_class": "hudson.model.FreeStyleProject", "name": name, "displayName": name, "allBuilds": builds})
}

/// Two jobs, one of them a branch of a multibranch project in an organisation's folder.
fn organisation() -> Value {
    json!([
        {"_class": "com.cloudbees.hudson.plugins.folder.Folder", "name": "acme", "displayName": "Acme", "jobs": [
            {"_class": "org.jenkinsci.plugins.workflow.multibranch.WorkflowMultiBranchProject", "name": "api", "jobs": [
                job("12%2Ffaster", "job/acme/job/api/job/12%252Ffaster/", 1..=2),
            ]},
            {"_class": "com.cloudbees.hudson.plugins.folder.Folder", "name": "empty", "jobs": []},
        ]},
        job("nightly", "job/nightly/", 7..=7),
        {"_class": "hudson.model.FreeStyleProject", "name": "never", "allBuilds": []},
    ])
}

struct World {
    store: SqliteStore,
    understanding: Understanding,
    rules: Rules,
    folder: tempfile::TempDir,
    witness: Arc<Witness>,
}

impl World {
    fn new(jenkins: JenkinsOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&folder.path().join("store.db"), 1 << 20).unwrap();
        let rules = Rules {
            tagger: Arc::default(),
            environments: Arc::default(),
            settle: 0,
            retention: Default::default(),
        };
        let understanding = Understanding {
            people: false,
            tagger: rules.tagger.clone(),
            conventions: Arc::default(),
            jenkins,
        };
        Self { store, understanding, rules, folder, witness: Arc::default() }
    }

    fn intake(&self) -> Intake<'_, SqliteStore> {
        Intake::new(&self.store, Source::Jenkins, &self.understanding, &self.rules)
    }

    fn progress(&self) -> std::path::PathBuf {
        Path::join(self.folder.path(), "progress.json")
    }

    fn api(&self, url: &str) -> Api {
        let token = SecretString::from("11aa22bb");
        Api::new(url, Some(("ann", &token)), self.witness.clone(), self.witness.clone()).unwrap()
    }

    async fn import(&self, address: SocketAddr, wanted: &Wanted) -> Result<(Found, Tally), ImportError> {
        let mut intake = self.intake();
        let mut progress = Progress::open(&self.progress(), "test", wanted.since)?;
        let found =
            import(&self.api(&format!("http://{address}")), wanted, &mut intake, &mut progress).await?;
        progress.finish()?;
        Ok((found, intake.tally().clone()))
    }

    async fn receive(&self, groups: Vec<Group>) -> Tally {
        let mut intake = self.intake();
        intake.take(groups).await.unwrap();
        intake.tally().clone()
    }

    async fn item(&self, name: &str) -> Option<WorkItem> {
        self.store.item(&key(name)).await.unwrap().0
    }

    async fn items(&self, names: &[&str]) -> Vec<WorkItem> {
        let mut items = Vec::new();
        for name in names {
            items.push(self.item(name).await.unwrap_or_else(|| panic!("{name}")));
        }
        items
    }

    /// The spans of all that has ended and was not exported yet.
    async fn spans(&self) -> Vec<(Key, Vec<u8>)> {
        let backend = vec!["main".to_owned()];
        let later = Time::parse("2099-01-01T00:00:00Z").unwrap();
        self.store.seal(later, 10_000, &backend, &self.rules).await.unwrap();
        let leased = self.store.lease("main", 10_000).await.unwrap();
        let mut spans: Vec<_> = leased.into_iter().map(|entry| (entry.key, entry.spans)).collect();
        spans.sort_unstable();
        spans
    }
}

fn wanted() -> Wanted {
    Wanted { jobs: Vec::new(), since: Time::from_millis(T).unwrap(), knows_itself: true }
}

fn usual() -> World {
    World::new(JenkinsOptions::default())
}

const BRANCH: &str = "jenkins:ci.example.org/acme/api/12%2Ffaster/build/1";
const KEYS: [&str; 3] =
    [BRANCH, "jenkins:ci.example.org/acme/api/12%2Ffaster/build/2", "jenkins:ci.example.org/nightly/build/7"];

fn all_hooks() -> Vec<Group> {
    let place = "job/acme/job/api/job/12%252Ffaster/";
    vec![hooks(place, "12%2Ffaster", 1), hooks(place, "12%2Ffaster", 2), hooks("job/nightly/", "nightly", 7)]
}

#[tokio::test]
async fn builds_in_folders_and_branches_become_items_with_all_that_is_known() {
    let (jenkins, address) = Jenkins::start(organisation()).await;
    let world = usual();
    let (found, tally) = world.import(address, &wanted()).await.unwrap();
    assert_eq!(found, Found { jobs: 2, builds: 3, running: 0, pages: 2, left_out: 0 });
    assert_eq!((tally.recorded, tally.not_used, tally.not_understood), (12, 0, 0));
    let item = world.item(BRANCH).await.unwrap();
    let episode = item.episodes()[0];
    let at = |millis| Time::from_millis(T + 60_000 + millis).unwrap();
    assert_eq!((episode.start, episode.end), (at(0), Some((at(9_000), Outcome::Failure))));
    let crate::work::event::Life::Run(run) = &item.facts.life else { panic!("{item:?}") };
    assert_eq!(run.queued.unwrap().at, at(-1_500));
    for (attr, value) in [
        (Attr::RefHeadRevision, SHA),
        (Attr::RefHeadName, "12-faster"),
        (Attr::RepositoryUrl, "https://github.com/acme/api"),
        (Attr::PipelineRunUrl, "https://ci.example.org/job/acme/job/api/job/12%252Ffaster/1/"),
    ] {
        assert_eq!(text(&item, attr), Some(value), "{attr:?}");
    }
    assert!(!format!("{item:?}").contains("PASS"));
    let asked = jenkins.asked.lock().unwrap().clone();
    assert!(asked.iter().all(|(_, who)| who.as_deref() == Some("Basic YW5uOjExYWEyMmJi")), "{asked:?}");
    assert!(asked.iter().any(|(path, _)| path.starts_with("/job/acme/job/api/job/12%252Ffaster/api/json?")));
}

#[tokio::test]
async fn a_second_import_and_webhooks_afterwards_change_nothing() {
    let (_jenkins, address) = Jenkins::start(organisation()).await;
    let world = usual();
    world.import(address, &wanted()).await.unwrap();
    let items = world.items(&KEYS).await;
    let (_, again) = world.import(address, &wanted()).await.unwrap();
    assert_eq!((again.recorded, again.duplicate), (0, 12));
    let hooks = world.receive(all_hooks()).await;
    assert_eq!((hooks.recorded, hooks.duplicate), (0, 12));
    assert_eq!(world.items(&KEYS).await, items);
    assert_eq!(world.spans().await.len(), 3);
    world.receive(all_hooks()).await;
    world.import(address, &wanted()).await.unwrap();
    assert_eq!(world.spans().await, [], "what was exported stands");
}

#[tokio::test]
async fn an_import_after_the_webhooks_changes_nothing() {
    let (_jenkins, address) = Jenkins::start(organisation()).await;
    let world = usual();
    assert_eq!(world.receive(all_hooks()).await.recorded, 12);
    let items = world.items(&KEYS).await;
    let (found, tally) = world.import(address, &wanted()).await.unwrap();
    assert_eq!((found.builds, tally.recorded, tally.duplicate), (3, 0, 12));
    assert_eq!(world.items(&KEYS).await, items);
}

#[tokio::test]
async fn import_and_webhooks_tell_the_same_builds() {
    let (_jenkins, address) = Jenkins::start(organisation()).await;
    let (imported, told) = (usual(), usual());
    imported.import(address, &wanted()).await.unwrap();
    // The clock of the plugin's queue phase is some milliseconds off; all else is one to one.
    let hooks: Vec<Group> =
        all_hooks().into_iter().map(|group| group.into_iter().skip(1).collect()).collect();
    told.receive(hooks).await;
    for (imported, told) in imported.items(&KEYS).await.into_iter().zip(told.items(&KEYS).await) {
        let mut imported = imported;
        if let crate::work::event::Life::Run(run) = &mut imported.facts.life {
            run.queued = None;
        }
        assert_eq!(imported, told);
    }
}

#[tokio::test]
async fn the_last_webhook_alone_is_completed_by_the_import() {
    let (_jenkins, address) = Jenkins::start(organisation()).await;
    let last = |groups: Vec<Group>| groups.into_iter().map(|group| group[3..].to_vec()).collect::<Vec<_>>();
    let (before, after) = (usual(), usual());
    before.receive(last(all_hooks())).await;
    before.import(address, &wanted()).await.unwrap();
    after.import(address, &wanted()).await.unwrap();
    after.receive(last(all_hooks())).await;
    assert_eq!(before.spans().await, after.spans().await);
}

#[tokio::test]
async fn a_build_that_runs_is_open_until_a_webhook_or_an_import_ends_it() {
    let (jenkins, address) = Jenkins::start(organisation()).await;
    let running = |root: &mut Value, going: bool| {
        let build = &mut root["jobs"][1]["allBuilds"][0];
        build["building"] = json!(going);
        build["duration"] = json!(if going { 0 } else { 9_000 });
    };
    // A Pipeline can have a result before it ends.
    running(&mut jenkins.root.lock().unwrap(), true);
    let (by_hook, by_import) = (usual(), usual());
    for world in [&by_hook, &by_import] {
        let (found, _) = world.import(address, &wanted()).await.unwrap();
        assert_eq!(found.running, 1);
        assert_eq!(world.item(KEYS[2]).await.unwrap().episodes()[0].end, None);
        assert_eq!(world.item(BRANCH).await.unwrap().episodes()[0].end.unwrap().1, Outcome::Failure);
    }
    running(&mut jenkins.root.lock().unwrap(), false);
    by_hook.receive(vec![hooks("job/nightly/", "nightly", 7)]).await;
    by_import.import(address, &wanted()).await.unwrap();
    let (by_hook, by_import) = (by_hook.item(KEYS[2]).await.unwrap(), by_import.item(KEYS[2]).await.unwrap());
    assert_eq!(by_hook.episodes(), by_import.episodes());
    assert_eq!(by_hook.episodes()[0].end.unwrap().1, Outcome::Failure);
}

#[tokio::test]
async fn what_deploys_is_told_by_the_rules_of_the_webhooks() {
    let parameter = |name: &str, value: &str| json!({"_class": "hudson.model.StringParameterValue", "name": name, "value": value});
    let mut by_parameter = job("ship", "job/ship/", 1..=1);
    by_parameter["allBuilds"][0]["actions"] = json!([{"_class": "hudson.model.ParametersAction",
        "parameters": [parameter("type", "deploy"), parameter("environment", "production")]}]);
    let jobs = json!([
        by_parameter,
        job("deploy: web", "job/deploy:%20web/", 1..=1),
        {"name": "infra", "jobs": [job("roll-out", "job/infra/job/roll-out/", 1..=1)]},
    ]);
    let (_jenkins, address) = Jenkins::start(jobs).await;
    let world = World::new(JenkinsOptions::new("jenkins", &["infra/*".to_owned()]).unwrap());
    world.import(address, &wanted()).await.unwrap();
    let ship = world.item("jenkins:ci.example.org/ship/deploy/1").await.unwrap();
    assert_eq!(text(&ship, Attr::Environment), Some("production"));
    assert!(world.item("jenkins:ci.example.org/infra/roll-out/deploy/1").await.is_some());
    let web = world
        .store
        .item(
            &Key::new(Source::Jenkins, "ci.example.org", "deploy: web", crate::work::key::Kind::Deploy, "1")
                .unwrap(),
        )
        .await
        .unwrap();
    assert!(web.0.is_some());
}

#[tokio::test]
async fn a_jenkins_that_does_not_know_itself_has_the_configured_host() {
    let (_jenkins, address) = Jenkins::start(organisation()).await;
    let world = World::new(JenkinsOptions::new("ci.internal", &[]).unwrap());
    world.import(address, &Wanted { knows_itself: false, ..wanted() }).await.unwrap();
    assert!(world.item("jenkins:ci.internal/nightly/build/7").await.is_some());
    assert!(world.item(KEYS[2]).await.is_none());
}

#[tokio::test]
async fn only_what_is_wanted_is_read() {
    let (jenkins, address) = Jenkins::start(organisation()).await;
    let world = usual();
    let second = Wanted { since: Time::from_millis(T + 120_000).unwrap(), ..wanted() };
    let of_branch = Wanted { jobs: vec!["acme/api/12%2Ffaster".to_owned()], ..second.clone() };
    let (found, _) = world.import(address, &of_branch).await.unwrap();
    assert_eq!((found.jobs, found.builds), (1, 1));
    assert!(world.item(BRANCH).await.is_none() && world.item(KEYS[1]).await.is_some());
    assert!(jenkins.paths().iter().all(|path| path.starts_with("/job/acme/job/api/job/12%252Ffaster/")));
    let third = Wanted {
        jobs: vec!["job/acme".to_owned()],
        since: Time::from_millis(T + 121_000).unwrap(),
        ..wanted()
    };
    assert_eq!(world.import(address, &third).await.unwrap().0, Found::default());
    assert!(jenkins.paths().iter().all(|path| !path.contains("allBuilds")), "its last build is too old");
    let found = count(&world.api(&format!("http://{address}")), &wanted()).await.unwrap();
    assert_eq!((found.jobs, found.builds, found.pages), (2, 3, 2));
    assert!(world.item(KEYS[2]).await.is_none(), "counting commits nothing");
}

#[tokio::test]
async fn builds_that_start_meanwhile_push_none_out_of_sight() {
    let (jenkins, address) = Jenkins::start(json!([job("api", "job/api/", 1..=250)])).await;
    *jenkins.meanwhile.lock().unwrap() = Some(|root| {
        let builds = root["jobs"][0]["allBuilds"].as_array_mut().unwrap();
        for _ in 0..7 {
            let next = builds[0]["number"].as_u64().unwrap() + 1;
            builds.insert(0, build("job/api/", next));
        }
        // And an old one is deleted by hand.
        builds.retain(|build| build["number"] != 200);
    });
    let world = usual();
    let (found, tally) = world.import(address, &wanted()).await.unwrap();
    // Seven had started before the list was read.
    assert_eq!(found.builds, 257 - 1);
    assert_eq!(tally.not_understood, 0);
    for number in (1..=257).filter(|number| *number != 200) {
        let name = format!("jenkins:ci.example.org/api/build/{number}");
        assert!(world.item(&name).await.is_some(), "{name}");
    }
    // The root, the list, three pages that are read at most three times, and one build that is gone.
    let requests = jenkins.paths().len();
    assert!(requests <= 12, "{requests}");
}

#[tokio::test]
async fn an_interrupted_import_goes_on_from_the_last_page() {
    let (jenkins, address) = Jenkins::start(json!([job("api", "job/api/", 1..=250)])).await;
    let world = usual();
    // The token is revoked while the second page is read: after the root, the list and the first page.
    *jenkins.revoked_after.lock().unwrap() = Some(3);
    let error = world.import(address, &wanted()).await.unwrap_err().to_string();
    assert!(error.contains("401") && error.contains("JENKINS_TOKEN"), "{error}");
    assert!(world.item("jenkins:ci.example.org/api/build/1").await.is_some(), "the oldest come first");
    assert!(world.item("jenkins:ci.example.org/api/build/250").await.is_none());
    jenkins.paths();
    *jenkins.revoked_after.lock().unwrap() = None;
    let (_, tally) = world.import(address, &wanted()).await.unwrap();
    assert_eq!(tally.duplicate, 0, "what was committed is not read again");
    let pages = jenkins.paths().into_iter().filter(|path| path.contains("result")).count();
    assert!(pages < 3, "{pages}");
    assert!(world.item("jenkins:ci.example.org/api/build/250").await.is_some());
    assert!(!world.progress().exists());
}

#[tokio::test]
async fn a_busy_jenkins_is_waited_for_as_long_as_it_asks() {
    let (jenkins, address) = Jenkins::start(organisation()).await;
    let after = |value: &str| Some(("retry-after", value.to_owned()));
    jenkins.answers_once([
        ("/api/json", 503, after("77")),
        ("/api/json", 429, after("Mon, 01 Jun 2026 12:00:33 GMT")),
        ("/api/json", 502, None),
        ("/api/json", 503, None),
    ]);
    let world = usual();
    let (found, _) = world.import(address, &wanted()).await.unwrap();
    assert_eq!((found.builds, found.left_out), (3, 0));
    let slept = world.witness.slept.lock().unwrap().clone();
    assert_eq!(slept[..2], [77, 33].map(Duration::from_secs));
    assert!(slept[2] >= Duration::from_secs(4) && slept[3] > slept[2], "{slept:?}");
    assert_eq!(slept.len(), 4);
}

#[tokio::test]
async fn a_jenkins_that_stays_away_is_given_up() {
    let (jenkins, address) = Jenkins::start(organisation()).await;
    jenkins.answers_once(std::iter::repeat_n(("/api/json", 503, None), 50));
    let world = usual();
    let error = world.import(address, &wanted()).await.unwrap_err().to_string();
    assert!(error.contains("10 times") && error.contains("again later"), "{error}");
    assert!(world.witness.slept.lock().unwrap().iter().all(|wait| *wait <= Duration::from_secs(180)));
}

#[tokio::test]
async fn one_broken_or_forbidden_job_holds_nothing_else_up() {
    for (part, status, why) in
        [("/job/nightly/", 500, "fails"), ("/job/nightly/", 403, "Job/Read"), ("/job/nightly/", 404, "404")]
    {
        let (jenkins, address) = Jenkins::start(organisation()).await;
        jenkins.answers_once(std::iter::repeat_n((part, status, None), 3));
        let world = usual();
        let (found, _) = world.import(address, &wanted()).await.unwrap();
        assert_eq!((found.builds, found.left_out), (2, 1), "{status}");
        let said = world.witness.said.lock().unwrap().clone();
        assert!(
            said.iter()
                .any(|line| line.starts_with("left out") && line.contains("nightly") && line.contains(why)),
            "{said:?}"
        );
    }
}

#[tokio::test]
async fn what_cannot_be_answered_says_what_to_do() {
    let (jenkins, address) = Jenkins::start(organisation()).await;
    let world = usual();
    for (status, what) in [
        (401, "API token"),
        (403, "Overall/Read"),
        (404, "before /job"),
        (418, "address of a Jenkins"),
        (200, "address of a Jenkins"),
    ] {
        jenkins.answers_once([("/api/json", status, None)]);
        let error = world.import(address, &wanted()).await.unwrap_err().to_string();
        assert!(error.contains(what), "{status}: {error}");
        assert!(!error.contains("11aa22bb"), "{error}");
    }
    let unknown = Wanted { jobs: vec!["acme/none".to_owned()], ..wanted() };
    let error = world.import(address, &unknown).await.unwrap_err().to_string();
    assert!(error.contains("acme/none (404)"), "{error}");
    let api = |url: &str| {
        Api::new(url, None, world.witness.clone(), world.witness.clone()).err().unwrap().to_string()
    };
    for url in [
        "ci.example.org",
        "ftp://ci.example.org",
        "https://ci.example.org/?a=b",
        "https://ann:SECRET@ci.example.org",
    ] {
        let error = api(url);
        assert!(error.contains("https://ci.example.org/jenkins") && !error.contains("SECRET"), "{error}");
    }
}

#[tokio::test]
async fn the_token_goes_to_no_other_host() {
    let (other, elsewhere) = Jenkins::start(organisation()).await;
    let (jenkins, address) = Jenkins::start(organisation()).await;
    let world = usual();
    for status in [301, 302, 307, 308] {
        let to = format!("http://{elsewhere}/login?from=%2Fsecret");
        jenkins.answers_once([("/api/json", status, Some(("location", to)))]);
        let error = world.import(address, &wanted()).await.unwrap_err().to_string();
        assert!(error.contains(&format!("http://{elsewhere}/login")) && !error.contains("secret"), "{error}");
    }
    // Builds whose address is on another host are asked for on this one.
    {
        let mut root = jenkins.root.lock().unwrap();
        root["jobs"][1]["url"] = json!(format!("http://{elsewhere}/job/nightly/"));
        root["jobs"][1]["allBuilds"][0]["url"] = json!(format!("http://{elsewhere}/job/nightly/7/"));
    }
    world.import(address, &wanted()).await.unwrap();
    assert!(world.item(&format!("jenkins:{elsewhere}/nightly/build/7")).await.is_some());
    assert_eq!(other.paths(), Vec::<String>::new());
}

/// The checkout that messages tell of a build of a job with these checkouts.
fn told_scm(name: &str, checkouts: &[(&str, &str)]) -> Value {
    let mut told = build("job/x/", 1);
    let action = |(url, branch): &(&str, &str)| json!({"remoteUrls": [url], "lastBuiltRevision": {"SHA1": SHA, "branch": [{"name": branch}]}});
    told["actions"] = checkouts.iter().map(action).collect();
    let build: Build = serde_json::from_value(told).unwrap();
    let job = Job { names: vec!["p".to_owned(), name.to_owned()], display_name: None };
    let message: Value = serde_json::from_slice(&messages(&job, &build, None)[2].body).unwrap();
    message["build"]["scm"].clone()
}

#[test]
fn of_several_checkouts_the_one_is_told_that_the_job_is_named_after() {
    let (api, library) = ("https://github.com/acme/api.git", "https://github.com/acme/library.git");
    let both = [(library, "main"), (api, "refs/remotes/origin/feature/x")];
    assert_eq!(told_scm("feature%2Fx", &both)["url"], api);
    assert_eq!(told_scm("feature%2Fx", &both)["branch"], "origin/feature/x");
    assert_eq!(told_scm("nightly", &both), json!({"changes": [], "culprits": []}));
    assert_eq!(told_scm("main", &[(library, "main"), (api, "main")])["url"], Value::Null);
    assert_eq!(told_scm("nightly", &both[..1])["url"], library);
    assert_eq!(told_scm("nightly", &[]), json!({"changes": [], "culprits": []}));
}

#[test]
fn no_secret_parameter_is_told_though_a_plugin_tells_its_value() {
    let mut told = build("job/x/", 1);
    told["actions"] = json!([{"parameters": [
        {"_class": "com.example.PasswordParameterValue", "name": "a", "value": "x"},
        {"_class": "com.cloudbees.plugins.credentials.CredentialsParameterValue", "name": "b", "value": "x"},
        {"_class": "hudson.model.TextParameterValue", "name": "c", "value": "line\nline"},
        {"_class": "com.example.NumberParameterValue", "name": "d", "value": 7},
        {"_class": "hudson.model.FileParameterValue", "name": "e"},
    ]}]);
    let build: Build = serde_json::from_value(told).unwrap();
    let job = Job { names: vec!["x".to_owned()], display_name: None };
    for payload in messages(&job, &build, None) {
        let message: Value = serde_json::from_slice(&payload.body).unwrap();
        assert_eq!(message["build"]["parameters"], json!({"c": "line\nline", "d": "7"}));
    }
}

#[test]
fn what_a_plugin_tells_in_another_shape_spoils_no_build() {
    let mut told = build("job/x/", 1);
    let known = told["actions"].take();
    for odd in [
        json!({"_class": "com.example.Odd", "parameters": null}),
        json!({"parameters": ["a", 7]}),
        json!({"parameters": [{"name": null, "value": "x"}]}),
        json!({"remoteUrls": null, "lastBuiltRevision": {"SHA1": 7}}),
        json!({"lastBuiltRevision": {"branch": null}}),
        json!({"totalCount": "many", "failCount": -1.5, "queuingDurationMillis": 1e300}),
        json!(null),
        json!("text"),
        json!([]),
    ] {
        let mut actions = known.as_array().unwrap().clone();
        actions.insert(0, odd.clone());
        told["actions"] = json!(actions);
        let odd: Build =
            serde_json::from_value(told.clone()).unwrap_or_else(|error| panic!("{odd}: {error}"));
        told["actions"] = known.clone();
        let usual: Build = serde_json::from_value(told.clone()).unwrap();
        let job = Job { names: vec!["x".to_owned()], display_name: None };
        let bodies = |build: &Build| -> Vec<_> {
            messages(&job, build, None).into_iter().map(|payload| payload.body).collect()
        };
        assert_eq!(bodies(&odd), bodies(&usual));
    }
    told["actions"] = json!(null);
    assert!(serde_json::from_value::<Build>(told).unwrap().actions.is_empty());
}

#[test]
fn a_path_is_that_of_people_or_of_an_address() {
    let of = |path: &str| names(path).join(" ");
    assert_eq!(of("acme/api/feature%2Fx"), "acme api feature%2Fx");
    assert_eq!(of("/job/acme/job/api/"), "acme api");
    assert_eq!(of("job/api"), "api");
    assert_eq!(of("job"), "job");
    assert_eq!(of("job/job/job"), "job job job");
}
