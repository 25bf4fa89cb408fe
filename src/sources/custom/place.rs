//! Which item a custom event means, and which its parent is.

use crate::sources::url;
use crate::work::event::{Ref, Target};
use crate::work::key::{Key, Kind, MAX_LEN, Source};
use crate::work::mention;

const HOST: &str = "local";
const PROJECT: &str = "default";

/// How many ways of reading a token are tried.
const MAX_READINGS: usize = 3;

/// Where an item stands: `host/project…`, or a project alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Namespace {
    pub(super) host: String,
    pub(super) project: String,
}

impl Namespace {
    /// From `host/project…`, `project`, an address, or nothing.
    pub(super) fn of(text: &str) -> Self {
        let address = url::split(text);
        let path = address.as_ref().map_or(text, |address| address.path);
        let mut segments: Vec<&str> =
            path.split('/').map(str::trim).filter(|part| !part.is_empty()).collect();
        let host = match address {
            Some(address) => address.host,
            // Nothing before an @ is kept: it could be a password.
            None if segments.len() > 1 => {
                segments.remove(0).rsplit('@').next().unwrap_or_default().to_owned()
            }
            None => String::new(),
        };
        let or = |text: String, other: &str| if text.is_empty() { other.to_owned() } else { text };
        Self { host: or(host, HOST), project: or(segments.join("/"), PROJECT) }
    }

    /// The last part of the project, by which tokens name it.
    pub(super) fn last(&self) -> &str {
        self.project.rsplit('/').next().unwrap_or(&self.project)
    }

    /// The whole, as references to names within it have it.
    pub(super) fn whole(&self) -> String {
        format!("{}/{}", self.host, self.project)
    }

    pub(super) fn key(&self, kind: &Type<'_>, id: &str) -> Option<Key> {
        Key::new(Source::Custom, &self.host, &self.project, kind.kind(), &kind.id(id))
            .ok()
            .filter(|_| !id.is_empty())
    }
}

/// The type of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Type<'a> {
    /// A kind of item.
    Known(Kind),
    /// Anything else is a job, with the type before its id: two types may count alike.
    Other(&'a str),
}

/// The kinds, in the words that are used for them.
const KINDS: [(&str, Kind); 10] = [
    ("pull_request", Kind::PullRequest),
    ("pull-request", Kind::PullRequest),
    ("pullrequest", Kind::PullRequest),
    ("deployment", Kind::Deploy),
    ("deploy", Kind::Deploy),
    ("sprint", Kind::Sprint),
    ("issue", Kind::Issue),
    ("build", Kind::Build),
    ("job", Kind::Job),
    ("pr", Kind::PullRequest),
];

impl<'a> Type<'a> {
    pub(super) fn of(word: &'a str) -> Self {
        known(word).map_or(Type::Other(word), Type::Known)
    }

    pub(super) fn kind(&self) -> Kind {
        match self {
            Type::Known(kind) => *kind,
            Type::Other(_) => Kind::Job,
        }
    }

    fn id(&self, id: &str) -> String {
        match self {
            Type::Known(_) => id.to_owned(),
            Type::Other(word) => format!("{word}:{id}"),
        }
    }
}

fn known(word: &str) -> Option<Kind> {
    KINDS.iter().find(|(name, _)| name.eq_ignore_ascii_case(word)).map(|(_, kind)| *kind)
}

/// What `parent` means: a whole key, a `vstrace-…` token, `kind/id` in the same namespace, or an id
/// there, whatever its kind.
pub(super) fn parent(text: &str, near: &Namespace) -> Vec<Target> {
    let text = text.trim();
    // What is longer than any key names nothing.
    if text.is_empty() || text.len() > MAX_LEN {
        return Vec::new();
    }
    if let Ok(key) = text.parse() {
        return vec![Target::Key(key)];
    }
    if let Some(rest) = after(text, "vstrace-") {
        let own = ["customhttp-", "custom-"].iter().find_map(|source| after(rest, source));
        return own.map_or_else(|| mention::trace_parameter(text), |rest| token(rest, near));
    }
    if let Some((word, id)) = text.split_once('/')
        && let Some(kind) = known(word)
    {
        return near.key(&Type::Known(kind), id).map(Target::Key).into_iter().collect();
    }
    // Also `type/id` of a type that is no kind: every event tells both.
    vec![Target::Ref(Ref::named(&near.whole(), text))]
}

fn after<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let (head, rest) = text.split_at_checked(prefix.len())?;
    head.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// A token after its source: `{type}-{namespace}-{id}`, where each of the three can have dashes. In
/// the namespace at hand it is read exactly; else the shortest ids are tried first.
fn token(text: &str, near: &Namespace) -> Vec<Target> {
    let types = KINDS.iter().filter_map(|(word, kind)| {
        let rest = after(text, word)?.strip_prefix('-')?;
        Some((Type::Known(*kind), rest))
    });
    let other = text.split_once('-').map(|(word, rest)| (Type::of(word), rest));
    let Some((kind, rest)) = types.max_by_key(|(_, rest)| std::cmp::Reverse(rest.len())).or(other) else {
        return Vec::new();
    };
    let here = [near.whole(), near.project.clone(), near.last().to_owned()];
    let id = here.iter().find_map(|name| after(rest, name)?.strip_prefix('-'));
    if let Some(key) = id.and_then(|id| near.key(&kind, id)) {
        return vec![Target::Key(key)];
    }
    let readings = rest.rmatch_indices('-').map(|(at, _)| (&rest[..at], &rest[at + 1..]));
    readings
        .filter(|(name, id)| !name.is_empty() && !id.is_empty())
        .take(MAX_READINGS)
        .map(|(name, id)| Target::Token {
            project: Ref::project(Source::Custom, name.rsplit('/').next().unwrap_or(name)),
            kind: kind.kind(),
            id: kind.id(id),
        })
        .collect()
}
