//! What all hooks have in common: how they are told apart, recognised, and where they lie.

use super::*;
use crate::sources::{DeliveryId, Request, parse};
use crate::work::attr::Attr;

#[test]
fn the_header_names_the_hook_and_the_body_does_where_it_is_missing() {
    let settings = Settings::default();
    for (event, body) in all() {
        let named = deliver(&settings, event, &body);
        let unnamed = settings.parse(Source::Gitlab, &headers(&[]), body.to_string().as_bytes());
        assert_eq!(named.event_type, unnamed.event_type, "{event}");
        assert_eq!(named.content, unnamed.content, "{event}");
        assert!(matches!(named.content, Ok(Parsed::Used(_))), "{event}: {:?}", named.content);
    }
    let confidential = deliver(&settings, "Confidential Issue Hook", &issue());
    assert_eq!(confidential.event_type, "issue");
    let by_type = without(with(issue(), "/event_type", json!("confidential_issue")), "/object_kind");
    let by_type = settings.parse(Source::Gitlab, &headers(&[]), by_type.to_string().as_bytes());
    assert_eq!(by_type.content, confidential.content);
}

#[test]
fn a_system_hook_tells_of_pushes_and_merge_requests_as_the_others_do() {
    let settings = Settings::default();
    for (event, body) in [("Push Hook", push()), ("Merge Request Hook", merge_request())] {
        let (system, own) = (deliver(&settings, "System Hook", &body), deliver(&settings, event, &body));
        assert_eq!((system.event_type, system.content), (own.event_type, own.content));
    }
    for body in [json!({"event_name": "project_create"}), json!({})] {
        let other = deliver(&settings, "System Hook", &body);
        assert_eq!(other.event_type, "system");
        assert_eq!(ignored(other.content), "event \"system\" is not used");
    }
}

#[test]
fn hooks_that_are_not_used_or_known_are_ignored_with_a_reason() {
    let settings = Settings::default();
    let wiki = deliver(&settings, "Wiki Page Hook", &json!([1]));
    assert_eq!(wiki.event_type, "wiki_page");
    assert_eq!(ignored(wiki.content), "event \"wiki_page\" is not used");
    let unknown = deliver(&settings, "Brand New Hook", &json!({}));
    assert_eq!(unknown.event_type, "other");
    assert_eq!(ignored(unknown.content), "event \"Brand New Hook\" is not used");
    let in_body = settings.parse(Source::Gitlab, &headers(&[]), br#"{"object_kind":"brand_new"}"#);
    assert_eq!(
        (in_body.event_type, ignored(in_body.content).as_str()),
        ("other", "event \"brand_new\" is not used")
    );
    let nothing = settings.parse(Source::Gitlab, &headers(&[]), b"{}");
    assert_eq!(wrong(nothing.content), "the header X-Gitlab-Event is missing");
}

#[test]
fn actions_that_are_not_known_are_ignored_whatever_their_shape() {
    for (event, body, at) in [
        ("Issue Hook", issue(), "/object_attributes/action"),
        ("Merge Request Hook", merge_request(), "/object_attributes/action"),
        ("Note Hook", note("Issue"), "/object_attributes/action"),
        ("Release Hook", release(), "/action"),
        ("Deployment Hook", deployment(), "/status"),
    ] {
        let body = with(body, at, json!("brand_new"));
        let reason = ignored(gitlab(event, &body));
        assert!(reason.starts_with("\"brand_new\" of "), "{event}: {reason}");
    }
    let strange = json!({"object_attributes": {"action": "brand_new", "iid": []}, "project": 5});
    assert_eq!(ignored(gitlab("Issue Hook", &strange)), "\"brand_new\" of issues is not used");
    let strange = json!({"action": "delete", "tag": {}});
    assert_eq!(ignored(gitlab("Release Hook", &strange)), "\"delete\" of releases is not used");
}

#[test]
fn what_is_missing_is_named_and_what_is_wrong_is_not_shown() {
    for (event, body, at, message) in [
        ("Issue Hook", issue(), "/object_attributes/iid", "object_attributes.iid: is missing"),
        ("Issue Hook", issue(), "/object_attributes/created_at", "object_attributes.created_at: is missing"),
        (
            "Merge Request Hook",
            merge_request(),
            "/object_attributes/source_branch",
            "object_attributes.source_branch: is missing",
        ),
        ("Pipeline Hook", pipeline(), "/object_attributes/status", "object_attributes.status: is missing"),
        ("Job Hook", job(), "/build_finished_at", "build_finished_at: is missing"),
        ("Job Hook", job(), "/build_id", "build_id: is missing"),
        ("Deployment Hook", deployment(), "/deployment_id", "deployment_id: is missing"),
        ("Deployment Hook", deployment(), "/status_changed_at", "status_changed_at: is missing"),
        ("Push Hook", push(), "/ref", "ref: is missing"),
        ("Release Hook", release(), "/tag", "tag: is missing"),
        ("Note Hook", note("Issue"), "/issue", "issue: is missing"),
        ("Note Hook", note("Issue"), "/issue/created_at", "issue.created_at: is missing"),
        (
            "Note Hook",
            note("MergeRequest"),
            "/merge_request/created_at",
            "merge_request.created_at: is missing",
        ),
        (
            "Note Hook",
            note("Issue"),
            "/object_attributes/created_at",
            "object_attributes.created_at: is missing",
        ),
        ("Issue Hook", issue(), "/project", "project.path_with_namespace: is missing"),
    ] {
        let body = without(body, at);
        let body = if at == "/project" { without(body, "/object_attributes/url") } else { body };
        assert_eq!(wrong(gitlab(event, &body)), message, "{event} {at}");
    }
    let secret = with(issue(), "/object_attributes/iid", json!("hunter2"));
    assert!(!wrong(gitlab("Issue Hook", &secret)).contains("hunter2"));
    for body in ["", "[]", "{", "nonsense"] {
        let settings = Settings::default();
        for headers in [headers(&[]), headers(&[("X-Gitlab-Event", "Push Hook")])] {
            let content = settings.parse(Source::Gitlab, &headers, body.as_bytes()).content;
            assert!(wrong(content).starts_with("the body is not JSON"), "{body}");
        }
    }
}

#[test]
fn a_delivery_is_recognised_by_its_idempotency_key_else_by_its_body() {
    let id = |pairs: &[(&'static str, &str)], body: &str| {
        Settings::default().parse(Source::Gitlab, &headers(pairs), body.as_bytes()).id
    };
    let key = "f5e5f430-f57b-4e6e-9fac-d9128cd7232f";
    assert_eq!(id(&[("Idempotency-Key", key)], "{}"), id(&[("Idempotency-Key", key)], "{ }"));
    assert_eq!(id(&[("Idempotency-Key", key)], "{}"), DeliveryId::of(Source::Gitlab, &[key]));
    let recursive = [("X-Gitlab-Event-UUID", key)];
    assert_ne!(id(&recursive, "{}"), id(&recursive, "{ }"), "several hooks share it");
    assert_eq!(id(&recursive, "{}"), id(&[], "{}"));
}

#[test]
fn the_host_is_read_from_whatever_names_it() {
    let key = |body: &Value, instance: &str| {
        let settings = Settings::default();
        let tagger = &settings.tagger;
        let context = crate::sources::Context {
            people: false,
            received_at: received_at(),
            tagger,
            conventions: &settings.conventions,
            jenkins: &settings.jenkins,
        };
        let headers = headers(&[("X-Gitlab-Event", "Job Hook"), ("X-Gitlab-Instance", instance)]);
        let body = body.to_string();
        let delivery = parse(Source::Gitlab, Request { headers: &headers, body: body.as_bytes() }, &context);
        used(delivery.content).events[0].key.to_string()
    };
    let bare = with(job(), "/project", json!({"path_with_namespace": "a/b"}));
    assert_eq!(key(&bare, "https://git.example.org:8443"), "gitlab:git.example.org:8443/a/b/job/381");
    assert_eq!(key(&bare, ""), "gitlab:gitlab.com/a/b/job/381");
    let http = with(bare.clone(), "/project/git_http_url", json!("https://git.example.org/a/b.git"));
    assert_eq!(key(&http, "https://other"), "gitlab:git.example.org/a/b/job/381");
    // Before version 16 a job had no project.
    let old = without(job(), "/project");
    let homepage = json!({"homepage": "http://git.example.org:3005/gitlab/a/c/b", "git_ssh_url": "git@git.example.org:a/c/b.git"});
    assert_eq!(
        key(&with(old.clone(), "/repository", homepage), ""),
        "gitlab:git.example.org:3005/a/c/b/job/381"
    );
    let homepage = json!({"homepage": "http://git.example.org:3005/a/b"});
    assert_eq!(key(&with(old, "/repository", homepage), ""), "gitlab:git.example.org:3005/a/b/job/381");
}

#[test]
fn a_gitlab_below_a_path_has_its_projects_under_their_own_names() {
    let below = |body: &Value| -> Value {
        let text = body.to_string().replace("https://gitlab.example.com/", "https://example.com/gitlab/");
        serde_json::from_str(&text).unwrap()
    };
    let body = below(&merge_request());
    let closes = "closes https://example.com/gitlab/other/web/-/issues/3";
    let body = with(body, "/object_attributes/description", json!(closes));
    let said = used(gitlab("Merge Request Hook", &body));
    let (key, facts) = one(&said);
    assert_eq!(key, "gitlab:example.com/acme/shop/api/pull_request/7");
    assert_eq!(
        targets(facts, crate::work::event::Relation::Closes),
        ["=gitlab:example.com/other/web/issue/3"]
    );
    assert_eq!(text(facts, Attr::RepositoryUrl), "https://example.com/gitlab/acme/shop/api");
    let named = json!({
        "iid": 4, "target_project_id": 9, "source_project_id": 380,
        "url": "https://example.com/gitlab/up/stream/-/merge_requests/4",
    });
    let said = used(gitlab("Pipeline Hook", &with(below(&pipeline()), "/merge_request", named)));
    assert_eq!(
        targets(&said.events[0].facts, crate::work::event::Relation::PullRequest),
        ["=gitlab:example.com/up/stream/pull_request/4"]
    );
}

#[test]
fn every_item_says_which_project_it_is_of() {
    for (event, body) in all() {
        for event_said in used(gitlab(event, &body)).events {
            let facts = &event_said.facts;
            assert_eq!(event_said.key.project(), "acme/shop/api");
            assert_eq!(event_said.key.host(), "gitlab.example.com");
            for (attr, value) in [
                (Attr::RepositoryName, "api"),
                (Attr::OwnerName, "acme/shop"),
                (Attr::RepositoryUrl, "https://gitlab.example.com/acme/shop/api"),
                (Attr::ProviderName, "gitlab"),
            ] {
                assert_eq!(text(facts, attr), value, "{event}");
            }
        }
    }
}

#[test]
fn logins_are_kept_only_if_the_configuration_says_so_and_addresses_never() {
    let people = Settings { people: true, ..Settings::default() };
    let mut kept = 0;
    for (event, body) in all() {
        let anonymous = format!("{:?}", used(gitlab(event, &body)));
        for login in ["bob", "ann", "eve"] {
            assert!(!anonymous.contains(&format!("\"{login}\"")), "{event}: {login}");
        }
        let named = format!("{:?}", used(deliver(&people, event, &body).content));
        kept += usize::from(named.contains("\"bob\""));
        assert!(!named.contains("bob@example.com"), "{event}");
    }
    assert_eq!(kept, 6);
}
