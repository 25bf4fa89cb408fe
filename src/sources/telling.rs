//! What the sources share in telling what a payload says: times that may be implausible, texts that
//! are kept short, what texts name, and what a push says to the index of references.

use std::collections::BTreeMap;

use super::json::Text;
use super::{Context, ParseError, url};
use crate::work::attr::clipped;
use crate::work::convention::{Found, Spot};
use crate::work::event::{Facts, Flaw, Pointer, Ref, Relation, Said, Target};
use crate::work::key::{Kind, Source};
use crate::work::lattice::Stamp;
use crate::work::mention::Near;
use crate::work::tags::DEPLOY_FLAGS;
use crate::work::time::Time;

/// How many references a push may add.
pub(super) const MAX_REFS: usize = 512;

/// An optional time; one that no sender can mean is passed over, and counted.
pub(super) fn time(said: &mut Said, text: Option<&Text<'_>>) -> Option<Time> {
    let text = text.filter(|text| !text.is_empty())?;
    let time = Time::parse(text);
    if time.is_none() {
        said.flaw(Flaw::ImplausibleTime);
    }
    time
}

/// A time that the event cannot do without.
pub(super) fn needed(path: &str, text: Option<&Text<'_>>) -> Result<Time, ParseError> {
    let text = text.ok_or_else(|| ParseError::missing(path))?;
    Time::parse(text).ok_or_else(|| ParseError::time(path))
}

/// A text that is kept, cut to a bearable length.
pub(super) fn clip(text: &str) -> String {
    clipped(text).to_owned()
}

/// An address, if a browser may follow it.
pub(super) fn link<'a>(address: Option<&'a Text<'_>>) -> Option<&'a str> {
    address.and_then(|address| url::web(address))
}

/// Says what an item points at, if it is anything. For runs, silence means nothing: when a run
/// ends, GitHub no longer names the pull request that was merged meanwhile.
pub(super) fn relate(facts: &mut Facts, stamp: Stamp, relation: Relation, targets: Vec<Target>) {
    if !targets.is_empty() {
        facts.relate(stamp, relation, targets);
    }
}

/// Of a run's parameters those that can become tags, and of a deploy's its flags; of one name the
/// last.
pub(super) fn parameters<'t>(
    context: &Context<'_>,
    kind: Kind,
    texts: impl Iterator<Item = (&'t str, &'t str)>,
) -> Option<BTreeMap<String, String>> {
    let kept = |name: &str| {
        let flag = || DEPLOY_FLAGS.iter().any(|flag| name.eq_ignore_ascii_case(flag));
        context.tagger.key_of(name).is_some() || (kind == Kind::Deploy && flag())
    };
    let kept: BTreeMap<_, _> =
        texts.filter(|(name, _)| kept(name)).map(|(name, value)| (name.to_owned(), clip(value))).collect();
    (!kept.is_empty()).then_some(kept)
}

/// What a job does, as far as its name or stage tells in whole words.
pub(super) fn task_type(name: &str) -> Option<&'static str> {
    let has = |words: &[&str]| {
        name.split(|c: char| !c.is_alphanumeric())
            .any(|part| words.iter().any(|word| part.eq_ignore_ascii_case(word)))
    };
    if has(&["deploy", "deployment", "release", "publish"]) {
        Some("deploy")
    } else if has(&["test", "tests", "testing", "e2e", "unit", "integration"]) {
        Some("test")
    } else if has(&["build", "compile", "package"]) {
        Some("build")
    } else {
        None
    }
}

/// What some texts say that an item of `source` belongs to; it stands in the repository `near`.
pub(super) fn found(
    context: &Context<'_>,
    source: Source,
    near: Near<'_>,
    texts: &[(Spot<'_>, Option<&Text<'_>>)],
) -> Found {
    let texts: Vec<(Spot<'_>, &str)> =
        texts.iter().filter_map(|(spot, text)| Some((*spot, &***text.as_ref()?))).collect();
    context.conventions.read(source, Some(near), &texts)
}

/// A commit of a push that is the pushed branch's own.
pub(super) struct Pushed<'a, 'p> {
    /// When it was made.
    pub(super) made: Option<&'p Text<'a>>,
    /// What its message names.
    pub(super) found: Found,
}

/// What a push itself says, for the change whose head it became: the push before, when the first of
/// its commits was made, and what their messages name.
pub(super) fn push(said: &mut Said, after: Option<&str>, before: Option<&str>, commits: Vec<Pushed<'_, '_>>) {
    let Some(push) = after.and_then(Ref::push) else { return };
    // The first push of a branch came after none: a commit of zeros, which is no reference.
    if let Some(before) = before.and_then(Ref::push) {
        said.point(Some(push.clone()), &Pointer::Ref(before));
    }
    let mut first = None;
    for commit in &commits {
        first = [first, time(said, commit.made)].into_iter().flatten().min();
    }
    if let Some(first) = first {
        said.point(Some(push.clone()), &Pointer::Moment(first));
    }
    for target in commits.into_iter().flat_map(|c| c.found.rules.into_iter().chain(c.found.issue_keys)) {
        let pointer = match target {
            Target::Key(key) | Target::Hint(key) => Pointer::Item(key),
            Target::Ref(reference) => Pointer::Ref(reference),
            Target::Token { .. } => continue,
        };
        if said.refs.len() < MAX_REFS {
            said.point(Some(push.clone()), &pointer);
        }
    }
}
