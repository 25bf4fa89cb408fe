//! `artifact`: not work by itself, but it tells which change an artifact was made of, so that its
//! deploys find the change.

use super::scene::Scene;
use crate::sources::{ParseError, Parsed};
use crate::work::event::Ref;
use crate::work::key::Kind;

pub(super) fn told(scene: &mut Scene<'_, '_>) -> Result<Parsed, ParseError> {
    let change = scene.content.change.as_ref().and_then(|change| scene.referred(Kind::PullRequest, change));
    let (Some(artifact), Some(change)) = (Ref::artifact(scene.id()), change) else {
        return Ok(Parsed::ignored("an artifact that names no change is not used"));
    };
    scene.point(Some(artifact), &change);
    Ok(scene.all())
}
