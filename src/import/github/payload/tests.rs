use super::*;

fn acme() -> Value {
    json!({ "full_name": "acme/api", "html_url": "https://github.com/acme/api", "default_branch": "main" })
}

fn pull(state: &str) -> Value {
    json!({
        "number": 15, "state": state, "updated_at": "2026-03-09T00:00:00Z", "draft": false, "merged": false,
        "head": { "ref": "12-x", "sha": "c", "repo": { "full_name": "acme/api", "size": 7 } },
        "base": { "ref": "main", "sha": "f", "repo": {} },
    })
}

fn event(event: &str, at: &str, more: Value) -> Value {
    let mut object = json!({ "event": event, "id": at, "created_at": format!("2026-03-{at}T00:00:00Z") });
    for (name, value) in more.as_object().unwrap() {
        object[name] = value.clone();
    }
    object
}

fn header<'a>(payload: &'a Payload, name: &str) -> &'a str {
    payload.headers[name].to_str().unwrap()
}

/// What is delivered: the event, its action, and the body.
fn told(group: &Group) -> Vec<(String, String, Value)> {
    let one = |payload: &Payload| {
        let body: Value = serde_json::from_slice(&payload.body).unwrap();
        let action = body["action"].as_str().unwrap_or_default().to_owned();
        (header(payload, EVENT).to_owned(), action, body)
    };
    group.iter().map(one).collect()
}

fn actions(group: &Group) -> Vec<String> {
    told(group).into_iter().map(|(event, action, _)| format!("{event} {action}")).collect()
}

#[test]
fn an_object_is_led_through_its_timeline_in_the_order_of_time() {
    let timeline = [
        event("closed", "04", json!({})),
        event("reopened", "05", json!({})),
        event("closed", "02", json!({})),
        event("reopened", "03", json!({})),
        event("labeled", "06", json!({ "label": { "name": "bug" } })),
    ];
    let group = pull_request(&acme(), &pull("open"), &timeline);
    let story: Vec<(String, Value, Value)> = told(&group)
        .into_iter()
        .map(|(_, action, body)| {
            let pull = &body["pull_request"];
            (action, pull["state"].clone(), pull["closed_at"].clone())
        })
        .collect();
    let step = |action: &str, closed: Option<&str>| {
        let state = if closed.is_some() { "closed" } else { "open" };
        let closed = closed.map_or(Value::Null, |day| json!(format!("2026-03-{day}T00:00:00Z")));
        (action.to_owned(), json!(state), closed)
    };
    let expected = [
        step("closed", Some("02")),
        step("reopened", None),
        step("closed", Some("04")),
        step("reopened", None),
        step("labeled", None),
    ];
    assert_eq!(story[..5], expected);
    assert_eq!(story.len(), 6, "and how it is now");
}

#[test]
fn a_merge_is_only_told_by_the_last_closing() {
    let mut merged = pull("closed");
    merged["merged"] = json!(true);
    merged["merged_at"] = json!("2026-03-08T00:00:00Z");
    let timeline = [
        event("closed", "02", json!({})),
        event("reopened", "03", json!({})),
        event("merged", "08", json!({})),
        event("closed", "08", json!({})),
    ];
    let merged: Vec<Value> = told(&pull_request(&acme(), &merged, &timeline))
        .iter()
        .map(|t| t.2["pull_request"]["merged"].clone())
        .collect();
    assert_eq!(merged, [json!(false), json!(false), json!(true), json!(true)]);
}

#[test]
fn a_forced_push_is_told_only_if_its_commit_is_known_to_be_the_new_head() {
    let committed =
        json!({ "event": "committed", "sha": "c", "committer": { "date": "2026-03-01T00:00:00Z" } });
    let now = event("head_ref_force_pushed", "04", json!({ "commit_id": "c" }));
    let before = event("head_ref_force_pushed", "03", json!({ "commit_id": "b" }));
    let group = pull_request(&acme(), &pull("open"), &[committed, now, before]);
    assert_eq!(actions(&group), ["pull_request synchronize", "pull_request opened", "push "]);
    let told = told(&group);
    assert_eq!(told[0].2["pull_request"]["head"]["sha"], "c");
    let commits = told[2].2["commits"].as_array().unwrap();
    let ids: Vec<&Value> = commits.iter().map(|commit| &commit["id"]).collect();
    assert_eq!(ids, ["c", "c", "b"], "builds of either are found");
}

#[test]
fn commits_of_a_fork_or_of_the_default_branch_are_no_push() {
    let timeline =
        [json!({ "event": "committed", "sha": "c", "committer": { "date": "2026-03-01T00:00:00Z" } })];
    let count = |pull: &Value| pull_request(&acme(), pull, &timeline).len();
    assert_eq!(count(&pull("open")), 2);
    let mut fork = pull("open");
    fork["head"]["repo"]["full_name"] = json!("bo/api");
    let mut gone = pull("open");
    gone["head"]["repo"] = json!(null);
    let mut main = pull("open");
    main["head"]["ref"] = json!("main");
    assert_eq!([count(&fork), count(&gone), count(&main)], [1, 1, 1]);
}

#[test]
fn a_dismissed_review_is_told_as_it_was() {
    let review = |id: u64| json!({ "event": "reviewed", "id": id, "state": "dismissed", "submitted_at": "2026-03-02T00:00:00Z" });
    let dismissal = json!({ "review_id": 7, "state": "approved" });
    let timeline =
        [review(7), review(8), event("review_dismissed", "03", json!({ "dismissed_review": dismissal }))];
    let states: Vec<Value> = told(&pull_request(&acme(), &pull("open"), &timeline))
        .into_iter()
        .filter(|(event, _, _)| event == "pull_request_review")
        .map(|(_, _, body)| body["review"]["state"].clone())
        .collect();
    assert_eq!(states, ["approved", "dismissed", "dismissed"]);
}

#[test]
fn identities_come_from_content_and_differ() {
    let timeline = [event("labeled", "02", json!({})), event("labeled", "03", json!({}))];
    let ids = |updated: &str| -> Vec<String> {
        let mut pull = pull("open");
        pull["updated_at"] = json!(updated);
        let group = pull_request(&acme(), &pull, &timeline);
        group.iter().map(|payload| header(payload, DELIVERY).to_owned()).collect()
    };
    let (first, later) = (ids("2026-03-09T00:00:00Z"), ids("2026-03-10T00:00:00Z"));
    assert_eq!(first, ids("2026-03-09T00:00:00Z"));
    assert_eq!(first[..2], later[..2], "what happened is the same");
    assert_ne!(first[2], later[2], "how it is now is not");
    assert_ne!(first[0], first[1]);
}

#[test]
fn a_run_is_as_far_as_its_status_says() {
    let run = |status: &str| json!({ "id": 1, "run_attempt": 1, "status": status, "updated_at": "x" });
    let all = ["queued", "waiting", "in_progress", "completed"];
    let attempts: Vec<Value> = all.iter().map(|status| run(status)).collect();
    let group = runs(&acme(), &attempts, &attempts);
    let told: Vec<String> = told(&group).into_iter().map(|(_, action, _)| action).collect();
    assert_eq!(told[..4], ["requested", "requested", "in_progress", "completed"]);
    assert_eq!(told[4..], ["queued", "queued", "in_progress", "completed"]);
}

#[test]
fn bulk_is_left_out_and_what_is_not_known_stays() {
    let object = json!({
        "html_url": "a", "log_url": "b", "labels_url": "c", "node_id": "d", "_links": {},
        "new": [{ "avatar_url": "e", "deep": 1 }],
    });
    assert_eq!(trimmed(&object), json!({ "html_url": "a", "log_url": "b", "new": [{ "deep": 1 }] }));
}

#[test]
fn nonsense_is_no_panic() {
    for strange in [json!({}), json!({ "head": "x", "base": 7, "number": [] })] {
        let timeline =
            [json!(null), json!([]), json!({ "event": "closed" }), event("closed", "02", json!({}))];
        pull_request(&acme(), &strange, &timeline);
        issue(&json!({}), &strange, &timeline);
        runs(&strange, std::slice::from_ref(&strange), std::slice::from_ref(&strange));
        deployment(&strange, &strange, &[json!({ "state": 7 })], None);
        release(&strange, &strange, Some("x"));
    }
}
