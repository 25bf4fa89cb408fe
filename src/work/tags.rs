//! The attributes people slice by, above all `team`, `language` and `deploy.type`, from all the
//! places where they can be said. In order, the later wins: inherited from the parent chain; the
//! repository's language; its topics (`team-payments`); its custom properties; the rules of the
//! configuration; labels (`team:payments`, `team/payments`) and Jenkins parameters.

use std::collections::BTreeMap;

use globset::{GlobBuilder, GlobMatcher};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::attr::{Attr, Value};
use super::item::Item;

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
            let value = clean(&text[at + c.len_utf8()..])?;
            Some((self.key_of(text[..at].trim())?, value))
        })
    }

    /// The tags of an item, over those it inherits.
    pub fn tags(&self, item: &Item, inherited: &Tags) -> Tags {
        let mut tags = inherited.clone();
        let mut set = |key: &str, value: &str| {
            if let Some(value) = clean(value) {
                tags.insert(key.to_owned(), value.to_owned());
            }
        };
        let marks = &item.facts.marks;
        if let Some(language) = &marks.language {
            set("language", &language.value.to_lowercase());
        }
        for topic in marks.topics.iter().flat_map(|topics| &topics.value) {
            if let Some((key, value)) = self.split(topic, &['-']) {
                set(key, value);
            }
        }
        for (name, value) in marks.properties.iter().flat_map(|properties| &properties.value) {
            if let Some(key) = self.key_of(name) {
                set(key, value);
            }
        }
        for rule in self.rules.iter().filter(|rule| rule.matches(item)) {
            for (key, value) in &rule.tags {
                set(key, value);
            }
        }
        for label in marks.labels.iter().flat_map(|labels| &labels.value) {
            if let Some((key, value)) = self.split(label, &[':', '/']) {
                set(key, value);
            }
        }
        for (name, value) in marks.parameters.iter().flat_map(|parameters| &parameters.value) {
            if let Some(key) = self.key_of(name) {
                set(key, value);
            }
        }
        tags
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
mod tests {
    use super::super::event::Marks;
    use super::super::lattice::Latest;
    use super::super::testing::{acme, item, run, stamp};
    use super::*;

    fn tagged(change: impl FnOnce(&mut Marks)) -> Item {
        let mut event = run(acme("build/1.1"), 0, None);
        event.facts.attr(stamp(0), Attr::PipelineName, Some("deploy-api"));
        change(&mut event.facts.marks);
        item(event)
    }

    fn set<const N: usize>(members: [&str; N]) -> Option<Latest<std::collections::BTreeSet<String>>> {
        Some(Latest::new(stamp(0), members.map(str::to_owned).into()))
    }

    fn map<const N: usize>(members: [(&str, &str); N]) -> Option<Latest<BTreeMap<String, String>>> {
        Some(Latest::new(stamp(0), members.map(|(k, v)| (k.to_owned(), v.to_owned())).into()))
    }

    /// Each place overrules those before it; the list is the whole order of precedence.
    #[test]
    fn the_later_place_wins() {
        let rule = Rule {
            project: Some("acme/*".to_owned()),
            job: Some("deploy-*".to_owned()),
            tags: [("team".to_owned(), "by-rule".to_owned())].into(),
            ..Rule::default()
        };
        let tagger = Tagger::new(&[], &[rule]).unwrap();
        let plain = Tagger::default();
        let inherited = Tags::from([("team".to_owned(), "inherited".to_owned())]);

        let topics = |marks: &mut Marks| marks.topics = set(["team-by-topic", "rust"]);
        let properties = |marks: &mut Marks| {
            topics(marks);
            marks.properties = map([("Team", "by-property"), ("cost", "12")]);
        };
        let labels = |marks: &mut Marks| {
            properties(marks);
            marks.labels = set(["team/by-label", "bug"]);
        };
        let parameters = |marks: &mut Marks| {
            labels(marks);
            marks.parameters = map([("team", "by-parameter")]);
        };
        let team = |tagger: &Tagger, item: Item| tagger.tags(&item, &inherited)["team"].clone();
        assert_eq!(team(&plain, tagged(|_| {})), "inherited");
        assert_eq!(team(&plain, tagged(topics)), "by-topic");
        assert_eq!(team(&plain, tagged(properties)), "by-property");
        assert_eq!(team(&tagger, tagged(properties)), "by-rule");
        assert_eq!(team(&tagger, tagged(labels)), "by-label");
        assert_eq!(team(&tagger, tagged(parameters)), "by-parameter");
    }

    #[test]
    fn deploy_type_is_known_in_every_spelling() {
        let tagger = Tagger::default();
        for word in ["deploy.type", "deploy_type", "deploy-type", "DEPLOY_TYPE"] {
            assert_eq!(tagger.key_of(word), Some("deploy.type"), "{word}");
        }
        let by_topic = tagged(|marks| marks.topics = set(["deploy-type-container"]));
        assert_eq!(tagger.tags(&by_topic, &Tags::new())["deploy.type"], "container");
        let by_label = tagged(|marks| marks.labels = set(["deploy_type: baked_ami"]));
        assert_eq!(tagger.tags(&by_label, &Tags::new())["deploy.type"], "baked_ami");
    }

    #[test]
    fn language_is_lower_case() {
        let item = tagged(|marks| marks.language = Some(Latest::new(stamp(0), "Python".to_owned())));
        assert_eq!(Tagger::default().tags(&item, &Tags::new())["language"], "python");
    }

    #[test]
    fn whatever_changes_tags_changes_the_fingerprint() {
        let rule = |project: Option<&str>, job: Option<&str>, tags: &[(&str, &str)]| Rule {
            project: project.map(str::to_owned),
            job: job.map(str::to_owned),
            tags: tags.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            ..Rule::default()
        };
        let (one, other) =
            (rule(Some("a/*"), None, &[("team", "x")]), rule(None, Some("a/*"), &[("team", "x")]));
        // No glob matches every job, an empty one none.
        let none = rule(Some("a/*"), Some(""), &[("team", "x")]);
        let more = rule(Some("a/*"), None, &[("team", "x"), ("tier", "1")]);
        let fingerprint = |keys: &[&str], rules: &[&Rule]| {
            let keys: Vec<String> = keys.iter().map(|key| (*key).to_owned()).collect();
            let rules: Vec<Rule> = rules.iter().copied().cloned().collect();
            Tagger::new(&keys, &rules).unwrap().fingerprint()
        };
        let all = [
            fingerprint(&[], &[]),
            fingerprint(&["tier"], &[]),
            fingerprint(&["tier"], &[&one]),
            fingerprint(&["tier"], &[&other]),
            fingerprint(&["tier"], &[&more]),
            fingerprint(&["tier"], &[&none]),
            fingerprint(&["tier"], &[&one, &other]),
            // The later rule wins, so the order counts.
            fingerprint(&["tier"], &[&other, &one]),
        ];
        for (index, fingerprint) in all.iter().enumerate() {
            assert!(!all[..index].contains(fingerprint), "{index}");
        }
        assert_eq!(fingerprint(&["tier"], &[&one]), fingerprint(&["tier", "tier"], &[&one]));
        // Of one text in every process: this one was computed elsewhere.
        assert_eq!(
            hex::encode(Tagger::default().fingerprint()),
            "f869536721aa46d76802572c1eca985b1d674a26978b601662f9951e3dc9f92f",
        );
    }

    #[test]
    fn a_bad_rule_says_which() {
        let bad = Rule {
            project: Some("[".to_owned()),
            tags: [("team".into(), "a".into())].into(),
            ..Rule::default()
        };
        let error = Tagger::new(&[], &[bad]).unwrap_err().to_string();
        assert!(error.starts_with("tags.rules[0].project"), "{error}");
        assert!(Tagger::new(&["Bad Key".to_owned()], &[]).is_err());
    }
}
