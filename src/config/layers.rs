//! The layers of the configuration, each brought into the shape of the defaults, and merged by the
//! `config` crate. Every value carries its origin: a file's path or a variable's name.

use std::path::Path;

use config::{Config as Tree, File, FileFormat, Map, Source, Value, ValueKind};

use super::schema::{Shape, nearest};
use super::{ConfigError, DEFAULTS, read};

/// What the variables of this program begin with.
const PREFIX: &str = "VALUESTREAM__";

/// The origin of what nobody set.
pub(super) const BY_DEFAULT: &str = "the defaults";

/// The standard variables of OpenTelemetry that say the same as a key of `[export]`: how they end,
/// that key, and the key of the one for traces alone, which wins.
const OTEL: [(&str, &str, &str); 8] = [
    // The one for traces is an address to use as it is.
    ("ENDPOINT", "endpoint", "traces_endpoint"),
    ("PROTOCOL", "protocol", "protocol"),
    ("HEADERS", "headers", "headers"),
    ("COMPRESSION", "compression", "compression"),
    ("TIMEOUT", "timeout", "timeout"),
    ("CERTIFICATE", "ca_certificate", "ca_certificate"),
    ("CLIENT_CERTIFICATE", "client_certificate", "client_certificate"),
    ("CLIENT_KEY", "client_key", "client_key"),
];

/// One layer, ready to be merged.
#[derive(Clone, Debug, Default)]
struct Layer(Map<String, Value>);

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, config::ConfigError> {
        Ok(self.0.clone())
    }
}

impl Layer {
    /// Puts a value at a path; the path's tables come into being.
    fn put(&mut self, path: &[&str], value: Value) {
        let Some((last, tables)) = path.split_last() else { return };
        let mut table = &mut self.0;
        for name in tables {
            let entry = table.entry((*name).to_owned()).or_insert_with(|| Map::<String, Value>::new().into());
            if !matches!(entry.kind, ValueKind::Table(_)) {
                entry.kind = ValueKind::Table(Map::new());
            }
            match &mut entry.kind {
                ValueKind::Table(next) => table = next,
                _ => return,
            }
        }
        table.insert((*last).to_owned(), value);
    }

    /// `endpoint` and `traces_endpoint` answer the same question. A layer that gives one of them
    /// clears the other, or a `traces_endpoint` from below would win over its `endpoint`.
    fn with_one_address(mut self) -> Self {
        let further = self.backends();
        let main = std::iter::once(vec!["export"]);
        for section in main.chain(further.iter().map(|name| vec!["export", "backends", name])) {
            let at = |key| [section.as_slice(), &[key]].concat();
            for (given, other) in [("endpoint", "traces_endpoint"), ("traces_endpoint", "endpoint")] {
                if self.text(&at(given)).is_some_and(|text| !text.is_empty())
                    && self.text(&at(other)).is_none()
                {
                    self.put(&at(other), Value::new(None, String::new()));
                }
            }
        }
        self
    }

    /// The text at a path.
    fn text(&self, path: &[&str]) -> Option<&str> {
        let (last, tables) = path.split_last()?;
        let mut table = &self.0;
        for name in tables {
            match &table.get(*name)?.kind {
                ValueKind::Table(next) => table = next,
                _ => return None,
            }
        }
        match &table.get(*last)?.kind {
            ValueKind::String(text) => Some(text),
            _ => None,
        }
    }

    /// The names of the backends beside the main one.
    fn backends(&self) -> Vec<String> {
        let below = |table: &Map<String, Value>, name: &str| match table.get(name).map(|v| v.kind.clone()) {
            Some(ValueKind::Table(table)) => table,
            _ => Map::new(),
        };
        below(&below(&self.0, "export"), "backends").keys().cloned().collect()
    }
}

/// All layers as one tree.
pub(super) fn merge<K: AsRef<str>, V: AsRef<str>>(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (K, V)>,
) -> Result<Tree, ConfigError> {
    let defaults = parse(DEFAULTS, "config/valuestream.toml")?;
    let shape = Shape::of(&defaults);
    let defaults = Layer(defaults);
    let file = file.map(|path| from_file(path, &shape)).transpose()?.unwrap_or_default();
    let variables: Vec<(K, V)> = environment.into_iter().collect();
    let otel = from_otel(&variables, &shape)?;
    let environment = from_environment(&variables, &shape)?;

    let mut backends = Layer::default();
    for name in file.backends().iter().chain(&environment.backends()) {
        for (key, value) in backend_defaults(&defaults, &shape) {
            backends.put(&["export", "backends", name, &key], value);
        }
    }
    let over = [otel, file, environment].map(Layer::with_one_address);
    let layers = [defaults, backends].into_iter().chain(over);
    let builder = layers.fold(Tree::builder(), |builder, layer| builder.add_source(layer));
    builder.build().map_err(|error| ConfigError::Value {
        key: "the configuration".to_owned(),
        origin: BY_DEFAULT.to_owned(),
        problem: error.to_string(),
    })
}

/// What a backend has that does not say otherwise.
fn backend_defaults(defaults: &Layer, shape: &Shape) -> Vec<(String, Value)> {
    let Some(Shape::Named(keys)) = shape.at("export").and_then(|export| export.at("backends")) else {
        return Vec::new();
    };
    match defaults.0.get("export").map(|export| export.kind.clone()) {
        Some(ValueKind::Table(export)) => {
            export.into_iter().filter(|(key, _)| keys.contains_key(key)).collect()
        }
        _ => Vec::new(),
    }
}

fn parse(text: &str, path: &str) -> Result<Map<String, Value>, ConfigError> {
    File::from_str(text, FileFormat::Toml).collect().map_err(|error| ConfigError::Syntax {
        path: path.to_owned(),
        problem: without_lines(&error.to_string()),
    })
}

/// A parser's message without the lines it quotes: they can hold a secret.
fn without_lines(message: &str) -> String {
    let quoted = |line: &str| {
        let rest = line.trim_start().trim_start_matches(|c: char| c.is_ascii_digit());
        rest.trim_start().starts_with('|')
    };
    let kept: Vec<&str> =
        message.lines().map(str::trim).filter(|line| !line.is_empty() && !quoted(line)).collect();
    kept.join(": ")
}

fn from_file(path: &Path, shape: &Shape) -> Result<Layer, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    let origin = path.display().to_string();
    let context = Context { origin: &origin, shape, spell: &|key| key.to_owned() };
    match context.fit("", shape, ValueKind::Table(parse(&text, &origin)?))?.kind {
        ValueKind::Table(table) => Ok(Layer(table)),
        _ => Ok(Layer::default()),
    }
}

fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.to_uppercase().replace('.', "__"))
}

fn from_environment<K: AsRef<str>, V: AsRef<str>>(
    variables: &[(K, V)],
    root: &Shape,
) -> Result<Layer, ConfigError> {
    let mut layer = Layer::default();
    for (name, value) in variables {
        let (name, value) = (name.as_ref(), value.as_ref());
        let context = Context { origin: name, shape: root, spell: &variable };
        let Some(path) = name.strip_prefix(PREFIX).map(str::to_lowercase) else {
            misspelt_prefix(name, root)?;
            continue;
        };
        if value.is_empty() {
            continue;
        }
        let path: Vec<&str> = path.split("__").collect();
        let (shape, known) = context.find(&path)?;
        let key = path.join(".");
        if value.contains(char::REPLACEMENT_CHARACTER) {
            return Err(context.wrong(&key, "is not UTF-8"));
        }
        let problem = match shape {
            _ if known < path.len() => "headers go into one variable, as name=value,name=value",
            Shape::Section(_) | Shape::Named(_) => "is a section, not a key",
            Shape::Rules => "rules can only be written in a file given with --config",
            _ => {
                layer.put(&path, context.fit(&key, shape, ValueKind::String(value.to_owned()))?);
                continue;
            }
        };
        return Err(context.wrong(&key, problem));
    }
    Ok(layer)
}

/// `VALUESTREAM_CONSOLE_TOKEN` is silently nothing, and then the console is open: better an error.
fn misspelt_prefix(name: &str, root: &Shape) -> Result<(), ConfigError> {
    let words = |text: &str| {
        text.to_uppercase().split(['_', '.']).filter(|w| !w.is_empty()).collect::<Vec<_>>().join("_")
    };
    let Some(rest) = name.strip_prefix("VALUESTREAM_") else { return Ok(()) };
    match root.keys().iter().find(|key| key.contains('.') && words(key) == words(rest)) {
        Some(key) => Err(ConfigError::UnknownKey {
            key: rest.to_lowercase(),
            origin: name.to_owned(),
            hint: Some(variable(key)),
        }),
        None => Ok(()),
    }
}

fn from_otel<K: AsRef<str>, V: AsRef<str>>(variables: &[(K, V)], root: &Shape) -> Result<Layer, ConfigError> {
    let mut layer = Layer::default();
    let general = OTEL.map(|(suffix, key, _)| (format!("OTEL_EXPORTER_OTLP_{suffix}"), key));
    let traces = OTEL.map(|(suffix, _, key)| (format!("OTEL_EXPORTER_OTLP_TRACES_{suffix}"), key));
    for (name, key) in general.into_iter().chain(traces) {
        let given = variables.iter().find(|(given, _)| given.as_ref() == name);
        let Some(value) = given.map(|(_, value)| value.as_ref().trim()).filter(|value| !value.is_empty())
        else {
            continue;
        };
        let context = Context { origin: &name, shape: root, spell: &variable };
        let path = ["export", key];
        let dotted = path.join(".");
        // There the unit is always the millisecond, and is not written.
        let value = match key {
            "timeout" if value.parse::<u64>().is_err() => {
                return Err(context.wrong(&dotted, "write milliseconds without a unit, such as 10000"));
            }
            "timeout" => format!("{value}ms"),
            _ => value.to_owned(),
        };
        let (shape, _) = context.find(&path)?;
        layer.put(&path, context.fit(&dotted, shape, ValueKind::String(value))?);
    }
    Ok(layer)
}

/// A layer while it is read.
struct Context<'a> {
    origin: &'a str,
    shape: &'a Shape,
    /// How a key is written in this layer.
    spell: &'a dyn Fn(&str) -> String,
}

impl Context<'_> {
    fn wrong(&self, key: &str, problem: impl Into<String>) -> ConfigError {
        ConfigError::Value { key: key.to_owned(), origin: self.origin.to_owned(), problem: problem.into() }
    }

    fn unknown(&self, key: &str) -> ConfigError {
        let mut known = self.shape.keys();
        // A misspelt key of a backend is near to one of the same backend.
        if let Some(name) = key.strip_prefix("export.backends.").and_then(|rest| rest.split('.').next()) {
            known.iter_mut().for_each(|key| *key = key.replacen("NAME", name, 1));
        }
        known.retain(|key| !key.contains("NAME"));
        let hint = nearest(key, &known).map(|key| (self.spell)(&key));
        ConfigError::UnknownKey { key: key.to_owned(), origin: self.origin.to_owned(), hint }
    }

    /// The shape at a path and how many of its segments it took to come there: all of them, unless
    /// the path goes on below headers.
    fn find(&self, path: &[&str]) -> Result<(&Shape, usize), ConfigError> {
        let (mut shape, mut named) = (self.shape, None);
        for (at, segment) in path.iter().enumerate() {
            let next = match (shape, named) {
                (Shape::Headers, _) => return Ok((shape, at)),
                (Shape::Named(keys), None) => {
                    self.backend_name(&path[..=at].join("."), segment)?;
                    named = Some(keys);
                    continue;
                }
                (_, Some(keys)) => keys.get(*segment),
                (shape, None) => shape.at(segment),
            };
            named = None;
            shape = next.ok_or_else(|| self.unknown(&path[..=at].join(".")))?;
        }
        Ok((shape, path.len()))
    }

    fn backend_name(&self, key: &str, name: &str) -> Result<(), ConfigError> {
        let usable = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_');
        match name {
            super::MAIN_BACKEND => {
                Err(self.wrong(key, "this name stands for [export] itself: choose another"))
            }
            "" => Err(self.wrong(key, "a backend needs a name")),
            name if name.len() <= 40 && name.bytes().all(usable) => Ok(()),
            _ => Err(self.wrong(
                key,
                "a backend's name has up to 40 lower-case letters, digits, dashes and underscores",
            )),
        }
    }

    /// A value in the given shape, or what is wrong with it.
    fn fit(&self, key: &str, shape: &Shape, value: ValueKind) -> Result<Value, ConfigError> {
        let kind = match (shape, value) {
            (Shape::Section(keys), ValueKind::Table(table)) => {
                ValueKind::Table(
                    self.fit_table(key, table, |key, name| keys.get(name).ok_or_else(|| self.unknown(key)))?,
                )
            }
            (Shape::Named(keys), ValueKind::Table(table)) => {
                let backend = Shape::Section(keys.clone());
                ValueKind::Table(
                    self.fit_table(key, table, |key, name| self.backend_name(key, name).map(|()| &backend))?,
                )
            }
            (Shape::Section(_) | Shape::Named(_), _) => {
                return Err(self.wrong(key, "is a section: write [section] and its keys below"));
            }
            (Shape::Flag, ValueKind::Boolean(flag)) => ValueKind::Boolean(flag),
            (Shape::Flag, ValueKind::String(text)) => match text.to_lowercase().as_str() {
                "true" => ValueKind::Boolean(true),
                "false" => ValueKind::Boolean(false),
                _ => return Err(self.wrong(key, "write true or false")),
            },
            (Shape::Flag, _) => return Err(self.wrong(key, "write true or false")),
            (Shape::Number, ValueKind::I64(number)) if number >= 0 => ValueKind::I64(number),
            (Shape::Number, ValueKind::String(text)) => match text.parse::<i64>() {
                Ok(number) if number >= 0 => ValueKind::I64(number),
                _ => return Err(self.wrong(key, "write a whole number, not negative")),
            },
            (Shape::Number, _) => return Err(self.wrong(key, "write a whole number, not negative")),
            (Shape::Text, ValueKind::String(text)) => ValueKind::String(text),
            (Shape::Text, _) => return Err(self.wrong(key, "write a text, in quotes")),
            (Shape::List, ValueKind::String(text)) => {
                let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
                ValueKind::Array(parts.map(|part| self.own(ValueKind::String(part.to_owned()))).collect())
            }
            (Shape::List, ValueKind::Array(list)) => {
                let usable =
                    |v: &Value| matches!(&v.kind, ValueKind::String(text) if !text.trim().is_empty());
                if !list.iter().all(usable) {
                    return Err(self.wrong(key, "write a list of texts in quotes, none of them empty"));
                }
                ValueKind::Array(list.into_iter().map(|v| self.own(v.kind)).collect())
            }
            (Shape::List, _) => {
                return Err(self.wrong(key, "write a list, [\"a\", \"b\"], or one text with commas"));
            }
            (Shape::Rules, ValueKind::Array(rules)) => ValueKind::Array(rules),
            (Shape::Rules, _) => {
                return Err(self.wrong(key, "write the rules as tables, under [[tags.rules]]"));
            }
            (Shape::Headers, value) => {
                let headers = read::headers(value).map_err(|problem| self.wrong(key, problem))?;
                let owned = |(name, value)| (name, self.own(ValueKind::String(value)));
                ValueKind::Table(headers.into_iter().map(owned).collect())
            }
        };
        Ok(self.own(kind))
    }

    fn fit_table<'s>(
        &self,
        key: &str,
        table: Map<String, Value>,
        shape: impl Fn(&str, &str) -> Result<&'s Shape, ConfigError>,
    ) -> Result<Map<String, Value>, ConfigError> {
        let dot = if key.is_empty() { "" } else { "." };
        let fit = |(name, value): (String, Value)| {
            let key = format!("{key}{dot}{name}");
            let value = self.fit(&key, shape(&key, &name)?, value.kind)?;
            Ok((name, value))
        };
        table.into_iter().map(fit).collect()
    }

    fn own(&self, kind: ValueKind) -> Value {
        Value::new(Some(&self.origin.to_owned()), kind)
    }
}
