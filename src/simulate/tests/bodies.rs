//! Bodies have the fields of those that real senders send.

use super::*;

#[test]
fn the_senders_say_everything_they_say_in_life() {
    let mut said = BTreeSet::new();
    let mut jenkins = BTreeSet::new();
    let (mut attempts, mut unmerged, mut parts) = (0, 0, BTreeSet::new());
    for delivery in simulation(1, 200).deliveries() {
        said.insert(what(&delivery));
        let body = body(&delivery);
        attempts =
            attempts.max(body.pointer("/workflow_run/run_attempt").and_then(Value::as_u64).unwrap_or(0));
        let request = &body["pull_request"];
        if body["action"] == "closed" && request["merged"] == false {
            unmerged += 1;
        }
        if body["action"] == "opened" && request.is_object() {
            let text = request["body"].as_str().unwrap();
            for word in [
                "Fixes #",
                "Closes acme/",
                "Resolves: https://github.com/acme/",
                "vstrace-github-issue-",
                "Reverts acme/",
            ] {
                if text.contains(word) {
                    parts.insert(word);
                }
            }
        }
        if let Some(build) = body.get("build") {
            for name in build["parameters"].as_object().into_iter().flat_map(|map| map.keys()) {
                jenkins.insert(name.clone());
            }
            jenkins.extend(build["status"].as_str().map(str::to_owned));
            jenkins.extend(build["scm"]["commit"].as_str().map(|_| "commit".to_owned()));
        }
    }
    for wanted in [
        "issues.opened",
        "issues.labeled",
        "issues.assigned",
        "issues.closed",
        "issues.reopened",
        "push.-",
        "pull_request.opened",
        "pull_request.ready_for_review",
        "pull_request.review_requested",
        "pull_request.synchronize",
        "pull_request.closed",
        "pull_request_review.commented",
        "pull_request_review.changes_requested",
        "pull_request_review.approved",
        "workflow_run.requested",
        "workflow_run.in_progress",
        "workflow_run.completed",
        "workflow_job.queued",
        "workflow_job.in_progress",
        "workflow_job.completed",
        "deployment.created",
        "deployment_status.in_progress",
        "deployment_status.success",
        "deployment_status.failure",
        "jenkins.QUEUED",
        "jenkins.STARTED",
        "jenkins.COMPLETED",
        "jenkins.FINALIZED",
    ] {
        assert!(said.contains(wanted), "nobody says {wanted}");
    }
    for wanted in [
        "type",
        "environment",
        "deploy_type",
        "vstrace-trace-id",
        "ghprbPullId",
        "commit",
        "SUCCESS",
        "FAILURE",
    ] {
        assert!(jenkins.contains(wanted), "Jenkins never says {wanted}: {jenkins:?}");
    }
    assert!(attempts >= 2 && unmerged > 0 && parts.len() == 5, "{attempts} {unmerged} {parts:?}");
}

/// Every path of a JSON value, without the places in lists.
fn paths(value: &Value, at: &str, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                let at = format!("{at}/{name}");
                paths(value, &at, into);
                into.insert(at);
            }
        }
        Value::Array(list) => list.iter().for_each(|value| paths(value, at, into)),
        _ => {}
    }
}

/// Real payloads, if they are there.
fn corpus(folder: &str) -> Option<Vec<(String, Value)>> {
    let root = std::env::var_os("VALUESTREAM_CORPUS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"), PathBuf::from);
    let files = std::fs::read_dir(root.join(folder)).ok()?;
    let read = |file: std::io::Result<std::fs::DirEntry>| {
        let file = file.ok()?;
        let name = file.file_name().to_string_lossy().into_owned();
        Some((name, serde_json::from_slice(&std::fs::read(file.path()).ok()?).ok()?))
    };
    Some(files.filter_map(read).collect())
}

#[test]
fn bodies_have_the_fields_of_real_ones() {
    // Younger than the corpus, or free text of their kind.
    const KNOWN: [&str; 9] = [
        "/pull_request/merged_by/",
        "/repository/custom_properties/",
        "/issue/state_reason",
        "/deployment/transient_environment",
        "/deployment/production_environment",
        "/pull_request/head/repo/",
        "/pull_request/base/repo/",
        "/workflow_run/",
        "/build/parameters/",
    ];
    let (Some(github), Some(jenkins)) = (corpus("github"), corpus("jenkins")) else {
        eprintln!("skipped: there is no corpus of real payloads");
        return;
    };
    let mut real = BTreeMap::<String, BTreeSet<String>>::new();
    for (name, body) in github {
        let event = name.split('.').next().unwrap().to_owned();
        paths(&body, "", real.entry(event).or_default());
    }
    for (name, body) in jenkins {
        if name.starts_with("notification") {
            paths(&body, "", real.entry("jenkins".to_owned()).or_default());
        }
    }
    let mut strange = BTreeSet::new();
    for delivery in simulation(8, 60).deliveries() {
        let event = delivery.header("x-github-event").unwrap_or("jenkins").to_owned();
        let mut ours = BTreeSet::new();
        paths(&body(&delivery), "", &mut ours);
        let known = |path: &String| {
            real[&event].contains(path)
                || KNOWN.iter().any(|known| {
                    path.starts_with(known) && !(event == "workflow_run" && *known == "/workflow_run/")
                })
        };
        strange.extend(ours.into_iter().filter(|path| !known(path)).map(|path| format!("{event} {path}")));
    }
    assert!(strange.is_empty(), "fields that no sender sends: {strange:#?}");
}
