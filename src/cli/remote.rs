//! A running server as the answerer: each question is a request to its API.

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{CONTENT_TYPE, LOCATION};
use reqwest::{StatusCode, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;

use super::output::printable;
use crate::console::api::BASE;
use crate::console::api::problem::{MEDIA_TYPE, Problem, ProblemType};
use crate::insight::query::Query;
use crate::insight::report::{
    Correlations, Detail, Dora, Groups, Items, Latency, PullRequests, Quality, Stages, Stuck, Summary,
    TagKeys, Trace, Trend, Wip,
};
use crate::insight::reports::{ReportError, Reports};
use crate::web;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server.
pub(super) struct Remote {
    client: reqwest::Client,
    /// Where its console is, without a slash at the end.
    base: String,
    token: Option<SecretString>,
}

fn failed(text: String) -> ReportError {
    ReportError::Remote(printable(&text))
}

impl Remote {
    /// The server whose console is at `url`.
    pub fn new(url: &str, token: Option<SecretString>) -> Result<Self, ReportError> {
        let bad = |problem: &str| {
            failed(format!(
                "--url {problem}: write where the server's console is, such as http://127.0.0.1:5001"
            ))
        };
        let parsed = Url::parse(url).map_err(|error| bad(&format!("is not an address ({error})")))?;
        if !matches!(parsed.scheme(), "http" | "https") || !parsed.has_host() {
            return Err(bad("is neither http:// nor https://"));
        }
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(failed(
                "--url has a name or a password in it: give the token with --token".to_owned(),
            ));
        }
        if parsed.query().is_some() || parsed.fragment().is_some() {
            return Err(bad("has something behind the path"));
        }
        let client =
            web::client(&parsed).timeout(PATIENCE).build().map_err(|error| failed(error.to_string()))?;
        Ok(Self { client, base: parsed.as_str().trim_end_matches('/').to_owned(), token })
    }

    async fn ask<T: DeserializeOwned>(&self, path: &str, query: Option<&Query>) -> Result<T, ReportError> {
        let mut url = format!("{}{BASE}{path}", self.base);
        if let Some(query) = query {
            let pairs = form_urlencoded::Serializer::new(String::new()).extend_pairs(query.pairs()).finish();
            url = format!("{url}?{pairs}");
        }
        let mut request = self.client.get(url);
        if let Some(token) = &self.token {
            request = request.bearer_auth(token.expose_secret());
        }
        let silent = |error: reqwest::Error| {
            failed(format!(
                "{}: no answer: is the server running, and is this its console (console.listen)? {}",
                self.base,
                crate::export::verdict::causes(&error.without_url())
            ))
        };
        let response = request.send().await.map_err(silent)?;
        let status = response.status();
        let header =
            |name| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (media_type, location) = (header(CONTENT_TYPE).to_owned(), header(LOCATION).to_owned());
        let body = response.bytes().await.map_err(silent)?;
        if status.is_redirection() {
            return Err(failed(format!(
                "{} answers that it is at {location:?}: use that as --url",
                self.base
            )));
        }
        if media_type.starts_with(MEDIA_TYPE)
            && let Ok(problem) = serde_json::from_slice::<Problem>(&body)
        {
            return Err(self.explain(problem));
        }
        if status != StatusCode::OK {
            return Err(failed(format!(
                "{} answers {status}: is this the console of a ValueStream server?",
                self.base
            )));
        }
        serde_json::from_slice(&body).map_err(|error| {
            failed(format!(
                "{} answers in another shape ({error}): is it a server of another version?",
                self.base
            ))
        })
    }

    fn explain(&self, problem: Problem) -> ReportError {
        match problem.kind {
            ProblemType::Loading => ReportError::Loading,
            ProblemType::NotFound => ReportError::NotFound(printable(&problem.detail)),
            ProblemType::Unauthorized => failed(format!(
                "{} wants its console.token: give it with --token or VALUESTREAM__CONSOLE__TOKEN",
                self.base
            )),
            _ => failed(format!("{}: {}: {}", self.base, problem.title, problem.detail)),
        }
    }
}

fn segment(text: &str) -> impl std::fmt::Display {
    utf8_percent_encode(text, NON_ALPHANUMERIC)
}

impl Reports for Remote {
    async fn summary(&self, query: &Query) -> Result<Summary, ReportError> {
        self.ask("/summary", Some(query)).await
    }
    async fn latency(&self, query: &Query) -> Result<Latency, ReportError> {
        self.ask("/latency", Some(query)).await
    }
    async fn groups(&self, query: &Query) -> Result<Groups, ReportError> {
        self.ask("/groups", Some(query)).await
    }
    async fn trend(&self, query: &Query) -> Result<Trend, ReportError> {
        self.ask("/trend", Some(query)).await
    }
    async fn correlations(&self, query: &Query) -> Result<Correlations, ReportError> {
        self.ask("/correlations", Some(query)).await
    }
    async fn dora(&self, query: &Query) -> Result<Dora, ReportError> {
        self.ask("/dora", Some(query)).await
    }
    async fn stages(&self, query: &Query) -> Result<Stages, ReportError> {
        self.ask("/stages", Some(query)).await
    }
    async fn pull_requests(&self, query: &Query) -> Result<PullRequests, ReportError> {
        self.ask("/pull-requests", Some(query)).await
    }
    async fn wip(&self, query: &Query) -> Result<Wip, ReportError> {
        self.ask("/wip", Some(query)).await
    }
    async fn stuck(&self, query: &Query) -> Result<Stuck, ReportError> {
        self.ask("/stuck", Some(query)).await
    }
    async fn quality(&self, query: &Query) -> Result<Quality, ReportError> {
        self.ask("/quality", Some(query)).await
    }
    async fn items(&self, query: &Query) -> Result<Items, ReportError> {
        self.ask("/items", Some(query)).await
    }
    async fn tags(&self, query: &Query) -> Result<TagKeys, ReportError> {
        self.ask("/tags", Some(query)).await
    }
    async fn detail(&self, query: &Query, key: &str) -> Result<Detail, ReportError> {
        self.ask(&format!("/tags/{}", segment(key)), Some(query)).await
    }
    async fn trace(&self, id: &str) -> Result<Trace, ReportError> {
        self.ask(&format!("/traces/{}", segment(id)), None).await
    }
}
