//! Both listeners with certificates, met by real clients.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::support::certificates::Authority;
use crate::support::payloads::issue;
use crate::support::program::{Program, run};
use crate::support::sender::{Answer, GITHUB_SECRET, fresh_id, signature};
use crate::support::server::Server;
use crate::support::wire::Wire;

const TOKEN: &str = "a-token-for-the-console";
/// How long a listener may take to notice a renewed certificate; reached only where it does not.
const PATIENCE: Duration = Duration::from_secs(30);

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// A server whose listeners both have a certificate of an authority.
async fn server(authority: &Authority, changes: &[(&str, &str)]) -> Server {
    let (certificate, key) = authority.server_files();
    let (certificate, key) = (text(&certificate), text(&key));
    let files = [
        ("INGEST__TLS_CERTIFICATE", certificate.as_str()),
        ("INGEST__TLS_KEY", &key),
        ("CONSOLE__TLS_CERTIFICATE", &certificate),
        ("CONSOLE__TLS_KEY", &key),
        ("CONSOLE__TOKEN", TOKEN),
    ];
    Server::start_with(&[&files[..], changes].concat()).await
}

async fn connect(
    authority: &Authority,
    address: SocketAddr,
    version: &'static rustls::SupportedProtocolVersion,
    protocols: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("127.0.0.1").unwrap();
    authority.connector(&[version], protocols).connect(name, stream).await
}

/// The certificate that a listener shows.
async fn shown(authority: &Authority, address: SocketAddr) -> Vec<u8> {
    let stream = connect(authority, address, &TLS13, &[]).await.unwrap();
    stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

/// What a request to `/healthz` over an open connection is answered with.
async fn healthy(stream: &mut TlsStream<TcpStream>) -> bool {
    stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n").await.unwrap();
    let mut answer = [0; 4096];
    let read = tokio::time::timeout(PATIENCE, stream.read(&mut answer)).await.unwrap().unwrap();
    answer[..read].starts_with(b"HTTP/1.1 200 ")
}

#[tokio::test]
async fn deliveries_and_the_page_come_over_tls() {
    let authority = Authority::new();
    let server = server(&authority, &[]).await;
    let client = authority.client();
    let body = issue("opened", 12, 0, None).to_string();
    let request = client
        .post(format!("https://{}/github", server.ingest()))
        .header("content-type", "application/json")
        .header("x-github-event", "issues")
        .header("x-github-delivery", fresh_id())
        .header("x-hub-signature-256", signature(GITHUB_SECRET, body.as_bytes()))
        .body(body);
    assert_eq!(Answer::read(request.send().await.unwrap()).await.is(), (202, "recorded"));

    let console = format!("https://{}", server.console_address());
    let form = client.post(format!("{console}/login")).header("origin", &console);
    let form =
        form.header("content-type", "application/x-www-form-urlencoded").body(format!("token={TOKEN}"));
    let response = form.send().await.unwrap();
    assert_eq!(response.status(), 303);
    assert_eq!(response.headers()["strict-transport-security"], "max-age=31536000");
    let cookie = response.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(cookie.starts_with("__Host-") && cookie.ends_with("; Secure"), "{cookie}");
    let page = client.get(format!("{console}/metrics")).header("cookie", cookie.split(';').next().unwrap());
    assert_eq!(page.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn both_versions_are_spoken_and_http_1_1_is_agreed_on() {
    let authority = Authority::new();
    let server = server(&authority, &[]).await;
    for version in [&TLS12, &TLS13] {
        let mut stream = connect(&authority, server.ingest(), version, &[b"h2", b"http/1.1"]).await.unwrap();
        let session = stream.get_ref().1;
        assert_eq!(session.protocol_version(), Some(version.version));
        assert_eq!(session.alpn_protocol(), Some(&b"http/1.1"[..]));
        assert!(healthy(&mut stream).await);
    }
    let none: &[&[u8]] = &[];
    assert!(healthy(&mut connect(&authority, server.ingest(), &TLS13, none).await.unwrap()).await);
    let only = connect(&authority, server.ingest(), &TLS13, &[b"h2"]).await;
    assert!(only.is_err(), "what is not spoken is not agreed on");
    let stranger = connect(&Authority::new(), server.ingest(), &TLS13, none).await;
    assert!(stranger.is_err(), "the certificate is this authority's");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_renewed_certificate_is_shown_without_a_restart_and_a_bad_one_is_not() {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    let store = folder.path().join("store.db");
    let (certificate, key) = authority.server_files();
    let (shown_at, key_at) = (text(&certificate), text(&key));
    let program = Program::start(
        &store,
        &[
            ("INGEST__TLS_CERTIFICATE", &shown_at),
            ("INGEST__TLS_KEY", &key_at),
            ("CONSOLE__TLS_CERTIFICATE", &shown_at),
            ("CONSOLE__TLS_KEY", &key_at),
        ],
    );
    let before = shown(&authority, program.ingest).await;
    assert_eq!(before, shown(&authority, program.console).await);
    let mut open = connect(&authority, program.ingest, &TLS13, &[]).await.unwrap();

    let renewed = async |before: &[u8]| {
        let waiting = async {
            while shown(&authority, program.ingest).await == before
                || shown(&authority, program.console).await == before
            {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.expect("the renewed certificate is never shown");
        shown(&authority, program.ingest).await
    };
    authority.server_files();
    let second = renewed(&before).await;
    assert!(healthy(&mut open).await, "a connection of before goes on");

    // Rubbish changes nothing, and each listener says so, once.
    std::fs::write(&certificate, "rubbish").unwrap();
    let told = || {
        let log = std::fs::read_to_string(store.with_extension("log")).unwrap();
        log.lines().filter(|line| line.contains("the certificate cannot be renewed")).count()
    };
    let waiting = async {
        while told() < 2 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.expect("nobody is told");
    assert_eq!(shown(&authority, program.ingest).await, second);
    authority.server_files();
    assert_ne!(renewed(&second).await, second);
    assert_eq!(told(), 2);
}

#[tokio::test]
async fn who_speaks_in_the_clear_to_a_port_with_tls_is_told_so() {
    let authority = Authority::new();
    let server = server(&authority, &[]).await;
    for address in [server.ingest(), server.console_address()] {
        for said in ["GET / HTTP/1.1\r\nHost: test\r\n\r\n".to_owned(), "x".repeat(200_000), "\0".to_owned()]
        {
            let mut wire = Wire::to(address).await;
            let _ = wire.try_send(&said).await;
            let _ = wire.finish_if_open().await;
            let answer = wire.rest().await;
            let told = answer.starts_with("HTTP/1.1 400 ") && answer.contains("https://");
            assert!(told || (said.len() > 100_000 && answer.is_empty()), "{answer:?}");
        }
    }
    assert!(healthy(&mut connect(&authority, server.ingest(), &TLS13, &[]).await.unwrap()).await);
}

#[tokio::test]
async fn a_handshake_that_does_not_end_is_cut_and_gives_its_place_back() {
    let authority = Authority::new();
    let limits = [("INGEST__HEADER_TIMEOUT", "300ms"), ("INGEST__MAX_CONNECTIONS", "1")];
    let server = server(&authority, &limits).await;
    // One says nothing, one begins a handshake, one ends it and says nothing more.
    for start in [&b""[..], b"\x16\x03\x01\x02\x00\x01"] {
        let mut wire = Wire::to(server.ingest()).await;
        wire.send(start).await;
        assert_eq!(wire.rest().await, "", "cut");
    }
    let mut silent = connect(&authority, server.ingest(), &TLS13, &[]).await.unwrap();
    let mut rest = Vec::new();
    let _ = tokio::time::timeout(PATIENCE, silent.read_to_end(&mut rest)).await.expect("cut");
    assert!(healthy(&mut connect(&authority, server.ingest(), &TLS13, &[]).await.unwrap()).await);
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_handshake() {
    let authority = Authority::new();
    let server = server(&authority, &[("INGEST__HEADER_TIMEOUT", "1h"), ("INGEST__SHUTDOWN", "1h")]).await;
    let mut wire = Wire::to(server.ingest()).await;
    wire.send(b"\x16\x03\x01").await;
    // The listener has accepted it once it serves the one behind it.
    assert!(healthy(&mut connect(&authority, server.ingest(), &TLS13, &[]).await.unwrap()).await);
    tokio::time::timeout(PATIENCE, server.stop()).await.expect("stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_healthcheck_asks_over_tls() {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
    let (certificate, key) = authority.server_files();
    let (certificate, key, ca) = (text(&certificate), text(&key), text(&authority.file()));
    let files = [("CONSOLE__TLS_CERTIFICATE", certificate.as_str()), ("CONSOLE__TLS_KEY", &key)];
    let program = Program::start(&folder.path().join("store.db"), &files);
    let console = program.console.to_string();
    let check = |arguments: &[&str], changes: &[(&str, &str)]| {
        let environment: Vec<_> = changes
            .iter()
            .chain(&[("CONSOLE__LISTEN", console.as_str())])
            .map(|(name, value)| (format!("VALUESTREAM__{name}"), (*value).to_owned()))
            .collect();
        let output = run(&[&["healthcheck"], arguments].concat(), &environment);
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    let url = format!("https://{console}/readyz");
    assert_eq!(check(&["--url", &url, "--ca", &ca], &[]), (true, String::new()));
    assert_eq!(check(&[], &files), (true, String::new()), "the configured certificate is trusted");
    assert_eq!(check(&["--ca", &ca], &files), (true, String::new()));

    let other = Authority::new();
    let (strange, _) = other.server_files();
    for (arguments, changes) in [
        (&["--url", url.as_str(), "--ca", &text(&other.file())][..], &[][..]),
        (&[], &[("CONSOLE__TLS_CERTIFICATE", text(&strange).as_str())]),
        (&["--url", &format!("http://{console}/readyz")], &[]),
        (&["--url", &url, "--ca", "/nowhere/ca.pem"], &[]),
    ] {
        let (healthy, said) = check(arguments, changes);
        assert!(!healthy && said.contains("valuestream: "), "{arguments:?}: {said}");
    }
}
