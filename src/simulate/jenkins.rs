//! Beats as the Notification plugin of Jenkins would tell them.

use serde_json::{Map, Value, json};

use super::numbers::Serial;
use super::organisation::Ci;
use super::scene::{JENKINS, MAIN, Part, Rendered, Scene};
use super::story::{Ended, JenkinsPhase, Of};
use crate::work::time::Time;

/// What the plugin sends of any build.
struct Build {
    name: String,
    display_name: String,
    serial: Serial,
    /// When it was queued, began and ended.
    times: (Time, Time, Time),
    result: Ended,
    scm: Value,
    parameters: Map<String, Value>,
    /// Whether it got as far as its tests.
    tests: bool,
    kind: &'static str,
}

/// A build of a branch.
pub fn build(scene: &Scene<'_>, run: usize, phase: JenkinsPhase, at: Time) -> Rendered {
    let told = &scene.story.runs[run];
    let service = scene.repository.name;
    let begun = matches!(phase, JenkinsPhase::Queued | JenkinsPhase::Started);
    let mut parameters = Map::new();
    let (name, scm) = match (told.of, scene.repository.ci) {
        (Of::Main, _) => (format!("{service}-main"), scm(scene, MAIN, told.commit, begun, told.stale_commit)),
        (Of::Branch, Ci::JenkinsGhprb) => {
            let pull = scene.numbers.pull(told.pull).number;
            let branch = scene.branch(told.pull);
            for (name, value) in [
                ("sha1", format!("origin/pr/{pull}/merge")),
                ("ghprbActualCommit", scene.sha(told.commit)),
                ("ghprbPullId", pull.to_string()),
                ("ghprbSourceBranch", branch.clone()),
                ("ghprbTargetBranch", MAIN.to_owned()),
                ("ghprbPullLink", format!("{}/pull/{pull}", scene.html_url())),
                ("ghprbGhRepository", scene.full_name()),
                ("GIT_BRANCH", branch),
            ] {
                parameters.insert(name.to_owned(), json!(value));
            }
            // It builds the test merge, which is no commit of the branch.
            let scm = json!({
                "url": format!("{}.git", scene.html_url()),
                "branch": "detached",
                "commit": scene.other_sha("test merge", told.commit),
                "changes": [],
                "culprits": [],
            });
            (format!("{service}-pull-requests"), scm)
        }
        (Of::Branch, _) => {
            let branch = scene.branch(told.pull);
            (format!("{service}-branches"), scm(scene, &branch, told.commit, begun, told.stale_commit))
        }
    };
    let build = Build {
        display_name: name.clone(),
        name,
        serial: scene.numbers.run(run),
        times: (told.created, told.started, told.ended),
        result: told.result,
        scm,
        parameters,
        tests: told.result != Ended::Stopped,
        kind: "build",
    };
    render(scene, &build, phase, at)
}

/// A job that deploys.
pub fn deploy(scene: &Scene<'_>, deploy: usize, phase: JenkinsPhase, at: Time) -> Rendered {
    let told = &scene.story.deploys[deploy];
    let repository = scene.repository;
    let mut parameters = Map::new();
    for (name, value) in [
        ("type", "deploy"),
        ("service", repository.name),
        ("environment", told.environment),
        ("deploy_type", repository.deploy_type.as_str()),
        ("team", repository.team),
        ("vstrace-trace-id", &scene.shipped(told.pull)),
    ] {
        parameters.insert(name.to_owned(), json!(value));
    }
    let scm = if repository.deploy_knows_commit {
        scm(scene, MAIN, told.commit, false, None)
    } else {
        // A Pipeline job tells nothing of what it checks out.
        json!({ "changes": [], "culprits": [] })
    };
    let build = Build {
        // A colon is not allowed in a job's name, but it is in what is displayed.
        name: format!("deploy-{}", repository.name),
        display_name: format!("deploy: {}", repository.name),
        serial: scene.numbers.deploy(deploy),
        times: (told.created, told.started, told.ended),
        result: told.result,
        scm,
        parameters,
        tests: false,
        kind: "deploy",
    };
    render(scene, &build, phase, at)
}

/// What a freestyle job tells of its checkout. When it begins, that is still the checkout of the
/// build before, if there was one.
fn scm(scene: &Scene<'_>, branch: &str, commit: u16, begun: bool, stale: Option<u16>) -> Value {
    let commit = if begun { stale } else { Some(commit) };
    let mut scm = json!({
        "url": format!("{}.git", scene.html_url()),
        "branch": format!("origin/{branch}"),
        "changes": [],
        "culprits": [],
    });
    if let Some(commit) = commit {
        scm["commit"] = json!(scene.sha(commit));
        if !begun {
            scm["changes"] = json!(["src/main"]);
            scm["culprits"] = json!([scene.login(Part::Author)]);
        }
    }
    scm
}

fn millis(at: Time) -> i64 {
    at.micros() / 1_000
}

fn render(scene: &Scene<'_>, build: &Build, phase: JenkinsPhase, at: Time) -> Rendered {
    let (queued, started, ended) = build.times;
    let (phase_name, timestamp) = match phase {
        // Sent when the build begins, though it tells when it was queued.
        JenkinsPhase::Queued => ("QUEUED", queued),
        JenkinsPhase::Started => ("STARTED", started),
        JenkinsPhase::Completed => ("COMPLETED", ended),
        JenkinsPhase::Finalized => ("FINALIZED", at),
    };
    let over = matches!(phase, JenkinsPhase::Completed | JenkinsPhase::Finalized);
    let Serial { id, number } = build.serial;
    let url = format!("job/{}/job/{}/", scene.owner(), build.name);
    let mut body = json!({
        "name": build.name,
        "display_name": build.display_name,
        "url": url,
        "build": {
            "full_url": format!("https://{JENKINS}/{url}{number}/"),
            "number": number,
            "queue_id": id,
            "timestamp": millis(timestamp),
            "duration": if over { millis(ended) - millis(started) } else { 0 },
            "phase": phase_name,
            "url": format!("{url}{number}/"),
            "scm": build.scm,
            "log": "",
            "notes": "",
            "artifacts": {},
        },
    });
    let told = &mut body["build"];
    if over {
        told["status"] = json!(match build.result {
            Ended::Success => "SUCCESS",
            // Jenkins calls failed tests unstable; some jobs fail before they get that far.
            Ended::Failure if build.tests && number % 2 == 0 => "UNSTABLE",
            Ended::Failure => "FAILURE",
            Ended::Stopped => "ABORTED",
        });
        if build.tests && phase == JenkinsPhase::Finalized {
            let failed = u64::from(build.result == Ended::Failure);
            told["test_summary"] = json!({ "total": 120, "failed": failed, "passed": 120 - failed, "skipped": 0,
                "failed_tests": if failed == 1 { json!(["suite.case"]) } else { json!([]) } });
        }
    }
    if !build.parameters.is_empty() {
        told["parameters"] = Value::Object(build.parameters.clone());
    }
    let item = format!("jenkins:{JENKINS}/{}/{}/{}/{number}", scene.owner(), build.name, build.kind);
    Rendered { item, event: None, body }
}
