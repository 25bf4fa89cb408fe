//! Comments, of Cloud and of Data Center.

use serde_json::{Value, json};

use super::*;
use crate::work::attr::Attr;
use crate::work::event::{Role, What};

/// As Cloud sends it: the issue has a few fields only.
fn comment(author: Value) -> Value {
    json!({
        "timestamp": millis_of(minute(20)), "webhookEvent": "comment_created", "eventType": "primaryAction",
        "comment": {
            "self": "https://acme.atlassian.net/rest/api/2/issue/10000/comment/1", "id": "1", "author": author,
            "body": "[~accountid:x] mail me at ann@example.org", "created": written(minute(19)), "updated": written(minute(19)),
        },
        "issue": {
            "id": "10000", "self": "https://acme.atlassian.net/rest/api/2/10000", "key": "PROJ-12",
            "fields": {"summary": "Slow basket", "issuetype": {"name": "Story"}, "project": {"key": "PROJ"},
                "assignee": null, "priority": {"name": "Medium"}, "status": done()},
        },
    })
}

fn told(body: &Value) -> Vec<(Time, What, Option<Role>)> {
    let said = said(body);
    one(&said).1.happenings.iter().map(|h| (h.at, h.what, h.role)).collect()
}

#[test]
fn a_comment_happens_at_its_own_time_and_says_nothing_of_the_life() {
    let body = comment(user("2:bob", "Bob"));
    assert_eq!(told(&body), [(minute(19), What::Commented, None)]);
    let said = said(&body);
    let (key, facts) = one(&said);
    assert_eq!(key, "jira:acme.atlassian.net/PROJ/issue/PROJ-12");
    assert_eq!(text(facts, Attr::IssueStatus), "Done");
    assert!(
        facts.relations.is_empty() && facts.marks.labels.is_none(),
        "it is silent about what it does not have"
    );
    assert!(Item::new(said.events[0].clone()).episodes().is_empty());
    assert!(refs(&said)[0].starts_with("issue:PROJ-12"));
    assert_eq!(told(&without(body, "/comment/created")), [(minute(20), What::Commented, None)]);
}

#[test]
fn who_commented_is_told_by_part() {
    let by = |author: Value| {
        let body = with(comment(author), "/issue/fields/creator", user("1:ann", "Ann"));
        told(&with(body, "/issue/fields/reporter", user("3:joe", "Joe")))[0].2
    };
    assert_eq!(by(user("1:ann", "Ann")), Some(Role::Author));
    assert_eq!(by(user("3:joe", "Joe")), Some(Role::Author));
    assert_eq!(by(user("2:bob", "Bob")), Some(Role::Other));
    assert_eq!(by(json!({"accountId": "9", "accountType": "app"})), Some(Role::Bot));
    let alone = told(&comment(json!({"accountId": "9", "accountType": "app"})));
    assert_eq!(alone[0].2, Some(Role::Bot));
}

#[test]
fn a_comment_of_data_center_comes_with_the_issue() {
    let author = json!({"name": "ann", "key": "JIRAUSER1", "displayName": "Ann"});
    let alone = without(comment(author.clone()), "/issue");
    assert!(ignored(jira(&alone)).contains("jira:issue_updated tells of it"));
    let body = changed(of_data_center(issue()), minute(20), json!([]));
    let body = fields(body, &[("reporter", author.clone())]);
    let with_issue = with(body, "/comment", comment(author)["comment"].clone());
    assert_eq!(told(&with_issue), [(minute(19), What::Commented, Some(Role::Author))]);
    // Cloud tells of it by itself.
    let cloud = with(
        changed(issue(), minute(20), json!([])),
        "/comment",
        comment(user("1:ann", "Ann"))["comment"].clone(),
    );
    assert!(told(&cloud).is_empty());
}
