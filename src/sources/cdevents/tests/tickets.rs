//! Tickets and incidents, which are issues, and who had to do with them.

use super::*;

#[test]
fn a_ticket_is_an_issue() {
    let bodies = ["ticket.created", "ticket.updated", "ticket.closed"];
    let bodies: Vec<_> = bodies
        .iter()
        .enumerate()
        .map(|(i, name)| with(ticket(name, i as u32), "/subject/id", json!("shop-12")))
        .collect();
    let issue = item(&bodies);
    assert_eq!(issue.key.as_str(), "cdevents:ci.example.org/acme/api/issue/shop-12");
    let episode = issue.episodes()[0];
    assert_eq!((episode.start, episode.end), (at(&minute(0)), Some((at(&minute(2)), Outcome::Completed))));
    for (attr, value) in [
        (Attr::IssueTitle, "Basket loses items"),
        (Attr::IssueUrl, "https://tickets.example.org/SHOP-12"),
        (Attr::IssueType, "bug"),
        (Attr::IssuePriority, "high"),
        (Attr::IssueMilestone, "v2"),
        (Attr::IssueKey, "SHOP-12"),
        (Attr::UserName, "(none)"),
    ] {
        assert_eq!(text(&issue.facts, attr), value, "{}", attr.name());
    }
    assert_eq!(
        refs(&used(parse(&bodies[0])))[0],
        "issue:SHOP-12 > cdevents:ci.example.org/acme/api/issue/shop-12"
    );
    let tagger = Tagger::new(&["group".to_owned()], &[]).unwrap();
    let settings = Settings { tagger: tagger.clone(), ..Settings::default() };
    let grouped = Item::new(with_settings(&settings, &bodies[0]).events.remove(0));
    let tags = tagger.tags(&grouped, &Tags::new());
    assert_eq!((tags["group"].as_str(), tags["team"].as_str()), ("shop", "payments"));
}

#[test]
fn people_are_named_only_if_they_are_kept_and_never_by_their_address() {
    let body = ticket("ticket.created", 0);
    let hidden = format!("{:?}", used(parse(&body)));
    let settings = Settings { people: true, ..Settings::default() };
    let shown = format!("{:?}", with_settings(&settings, &body));
    for name in ["alice", "bob"] {
        assert!(shown.contains(name) && !hidden.contains(name), "{name}");
    }
    assert!(!shown.contains("eve@x.org"));
}

#[test]
fn a_resolution_is_an_outcome() {
    for (word, outcome) in [
        ("completed", Outcome::Completed),
        ("Fixed", Outcome::Completed),
        ("won't fix", Outcome::NotPlanned),
        ("not_planned", Outcome::NotPlanned),
        ("Duplicate", Outcome::Duplicate),
    ] {
        let body = with(ticket("ticket.closed", 0), "/subject/content/resolution", json!(word));
        let said = used(parse(&body));
        let closed = cycle(one(&said).1).closed.iter().map(|(_, latest)| latest.value).collect::<Vec<_>>();
        assert_eq!(closed, [outcome], "{word}");
    }
}

#[test]
fn an_incident_is_an_issue_from_when_it_was_first_told_to_when_it_was_resolved() {
    let bodies = [
        incident("incident.reported", 5),
        incident("incident.detected", 1),
        incident("incident.resolved", 30),
    ];
    let issue = item(&bodies);
    let episode = issue.episodes()[0];
    assert_eq!((episode.start, episode.end), (at(&minute(1)), Some((at(&minute(30)), Outcome::Completed))));
    for (attr, value) in [
        (Attr::IssueType, "incident"),
        (Attr::IssueTitle, "Slow"),
        (Attr::IssueUrl, "https://tickets.example.org/3"),
        (Attr::Environment, "production"),
        (Attr::DeploymentName, "shop"),
    ] {
        assert_eq!(text(&issue.facts, attr), value, "{}", attr.name());
    }
    assert_eq!(targets(&issue.facts, Relation::Artifact), [format!("artifact:{PURL}")]);
}
