//! What the texts around an item say that it belongs to, whichever source they come from: `vstrace-…`
//! tokens, issue keys, and a company's own conventions, which the configuration has as rules. Texts
//! go in with where they stand, targets come out by how they were found.

use globset::GlobMatcher;
use regex::Regex;
use serde::Deserialize;

use super::event::{Facts, Ref, Relation, Target};
use super::key::{Key, Source};
use super::lattice::Stamp;
use super::mention::{self, MAX_MENTIONS, Near};
use super::tags::glob;

/// Where a text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spot<'a> {
    /// The name of a branch.
    Branch,
    /// The title of a pull request, a run or a deploy.
    Title,
    /// The text of a pull request.
    Body,
    /// A commit's message.
    Commit,
    /// A job's name or path.
    Job,
    /// The value of a run's parameter of that name.
    Parameter(&'a str),
}

/// Where a rule looks, as the configuration writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// The name of a branch.
    Branch,
    /// The title of a pull request, a run or a deploy.
    Title,
    /// The text of a pull request.
    Body,
    /// A commit's message.
    Commit,
    /// A job's name or path.
    Job,
    /// The value of a parameter, or of the one that `parameter` names.
    Parameter,
}

/// A rule as the configuration writes it: what to look for, and which item that means.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct LinkRule {
    /// Where to look.
    pub place: Place,
    /// The parameter's name, in any case; any parameter if it is not given.
    #[serde(default)]
    pub parameter: Option<String>,
    /// A glob on the name of the source whose texts are looked at.
    #[serde(default)]
    pub source: Option<String>,
    /// A regular expression.
    pub pattern: String,
    /// The item's key, with `$1` or `$name` for what a group of the pattern found.
    pub key: String,
    /// Whether the key binds only to an item that was seen.
    #[serde(default)]
    pub hint: bool,
}

/// Why a rule cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LinkRuleError {
    /// The pattern is none.
    #[error("links.rules[{index}].pattern: {source}")]
    Pattern {
        /// Which rule, from 0.
        index: usize,
        /// What is wrong.
        source: regex::Error,
    },
    /// The glob is none.
    #[error("links.rules[{index}].source: {source}")]
    Glob {
        /// Which rule, from 0.
        index: usize,
        /// What is wrong.
        source: globset::Error,
    },
    /// The template cannot become a key.
    #[error("links.rules[{index}].key: {reason}")]
    Key {
        /// Which rule, from 0.
        index: usize,
        /// What is wrong.
        reason: String,
    },
}

#[derive(Clone, Debug)]
struct Compiled {
    place: Place,
    parameter: Option<String>,
    source: Option<GlobMatcher>,
    pattern: Regex,
    key: String,
    hint: bool,
}

/// The conventions, ready for use.
#[derive(Clone, Debug, Default)]
pub struct Conventions {
    rules: Vec<Compiled>,
}

/// What the texts around an item say that it belongs to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// By `vstrace-…` tokens.
    pub tokens: Vec<Target>,
    /// By the rules of the configuration.
    pub rules: Vec<Target>,
    /// By issue keys in branches, titles and commit messages.
    pub issue_keys: Vec<Target>,
}

impl Found {
    /// With what was said on purpose, such as a parameter for it, before the tokens of other texts.
    pub fn after(mut self, on_purpose: impl IntoIterator<Item = Target>) -> Self {
        let mut tokens = Vec::new();
        add(&mut tokens, on_purpose);
        add(&mut tokens, std::mem::take(&mut self.tokens));
        Self { tokens, ..self }
    }

    /// Says it of an item; what was not found is not said.
    pub fn relate(self, facts: &mut Facts, stamp: Stamp) {
        for (relation, targets) in self.by_relation() {
            if !targets.is_empty() {
                facts.relate(stamp, relation, targets);
            }
        }
    }

    /// Says it of an item, also what was not found: a text may have been edited.
    pub fn relate_all(self, facts: &mut Facts, stamp: Stamp) {
        for (relation, targets) in self.by_relation() {
            facts.relate(stamp, relation, targets);
        }
    }

    fn by_relation(self) -> [(Relation, Vec<Target>); 3] {
        [(Relation::Token, self.tokens), (Relation::Rule, self.rules), (Relation::IssueKey, self.issue_keys)]
    }
}

impl Conventions {
    /// From the configuration.
    pub fn new(rules: &[LinkRule]) -> Result<Self, LinkRuleError> {
        let rules = rules.iter().enumerate().map(|(index, rule)| compile(index, rule));
        Ok(Self { rules: rules.collect::<Result<_, _>>()? })
    }

    /// Reads the texts around an item of `source`, which stands in the repository `near`, if that
    /// is known.
    pub fn read(&self, source: Source, near: Option<Near<'_>>, texts: &[(Spot<'_>, &str)]) -> Found {
        let mut found = Found::default();
        for (spot, text) in texts {
            if !matches!(spot, Spot::Commit | Spot::Parameter(_)) {
                add(&mut found.tokens, mention::tokens(text, near));
            }
            if matches!(spot, Spot::Branch | Spot::Title | Spot::Commit) {
                let keys = mention::issue_keys(text);
                add(&mut found.issue_keys, keys.iter().map(|key| Target::Ref(Ref::issue_key(key))));
            }
            for rule in self.rules.iter().filter(|rule| rule.looks_at(source, *spot)) {
                add(&mut found.rules, rule.targets(text));
            }
        }
        found
    }
}

fn add(to: &mut Vec<Target>, targets: impl IntoIterator<Item = Target>) {
    for target in targets {
        if to.len() < MAX_MENTIONS && !to.contains(&target) {
            to.push(target);
        }
    }
}

impl Compiled {
    fn looks_at(&self, source: Source, spot: Spot<'_>) -> bool {
        let there = match (self.place, spot) {
            (Place::Parameter, Spot::Parameter(name)) => {
                self.parameter.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(name))
            }
            (Place::Branch, Spot::Branch)
            | (Place::Title, Spot::Title)
            | (Place::Body, Spot::Body)
            | (Place::Commit, Spot::Commit)
            | (Place::Job, Spot::Job) => true,
            _ => false,
        };
        there && self.source.as_ref().is_none_or(|glob| glob.is_match(source.as_str()))
    }

    fn targets(&self, text: &str) -> impl Iterator<Item = Target> {
        let found = self.pattern.captures_iter(mention::head(text)).take(MAX_MENTIONS);
        found.filter_map(|captures| {
            let mut text = String::new();
            captures.expand(&self.key, &mut text);
            let key: Key = text.parse().ok()?;
            Some(if self.hint { Target::Hint(key) } else { Target::Key(key) })
        })
    }
}

fn compile(index: usize, rule: &LinkRule) -> Result<Compiled, LinkRuleError> {
    let pattern = Regex::new(&rule.pattern).map_err(|source| LinkRuleError::Pattern { index, source })?;
    let source = rule.source.as_deref().map(glob).transpose();
    let key = |reason: String| LinkRuleError::Key { index, reason };
    // Whatever the groups will hold, the rest must be a key.
    let filled = filled(&rule.key, &pattern).map_err(key)?;
    filled.parse::<Key>().map_err(|error| key(error.to_string()))?;
    Ok(Compiled {
        place: rule.place,
        parameter: rule.parameter.clone(),
        source: source.map_err(|source| LinkRuleError::Glob { index, source })?,
        pattern,
        key: rule.key.clone(),
        hint: rule.hint,
    })
}

/// The template with a `1` for each group; an error if it names a group that the pattern has not.
fn filled(template: &str, pattern: &Regex) -> Result<String, String> {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let word = |text: &str| text.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').count();
        let name = match rest.strip_prefix('{') {
            Some(inner) => {
                let end = inner.find('}').ok_or("a ${ without its }")?;
                rest = &inner[end + 1..];
                &inner[..end]
            }
            None => {
                let (name, after) = rest.split_at(word(rest));
                rest = after;
                name
            }
        };
        let known = match name.parse::<usize>() {
            Ok(number) => number < pattern.captures_len(),
            Err(_) => pattern.capture_names().flatten().any(|known| known == name),
        };
        if !known {
            return Err(format!("the pattern has no group {name:?}: write ${{1}} for the first"));
        }
        out.push('1');
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::work::testing::key;

    fn rule(place: Place, pattern: &str, key: &str) -> LinkRule {
        LinkRule {
            place,
            parameter: None,
            source: None,
            pattern: pattern.to_owned(),
            key: key.to_owned(),
            hint: false,
        }
    }

    const TICKET: &str = "jira:acme.atlassian.net/CR/issue/CR-$1";

    #[test]
    fn a_rule_finds_what_a_company_writes_its_own_way() {
        let branch = rule(Place::Branch, r"(?i)\bcr(\d+)\b", TICKET);
        let hint = LinkRule {
            hint: true,
            parameter: Some("ticket".to_owned()),
            ..rule(Place::Parameter, r"^(\d+)$", TICKET)
        };
        let conventions = Conventions::new(&[branch, hint]).unwrap();
        let texts = [
            (Spot::Branch, "feature/CR12-basket"),
            (Spot::Title, "cr99 is not looked for here"),
            (Spot::Parameter("TICKET"), "7"),
            (Spot::Parameter("other"), "8"),
        ];
        let found = conventions.read(Source::Github, None, &texts);
        let ticket = |n: u32| key(&format!("jira:acme.atlassian.net/CR/issue/CR-{n}"));
        assert_eq!(found.rules, [Target::Key(ticket(12)), Target::Hint(ticket(7))]);
    }

    #[test]
    fn a_rule_for_one_source_looks_at_that_alone() {
        let only = LinkRule { source: Some("jenk*".to_owned()), ..rule(Place::Job, r"cr(\d+)", TICKET) };
        let conventions = Conventions::new(&[only]).unwrap();
        let rules = |source| conventions.read(source, None, &[(Spot::Job, "build-cr5")]).rules.len();
        assert_eq!((rules(Source::Jenkins), rules(Source::Github)), (1, 0));
    }

    #[test]
    fn a_rule_that_cannot_work_says_which_and_why() {
        let wrong = |pattern: &str, key: &str| {
            let good = rule(Place::Title, "x", "github:h/p/issue/1");
            Conventions::new(&[good, rule(Place::Title, pattern, key)]).unwrap_err().to_string()
        };
        assert!(wrong("(", TICKET).starts_with("links.rules[1].pattern: "));
        assert!(wrong("cr", TICKET).contains("links.rules[1].key: the pattern has no group \"1\""));
        assert!(wrong("(?<n>.)", "svn:h/p/issue/$n").contains("unknown source"));
        assert!(wrong("(?<n>.)", "github:h/p/issue/${n").contains("without its }"));
    }

    #[test]
    fn issue_keys_are_hints_in_branches_titles_and_commit_messages_only() {
        let texts = [
            (Spot::Branch, "proj-1-x"),
            (Spot::Title, "PROJ-2: x"),
            (Spot::Commit, "PROJ-3 x"),
            (Spot::Body, "PROJ-4"),
            (Spot::Job, "PROJ-5"),
        ];
        let found = Conventions::default().read(Source::Github, None, &texts);
        let keys = ["PROJ-1", "PROJ-2", "PROJ-3"].map(|key| Target::Ref(Ref::issue_key(key)));
        assert_eq!(found.issue_keys, keys);
    }
}
