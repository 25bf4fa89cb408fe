//! What is deployed by: manifests, unit, Compose file and image, held against the program. They are read as text
//! and asked of the program's own loader, so that a key that is renamed here cannot stay there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use valuestream::config::{Config, ConfigError, StoreUrl};

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

/// How long a shutdown may take: as configured beside the file that limits it, or by default.
fn shutdown(limited_by: &Path) -> Duration {
    let none: [(&str, &str); 0] = [];
    let beside = Some(limited_by.with_file_name("valuestream.toml")).filter(|path| path.exists());
    let ingest = Config::load(beside.as_deref(), none).unwrap().ingest;
    ingest.drain + ingest.shutdown
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
                let needed = before + shutdown(&path) + MARGIN;
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

/// What follows a text, up to the end of its line, wherever it stands.
fn after<'a>(text: &'a str, begin: &'a str) -> impl Iterator<Item = &'a str> {
    text.match_indices(begin)
        .filter_map(move |(at, _)| text[at + begin.len()..].lines().next().map(str::trim))
}

/// A workload of Kubernetes, with the configuration that is mounted into it.
fn workloads() -> Vec<(String, Config)> {
    let none: [(&str, &str); 0] = [];
    let of = |(variant, file): (&str, &str)| {
        let directory = root().join("config/kubernetes").join(variant);
        let config = Config::load(Some(&directory.join("valuestream.toml")), none);
        (read(&directory.join(file)), config.unwrap_or_else(|error| panic!("{variant}: {error}")))
    };
    [("postgres", "deployment.yaml"), ("sqlite", "statefulset.yaml")].into_iter().map(of).collect()
}

#[test]
fn the_ports_are_those_that_it_listens_on() {
    let none: [(&str, &str); 0] = [];
    let defaults = Config::load(None, none).unwrap();
    let (ingest, console) = (defaults.ingest.listen.port(), defaults.console.listen.port());
    for (manifest, config) in workloads() {
        assert_eq!((config.ingest.listen.port(), config.console.listen.port()), (ingest, console));
        for (name, port) in [("ingest", ingest), ("console", console)] {
            let named = format!("- name: {name}\n              containerPort: {port}\n");
            assert!(manifest.contains(&named), "{named}{manifest}");
        }
        assert!(!config.console.listen.ip().is_loopback(), "nobody would reach it");
        // The listener that faces the Internet is no way to get the process restarted.
        let probed: Vec<&str> = after(&manifest, "httpGet:\n              path: ").collect();
        let liveness = manifest.split_once("livenessProbe:").unwrap().1;
        assert_eq!(after(liveness, "path: ").next(), Some("/healthz"));
        assert_eq!(probed.len(), 3, "{probed:?}");
        assert!(probed.iter().all(|path| ["/healthz", "/readyz"].contains(path)), "{probed:?}");
        assert_eq!(after(&manifest, "              port: ").collect::<Vec<_>>(), ["console"; 3]);
    }
    let services = read(&root().join("config/kubernetes/base/services.yaml"));
    for (name, port) in [("ingest", ingest), ("console", console)] {
        let named = format!("- name: {name}\n      port: {port}\n      targetPort: {name}\n");
        assert!(services.contains(&named), "{named}{services}");
    }
    let image = read(&root().join("Dockerfile"));
    assert_eq!(after(&image, "\nEXPOSE ").collect::<Vec<_>>(), [format!("{ingest} {console}")]);
    let compose = read(&root().join("docker-compose.yml"));
    for published in [format!("- \"{ingest}:{ingest}\""), format!("- \"127.0.0.1:{console}:{console}\"")] {
        assert_eq!(compose.matches(&published).count(), 2, "{published}: by itself, and by the proxy");
    }
    let proxy = read(&root().join("config/compose/haproxy.cfg"));
    for server in after(&proxy, "    server ") {
        let port = server.split_once(':').unwrap().1.split(' ').next().unwrap();
        assert!([ingest.to_string(), console.to_string()].iter().any(|known| known == port), "{server}");
    }
    assert!(proxy.contains(&format!("check port {console} ")), "/readyz is the console's");
}

#[test]
fn what_it_reads_and_writes_is_mounted() {
    for (manifest, config) in workloads() {
        let mounts: Vec<&str> = after(&manifest, "mountPath: ").collect();
        let sources = [&config.sources.github, &config.sources.gitlab, &config.sources.jira];
        let secrets = sources.into_iter().filter_map(|source| source.secret_file.as_deref());
        let further = [config.console.token_file.as_deref(), config.store.password_file.as_deref()];
        let store = match &config.store.url {
            StoreUrl::Sqlite(path) => Some(path.as_path()),
            StoreUrl::Postgres(_) => None,
        };
        let mut read: Vec<&Path> = secrets.chain(further.into_iter().flatten()).chain(store).collect();
        let arguments = after(&manifest, "args: [serve, --config, ").next().unwrap();
        read.push(Path::new(arguments.trim_end_matches(']')));
        assert!(read.len() >= 4, "{read:?}");
        for path in read {
            let mounted =
                path.parent().is_some_and(|folder| mounts.iter().any(|mount| folder.ends_with(&mount[1..])));
            assert!(mounted, "{} is in none of {mounts:?}", path.display());
        }
        // Whoever asks without a token would be let in.
        assert!(config.console.token_file.is_some() && !config.console.allow_open);
    }
}

#[test]
fn nothing_runs_with_more_rights_than_it_needs() {
    let image = read(&root().join("Dockerfile"));
    let user = after(&image, "\nUSER ").last().unwrap().split(':').next().unwrap().to_owned();
    assert!(user.parse::<u32>().is_ok_and(|id| id > 0), "runAsNonRoot takes numbers: {user}");
    for (manifest, _) in workloads() {
        for needed in [
            "runAsNonRoot: true",
            &format!("runAsUser: {user}"),
            "type: RuntimeDefault",
            "allowPrivilegeEscalation: false",
            "readOnlyRootFilesystem: true",
            "drop: [ALL]",
            "automountServiceAccountToken: false",
        ] {
            assert!(manifest.contains(needed), "{needed} is missing in {manifest}");
        }
        assert!(!manifest.contains("secretKeyRef"), "secrets are files");
    }
    let compose = read(&root().join("docker-compose.yml"));
    let of_ours = ["x-replica: &replica\n", "\n  valuestream:\n", "\n  proxy:\n", "\n  postgres:\n"];
    for begin in of_ours {
        let service = compose.split_once(begin).unwrap_or_else(|| panic!("{begin}")).1;
        // Up to the next one, which begins as far to the left.
        let margin = begin.trim_start_matches('\n').len() - begin.trim_start().len();
        let lines = service
            .lines()
            .take_while(|line| line.trim().is_empty() || line.len() - line.trim_start().len() > margin);
        let service: Vec<&str> = lines.map(str::trim).collect();
        for needed in ["read_only: true", "cap_drop:", "- ALL", "- no-new-privileges:true"] {
            assert!(service.contains(&needed), "{begin}: {needed} is missing");
        }
    }
}

#[test]
fn secrets_that_people_make_beside_the_sources_stay_out_of_repository_and_image() {
    let guide = read(&root().join("docs/deploying.md"));
    let made: BTreeSet<&str> =
        after(&guide, "install -d -m 700 ").filter(|folder| !folder.starts_with('/')).collect();
    assert_eq!(made, BTreeSet::from(["config/compose/secrets", "secrets"]));
    for list in [".gitignore", ".dockerignore"] {
        let text = read(&root().join(list));
        let left_out: Vec<&str> = text.lines().map(|line| line.trim_matches('/')).collect();
        for folder in &made {
            assert!(left_out.contains(folder), "{list} does not name {folder}");
        }
    }
}
