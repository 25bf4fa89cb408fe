//! Which rule gave an item each of its tags: the same statements, in the same order, from which
//! [`Tagger::tags`] makes the tags, with where each was made and what it overruled.

use std::collections::BTreeMap;
use std::fmt;

use super::{Origin, Tagger};
use crate::work::item::Item;
use crate::work::key::Key;
use crate::work::link::Place;

/// A statement that an item has a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The value.
    pub value: String,
    /// The item that says so: it itself, or one above it.
    pub by: Key,
    /// Where it says so, in words.
    pub origin: String,
}

/// A tag, and where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// The tag's key.
    pub key: String,
    /// What was said of it, in order. The last one counts.
    pub statements: Vec<Statement>,
}

/// Where an item's tags come from.
pub fn explain(item: &Item, place: &Place, tagger: &Tagger) -> Vec<Explained> {
    let mut tags: BTreeMap<String, Vec<Statement>> = BTreeMap::new();
    let above = place.ancestors.iter().rev().filter_map(|ancestor| ancestor.item.as_ref());
    for speaker in above.chain([item]) {
        tagger.say(speaker, |key, value, origin| {
            let statement =
                Statement { value: value.to_owned(), by: speaker.key.clone(), origin: origin.to_string() };
            tags.entry(key.to_owned()).or_default().push(statement);
        });
    }
    tags.into_iter().map(|(key, statements)| Explained { key, statements }).collect()
}

impl fmt::Display for Origin<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Language => f.write_str("the repository's language"),
            Origin::Topic(topic) => write!(f, "the repository's topic {topic:?}"),
            Origin::Property(name) => write!(f, "the custom property {name:?}"),
            Origin::Rule(index) => write!(f, "tags.rules[{index}]"),
            Origin::Label(label) => write!(f, "the label {label:?}"),
            Origin::Parameter(name) => write!(f, "the parameter {name:?}"),
            Origin::Given => f.write_str("the event's own tags"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::event::{Relation, Target};
    use crate::work::lattice::Latest;
    use crate::work::tags::Tags;
    use crate::work::testing::{World, acme, cycle, related, run, stamp};

    #[test]
    fn every_tag_says_which_item_and_which_rule_gave_it_and_what_that_overruled() {
        let mut world = World::default();
        let mut issue = cycle(acme("issue/1"), 0, &[], &[]);
        let labels = ["team:payments".to_owned(), "deploy.type:container".to_owned()];
        issue.facts.marks.labels = Some(Latest::new(stamp(0), labels.into_iter().collect()));
        issue.facts.marks.language = Some(Latest::new(stamp(0), "Rust".to_owned()));
        world.see(issue);
        let deploy = run(acme("deploy/2"), 10, None);
        let mut deploy = related(deploy, Relation::Token, vec![Target::Key(acme("issue/1"))]);
        let parameters = [("DEPLOY_TYPE".to_owned(), "mutable".to_owned())];
        deploy.facts.marks.parameters = Some(Latest::new(stamp(0), parameters.into_iter().collect()));
        let deploy = world.see(deploy);
        let place = world.export(&deploy);

        let tagger = Tagger::default();
        let explained = explain(&deploy, &place, &tagger);
        let told: Vec<String> = explained
            .iter()
            .flat_map(|tag| {
                tag.statements.iter().map(|s| format!("{}={} {} {}", tag.key, s.value, s.by.kind(), s.origin))
            })
            .collect();
        assert_eq!(
            told,
            [
                "deploy.type=container issue the label \"deploy.type:container\"",
                "deploy.type=mutable deploy the parameter \"DEPLOY_TYPE\"",
                "language=rust issue the repository's language",
                "team=payments issue the label \"team:payments\"",
            ]
        );
        let last = |tag: &Explained| Some((tag.key.clone(), tag.statements.last()?.value.clone()));
        let counting: Tags = explained.iter().filter_map(last).collect();
        assert_eq!(counting, tagger.tags(&deploy, &place.inherited(&tagger)), "what counts is what it has");
    }
}
