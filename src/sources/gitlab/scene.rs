//! What every hook of GitLab needs: the project it is about and its host, keys within it, times
//! that may be implausible, and the facts that any item has from its project.

use std::collections::BTreeSet;

use super::payload::{Id, Label, Project, Repository, Text, User};
pub(super) use crate::sources::telling::{clip, link, needed, relate};
use crate::sources::{Context, ParseError, Parsed, telling, url};
use crate::work::attr::Attr;
use crate::work::convention::{Found, Spot};
use crate::work::event::{Event, Facts, Flaw, Pointer, Ref, Role, Said};
use crate::work::key::{Key, Kind, Source};
use crate::work::lattice::{BOUND, Stamp};
use crate::work::mention::{self, Near};
use crate::work::time::Time;

/// The host if nothing names one.
const HOST: &str = "gitlab.com";

/// An event being told: where it happened, and what is said so far.
pub(super) struct Scene<'a, 'c> {
    /// GitLab's host, with its port if it is not the usual one.
    pub(super) host: String,
    /// The path below which GitLab lies on its host: `/gitlab`, or nothing.
    pub(super) root: String,
    /// The project's path with all its groups.
    pub(super) path: String,
    /// The project's id in GitLab.
    pub(super) id: Option<Id>,
    /// Where people look at the project.
    address: Option<&'a str>,
    default_branch: Option<&'a str>,
    pub(super) context: &'a Context<'c>,
    pub(super) said: Said,
}

impl<'a, 'c> Scene<'a, 'c> {
    /// The scene of a project, which may be named in one of two ways. `other` is any address of
    /// this GitLab, for payloads whose project has none; `instance` is the header's.
    pub(super) fn new(
        project: Option<&'a Project<'_>>,
        repository: Option<&'a Repository<'_>>,
        other: Option<&'a Text<'_>>,
        instance: Option<&str>,
        context: &'a Context<'c>,
    ) -> Result<Self, ParseError> {
        let of_project = |field: for<'p> fn(&'p Project<'_>) -> Option<&'p Text<'p>>| {
            project.and_then(field).map(|text| &**text)
        };
        let of_repository = |field: for<'p> fn(&'p Repository<'_>) -> Option<&'p Text<'p>>| {
            repository.and_then(field).map(|text| &**text)
        };
        let pages = [of_project(|p| p.web_url.as_ref()), of_repository(|r| r.homepage.as_ref())];
        let clones = [
            of_project(|p| p.http_url.as_ref()),
            of_project(|p| p.git_http_url.as_ref()),
            of_repository(|r| r.git_http_url.as_ref()),
        ];
        let addresses = pages.into_iter().chain(clones).chain([other.map(|other| &**other), instance]);
        let host = addresses.flatten().find_map(url::split).map(|address| address.host);

        let page = pages.into_iter().flatten().find_map(url::web);
        let below = page.and_then(url::split).map(|address| address.path.trim_end_matches('/'));
        let named =
            of_project(|p| p.path_with_namespace.as_ref()).map(|path| path.trim_matches('/').to_owned());
        let path = named
            .or_else(|| {
                // An ssh address has the path alone, also where the web's lies below another.
                let ssh = [
                    of_project(|p| p.git_ssh_url.as_ref()),
                    of_repository(|r| r.git_ssh_url.as_ref()),
                    of_repository(|r| r.url.as_ref()),
                ];
                ssh.into_iter().flatten().find_map(url::clone_address).map(|address| address.path)
            })
            .or_else(|| below.map(|path| path.trim_matches('/').to_owned()))
            .filter(|path| !path.is_empty())
            .ok_or_else(|| ParseError::missing("project.path_with_namespace"))?;
        let root = below
            .and_then(|below| below.strip_suffix(path.as_str()))
            .map_or("", |root| root.trim_end_matches('/'))
            .to_owned();
        let default_branch = of_project(|p| p.default_branch.as_ref()).filter(|branch| !branch.is_empty());
        let id = project.and_then(|project| project.id);
        let host = host.unwrap_or_else(|| HOST.to_owned());
        Ok(Self { host, root, path, id, address: page, default_branch, context, said: Said::default() })
    }

    /// The key of something in this project.
    pub(super) fn key(&self, kind: Kind, id: &str) -> Result<Key, ParseError> {
        self.key_in(&self.path, kind, id)
    }

    /// The key of something in a project of this GitLab.
    pub(super) fn key_in(&self, project: &str, kind: Kind, id: &str) -> Result<Key, ParseError> {
        self.key_at(&self.host, project, kind, id)
    }

    /// The key of something in a project of a host.
    pub(super) fn key_at(&self, host: &str, project: &str, kind: Kind, id: &str) -> Result<Key, ParseError> {
        Key::new(Source::Gitlab, host, project, kind, id)
            .map_err(|error| ParseError::field("project.path_with_namespace", error.to_string()))
    }

    /// An address below the project's own.
    pub(super) fn page(&self, rest: std::fmt::Arguments<'_>) -> Option<String> {
        self.address.map(|address| format!("{}/-/{rest}", address.trim_end_matches('/')))
    }

    /// An optional time; one that no sender can mean is passed over, and counted.
    pub(super) fn time(&mut self, text: Option<&Text<'_>>) -> Option<Time> {
        telling::time(&mut self.said, text)
    }

    /// Counts what had to be mended.
    pub(super) fn flaw(&mut self, flaw: Flaw) {
        self.said.flaw(flaw);
    }

    /// What any item has from its project. The name is the path's: the other is for display.
    pub(super) fn describe_repository(&self, facts: &mut Facts, stamp: Stamp) {
        let (owner, name) = self.path.rsplit_once('/').unwrap_or(("", &self.path));
        facts.attr(stamp, Attr::RepositoryUrl, self.address);
        facts.attr(stamp, Attr::RepositoryName, Some(name));
        facts.attr(stamp, Attr::OwnerName, Some(owner));
        facts.attr(stamp, Attr::ProviderName, Some(Source::Gitlab.as_str()));
    }

    /// The project's name: the last part of its path.
    pub(super) fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// A login, if people are kept.
    pub(super) fn person(&self, user: Option<&User<'_>>) -> Option<String> {
        let login = user.filter(|_| self.context.people)?.username.as_deref()?;
        (!login.is_empty()).then(|| clip(login))
    }

    /// Whether a branch is the project's default one, if it says which that is.
    pub(super) fn is_default(&self, branch: &str) -> Option<bool> {
        self.default_branch.map(|default| default == branch)
    }

    /// The branch that builds and pushes belong to a merge request by. The default branch is
    /// nobody's: whoever opened a merge request from it would own all builds of it.
    pub(super) fn branch(&self, project: &str, branch: &str) -> Option<Ref> {
        let main = project.eq_ignore_ascii_case(&self.path) && self.is_default(branch) == Some(true);
        if main { None } else { Ref::branch(&self.host, project, branch) }
    }

    /// A tag of this project.
    pub(super) fn tag(&self, tag: &str) -> Option<Ref> {
        Ref::tag(&self.host, &self.path, tag)
    }

    /// The issues that a text closes by GitLab's pattern.
    pub(super) fn closing(&self, text: &str) -> Vec<Key> {
        mention::closing_gitlab(text, &self.host, &self.root, &self.path)
    }

    /// What some texts say that an item belongs to.
    pub(super) fn found(&self, texts: &[(Spot<'_>, Option<&Text<'_>>)]) -> Found {
        let near = Near { source: Source::Gitlab, host: &self.host, project: &self.path };
        telling::found(self.context, Source::Gitlab, near, texts)
    }

    /// Tells the index of references where something is found.
    pub(super) fn point(&mut self, reference: Option<Ref>, pointer: &Pointer) {
        self.said.point(reference, pointer);
    }

    /// Tells where this project is, for tokens, which know only its last name.
    pub(super) fn point_at_project(&mut self) {
        let pointer = Pointer::Project(self.host.clone(), self.path.clone());
        self.point(Some(Ref::project(Source::Gitlab, self.name())), &pointer);
    }

    /// All that was said, with one last event.
    pub(super) fn told(mut self, key: Key, facts: Facts) -> Result<Parsed, ParseError> {
        self.said.events.push(Event { key, facts });
        Ok(Parsed::Used(self.said))
    }
}

/// The titles of labels as a set. A scoped label, `team::payments`, stays as it is.
pub(super) fn titles(labels: &[Label<'_>]) -> BTreeSet<String> {
    labels.iter().take(BOUND).filter_map(|label| label.title.as_deref()).map(clip).collect()
}

/// In what part somebody acted on what `author` had opened. Old versions give no ids of people.
pub(super) fn role(id: Option<Id>, username: Option<&Text<'_>>, author: Option<Id>) -> Option<Role> {
    if id.is_some() && id == author {
        return Some(Role::Author);
    }
    if username.is_some_and(|username| is_bot(username)) {
        return Some(Role::Bot);
    }
    (id.is_some() && author.is_some()).then_some(Role::Other)
}

/// Whether a username is that of a program: GitLab's payloads do not say it otherwise. Access
/// tokens act as `project_12_bot_…` and `group_12_bot_…`, service accounts as `service_account_…`.
fn is_bot(username: &str) -> bool {
    let name = username.to_ascii_lowercase();
    let token = ["project_", "group_"].iter().any(|kind| {
        name.strip_prefix(kind)
            .is_some_and(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with("_bot"))
    });
    token
        || name.starts_with("service_account_")
        || ["-bot", "_bot", "[bot]"].iter().any(|end| name.ends_with(end))
}
