#![allow(clippy::unwrap_used, clippy::panic)]

use super::*;
use crate::config::{Config, MAIN_BACKEND};

fn defaults() -> BackendSettings {
    Config::load(None, [("", ""); 0]).unwrap().export.main
}

fn at(endpoint: &str) -> BackendSettings {
    BackendSettings { endpoint: Some(endpoint.parse().unwrap()), ..defaults() }
}

fn whole(endpoint: &str) -> BackendSettings {
    BackendSettings { traces_endpoint: Some(endpoint.parse().unwrap()), ..defaults() }
}

fn new(settings: &BackendSettings) -> Backend {
    Backend::new(MAIN_BACKEND, settings).unwrap().unwrap()
}

fn error(settings: &BackendSettings) -> String {
    Backend::new(MAIN_BACKEND, settings).unwrap_err().to_string()
}

fn headers(name: &str, value: &str) -> Headers {
    Headers::new([(name.to_owned(), value.to_owned())]).unwrap()
}

#[test]
fn without_an_endpoint_there_is_no_backend() {
    assert!(Backend::new(MAIN_BACKEND, &BackendSettings { batch: 5, ..defaults() }).unwrap().is_none());
}

#[test]
fn the_port_decides_the_protocol_that_nobody_wrote() {
    let backend = new(&at("http://collector:4317"));
    assert_eq!(
        (backend.protocol, backend.endpoint.url().as_str()),
        (Protocol::Grpc, "http://collector:4317/")
    );
    assert_eq!(new(&at("http://collector:4318")).protocol, Protocol::HttpProtobuf);
    assert_eq!(new(&at("https://collector")).protocol, Protocol::HttpProtobuf);
    assert_eq!(new(&whole("http://collector:4317")).protocol, Protocol::Grpc);
    let written = BackendSettings { protocol: Some(Protocol::Grpc), ..at("https://api.honeycomb.io:443") };
    assert_eq!(new(&written).protocol, Protocol::Grpc);
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
        assert_eq!(new(&at(written)).endpoint.url().as_str(), sent_to);
    }
}

#[test]
fn a_whole_address_is_used_as_it_is_and_wins() {
    for address in ["http://c:4318/base", "http://c:4318/", "http://c:4318/v1/traces/?key=1"] {
        let settings =
            BackendSettings { endpoint: Some("http://other:1".parse().unwrap()), ..whole(address) };
        assert_eq!(new(&settings).endpoint.url().as_str(), address);
    }
}

#[test]
fn an_address_that_cannot_be_sent_to_is_refused_without_repeating_it() {
    for (address, says) in [
        ("collector:4317", "http://host:port"),
        ("grpc://collector:4317", "http://host:port"),
        ("hunter2 hunter2", "http://host:port"),
        ("http://", "http://host:port"),
        ("https://user:hunter2@host", "headers"),
    ] {
        let error = address.parse::<Endpoint>().unwrap_err();
        assert!(error.contains(says) && !error.contains("hunter2"), "{address}: {error}");
    }
}

#[test]
fn a_protocol_or_compression_that_there_is_not_is_refused_with_those_that_there_are() {
    assert_eq!("http/protobuf".parse(), Ok(Protocol::HttpProtobuf));
    assert_eq!("grpc".parse(), Ok(Protocol::Grpc));
    assert!("http/json".parse::<Protocol>().unwrap_err().contains("write http/protobuf"));
    assert!("udp".parse::<Protocol>().unwrap_err().contains("write grpc or http/protobuf"));
    assert_eq!("none".parse(), Ok(Compression::None));
    assert_eq!("gzip".parse(), Ok(Compression::Gzip));
    assert!("zstd".parse::<Compression>().unwrap_err().contains("write none or gzip"));
}

#[test]
fn what_is_wrong_is_told_by_its_key() {
    let good = || at("http://c:4318");
    for (settings, key, says) in [
        (at("http://c:4317/v1/traces"), "endpoint", "http/protobuf"),
        (at("http://c:4317/?key=hunter2"), "endpoint", "http/protobuf"),
        (whole("http://c:4317/v1/traces"), "traces_endpoint", "http/protobuf"),
        (BackendSettings { timeout: Duration::ZERO, ..good() }, "timeout", "more than zero"),
        (BackendSettings { batch: 0, ..good() }, "batch", "more than zero"),
        (BackendSettings { batch: 0, ..defaults() }, "batch", "more than zero"),
        (BackendSettings { client_key: Some("k".into()), ..good() }, "client_key", "both or none"),
        (
            BackendSettings { client_certificate: Some("c".into()), ..good() },
            "client_certificate",
            "both or none",
        ),
        (
            BackendSettings { headers: headers("a-bin", "hunter2"), ..at("http://c:4317") },
            "headers",
            "'a-bin' would be binary",
        ),
    ] {
        let error = error(&settings);
        assert!(error.contains(&format!("'default': {key}: ")) && error.contains(says), "{error}");
        assert!(!error.contains("hunter2"), "{error}");
    }
    assert!(!new(&BackendSettings { headers: headers("a-bin", "x"), ..good() }).headers.is_empty());
}

#[test]
fn the_parts_come_out_as_they_were_set() {
    let backend = new(&BackendSettings {
        compression: Compression::None,
        timeout: Duration::from_secs(90),
        batch: 7,
        ca_certificate: Some("/ca.pem".into()),
        client_certificate: Some("/cert.pem".into()),
        client_key: Some("/key.pem".into()),
        ..at("http://c:4318")
    });
    assert_eq!((backend.compression, backend.timeout), (Compression::None, Duration::from_secs(90)));
    assert_eq!((backend.batch_spans, backend.ca_certificate), (7, Some("/ca.pem".into())));
    let client = ClientCertificate { certificate: "/cert.pem".into(), key: "/key.pem".into() };
    assert_eq!(backend.client_certificate, Some(client));
}

#[test]
fn a_file_that_is_not_there_is_told_by_its_key() {
    let backend =
        new(&BackendSettings { ca_certificate: Some("/nowhere/ca.pem".into()), ..at("https://c:4318") });
    let error = backend.check_files().unwrap_err().to_string();
    assert!(error.contains("'default': ca_certificate: /nowhere/ca.pem: "), "{error}");
    new(&at("https://c:4318")).check_files().unwrap();
}

#[test]
fn a_backend_and_its_settings_print_without_secrets() {
    let settings =
        BackendSettings { headers: headers("k", "hunter2"), ..at("http://c:4318/?key=hunter3#hunter4") };
    let backend = new(&settings);
    let printed = format!("{backend:?} {} {settings:?}", backend.endpoint);
    assert!(printed.contains("http://c:4318/v1/traces"), "{printed}");
    assert!(!printed.contains("hunter"), "{printed}");
    assert_eq!(backend.endpoint.url().query(), Some("key=hunter3"));
}
