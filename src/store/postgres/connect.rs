//! How the database is reached: its address, who we are there, encryption, and the pool of
//! connections. A connection that broke is thrown away when it is next asked for; one that turned out
//! to lead to a server which only reads (after a failover) takes all others with it.

use std::fmt;
use std::net::IpAddr;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Client, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::super::StoreError;
use super::failed::Failed;
use crate::export::tls;

/// How long connecting may take. With the time to answer it stays below the ten seconds that
/// GitHub waits.
const CONNECT: Duration = Duration::from_secs(3);
/// After how long without an answer a connection counts as dead: what is left of one after a
/// failover says nothing at all.
const DEAD: Duration = Duration::from_secs(10);
/// What each session sets. A replica that hangs must not hold its locks for ever, and no statement
/// waits longer than a sender does.
const SESSION: [(&str, &str); 3] =
    [("statement_timeout", "60s"), ("lock_timeout", "8s"), ("idle_in_transaction_session_timeout", "30s")];

/// Where a PostgreSQL database is, and as whom it is used.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl(Box<tokio_postgres::Config>);

/// What the configuration says of the connections.
#[derive(Clone, Debug)]
pub struct Access {
    /// The password, if it is not in the URL.
    pub password: Option<SecretString>,
    /// PEM text with the only authorities to trust; the system's if `None`.
    pub authorities: Option<Vec<u8>>,
    /// The most connections.
    pub connections: usize,
}

impl FromStr for PostgresUrl {
    type Err = &'static str;

    /// The address can hold a password, so the error does not repeat it.
    fn from_str(url: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "is not the address of a database: write postgres://user@host:5432/database, what is special in a name percent-encoded; the password is best put in store.password_file";
        // Encryption without checking whom one talks to is not offered, so these are one.
        let url = url
            .replace("sslmode=verify-full", "sslmode=require")
            .replace("sslmode=verify-ca", "sslmode=require");
        let mut config: tokio_postgres::Config = url.parse().map_err(|_| WRONG)?;
        if config.get_hosts().is_empty() {
            return Err("names no host: write postgres://user@host:5432/database");
        }
        if config.get_dbname().is_none() {
            return Err("names no database: write postgres://user@host:5432/database");
        }
        if !url.contains("sslmode=") {
            let near = config.get_hosts().iter().all(is_near);
            config.ssl_mode(if near { SslMode::Disable } else { SslMode::Require });
        } else if config.get_ssl_mode() == SslMode::Prefer {
            return Err(
                "has sslmode=prefer, which whoever sits between can turn off: write require or disable",
            );
        }
        Ok(Self(Box::new(config)))
    }
}

fn is_near(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback()),
        Host::Unix(_) => true,
    }
}

impl fmt::Display for PostgresUrl {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("postgres://")?;
        if let Some(user) = self.0.get_user() {
            write!(f, "{user}@")?;
        }
        for (n, host) in self.0.get_hosts().iter().enumerate() {
            let comma = if n > 0 { "," } else { "" };
            match host {
                Host::Tcp(name) => write!(f, "{comma}{name}")?,
                Host::Unix(path) => write!(f, "{comma}{}", path.display())?,
            }
            if let Some(port) = self.0.get_ports().get(n).or(self.0.get_ports().first()) {
                write!(f, ":{port}")?;
            }
        }
        write!(f, "/{}", self.0.get_dbname().unwrap_or_default())
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Makes a pool; connects to nothing yet.
pub(super) fn pool(url: &PostgresUrl, access: &Access) -> Result<Pool, StoreError> {
    let cannot = |reason: String| StoreError::Open { url: url.to_string(), reason };
    let mut config = (*url.0).clone();
    if let Some(password) = &access.password {
        config.password(password.expose_secret());
    }
    config.application_name("valuestream").connect_timeout(CONNECT);
    config
        .keepalives_idle(DEAD / 2)
        .keepalives_interval(DEAD / 4)
        .keepalives_retries(2)
        .tcp_user_timeout(DEAD);
    config.target_session_attrs(tokio_postgres::config::TargetSessionAttrs::ReadWrite);
    // What the address says of its own comes last, and counts.
    let mut options: Vec<String> = SESSION.iter().map(|(name, value)| format!("-c {name}={value}")).collect();
    options.extend(config.get_options().map(str::to_owned));
    config.options(options.join(" "));
    let roots = roots(access.authorities.as_deref()).map_err(cannot)?;
    tls::install_provider();
    let encryption = ClientConfig::builder().with_root_certificates(Arc::new(roots)).with_no_client_auth();
    let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
    let manager = Manager::from_config(config, MakeRustlsConnect::new(encryption), recycling);
    Pool::builder(manager)
        .max_size(access.connections.max(2))
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(CONNECT))
        .create_timeout(Some(CONNECT))
        .recycle_timeout(Some(CONNECT))
        .build()
        .map_err(|error| cannot(error.to_string()))
}

/// Which limits a session does not have although they were asked for: a pooler in front has left them out.
pub(super) async fn unlimited(client: &Client) -> Result<Vec<String>, Failed> {
    let names = SESSION.map(|(name, _)| name);
    let missing = "SELECT name FROM unnest($1::text[]) WITH ORDINALITY AS asked (name, place)
         WHERE current_setting(name) = '0' ORDER BY place";
    let rows = client.query(missing, &[&names.as_slice()]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

fn roots(pem: Option<&[u8]>) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    match pem {
        Some(pem) => {
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let wrong = |reason: String| format!("store.ca_certificate: {reason}");
                let certificate = certificate.map_err(|error| wrong(error.to_string()))?;
                roots.add(certificate).map_err(|error| wrong(error.to_string()))?;
            }
        }
        // Where none can be read, no certificate will be believed, and the error then says so.
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    Ok(roots)
}

impl Access {
    /// Reads the PEM file with the authorities, if one is named.
    pub fn authorities(path: Option<&Path>) -> Result<Option<Vec<u8>>, String> {
        let Some(path) = path else { return Ok(None) };
        let pem = std::fs::read(path).map_err(|error| format!("the file cannot be read: {error}"))?;
        let mut certificates = CertificateDer::pem_slice_iter(&pem).peekable();
        match certificates.peek() {
            Some(Ok(_)) => Ok(Some(pem)),
            _ => Err("there is no PEM certificate in it".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(url: &str) -> Result<PostgresUrl, &'static str> {
        url.parse()
    }

    #[test]
    fn the_password_is_never_shown() {
        let url = read("postgres://vs:hunter2@db.example.org:5433,standby/delivery?sslmode=require").unwrap();
        assert_eq!(url.to_string(), "postgres://vs@db.example.org:5433,standby:5432/delivery");
        assert!(!format!("{url:?}").contains("hunter2"));
        let problem = read("postgres://vs:hunter2@db:port/delivery").unwrap_err();
        assert!(!problem.contains("hunter2") && problem.contains("store.password_file"), "{problem}");
    }

    #[test]
    fn what_leaves_the_machine_is_encrypted_unless_said_otherwise() {
        let mode = |url: &str| read(url).map(|url| url.0.get_ssl_mode());
        assert_eq!(mode("postgres://vs@db/d"), Ok(SslMode::Require));
        assert_eq!(mode("postgres://vs@db/d?sslmode=verify-full"), Ok(SslMode::Require));
        assert_eq!(mode("postgres://vs@db/d?sslmode=disable"), Ok(SslMode::Disable));
        assert_eq!(mode("postgresql://vs@127.0.0.1,localhost/d"), Ok(SslMode::Disable));
        assert_eq!(mode("postgres://vs@127.0.0.1,db/d"), Ok(SslMode::Require), "one of them is elsewhere");
        assert!(mode("postgres://vs@db/d?sslmode=prefer").is_err());
        assert!(mode("postgres://vs@db").is_err(), "no database");
    }
}
