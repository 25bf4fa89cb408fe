//! One delivery of every source.

use serde_json::{Value, json};
use valuestream::work::key::Source;

use super::payloads::{issue, jenkins};

/// Headers by their names.
pub type Headers = Vec<(&'static str, &'static str)>;

/// What a source sends about one item, with the headers that are kept of it.
pub fn of_every_source() -> Vec<(Source, Headers, Value)> {
    let jira = json!({
        "webhookEvent": "jira:issue_created", "timestamp": 1_772_442_000_000_i64,
        "issue": {"id": "10", "key": "PROJ-1", "self": "https://acme.atlassian.net/rest/api/2/issue/10", "fields": {
            "created": "2026-03-02T10:00:00.000+0100", "updated": "2026-03-02T10:00:00.000+0100", "summary": "Slow",
            "project": {"key": "PROJ", "name": "Project"}, "issuetype": {"name": "Bug"},
            "status": {"name": "To Do", "statusCategory": {"key": "new"}},
        }},
    });
    let gitlab = json!({
        "object_kind": "issue", "event_type": "issue", "user": {"username": "ada"},
        "project": {"path_with_namespace": "acme/api", "web_url": "https://gitlab.com/acme/api"},
        "object_attributes": {"iid": 3, "action": "open", "state": "opened", "title": "Slow",
            "created_at": "2026-03-02 09:00:00 UTC", "updated_at": "2026-03-02 09:00:00 UTC",
            "url": "https://gitlab.com/acme/api/-/issues/3"},
    });
    let cdevents = json!({"customData": {}, "subject": {"id": "run-1", "source": "/ci", "type": "pipelineRun", "content": {
            "pipelineName": "ci", "url": "https://ci.example.org/run-1"}},
        "context": {"version": "0.4.1", "id": "e-1", "source": "/ci", "type": "dev.cdevents.pipelinerun.started.0.2.0",
            "timestamp": "2026-03-02T09:00:00Z"},
    });
    let custom = json!({"id": "7", "type": "deploy", "action": "start", "at": "2026-03-02T09:00:00Z"});
    let json = ("content-type", "application/json");
    vec![
        (
            Source::Github,
            vec![json, ("x-github-event", "issues"), ("x-github-delivery", "g-1")],
            issue("opened", 12, 0, None),
        ),
        (Source::Jenkins, vec![], jenkins("asgard", 1, "STARTED", 0, 0, None)),
        (
            Source::Gitlab,
            vec![
                json,
                ("x-gitlab-event", "Issue Hook"),
                ("x-gitlab-instance", "https://gitlab.com"),
                ("idempotency-key", "l-1"),
            ],
            gitlab,
        ),
        (Source::Jira, vec![json, ("x-atlassian-webhook-identifier", "j-1")], jira),
        (
            Source::Cdevents,
            vec![
                json,
                ("ce-id", "e-1"),
                ("ce-source", "/ci"),
                ("ce-specversion", "1.0"),
                ("ce-type", "dev.cdevents.pipelinerun.started.0.2.0"),
                ("ce-time", "2026-03-02T09:00:00Z"),
            ],
            cdevents,
        ),
        (Source::Custom, vec![json, ("webhook-id", "msg_1"), ("webhook-timestamp", "1772442000")], custom),
    ]
}
