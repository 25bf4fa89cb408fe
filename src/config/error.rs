//! Why a configuration is refused.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::work::convention::LinkRuleError;
use crate::work::tags::RuleError;

/// Why there is no usable configuration. Names the key and where its value comes from.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file given with `--config` cannot be read.
    #[error("cannot read the configuration file {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("{path} is not TOML: {problem}")]
    Syntax {
        /// The file.
        path: String,
        /// Where and what, without the line itself, which can hold a secret.
        problem: String,
    },
    /// There is no such key.
    #[error("unknown key {key} in {origin}{}", .hint.as_deref().map(|hint| format!(": did you mean {hint}?")).unwrap_or_default())]
    UnknownKey {
        /// The key, with dots.
        key: String,
        /// The file or the environment variable.
        origin: String,
        /// A key that exists and looks much like it, in the terms of the origin.
        hint: Option<String>,
    },
    /// A value is of no use.
    #[error("{key} in {origin}: {problem}")]
    Value {
        /// The key, with dots.
        key: String,
        /// The file or the environment variable; `the defaults` for what nobody set.
        origin: String,
        /// What is wrong and what to write instead.
        problem: String,
    },
    /// A rule that finds items in texts cannot be used.
    #[error(transparent)]
    Links(#[from] LinkRuleError),
    /// A rule or a key for tags cannot be used.
    #[error(transparent)]
    Tags(#[from] RuleError),
    /// The console would be open to everybody.
    #[error(
        "console.listen is {0}, which other machines can reach, and there is no console.token: set VALUESTREAM__CONSOLE__TOKEN, or listen on 127.0.0.1, or set console.allow_open = true if something in front of it asks who is there"
    )]
    OpenConsole(SocketAddr),
    /// Both listeners want the same port.
    #[error(
        "ingest.listen ({ingest}) and console.listen ({console}) want the same port: give them different ones"
    )]
    SamePort {
        /// Where webhooks come in.
        ingest: SocketAddr,
        /// Where the console is.
        console: SocketAddr,
    },
    /// A file that the configuration names cannot be used.
    #[error("{key}: {path}: {problem}")]
    File {
        /// The key that names it.
        key: String,
        /// The file.
        path: PathBuf,
        /// Why not.
        problem: String,
    },
}
