//! What people call an item, where they look at it, and what it waits in.

use super::report::{At, Waiting, WaitsIn};
use crate::work::attr::{Attr, Value};
use crate::work::item::Item;
use crate::work::key::Kind;
use crate::work::stage::{self, Current};

/// The text of the first of these attributes that an item has.
fn first<'i>(item: &'i Item, attrs: &[Attr]) -> Option<&'i str> {
    attrs.iter().find_map(|attr| match &item.facts.attrs.get(attr)?.value {
        Value::Str(text) => Some(text.as_str()),
        _ => None,
    })
}

/// Title or name.
pub fn title(item: &Item) -> Option<String> {
    let attrs: &[Attr] = match item.key.kind() {
        Kind::Issue => &[Attr::IssueTitle],
        Kind::Sprint => &[Attr::IssueSprint],
        Kind::PullRequest => &[Attr::ChangeTitle],
        Kind::Build => &[Attr::PipelineName],
        Kind::Job => &[Attr::TaskName, Attr::PipelineName, Attr::CustomType],
        Kind::Deploy => {
            let name = first(item, &[Attr::DeploymentName, Attr::PipelineName]);
            let environment = first(item, &[Attr::Environment]);
            return deployment(name.unwrap_or_default(), environment.unwrap_or_default());
        }
    };
    first(item, attrs).map(str::to_owned)
}

/// What goes where; an empty text is not known.
pub fn deployment(name: &str, environment: &str) -> Option<String> {
    match (name, environment) {
        ("", "") => None,
        ("", one) | (one, "") => Some(one.to_owned()),
        (name, environment) => Some(format!("{name} to {environment}")),
    }
}

/// The address where people look at it, if it is one of the web.
pub fn url(item: &Item) -> Option<String> {
    let attrs: &[Attr] = match item.key.kind() {
        Kind::Issue | Kind::Sprint => &[Attr::IssueUrl],
        Kind::PullRequest => &[Attr::ChangeUrl],
        Kind::Build => &[Attr::PipelineRunUrl],
        Kind::Job => &[Attr::TaskRunUrl, Attr::PipelineRunUrl],
        Kind::Deploy => &[Attr::DeploymentUrl, Attr::PipelineRunUrl, Attr::RepositoryUrl],
    };
    let web = |url: &&str| url.starts_with("https://") || url.starts_with("http://");
    first(item, attrs).filter(web).map(str::to_owned)
}

/// What it waits in while it is open.
pub fn waiting(item: &Item) -> Option<Waiting> {
    let (current, since) = stage::current(item)?;
    let (what, status) = match current {
        Current::Draft => (WaitsIn::Draft, None),
        Current::Pickup => (WaitsIn::Pickup, None),
        Current::Review => (WaitsIn::Review, None),
        Current::Merge => (WaitsIn::Merge, None),
        Current::Status(name) => (WaitsIn::Status, Some(name)),
        Current::Queue => (WaitsIn::Queue, None),
        Current::Run => (WaitsIn::Run, None),
    };
    Some(Waiting { what, status, since: since.map(At) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::testing::{acme, cycle, item, stamp};

    #[test]
    fn a_deploy_is_called_after_what_goes_where() {
        let mut event = cycle(acme("deploy/1"), 0, &[], &[]);
        event.facts.attr(stamp(0), Attr::Environment, Some("production"));
        assert_eq!(title(&item(event.clone())).as_deref(), Some("production"));
        event.facts.attr(stamp(0), Attr::DeploymentName, Some("api"));
        assert_eq!(title(&item(event)).as_deref(), Some("api to production"));
    }

    #[test]
    fn only_addresses_of_the_web_are_linked() {
        let mut event = cycle(acme("issue/1"), 0, &[], &[]);
        event.facts.attr(stamp(0), Attr::IssueUrl, Some("javascript:alert(1)"));
        assert_eq!(url(&item(event.clone())), None);
        event.facts.attr(stamp(0), Attr::IssueUrl, Some("https://github.com/acme/api/issues/1"));
        assert!(url(&item(event)).is_some());
    }
}
