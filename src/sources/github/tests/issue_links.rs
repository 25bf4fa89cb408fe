//! `sub_issues`, `issue_dependencies`, `projects_v2_item`.

use super::*;
use crate::work::item::Item;

fn snapshot(number: u32, updated: &str) -> Value {
    let body = with(issue(), "/issue/number", json!(number));
    with(body, "/issue/updated_at", json!(updated))["issue"].clone()
}

fn elsewhere() -> Value {
    json!({"name": "Plans", "full_name": "Acme/Plans", "html_url": "https://github.com/Acme/Plans"})
}

/// #12 is a part of #3; sent from the side of the repository that `name` implies.
pub(super) fn sub_issues(name: &str) -> Value {
    json!({
        "action": name, "repository": repository(),
        "parent_issue": snapshot(3, "2026-01-02T12:00:00Z"), "sub_issue": snapshot(12, "2026-01-02T11:00:00Z"),
    })
}

pub(super) fn dependencies(name: &str, blocking: u32) -> Value {
    json!({
        "action": name, "repository": repository(),
        "blocked_issue": snapshot(12, "2026-01-02T11:00:00Z"), "blocking_issue": snapshot(blocking, "2026-01-02T12:00:00Z"),
    })
}

#[test]
fn a_sub_issue_is_a_part_of_its_parent_whichever_side_tells_it() {
    for name in ["parent_issue_added", "sub_issue_added"] {
        let said = used(github("sub_issues", &sub_issues(name)));
        let (key, facts) = one(&said);
        assert_eq!(key, "github:github.com/Acme/api/issue/12");
        assert_eq!(targets(facts, Relation::PartOf), ["=github:github.com/Acme/api/issue/3"]);
        assert_eq!(text(facts, Attr::IssueTitle), "Slow");
        assert!(cycle(facts).opened.is_some() && cycle(facts).closed.is_empty());
    }
    let from_sub = with(sub_issues("parent_issue_added"), "/parent_issue_repo", elsewhere());
    let said = used(github("sub_issues", &from_sub));
    assert_eq!(targets(one(&said).1, Relation::PartOf), ["=github:github.com/Acme/Plans/issue/3"]);
    assert_eq!(one(&said).0, "github:github.com/Acme/api/issue/12");

    let from_parent = with(sub_issues("sub_issue_added"), "/sub_issue_repo", elsewhere());
    let said = used(github("sub_issues", &from_parent));
    assert_eq!(one(&said).0, "github:github.com/Acme/Plans/issue/12");
    assert_eq!(targets(one(&said).1, Relation::PartOf), ["=github:github.com/Acme/api/issue/3"]);
    assert_eq!(text(one(&said).1, Attr::RepositoryName), "Plans");
}

#[test]
fn an_issue_that_leaves_its_parent_says_so_and_a_new_parent_replaces_the_old() {
    let event = |name: &str, parent: u32, updated: &str| {
        let body = with(sub_issues(name), "/parent_issue", snapshot(parent, updated));
        used(github("sub_issues", &body)).events.remove(0)
    };
    let (second, third) = ("2026-01-02T12:00:00Z", "2026-01-02T13:00:00Z");
    let added = event("sub_issue_added", 3, second);
    let removed = event("parent_issue_removed", 3, third);
    let moved = event("parent_issue_added", 4, third);
    let folded = |events: &[&crate::work::event::Event]| {
        let mut item = Item::new(events[0].clone());
        events[1..].iter().for_each(|event| item.fold(event.facts.clone()));
        targets(&item.facts, Relation::PartOf)
    };
    assert!(removed.facts.relations.contains_key(&Relation::PartOf), "an empty list is said");
    assert!(folded(&[&added, &removed]).is_empty() && folded(&[&removed, &added]).is_empty());
    for events in [[&added, &removed, &moved], [&moved, &removed, &added], [&removed, &moved, &added]] {
        assert_eq!(folded(&events), ["=github:github.com/Acme/api/issue/4"], "within one second");
    }
}

#[test]
fn what_an_issue_waits_for_is_collected_under_one_reference() {
    let collected = "named:github/blocked-by:github:github.com/Acme/api/issue/12";
    let mut seen = Vec::new();
    for (name, blocking) in [("blocked_by_added", 3), ("blocking_added", 3), ("blocked_by_added", 4)] {
        let said = used(github("issue_dependencies", &dependencies(name, blocking)));
        let (key, facts) = one(&said);
        assert_eq!(key, "github:github.com/Acme/api/issue/12");
        assert_eq!(targets(facts, Relation::BlockedBy), [collected], "the same whichever is named");
        seen.extend(refs(&said).into_iter().filter(|line| line.starts_with("named:")));
    }
    seen.dedup();
    let issue = "github:github.com/Acme/api/issue";
    assert_eq!(seen, [format!("{collected} > {issue}/3"), format!("{collected} > {issue}/4")]);
    assert!(crate::work::event::Ref::from_stored(collected).is_some(), "the store can keep it");
    for name in ["blocked_by_removed", "blocking_removed"] {
        let reason = ignored(github("issue_dependencies", &dependencies(name, 3)));
        assert_eq!(reason, format!("action {name:?} of issue_dependencies is not used"));
    }
}

#[test]
fn either_end_of_a_dependency_may_be_elsewhere() {
    let by = with(dependencies("blocked_by_added", 3), "/blocking_issue_repo", elsewhere());
    let said = used(github("issue_dependencies", &by));
    assert_eq!(one(&said).0, "github:github.com/Acme/api/issue/12");
    assert!(refs(&said)[0].ends_with("> github:github.com/Acme/Plans/issue/3"), "{:?}", refs(&said));
    let blocking = with(dependencies("blocking_added", 3), "/blocked_issue_repo", elsewhere());
    let said = used(github("issue_dependencies", &blocking));
    assert_eq!(one(&said).0, "github:github.com/Acme/Plans/issue/12");
    assert!(refs(&said)[0].ends_with("> github:github.com/Acme/api/issue/3"), "{:?}", refs(&said));
}

#[test]
fn a_link_between_issues_needs_both_ends() {
    for (event, body) in [
        ("sub_issues", sub_issues("sub_issue_added")),
        ("issue_dependencies", dependencies("blocked_by_added", 3)),
    ] {
        let ends = if event == "sub_issues" {
            ["sub_issue", "parent_issue"]
        } else {
            ["blocked_issue", "blocking_issue"]
        };
        for end in ends {
            let missing = wrong(github(event, &without(body.clone(), &format!("/{end}"))));
            assert_eq!(missing, format!("{end}: is missing"));
            let nameless = wrong(github(event, &without(body.clone(), &format!("/{end}/number"))));
            assert_eq!(nameless, format!("{end}.number: is missing"));
        }
        let timeless = without(body.clone(), &format!("/{}/created_at", ends[0]));
        assert_eq!(wrong(github(event, &timeless)), format!("{}.created_at: is missing", ends[0]));
        let odd = with(body.clone(), &format!("/{}/created_at", ends[0]), json!("1970-01-01T00:00:00Z"));
        assert!(wrong(github(event, &odd)).contains("is not a plausible time"));
        let reason = ignored(github(event, &action(body, "brand_new")));
        assert_eq!(reason, format!("action \"brand_new\" of {event} is not used"));
    }
}

#[test]
fn an_item_of_a_project_is_ignored_with_the_reason() {
    let body =
        json!({"action": "edited", "projects_v2_item": {"content_node_id": "I_x", "content_type": "Issue"}});
    let reason = ignored(github("projects_v2_item", &body));
    assert_eq!(reason, "projects_v2_item names its issue by an opaque node id alone");
}
