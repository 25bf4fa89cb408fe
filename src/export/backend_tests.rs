#![allow(clippy::unwrap_used, clippy::panic)]

use secrecy::ExposeSecret;

use super::*;

const NO_ENV: fn(&str) -> Option<String> = |_| None;

fn env(pairs: &'static [(&'static str, &'static str)]) -> impl Fn(&str) -> Option<String> {
    move |name| {
        let name = name.strip_prefix("OTEL_EXPORTER_OTLP_")?;
        pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }
}

fn at(endpoint: &str) -> BackendSettings {
    BackendSettings { endpoint: Some(endpoint.to_owned()), ..Default::default() }
}

fn resolved(settings: &BackendSettings) -> Backend {
    Backend::resolve(DEFAULT, settings, &NO_ENV).unwrap().unwrap()
}

fn from_env(pairs: &'static [(&'static str, &'static str)]) -> Backend {
    Backend::resolve(DEFAULT, &BackendSettings::default(), &env(pairs)).unwrap().unwrap()
}

fn error(settings: &BackendSettings) -> String {
    Backend::resolve(DEFAULT, settings, &NO_ENV).unwrap_err().to_string()
}

#[test]
fn without_an_endpoint_there_is_no_backend() {
    let none = BackendSettings { batch: Some("5".into()), ..Default::default() };
    assert!(Backend::resolve(DEFAULT, &none, &NO_ENV).unwrap().is_none());
    let empty = env(&[("ENDPOINT", " "), ("TRACES_ENDPOINT", "")]);
    assert!(Backend::resolve(DEFAULT, &none, &empty).unwrap().is_none());
}

#[test]
fn the_port_decides_the_protocol_that_nobody_wrote() {
    let backend = resolved(&at("http://collector:4317"));
    assert_eq!(
        (backend.protocol, backend.endpoint.url().as_str()),
        (Protocol::Grpc, "http://collector:4317/")
    );
    assert_eq!(resolved(&at("http://collector:4318")).protocol, Protocol::HttpProtobuf);
    assert_eq!(resolved(&at("https://collector")).protocol, Protocol::HttpProtobuf);
    let written = BackendSettings { protocol: Some("grpc".into()), ..at("https://api.honeycomb.io:443") };
    assert_eq!(resolved(&written).protocol, Protocol::Grpc);
}

#[test]
fn http_paths_are_completed_once() {
    for (written, sent_to) in [
        ("http://c:4318", "http://c:4318/v1/traces"),
        ("http://c:4318/", "http://c:4318/v1/traces"),
        ("https://g.example/otlp/", "https://g.example/otlp/v1/traces"),
        ("https://g.example/otlp/v1/traces", "https://g.example/otlp/v1/traces"),
        ("https://g.example/v1/traces/", "https://g.example/v1/traces"),
        ("https://g.example/traces?key=1", "https://g.example/traces?key=1"),
    ] {
        assert_eq!(resolved(&at(written)).endpoint.url().as_str(), sent_to);
    }
    let general = from_env(&[("ENDPOINT", "http://c:4318/base")]);
    assert_eq!(general.endpoint.url().as_str(), "http://c:4318/base/v1/traces");
    let exact = from_env(&[("TRACES_ENDPOINT", "http://c:4318/base"), ("ENDPOINT", "http://other:1")]);
    assert_eq!(exact.endpoint.url().as_str(), "http://c:4318/base");
}

#[test]
fn the_environment_fills_what_the_configuration_leaves_out() {
    let pairs: &[_] = &[
        ("ENDPOINT", "http://from-env:4318"),
        ("HEADERS", "general=1"),
        ("TRACES_HEADERS", "authorization=Basic%20abc"),
        ("COMPRESSION", "gzip"),
        ("TIMEOUT", "2500"),
        ("TRACES_CERTIFICATE", "/ca.pem"),
        ("CLIENT_CERTIFICATE", "/cert.pem"),
        ("CLIENT_KEY", "/key.pem"),
        ("PROTOCOL", "grpc"),
    ];
    let written = BackendSettings { timeout: Some("1m 30s".into()), ..at("http://from-file:4318") };
    let backend = Backend::resolve(DEFAULT, &written, &env(pairs)).unwrap().unwrap();
    assert_eq!(backend.endpoint.url().host_str(), Some("from-file"));
    assert_eq!(backend.timeout, Duration::from_secs(90));
    assert_eq!(backend.protocol, Protocol::Grpc);
    assert_eq!(backend.compression, Compression::Gzip);
    let [(name, value)] = backend.headers.as_slice() else { panic!("{:?}", backend.headers) };
    assert_eq!((name.as_str(), value.expose_secret()), ("authorization", "Basic abc"));
    assert_eq!(backend.ca_certificate, Some("/ca.pem".into()));
    let client = ClientCertificate { certificate: "/cert.pem".into(), key: "/key.pem".into() };
    assert_eq!(backend.client_certificate, Some(client));
    assert_eq!(from_env(pairs).timeout, Duration::from_millis(2_500));
}

#[test]
fn a_further_backend_takes_nothing_from_the_environment() {
    let env =
        env(&[("ENDPOINT", "http://c:4318"), ("HEADERS", "authorization=secret"), ("PROTOCOL", "grpc")]);
    assert!(Backend::resolve("second", &BackendSettings::default(), &env).unwrap().is_none());
    let backend = Backend::resolve("second", &at("http://d:4318"), &env).unwrap().unwrap();
    assert!(backend.headers.is_empty());
    assert_eq!(backend.protocol, Protocol::HttpProtobuf);
}

#[test]
fn defaults_are_those_of_opentelemetry() {
    let backend = resolved(&at("http://c:4318"));
    assert_eq!(backend.timeout, Duration::from_secs(10));
    assert_eq!(backend.compression, Compression::None);
    assert_eq!(backend.batch_spans, 512);
    assert_eq!((backend.ca_certificate, backend.client_certificate), (None, None));
}

#[test]
fn what_is_wrong_is_told_by_its_key() {
    let good = || at("http://c:4318");
    for (settings, key, says) in [
        (at("collector:4317"), "endpoint", "http://host:port"),
        (at("grpc://collector:4317"), "endpoint", "http://host:port"),
        (at("https://user:hunter2@host"), "endpoint", "headers"),
        (at("http://c:4317/v1/traces"), "endpoint", "http/protobuf"),
        (BackendSettings { protocol: Some("http/json".into()), ..good() }, "protocol", "http/json is not"),
        (BackendSettings { protocol: Some("udp".into()), ..good() }, "protocol", "write grpc or"),
        (BackendSettings { compression: Some("zstd".into()), ..good() }, "compression", "write none or gzip"),
        (BackendSettings { timeout: Some("10".into()), ..good() }, "timeout", "10s"),
        (BackendSettings { timeout: Some("0s".into()), ..good() }, "timeout", "10s"),
        (BackendSettings { batch: Some("0".into()), ..good() }, "batch", "1 or more"),
        (BackendSettings { client_key: Some("k".into()), ..good() }, "client_key", "both or none"),
        (BackendSettings { headers: Headers::Text("x".into()), ..good() }, "headers", "name=value"),
        (
            BackendSettings { headers: Headers::Text("a-bin=x".into()), ..at("http://c:4317") },
            "headers",
            "binary",
        ),
    ] {
        let error = error(&settings);
        assert!(error.contains(&format!("'default': {key}: ")) && error.contains(says), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    let error = Backend::resolve(DEFAULT, &good(), &env(&[("TIMEOUT", "10s")])).unwrap_err().to_string();
    assert!(error.contains("OTEL_EXPORTER_OTLP_TIMEOUT") && error.contains("milliseconds"), "{error}");
}

#[test]
fn a_backend_prints_without_its_secrets() {
    let settings =
        BackendSettings { headers: Headers::Text("k=hunter2".into()), ..at("http://c:4318/?key=hunter3") };
    let backend = resolved(&settings);
    let printed = format!("{backend:?} {}", backend.endpoint);
    assert!(printed.contains("http://c:4318/v1/traces"), "{printed}");
    assert!(!printed.contains("hunter"), "{printed}");
    assert_eq!(backend.endpoint.url().query(), Some("key=hunter3"));
}
