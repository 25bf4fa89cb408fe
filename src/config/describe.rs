//! What was loaded and from where, with the secrets masked: for `check-config`, and for saying
//! where a value that is of no use comes from.

use std::collections::BTreeMap;
use std::fmt;

use config::{Config as Tree, ConfigError as TreeError, Value, ValueKind};

use super::ConfigError;
use super::layers::BY_DEFAULT;
use crate::store::postgres::PostgresUrl;

/// What stands for a secret.
const MASK: &str = "\"***\"";

/// The loaded keys, by section and name.
#[derive(Clone, Debug, Default)]
pub(super) struct Loaded {
    sections: BTreeMap<String, BTreeMap<String, Entry>>,
}

#[derive(Clone, Debug)]
struct Entry {
    /// As TOML, masked.
    value: String,
    /// The file or the variable, unless it is a default.
    origin: Option<String>,
}

impl Loaded {
    pub(super) fn of(tree: &Tree) -> Self {
        let mut loaded = Loaded::default();
        loaded.collect("", &tree.cache);
        loaded
    }

    fn collect(&mut self, section: &str, value: &Value) {
        let ValueKind::Table(table) = &value.kind else { return };
        let dot = if section.is_empty() { "" } else { "." };
        for (name, value) in table {
            let key = format!("{section}{dot}{name}");
            match &value.kind {
                ValueKind::Table(_) if name != "headers" => self.collect(&key, value),
                _ => {
                    let entry = Entry { value: shown(&key, value), origin: origin_of(value) };
                    self.sections.entry(section.to_owned()).or_default().insert(name.clone(), entry);
                }
            }
        }
    }

    /// Where the value at `key` comes from.
    pub(super) fn origin(&self, key: &str) -> String {
        let (section, name) = key.rsplit_once('.').unwrap_or(("", key));
        let entry = self.sections.get(section).and_then(|section| section.get(name));
        entry.and_then(|entry| entry.origin.clone()).unwrap_or_else(|| BY_DEFAULT.to_owned())
    }

    /// A failure to give the tree its types, as an error that names key and origin.
    pub(super) fn explain(&self, error: TreeError) -> ConfigError {
        let (key, problem) = told(error);
        // The crate writes `rules[0]tags`.
        let key = key.map_or_else(|| "the configuration".to_owned(), |key| dotted(&key));
        // Below a list and below headers there is one origin for all.
        let whole = key.split('[').next().unwrap_or(&key);
        let whole = whole.find(".headers.").map_or(whole, |at| &whole[..at + ".headers".len()]);
        ConfigError::Value { origin: self.origin(whole), problem, key }
    }
}

fn dotted(key: &str) -> String {
    key.replace(']', "].").replace("]..", "].").replace("].[", "][").trim_end_matches('.').to_owned()
}

/// The key and what is wrong, without a value that can be a secret.
fn told(error: TreeError) -> (Option<String>, String) {
    match error {
        TreeError::Type { unexpected, expected, key, .. } => {
            let secret = key.as_deref().is_some_and(is_secret);
            let found = if secret { String::new() } else { format!(", found {unexpected}") };
            (key, format!("expected {expected}{found}"))
        }
        TreeError::At { error, key, .. } => (key, told(*error).1),
        TreeError::NotFound(key) => (Some(key), "is missing".to_owned()),
        other => (None, other.to_string()),
    }
}

/// Whether what stands at a key must not be shown.
fn is_secret(key: &str) -> bool {
    let name = key.rsplit('.').next().unwrap_or(key);
    let below_headers = key.split('.').any(|part| part == "headers");
    name == "token" || name.starts_with("secrets") || below_headers
}

fn origin_of(value: &Value) -> Option<String> {
    match &value.kind {
        ValueKind::Table(table) => {
            let mut all: Vec<String> = table.values().filter_map(origin_of).collect();
            all.sort();
            all.dedup();
            (!all.is_empty()).then(|| all.join(", "))
        }
        // The elements of a list come from where the list comes from.
        _ => value.origin().map(str::to_owned),
    }
}

/// A value as TOML.
fn shown(key: &str, value: &Value) -> String {
    match &value.kind {
        ValueKind::Table(table) if table.is_empty() => "{}".to_owned(),
        ValueKind::Table(table) => {
            let sorted: BTreeMap<_, _> = table.iter().collect();
            let shown =
                |(name, value): (&String, &Value)| format!("{} = {}", quoted(name), shown(key, value));
            format!("{{ {} }}", sorted.into_iter().map(shown).collect::<Vec<_>>().join(", "))
        }
        ValueKind::Array(list) => {
            let shown: Vec<String> = list.iter().map(|value| shown(key, value)).collect();
            format!("[{}]", shown.join(", "))
        }
        ValueKind::String(text) if text.is_empty() => "\"\"".to_owned(),
        _ if is_secret(key) => MASK.to_owned(),
        ValueKind::String(text) if key == "store.url" => quoted(&without_password(text)),
        ValueKind::String(text) if key.ends_with("endpoint") => quoted(&without_query(text)),
        ValueKind::String(text) => quoted(text),
        other => other.to_string(),
    }
}

/// An address without what may hold a key.
fn without_query(address: &str) -> String {
    match address.find(['?', '#']) {
        Some(at) => format!("{}***", &address[..=at]),
        None => address.to_owned(),
    }
}

/// A database's address without what may be a password.
fn without_password(address: &str) -> String {
    match address.starts_with("sqlite:") {
        true => address.to_owned(),
        false => address.parse::<PostgresUrl>().map_or_else(|_| "***".to_owned(), |url| url.to_string()),
    }
}

/// A text in quotes, the way JSON and TOML both have it.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

impl fmt::Display for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (section, entries) in &self.sections {
            if !section.is_empty() {
                writeln!(f, "\n[{section}]")?;
            }
            for (name, entry) in entries {
                match &entry.origin {
                    Some(origin) => writeln!(f, "{name} = {}  # {origin}", entry.value)?,
                    None => writeln!(f, "{name} = {}", entry.value)?,
                }
            }
        }
        Ok(())
    }
}
