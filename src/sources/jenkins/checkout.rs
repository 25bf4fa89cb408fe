//! What a build was made from, or what a deploy deploys: repository, branch, commit and tag, as the
//! checkout has them, and as the parameters name them. The GitHub Pull Request Builder and the
//! GitLab plugin say by parameters what they build; people do with parameters of their own.

use std::sync::LazyLock;

use regex::Regex;

use super::Scm;
use crate::sources::json::Free;
use crate::sources::url::{self, CloneAddress};
use crate::work::event::{Ref, Target};
use crate::work::key::{Key, Kind, Source};
use crate::work::mention::Near;

/// The name of a multibranch project's job for a pull request, or GitLab's merge request.
#[expect(clippy::expect_used, reason = "a constant pattern, compiled by the tests")]
static CHANGE_JOB: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new("^(PR|MR)-([0-9]{1,10})(?:-merge|-head)?$").expect("the pattern of change jobs is valid")
});

/// Parameters of people's own that name a commit, a repository, a branch, a tag; in any case.
const COMMITS: [&str; 5] = ["git_commit", "commit", "sha", "git_sha", "revision"];
const REPOSITORIES: [&str; 3] = ["repository", "repo", "git_url"];
const BRANCHES: [&str; 2] = ["branch", "git_branch"];
const TAGS: [&str; 2] = ["tag", "version"];

/// How the parameters of the GitLab plugin begin.
const GITLAB: [&str; 3] = ["gitlabMergeRequest", "gitlabSource", "gitlabTarget"];

/// Where a merge request goes, and where it comes from, as the GitLab plugin says it.
const GITLAB_TARGETS: [&str; 3] =
    ["gitlabTargetRepoHomepage", "gitlabTargetRepoHttpUrl", "gitlabTargetRepoSshUrl"];
const GITLAB_SOURCES: [&str; 3] =
    ["gitlabSourceRepoHomepage", "gitlabSourceRepoHttpUrl", "gitlabSourceRepoSshUrl"];

/// A repository, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Repository {
    /// The forge whose keys its items have.
    pub(super) source: Source,
    pub(super) address: CloneAddress,
}

impl Repository {
    /// Whose it is follows from its host, else from what is said besides.
    fn new(address: CloneAddress, said: Option<Source>) -> Self {
        let names = [("gitlab", Source::Gitlab), ("github", Source::Github)];
        let of_host = names.into_iter().find(|(name, _)| address.host.contains(name));
        let source = of_host.map(|(_, source)| source).or(said).unwrap_or(Source::Github);
        Self { source, address }
    }

    /// Owner and name, if the path is that of a repository. GitLab's owners are groups within groups.
    pub(super) fn owner_and_name(&self) -> Option<(&str, &str)> {
        match self.source {
            Source::Gitlab => {
                let whole = self.address.path.split('/').all(|part| !part.is_empty());
                self.address.path.rsplit_once('/').filter(|_| whole)
            }
            _ => self.address.owner_and_name(),
        }
    }

    /// The name in `vcs.provider.name`.
    pub(super) fn provider(&self) -> Option<&'static str> {
        let providers = ["github", "gitlab", "bitbucket", "gitea"];
        let of_host = providers.into_iter().find(|provider| self.address.host.contains(provider));
        of_host.or((self.source == Source::Gitlab).then_some("gitlab"))
    }

    /// As texts need it to be read.
    pub(super) fn near(&self) -> Option<Near<'_>> {
        let CloneAddress { host, path, .. } = &self.address;
        self.owner_and_name().map(|_| Near { source: self.source, host, project: path })
    }

    fn change(&self, number: &str) -> Option<Key> {
        self.owner_and_name()?;
        change(self.source, &self.address.host, &self.address.path, number)
    }

    fn branch(&self, branch: &str) -> Option<Ref> {
        Ref::branch(&self.address.host, &self.address.path, branch)
    }
}

/// What was checked out, and what the parameters name.
pub(super) struct Checkout<'a> {
    scm: &'a Scm<'a>,
    parameters: &'a Free<'a>,
    /// Whether what is deployed is asked for: a deploy checks out how to deploy, its parameters say
    /// what.
    deploys: bool,
    /// The repository that was checked out.
    checked_out: Option<Repository>,
    /// The repository that a parameter names.
    named: Option<Repository>,
}

impl<'a> Checkout<'a> {
    pub(super) fn new(scm: &'a Scm<'a>, parameters: &'a Free<'a>, deploys: bool) -> Self {
        let gitlab = parameters.texts().any(|(name, _)| GITLAB.iter().any(|start| name.starts_with(start)));
        let forge = gitlab.then_some(Source::Gitlab);
        let address = scm.url.as_deref().and_then(url::clone_address);
        let checked_out = address.map(|address| Repository::new(address, forge));
        let mut checkout = Self { scm, parameters, deploys, checked_out, named: None };
        checkout.named = checkout.first(&REPOSITORIES).and_then(|text| {
            let whole = url::clone_address(text).map(|address| Repository::new(address, forge));
            whole.or_else(|| checkout.beside(text, forge))
        });
        checkout
    }

    /// A repository that is named by its path alone: on the host of the checkout, if there is one.
    fn beside(&self, path: &str, forge: Option<Source>) -> Option<Repository> {
        let source = self.checked_out.as_ref().map(|repository| repository.source).or(forge);
        let usual = if source == Some(Source::Gitlab) { "gitlab.com" } else { "github.com" };
        let host = self.checked_out.as_ref().map_or(usual, |repository| &repository.address.host);
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '-' | '_' | '.');
        let address =
            url::clone_address(&format!("https://{host}/{path}")).filter(|_| path.chars().all(plain));
        Some(Repository::new(address?, source)).filter(|repository| repository.owner_and_name().is_some())
    }

    /// The value of the first of these parameters that has one.
    fn first(&self, names: &[&str]) -> Option<&'a str> {
        names.iter().find_map(|name| self.parameter(name))
    }

    fn parameter(&self, name: &str) -> Option<&'a str> {
        self.parameters.get(name).map(str::trim).filter(|value| !value.is_empty())
    }

    /// The repository that describes the build: what was checked out, else what is named.
    pub(super) fn repository(&self) -> Option<&Repository> {
        self.checked_out.as_ref().or(self.named.as_ref())
    }

    /// The repository that the parameters speak of.
    fn meant(&self) -> Option<&Repository> {
        self.named.as_ref().or(self.checked_out.as_ref())
    }

    /// The branch that was checked out.
    pub(super) fn own_branch(&self) -> Option<&'a str> {
        self.scm.branch.as_deref().and_then(branch_name)
    }

    /// The branch that a plugin says it builds.
    pub(super) fn source_branch(&self) -> Option<&'a str> {
        self.first(&["ghprbSourceBranch", "gitlabSourceBranch"])
    }

    /// The branch that a parameter names.
    pub(super) fn named_branch(&self) -> Option<&'a str> {
        self.first(&BRANCHES).and_then(branch_name)
    }

    /// The branch that the change goes to.
    pub(super) fn target_branch(&self) -> Option<&'a str> {
        self.first(&["ghprbTargetBranch", "gitlabTargetBranch"])
    }

    /// The branch that was built or is deployed, and whether it is only known by the checkout.
    pub(super) fn head(&self) -> Option<(&'a str, bool)> {
        self.choose(self.source_branch(), self.own_branch(), self.named_branch())
    }

    /// The commit that was built or is deployed, and whether it is only known by the checkout.
    pub(super) fn revision(&self) -> Option<(&'a str, bool)> {
        let own = self.scm.commit.as_deref().filter(|commit| !commit.is_empty());
        self.choose(self.source_commit(), own, self.named_commits().next())
    }

    /// Of a build: what a plugin says, what was checked out, what a parameter names. Of a deploy what
    /// a parameter names comes first.
    fn choose<T>(&self, plugin: Option<T>, own: Option<T>, named: Option<T>) -> Option<(T, bool)> {
        let sure = |value: Option<T>| value.map(|value| (value, false));
        let own = own.map(|value| (value, true));
        match self.deploys {
            true => sure(named).or(sure(plugin)).or(own),
            false => sure(plugin).or(own).or(sure(named)),
        }
    }

    fn source_commit(&self) -> Option<&'a str> {
        self.first(&["ghprbActualCommit", "gitlabMergeRequestLastCommit"])
    }

    fn named_commits(&self) -> impl Iterator<Item = &'a str> {
        COMMITS.iter().filter_map(|name| self.parameter(name)).filter(|commit| Ref::commit(commit).is_some())
    }

    /// The commits that were built or are deployed, the surest first, and whether any of them is only
    /// known by the checkout.
    pub(super) fn commits(&self) -> (Vec<Target>, bool) {
        let own = self.scm.commit.as_deref().and_then(Ref::commit);
        let by_checkout = own.is_some();
        let plugin = self.source_commit().and_then(Ref::commit);
        let named: Vec<Ref> = self.named_commits().filter_map(Ref::commit).collect();
        let built: Vec<Ref> = plugin.into_iter().chain(own).collect();
        let all = if self.deploys { [named, built] } else { [built, named] };
        let mut targets: Vec<Target> = Vec::new();
        for target in all.into_iter().flatten().map(Target::Ref) {
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
        (targets, by_checkout)
    }

    /// The branch to look for its pull request by, and whether it is only known by the checkout. Main
    /// branches are nobody's.
    pub(super) fn branch(&self) -> Option<(Target, bool)> {
        let of = |repository: Option<&Repository>, branch: Option<&str>| {
            let branch = branch.filter(|branch| !matches!(*branch, "main" | "master"));
            repository.zip(branch).and_then(|(repository, branch)| repository.branch(branch))
        };
        // The GitHub builder does not say in which fork its branch is.
        let from = self.gitlab_repository(&GITLAB_SOURCES);
        let from = from.as_ref().or(self.checked_out.as_ref());
        let plugin = of(from, self.parameter("gitlabSourceBranch"));
        let own = of(self.checked_out.as_ref(), self.own_branch());
        let named = of(self.meant(), self.named_branch());
        self.choose(plugin, own, named).map(|(branch, by_checkout)| (Target::Ref(branch), by_checkout))
    }

    /// The version that is built or deployed.
    pub(super) fn release_name(&self) -> Option<&'a str> {
        self.first(&TAGS).map(|name| name.strip_prefix("refs/tags/").unwrap_or(name))
    }

    /// Its tag, where it is known of which repository.
    pub(super) fn release(&self) -> Option<Target> {
        let repository = self.meant().filter(|repository| repository.owner_and_name().is_some())?;
        let name = self.release_name()?;
        Ref::tag(&repository.address.host, &repository.address.path, name).map(Target::Ref)
    }

    /// The pull request that a plugin says it builds.
    pub(super) fn named_change(&self) -> Option<Target> {
        let link = self.parameter("ghprbPullLink").and_then(url::split).and_then(|address| {
            let mut parts = address.path.trim_matches('/').split('/');
            let (owner, name, pull, number) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
            let project = format!("{owner}/{name}");
            (pull == "pull").then(|| change(Source::Github, &address.host, &project, number))?
        });
        let parts = || {
            let host = self.checked_out.as_ref().map_or("github.com", |repository| &repository.address.host);
            let project = self.parameter("ghprbGhRepository")?;
            change(Source::Github, host, project, self.parameter("ghprbPullId")?)
        };
        link.or_else(parts).map(Target::Key).or_else(|| self.merge_request())
    }

    /// GitLab's number is within the project that the merge request goes to. That can be told from the
    /// checkout; where it comes from may be a fork, so that is a hint.
    fn merge_request(&self) -> Option<Target> {
        let number = self.parameter("gitlabMergeRequestIid")?;
        let target = self.gitlab_repository(&GITLAB_TARGETS).or_else(|| self.checked_out.clone());
        match target {
            Some(target) => target.change(number).map(Target::Key),
            None => self.gitlab_repository(&GITLAB_SOURCES)?.change(number).map(Target::Hint),
        }
    }

    fn gitlab_repository(&self, names: &[&str]) -> Option<Repository> {
        let address = url::clone_address(self.first(names)?)?;
        Some(Repository { source: Source::Gitlab, address })
    }

    /// The pull request that a multibranch job is named after. Its number is certain, the
    /// repository is not: a hint, which binds only to a pull request that was seen.
    pub(super) fn hinted_change(&self, parent: Option<&str>, job: &str) -> Option<Target> {
        let found = CHANGE_JOB.captures(job)?;
        let number = found.get(2)?.as_str();
        let gitlab = found.get(1)?.as_str() == "MR";
        let key = match self.repository() {
            Some(repository) if gitlab => {
                Repository { source: Source::Gitlab, ..repository.clone() }.change(number)
            }
            Some(repository) => repository.change(number),
            // Pipelines do not say what they check out, but an organisation's folders are named
            // after owner and repository.
            None => {
                let mut folders = parent?.rsplit('/');
                let (name, owner) = (folders.next()?, folders.next()?);
                let (source, host) =
                    if gitlab { (Source::Gitlab, "gitlab.com") } else { (Source::Github, "github.com") };
                change(source, host, &format!("{owner}/{name}"), number)
            }
        };
        key.map(Target::Hint)
    }
}

/// Whether a job is that of a pull request.
pub(super) fn is_change_job(name: &str) -> bool {
    CHANGE_JOB.is_match(name)
}

fn change(source: Source, host: &str, project: &str, number: &str) -> Option<Key> {
    let number: u64 = number.parse().ok()?;
    let parts = project.split('/').count();
    let nested = source == Source::Gitlab && parts > 2;
    let plain = (parts == 2 || nested) && project.split('/').all(|part| !part.is_empty());
    Key::new(source, host, project, Kind::PullRequest, &number.to_string()).ok().filter(|_| plain)
}

/// A branch's own name; `None` for what is not a branch, such as a detached head or a pull
/// request's ref.
pub(super) fn branch_name(text: &str) -> Option<&str> {
    let text = text.trim();
    let text = text.strip_prefix("refs/heads/").unwrap_or(text);
    let text = text.strip_prefix("refs/").unwrap_or(text);
    let text = text.strip_prefix("remotes/").unwrap_or(text);
    let text = text.strip_prefix("origin/").or_else(|| text.strip_prefix("*/")).unwrap_or(text);
    let pull = ["pr/", "pull/", "pull-requests/", "merge-requests/", "tags/"];
    let other = text.is_empty()
        || text.contains(char::is_whitespace)
        || text.contains('*')
        || text.eq_ignore_ascii_case("detached")
        || text.eq_ignore_ascii_case("head")
        || is_change_job(text)
        || pull.iter().any(|prefix| text.starts_with(prefix));
    (!other).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_branch_is_known_by_its_own_name() {
        for (text, name) in [
            ("origin/feature/x", Some("feature/x")),
            ("refs/heads/x", Some("x")),
            ("refs/remotes/origin/x", Some("x")),
            ("x", Some("x")),
            ("origin/pr/12/merge", None),
            ("refs/pull/12/head", None),
            ("PR-12-merge", None),
            ("MR-12", None),
            ("refs/merge-requests/12/head", None),
            ("detached", None),
            ("HEAD", None),
            ("*/main", Some("main")),
            ("**", None),
            ("", None),
        ] {
            assert_eq!(branch_name(text), name, "{text}");
        }
    }
}
