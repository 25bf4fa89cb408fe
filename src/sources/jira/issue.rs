//! `jira:issue_created`, `jira:issue_updated`, `jira:issue_deleted` and `comment_created`: what an
//! issue's snapshot says, and what the changelog beside it says happened.

use std::collections::BTreeSet;

use super::changes::Changes;
use super::custom::{SprintState, SprintValue};
use super::fields::Fields;
use super::payload::{Comment, IssueType, Message, Named, OtherIssue, User};
use super::scene::{IssueCode, Scene, unset};
use super::{Event, life};
use crate::sources::{Context, ParseError, Parsed};
use crate::work::attr::{Attr, clipped};
use crate::work::event::{Category, Cycle, Facts, Pointer, Ref, Relation, Role, Target, What};
use crate::work::key::Source;
use crate::work::lattice::{BOUND, Instant, Latest, Stamp};
use crate::work::mention::MAX_MENTIONS;

/// What stands before a component's name to make it a label.
const COMPONENT: &str = "component/";

/// What the other side of a blocking link is to this one.
const BLOCKED_BY: &str = "is blocked by";

/// Says what an issue's delivery says.
pub(super) fn said(event: Event, message: &Message<'_>, context: &Context<'_>) -> Result<Parsed, ParseError> {
    let issue = message.issue.as_ref().ok_or_else(|| ParseError::missing("issue"))?;
    let mut scene = Scene::new(message, context, "issue.self", &issue.address)?;
    let code = IssueCode::parse(&issue.key)
        .ok_or_else(|| ParseError::field("issue.key", "is not an issue's key such as PROJ-12"))?;
    let key = scene.issue_key(&code)?;
    let none = Fields::default();
    let fields = match (&issue.fields, event) {
        (Some(fields), _) => fields,
        (None, Event::IssueCreated | Event::IssueUpdated) => return Err(ParseError::missing("issue.fields")),
        (None, _) => &none,
    };
    let items = message.changelog.as_ref().and_then(|changelog| changelog.items.as_deref());
    let changes = Changes::new(items.unwrap_or_default());
    let updated = scene.time(fields.updated.as_ref());
    let stamp = Stamp::stated(updated.or(scene.now), 0);

    let told = life::told(event, fields, changes, stamp, &mut scene)?;
    let mut facts = Facts::cycle(told.cycle);
    facts.moves = told.moves;
    describe(&mut facts, stamp, &code, fields, changes, &scene);
    if event != Event::CommentCreated {
        relate(&mut facts, stamp, fields, changes, &scene);
        changes.happened(&mut facts, scene.now.or(updated), fields, &scene);
    }
    if let Some(comment) = message.comment.as_ref().filter(|comment| told_here(event, comment)) {
        let at = scene.time(comment.created.as_ref()).or(scene.now);
        let author = comment.author.as_ref();
        let role = author.and_then(|author| role(author, fields));
        facts.happened(at, What::Commented, None, role, scene.person(author));
    }

    let item = Pointer::Item(key.clone());
    if let Some((old, new)) = changes.rekeyed().filter(|_| event == Event::IssueUpdated) {
        moved_away(old, new, &item, &mut scene)?;
    }
    scene.point(Ref::issue_key(&code.text), item);
    let project = Pointer::Project(scene.host.clone(), code.project().to_owned());
    scene.point(Ref::project(Source::Jira, code.project()), project);
    scene.tell(key, facts);
    scene.told()
}

/// Whether a comment is to be told by this delivery. Cloud sends a message of its own with each;
/// Data Center's has no issue, but there the issue's own has the comment.
fn told_here(event: Event, comment: &Comment<'_>) -> bool {
    let cloud = comment.author.as_ref().is_some_and(|author| author.account.is_some());
    match event {
        Event::CommentCreated => true,
        Event::IssueUpdated => !cloud,
        _ => false,
    }
}

/// An issue that was moved to another project: its old key names it no longer.
fn moved_away(old: &str, new: &str, to: &Pointer, scene: &mut Scene<'_, '_>) -> Result<(), ParseError> {
    let (Some(old), Some(new)) = (IssueCode::parse(old), scene.other_issue(Some(new))) else { return Ok(()) };
    let key = scene.issue_key(&old)?;
    if key == new {
        return Ok(());
    }
    let at = scene.needed_now()?;
    let cycle = Cycle { withdrawn: Some(Instant::stated(at)), ..Cycle::default() };
    let mut facts = Facts::cycle(cycle);
    let person = scene.person(scene.message.user.as_ref());
    facts.happened(Some(at), What::Transferred, Some(new.as_str()), None, person);
    scene.point(Ref::issue_key(&old.text), to.clone());
    scene.tell(key, facts);
    Ok(())
}

fn describe(
    facts: &mut Facts,
    stamp: Stamp,
    code: &IssueCode,
    fields: &Fields<'_>,
    changes: Changes<'_>,
    scene: &Scene<'_, '_>,
) {
    facts.attr(stamp, Attr::IssueKey, Some(code.text.as_str()));
    facts.attr(stamp, Attr::IssueNumber, Some(code.number));
    facts.attr(stamp, Attr::IssueTitle, fields.summary.as_deref());
    facts.attr(stamp, Attr::IssueUrl, scene.browse(code));
    facts.attr(stamp, Attr::IssueType, fields.issuetype.as_ref().and_then(|kind| kind.name.as_deref()));
    facts.attr(stamp, Attr::IssuePriority, named(fields.priority.as_ref()));
    let status = fields.status.as_ref();
    facts.attr(stamp, Attr::IssueStatus, status.and_then(|status| status.name.as_deref()));
    let category =
        status.and_then(|status| status.category.as_ref()).and_then(|category| category.key.as_deref());
    match sprint(fields, category == Some(Category::Done.as_str())) {
        Some(sprint) => facts.attr(stamp, Attr::IssueSprint, Some(sprint.name)),
        None if changes.sprint() => unset(facts, stamp, Attr::IssueSprint),
        None => {}
    }
    match fields.fix_versions.as_deref().and_then(|versions| named(versions.first())) {
        Some(version) => facts.attr(stamp, Attr::IssueMilestone, Some(version)),
        None if changes.fix_versions() => unset(facts, stamp, Attr::IssueMilestone),
        None => {}
    }
    facts.attr(stamp, Attr::UserName, scene.person(fields.creator.as_ref().or(fields.reporter.as_ref())));

    let labels = fields.labels.as_deref();
    let components = fields.components.as_deref();
    if labels.is_some() || components.is_some() {
        let labels = labels.unwrap_or_default().iter().map(|label| clipped(label).to_owned());
        let components = components.unwrap_or_default().iter().filter_map(|component| named(Some(component)));
        let components = components.map(|name| clipped(&format!("{COMPONENT}{name}")).to_owned());
        let all: BTreeSet<String> = labels.chain(components).take(BOUND).collect();
        facts.marks.labels = Some(Latest::new(stamp, all));
    }
    // A custom field is nothing to slice by unless the configuration names it.
    let mut own =
        fields.custom.iter().filter(|(name, _)| scene.context.tagger.key_of(name).is_some()).peekable();
    if own.peek().is_some() {
        let values =
            own.filter_map(|(name, value)| Some((name.0.to_string(), clipped(value.value()?).to_owned())));
        facts.marks.properties = Some(Latest::new(stamp, values.collect()));
    }
}

/// The sprint that it is in: the active one; of an issue that is done also the last that was closed.
fn sprint<'f>(fields: &'f Fields<'_>, done: bool) -> Option<SprintValue<'f>> {
    let last = |state: SprintState| {
        fields
            .sprints()
            .filter(|sprint| sprint.state == state && !sprint.name.is_empty())
            .max_by_key(|sprint| sprint.id)
    };
    last(SprintState::Active).or_else(|| if done { last(SprintState::Closed) } else { None })
}

fn named<'f>(named: Option<&'f Named<'_>>) -> Option<&'f str> {
    named.and_then(|named| named.name.as_deref()).filter(|name| !name.is_empty())
}

/// Says what it is linked to. All of it are links, never parents: an issue is a root.
fn relate(facts: &mut Facts, stamp: Stamp, fields: &Fields<'_>, changes: Changes<'_>, scene: &Scene<'_, '_>) {
    let sprints = fields.sprints().filter_map(|sprint| scene.sprint_key(sprint.id).ok());
    facts.relate(stamp, Relation::Sprint, targets(sprints));
    // A payload without a parent is silent about it, unless it is the change that it tells.
    let parent = fields.parent.as_ref();
    if parent.is_some() || changes.parent() {
        let of = |wanted: bool| {
            let parent = parent.filter(|parent| is_epic(parent) == wanted);
            parent.and_then(|parent| scene.other_issue(parent.key.as_deref()))
        };
        let linked = changes.epic_link(fields).filter(|_| parent.is_none());
        let epic = of(true).or_else(|| scene.other_issue(linked));
        facts.relate(stamp, Relation::Epic, targets(epic));
        facts.relate(stamp, Relation::PartOf, targets(of(false)));
    }
    if let Some(links) = &fields.links {
        let blocked = links.iter().flat_map(|link| {
            let kind = link.kind.as_ref();
            let sides = [
                (kind.and_then(|kind| kind.inward.as_deref()), link.inward.as_ref()),
                (kind.and_then(|kind| kind.outward.as_deref()), link.outward.as_ref()),
            ];
            sides.into_iter().filter_map(|(name, other)| {
                let blocks = name.is_some_and(|name| name.eq_ignore_ascii_case(BLOCKED_BY));
                scene.other_issue(other.filter(|_| blocks)?.key.as_deref())
            })
        });
        facts.relate(stamp, Relation::BlockedBy, targets(blocked));
    }
}

fn targets(keys: impl IntoIterator<Item = crate::work::key::Key>) -> Vec<Target> {
    let mut targets = Vec::new();
    for key in keys {
        let target = Target::Key(key);
        if targets.len() < MAX_MENTIONS && !targets.contains(&target) {
            targets.push(target);
        }
    }
    targets
}

fn is_epic(parent: &OtherIssue<'_>) -> bool {
    let kind = parent.fields.as_ref().and_then(|fields| fields.issuetype.as_ref());
    kind.is_some_and(|IssueType { name, level }| match level {
        Some(level) => level.0 >= 1,
        None => name.as_deref().is_some_and(|name| name.eq_ignore_ascii_case("epic")),
    })
}

/// In what part somebody commented. Cloud's comments may not say whose the issue is; then it is not
/// known whether it was the author.
fn role(who: &User<'_>, fields: &Fields<'_>) -> Option<Role> {
    let id = |user: &User<'_>| {
        let ids = [&user.account, &user.key, &user.name];
        ids.into_iter().flatten().find(|id| !id.is_empty()).map(|id| id.0.to_string())
    };
    let authors = [&fields.creator, &fields.reporter];
    let author = id(who)
        .is_some_and(|who| authors.into_iter().flatten().any(|author| id(author).as_ref() == Some(&who)));
    match who.kind.as_deref() {
        _ if author => Some(Role::Author),
        Some("app") => Some(Role::Bot),
        _ if authors.iter().all(|author| author.is_none()) => None,
        _ => Some(Role::Other),
    }
}
