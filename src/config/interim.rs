//! interim
use super::*;
use crate::export::backend::{Backend, BackendError, BackendSettings as S, Headers};
impl Config {
    /// interim
    pub fn backends(&self) -> Result<Vec<Backend>, BackendError> {
        let mut v = Vec::new();
        for (name, b) in self.export.all() {
            let t = |s: &str| (!s.is_empty()).then(|| s.to_owned());
            let p = |s: &Option<PathBuf>| s.as_ref().map(|p| p.display().to_string());
            let s = S {
                endpoint: t(&b.endpoint),
                protocol: t(&b.protocol),
                headers: Headers::Table(b.headers.clone().into_iter().collect()),
                compression: t(&b.compression),
                timeout: b.timeout.map(|d| format!("{}ms", d.as_millis())),
                ca_certificate: p(&b.ca_certificate),
                client_certificate: p(&b.client_certificate),
                client_key: p(&b.client_key),
                batch: Some(b.batch.to_string()),
            };
            v.extend(Backend::resolve(name, &s, &|_: &str| None)?);
        }
        Ok(v)
    }
}
