//! The defaults, their documentation, the types and the description say the same.

use std::collections::BTreeSet;

use ::config::{File, FileFormat, Source as _, Value, ValueKind};

use super::*;

#[test]
fn the_description_is_a_configuration_with_the_same_effect() {
    let file = "people = true\n[ingest]\ngather = \"2ms\"\n[tags]\nkeys = [\"service\"]\n\
                [[tags.rules]]\nproject = \"a\\\\b\"\ntags = { \"deploy.type\" = \"x\\\"y\" }\n\
                [export.backends.b]\nendpoint = \"http://b\"\nheaders = \"k=v\"";
    let config = load(file, &[("VALUESTREAM__SOURCES__GITHUB__SECRETS", "a,b")]).unwrap();
    let again = load(&config.describe(), &[]).unwrap();
    assert_eq!(again.sources.github.secrets.len(), 2);
    assert_eq!(again.tags.rules, config.tags.rules);
    assert_eq!(format!("{again:?}").split("loaded:").next(), format!("{config:?}").split("loaded:").next());
    let keys = |text: &str| leaves("", &parsed(text));
    let shown = keys(&config.describe());
    assert!(keys(DEFAULTS).is_subset(&shown), "{:?}", keys(DEFAULTS).difference(&shown));
}

fn parsed(text: &str) -> Value {
    Value::new(None, File::from_str(text, FileFormat::Toml).collect().unwrap())
}

/// The keys of a file that are no sections.
fn leaves(prefix: &str, value: &Value) -> BTreeSet<String> {
    match &value.kind {
        ValueKind::Table(table) if !prefix.ends_with("headers.") => table
            .iter()
            .flat_map(|(key, value)| match leaves(&format!("{prefix}{key}."), value) {
                below if below.is_empty() && format!("{prefix}{key}") != "export.backends" => {
                    BTreeSet::from([format!("{prefix}{key}")])
                }
                below => below,
            })
            .collect(),
        _ => BTreeSet::new(),
    }
}

fn without(value: &mut Value, path: &str) {
    let ValueKind::Table(table) = &mut value.kind else { panic!("{path}") };
    match path.split_once('.') {
        Some((first, rest)) => without(table.get_mut(first).unwrap(), rest),
        None => assert!(table.remove(path).is_some()),
    }
}

#[test]
fn every_key_is_in_the_defaults_and_every_key_of_the_defaults_is_one() {
    let whole = parsed(DEFAULTS);
    let keys = leaves("", &whole);
    assert!(keys.len() > 35, "{keys:?}");
    // None is too many: the structs refuse what they do not know. None is too few: they refuse to
    // be without any.
    whole.clone().try_deserialize::<Config>().unwrap();
    for key in &keys {
        let mut less = whole.clone();
        without(&mut less, key);
        let lacking = less.try_deserialize::<Config>();
        assert!(lacking.is_err(), "{key} may be left out of the defaults");
    }
}

#[test]
fn every_key_of_the_defaults_is_documented_with_its_variable() {
    let (mut section, mut comment, mut seen) = (String::new(), String::new(), 0);
    for line in DEFAULTS.lines() {
        if let Some(text) = line.strip_prefix('#') {
            comment.push_str(text);
            comment.push('\n');
        } else if let Some(name) = line.strip_prefix('[') {
            section = format!("{}.", name.trim_end_matches(']'));
            comment.clear();
        } else if let Some((key, _)) = line.split_once(" = ") {
            let variable = format!("VALUESTREAM__{section}{key}").to_uppercase().replace('.', "__");
            let words: Vec<&str> = comment.split([' ', ',', '\n']).collect();
            assert!(
                words.contains(&variable.as_str()),
                "{section}{key} does not name {variable}:\n{comment}"
            );
            assert!(comment.lines().count() > 1, "{section}{key} says nothing of its meaning");
            seen += 1;
        } else {
            comment.clear();
        }
    }
    assert_eq!(seen, leaves("", &parsed(DEFAULTS)).len());
}
