//! What is refused although every value is of the right type, and what is warned of.

use super::*;

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
