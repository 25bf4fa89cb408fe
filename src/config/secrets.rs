//! The secrets of the listeners: those that the configuration gives, and those in the files that it
//! names. None is shown, whatever is wrong with it.

use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretString};

use super::{Config, ConfigError, JenkinsConfig, SourceConfig, read};
use crate::listener::tls::{Files, Tls, Unusable};
use crate::sources::verify::webhook;
use crate::store::postgres::Access;
use crate::work::key::Source;

/// What is wrong with a signing key, which is not repeated.
const BAD_KEY: &str = "one that begins with whsec_ is not followed by base64: copy the signing key whole, or make one with echo whsec_$(openssl rand -base64 32)";

/// The part of a source's configuration that all sources have.
struct Credentials<'a> {
    secrets: &'a [SecretString],
    secret_file: &'a Option<PathBuf>,
    allow_unsigned: bool,
}

impl Config {
    /// All secrets of a source, from the configuration and from its `secret_file`, which is read
    /// now. None means that the source is off, unless [`Config::allow_unsigned`].
    pub fn secrets(&self, source: Source) -> Result<Vec<SecretString>, ConfigError> {
        let Credentials { secrets: given, secret_file: file, .. } = self.credentials(source);
        let signs = matches!(source, Source::Gitlab | Source::Cdevents | Source::Custom);
        let usable = |secrets: &[SecretString]| {
            let secrets = secrets.iter().map(|secret| secret.expose_secret());
            !signs || secrets.filter(|text| webhook::is_key(text)).all(|text| webhook::key(text).is_some())
        };
        if !usable(given) {
            return Err(self.wrong(&format!("sources.{source}.secrets"), BAD_KEY));
        }
        let mut secrets = given.to_vec();
        if let Some(path) = file {
            let key = format!("sources.{source}.secret_file");
            let further = read::secret_file(&key, path)?;
            if !usable(&further) {
                return Err(ConfigError::File { key, path: path.clone(), problem: BAD_KEY.to_owned() });
            }
            secrets.extend(further);
        }
        Ok(secrets)
    }

    /// How the database is reached, if it is PostgreSQL. Reads the files that are named.
    pub fn database_access(&self) -> Result<Access, ConfigError> {
        let password = match &self.store.password_file {
            Some(path) => {
                let key = "store.password_file";
                let mut lines = read::secret_file(key, path)?;
                if lines.len() > 1 {
                    let problem = "has more than one line: a database has one password".to_owned();
                    return Err(ConfigError::File { key: key.to_owned(), path: path.clone(), problem });
                }
                lines.pop()
            }
            None => None,
        };
        let file = self.store.ca_certificate.as_deref();
        let authorities = Access::authorities(file).map_err(|problem| ConfigError::File {
            key: "store.ca_certificate".to_owned(),
            path: file.unwrap_or(Path::new("")).to_owned(),
            problem,
        })?;
        Ok(Access { password, authorities, connections: self.store.connections })
    }

    /// All tokens of the console, from the configuration and from `console.token_file`, which is
    /// read now. None means that it asks for none.
    pub fn console_tokens(&self) -> Result<Vec<SecretString>, ConfigError> {
        let mut tokens: Vec<SecretString> = self.console.token.iter().cloned().collect();
        if let Some(path) = &self.console.token_file {
            let key = "console.token_file".to_owned();
            let further = read::secret_file(&key, path)?;
            if !further.iter().all(|token| read::is_token(token.expose_secret())) {
                let problem = format!("a token {}", read::NO_TOKEN);
                return Err(ConfigError::File { key, path: path.clone(), problem });
            }
            tokens.extend(further);
        }
        Ok(tokens)
    }

    /// TLS of the listener for webhooks, if it has a certificate. Reads the files.
    pub fn ingest_tls(&self) -> Result<Option<Tls>, ConfigError> {
        self.tls("ingest", &self.ingest.tls_certificate, &self.ingest.tls_key)
    }

    /// The same for the console.
    pub fn console_tls(&self) -> Result<Option<Tls>, ConfigError> {
        self.tls("console", &self.console.tls_certificate, &self.console.tls_key)
    }

    fn tls(
        &self,
        section: &str,
        certificate: &Option<PathBuf>,
        key: &Option<PathBuf>,
    ) -> Result<Option<Tls>, ConfigError> {
        let alone = |setting| {
            let problem = "tls_certificate and tls_key belong together: set both or none";
            Err(self.wrong(&format!("{section}.{setting}"), problem))
        };
        match (certificate, key) {
            (None, None) => Ok(None),
            (Some(_), None) => alone("tls_certificate"),
            (None, Some(_)) => alone("tls_key"),
            (Some(certificate), Some(key)) => {
                let files = Files { certificate: certificate.clone(), key: key.clone() };
                let unusable = |Unusable { setting, path, problem }| ConfigError::File {
                    key: format!("{section}.{setting}"),
                    path,
                    problem,
                };
                Ok(Some(Tls::new(files).map_err(unusable)?))
            }
        }
    }

    /// Whether a source that has no secret believes what comes unsigned.
    pub fn allow_unsigned(&self, source: Source) -> bool {
        self.credentials(source).allow_unsigned
    }

    /// What is configured of who may deliver for a source.
    fn credentials(&self, source: Source) -> Credentials<'_> {
        let sources = &self.sources;
        let plain = match source {
            Source::Github => &sources.github,
            Source::Gitlab => &sources.gitlab,
            Source::Jira => &sources.jira,
            Source::Cdevents => &sources.cdevents,
            Source::Custom => &sources.custom,
            Source::Jenkins => {
                let JenkinsConfig { secrets, secret_file, allow_unsigned, .. } = &sources.jenkins;
                return Credentials { secrets, secret_file, allow_unsigned: *allow_unsigned };
            }
        };
        let SourceConfig { secrets, secret_file, allow_unsigned } = plain;
        Credentials { secrets, secret_file, allow_unsigned: *allow_unsigned }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::Warning;

    const KEY: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const BROKEN: &str = "whsec_hunter2-is-no-base64";

    fn config(name: &str, value: &str) -> Config {
        Config::load(None, [(format!("VALUESTREAM__SOURCES__{name}"), value.to_owned())]).unwrap()
    }

    #[test]
    fn a_signing_key_that_is_not_base64_is_an_error_that_does_not_show_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!("{KEY}\n{BROKEN}\n")).unwrap();
        let path = file.path().to_str().unwrap();
        for (source, name) in
            [(Source::Gitlab, "GITLAB"), (Source::Cdevents, "CDEVENTS"), (Source::Custom, "CUSTOM")]
        {
            for (config, key) in [
                (config(&format!("{name}__SECRETS"), &format!("{KEY},{BROKEN}")), "secrets"),
                (config(&format!("{name}__SECRETS"), "whsec_"), "secrets"),
                (config(&format!("{name}__SECRET_FILE"), path), "secret_file"),
            ] {
                let error = config.validate().unwrap_err();
                assert_eq!(config.secrets(source).unwrap_err().to_string(), error.to_string());
                let said = format!("{error}\n{error:?}");
                assert!(said.starts_with(&format!("sources.{source}.{key}")), "{said}");
                assert!(!said.contains("hunter2") && !said.contains("MfKQ"), "{said}");
            }
            assert_eq!(config(&format!("{name}__SECRETS"), KEY).validate().unwrap(), []);
        }
    }

    #[test]
    fn where_nothing_is_signed_by_standard_webhooks_a_secret_may_begin_as_it_likes() {
        for name in ["GITHUB", "JIRA", "JENKINS"] {
            assert_eq!(config(&format!("{name}__SECRETS"), BROKEN).validate().unwrap(), []);
        }
    }

    #[test]
    fn a_key_is_as_long_as_what_it_says_in_base64() {
        let warnings = config("CUSTOM__SECRETS", "whsec_MTIzNDU2Nzg5MA==").validate().unwrap();
        assert_eq!(warnings, [Warning::ShortSecret("sources.custom".into())]);
    }
}
