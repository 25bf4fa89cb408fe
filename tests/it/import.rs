//! History from GitHub's API: it agrees with what webhooks tell, keeps to the limits, and goes on
//! where it was interrupted.

mod elsewhere;
mod limits;
mod links;
mod odd;
mod server;
mod world;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use valuestream::import::Count;
use valuestream::import::github::walk::Scope;
use valuestream::store::Store;
use valuestream::work::event::Relation;
use valuestream::work::item::Item;
use valuestream::work::key::Kind;

use self::server::{GithubApi, Instead, recorded};
use self::world::{KEYS, World};
use crate::support::program::{command, run};

const PEOPLE: (&str, &str) = ("PEOPLE", "true");

/// What an item says, without when it was said: a stamp only orders what is said. A run's pull
/// requests are left out, since GitHub no longer names them when they are merged; where the run hangs
/// follows from its commit and branch as well.
fn content(item: &Item) -> String {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(members) => {
                members.remove("stamp");
                members.values_mut().for_each(strip);
            }
            Value::Array(list) => list.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut item = item.clone();
    if item.key.kind() == Kind::Build {
        item.facts.relations.remove(&Relation::PullRequest);
    }
    let mut value = serde_json::to_value(item).unwrap();
    strip(&mut value);
    serde_json::to_string_pretty(&value).unwrap()
}

type Contents = BTreeMap<&'static str, (String, usize)>;

/// What all items say, and how many episodes each has.
async fn contents(world: &World) -> Contents {
    let items = world.items().await;
    items.into_iter().map(|(key, item)| (key, (content(&item), item.episodes().len()))).collect()
}

#[track_caller]
fn agree(mine: &Contents, theirs: &Contents) {
    assert_eq!(mine.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
    for (key, (text, episodes)) in mine {
        assert_eq!(episodes, &theirs[key].1, "{key}");
        assert!(*text == theirs[key].0, "{key}\n{text}\n{}", theirs[key].0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn imported_history_is_what_webhooks_would_have_told() {
    let server = GithubApi::start(recorded(), 100).await;
    let (imported, delivered) = (World::with(&[PEOPLE]), World::with(&[PEOPLE]));
    let tally = imported.import(&server).await.unwrap();
    assert_eq!((tally.not_understood, tally.not_used), (0, 0));
    delivered.deliver().await;
    let mine = contents(&imported).await;
    assert_eq!(mine.len(), KEYS.len());
    assert_eq!(mine["issue/12"].1, 2, "it was reopened");
    agree(&mine, &contents(&delivered).await);
    let spans = imported.exported().await;
    let names: Vec<&str> = spans.values().flatten().map(|span| &*span.name).collect();
    for name in ["pull_request.coding", "pull_request.pickup", "pull_request.deploy", "job.queue", "step"] {
        assert!(names.contains(&name), "{name} among {names:?}");
    }
    assert_eq!(spans, delivered.exported().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn webhooks_of_what_was_imported_change_nothing() {
    let server = GithubApi::start(recorded(), 100).await;
    let (world, delivered) = (World::with(&[PEOPLE]), World::with(&[PEOPLE]));
    world.import(&server).await.unwrap();
    let before = contents(&world).await;
    world.deliver().await;
    agree(&before, &contents(&world).await);
    delivered.deliver().await;
    assert_eq!(world.exported().await, delivered.exported().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_of_what_webhooks_told_changes_nothing() {
    let server = GithubApi::start(recorded(), 100).await;
    let (world, imported) = (World::with(&[PEOPLE]), World::with(&[PEOPLE]));
    world.deliver().await;
    let before = contents(&world).await;
    world.import(&server).await.unwrap();
    agree(&before, &contents(&world).await);
    imported.import(&server).await.unwrap();
    assert_eq!(world.exported().await, imported.exported().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_exported_is_not_exported_again_because_it_is_imported() {
    let server = GithubApi::start(recorded(), 100).await;
    let world = World::new();
    world.deliver().await;
    let exported = world.exported().await;
    assert!(exported.len() >= KEYS.len());
    world.import(&server).await.unwrap();
    assert!(world.exported().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_import_finds_everything_known() {
    let server = GithubApi::start(recorded(), 100).await;
    let world = World::new();
    let first = world.import(&server).await.unwrap();
    let counts = |n: fn(u64) -> Count| {
        [(Kind::Issue, 2), (Kind::PullRequest, 1), (Kind::Build, 3), (Kind::Job, 3), (Kind::Deploy, 2)]
            .into_iter()
            .map(|(kind, items)| (kind, n(items)))
            .collect::<BTreeMap<_, _>>()
    };
    assert_eq!(first.items, counts(|new| Count { new, known: 0 }));
    let before = contents(&world).await;
    let second = world.import(&server).await.unwrap();
    assert_eq!(second.items, counts(|known| Count { new: 0, known }));
    assert_eq!((second.recorded, second.duplicate), (0, first.recorded));
    agree(&before, &contents(&world).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_followed() {
    let whole = World::new();
    whole.import(&GithubApi::start(recorded(), 100).await).await.unwrap();
    let server = GithubApi::start(recorded(), 1).await;
    let world = World::new();
    world.import(&server).await.unwrap();
    agree(&contents(&whole).await, &contents(&world).await);
    assert!(server.asked().iter().any(|asked| asked.contains("timeline") && asked.contains("page=12")));
    assert!(server.tokens().iter().all(|token| token.as_deref() == Some("Bearer a-token")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_brings_its_repositories() {
    let server = GithubApi::start(recorded(), 100).await;
    let (one, all) = (World::new(), World::new());
    one.import(&server).await.unwrap();
    all.import_of(&server, &Scope::Organisation("acme".to_owned())).await.unwrap();
    agree(&contents(&one).await, &contents(&all).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobodys_login_is_kept_unless_people_are() {
    let server = GithubApi::start(recorded(), 100).await;
    let world = World::new();
    world.import(&server).await.unwrap();
    for (key, (text, _)) in contents(&world).await {
        for login in ["\"ada\"", "\"bo\"", "\"cy\"", "dependabot"] {
            assert!(!text.contains(login), "{key}: {text}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_older_than_asked_for_is_not_asked_for() {
    let mut answers = recorded();
    for path in ["deployments", "releases"] {
        let list = answers.get_mut(&format!("/repos/acme/api/{path}")).unwrap().as_array_mut().unwrap();
        let mut old = list.last().unwrap().clone();
        old["id"] = json!(1);
        for time in ["created_at", "published_at"] {
            old[time] = json!("2026-02-01T00:00:00Z");
        }
        list.extend([old.clone(), old]);
    }
    let server = GithubApi::start(answers, 100).await;
    let tally = World::new().import(&server).await.unwrap();
    assert_eq!(tally.items[&Kind::Deploy], Count { new: 2, known: 0 });
    assert!(!server.asked().iter().any(|asked| asked.contains("deployments/1/")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_known_is_passed_over_and_what_cannot_be_understood_is_counted() {
    let mut answers = recorded();
    let timeline = answers.get_mut("/repos/acme/api/issues/12/timeline").unwrap().as_array_mut().unwrap();
    timeline.extend([
        json!(null),
        json!("text"),
        json!({ "event": "never-heard-of", "id": 99, "created_at": "2026-03-02T09:00:00Z", "new": {} }),
        json!({ "event": "labeled", "created_at": "2026-03-02T09:00:00Z" }),
    ]);
    let jobs = answers.get_mut("/repos/acme/api/actions/runs/502/jobs").unwrap();
    jobs["jobs"][0]["completed_at"] = json!(null);
    let server = GithubApi::start(answers, 100).await;
    let world = World::new();
    let tally = world.import(&server).await.unwrap();
    assert_eq!(tally.not_understood, 1, "a job that completed at no time");
    assert_eq!(tally.items[&Kind::Job], Count { new: 2, known: 0 });
    assert_eq!(world.items().await["issue/12"].episodes().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_gone_since_it_was_listed_is_passed_over() {
    let mut answers = recorded();
    answers.remove("/repos/acme/api/pulls/15");
    answers.remove("/repos/acme/api/actions/runs/501/attempts/1");
    let server = GithubApi::start(answers, 100).await;
    let tally = World::new().import(&server).await.unwrap();
    assert!(!tally.items.contains_key(&Kind::PullRequest));
    assert_eq!(tally.items[&Kind::Build], Count { new: 2, known: 0 });
}

/// The recorded repository and fifty more issues that somebody commented on.
fn many() -> serde_json::Map<String, Value> {
    let mut answers = recorded();
    let issues = answers.get_mut("/repos/acme/api/issues").unwrap().as_array_mut().unwrap();
    let quiet = issues[0].clone();
    issues.extend((100..150).map(|number| {
        let mut issue = quiet.clone();
        issue["number"] = json!(number);
        issue["comments"] = json!(1);
        issue["updated_at"] = json!(format!("2026-03-20T12:{:02}:00Z", number - 100));
        issue
    }));
    for number in 100..150 {
        answers.insert(format!("/repos/acme/api/issues/{number}/timeline"), json!([]));
    }
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_import_goes_on_where_it_stopped() {
    let server = GithubApi::start(many(), 30).await;
    let world = World::new();
    server.instead(Instead::new("issues/145/timeline", 401, &[], "Bad credentials"));
    let error = world.import(&server).await.unwrap_err().to_string();
    assert!(error.contains("401"), "{error}");
    let asked =
        |issue: u64, of: &[String]| of.iter().any(|a| a.contains(&format!("issues/{issue}/timeline")));
    let before = server.asked();
    assert!(asked(12, &before) && asked(120, &before));

    let tally = world.import(&server).await.unwrap();
    let after = server.asked();
    assert!(asked(145, &after) && !asked(12, &after) && !asked(120, &after), "{after:?}");
    let whole = World::new();
    let all = whole.import(&server).await.unwrap();
    assert_eq!(all.items[&Kind::Issue], Count { new: 52, known: 0 });
    assert!(tally.items[&Kind::Issue].new < 52);
    agree(&contents(&whole).await, &contents(&world).await);
    assert!(!world.progress_file().exists(), "all is done");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_is_cut_off_anywhere_ends_the_same() {
    let whole = World::new();
    let server = GithubApi::start(recorded(), 100).await;
    whole.import(&server).await.unwrap();
    let requests = server.asked().len();
    let whole = contents(&whole).await;
    let world = World::new();
    // The first of these ends it after one request, the next after two, and so on.
    for n in 1..requests {
        let mut cut = Instead::new("/", 401, &[], "cut off");
        cut.after = n;
        server.instead(cut);
        if world.import(&server).await.is_ok() {
            break;
        }
    }
    server.forget();
    world.import(&server).await.unwrap();
    agree(&whole, &contents(&world).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issue_that_changes_while_it_is_listed_hides_no_other() {
    let server = GithubApi::start(many(), 10).await;
    // Once the first page is answered, an issue of it moves to the end.
    let mover = server.clone();
    server.after("issues?state=all", move || {
        mover.change(|answers| {
            let issues = answers["/repos/acme/api/issues"].as_array_mut().unwrap();
            let issue = issues.iter_mut().find(|issue| issue["number"] == 101).unwrap();
            issue["updated_at"] = json!("2026-03-30T00:00:00Z");
        });
    });
    let world = World::new();
    world.import(&server).await.unwrap();
    for number in 100..150 {
        let key = format!("github:github.com/acme/api/issue/{number}").parse().unwrap();
        assert!(world.store.item(&key).await.unwrap().0.is_some(), "{number}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_counts_and_commits_nothing() {
    let server = GithubApi::start(recorded(), 100).await;
    let world = World::new();
    let plan = world.plan(&server).await;
    let expected =
        [("issues", 2), ("pull requests", 1), ("workflow runs", 2), ("deployments", 1), ("releases", 1)];
    assert_eq!(plan.entries.get("commits that close issues"), None, "the one there is closes none");
    assert_eq!(plan.entries, expected.into_iter().collect());
    let listed = server.asked().len() as u64;
    assert!(world.items().await.is_empty());
    world.import(&server).await.unwrap();
    // The tags of releases are looked up once more.
    assert_eq!(server.asked().len() as u64, listed + plan.requests + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_runs_than_github_shows_of_a_window_are_all_found() {
    let mut answers = recorded();
    let runs = answers.get_mut("/repos/acme/api/actions/runs").unwrap();
    let hour = |n: u64| format!("2026-03-{:02}T{:02}:{:02}:00Z", 1 + n / 480, n / 20 % 24, n % 20 * 3);
    let many: Vec<Value> = (0..2_500)
        .rev()
        .map(|n| json!({ "id": 10_000 + n, "run_attempt": 1, "created_at": hour(n) }))
        .collect();
    runs["workflow_runs"] = json!(many);
    let server = GithubApi::start(answers, 100).await;
    let plan = World::new().plan(&server).await;
    assert_eq!(plan.entries["workflow runs"], 2_500);
    let asked = server.asked();
    let listed = asked.iter().filter(|asked| asked.contains("actions/runs?")).count();
    assert!(listed < 50, "{listed}");
}

#[test]
fn the_command_tells_what_it_brought_and_never_the_token() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(GithubApi::start(recorded(), 100));
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("valuestream.db");
    let environment = [
        ("VALUESTREAM__STORE__URL", format!("sqlite://{}", database.display())),
        ("XDG_STATE_HOME", folder.path().join("state").display().to_string()),
        ("GITHUB_TOKEN", "a-token".to_owned()),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value));
    let url = server.url();
    let arguments =
        ["import", "github", "--repo", "acme/api", "--since", "2026-03-01", "--api-url", url.as_str()];
    let said = |more: &[&str]| {
        let output = run(&[&arguments[..], more].concat(), &environment);
        let (out, err) =
            (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        assert!(!out.contains("a-token") && !err.contains("a-token"));
        (output.status.code(), out, err)
    };
    let (code, out, err) = said(&["--dry-run"]);
    assert_eq!(code, Some(0), "{err}");
    assert!(out.contains("pull requests  1") && out.contains("Nothing was imported"), "{out}");
    assert!(!database.exists());

    server.instead(Instead::new(
        "actions/runs",
        403,
        &[],
        "Resource not accessible by personal access token",
    ));
    let (code, out, err) = said(&[]);
    assert_eq!((code, &*out), (Some(1), ""));
    assert!(err.contains("acme/api workflow runs (403)") && err.contains("Actions"), "{err}");
    assert!(err.contains("goes on from here"), "{err}");

    let (code, out, err) = said(&[]);
    assert_eq!(code, Some(0), "{err}");
    assert!(err.contains("going on with the import that was interrupted"), "{err}");
    assert!(out.contains("deploy") && out.contains("0 not understood"), "{out}");
    assert_eq!(std::fs::read_dir(folder.path().join("state/valuestream")).unwrap().count(), 0);

    let (code, out, _) = said(&[]);
    assert_eq!(code, Some(0));
    assert!(out.contains("; 0 events recorded"), "{out}");

    server.instead(Instead::new("deployments?", 404, &[], "Not Found"));
    let (code, out, err) = said(&[]);
    assert_eq!(code, Some(1));
    assert!(out.contains("; 0 events recorded") && err.contains("left out"), "{out}{err}");
    assert!(err.contains("acme/api deployments (404)") && err.contains("1 lists or entries"), "{err}");
    let tokens = server.tokens();
    assert!(tokens.iter().all(|token| token.as_deref() == Some("Bearer a-token")));

    let wrong = run(&["import", "github", "--repo", "acme", "--since", "1d"], &[]);
    assert!(String::from_utf8(wrong.stderr).unwrap().contains("OWNER/NAME"));
}

#[test]
fn whoever_stops_an_import_is_told_that_it_can_go_on() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(GithubApi::start(recorded(), 100));
    // An hour by the wall clock, if nobody stops it.
    server.instead(Instead::new("actions/runs", 429, &[("retry-after", "3600")], ""));
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        let url = server.url();
        let mut command = command(&["import", "github", "--repo", "acme/api", "--since", "2026-03-01"]);
        command.args(["--api-url", &url]);
        command.env("VALUESTREAM__STORE__URL", format!("sqlite://{}", folder.path().join("x.db").display()));
        command.env("XDG_STATE_HOME", folder.path());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let mut stopped = start();
    let mut lines = BufReader::new(stopped.stderr.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("waiting until")));
    let second = start().wait_with_output().unwrap();
    assert_eq!(second.status.code(), Some(1));
    let refused = String::from_utf8(second.stderr).unwrap();
    assert!(refused.contains("another import of the same is under way"), "{refused}");
    let pid = Pid::from_raw(stopped.id().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    assert!(lines.any(|line| line.unwrap().contains("the same command goes on from here")));
    assert_eq!(stopped.wait().unwrap().code(), Some(1));

    let output = start().wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8(output.stderr).unwrap().contains("going on with the import"));
}
