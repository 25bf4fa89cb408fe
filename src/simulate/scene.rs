//! One story with its numbers, its repository and its people: what a beat needs to be rendered.

use bytes::Bytes;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::Settings;
use super::delivery::{Delivery, Signer};
use super::fixed::{self, Fixed};
use super::numbers::Numbers;
use super::organisation::{Organisation, Repository};
use super::story::{Act, Mention, Story, Why};
use super::{github, jenkins};
use crate::work::key::Source;
use crate::work::time::Time;

/// The host of the repositories.
pub const GITHUB: &str = "github.com";
/// The host of the jobs.
pub const JENKINS: &str = "ci.acme.example";
/// The default branch of every repository.
pub const MAIN: &str = "main";

/// A body before it is signed.
pub struct Rendered {
    pub item: String,
    /// GitHub's name of the event; `None` for Jenkins.
    pub event: Option<&'static str>,
    pub body: Value,
}

pub struct Scene<'a> {
    settings: &'a Settings,
    pub story: &'a Story,
    pub numbers: &'a Numbers,
    pub repository: &'a Repository,
}

/// What a person has to do with the story.
#[derive(Clone, Copy)]
pub enum Part {
    Reporter,
    Author,
    Reviewer,
}

impl<'a> Scene<'a> {
    pub fn new(
        settings: &'a Settings,
        organisation: &'a Organisation,
        story: &'a Story,
        numbers: &'a Numbers,
    ) -> Self {
        Self { settings, story, numbers, repository: &organisation.repositories[story.repository] }
    }

    /// The beat as a delivery.
    pub fn delivery(&self, beat: usize, fixed: &Fixed, signer: &Signer) -> Delivery {
        let (at, act) = (self.story.beats[beat].at, self.story.beats[beat].act);
        let rendered = match act {
            Act::Jenkins(run, phase) => jenkins::build(self, run, phase, at),
            Act::JenkinsDeploy(deploy, phase) => jenkins::deploy(self, deploy, phase, at),
            _ => github::render(self, act, at),
        };
        let body = Bytes::from(fixed.fill_in(&rendered.body.to_string()));
        let (source, headers) = match rendered.event {
            Some(event) => (Source::Github, signer.github(event, self.uuid(beat), &body)),
            None => (Source::Jenkins, signer.jenkins()),
        };
        Delivery { at, item: rendered.item, source, headers, body }
    }

    pub fn owner(&self) -> &str {
        &self.settings.organisation
    }

    /// `acme/api`
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.owner(), self.repository.name)
    }

    /// `https://github.com/acme/api`
    pub fn html_url(&self) -> String {
        format!("https://{GITHUB}/{}", self.full_name())
    }

    /// `https://api.github.com/repos/acme/api`
    pub fn api_url(&self) -> String {
        format!("https://api.{GITHUB}/repos/{}", self.full_name())
    }

    /// A key of this repository: `github:github.com/acme/api/issue/12`
    pub fn github_item(&self, kind: &str, id: impl std::fmt::Display) -> String {
        format!("github:{GITHUB}/{}/{kind}/{id}", self.full_name())
    }

    /// Bytes that belong to this story and these words alone, and look random.
    fn digest(&self, what: &str, number: u64) -> [u8; 32] {
        let mut hash = Sha256::new();
        for part in [what, self.owner()] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        for part in [self.settings.seed, u64::from(self.story.index), number] {
            hash.update(part.to_le_bytes());
        }
        hash.finalize().into()
    }

    /// The sha of one of the story's commits.
    pub fn sha(&self, commit: u16) -> String {
        hex::encode(&self.digest("commit", u64::from(commit))[..20])
    }

    /// Another sha that goes with a commit: its tree, its test merge.
    pub fn other_sha(&self, what: &str, commit: u16) -> String {
        hex::encode(&self.digest(what, u64::from(commit))[..20])
    }

    /// What the default branch is said to be at when a pull request is opened.
    pub fn base_sha(&self) -> String {
        hex::encode(&self.digest("base", 0)[..20])
    }

    /// The id of the delivery of a beat, in the form of a random UUID. It depends on the times
    /// too: another span of time is another delivery.
    fn uuid(&self, beat: usize) -> String {
        let what = format!("delivery {}", self.story.beats[beat].at.micros());
        let mut bytes = self.digest(&what, beat as u64);
        bytes[6] = bytes[6] & 0x0f | 0x40;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        let hex = hex::encode(&bytes[..16]);
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
    }

    fn member(&self, part: Part) -> usize {
        let [reporter, author, reviewer] = self.story.cast;
        match part {
            Part::Reporter => reporter,
            Part::Author => author,
            Part::Reviewer => reviewer,
        }
    }

    /// The login of somebody.
    pub fn login(&self, part: Part) -> String {
        fixed::login(self.repository.team, self.member(part))
    }

    /// Somebody, as GitHub writes a user.
    pub fn user(&self, part: Part) -> Value {
        fixed::user(self.repository.team, self.member(part))
    }

    /// The repository as most events carry it.
    pub fn repository(&self) -> Value {
        fixed::repository(self.repository)
    }

    /// The branch of a pull request.
    pub fn branch(&self, pull: usize) -> String {
        let number = self.numbers.issue(None).number;
        let part = if pull == 0 { String::new() } else { format!("-{}", pull + 1) };
        let slug = slug(self.story.title.split_once(": ").map_or("", |(_, what)| what));
        let told = &self.story.pulls[pull];
        match (told.why, told.mention) {
            (Why::Revert { of }, _) => format!("revert-{}-{}", self.numbers.pull(of).number, self.branch(of)),
            (Why::Hotfix { .. }, _) => format!("hotfix/{slug}-{number}{part}"),
            (Why::Issue, Mention::Token | Mention::Closes) => format!("feature/{slug}-{number}{part}"),
            (Why::Issue, Mention::Fixes | Mention::Resolves | Mention::Branch) => {
                format!("{number}-{slug}{part}")
            }
        }
    }

    /// The title of a pull request.
    pub fn pull_title(&self, pull: usize) -> String {
        let title = &self.story.title;
        match self.story.pulls[pull].why {
            Why::Issue => title.clone(),
            Why::Revert { .. } => format!("Revert \"{title}\""),
            Why::Hotfix { .. } => format!("Hotfix: {title}"),
        }
    }

    /// The token by which a Jenkins job names what it ships: the issue, but a fix by its pull request.
    pub fn shipped(&self, pull: usize) -> String {
        match self.story.pulls[pull].why {
            Why::Issue => self.token(pull),
            Why::Revert { .. } | Why::Hotfix { .. } => {
                format!("vstrace-github-pr-{}-{}", self.repository.name, self.numbers.pull(pull).number)
            }
        }
    }

    /// The token by which a pull request names its issue: a hotfix for an incident names that.
    pub fn token(&self, pull: usize) -> String {
        let incident = match self.story.pulls[pull].why {
            Why::Hotfix { incident } => incident,
            Why::Issue | Why::Revert { .. } => None,
        };
        format!("vstrace-github-issue-{}-{}", self.repository.name, self.numbers.issue(incident).number)
    }

    /// The body of a pull request.
    pub fn pull_body(&self, pull: usize) -> String {
        let number = self.numbers.issue(None).number;
        let told = &self.story.pulls[pull];
        let names = match told.mention {
            Mention::Fixes => format!("Fixes #{number}"),
            Mention::Closes => format!("Closes {}#{number}", self.full_name()),
            Mention::Resolves => format!("Resolves: {}/issues/{number}", self.html_url()),
            Mention::Token => format!("Part of {}", self.token(pull)),
            Mention::Branch => "A first step, without a change in behaviour.".to_owned(),
        };
        match told.why {
            // What GitHub writes there by itself.
            Why::Revert { of } => {
                format!("Reverts {}#{}\n\n{names}\n", self.full_name(), self.numbers.pull(of).number)
            }
            Why::Issue | Why::Hotfix { .. } => format!("{}.\n\n{names}\n", self.pull_title(pull)),
        }
    }
}

/// A time as GitHub writes it.
pub fn stamp(at: Time) -> String {
    at.to_string()
}

fn slug(title: &str) -> String {
    let words = title.to_lowercase();
    words
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join("-")
}
