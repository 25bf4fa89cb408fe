//! What is deployed by: manifests, unit, Compose file and image, held against the program. They are read as text
//! and asked of the program's own loader, so that a key that is renamed here cannot stay there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use valuestream::config::{Config, ConfigError};

/// Neither network nor orchestrator is exact: this much between two time limits, one within the other.
const MARGIN: Duration = Duration::from_secs(5);

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every file below a directory but what is not in the repository.
fn below(directory: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true if path.ends_with("secrets") => {}
            true => below(&path, files),
            false => files.push(path),
        }
    }
}

/// Everything that is deployed by, in order.
fn deployed() -> Vec<PathBuf> {
    let mut files = vec![root().join("Dockerfile"), root().join("docker-compose.yml")];
    for directory in ["kubernetes", "systemd", "compose"] {
        below(&root().join("config").join(directory), &mut files);
    }
    files.sort();
    files
}

/// Lines without comments, each as its key and its value, both possibly empty.
fn settings(text: &str, separator: char) -> impl Iterator<Item = (&str, &str)> {
    let lines = text.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    lines.filter_map(move |line| {
        let (key, value) = line.split_once(separator)?;
        Some((key.trim_start_matches("- ").trim(), value.trim()))
    })
}

fn shutdown() -> Duration {
    let none: [(&str, &str); 0] = [];
    Config::load(None, none).unwrap().ingest.shutdown
}

fn seconds(text: &str) -> Duration {
    Duration::from_secs(text.trim_end_matches('s').parse().unwrap_or_else(|_| panic!("{text} is no number")))
}

#[test]
fn every_variable_that_a_deployment_sets_exists() {
    let (mut seen, mut files) = (BTreeSet::new(), deployed());
    files.push(root().join("docs/deploying.md"));
    for path in files {
        let text = read(&path);
        for (at, _) in text.match_indices("VALUESTREAM__") {
            let named = |c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_');
            let name = text[at..].split(named).next().unwrap_or_default();
            seen.insert(name.to_owned());
            if let Err(error @ ConfigError::UnknownKey { .. }) = Config::load(None, [(name, "x")]) {
                panic!("{}: {error}", path.display());
            }
        }
    }
    assert!(seen.len() > 8, "the files name hardly any variable, are they read? {seen:?}");
}

#[test]
fn every_configuration_that_is_deployed_is_one() {
    let none: [(&str, &str); 0] = [];
    let files: Vec<PathBuf> =
        deployed().into_iter().filter(|path| path.extension().is_some_and(|end| end == "toml")).collect();
    assert_eq!(files.len(), 3, "{files:?}");
    for path in files {
        Config::load(Some(&path), none).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

#[test]
fn whoever_stops_it_waits_longer_than_it_takes() {
    let mut limits = 0;
    for path in deployed() {
        let text = read(&path);
        let unit = path.extension().is_some_and(|end| end == "service");
        let of = |key: &str| -> Vec<Duration> {
            let separator = if unit { '=' } else { ':' };
            let found = settings(&text, separator).filter(|(name, _)| *name == key);
            found.map(|(_, value)| seconds(value)).collect()
        };
        // The pod's time begins before preStop, which is the only thing here that counts `seconds`.
        let before: Duration = of("seconds").into_iter().sum();
        for key in ["terminationGracePeriodSeconds", "stop_grace_period", "TimeoutStopSec"] {
            for limit in of(key) {
                let needed = before + shutdown() + MARGIN;
                assert!(limit >= needed, "{}: {key} is {limit:?}, not {needed:?}", path.display());
                limits += 1;
            }
        }
    }
    assert!(limits >= 5, "only {limits} time limits were found");
}

#[test]
fn the_manifests_name_the_version_that_they_are_of() {
    for variant in ["postgres", "sqlite"] {
        let path = root().join("config/kubernetes").join(variant).join("kustomization.yaml");
        let text = read(&path);
        let tags: Vec<&str> =
            settings(&text, ':').filter(|(key, _)| *key == "newTag").map(|(_, tag)| tag).collect();
        assert_eq!(tags, [env!("CARGO_PKG_VERSION")], "{}", path.display());
    }
}

#[test]
fn every_image_of_others_has_a_tag_that_stays() {
    for path in deployed() {
        for (_, image) in settings(&read(&path), ':').filter(|(key, _)| *key == "image") {
            if image == "valuestream" {
                // Built here, or given its name and tag by the kustomization.
                continue;
            }
            let tag = image.rsplit('/').next().and_then(|name| name.split_once(':')).map(|(_, tag)| tag);
            let stays = tag.is_some_and(|tag| tag.bytes().any(|byte| byte.is_ascii_digit()));
            assert!(stays, "{}: {image} has no version", path.display());
        }
    }
}

#[test]
fn every_secret_that_is_read_is_one_that_is_handed_over() {
    let guide = read(&root().join("docs/deploying.md"));
    let compose = read(&root().join("docker-compose.yml"));
    let mut read_from = 0;
    for path in deployed() {
        let text = read(&path);
        for (_, file) in settings(&text, '=').chain(settings(&text, ':')).filter(|(key, _)| {
            ["secret_file", "token_file", "password_file", "SECRET_FILE", "TOKEN_FILE", "PASSWORD_FILE"]
                .iter()
                .any(|end| key.ends_with(end))
        }) {
            let name = file.trim_matches('"').rsplit('/').next().unwrap_or_default();
            let handed_over = match path.file_name().and_then(|name| name.to_str()) {
                // For Kubernetes the guide makes it, for Compose there is a file.
                Some("valuestream.toml") => guide.contains(&format!("secrets/{name}")),
                Some("docker-compose.yml") => compose.contains(&format!("config/compose/secrets/{name}")),
                _ => continue,
            };
            assert!(handed_over, "{}: nobody makes {file}", path.display());
            read_from += 1;
        }
    }
    assert!(read_from >= 9, "only {read_from} files were found");
}

#[test]
fn the_image_sets_nothing_that_would_win_over_a_mounted_file() {
    let text = read(&root().join("Dockerfile"));
    let instructions = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let set: Vec<&str> = instructions.filter(|line| line.contains("VALUESTREAM__")).collect();
    assert_eq!(set, [] as [&str; 0]);
}
