//! Pipelines and their jobs.

use super::*;
use crate::work::attr::Attr;
use crate::work::event::{Event, Flaw, Outcome, Relation, Said};
use crate::work::item::Item;
use crate::work::lattice::Trust;

const PIPELINE: &str = "gitlab:gitlab.example.com/acme/shop/api/build/31";

fn hook(body: &Value) -> Said {
    used(gitlab("Pipeline Hook", body))
}

fn attribute(body: Value, name: &str, value: Value) -> Value {
    with(body, &format!("/object_attributes/{name}"), value)
}

fn status(status: &str) -> Value {
    attribute(attribute(pipeline(), "finished_at", json!(null)), "status", json!(status))
}

fn build(said: &Said) -> &Facts {
    assert_eq!(said.events[0].key.as_str(), PIPELINE);
    &said.events[0].facts
}

fn event(said: Said, key: &str) -> Event {
    said.events.into_iter().find(|event| event.key.as_str().ends_with(key)).unwrap()
}

#[test]
fn a_pipeline_is_a_build_from_the_end_of_its_queue_to_its_own() {
    let said = hook(&pipeline());
    let facts = build(&said);
    let run = run(facts);
    assert_eq!(run.queued.unwrap().at, at("2026-01-03T10:01:00Z"));
    assert_eq!(
        (run.started.unwrap().at, run.started.unwrap().trust),
        (at("2026-01-03T10:01:10Z"), Trust::Stated)
    );
    assert_eq!(run.ended.unwrap().at, at("2026-01-03T10:05:00Z"));
    assert_eq!(run.duration.as_ref().unwrap().value, 200_000_000);
    assert_eq!(run.outcome.as_ref().unwrap().value, Outcome::Success);
    for (attr, value) in [
        (Attr::PipelineName, "api"),
        (Attr::PipelineRunId, "31"),
        (Attr::PipelineRunUrl, "https://gitlab.example.com/acme/shop/api/-/pipelines/31"),
        (Attr::PipelineTrigger, "push"),
        (Attr::RefHeadName, "12-faster"),
        (Attr::RefHeadType, "branch"),
        (Attr::RefHeadRevision, HEAD),
    ] {
        assert_eq!(text(facts, attr), value, "{}", attr.name());
    }
    assert_eq!(targets(facts, Relation::Commit), [format!("sha:{HEAD}")]);
    assert_eq!(targets(facts, Relation::Branch), ["branch:gitlab.example.com/acme/shop/api:12-faster"]);
    assert!(targets(facts, Relation::PullRequest).is_empty());
    assert!(said.flaws.is_empty());
}

#[test]
fn without_a_queue_a_pipeline_starts_with_its_first_job() {
    let said = hook(&attribute(pipeline(), "queued_duration", json!(null)));
    let started = run(build(&said)).started.unwrap();
    assert_eq!((started.at, started.trust), (at("2026-01-03T10:01:15Z"), Trust::Derived));
    for odd in [json!(-5), json!(1e300)] {
        let said = hook(&attribute(pipeline(), "queued_duration", odd));
        assert_eq!(run(build(&said)).started.unwrap().at, at("2026-01-03T10:01:15Z"));
    }
    let none = with(attribute(pipeline(), "queued_duration", json!(null)), "/builds", json!([]));
    assert_eq!(Item::new(hook(&none).events.remove(0)).episodes()[0].start, at("2026-01-03T10:01:40Z"));
}

#[test]
fn statuses_that_are_no_end_leave_a_pipeline_in_progress() {
    for name in [
        "created",
        "waiting_for_resource",
        "preparing",
        "pending",
        "running",
        "manual",
        "scheduled",
        "canceling",
    ] {
        let said = hook(&status(name));
        assert!(run(build(&said)).outcome.is_none() && run(build(&said)).ended.is_none(), "{name}");
        assert!(Item::new(said.events[0].clone()).is_open(), "{name}");
        assert!(said.flaws.is_empty(), "{name}");
    }
    // A pipeline that was retried has the end of before until it ends again.
    let again = hook(&attribute(pipeline(), "status", json!("running")));
    assert!(run(build(&again)).ended.is_none());
}

#[test]
fn each_end_has_its_outcome_and_one_that_is_not_known_is_counted() {
    for (name, outcome) in [
        ("success", Outcome::Success),
        ("failed", Outcome::Failure),
        ("canceled", Outcome::Cancellation),
        ("skipped", Outcome::Skip),
        ("brand_new", Outcome::Unknown),
    ] {
        let said = hook(&attribute(pipeline(), "status", json!(name)));
        assert_eq!(run(build(&said)).outcome.as_ref().unwrap().value, outcome, "{name}");
        assert_eq!(said.flaws.contains(&Flaw::UnknownOutcome), name == "brand_new");
    }
    let going_on = hook(&status("brand_new"));
    assert!(run(build(&going_on)).ended.is_none());
    assert_eq!(going_on.flaws, [Flaw::UnknownOutcome]);
}

#[test]
fn an_end_without_a_time_is_the_end_of_the_last_job_or_an_error() {
    let ended = run(build(&hook(&status("failed")))).ended.unwrap();
    assert_eq!((ended.at, ended.trust), (at("2026-01-03T10:03:15Z"), Trust::Derived));
    let bare = |name| with(status(name), "/builds", json!([]));
    assert_eq!(wrong(gitlab("Pipeline Hook", &bare("success"))), "object_attributes.finished_at: is missing");
    let odd = attribute(bare("success"), "finished_at", json!("0001-01-01 00:00:00 UTC"));
    assert!(wrong(gitlab("Pipeline Hook", &odd)).contains("finished_at: is not a plausible time"));
    let bare = attribute(attribute(bare("skipped"), "duration", json!(null)), "queued_duration", json!(null));
    let skipped = Item::new(hook(&bare).events.remove(0)).episodes()[0];
    assert_eq!(skipped.end, Some((at("2026-01-03T10:01:00Z"), Outcome::Skip)));
}

#[test]
fn a_pipeline_names_its_merge_request() {
    let request = |target: i64, url: &str| json!({"id": 1, "iid": 15, "source_project_id": 380, "target_project_id": target, "url": url});
    let named = |body: &Value| targets(build(&hook(body)), Relation::PullRequest);
    let own = with(pipeline(), "/merge_request", request(380, "https://elsewhere/x/y/-/merge_requests/15"));
    assert_eq!(named(&own), ["=gitlab:gitlab.example.com/acme/shop/api/pull_request/15"]);
    for path in ["up/stream/-/merge_requests/15", "up/stream/merge_requests/15"] {
        let url = format!("https://gitlab.example.com/{path}");
        let fork = with(pipeline(), "/merge_request", request(9, &url));
        assert_eq!(named(&fork), ["=gitlab:gitlab.example.com/up/stream/pull_request/15"], "{path}");
    }
    for kind in ["head", "merge", "train"] {
        let by_ref = attribute(pipeline(), "ref", json!(format!("refs/merge-requests/4/{kind}")));
        assert_eq!(named(&by_ref), ["=gitlab:gitlab.example.com/acme/shop/api/pull_request/4"]);
        let said = hook(&by_ref);
        assert!(targets(build(&said), Relation::Branch).is_empty());
        assert_eq!(text(build(&said), Attr::RefHeadName), "(none)");
    }
    let from_fork = with(own, "/merge_request/source_project_id", json!(9));
    assert!(targets(build(&hook(&from_fork)), Relation::Branch).is_empty(), "the branch is the fork's");
}

#[test]
fn the_default_branch_is_nobodys_and_a_tag_is_no_branch() {
    let main = hook(&attribute(pipeline(), "ref", json!("main")));
    assert!(targets(build(&main), Relation::Branch).is_empty());
    let tag = hook(&attribute(attribute(pipeline(), "ref", json!("v1.0")), "tag", json!(true)));
    assert!(targets(build(&tag), Relation::Branch).is_empty());
    assert_eq!(targets(build(&tag), Relation::Release), ["tag:gitlab.example.com/acme/shop/api:v1.0"]);
    assert_eq!(text(build(&tag), Attr::RefHeadType), "tag");
}

#[test]
fn a_pipeline_that_another_started_follows_it() {
    let source = json!({"pipeline_id": 30, "job_id": 3, "project": {"path_with_namespace": "acme/shop/web"}});
    let said = hook(&with(pipeline(), "/source_pipeline", source));
    assert_eq!(
        targets(build(&said), Relation::Follows),
        ["=gitlab:gitlab.example.com/acme/shop/web/build/30"]
    );
    assert!(targets(build(&said), Relation::Run).is_empty());
}

#[test]
fn the_jobs_of_a_pipeline_are_told_of_with_it_as_they_tell_of_themselves() {
    let of_pipeline = event(hook(&pipeline()), "/job/381");
    let of_job = used(gitlab("Job Hook", &job())).events.remove(0);
    assert_eq!(of_pipeline, of_job);
}

#[test]
fn a_job_says_when_it_waited_ran_and_ended() {
    let said = used(gitlab("Job Hook", &job()));
    let (key, facts) = one(&said);
    assert_eq!(key, "gitlab:gitlab.example.com/acme/shop/api/job/381");
    let run = run(facts);
    assert_eq!(run.queued.unwrap().at, at("2026-01-03T10:01:11.750Z"), "not while jobs before it ran");
    assert_eq!(run.started.unwrap().at, at("2026-01-03T10:01:15Z"));
    assert_eq!(run.ended.unwrap().at, at("2026-01-03T10:03:15Z"));
    assert_eq!(run.outcome.as_ref().unwrap().value, Outcome::Success);
    for (attr, value) in [
        (Attr::TaskName, "unit"),
        (Attr::TaskRunId, "381"),
        (Attr::TaskRunUrl, "https://gitlab.example.com/acme/shop/api/-/jobs/381"),
        (Attr::TaskType, "test"),
        (Attr::PipelineRunId, "31"),
        (Attr::WorkerId, "5"),
        (Attr::WorkerName, "r5"),
        (Attr::WorkerLabels, "linux,docker"),
        (Attr::Environment, "(none)"),
        (Attr::ErrorMessage, "(none)"),
    ] {
        assert_eq!(text(facts, attr), value, "{}", attr.name());
    }
    assert_eq!(targets(facts, Relation::Run), [format!("={PIPELINE}")]);
    assert_eq!(targets(facts, Relation::Commit), [format!("sha:{HEAD}")]);
    assert_eq!(targets(facts, Relation::Branch), ["branch:gitlab.example.com/acme/shop/api:12-faster"]);
}

#[test]
fn a_failed_job_says_what_went_wrong() {
    let failed =
        with(with(job(), "/build_status", json!("failed")), "/build_failure_reason", json!("script_failure"));
    let said = used(gitlab("Job Hook", &failed));
    assert_eq!(text(one(&said).1, Attr::ErrorMessage), "script_failure");
    assert_eq!(run(one(&said).1).outcome.as_ref().unwrap().value, Outcome::Failure);
}

#[test]
fn a_job_that_waits_for_a_person_is_not_in_progress_and_one_that_waits_for_a_runner_is() {
    let waits = |status: &str| {
        let mut body = with(job(), "/build_status", json!(status));
        for field in ["/build_started_at", "/build_finished_at", "/build_queued_duration", "/build_duration"]
        {
            body = with(body, field, json!(null));
        }
        Item::new(used(gitlab("Job Hook", &body)).events.remove(0))
    };
    for status in ["manual", "created", "scheduled"] {
        assert!(waits(status).episodes().is_empty(), "{status}");
    }
    for status in ["pending", "preparing", "running", "waiting_for_resource"] {
        assert!(waits(status).is_open(), "{status}");
    }
    let mut skipped = waits("skipped");
    assert_eq!(skipped.episodes()[0].end, Some((at("2026-01-03T10:01:00Z"), Outcome::Skip)));
    // GitLab wakes skipped jobs up if what they waited for is tried again.
    skipped.fold(used(gitlab("Job Hook", &job())).events.remove(0).facts);
    let episode = skipped.episodes()[0];
    assert_eq!(episode.start, at("2026-01-03T10:01:15Z"));
    assert_eq!(episode.end, Some((at("2026-01-03T10:03:15Z"), Outcome::Success)));
}

#[test]
fn a_job_with_an_environment_deploys() {
    let facts = event(hook(&pipeline()), "/job/382").facts;
    assert_eq!(text(&facts, Attr::TaskType), "deploy");
    assert_eq!(text(&facts, Attr::Environment), "production");
    assert_eq!(text(&facts, Attr::ProductionEnvironment), "true");
    let old = used(gitlab("Job Hook", &with(job(), "/environment", json!("staging"))));
    assert_eq!(text(one(&old).1, Attr::Environment), "staging");
    assert_eq!(text(one(&old).1, Attr::ProductionEnvironment), "(none)");
    let by_stage = used(gitlab("Job Hook", &with(job(), "/build_name", json!("x"))));
    assert_eq!(text(one(&by_stage).1, Attr::TaskType), "test");
}

#[test]
fn a_pipeline_with_very_many_jobs_has_a_bound() {
    let one = pipeline()["builds"][0].clone();
    let many: Vec<Value> = (0..1000).map(|id| with(one.clone(), "/id", json!(id))).collect();
    assert_eq!(hook(&with(pipeline(), "/builds", json!(many))).events.len(), 257);
}

#[test]
fn a_job_of_a_pipeline_whose_own_end_has_no_time_ended_by_the_end_of_the_pipeline() {
    let body = with(pipeline(), "/builds/0/finished_at", json!(null));
    let body = with(body, "/builds/0/duration", json!(null));
    let item = Item::new(event(hook(&body), "/job/381"));
    assert_eq!(item.episodes()[0].end, Some((at("2026-01-03T10:05:00Z"), Outcome::Success)));
}
