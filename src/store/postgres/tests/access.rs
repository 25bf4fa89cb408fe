//! The way to the database: encrypted, to a server that is known, as somebody with a password.

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use super::*;

/// An authority's certificate, and what it signed for 127.0.0.1 with the key, as PEM.
fn authority() -> (String, String, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let own = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    let key = KeyPair::generate().unwrap();
    let server = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    (own, server.signed_by(&key, &issuer).unwrap().pem(), key.serialize_pem())
}

#[tokio::test]
async fn the_database_is_reached_over_tls_with_the_password_and_only_if_it_is_known() {
    let Some(mut server) = Postgres::start() else { return };
    let (trusted, certificate, key) = authority();
    server.execute("postgres", "CREATE USER locked PASSWORD 'swordfish'").await;
    server.execute("postgres", "CREATE DATABASE locked OWNER locked").await;
    server.execute("postgres", "ALTER SYSTEM SET ssl = on").await;
    server.put("server.crt", &certificate);
    server.put("server.key", &key);
    server.put(
        "pg_hba.conf",
        "hostnossl all locked 127.0.0.1/32 reject\n\
         hostssl   all locked 127.0.0.1/32 scram-sha-256\n\
         host      all all    127.0.0.1/32 trust\n",
    );
    server.stop();
    server.restart();

    let plain = server.url("locked").replace("vs@", "locked@");
    let encrypted = format!("{plain}?sslmode=require");
    let with = |password: &str, authorities: &str| Access {
        password: Some(password.to_owned().into()),
        authorities: Some(authorities.as_bytes().to_vec()),
        connections: 2,
    };
    let open = async |url: &str, access: Access| PostgresStore::open(&url.parse().unwrap(), &access).await;

    let store = open(&encrypted, with("swordfish", &trusted)).await.unwrap();
    let sessions = server.connect("postgres").await;
    let row = sessions
        .query_one(
            "SELECT count(*), bool_and(ssl) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
             WHERE usename = 'locked'",
            &[],
        )
        .await
        .unwrap();
    assert!(row.get::<_, i64>(0) > 0 && row.get::<_, bool>(1), "{row:?}");
    store.close().await;

    // None of these is waited for, since waiting would not help; none says the password.
    for (url, access, said) in [
        (&encrypted, with("swordfish", &authority().0), "certificate"),
        (&encrypted, with("hunter2", &trusted), "password authentication failed"),
        (&plain, with("swordfish", &trusted), "no encryption"),
        (&encrypted.replace("/locked?", "/nowhere?"), with("swordfish", &trusted), "does not exist"),
    ] {
        match open(url, access).await {
            Err(StoreError::Open { reason, .. }) => {
                assert!(reason.contains(said), "{said}: {reason}");
                assert!(!reason.contains("hunter2") && !reason.contains("swordfish"), "{reason}");
            }
            other => panic!("{said}: {:?}", other.err()),
        }
    }
}

#[tokio::test]
async fn sessions_have_limits_and_it_is_known_if_they_do_not() {
    let Some(server) = Postgres::shared() else { return };
    let url = server.database().await;
    let missing = async |options: &str| {
        let store = open(&format!("{url}{options}")).await;
        let client = store.database.client().await.unwrap();
        connect::unlimited(&client).await.unwrap()
    };
    assert_eq!(missing("").await, [""; 0]);
    // As they are behind a pooler that leaves out what a session asks for.
    let without = "?options=-c%20lock_timeout%3D0%20-c%20statement_timeout%3D0";
    assert_eq!(missing(without).await, ["statement_timeout", "lock_timeout"]);
}
