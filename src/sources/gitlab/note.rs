//! `Note Hook`: comments on issues and merge requests.

use serde::Deserialize;

use super::issue::{Issue, Told};
use super::merge_request::MergeRequest;
use super::payload::{Id, Payload, Project, Repository, Text, User};
use super::scene::{Scene, needed, role};
use crate::sources::{Context, ParseError, Parsed};
use crate::work::event::{Role, What};

#[derive(Deserialize)]
pub(super) struct Notes<'a> {
    #[serde(borrow)]
    object_attributes: Note<'a>,
    project: Option<Project<'a>>,
    repository: Option<Repository<'a>>,
    user: Option<User<'a>>,
    issue: Option<Issue<'a>>,
    merge_request: Option<MergeRequest<'a>>,
}

#[derive(Deserialize)]
struct Note<'a> {
    #[serde(borrow)]
    action: Option<Text<'a>>,
    noteable_type: Option<Text<'a>>,
    created_at: Option<Text<'a>>,
    url: Option<Text<'a>>,
    author_id: Option<Id>,
    system: Option<bool>,
}

impl<'a> Payload<'a> for Notes<'a> {
    const NAME: &'static str = "notes";
    const ACTIONS: &'static [&'static str] = &["create"];
    /// It was not said before version 16.
    const USUAL_ACTION: &'static str = "create";

    fn action(&self) -> Option<&str> {
        self.object_attributes.action.as_deref()
    }

    fn said(
        &self,
        _: &'static str,
        instance: Option<&str>,
        context: &Context<'_>,
    ) -> Result<Parsed, ParseError> {
        let note = &self.object_attributes;
        if note.system == Some(true) {
            return Ok(Parsed::ignored("a note that GitLab wrote is not used"));
        }
        let url = note.url.as_ref();
        let (project, repository) = (self.project.as_ref(), self.repository.as_ref());
        let scene = || Scene::new(project, repository, url, instance, context);
        let username = self.user.as_ref().and_then(|user| user.username.as_ref());
        let role = |author| role(note.author_id, username, author);
        let (mut scene, told, role) = match note.noteable_type.as_deref() {
            Some("Issue" | "WorkItem") => {
                let issue = self.issue.as_ref().ok_or_else(|| ParseError::missing("issue"))?;
                let mut scene = scene()?;
                let told = issue.told("note", None, &mut scene).map_err(|error| inside("issue", error))?;
                (scene, told, role(issue.author_id))
            }
            Some("MergeRequest") => {
                let change =
                    self.merge_request.as_ref().ok_or_else(|| ParseError::missing("merge_request"))?;
                let role = role(change.author_id);
                if role == Some(Role::Author) {
                    return Ok(Parsed::ignored("a note of the merge request's author is not used"));
                }
                let mut scene = scene()?;
                let told =
                    change.told("note", None, &mut scene).map_err(|error| inside("merge_request", error))?;
                (scene, told, role)
            }
            _ => return Ok(Parsed::ignored("a note on neither issue nor merge request is not used")),
        };
        let Told { key, mut facts, .. } = told;
        let at = match note.created_at.as_ref() {
            None => needed("object_attributes.created_at", None).map(Some)?,
            some => scene.time(some),
        };
        let person = scene.person(self.user.as_ref());
        facts.happened(at, What::Commented, None, role, person);
        scene.told(key, facts)
    }
}

/// An error about the snapshot, with where that stands in a note.
fn inside(part: &str, error: ParseError) -> ParseError {
    match error {
        ParseError::Field { path, reason } => {
            ParseError::field(&path.replacen("object_attributes", part, 1), reason)
        }
        error => error,
    }
}
