#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use crate::work::key::Source;
use std::collections::BTreeSet;
use std::io::Write;

use ::config::{File, FileFormat, Source as _, Value, ValueKind};
use secrecy::ExposeSecret;

use super::*;

type Environment<'a> = &'a [(&'a str, &'a str)];

const LONG: &str = "a-secret-of-more-than-16";

fn load(file: &str, environment: Environment) -> Result<Config, ConfigError> {
    let mut on_disk = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    on_disk.write_all(file.as_bytes()).unwrap();
    Config::load(Some(on_disk.path()), environment.iter().copied())
}

fn from_environment(environment: Environment) -> Result<Config, ConfigError> {
    Config::load(None, environment.iter().copied())
}

fn message(result: Result<Config, ConfigError>) -> String {
    result.expect_err("the configuration was accepted").to_string()
}

fn invalid(config: Result<Config, ConfigError>) -> String {
    config.unwrap().validate().expect_err("the configuration was found valid").to_string()
}

fn warnings(config: Result<Config, ConfigError>) -> Vec<Warning> {
    config.unwrap().validate().unwrap()
}

fn exposed(secrets: &[SecretString]) -> Vec<&str> {
    secrets.iter().map(|secret| secret.expose_secret()).collect()
}

#[test]
fn the_defaults_are_those_of_the_contract() {
    let config = from_environment(&[]).unwrap();
    assert!(!config.people);
    assert_eq!(config.ingest.listen.to_string(), "0.0.0.0:5000");
    assert_eq!(config.ingest.max_body_bytes, 25 * 1024 * 1024);
    assert_eq!(config.ingest.gather, Duration::from_millis(1));
    assert_eq!(config.console.listen.to_string(), "127.0.0.1:5001");
    assert!(config.console.token.is_none() && !config.console.allow_open);
    assert_eq!(config.store.url, StoreUrl::Sqlite("valuestream.db".into()));
    assert!(config.sources.github.secrets.is_empty() && !config.sources.github.allow_unsigned);
    assert_eq!(config.sources.jenkins.default_host, "jenkins");
    assert_eq!(config.export.settle, Duration::from_secs(10));
    let main = &config.export.main;
    assert_eq!((main.timeout, main.batch, main.protocol), (Duration::from_secs(10), 512, None));
    assert_eq!(main.compression, Compression::Gzip);
    assert!(main.headers.is_empty() && main.ca_certificate.is_none() && main.client_certificate.is_none());
    assert!(config.backends().unwrap().is_empty());
    assert_eq!(config.log.format, LogFormat::Auto);
    assert_eq!(config.validate().unwrap(), [Warning::NoSource]);
}

#[test]
fn the_environment_beats_the_file_which_beats_otel_which_beats_the_defaults() {
    let file = "[ingest]\nqueue = 7\nbatch = 3\n[export]\nendpoint = \"http://file:4317\"\n";
    let config = load(
        file,
        &[
            ("VALUESTREAM__INGEST__QUEUE", "9"),
            ("VALUESTREAM__PEOPLE", "true"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otel:4317"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "2500"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "X-Key=everything"),
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "x-key=a%20b,other=c"),
        ],
    )
    .unwrap();
    assert_eq!((config.ingest.queue, config.ingest.batch, config.people), (9, 3, true));
    assert_eq!(address(&config), "http://file:4317/");
    assert_eq!(config.export.main.timeout, Duration::from_millis(2500));
    assert_eq!(sent_headers(&config), "other=c x-key=a b");
}

/// Where the only backend sends.
fn address(config: &Config) -> String {
    let [backend] = config.backends().unwrap().try_into().unwrap();
    backend.endpoint.url().to_string()
}

fn sent_headers(config: &Config) -> String {
    let headers = config.export.main.headers.iter();
    headers.map(|(name, value)| format!("{name}={}", value.expose_secret())).collect::<Vec<_>>().join(" ")
}

#[test]
fn the_variables_of_opentelemetry_describe_the_main_backend_alone() {
    let files: Vec<_> = (0..3).map(|_| tempfile::NamedTempFile::new().unwrap()).collect();
    let paths: Vec<_> = files.iter().map(|file| file.path().to_str().unwrap()).collect();
    let file = "[export.backends.second]\nendpoint = \"http://second:4318\"";
    let otel = [
        ("OTEL_EXPORTER_OTLP_ENDPOINT", " http://c:4318/base "),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", " "),
        ("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Basic%20YTpi"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "none"),
        ("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", paths[0]),
        ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", paths[1]),
        ("OTEL_EXPORTER_OTLP_CLIENT_KEY", paths[2]),
    ];
    let config = load(file, &otel).unwrap();
    let [main, second] = config.backends().unwrap().try_into().unwrap();
    assert_eq!((main.name.as_str(), second.name.as_str()), (MAIN_BACKEND, "second"));
    assert_eq!(main.endpoint.url().as_str(), "http://c:4318/base/v1/traces");
    assert_eq!((main.protocol, main.compression), (Protocol::HttpProtobuf, Compression::None));
    assert_eq!(sent_headers(&config), "authorization=Basic YTpi");
    assert_eq!(main.ca_certificate.as_deref(), Some(Path::new(paths[0])));
    let client = main.client_certificate.unwrap();
    assert_eq!((client.certificate, client.key), (PathBuf::from(paths[1]), PathBuf::from(paths[2])));
    assert!(second.headers.is_empty() && second.ca_certificate.is_none());
    assert_eq!(second.compression, Compression::Gzip);
}

#[test]
fn the_later_place_says_where_to_send_in_either_form() {
    const TRACES: (&str, &str) = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://otel-traces:1/as/it/is");
    const GENERAL: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://otel:1");
    const ENDPOINT: (&str, &str) = ("VALUESTREAM__EXPORT__ENDPOINT", "http://own:1");
    const WHOLE: (&str, &str) = ("VALUESTREAM__EXPORT__TRACES_ENDPOINT", "http://own:1/whole");
    let file = "[export]\nendpoint = \"http://file:1\"";
    let whole = "[export]\ntraces_endpoint = \"http://file:1/whole\"";
    for (file, environment, sent_to) in [
        ("", &[TRACES, GENERAL][..], TRACES.1),
        ("", &[GENERAL], "http://otel:1/v1/traces"),
        ("[export]\nbatch = 1", &[TRACES], TRACES.1),
        (file, &[TRACES, GENERAL], "http://file:1/v1/traces"),
        (whole, &[TRACES, GENERAL], "http://file:1/whole"),
        (whole, &[ENDPOINT, TRACES], "http://own:1/v1/traces"),
        (file, &[WHOLE, TRACES], "http://own:1/whole"),
        (whole, &[("VALUESTREAM__EXPORT__ENDPOINT", "")], "http://file:1/whole"),
        (file, &[ENDPOINT, WHOLE], "http://own:1/whole"),
    ] {
        assert_eq!(address(&load(file, environment).unwrap()), sent_to, "{file} {environment:?}");
    }
    let further = "[export.backends.b]\ntraces_endpoint = \"http://file:1/whole\"";
    assert_eq!(address(&load(further, &[]).unwrap()), "http://file:1/whole");
    warnings(load(further, &[]));
    let config = load(further, &[("VALUESTREAM__EXPORT__BACKENDS__B__ENDPOINT", "http://own:1")]).unwrap();
    assert_eq!(address(&config), "http://own:1/v1/traces");
}

#[test]
fn a_header_of_a_lower_layer_can_be_taken_away() {
    let otel = ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=a,other=b");
    let config = load("[export]\nheaders = { X-Key = \"\" }", &[otel]).unwrap();
    assert_eq!(sent_headers(&config), "other=b");
}

#[test]
fn a_list_is_an_array_or_one_text_with_commas_and_stays_text() {
    let secrets = |config: Config| exposed(&config.sources.github.secrets).join("|");
    let key = "VALUESTREAM__SOURCES__GITHUB__SECRETS";
    assert_eq!(secrets(from_environment(&[(key, "12345, true,,1e3")]).unwrap()), "12345|true|1e3");
    assert_eq!(secrets(load("[sources.github]\nsecrets = [\"a,b\", \"c\"]", &[]).unwrap()), "a,b|c");
    assert_eq!(secrets(load("[sources.github]\nsecrets = \"a,b\"", &[(key, "")]).unwrap()), "a|b");
}

#[test]
fn an_empty_secret_is_never_accepted() {
    let said = message(load("[sources.github]\nsecrets = [\"\"]", &[]));
    assert!(said.contains("sources.github.secrets") && said.contains("none of them empty"), "{said}");
    assert!(
        from_environment(&[("VALUESTREAM__SOURCES__GITHUB__SECRETS", " , ")])
            .unwrap()
            .sources
            .github
            .secrets
            .is_empty()
    );
}

#[test]
fn an_unknown_key_is_refused_with_its_origin_and_the_likely_one() {
    let said = message(load("[ingest]\nmax_body_byte = 1", &[]));
    assert!(said.contains("unknown key ingest.max_body_byte in /"), "{said}");
    assert!(said.contains(".toml: did you mean ingest.max_body_bytes?"), "{said}");
    let said = message(load("[ingress]\nlisten = \"x\"", &[]));
    assert!(said.contains("unknown key ingress") && said.contains("did you mean ingest?"), "{said}");
    let said = message(load("token = \"x\"", &[]));
    assert!(said.contains("did you mean console.token?"), "{said}");
    let said = message(from_environment(&[("VALUESTREAM__CONSOLE__TOKN", "x")]));
    assert_eq!(
        said,
        "unknown key console.tokn in VALUESTREAM__CONSOLE__TOKN: did you mean VALUESTREAM__CONSOLE__TOKEN?"
    );
    let said = message(load("[export.backends.tempo]\nendpont = \"http://t\"", &[]));
    assert!(said.contains("did you mean export.backends.tempo.endpoint?"), "{said}");
    let said = message(load("[[tags.rules]]\nprojekt = \"x\"", &[]));
    assert!(said.contains("tags.rules[0]") && said.contains("projekt") && said.contains(".toml"), "{said}");
}

#[test]
fn a_variable_with_one_underscore_too_few_is_refused() {
    let said = message(from_environment(&[("VALUESTREAM_CONSOLE_TOKEN", LONG)]));
    assert!(said.contains("did you mean VALUESTREAM__CONSOLE__TOKEN?") && !said.contains(LONG), "{said}");
    // What an orchestrator adds for a service of that name is none of ours.
    from_environment(&[("VALUESTREAM_PORT_5000_TCP", "tcp://10.0.0.1:5000"), ("VALUESTREAM_CORPUS", "x")])
        .unwrap();
}

#[test]
fn a_value_of_the_wrong_type_is_refused_with_key_and_origin() {
    for (file, key, hint) in [
        ("people = \"maybe\"", "people", "true or false"),
        ("people = 1", "people", "true or false"),
        ("[ingest]\nbatch = -1", "ingest.batch", "whole number"),
        ("[ingest]\nbatch = true", "ingest.batch", "whole number"),
        ("[ingest]\nbatch = 1.5", "ingest.batch", "whole number"),
        ("[ingest]\ngather = \"10\"", "ingest.gather", "a duration"),
        ("[ingest]\ngather = 10", "ingest.gather", "in quotes"),
        ("[ingest]\nlisten = \"localhost\"", "ingest.listen", "an address with a port"),
        ("[log]\nformat = \"xml\"", "log.format", "\"human\""),
        ("[export]\nprotocol = \"http/json\"", "export.protocol", "http/json is not supported"),
        ("[export]\nendpoint = \"collector:4317\"", "export.endpoint", "http://"),
        ("[export]\ntraces_endpoint = \"/v1/traces\"", "export.traces_endpoint", "http://"),
        ("[export]\ncompression = \"zstd\"", "export.compression", "write none or gzip"),
        ("[export]\ntimeout = \"soon\"", "export.timeout", "a duration"),
        ("[export]\nheaders = { TE = \"x\" }", "export.headers", "'te' is set by the exporter itself"),
        ("[export.backends.x]\nprotocol = \"udp\"", "export.backends.x.protocol", "write grpc or"),
        ("[export.backends.x]\nbatch = \"many\"", "export.backends.x.batch", "whole number"),
        ("[export.backends.X]\nbatch = 1", "export.backends.X", "lower-case"),
        ("[export.backends.default]\nbatch = 1", "export.backends.default", "choose another"),
        ("[store]\nurl = \"postgres://u:hunter2@h:port/d\"", "store.url", "store.password_file"),
        ("[store]\nurl = \"valuestream.db\"", "store.url", "sqlite://"),
        ("[store]\nurl = \"sqlite://\"", "store.url", "names no file"),
        ("[tags]\nrules = \"x\"", "tags.rules", "[[tags.rules]]"),
        ("ingest = 5", "ingest", "is a section"),
        ("[[tags.rules]]\ntags = { team = [\"a\"] }", "tags.rules[0].tags.team", "a string"),
    ] {
        let said = message(load(file, &[]));
        assert!(said.starts_with(&format!("{key} in /")), "{file}: {said}");
        assert!(said.contains(".toml") && said.contains(hint) && !said.contains("hunter2"), "{file}: {said}");
    }
    for (name, value) in [
        ("VALUESTREAM__INGEST__BATCH", "many"),
        ("VALUESTREAM__INGEST", "x"),
        ("VALUESTREAM__TAGS__RULES", "x"),
        ("VALUESTREAM__EXPORT__HEADERS__X", "x"),
        ("VALUESTREAM__EXPORT__HEADERS", "only-a-name"),
        ("VALUESTREAM__CONSOLE__TOKEN", "caf\u{fffd}"),
        ("VALUESTREAM__CONSOLE__TOKEN", "two words"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
        ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "collector:4318"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
    ] {
        let said = message(from_environment(&[(name, value)]));
        assert!(said.contains(&format!("in {name}: ")), "{said}");
    }
    assert!(message(from_environment(&[("OTEL_EXPORTER_OTLP_TIMEOUT", "10s")])).contains("milliseconds"));
}

#[test]
fn the_places_of_a_database_are_read_as_written() {
    for (url, path) in [
        ("sqlite://valuestream.db", "valuestream.db"),
        ("sqlite://data/vs.db", "data/vs.db"),
        ("sqlite:///data/vs.db", "/data/vs.db"),
    ] {
        let config = from_environment(&[("VALUESTREAM__STORE__URL", url)]).unwrap();
        assert_eq!(config.store.url, StoreUrl::Sqlite(path.into()), "{url}");
    }
}

#[test]
fn a_backend_has_the_defaults_and_not_what_the_main_one_says() {
    let file = "[export]\nendpoint = \"https://a\"\nbatch = 7\nheaders = \"k=v\"\n\
                [export.backends.tempo]\nendpoint = \"http://localhost:4318\"\nheaders = { \"X-Scope-OrgID\" = \"1\" }";
    let config = load(file, &[("VALUESTREAM__EXPORT__BACKENDS__TEMPO__TIMEOUT", "3s")]).unwrap();
    let [main, tempo] = config.backends().unwrap().try_into().unwrap();
    assert_eq!((main.name.as_str(), tempo.name.as_str()), (MAIN_BACKEND, "tempo"));
    assert_eq!((main.batch_spans, tempo.batch_spans), (7, 512));
    assert_eq!(tempo.timeout, Duration::from_secs(3));
    assert_eq!(tempo.headers.iter().map(|(name, _)| name).collect::<Vec<_>>(), ["x-scope-orgid"]);
    // Only by the environment, too.
    let config = from_environment(&[("VALUESTREAM__EXPORT__BACKENDS__B_1__ENDPOINT", "http://b")]).unwrap();
    assert_eq!(config.backends().unwrap()[0].name, "b_1");
}

#[test]
fn rules_and_globs_are_checked() {
    let file = "[tags]\nkeys = [\"service\"]\n[[tags.rules]]\nproject = \"acme/*\"\ntags = { team = \"a\", \"deploy.type\" = \"b\" }";
    let config = load(file, &[]).unwrap();
    assert_eq!(config.tags.rules[0].tags["deploy.type"], "b");
    assert_eq!(config.tagger().unwrap().key_of("Service"), Some("service"));
    assert!(
        invalid(load("[[tags.rules]]\nproject = \"[\"\ntags = { team = \"a\" }", &[]))
            .contains("tags.rules[0].project")
    );
    assert!(
        invalid(load("[sources.jenkins]\ndeploy_jobs = [\"[\"]", &[]))
            .starts_with("sources.jenkins.deploy_jobs in /")
    );
}

#[test]
fn a_console_that_others_can_reach_needs_a_token() {
    let open = ("VALUESTREAM__CONSOLE__LISTEN", "0.0.0.0:5001");
    let said = invalid(from_environment(&[open]));
    assert!(said.contains("VALUESTREAM__CONSOLE__TOKEN") && said.contains("console.allow_open"), "{said}");
    let token = ("VALUESTREAM__CONSOLE__TOKEN", LONG);
    assert_eq!(warnings(from_environment(&[open, token])), [Warning::PlainConsole, Warning::NoSource]);
    let known = ("VALUESTREAM__CONSOLE__PUBLIC_URL", "https://vs.example");
    assert_eq!(warnings(from_environment(&[open, token, known])), [Warning::NoSource]);
    let allowed = warnings(from_environment(&[open, ("VALUESTREAM__CONSOLE__ALLOW_OPEN", "true")]));
    assert!(allowed.contains(&Warning::OpenConsole("0.0.0.0:5001".parse().unwrap())));
    for loopback in ["[::1]:5001", "127.0.0.2:5001", "[::ffff:127.0.0.1]:5001"] {
        assert_eq!(
            warnings(from_environment(&[("VALUESTREAM__CONSOLE__LISTEN", loopback)])),
            [Warning::NoSource]
        );
    }
}

#[test]
fn two_listeners_do_not_share_a_port() {
    let on = |ingest, console| {
        from_environment(&[
            ("VALUESTREAM__INGEST__LISTEN", ingest),
            ("VALUESTREAM__CONSOLE__LISTEN", console),
        ])
    };
    assert!(invalid(on("127.0.0.1:6000", "127.0.0.1:6000")).contains("give them different ones"));
    assert!(invalid(on("0.0.0.0:6000", "127.0.0.1:6000")).contains("the same port"));
    warnings(on("127.0.0.2:6000", "127.0.0.1:6000"));
    warnings(on("127.0.0.1:0", "127.0.0.1:0"));
}

#[test]
fn secrets_come_from_the_file_too() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    write!(file, "first-secret-of-the-file\r\n\n  second-secret-of-the-file  \n").unwrap();
    let path = file.path().to_str().unwrap();
    let config = from_environment(&[
        ("VALUESTREAM__SOURCES__JENKINS__SECRETS", LONG),
        ("VALUESTREAM__SOURCES__JENKINS__SECRET_FILE", path),
    ])
    .unwrap();
    assert_eq!(
        exposed(&config.secrets(Source::Jenkins).unwrap()),
        [LONG, "first-secret-of-the-file", "second-secret-of-the-file"]
    );
    assert!(config.secrets(Source::Github).unwrap().is_empty());
    assert_eq!(config.validate().unwrap(), []);

    let missing = [("VALUESTREAM__SOURCES__GITHUB__SECRET_FILE", "/nowhere/secret")];
    assert!(invalid(from_environment(&missing)).starts_with("sources.github.secret_file: /nowhere/secret: "));
    let empty = tempfile::NamedTempFile::new().unwrap();
    let empty = [("VALUESTREAM__SOURCES__GITHUB__SECRET_FILE", empty.path().to_str().unwrap())];
    assert!(invalid(from_environment(&empty)).contains("holds no secret"));
}

#[test]
fn tokens_of_the_console_come_from_the_file_too() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let (token, path) = ("VALUESTREAM__CONSOLE__TOKEN", file.path().to_str().unwrap());
    let named = ("VALUESTREAM__CONSOLE__TOKEN_FILE", path);
    std::fs::write(path, "first-token-of-the-file\n\n second-token-of-the-file \n").unwrap();
    let config = from_environment(&[(token, LONG), named]).unwrap();
    assert_eq!(
        exposed(&config.console_tokens().unwrap()),
        [LONG, "first-token-of-the-file", "second-token-of-the-file"]
    );
    let elsewhere = ("VALUESTREAM__CONSOLE__LISTEN", "0.0.0.0:5001");
    assert_eq!(
        warnings(from_environment(&[elsewhere, named])),
        [Warning::PlainConsole, Warning::NoSource],
        "a file is as good as a token"
    );
    std::fs::write(path, "short").unwrap();
    assert!(warnings(from_environment(&[named])).contains(&Warning::ShortSecret("console.token".into())));
    std::fs::write(path, format!("{HUNTER}\n{HUNTER} {HUNTER}\n")).unwrap();
    let said = invalid(from_environment(&[named]));
    assert!(said.starts_with("console.token_file: /") && !said.contains("hunter2"), "{said}");
    std::fs::write(path, "").unwrap();
    assert!(invalid(from_environment(&[named])).contains("holds no secret"));
    let missing = ("VALUESTREAM__CONSOLE__TOKEN_FILE", "/nowhere/token");
    assert!(invalid(from_environment(&[missing])).starts_with("console.token_file: /nowhere/token: "));
}

#[test]
fn headers_of_a_backend_come_from_a_file_too() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    let sent = |text: &str| {
        std::fs::write(path, text).unwrap();
        from_environment(&[
            ("VALUESTREAM__EXPORT__ENDPOINT", "https://collector"),
            ("VALUESTREAM__EXPORT__HEADERS", "x-a=1,x-b=2"),
            ("VALUESTREAM__EXPORT__HEADERS_FILE", path),
        ])
        .unwrap()
    };
    let config = sent("X-B: of the file, as it is: 100%\r\n\nauthorization:Bearer abc\n");
    let backend = config.backends().unwrap().remove(0);
    let headers: Vec<_> = backend.headers.iter().map(|(name, value)| (name, value.expose_secret())).collect();
    assert_eq!(
        headers,
        [("authorization", "Bearer abc"), ("x-a", "1"), ("x-b", "of the file, as it is: 100%")]
    );
    assert!(config.describe().contains(&format!("headers_file = \"{path}\"")), "{}", config.describe());
    for (text, problem) in [
        (HUNTER, "line 1 has no ':'"),
        (&format!("x-ok: 1\n{HUNTER} {HUNTER}: {HUNTER}"), "not a header's name"),
        (&format!("host: {HUNTER}"), "leave it out"),
        ("\n", "holds no header"),
    ] {
        let said = sent(text).validate().unwrap_err().to_string();
        assert!(said.starts_with("export.headers_file: /") && said.contains(problem), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

#[test]
fn a_certificate_and_its_key_are_there_together_and_good() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    for section in ["INGEST", "CONSOLE"] {
        let (certificate, key) =
            (format!("VALUESTREAM__{section}__TLS_CERTIFICATE"), format!("VALUESTREAM__{section}__TLS_KEY"));
        for name in [&certificate, &key] {
            let said = invalid(from_environment(&[(name, path)]));
            let dotted = name.to_lowercase().replace("valuestream__", "").replace("__", ".");
            assert!(
                said.starts_with(&format!("{dotted} in {name}: ")) && said.contains("belong together"),
                "{said}"
            );
        }
        let said = invalid(from_environment(&[(&certificate, path), (&key, path)]));
        assert!(said.ends_with("there is no PEM certificate in it"), "{said}");
    }
}

#[test]
fn what_is_probably_not_meant_is_warned_of() {
    let source = ("VALUESTREAM__SOURCES__GITHUB__SECRETS", LONG);
    let with = |name, value| warnings(from_environment(&[source, (name, value)]));
    assert_eq!(warnings(from_environment(&[source])), []);
    assert_eq!(
        with("VALUESTREAM__SOURCES__JENKINS__ALLOW_UNSIGNED", "true"),
        [Warning::Unsigned(Source::Jenkins)]
    );
    assert_eq!(
        with("VALUESTREAM__SOURCES__GITHUB__ALLOW_UNSIGNED", "true"),
        [Warning::UnsignedUnused(Source::Github)]
    );
    assert_eq!(
        with("VALUESTREAM__SOURCES__JENKINS__SECRETS", "short"),
        [Warning::ShortSecret("sources.jenkins".into())]
    );
    assert_eq!(with("VALUESTREAM__CONSOLE__TOKEN", "short"), [Warning::ShortSecret("console.token".into())]);
    assert_eq!(with("VALUESTREAM__EXPORT__SETTLE", "25h"), [Warning::LongSettle]);
    let minutes = Warning::ShortRetention("retention.job".into());
    assert_eq!(with("VALUESTREAM__RETENTION__JOB", "18m"), [minutes]);
    assert_eq!(with("VALUESTREAM__RETENTION__JOB", "18M"), []);

    let sent = |endpoint| {
        let endpoint = ("VALUESTREAM__EXPORT__ENDPOINT", endpoint);
        warnings(from_environment(&[source, endpoint, ("VALUESTREAM__EXPORT__HEADERS", "k=v")]))
    };
    assert_eq!(sent("http://collector:4317"), [Warning::PlainHeaders("default".into())]);
    for fine in ["https://collector", "http://localhost:4317", "http://127.0.0.1:4317", "http://[::1]:4318"] {
        assert_eq!(sent(fine), [], "{fine}");
    }
}

#[test]
fn what_cannot_work_is_refused() {
    for (name, value, key) in [
        ("VALUESTREAM__INGEST__BATCH", "0", "ingest.batch"),
        ("VALUESTREAM__INGEST__QUEUE", "0", "ingest.queue"),
        ("VALUESTREAM__INGEST__BODY_TIMEOUT", "0s", "ingest.body_timeout"),
        ("VALUESTREAM__INGEST__MAX_BUFFERED_BYTES", "1000", "ingest.max_buffered_bytes"),
        ("VALUESTREAM__CONSOLE__SESSION_LIFETIME", "0s", "console.session_lifetime"),
        ("VALUESTREAM__EXPORT__BATCH", "0", "export.batch"),
        ("VALUESTREAM__EXPORT__TIMEOUT", "0s", "export.timeout"),
        ("VALUESTREAM__EXPORT__BACKENDS__X__BATCH", "5", "export.backends.x.endpoint"),
        ("VALUESTREAM__LOG__LEVEL", "inof", "log.level"),
        ("VALUESTREAM__LOG__LEVEL", "info,valuestream=loud", "log.level"),
        ("VALUESTREAM__SOURCES__JENKINS__DEFAULT_HOST", "https://ci", "sources.jenkins.default_host"),
    ] {
        let said = invalid(from_environment(&[(name, value)]));
        assert!(said.starts_with(&format!("{key} in ")), "{name}: {said}");
    }
    let endpoint = ("VALUESTREAM__EXPORT__ENDPOINT", "https://collector");
    let missing = ("VALUESTREAM__EXPORT__CA_CERTIFICATE", "/nowhere/ca.pem");
    let said = invalid(from_environment(&[endpoint, missing]));
    assert!(said.starts_with("export.ca_certificate: /nowhere/ca.pem: "), "{said}");
    let empty = tempfile::NamedTempFile::new().unwrap();
    let empty = ("VALUESTREAM__EXPORT__CA_CERTIFICATE", empty.path().to_str().unwrap());
    assert!(invalid(from_environment(&[endpoint, empty])).contains("no PEM certificate"));
    let otel = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
    let said = invalid(from_environment(&[(otel, "http://collector:4317/v1/traces")]));
    assert!(said.starts_with(&format!("export.traces_endpoint in {otel}: gRPC has no path")), "{said}");
    let key = tempfile::NamedTempFile::new().unwrap();
    let said =
        invalid(from_environment(&[("VALUESTREAM__EXPORT__CLIENT_KEY", key.path().to_str().unwrap())]));
    assert!(said.contains("belong together"), "{said}");
    assert_eq!(
        warnings(from_environment(&[("VALUESTREAM__LOG__LEVEL", "info,valuestream::export=debug")])),
        [Warning::NoSource]
    );
}

const HUNTER: &str = "hunter2-hunter2-hunter2";

#[test]
fn secrets_are_shown_nowhere() {
    let file = format!(
        "[export]\nendpoint = \"https://x/?key={HUNTER}#{HUNTER}\"\nheaders = {{ \"x-key\" = \"{HUNTER}\" }}"
    );
    let config = load(
        &file,
        &[
            ("VALUESTREAM__CONSOLE__TOKEN", HUNTER),
            ("VALUESTREAM__SOURCES__GITHUB__SECRETS", HUNTER),
            ("VALUESTREAM__EXPORT__BACKENDS__B__HEADERS", &format!("authorization=Bearer%20{HUNTER}")),
            ("VALUESTREAM__EXPORT__BACKENDS__B__ENDPOINT", "https://b"),
        ],
    )
    .unwrap();
    assert!(
        config.sources.github.secrets[0].expose_secret() == HUNTER,
        "the secret has to be there to be hidden"
    );
    let described = config.describe();
    assert!(described.contains("endpoint = \"https://x/?***\"  # /"), "{described}");
    let shown = format!("{config:?}\n{config:#?}\n{described}");
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(
        config.describe().contains("token = \"***\"  # VALUESTREAM__CONSOLE__TOKEN"),
        "{}",
        config.describe()
    );
}

#[test]
fn no_error_repeats_a_secret() {
    for file in [
        format!("[sources.github]\nsecrets = [\"{HUNTER}]"),
        format!("[sources.github]\nsecrets = [\"{HUNTER}\", 5]"),
        format!("[sources.github]\nsecrets = {{ a = \"{HUNTER}\" }}"),
        format!("[sources.github]\nsecret = \"{HUNTER}\""),
        format!("[console]\ntoken = [\"{HUNTER}\"]"),
        format!("[console]\ntoken = \"{HUNTER} {HUNTER}\""),
        format!("[console]\ntoken = {HUNTER}"),
        format!("[export]\nheaders = \"{HUNTER}\""),
        format!("[export]\nheaders = [\"{HUNTER}\"]"),
        format!("[export]\nheaders = {{ x = [\"{HUNTER}\"] }}"),
        format!("[export]\nheaders = {{ x = \"{HUNTER}\\n\" }}"),
        format!("[export]\nendpoint = \"https://user:{HUNTER}@host\""),
        format!("[export]\nendpoint = \"{HUNTER} {HUNTER}\""),
        format!("[store]\nurl = \"mysql://user:{HUNTER}@host\""),
    ] {
        let error = load(&file, &[]).expect_err(&file);
        let said = format!("{error}\n{error:?}");
        assert!(!said.contains("hunter2"), "{file}: {said}");
        assert!(said.contains(".toml"), "{file}: {said}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let missing = Config::load(Some(Path::new("/nowhere/vs.toml")), [("", ""); 0]);
    assert!(message(missing).starts_with("cannot read the configuration file /nowhere/vs.toml: "));
    let said = message(load("[ingest\nlisten = 1", &[]));
    assert!(said.contains(".toml is not TOML") && said.contains("line 1"), "{said}");
}

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

#[test]
fn environments_have_the_tier_that_the_configuration_says() {
    let tier = |config: &Config, name: &str| config.insight().unwrap().environments.tier(name, false);
    let defaults = load("", &[]).unwrap();
    for (name, wanted) in [
        ("production", Tier::Production),
        ("Prod-EU", Tier::Production),
        ("staging", Tier::Staging),
        ("dev2", Tier::Development),
        ("github-pages", Tier::Other),
    ] {
        assert_eq!(tier(&defaults, name), wanted, "{name}");
    }
    let own = load("[insight]\nproduction = [\"github-*\"]", &[]).unwrap();
    assert_eq!((tier(&own, "github-pages"), tier(&own, "production")), (Tier::Production, Tier::Other));
    let bad = message(
        load("[insight]\nstaging = [\"[\"]", &[]).and_then(|config| config.validate().map(|_| config)),
    );
    assert!(bad.contains("insight.staging"), "{bad}");
}

#[test]
fn the_address_of_traces_is_a_template() {
    let config = load("[insight]\ntrace_url = \"https://jaeger.example.org/trace/{trace_id}\"", &[]).unwrap();
    assert_eq!(config.insight.trace_url.unwrap().of("ab12"), "https://jaeger.example.org/trace/ab12");
    for bad in ["https://jaeger.example.org/trace/", "javascript:alert('{trace_id}')"] {
        let said = message(load(&format!("[insight]\ntrace_url = \"{bad}\""), &[]));
        assert!(said.contains("insight.trace_url") && said.contains("{trace_id}"), "{said}");
    }
}
