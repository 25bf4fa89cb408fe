//! GitHub's API on loopback, as far as an import asks for it: recorded answers in pages, filtered as
//! GitHub filters them, and answers that go before them.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode};
use serde_json::{Map, Value, json};

/// An answer that goes before the recorded one.
pub struct Instead {
    /// Of requests whose path and query contain this.
    pub of: &'static str,
    /// So many of those are answered before.
    pub after: usize,
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Value,
    /// What is sent for the body, if it is not that.
    pub text: Option<&'static str>,
}

impl Instead {
    pub fn new(of: &'static str, status: u16, headers: &[(&'static str, &str)], message: &str) -> Self {
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Self { of, after: 0, status, headers, body: json!({ "message": message }), text: None }
    }
}

/// What is done once, after the first answer to a request that contains the text.
type Then = (&'static str, Box<dyn FnOnce() + Send>);

#[derive(Default)]
struct Inner {
    answers: Map<String, Value>,
    page: usize,
    instead: VecDeque<Instead>,
    then: Option<Then>,
    asked: Vec<String>,
    tokens: Vec<Option<String>>,
}

/// The server.
#[derive(Clone)]
pub struct GithubApi {
    pub address: SocketAddr,
    inner: Arc<Mutex<Inner>>,
}

/// The recorded answers, by path.
pub fn recorded() -> Map<String, Value> {
    serde_json::from_str(include_str!("recorded/api.json")).unwrap()
}

impl GithubApi {
    /// Serves these answers, so many entries a page at most.
    pub async fn start(answers: Map<String, Value>, page: usize) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let inner = Arc::new(Mutex::new(Inner { answers, page, ..Inner::default() }));
        let server = Self { address, inner };
        let router = Router::new().fallback(answer).with_state(server.clone());
        tokio::spawn(async move { axum_serve(listener, router).await });
        server
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn instead(&self, answer: Instead) {
        self.inner.lock().unwrap().instead.push_back(answer);
    }

    /// Does something once, after the first answer to a request that contains this.
    pub fn after(&self, of: &'static str, then: impl FnOnce() + Send + 'static) {
        self.inner.lock().unwrap().then = Some((of, Box::new(then)));
    }

    /// From now on all answers are the recorded ones.
    pub fn forget(&self) {
        self.inner.lock().unwrap().instead.clear();
    }

    /// Changes the recorded answers.
    pub fn change(&self, change: impl FnOnce(&mut Map<String, Value>)) {
        change(&mut self.inner.lock().unwrap().answers);
    }

    /// What was asked since this was last asked.
    pub fn asked(&self) -> Vec<String> {
        std::mem::take(&mut self.inner.lock().unwrap().asked)
    }

    /// The `Authorization` headers so far.
    pub fn tokens(&self) -> Vec<Option<String>> {
        self.inner.lock().unwrap().tokens.clone()
    }
}

/// hyper's loop, one task a connection.
async fn axum_serve(listener: tokio::net::TcpListener, router: Router) {
    while let Ok((stream, _)) = listener.accept().await {
        let service = hyper_util::service::TowerToHyperService::new(router.clone());
        tokio::spawn(async move {
            let io = hyper_util::rt::TokioIo::new(stream);
            let _ = hyper::server::conn::http1::Builder::new()
                .auto_date_header(false)
                .serve_connection(io, service)
                .await;
        });
    }
}

async fn answer(State(server): State<GithubApi>, request: Request) -> Response<Body> {
    let mut path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default().to_owned();
    let mut inner = server.inner.lock().unwrap();
    let asked = format!("{path}?{query}");
    let token = request.headers().get("authorization").map(|value| value.to_str().unwrap().to_owned());
    inner.tokens.push(token);
    inner.asked.push(asked.clone());
    let mut due = None;
    for (at, instead) in inner.instead.iter_mut().enumerate() {
        if asked.contains(instead.of) {
            match instead.after.checked_sub(1) {
                Some(left) => instead.after = left,
                None => due = due.or(Some(at)),
            }
        }
    }
    if let Some(at) = due {
        let instead = inner.instead.remove(at).unwrap();
        let mut response = Response::builder().status(instead.status);
        for (name, value) in instead.headers {
            response = response.header(name, value);
        }
        let body = instead.text.map_or_else(|| instead.body.to_string(), str::to_owned);
        return response.body(Body::from(body)).unwrap();
    }
    // The next page is said to be below the repository's number.
    if let Some((id, rest)) = path.strip_prefix("/repositories/").and_then(|rest| rest.split_once('/')) {
        let id: u64 = id.parse().unwrap();
        let name = inner
            .answers
            .values()
            .find(|answer| answer["id"].as_u64() == Some(id) && answer["full_name"].is_string());
        path = format!("/repos/{}/{rest}", name.unwrap()["full_name"].as_str().unwrap());
    }
    let pairs: Vec<(String, String)> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let parameter = |name: &str| pairs.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str());
    let Some(mut body) = inner.answers.get(&path).cloned() else {
        let body = json!({ "message": "Not Found", "documentation_url": "https://docs.github.com/rest" });
        return Response::builder().status(StatusCode::NOT_FOUND).body(Body::from(body.to_string())).unwrap();
    };
    let member = ["workflow_runs", "jobs"].into_iter().find(|name| body.get(name).is_some());
    let list = match member {
        Some(member) => body.get_mut(member),
        None => body.is_array().then_some(&mut body),
    };
    let mut link = None;
    if let Some(Value::Array(list)) = list {
        if let Some(since) = parameter("since") {
            let at = |entry: &Value| {
                let at = entry.get("updated_at").or_else(|| entry.pointer("/commit/committer/date"));
                at.unwrap().as_str().unwrap().to_owned()
            };
            list.retain(|entry| *at(entry) >= *since);
            if !path.ends_with("/commits") {
                list.sort_by_key(at);
            }
        }
        if let Some((from, until)) = parameter("created").and_then(|created| created.split_once("..")) {
            list.retain(|run| (from..=until).contains(&run["created_at"].as_str().unwrap()));
        }
        let total = list.len();
        if member == Some("workflow_runs") {
            // No more is shown of a search.
            list.truncate(1_000);
        }
        let wanted = parameter("per_page").map_or(30, |n| n.parse().unwrap());
        let size = inner.page.min(wanted);
        let page: usize = parameter("page").map_or(1, |n| n.parse().unwrap());
        *list = list.drain(..).skip((page - 1) * size).take(size).collect();
        if page * size < total.min(if member.is_some() { 1_000 } else { total }) {
            let rest: Vec<String> =
                pairs.iter().filter(|(name, _)| name != "page").map(|(n, v)| format!("{n}={v}")).collect();
            let mut place = path.clone();
            let parts: Vec<&str> = path.splitn(5, '/').collect();
            if let ["", "repos", owner, name, list] = parts[..] {
                place = format!(
                    "/repositories/{}/{list}",
                    inner.answers[&format!("/repos/{owner}/{name}")]["id"]
                );
            }
            let base = format!("{}{place}?{}", server.url(), rest.join("&"));
            link = Some(format!("<{base}&page={}>; rel=\"next\", <{base}&page=99>; rel=\"last\"", page + 1));
        }
        if member.is_some() {
            body["total_count"] = total.into();
        }
    }
    let then = inner.then.take_if(|(of, _)| asked.contains(*of));
    drop(inner);
    if let Some((_, then)) = then {
        then();
    }
    let mut response = Response::builder()
        .header("content-type", "application/json; charset=utf-8")
        .header("x-ratelimit-remaining", "4999");
    if let Some(link) = link {
        response = response.header("link", link);
    }
    response.body(Body::from(body.to_string())).unwrap()
}
