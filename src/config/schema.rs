//! Which keys there are, and what may stand at each, read off the defaults file.

use std::collections::BTreeMap;

use config::{Map, Value, ValueKind};

/// What may stand at a key.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    /// A table with these keys.
    Section(BTreeMap<String, Shape>),
    /// A table of tables: any name, then these keys.
    Named(BTreeMap<String, Shape>),
    /// Header names and values.
    Headers,
    /// Rules for tags or links, checked by their own types.
    Rules,
    /// Texts.
    List,
    /// A text.
    Text,
    /// A whole number, not negative.
    Number,
    /// True or false.
    Flag,
}

impl Shape {
    /// The shape of the whole configuration.
    pub(super) fn of(defaults: &Map<String, Value>) -> Self {
        let mut root = Shape::Section(section("", defaults));
        if let Shape::Section(sections) = &mut root
            && let Some(Shape::Section(export)) = sections.get_mut("export")
        {
            let mut backend = export.clone();
            backend.retain(|key, _| key != "settle" && key != "backends");
            export.insert("backends".to_owned(), Shape::Named(backend));
        }
        root
    }

    /// The shape at the next segment of a key.
    pub(super) fn at(&self, segment: &str) -> Option<&Shape> {
        match self {
            Shape::Section(keys) => keys.get(segment),
            _ => None,
        }
    }

    /// Every key below, tables too, with dots; the name of a backend as `NAME`.
    pub(super) fn keys(&self) -> Vec<String> {
        let mut all = Vec::new();
        self.collect("", &mut all);
        all
    }

    fn collect(&self, prefix: &str, all: &mut Vec<String>) {
        let (keys, prefix) = match self {
            Shape::Section(keys) => (keys, prefix.to_owned()),
            Shape::Named(keys) => (keys, format!("{prefix}NAME.")),
            _ => return,
        };
        for (key, shape) in keys {
            let key = format!("{prefix}{key}");
            shape.collect(&format!("{key}."), all);
            all.push(key);
        }
    }
}

fn section(prefix: &str, table: &Map<String, Value>) -> BTreeMap<String, Shape> {
    let shape = |(key, value): (&String, &Value)| {
        let path = format!("{prefix}{key}");
        let shape = match (path.as_str(), &value.kind) {
            ("export.headers", _) => Shape::Headers,
            ("tags.rules" | "links.rules", _) => Shape::Rules,
            (_, ValueKind::Table(table)) => Shape::Section(section(&format!("{path}."), table)),
            (_, ValueKind::Array(_)) => Shape::List,
            (_, ValueKind::Boolean(_)) => Shape::Flag,
            (_, ValueKind::String(_)) => Shape::Text,
            _ => Shape::Number,
        };
        (key.clone(), shape)
    };
    table.iter().map(shape).collect()
}

/// The known key that an unknown one was probably meant to be: the same last word in another
/// section, else the one that takes the fewest changes.
pub(super) fn nearest(unknown: &str, known: &[String]) -> Option<String> {
    let last = |key: &str| key.rsplit('.').next().map(str::to_owned);
    let close = |key: &&String| {
        let allowed = (unknown.len() / 3).clamp(1, 4);
        distance(unknown, key) <= allowed
    };
    let by_distance = known.iter().filter(close).min_by_key(|key| distance(unknown, key));
    let elsewhere = || {
        let mut same = known.iter().filter(|key| last(key) == last(unknown));
        same.next().filter(|_| same.next().is_none())
    };
    by_distance.or_else(elsewhere).cloned()
}

/// Levenshtein's distance, in bytes.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}
