//! The configuration: `config/valuestream.toml` documents every key and holds the defaults; over
//! it come the standard `OTEL_EXPORTER_OTLP_*` variables, the file given with `--config` and
//! `VALUESTREAM__SECTION__KEY` in the environment. `layers` makes one tree of them in which every
//! value knows its origin, `sections` gives it types, `check` holds the parts against each other,
//! `describe` shows what is in force.
//!
//! A secret is a [`SecretString`](secrecy::SecretString) from here on; no error and no description contains one.

mod check;
mod describe;
mod error;
mod layers;
mod public_url;
mod read;
mod schema;
mod secrets;
mod sections;
mod trace_url;

use std::path::Path;

pub use check::Warning;
pub use error::ConfigError;
pub use public_url::PublicUrl;
pub use sections::{
    Ages, BackendSettings, ConsoleConfig, ExportSettings, IngestConfig, InsightConfig, JenkinsConfig,
    LinksConfig, LogConfig, LogFormat, RetentionConfig, SourceConfig, SourcesConfig, StoreConfig, StoreUrl,
    TagsConfig,
};
use serde::Deserialize;
pub use trace_url::TraceUrl;

use crate::export::backend::{Backend, BackendError};
use crate::insight::environment::Environments;
use crate::insight::population;
use crate::insight::query::Tier;
use crate::store::Retention;
use crate::work::convention::Conventions;
use crate::work::tags::Tagger;

/// The file that documents every key and holds the defaults.
pub const DEFAULTS: &str = include_str!("../../config/valuestream.toml");

/// The name of the backend that `[export]` itself describes, beside those of `[export.backends]`.
pub const MAIN_BACKEND: &str = "default";

/// Everything that can be configured.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Whether people's logins may be kept, shown and exported.
    pub people: bool,
    /// The listener for webhooks.
    pub ingest: IngestConfig,
    /// The listener for people and monitoring.
    pub console: ConsoleConfig,
    /// Where work items are kept.
    pub store: StoreConfig,
    /// How long what is over is kept.
    pub retention: RetentionConfig,
    /// The senders.
    pub sources: SourcesConfig,
    /// Where spans are sent.
    pub export: ExportSettings,
    /// What people slice by.
    pub tags: TagsConfig,
    /// How a company says what belongs together.
    pub links: LinksConfig,
    /// What is made of the items.
    pub insight: InsightConfig,
    /// The program's own log.
    pub log: LogConfig,
    /// What was loaded, and from where, with the secrets masked.
    #[serde(skip)]
    loaded: describe::Loaded,
}

impl Config {
    /// Puts together the defaults, `file` and `environment`. What is there is of the right type
    /// after this; [`Config::validate`] says whether it makes sense.
    pub fn load<K, V>(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (K, V)>,
    ) -> Result<Self, ConfigError>
    where
        K: AsRef<str>,
        V: AsRef<str>,
    {
        let tree = layers::merge(file, environment)?;
        let loaded = describe::Loaded::of(&tree);
        let config: Config = tree.try_deserialize().map_err(|error| loaded.explain(error))?;
        Ok(Config { loaded, ..config })
    }

    /// What is in force, as TOML, with secrets as `"***"` and the origin of all that is not a
    /// default. Shows what [`Config::load`] read, not what was changed in the fields since.
    pub fn describe(&self) -> String {
        self.loaded.to_string()
    }

    /// The rules and keys for tags, ready for use.
    pub fn tagger(&self) -> Result<Tagger, ConfigError> {
        Ok(Tagger::new(&self.tags.keys, &self.tags.rules)?)
    }

    /// The rules that find items in texts, ready for use.
    pub fn conventions(&self) -> Result<Conventions, ConfigError> {
        Ok(Conventions::new(&self.links.rules)?)
    }

    /// Which environments are for what.
    pub fn environments(&self) -> Result<Environments, ConfigError> {
        let insight = &self.insight;
        let tiers = [
            (Tier::Production, "production", &insight.production),
            (Tier::Staging, "staging", &insight.staging),
            (Tier::Development, "development", &insight.development),
        ];
        for (_, key, globs) in tiers {
            if let Err(error) = Environments::new(&[(Tier::Other, globs)]) {
                return Err(self.wrong(&format!("insight.{key}"), error.to_string()));
            }
        }
        Environments::new(&tiers.map(|(tier, _, globs)| (tier, globs.as_slice())))
            .map_err(|error| self.wrong("insight", error.to_string()))
    }

    /// How long what is over is kept.
    pub fn retention(&self) -> Retention {
        Retention::new(self.retention.items.micros(), self.retention.deliveries.map(sections::micros))
    }

    /// What insight needs to know: the keys of tags, the environments' tiers, and incidents' labels.
    pub fn insight(&self) -> Result<population::Settings, ConfigError> {
        Ok(population::Settings {
            tag_keys: self.tagger()?.keys().to_vec(),
            environments: self.environments()?,
            incident_labels: self.insight.incident_labels.clone(),
            stuck_after: self.insight.stuck_after.micros().collect(),
        })
    }

    /// All backends that have an endpoint, the main one first, the others by name.
    pub fn backends(&self) -> Result<Vec<Backend>, BackendError> {
        let main = std::iter::once((MAIN_BACKEND, &self.export.main));
        let further = self.export.backends.iter().map(|(name, settings)| (name.as_str(), settings));
        main.chain(further).filter_map(|(name, settings)| Backend::new(name, settings).transpose()).collect()
    }
}

/// The process's environment, as [`Config::load`] takes it. What is not UTF-8 comes with the
/// replacement character, which `load` refuses in the variables that concern it.
pub fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()))
}

#[cfg(test)]
mod tests;
