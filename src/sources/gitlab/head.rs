//! What a pipeline or a job was made from: a commit of a branch, a tag or a merge request.

use super::payload::Text;
use super::scene::{Scene, relate};
use crate::work::attr::Attr;
use crate::work::event::{Facts, Ref, Relation, Target};
use crate::work::key::{Key, Kind};
use crate::work::lattice::Stamp;

/// What was built.
pub(super) struct Head<'a> {
    /// The commit.
    pub(super) sha: Option<&'a Text<'a>>,
    /// The branch, the tag or the merge request's own ref.
    pub(super) name: Option<&'a Text<'a>>,
    pub(super) tag: bool,
    /// Whether the branch is one of this project, not of a fork.
    pub(super) own: bool,
    /// The merge request that is named, if any.
    pub(super) merge_request: Option<Key>,
}

impl Head<'_> {
    /// The branch's or tag's name. A merge request's own ref is none.
    fn name(&self) -> Option<&str> {
        let name = self.name.map(|name| &**name).filter(|name| !name.is_empty())?;
        if name.starts_with("refs/merge-requests/") { None } else { Some(name) }
    }

    /// The number in `refs/merge-requests/12/head` (`merge` and `train` as well).
    fn merge_request_number(&self) -> Option<u64> {
        let rest = self.name?.strip_prefix("refs/merge-requests/")?;
        let (number, _) = rest.split_once('/')?;
        number.parse().ok().filter(|number| *number > 0)
    }

    /// Says it in attributes.
    pub(super) fn describe(&self, facts: &mut Facts, stamp: Stamp) {
        facts.attr(stamp, Attr::RefHeadRevision, self.sha.map(|sha| &**sha));
        if let Some(name) = self.name() {
            facts.attr(stamp, Attr::RefHeadName, Some(name));
            facts.attr(stamp, Attr::RefHeadType, Some(if self.tag { "tag" } else { "branch" }));
        }
    }

    /// Says what the item belongs to by it. Silence means nothing: what was named once stays named.
    pub(super) fn relate(&self, facts: &mut Facts, stamp: Stamp, scene: &Scene<'_, '_>) {
        let numbered = || {
            let number = self.merge_request_number()?.to_string();
            scene.key(Kind::PullRequest, &number).ok()
        };
        let change = self.merge_request.clone().or_else(numbered);
        relate(facts, stamp, Relation::PullRequest, change.map(Target::Key).into_iter().collect());
        let commit = self.sha.and_then(|sha| Ref::commit(sha));
        relate(facts, stamp, Relation::Commit, commit.map(Target::Ref).into_iter().collect());
        let Some(name) = self.name() else { return };
        if self.tag {
            let tag = scene.tag(name).map(Target::Ref);
            relate(facts, stamp, Relation::Release, tag.into_iter().collect());
        } else if self.own {
            let branch = scene.branch(&scene.path, name).map(Target::Ref);
            relate(facts, stamp, Relation::Branch, branch.into_iter().collect());
        }
    }
}
