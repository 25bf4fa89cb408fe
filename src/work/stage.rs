//! Where the time of an item went, as far as it was told: the stages of a pull request, the queue of
//! a run, the statuses of an issue and its first response. Each becomes a child span. Nothing is made
//! up: a stage of which an end is not known, or whose ends are in the wrong order, is none.
//! Definitions: `docs/insight.md`.

use super::attr::{Attr, Value};
use super::event::{Category, Happening, Life, Outcome, Role, What};
use super::item::{Episode, Item};
use super::key::Kind;
use super::span::Attributes;
use super::time::Time;

/// The longest stage of a run that is believed, in microseconds: as long as a run itself.
const LONGEST_QUEUE: i64 = 35 * 24 * 3600 * 1_000_000;

/// A part of an item's time.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// The span's name: the kind, and what the stage is.
    pub name: &'static str,
    /// What tells it from the item's other stages, for its span's id.
    pub part: Vec<String>,
    /// When it began.
    pub start: Time,
    /// When it ended; never before `start`.
    pub end: Time,
    /// What describes it.
    pub attributes: Attributes,
}

/// The stages of an item's finished episode, by their beginning. `first_commit` is when the first
/// commit of a pull request was made.
pub fn stages(item: &Item, episode: &Episode, first_commit: Option<Time>) -> Vec<Stage> {
    let Some((end, outcome)) = episode.end.filter(|_| !episode.clamped) else { return Vec::new() };
    let mut stages = match item.key.kind() {
        Kind::PullRequest if outcome == Outcome::Merged => change(item, end, first_commit),
        Kind::Build => queue(item, episode, "build.queue"),
        Kind::Job => queue(item, episode, "job.queue"),
        Kind::Deploy => queue(item, episode, "deploy.queue"),
        Kind::Issue => issue(item, episode, end),
        Kind::PullRequest | Kind::Sprint => Vec::new(),
    };
    stages.sort_by(|a, b| (a.start, a.end, a.name).cmp(&(b.start, b.end, b.name)));
    stages
}

/// The stages of an item's open episode, each with its end, if it is over. What nobody has answered yet
/// is no stage of an issue: whether its sender tells of comments at all is not known.
pub fn so_far(item: &Item, episode: &Episode, first_commit: Option<Time>) -> Vec<(Stage, Option<Time>)> {
    if episode.end.is_some() {
        return Vec::new();
    }
    // As if it ended when no time is any more; what lasts until then goes on.
    let never = Time::MIN.plus(i64::MAX);
    let mut stages = match item.key.kind() {
        Kind::PullRequest => {
            let (ready, reviewed) = (ready(item), reviewed(item));
            let stages = [
                stage("pull_request.coding", "coding", first_commit, ready.or(Some(never))),
                stage("pull_request.pickup", "pickup", ready, reviewed.or(Some(never))),
                stage("pull_request.review", "review", reviewed, Some(never)),
            ];
            stages.into_iter().flatten().collect()
        }
        Kind::Build => queue(item, episode, "build.queue"),
        Kind::Job => queue(item, episode, "job.queue"),
        Kind::Deploy => queue(item, episode, "deploy.queue"),
        Kind::Issue => issue(item, episode, never),
        Kind::Sprint => Vec::new(),
    };
    stages.sort_by(|a, b| (a.start, a.end, a.name).cmp(&(b.start, b.end, b.name)));
    stages
        .into_iter()
        .map(|stage| (stage.end, stage))
        .map(|(end, stage)| (stage, (end < never).then_some(end)))
        .collect()
}

/// What an open item is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Current {
    /// A pull request that is a draft.
    Draft,
    /// A pull request that nobody but its author and bots has reviewed.
    Pickup,
    /// A pull request of which the last review was no approval.
    Review,
    /// A pull request that was approved last.
    Merge,
    /// An issue in this status of its workflow.
    Status(String),
    /// A run that was asked for, and of which no beginning was told.
    Queue,
    /// A run that began.
    Run,
}

/// What an open item is in, and since when, as far as that was told.
pub fn current(item: &Item) -> Option<(Current, Option<Time>)> {
    let episode = item.episodes().into_iter().last().filter(|last| last.end.is_none())?;
    match (item.key.kind(), &item.facts.life) {
        (Kind::PullRequest, _) => Some(reviewing(item)),
        (Kind::Issue, _) => {
            let stages = so_far(item, &episode, None);
            let (status, _) =
                stages.into_iter().rfind(|(s, end)| s.name == "issue.status" && end.is_none())?;
            match status.attributes.get(Attr::IssueStatus.name())? {
                Value::Str(name) => Some((Current::Status(name.clone()), Some(status.start))),
                _ => None,
            }
        }
        (Kind::Build | Kind::Job | Kind::Deploy, Life::Run(run)) => match (run.started, run.queued) {
            (None, Some(queued)) => Some((Current::Queue, Some(queued.at))),
            (started, _) => Some((Current::Run, started.map(|started| started.at))),
        },
        (Kind::Build | Kind::Job | Kind::Deploy | Kind::Sprint, _) => None,
    }
}

fn reviewing(item: &Item) -> (Current, Option<Time>) {
    if is_draft(item) {
        let drafted = item.facts.happenings.iter().filter(|h| h.what == What::ConvertedToDraft).last();
        return (Current::Draft, drafted.map(|h| h.at));
    }
    let last = by_others(item, What::Reviewed).filter(|h| h.detail.as_deref() != Some("commented")).last();
    match (last, reviewed(item)) {
        (Some(last), _) if last.detail.as_deref() == Some("approved") => (Current::Merge, Some(last.at)),
        (_, Some(reviewed)) => (Current::Review, Some(reviewed)),
        (_, None) => (Current::Pickup, ready(item)),
    }
}

fn stage(name: &'static str, part: &str, start: Option<Time>, end: Option<Time>) -> Option<Stage> {
    let (start, end) = (start?, end?);
    let stage = Stage { name, part: vec![part.to_owned()], start, end, attributes: Attributes::new() };
    (start <= end).then_some(stage)
}

/// Coding, pickup, review and merge. A review is first of all somebody's who is neither the author
/// nor a bot; of those only what came before the merge counts.
fn change(item: &Item, merged: Time, first_commit: Option<Time>) -> Vec<Stage> {
    let ready = ready(item);
    let reviewed = reviewed(item);
    let stages = [
        stage("pull_request.coding", "coding", first_commit, ready),
        stage("pull_request.pickup", "pickup", ready, reviewed.filter(|at| *at <= merged)),
        stage("pull_request.review", "review", reviewed, Some(merged)),
        stage("pull_request.merge", "merge", approved(item, merged), Some(merged)),
    ];
    stages.into_iter().flatten().collect()
}

/// From when a run was asked for until it began.
fn queue(item: &Item, episode: &Episode, name: &'static str) -> Vec<Stage> {
    let Life::Run(run) = &item.facts.life else { return Vec::new() };
    let queued = run.queued.map(|queued| queued.at).filter(|_| episode.start_known);
    let waited = queued.map(|queued| episode.start.since(queued));
    let believable = waited.is_some_and(|waited| (1..=LONGEST_QUEUE).contains(&waited));
    let start = queued.filter(|_| believable);
    stage(name, "queue", start, Some(episode.start)).into_iter().collect()
}

fn issue(item: &Item, episode: &Episode, end: Time) -> Vec<Stage> {
    let mut stages = statuses(item, episode, end);
    if episode.index == 0 && episode.start_known {
        let response = response(item).filter(|at| *at <= end);
        stages.extend(stage("issue.first_response", "first_response", Some(episode.start), response));
    }
    stages
}

/// The stays in each status, within the episode.
fn statuses(item: &Item, episode: &Episode, end: Time) -> Vec<Stage> {
    let moves: Vec<_> = item.facts.moves.iter().map(|(at, latest)| (*at, &latest.value)).collect();
    let category = |name: &str| -> Option<Category> {
        moves.iter().filter(|(_, step)| step.to == name).find_map(|(_, step)| step.category)
    };
    let mut stays: Vec<(Time, &str, Option<Category>)> = Vec::with_capacity(moves.len() + 1);
    if let Some((_, first)) = moves.first()
        && let Some(from) = &first.from
        && episode.start_known
    {
        stays.push((episode.start, from, category(from)));
    }
    stays
        .extend(moves.iter().map(|(at, step)| (*at, step.to.as_str(), step.category.or(category(&step.to)))));
    let ends = stays.iter().skip(1).map(|(at, ..)| *at).chain([end]).collect::<Vec<_>>();
    let stays = stays.into_iter().zip(ends).filter_map(|((began, name, category), until)| {
        let (start, until) = (began.max(episode.start), until.min(end));
        if start >= until {
            return None;
        }
        let mut stay = stage("issue.status", "status", Some(start), Some(until))?;
        // A stay is told by when it began: moves that come to be known later number nothing anew.
        stay.part.push(start.micros().to_string());
        stay.attributes.insert(Attr::IssueStatus.name().into(), name.into());
        if let Some(category) = category {
            stay.attributes.insert("issue.status.category".into(), category.as_str().into());
        }
        Some(stay)
    });
    stays.collect()
}

/// When a pull request was first ready for review. It was from the beginning, unless the first turn
/// that was told is that it became ready, or it is a draft and no turn was told. Of a turn each way
/// in one second, the one that tells of an opening as a draft is believed.
pub fn ready(item: &Item) -> Option<Time> {
    let opened = match &item.facts.life {
        Life::Cycle(cycle) => cycle.opened.map(|opened| opened.at),
        Life::Run(_) => None,
    };
    let first = |what: What| item.facts.happenings.iter().find(|h| h.what == what).map(|h| h.at);
    match (first(What::ReadyForReview), first(What::ConvertedToDraft)) {
        (Some(ready), Some(drafted)) if drafted < ready => opened,
        (Some(ready), _) => Some(ready),
        (None, None) if is_draft(item) => None,
        (None, _) => opened,
    }
}

fn is_draft(item: &Item) -> bool {
    let draft = item.facts.attrs.get(&Attr::ChangeDraft).map(|latest| &latest.value);
    matches!(draft, Some(Value::Bool(true)))
}

fn by_others(item: &Item, what: What) -> impl Iterator<Item = &Happening> {
    item.facts.happenings.iter().filter(move |h| h.what == what && h.role == Some(Role::Other))
}

/// The first review by a human who is not the author.
pub fn reviewed(item: &Item) -> Option<Time> {
    by_others(item, What::Reviewed).next().map(|h| h.at)
}

/// The last approval by a human who is not the author, before the merge.
pub fn approved(item: &Item, merged: Time) -> Option<Time> {
    let approvals = by_others(item, What::Reviewed).filter(|h| h.detail.as_deref() == Some("approved"));
    approvals.map(|h| h.at).filter(|at| *at <= merged).last()
}

/// The first comment by a human who is not the author.
pub fn response(item: &Item) -> Option<Time> {
    by_others(item, What::Commented).next().map(|h| h.at)
}

#[cfg(test)]
mod tests {
    use super::super::event::{Event, Move};
    use super::super::lattice::{Instant, Latest};
    use super::super::testing::{acme, at, cycle, item, key, run, stamp};
    use super::*;

    fn happened(event: &mut Event, seconds: i64, what: What, detail: &str, role: Role) {
        event.facts.happenings.insert(Happening {
            at: at(seconds),
            what,
            detail: Some(detail.to_owned()),
            role: Some(role),
            person: None,
        });
    }

    fn told(event: Event, first_commit: Option<i64>) -> Vec<(&'static str, i64, i64)> {
        let item = item(event);
        let seconds = |time: Time| time.since(at(0)) / 1_000_000;
        item.episodes()
            .iter()
            .flat_map(|episode| stages(&item, episode, first_commit.map(at)))
            .map(|stage| (stage.name, seconds(stage.start), seconds(stage.end)))
            .collect()
    }

    fn merged() -> Event {
        cycle(acme("pull_request/1"), 100, &[(500, Outcome::Merged)], &[])
    }

    #[test]
    fn a_reviewed_pull_request_has_all_stages() {
        let mut pull = merged();
        happened(&mut pull, 120, What::Reviewed, "commented", Role::Bot);
        happened(&mut pull, 130, What::Reviewed, "commented", Role::Author);
        happened(&mut pull, 200, What::Reviewed, "changes_requested", Role::Other);
        happened(&mut pull, 300, What::Reviewed, "approved", Role::Other);
        happened(&mut pull, 400, What::Reviewed, "approved", Role::Other);
        happened(&mut pull, 600, What::Reviewed, "approved", Role::Other);
        assert_eq!(
            told(pull, Some(40)),
            [
                ("pull_request.coding", 40, 100),
                ("pull_request.pickup", 100, 200),
                ("pull_request.review", 200, 500),
                ("pull_request.merge", 400, 500),
            ]
        );
    }

    #[test]
    fn an_open_pull_request_is_in_what_its_last_review_says() {
        let in_now = |change: &dyn Fn(&mut Event)| {
            let mut pull = cycle(acme("pull_request/1"), 100, &[], &[]);
            change(&mut pull);
            let (current, since) = current(&item(pull)).unwrap();
            (current, since.map(|since| since.since(at(0)) / 1_000_000))
        };
        assert_eq!(in_now(&|_| ()), (Current::Pickup, Some(100)));
        let reviews = |all: &'static [(i64, &'static str)]| {
            in_now(&|pull| {
                all.iter().for_each(|(at, word)| happened(pull, *at, What::Reviewed, word, Role::Other))
            })
        };
        assert_eq!(reviews(&[(200, "commented")]), (Current::Review, Some(200)));
        assert_eq!(reviews(&[(200, "approved"), (300, "commented")]), (Current::Merge, Some(200)));
        let again = [(200, "approved"), (300, "changes_requested")];
        assert_eq!(
            in_now(&|pull| again.iter().for_each(|(at, word)| happened(
                pull,
                *at,
                What::Reviewed,
                word,
                Role::Other
            ))),
            (Current::Review, Some(200))
        );
        let by_bot = |pull: &mut Event| happened(pull, 200, What::Reviewed, "approved", Role::Bot);
        assert_eq!(in_now(&by_bot), (Current::Pickup, Some(100)));
        let draft = |pull: &mut Event| pull.facts.attr(stamp(0), Attr::ChangeDraft, Some(true));
        assert_eq!(in_now(&draft), (Current::Draft, None));
        let merged = cycle(acme("pull_request/1"), 100, &[(200, Outcome::Merged)], &[]);
        assert_eq!(current(&item(merged)), None, "it is not open");
    }

    #[test]
    fn an_open_run_is_in_its_queue_until_its_beginning_is_told() {
        let mut queued = run(acme("build/1.1"), 100, None);
        let Life::Run(life) = &mut queued.facts.life else { unreachable!() };
        life.queued = Some(Instant::stated(at(60)));
        assert_eq!(current(&item(queued.clone())), Some((Current::Run, Some(at(100)))));
        let Life::Run(life) = &mut queued.facts.life else { unreachable!() };
        life.started = None;
        let told = current(&item(queued));
        assert!(matches!(told, None | Some((Current::Queue, Some(_)))), "{told:?}");
        assert_eq!(
            current(&item(cycle(acme("issue/1"), 0, &[], &[]))),
            None,
            "of no status nothing is known"
        );
    }

    #[test]
    fn what_is_not_known_or_in_the_wrong_order_is_no_stage() {
        assert_eq!(told(merged(), None), []);
        assert_eq!(told(merged(), Some(101)), [], "committed after it was ready");
        let mut late = merged();
        happened(&mut late, 600, What::Reviewed, "approved", Role::Other);
        assert_eq!(told(late, None), [], "reviewed after the merge");
        let mut closed = cycle(acme("pull_request/1"), 100, &[(500, Outcome::Closed)], &[]);
        happened(&mut closed, 200, What::Reviewed, "approved", Role::Other);
        assert_eq!(told(closed, Some(40)), [], "closed unmerged");
        let mut draft = merged();
        draft.facts.attr(stamp(0), Attr::ChangeDraft, Some(true));
        happened(&mut draft, 200, What::Reviewed, "commented", Role::Other);
        assert_eq!(told(draft, Some(40)), [("pull_request.review", 200, 500)], "a draft was never ready");
    }

    #[test]
    fn a_run_waits_in_its_queue() {
        let queued = |kind: &str, seconds: i64| {
            let mut build = run(acme(kind), 100, Some((200, Outcome::Failure)));
            let Life::Run(life) = &mut build.facts.life else { unreachable!() };
            life.queued = Some(Instant::stated(at(seconds)));
            told(build, None)
        };
        assert_eq!(queued("build/1.1", 60), [("build.queue", 60, 100)]);
        assert_eq!(queued("job/1", 60), [("job.queue", 60, 100)]);
        assert_eq!(queued("build/1.1", 100), [], "no wait is no stage");
        assert_eq!(queued("build/1.1", 130), [], "asked for after it began");
        assert_eq!(queued("build/1.1", -40 * 24 * 3600), [], "absurd");
    }

    fn moved(event: &mut Event, seconds: i64, from: Option<&str>, to: &str, category: Option<Category>) {
        let step = Move { from: from.map(str::to_owned), to: to.to_owned(), category };
        event.facts.moves.insert(at(seconds), Latest::new(stamp(seconds), step));
    }

    fn stays(event: Event) -> Vec<(i64, i64, String)> {
        let item = item(event);
        let text = |stage: &Stage, name: &str| match stage.attributes.get(name) {
            Some(Value::Str(text)) => text.clone(),
            _ => "?".to_owned(),
        };
        let seconds = |time: Time| time.since(at(0)) / 1_000_000;
        let all = item.episodes().into_iter().flat_map(|episode| stages(&item, &episode, None));
        let stays = all.filter(|stage| stage.name == "issue.status");
        stays
            .map(|stage| {
                let what =
                    format!("{} {}", text(&stage, "issue.status"), text(&stage, "issue.status.category"));
                (seconds(stage.start), seconds(stage.end), what)
            })
            .collect()
    }

    #[test]
    fn an_issue_stays_in_one_status_after_another_in_each_episode() {
        use Category::{Done, Indeterminate, New};
        let jira = key("jira:acme.atlassian.net/PROJ/issue/PROJ-1");
        let mut issue = cycle(jira, 0, &[(300, Outcome::Completed), (500, Outcome::Completed)], &[400]);
        moved(&mut issue, 100, Some("To Do"), "In Progress", Some(Indeterminate));
        moved(&mut issue, 300, Some("Review"), "Done", Some(Done));
        moved(&mut issue, 200, Some("In Progress"), "Review", None);
        moved(&mut issue, 400, Some("Done"), "To Do", Some(New));
        moved(&mut issue, 500, Some("To Do"), "Done", Some(Done));
        let expected = [
            (0, 100, "To Do new"),
            (100, 200, "In Progress indeterminate"),
            (200, 300, "Review ?"),
            (400, 500, "To Do new"),
        ];
        assert_eq!(stays(issue), expected.map(|(from, to, what)| (from, to, what.to_owned())));
    }

    #[test]
    fn the_first_response_is_the_first_comment_of_somebody_else() {
        let mut issue = cycle(acme("issue/1"), 0, &[(300, Outcome::Completed)], &[]);
        happened(&mut issue, 10, What::Commented, "", Role::Author);
        happened(&mut issue, 20, What::Commented, "", Role::Bot);
        assert_eq!(told(issue.clone(), None), []);
        happened(&mut issue, 301, What::Commented, "", Role::Other);
        assert_eq!(told(issue.clone(), None), [], "after the end");
        happened(&mut issue, 30, What::Commented, "", Role::Other);
        assert_eq!(told(issue, None), [("issue.first_response", 0, 30)]);
    }

    fn going_on(event: Event, first_commit: Option<i64>) -> Vec<(&'static str, i64, Option<i64>)> {
        let item = item(event);
        let seconds = |time: Time| time.since(at(0)) / 1_000_000;
        let all = item.episodes().into_iter();
        all.flat_map(|episode| so_far(&item, &episode, first_commit.map(at)))
            .map(|(stage, end)| (stage.name, seconds(stage.start), end.map(seconds)))
            .collect()
    }

    #[test]
    fn what_is_open_is_in_a_stage_that_goes_on() {
        let mut pull = cycle(acme("pull_request/1"), 100, &[], &[]);
        let pickup = |end| ("pull_request.pickup", 100, end);
        let coding = ("pull_request.coding", 40, Some(100));
        assert_eq!(going_on(pull.clone(), Some(40)), [coding, pickup(None)]);
        let mut draft = pull.clone();
        draft.facts.attr(stamp(0), Attr::ChangeDraft, Some(true));
        assert_eq!(going_on(draft, Some(40)), [("pull_request.coding", 40, None)]);
        happened(&mut pull, 200, What::Reviewed, "approved", Role::Other);
        let review = ("pull_request.review", 200, None);
        assert_eq!(going_on(pull, None), [pickup(Some(200)), review]);
        assert_eq!(going_on(merged(), Some(40)), [], "it is over");

        let mut issue = cycle(acme("issue/1"), 0, &[(50, Outcome::Completed)], &[60]);
        moved(&mut issue, 70, Some("To Do"), "Doing", None);
        assert_eq!(going_on(issue, None), [("issue.status", 60, Some(70)), ("issue.status", 70, None)]);
    }
}
