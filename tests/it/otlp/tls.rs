//! Certificates: whom the client trusts, and as whom it shows itself.

use super::*;

fn path(path: impl AsRef<Path>) -> Option<PathBuf> {
    Some(path.as_ref().to_owned())
}

#[tokio::test]
async fn tls_trusts_the_configured_authority_and_no_other() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    for protocol in BOTH {
        let receiver = Receiver::start_tls(authority.server(false)).await;
        let trusting = |authority: &Authority| BackendSettings {
            ca_certificate: path(authority.file()),
            ..settings(&receiver, protocol)
        };
        assert_eq!(client(&trusting(&authority)).send(request(&["issue"])).await, Verdict::Sent);
        let (_, reason) = retry(client(&trusting(&stranger)).send(request(&["issue"])).await);
        assert!(reason.contains("certificate"), "{protocol}: {reason}");
        assert_eq!(receiver.requests().len(), 1, "{protocol}");
    }
}

#[tokio::test]
async fn a_client_certificate_is_shown() {
    let authority = Authority::new();
    let (certificate, key) = authority.client_files();
    for protocol in BOTH {
        let receiver = Receiver::start_tls(authority.server(true)).await;
        let anonymous =
            BackendSettings { ca_certificate: path(authority.file()), ..settings(&receiver, protocol) };
        retry(client(&anonymous).send(request(&["issue"])).await);
        assert!(receiver.requests().is_empty(), "{protocol}");
        let known =
            BackendSettings { client_certificate: path(&certificate), client_key: path(&key), ..anonymous };
        assert_eq!(client(&known).send(request(&["issue"])).await, Verdict::Sent, "{protocol}");
    }
}

#[tokio::test]
async fn a_wrong_certificate_file_is_an_error_at_start() {
    let authority = Authority::new();
    let (certificate, key) = authority.client_files();
    let junk = authority.write("junk.pem", "junk");
    let stranger = Authority::new();
    let (_, other_key) = stranger.client_files();
    for protocol in BOTH {
        let receiver = Receiver::start_tls(authority.server(false)).await;
        let base = || settings(&receiver, protocol);
        let with_client = |certificate: &Path, key: &Path| BackendSettings {
            client_certificate: path(certificate),
            client_key: path(key),
            ..base()
        };
        for (settings, file) in [
            (BackendSettings { ca_certificate: path("/nowhere/ca.pem"), ..base() }, "/nowhere/ca.pem"),
            (BackendSettings { ca_certificate: path(&junk), ..base() }, "junk.pem"),
            (with_client(&junk, &key), "junk.pem"),
            (with_client(&certificate, &junk), "junk.pem"),
            (with_client(&certificate, &other_key), "client.key"),
        ] {
            let error = Client::new(&backend(&settings)).unwrap_err().to_string();
            assert!(error.contains(file) && error.contains("'test'"), "{error}");
        }
    }
}
