//! When an issue was opened, done and opened again, in Cloud and in Data Center.

use serde_json::{Value, json};

use super::*;
use crate::work::event::{Category, Facts, Outcome};

fn created() -> Value {
    let first = json!([{"field": "Status", "fieldtype": "jira", "fieldId": "status", "from": null, "fromString": null,
        "to": "10000", "toString": "To Do"}]);
    let body =
        fields(issue(), &[("status", todo()), ("statuscategorychangedate", json!(written(minute(0))))]);
    with(changed(body, minute(0), first), "/webhookEvent", json!("jira:issue_created"))
}

/// Done at minute 30, told a moment later.
fn finished() -> Value {
    let body = fields(
        issue(),
        &[
            ("status", done()),
            ("statuscategorychangedate", json!(written(minute(30)))),
            ("resolution", json!({"name": "Done"})),
            ("resolutiondate", json!(written(minute(30).plus(-3_000)))),
        ],
    );
    let items = json!([
        change("resolution", Value::Null, Value::Null, json!("10000"), json!("Done")),
        moved(("In Progress", "3"), ("Done", "10002")),
    ]);
    changed(body, minute(30).plus(17_000), items)
}

/// An edit at `minutes` that leaves all else as it is.
fn edited(body: Value, minutes: i64) -> Value {
    let items = json!([change("summary", Value::Null, json!("a"), Value::Null, json!("b"))]);
    changed(body, minute(minutes), items)
}

/// Worked on again from minute 50, still resolved as before.
fn again() -> Value {
    let body =
        fields(finished(), &[("status", doing()), ("statuscategorychangedate", json!(written(minute(50))))]);
    changed(body, minute(50), json!([moved(("Done", "10002"), ("In Progress", "3"))]))
}

fn intervals(bodies: &[Value]) -> Vec<(Time, Option<(Time, Outcome)>)> {
    episodes(bodies).iter().map(|episode| (episode.start, episode.end)).collect()
}

fn whole(outcome: Outcome) -> Vec<(Time, Option<(Time, Outcome)>)> {
    vec![(minute(0), Some((minute(30), outcome)))]
}

fn moves(facts: &Facts) -> Vec<(Time, Option<&str>, &str, Option<Category>)> {
    facts
        .moves
        .iter()
        .map(|(at, m)| (*at, m.value.from.as_deref(), m.value.to.as_str(), m.value.category))
        .collect()
}

#[test]
fn an_issue_is_open_from_its_creation() {
    assert_eq!(intervals(&[created()]), [(minute(0), None)]);
    assert_eq!(intervals(&[created(), issue()]), [(minute(0), None)]);
}

#[test]
fn a_closed_issue_is_whole_even_if_its_opening_was_never_seen() {
    assert_eq!(intervals(&[finished()]), whole(Outcome::Completed));
}

#[test]
fn every_delivery_of_a_closed_issue_says_the_same_closing() {
    let all = [created(), issue(), finished(), edited(finished(), 40), edited(finished(), 45)];
    assert_eq!(intervals(&all), whole(Outcome::Completed));
    assert_eq!(intervals(&all[3..]), whole(Outcome::Completed), "without its transition too");
}

#[test]
fn a_closed_issue_that_goes_to_another_closed_status_is_closed_once() {
    let archived = |body: Value| {
        let body = fields(body, &[("status", status("Archived", "10009", "done"))]);
        changed(body, minute(90), json!([moved(("Done", "10002"), ("Archived", "10009"))]))
    };
    assert_eq!(intervals(&[finished(), archived(finished())]), whole(Outcome::Completed));
    let folded = folded(&[finished(), archived(finished())]);
    assert_eq!(moves(&folded.facts)[1], (minute(90), Some("Done"), "Archived", Some(Category::Done)));
    // In Data Center too, where nothing tells that it was closed before.
    let (first, second) = (of_data_center(finished()), of_data_center(archived(finished())));
    let at = minute(30).plus(-3_000);
    assert_eq!(intervals(&[first.clone(), second.clone()]), [(minute(0), Some((at, Outcome::Completed)))]);
    let unresolved =
        |body: Value| fields(body, &[("resolution", Value::Null), ("resolutiondate", Value::Null)]);
    let unresolved = [without_resolution_change(unresolved(first)), unresolved(second)];
    assert_eq!(intervals(&unresolved), [(minute(0), Some((minute(30).plus(17_000), Outcome::Completed)))]);
}

fn without_resolution_change(body: Value) -> Value {
    with(body, "/changelog/items", json!([moved(("In Progress", "3"), ("Done", "10002"))]))
}

#[test]
fn a_reopened_issue_has_a_second_episode_whatever_old_dates_it_carries() {
    let open_again = [(minute(0), Some((minute(30), Outcome::Completed))), (minute(50), None)];
    assert_eq!(intervals(&[created(), finished(), again()]), open_again);
    assert_eq!(
        intervals(&[finished(), edited(again(), 55)]),
        open_again,
        "the reopening itself was not seen"
    );
    // A date that was not changed does not close it.
    let stale = with(again(), "/issue/fields/statuscategorychangedate", json!(written(minute(30))));
    assert_eq!(intervals(&[finished(), stale]), open_again);
    let at = minute(30).plus(-3_000);
    let center = [(minute(0), Some((at, Outcome::Completed))), (minute(50), None)];
    assert_eq!(intervals(&[of_data_center(finished()), of_data_center(again())]), center);
    assert_eq!(intervals(&[of_data_center(again())]), [(minute(0), None)]);
}

#[test]
fn an_issue_closed_again_that_was_resolved_all_the_time_is_closed_again() {
    let last =
        fields(again(), &[("status", done()), ("statuscategorychangedate", json!(written(minute(80))))]);
    let last = changed(last, minute(80), json!([moved(("In Progress", "3"), ("Done", "10002"))]));
    let twice = |first: Time| {
        [(minute(0), Some((first, Outcome::Completed))), (minute(50), Some((minute(80), Outcome::Completed)))]
    };
    let later = edited(last.clone(), 90);
    let all = [finished(), again(), last, later];
    assert_eq!(intervals(&all), twice(minute(30)));
    let center: Vec<Value> = all.into_iter().map(of_data_center).collect();
    assert_eq!(intervals(&center), twice(minute(30).plus(-3_000)));
}

#[test]
fn a_resolution_set_later_says_anew_how_it_ended_and_not_when() {
    let plain = without_resolution_change(fields(
        finished(),
        &[("resolution", Value::Null), ("resolutiondate", Value::Null)],
    ));
    let resolved = fields(
        edited(plain.clone(), 70),
        &[("resolution", json!({"name": "Won't Do"})), ("resolutiondate", json!(written(minute(70))))],
    );
    let all = [plain, resolved];
    assert_eq!(intervals(&all), whole(Outcome::NotPlanned));
    let center: Vec<Value> = all.into_iter().map(of_data_center).collect();
    let at = minute(30).plus(17_000);
    assert_eq!(intervals(&center), [(minute(0), Some((at, Outcome::NotPlanned)))]);
}

#[test]
fn an_issue_resolved_before_it_is_done_is_done_when_it_is_done() {
    let resolved = [("resolution", json!({"name": "Fixed"})), ("resolutiondate", json!(written(minute(10))))];
    let ready = fields(of_data_center(issue()), &resolved);
    let ready = changed(
        fields(ready, &[("status", status("Ready", "5", "indeterminate"))]),
        minute(10),
        json!([moved(("In Progress", "3"), ("Ready", "5"))]),
    );
    let tested = fields(ready.clone(), &[("status", status("In QA", "6", "indeterminate"))]);
    let tested = changed(tested, minute(20), json!([moved(("Ready", "5"), ("In QA", "6"))]));
    let last = fields(tested.clone(), &[("status", done())]);
    let last = changed(last, minute(30), json!([moved(("In QA", "6"), ("Done", "10002"))]));
    let later = edited(last.clone(), 40);
    assert_eq!(intervals(&[ready, tested, last, later]), whole(Outcome::Completed));
}

#[test]
fn a_snapshot_of_data_center_closes_at_the_resolution_and_only_if_it_is_done() {
    let old = edited(of_data_center(finished()), 500);
    assert_eq!(intervals(&[old]), [(minute(0), Some((minute(30).plus(-3_000), Outcome::Completed)))]);
    let dateless = edited(fields(of_data_center(finished()), &[("resolutiondate", Value::Null)]), 500);
    assert_eq!(intervals(&[dateless]), [(minute(0), None)], "nothing says when");
}

#[test]
fn how_it_ended_is_told_by_the_resolution() {
    for (name, outcome) in [
        ("Done", Outcome::Completed),
        ("Fixed", Outcome::Completed),
        ("Won't Do", Outcome::NotPlanned),
        ("Won’t Fix", Outcome::NotPlanned),
        ("DECLINED", Outcome::NotPlanned),
        ("Cannot Reproduce", Outcome::NotPlanned),
        ("Abandoned", Outcome::NotPlanned),
        ("Duplicate", Outcome::Duplicate),
        ("Erledigt", Outcome::Completed),
    ] {
        let body = fields(finished(), &[("resolution", json!({"name": name}))]);
        assert_eq!(intervals(&[body]), whole(outcome), "{name}");
    }
}

#[test]
fn a_status_without_a_known_category_neither_closes_nor_opens() {
    let odd = fields(finished(), &[("status", status("Odd", "10002", "undefined"))]);
    assert_eq!(intervals(&[odd.clone(), created()]), [(minute(0), None)]);
    assert_eq!(intervals(&[finished(), odd]), whole(Outcome::Completed));
    let none = fields(finished(), &[("status", Value::Null)]);
    assert_eq!(intervals(&[none]), [(minute(0), None)]);
}

#[test]
fn a_deleted_issue_is_no_longer_work_in_progress() {
    let deleted =
        with(without(edited(issue(), 60), "/changelog"), "/webhookEvent", json!("jira:issue_deleted"));
    assert!(intervals(&[created(), deleted.clone()]).is_empty());
    assert_eq!(cycle(&folded(std::slice::from_ref(&deleted)).facts).withdrawn.unwrap().at, minute(60));
    assert!(intervals(&[without(deleted.clone(), "/issue/fields")]).is_empty(), "it needs no fields");
    assert_eq!(wrong(jira(&without(deleted, "/timestamp"))), "timestamp: is missing");
}

#[test]
fn the_way_through_the_statuses_is_kept() {
    let item = folded(&[finished(), again(), issue(), created()]);
    assert_eq!(
        moves(&item.facts),
        [
            (minute(0), None, "To Do", Some(Category::New)),
            (minute(5), Some("To Do"), "In Progress", Some(Category::Indeterminate)),
            (minute(30), Some("In Progress"), "Done", Some(Category::Done)),
            (minute(50), Some("Done"), "In Progress", Some(Category::Indeterminate)),
        ]
    );
    let closings: Vec<Time> = cycle(&item.facts).closed.iter().map(|(at, _)| *at).collect();
    assert_eq!(closings, [minute(30)], "the move into done and the closing agree");
}

#[test]
fn a_snapshot_that_is_younger_than_its_transition_says_nothing_of_that_status() {
    // By the time the payload was made, the issue had gone on.
    let late = with(finished(), "/changelog/items", json!([moved(("To Do", "10000"), ("In Progress", "3"))]));
    let late = with(late, "/timestamp", json!(millis_of(minute(5))));
    let item = folded(std::slice::from_ref(&late));
    assert_eq!(moves(&item.facts), [(minute(5), Some("To Do"), "In Progress", None)]);
    assert_eq!(intervals(&[late]), whole(Outcome::Completed));
    let created = fields(created(), &[("status", doing())]);
    assert_eq!(moves(&folded(&[created]).facts), [(minute(0), None, "To Do", None)]);
}

#[test]
fn a_first_status_is_the_snapshots_where_the_changelog_is_silent() {
    let body = without(created(), "/changelog");
    assert_eq!(moves(&folded(&[body]).facts), [(minute(0), None, "To Do", Some(Category::New))]);
}

#[test]
fn a_move_within_a_category_is_at_the_time_of_its_delivery() {
    let review = fields(issue(), &[("status", status("Review", "4", "indeterminate"))]);
    let review = changed(review, minute(20), json!([moved(("In Progress", "3"), ("Review", "4"))]));
    assert_eq!(
        moves(&folded(std::slice::from_ref(&review)).facts),
        [(minute(20), Some("In Progress"), "Review", Some(Category::Indeterminate))]
    );
    assert_eq!(intervals(&[created(), issue(), review.clone(), finished()]), whole(Outcome::Completed));
    let timeless = without(without(review, "/timestamp"), "/issue/fields/updated");
    assert_eq!(wrong(jira(&timeless)), "timestamp: is missing");
}

#[test]
fn ids_of_a_changelog_may_be_numbers() {
    let body = with(with(finished(), "/changelog/id", json!(10031)), "/changelog/items/1/to", json!(10002));
    assert_eq!(intervals(&[body]), whole(Outcome::Completed));
}
