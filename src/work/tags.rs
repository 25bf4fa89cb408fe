//! The attributes people slice by, above all `team`, `language` and `deploy.type`, from all the
//! places where they can be said. In order, the later wins: inherited from the parent chain; the
//! repository's language; its topics (`team-payments`); its custom properties; the rules of the
//! configuration; labels (`team:payments`, `team/payments`, GitLab's `team::payments`), Jenkins'
//! parameters, and what a custom event itself calls a tag. [`explain`] tells which of them gave what.

use std::collections::BTreeMap;

use globset::{GlobBuilder, GlobMatcher};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::attr::{Attr, Value};
use super::item::Item;

mod explain;

pub use self::explain::{Explained, Statement, explain};

/// Where an item says a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin<'a> {
    /// The repository's main language.
    Language,
    /// A topic of the repository.
    Topic(&'a str),
    /// A custom property of the repository, or a custom field of the issue.
    Property(&'a str),
    /// A rule of the configuration, by its place in the list.
    Rule(usize),
    /// A label.
    Label(&'a str),
    /// A parameter of the run.
    Parameter(&'a str),
    /// The sender itself calls it a tag.
    Given,
}

/// An item's tags.
pub type Tags = BTreeMap<String, String>;

/// The longest value of a tag in bytes: what is longer is no value
/// to slice by.
const MAX_VALUE: usize = 120;

/// A rule as the configuration writes it: what must match, and the tags that follow.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    /// A glob on the source's name.
    pub source: Option<String>,
    /// A glob on the host.
    pub host: Option<String>,
    /// A glob on the repository or the job's path, in which `*` stops at `/` and `**` does not.
    pub project: Option<String>,
    /// A glob on the name of the pipeline or job.
    pub job: Option<String>,
    /// The tags.
    pub tags: BTreeMap<String, String>,
}

/// Why a rule cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// A glob is not one.
    #[error("tags.rules[{index}].{field}: {source}")]
    Glob {
        /// Which rule, from 0.
        index: usize,
        /// Which of its fields.
        field: &'static str,
        /// What is wrong.
        source: globset::Error,
    },
    /// A rule gives no tags.
    #[error("tags.rules[{0}] names no tags: write tags = {{ team = \"payments\" }}")]
    Empty(usize),
    /// A tag key would be mistaken for something else.
    #[error("tag key {0:?} is not usable: use lower-case letters, digits, dots, dashes and underscores")]
    Key(String),
}

/// The rules and the keys, ready for use.
#[derive(Clone, Debug)]
pub struct Tagger {
    keys: Vec<String>,
    rules: Vec<CompiledRule>,
}

#[derive(Clone, Debug)]
struct CompiledRule {
    source: Option<GlobMatcher>,
    host: Option<GlobMatcher>,
    project: Option<GlobMatcher>,
    job: Option<GlobMatcher>,
    tags: Tags,
}

/// What a deploy can be flagged as by its parameters. They are kept beside those that can become
/// tags.
pub const DEPLOY_FLAGS: [&str; 2] = ["rollback", "hotfix"];

/// The keys that are known without being named.
pub const BUILT_IN_KEYS: [&str; 3] = ["team", "language", "deploy.type"];

impl Default for Tagger {
    fn default() -> Self {
        Self { keys: BUILT_IN_KEYS.map(str::to_owned).to_vec(), rules: Vec::new() }
    }
}

impl Tagger {
    /// From the configuration: further keys, and rules (whose keys count as keys too).
    pub fn new(keys: &[String], rules: &[Rule]) -> Result<Self, RuleError> {
        let mut all: Vec<String> = BUILT_IN_KEYS.map(str::to_owned).to_vec();
        all.extend(keys.iter().chain(rules.iter().flat_map(|rule| rule.tags.keys())).cloned());
        all.sort_unstable();
        all.dedup();
        if let Some(bad) = all.iter().find(|key| !usable(key)) {
            return Err(RuleError::Key(bad.clone()));
        }
        let rules =
            rules.iter().enumerate().map(|(index, rule)| compile(index, rule)).collect::<Result<_, _>>()?;
        Ok(Self { keys: all, rules })
    }

    /// The keys, sorted.
    pub fn keys(&self) -> &[String] {
        &self.keys
    }

    /// What tells these keys and rules from others, the same in every process: SHA-256 over all of
    /// them.
    pub fn fingerprint(&self) -> [u8; 32] {
        let mut digest = Sha256::new();
        // A text's length before it, so that no two lists of texts read the same.
        let mut add = |text: &str| {
            digest.update((text.len() as u64).to_be_bytes());
            digest.update(text);
        };
        let count = |n: usize| n.to_string();
        add(&count(self.keys.len()));
        self.keys.iter().for_each(|key| add(key));
        for rule in &self.rules {
            for glob in [&rule.source, &rule.host, &rule.project, &rule.job] {
                add(if glob.is_some() { "glob" } else { "any" });
                add(glob.as_ref().map_or("", |glob| glob.glob().glob()));
            }
            add(&count(rule.tags.len()));
            for (key, value) in &rule.tags {
                add(key);
                add(value);
            }
        }
        digest.finalize().into()
    }

    /// The tag key that a sender's word means: `deploy_type`, `deploy-type` and `Deploy.Type` are
    /// all `deploy.type`.
    pub fn key_of(&self, word: &str) -> Option<&str> {
        self.keys.iter().map(String::as_str).find(|key| same_word(key, word))
    }

    /// What a label or a topic says, if it says a tag: `team:payments`, `team/payments`,
    /// `team-payments`, in the separators that are allowed for it.
    fn split<'a, 'b>(&'a self, text: &'b str, separators: &[char]) -> Option<(&'a str, &'b str)> {
        text.char_indices().filter(|(_, c)| separators.contains(c)).find_map(|(at, c)| {
            // GitLab separates the parts of a scoped label with two colons.
            let value = clean(text[at + c.len_utf8()..].trim_start_matches(c))?;
            Some((self.key_of(text[..at].trim())?, value))
        })
    }

    /// The tags of an item, over those it inherits.
    pub fn tags(&self, item: &Item, inherited: &Tags) -> Tags {
        let mut tags = inherited.clone();
        self.say(item, |key, value, _| {
            tags.insert(key.to_owned(), value.to_owned());
        });
        tags
    }

    /// Everything that an item itself says of tags, in order: of a key the last one counts.
    fn say<'a>(&'a self, item: &'a Item, mut each: impl FnMut(&str, &str, Origin<'a>)) {
        let mut set = |key: &str, value: &str, origin: Origin<'a>| {
            if let Some(value) = clean(value) {
                each(key, value, origin);
            }
        };
        let marks = &item.facts.marks;
        if let Some(language) = &marks.language {
            set("language", &language.value.to_lowercase(), Origin::Language);
        }
        for topic in marks.topics.iter().flat_map(|topics| &topics.value) {
            if let Some((key, value)) = self.split(topic, &['-']) {
                set(key, value, Origin::Topic(topic));
            }
        }
        for (name, value) in marks.properties.iter().flat_map(|properties| &properties.value) {
            if let Some(key) = self.key_of(name) {
                set(key, value, Origin::Property(name));
            }
        }
        for (index, rule) in self.rules.iter().enumerate().filter(|(_, rule)| rule.matches(item)) {
            for (key, value) in &rule.tags {
                set(key, value, Origin::Rule(index));
            }
        }
        for label in marks.labels.iter().flat_map(|labels| &labels.value) {
            if let Some((key, value)) = self.split(label, &[':', '/']) {
                set(key, value, Origin::Label(label));
            }
        }
        for (name, value) in marks.parameters.iter().flat_map(|parameters| &parameters.value) {
            if let Some(key) = self.key_of(name) {
                set(key, value, Origin::Parameter(name));
            }
        }
        for (name, value) in marks.given.iter().map(|(name, latest)| (name, &latest.value)) {
            // The sender's own word for a key that is known may be spelled otherwise.
            match self.key_of(name) {
                Some(key) => set(key, value, Origin::Given),
                None if usable(name) => set(name, value, Origin::Given),
                None => {}
            }
        }
    }
}

impl CompiledRule {
    fn matches(&self, item: &Item) -> bool {
        let job = [Attr::TaskName, Attr::PipelineName].into_iter().find_map(|attr| {
            match item.facts.attrs.get(&attr).map(|latest| &latest.value) {
                Some(Value::Str(name)) => Some(name.as_str()),
                _ => None,
            }
        });
        let matches = |glob: &Option<GlobMatcher>, text: Option<&str>| {
            glob.as_ref().is_none_or(|glob| text.is_some_and(|text| glob.is_match(text)))
        };
        matches(&self.source, Some(item.key.source().as_str()))
            && matches(&self.host, Some(item.key.host()))
            && matches(&self.project, Some(item.key.project()))
            && matches(&self.job, job)
    }
}

fn compile(index: usize, rule: &Rule) -> Result<CompiledRule, RuleError> {
    if rule.tags.is_empty() {
        return Err(RuleError::Empty(index));
    }
    let glob = |field: &'static str, text: &Option<String>| {
        text.as_deref().map(glob).transpose().map_err(|source| RuleError::Glob { index, field, source })
    };
    Ok(CompiledRule {
        source: glob("source", &rule.source)?,
        host: glob("host", &rule.host)?,
        project: glob("project", &rule.project)?,
        job: glob("job", &rule.job)?,
        tags: rule.tags.clone(),
    })
}

/// A glob in which `*` stops at `/`.
pub fn glob(text: &str) -> Result<GlobMatcher, globset::Error> {
    Ok(GlobBuilder::new(text).literal_separator(true).build()?.compile_matcher())
}

fn usable(key: &str) -> bool {
    !key.is_empty()
        && key.len() <= 64
        && key
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'_'))
}

fn same_word(key: &str, word: &str) -> bool {
    let plain = |b: u8| {
        if matches!(b, b'_' | b'-') { b'.' } else { b.to_ascii_lowercase() }
    };
    key.len() == word.len() && key.bytes().map(plain).eq(word.bytes().map(plain))
}

fn clean(value: &str) -> Option<&str> {
    let value = value.trim();
    (!value.is_empty() && value.len() <= MAX_VALUE).then_some(value)
}

#[cfg(test)]
mod tests;
