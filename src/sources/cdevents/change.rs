//! `change`: pull requests.

use super::scene::{Scene, link};
use crate::sources::url;
use crate::sources::{ParseError, Parsed};
use crate::work::attr::Attr;
use crate::work::convention::Spot;
use crate::work::event::{Cycle, Facts, Happening, Outcome, Ref, Role, What};
use crate::work::key::Kind;
use crate::work::lattice::{Instant, Latest, Stamp};

pub(super) fn told(scene: &mut Scene<'_, '_>) -> Result<Parsed, ParseError> {
    let key = scene.key(Kind::PullRequest)?;
    let step = match scene.predicate {
        "created" => 0,
        "merged" | "abandoned" => 2,
        _ => 1,
    };
    let (at, stamp) = (scene.at, scene.stamp(step));
    let mut cycle = Cycle::default();
    match scene.predicate {
        "created" => cycle.opened = Some(Instant::stated(at)),
        "merged" => cycle.closed.insert(at, Latest::new(stamp, Outcome::Merged)),
        "abandoned" => cycle.closed.insert(at, Latest::new(stamp, Outcome::Closed)),
        _ => {}
    }
    let mut facts = Facts::cycle(cycle);
    match scene.predicate {
        "updated" => scene.happened(&mut facts, What::Synchronize, None),
        // Who it was is not said, but nobody reviews what is his own.
        "reviewed" => facts.happenings.insert(Happening {
            at,
            what: What::Reviewed,
            detail: None,
            role: Some(Role::Other),
            person: None,
        }),
        _ => {}
    }

    facts.attr(stamp, Attr::ChangeId, Some(scene.id()));
    facts.attr(stamp, Attr::ChangeUrl, link(Some(scene.id())));
    let description = scene.content.description.as_deref();
    // The whole of it is a text, which is not kept; its first line is as good as a title.
    let title = description.and_then(|text| text.lines().map(str::trim).find(|line| !line.is_empty()));
    facts.attr(stamp, Attr::ChangeTitle, title);
    facts.attr(stamp, Attr::RefHeadRevision, scene.commit());
    describe_repository(&mut facts, stamp, scene);
    scene.mark(&mut facts, stamp, key.kind(), &[]);
    scene.conventions(&mut facts, stamp, &[(Spot::Title, title), (Spot::Body, description)]);
    scene.point(scene.commit().and_then(Ref::commit), &key);
    Ok(scene.told(key, facts))
}

/// What the change says of its repository, whose source is the server and whose id the path there.
fn describe_repository(facts: &mut Facts, stamp: Stamp, scene: &Scene<'_, '_>) {
    let Some(repository) = &scene.content.repository else { return };
    let server = repository.source.as_deref().unwrap_or_default().trim_end_matches('/');
    let clone = url::clone_address(&repository.id).or_else(|| {
        let path = repository.id.trim_matches('/');
        url::clone_address(server).filter(|clone| clone.path.ends_with(path)).or_else(|| {
            link(Some(server))?;
            url::clone_address(&format!("{server}/{path}"))
        })
    });
    let Some(clone) = clone else {
        facts.attr(stamp, Attr::RepositoryName, repository.id.rsplit('/').next());
        return;
    };
    facts.attr(stamp, Attr::RepositoryUrl, link(Some(clone.url.as_str())));
    if let Some((owner, name)) = clone.owner_and_name() {
        facts.attr(stamp, Attr::OwnerName, Some(owner));
        facts.attr(stamp, Attr::RepositoryName, Some(name));
    }
    let providers = ["github", "gitlab", "bitbucket", "gitea"];
    let provider = providers.into_iter().find(|provider| clone.host.contains(provider));
    facts.attr(stamp, Attr::ProviderName, provider);
}
