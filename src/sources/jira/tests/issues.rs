//! What an issue's snapshot says besides its life.

use serde_json::{Value, json};

use super::*;
use crate::work::attr::Attr;
use crate::work::event::{Flaw, Relation, What};
use crate::work::tags::Tagger;

fn happened(body: &Value) -> Vec<(What, Option<String>)> {
    let said = said(body);
    said.events.last().unwrap().facts.happenings.iter().map(|h| (h.what, h.detail.clone())).collect()
}

fn detail(what: What, detail: &str) -> (What, Option<String>) {
    (what, Some(detail.to_owned()))
}

#[test]
fn an_issue_is_described_and_found_by_its_key() {
    let said = said(&issue());
    let (key, facts) = one(&said);
    assert_eq!(key, "jira:acme.atlassian.net/PROJ/issue/PROJ-12");
    for (attr, value) in [
        (Attr::IssueKey, "PROJ-12"),
        (Attr::IssueNumber, "12"),
        (Attr::IssueTitle, "Slow basket"),
        (Attr::IssueUrl, "https://acme.atlassian.net/browse/PROJ-12"),
        (Attr::IssueType, "Story"),
        (Attr::IssuePriority, "Medium"),
        (Attr::IssueStatus, "In Progress"),
        (Attr::IssueSprint, "Sprint 7"),
        (Attr::IssueMilestone, "1.0"),
        (Attr::UserName, "(none)"),
    ] {
        assert_eq!(text(facts, attr), value, "{attr:?}");
    }
    let labels: Vec<_> = facts.marks.labels.as_ref().unwrap().value.iter().cloned().collect();
    assert_eq!(labels, ["component/API", "team:payments", "web"]);
    assert_eq!(
        refs(&said),
        [
            "issue:PROJ-12 > jira:acme.atlassian.net/PROJ/issue/PROJ-12",
            "project:jira/proj > at:acme.atlassian.net/PROJ"
        ]
    );
    assert!(said.flaws.is_empty());
}

#[test]
fn a_key_is_upper_case_whatever_is_sent() {
    let said = said(&with(issue(), "/issue/key", json!("proj-12")));
    assert_eq!(one(&said).0, "jira:acme.atlassian.net/PROJ/issue/PROJ-12");
}

#[test]
fn a_jira_below_a_path_keeps_the_path_in_links_only() {
    for (address, key, url) in [
        (
            "https://JIRA.example.org:8443/jira/rest/api/2/issue/1",
            "jira:jira.example.org:8443/PROJ/issue/PROJ-12",
            "https://jira.example.org:8443/jira/browse/PROJ-12",
        ),
        (
            "https://u:p@jira.example.org/rest/api/2/issue/1",
            "jira:jira.example.org/PROJ/issue/PROJ-12",
            "https://jira.example.org/browse/PROJ-12",
        ),
        ("ftp://jira.example.org/rest/api/2/issue/1", "jira:jira.example.org/PROJ/issue/PROJ-12", "(none)"),
    ] {
        let said = said(&with(issue(), "/issue/self", json!(address)));
        assert_eq!(one(&said).0, key);
        assert_eq!(text(one(&said).1, Attr::IssueUrl), url);
    }
}

#[test]
fn people_are_named_only_if_wanted_and_never_by_address() {
    let items = json!([
        change("assignee", Value::Null, Value::Null, json!("5:eve"), json!("Eve")),
        change("summary", Value::Null, json!("a"), Value::Null, json!("b"))
    ]);
    let body = changed(issue(), minute(9), items);
    let settings = Settings { people: true, ..Settings::default() };
    let delivery = |settings: &Settings, body: &Value| {
        used(settings.parse(Source::Jira, &HeaderMap::new(), body.to_string().as_bytes()).content)
    };
    let people = |said: &Said| one(said).1.happenings.iter().map(|h| h.person.clone()).collect::<Vec<_>>();
    let named = delivery(&settings, &body);
    assert_eq!(people(&named), [Some("Eve".to_owned()), Some("Bob".to_owned())]);
    assert_eq!(text(one(&named).1, Attr::UserName), "Ann");
    assert_eq!(people(&delivery(&Settings::default(), &body)), [None, None]);
    let address = with(
        with(body, "/user/displayName", json!("bob@example.org")),
        "/issue/fields/creator/displayName",
        json!("ann@example.org"),
    );
    let named = delivery(&settings, &address);
    assert_eq!(people(&named), [Some("Eve".to_owned()), None]);
    assert_eq!(text(one(&named).1, Attr::UserName), "(none)");
    assert!(!format!("{named:?}").contains('@'));
}

#[test]
fn changes_become_happenings_at_the_time_of_the_delivery() {
    let items = json!([
        change("assignee", json!("5:eve"), json!("Eve"), json!("6:joe"), json!("Joe")),
        change("labels", Value::Null, json!("web old"), Value::Null, json!("web team:payments")),
        change("summary", Value::Null, json!("a"), Value::Null, json!("b")),
        change("description", Value::Null, Value::Null, Value::Null, json!("b")),
        {"field": "Fix Version", "fieldtype": "jira", "fieldId": "fixVersions", "from": null, "fromString": null, "to": "1", "toString": "1.0"},
        {"field": "Rank", "fieldtype": "custom", "fieldId": "customfield_10019", "from": "", "fromString": "", "to": "", "toString": "Ranked higher"},
    ]);
    let body = changed(issue(), minute(9), items);
    assert_eq!(
        happened(&body),
        [
            (What::Assigned, None),
            (What::Unassigned, None),
            detail(What::Labeled, "team:payments"),
            detail(What::Unlabeled, "old"),
            detail(What::Milestoned, "1.0"),
            (What::Edited, None),
        ]
    );
    assert!(said(&body).events[0].facts.happenings.iter().all(|h| h.at == minute(9)));
    // Older versions send no ids of fields.
    let old = json!([{"field": "labels", "fieldtype": "jira", "from": null, "fromString": "", "to": null, "toString": "x"},
        {"field": "summary", "fieldtype": "custom", "from": null, "fromString": "", "to": null, "toString": "x"}]);
    assert_eq!(happened(&changed(issue(), minute(9), old)), [detail(What::Labeled, "x")]);
}

#[test]
fn a_change_of_sprint_says_which_was_left_and_which_entered() {
    let body = |item: Value| happened(&changed(issue(), minute(9), json!([item])));
    assert_eq!(
        body(own("Sprint", "6", "Sprint 6", "6, 7", "Sprint 6, Sprint 7")),
        [detail(What::SprintEntered, "Sprint 7")]
    );
    // The names that the change tells serve where the issue no longer says them.
    assert_eq!(
        body(own("Sprint", "3", "Cakes, pies", "7", "Sprint 7")),
        [detail(What::SprintEntered, "Sprint 7"), detail(What::SprintLeft, "Cakes, pies")]
    );
    assert_eq!(body(own("Sprint", "3, 4", "A, b, C", "", "")), [(What::SprintLeft, None)]);
    assert_eq!(body(change("Sprint", json!("3"), json!("A"), json!("4"), json!("B"))), []);
}

#[test]
fn sprints_are_links_and_the_active_one_is_named() {
    let said_of = |body: &Value| {
        let said = said(body);
        (targets(one(&said).1, Relation::Sprint), text(one(&said).1, Attr::IssueSprint))
    };
    let sprint = |id: u32| format!("=jira:acme.atlassian.net/agile/sprint/{id}");
    assert_eq!(said_of(&issue()), (vec![sprint(6), sprint(7)], "Sprint 7".to_owned()));
    let old = json!([
        "com.atlassian.greenhopper.service.sprint.Sprint@40aaf35c[id=1,rapidViewId=2,state=ACTIVE,name=TS, one,goal=,startDate=2019-11-22T17:13:15.221Z,endDate=2019-12-06T17:13:00.000Z,completeDate=<null>,sequence=1]"
    ]);
    assert_eq!(
        said_of(&fields(issue(), &[("customfield_10020", old)])),
        (vec![sprint(1)], "TS, one".to_owned())
    );
    let closed = json!([{"id": 6, "name": "Sprint 6", "state": "closed", "boardId": 2}, {"id": 8, "name": "Next", "state": "future", "boardId": 2}]);
    let body = fields(issue(), &[("customfield_10020", closed)]);
    assert_eq!(said_of(&body), (vec![sprint(6), sprint(8)], "(none)".to_owned()));
    // What was done in a sprint stays of that sprint when it is closed.
    assert_eq!(said_of(&fields(body, &[("status", done())])).1, "Sprint 6");
    // Taken out of its sprint it says so.
    let out = changed(
        fields(issue(), &[("customfield_10020", Value::Null)]),
        minute(9),
        json!([own("Sprint", "7", "Sprint 7", "", "")]),
    );
    let item = folded(&[out, issue()]);
    assert_eq!(text(&item.facts, Attr::IssueSprint), "");
    assert!(targets(&item.facts, Relation::Sprint).is_empty());
}

#[test]
fn a_parent_is_an_epic_or_what_it_is_part_of_and_never_a_parent_in_the_trace() {
    let related = |body: &Value| {
        let said = said(body);
        let facts = one(&said).1.clone();
        (targets(&facts, Relation::Epic), targets(&facts, Relation::PartOf))
    };
    let parent = |kind: Value| {
        fields(issue(), &[("parent", json!({"id": "1", "key": "PROJ-1", "fields": {"issuetype": kind}}))])
    };
    let key = vec!["=jira:acme.atlassian.net/PROJ/issue/PROJ-1".to_owned()];
    assert_eq!(related(&parent(json!({"name": "Epos", "hierarchyLevel": 1}))), (key.clone(), vec![]));
    assert_eq!(related(&parent(json!({"name": "Epic"}))), (key.clone(), vec![]));
    assert_eq!(related(&parent(json!({"name": "Story", "hierarchyLevel": 0}))), (vec![], key.clone()));
    assert_eq!(related(&fields(issue(), &[("parent", json!({"key": "PROJ-1"}))])), (vec![], key.clone()));
    for relation in [Relation::Epic, Relation::PartOf, Relation::Sprint, Relation::BlockedBy] {
        assert!(!relation.is_parental());
    }
    // Without a parent nothing is said, unless it was taken away.
    assert!(!said(&issue()).events[0].facts.relations.contains_key(&Relation::Epic));
    let gone = changed(
        issue(),
        minute(9),
        json!([change("IssueParentAssociation", json!("1"), json!("PROJ-1"), Value::Null, Value::Null)]),
    );
    assert!(targets(&folded(&[gone, parent(json!({"name": "Epic"}))]).facts, Relation::Epic).is_empty());
}

#[test]
fn an_epic_link_of_the_old_way_counts_only_if_changelog_and_field_agree() {
    let epic = |field: Value, to: &str| {
        let body = fields(issue(), &[("customfield_10014", field)]);
        let said = said(&changed(body, minute(9), json!([own("Epic Link", "", "", "1", to)])));
        targets(one(&said).1, Relation::Epic)
    };
    assert_eq!(epic(json!("PROJ-1"), "PROJ-1"), ["=jira:acme.atlassian.net/PROJ/issue/PROJ-1"]);
    assert!(epic(json!("see PROJ-1"), "PROJ-1").is_empty());
    assert!(epic(json!("Big"), "Big").is_empty());
    let silent = said(&fields(issue(), &[("customfield_10014", json!("PROJ-1"))]));
    assert!(!one(&silent).1.relations.contains_key(&Relation::Epic));
}

#[test]
fn a_blocking_link_counts_on_the_side_that_waits() {
    let link = |kind: &str, side: &str, key: &str| json!({"id": "1", "type": {"name": kind, "inward": "is blocked by", "outward": "blocks"}, side: {"key": key, "fields": {}}});
    let links = json!([
        link("Blocks", "inwardIssue", "OPS-3"),
        link("Blocks", "outwardIssue", "OPS-4"),
        {"id": "2", "type": {"name": "Duplicate", "inward": "is duplicated by", "outward": "duplicates"}, "inwardIssue": {"key": "OPS-5"}},
        {"id": "3", "type": {"name": "Waits", "inward": "blocks", "outward": "Is blocked by"}, "outwardIssue": {"key": "OPS-6"}},
        {"id": "4"}, link("Blocks", "inwardIssue", "nonsense"),
    ]);
    let said = said(&fields(issue(), &[("issuelinks", links)]));
    let keys = ["=jira:acme.atlassian.net/OPS/issue/OPS-3", "=jira:acme.atlassian.net/OPS/issue/OPS-6"];
    assert_eq!(targets(one(&said).1, Relation::BlockedBy), keys);
}

#[test]
fn a_custom_field_is_kept_only_if_the_configuration_names_it() {
    assert_eq!(one(&said(&issue())).1.marks.properties, None);
    let settings = Settings {
        tagger: Tagger::new(&["customfield_10050".to_owned()], &[]).unwrap(),
        ..Settings::default()
    };
    let said = used(settings.parse(Source::Jira, &HeaderMap::new(), issue().to_string().as_bytes()).content);
    let kept: Vec<_> = one(&said).1.marks.properties.as_ref().unwrap().value.iter().collect();
    assert_eq!(kept, [(&"customfield_10050".to_owned(), &"Payments".to_owned())]);
    let item = Item::new(said.events[0].clone());
    let tags = settings.tagger.tags(&item, &Default::default());
    assert_eq!(tags.get("customfield_10050").map(String::as_str), Some("Payments"));
    assert_eq!(tags.get("team").map(String::as_str), Some("payments"), "labels say tags");
}

#[test]
fn a_component_is_a_tag_where_the_configuration_wants_it() {
    let tagger = Tagger::new(&["component".to_owned()], &[]).unwrap();
    let item = Item::new(said(&issue()).events[0].clone());
    assert_eq!(tagger.tags(&item, &Default::default()).get("component").map(String::as_str), Some("API"));
}

#[test]
fn an_issue_moved_to_another_project_goes_on_under_its_new_key() {
    let item = json!({"field": "Key", "fieldtype": "jira", "from": null, "fromString": "OLD-1", "to": null, "toString": "PROJ-12"});
    let said = said(&changed(issue(), minute(9), json!([item])));
    let [old, new] = said.events.as_slice() else { panic!("two items") };
    assert_eq!(old.key.as_str(), "jira:acme.atlassian.net/OLD/issue/OLD-1");
    assert_eq!(new.key.as_str(), "jira:acme.atlassian.net/PROJ/issue/PROJ-12");
    assert_eq!(cycle(&old.facts).withdrawn.unwrap().at, minute(9));
    let happening = old.facts.happenings.iter().next().unwrap();
    assert_eq!((happening.what, happening.detail.as_deref()), (What::Transferred, Some(new.key.as_str())));
    assert!(refs(&said).contains(&"issue:OLD-1 > jira:acme.atlassian.net/PROJ/issue/PROJ-12".to_owned()));
    // The old one was open: it no longer is.
    let mut before = Item::new(super::said(&with(issue(), "/issue/key", json!("OLD-1"))).events.remove(0));
    assert!(before.is_open());
    before.fold(old.facts.clone());
    assert!(before.episodes().is_empty());
    assert!(Item::new(new.clone()).is_open());
    // Without a time nothing can be said of when.
    let body = without(
        with(
            issue(),
            "/changelog/items",
            json!([{"field": "Key", "fromString": "OLD-1", "toString": "PROJ-12"}]),
        ),
        "/timestamp",
    );
    assert_eq!(wrong(jira(&body)), "timestamp: is missing");
}

#[test]
fn a_time_that_no_sender_can_mean_is_passed_over_and_counted() {
    let said = said(&fields(
        issue(),
        &[
            ("updated", json!("0001-01-01T00:00:00.000+0000")),
            ("resolutiondate", json!("9999-12-31T00:00:00.000+0000")),
        ],
    ));
    assert_eq!(said.flaws, [Flaw::ImplausibleTime]);
    let body = with(with(issue(), "/timestamp", json!(0)), "/webhookEvent", json!("jira:issue_deleted"));
    assert_eq!(wrong(jira(&body)), "timestamp: is not a plausible time (2000 to 2100)");
}

#[test]
fn what_was_said_last_describes_it() {
    let renamed = |minutes: i64, name: &str| {
        changed(fields(issue(), &[("summary", json!(name))]), minute(minutes), json!([]))
    };
    let item = folded(&[renamed(9, "Third"), renamed(7, "First"), renamed(8, "Second")]);
    assert_eq!(text(&item.facts, Attr::IssueTitle), "Third");
}
