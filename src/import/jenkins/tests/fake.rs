//! A Jenkins on loopback: it answers `…/api/json?tree=…` out of a tree of items in the shapes of the
//! real one, and with no more than the tree asks for.

use std::collections::VecDeque;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{Response, StatusCode, header};
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

use crate::import::wait::Clock;
use crate::show::Show;

/// Another answer than the usual one: for requests whose path has this in it, a status and a header.
pub(super) type Odd = (&'static str, u16, Option<(&'static str, String)>);

#[derive(Default)]
pub(super) struct Jenkins {
    /// The items; a job has `allBuilds`, a folder `jobs`.
    pub(super) root: Mutex<Value>,
    /// Given once each, in this order.
    pub(super) odd: Mutex<VecDeque<Odd>>,
    /// Path with query, and `Authorization`.
    pub(super) asked: Mutex<Vec<(String, Option<String>)>>,
    /// After so many answers no token is accepted any more.
    pub(super) revoked_after: Mutex<Option<usize>>,
    /// Done to the items after each answer.
    pub(super) meanwhile: Mutex<Option<fn(&mut Value)>>,
}

impl Jenkins {
    pub(super) async fn start(jobs: Value) -> (Arc<Self>, SocketAddr) {
        let jenkins = Arc::new(Self { root: Mutex::new(json!({"jobs": jobs})), ..Self::default() });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().fallback(answer).with_state(jenkins.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (jenkins, address)
    }

    pub(super) fn answers_once(&self, odd: impl IntoIterator<Item = Odd>) {
        self.odd.lock().unwrap().extend(odd);
    }

    /// The decoded paths with their trees, since the last call.
    pub(super) fn paths(&self) -> Vec<String> {
        let asked = std::mem::take(&mut *self.asked.lock().unwrap());
        asked.into_iter().map(|(path, _)| path).collect()
    }
}

async fn answer(State(jenkins): State<Arc<Jenkins>>, request: Request) -> Response<Body> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8().unwrap().into_owned();
    let path = request.uri().path().to_owned();
    let query = request.uri().query().unwrap_or_default();
    let tree =
        form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "tree").unwrap().1.into_owned();
    let authorization = request.headers().get(header::AUTHORIZATION);
    let authorization = authorization.map(|value| value.to_str().unwrap().to_owned());
    jenkins.asked.lock().unwrap().push((format!("{path}?{tree}"), authorization));
    let mut builder = Response::builder();
    let asked = jenkins.asked.lock().unwrap().len();
    if jenkins.revoked_after.lock().unwrap().is_some_and(|answers| asked > answers) {
        return builder.status(StatusCode::UNAUTHORIZED).body(Body::empty()).unwrap();
    }
    {
        let mut odd = jenkins.odd.lock().unwrap();
        if let Some(place) = odd.iter().position(|(part, ..)| path.contains(part)) {
            let (_, status, header) = odd.remove(place).unwrap();
            if let Some((name, value)) = header {
                builder = builder.header(name, value);
            }
            return builder.status(status).body("<html>no JSON</html>".into()).unwrap();
        }
    }
    let mut root = jenkins.root.lock().unwrap();
    let place = path.strip_suffix("api/json").unwrap_or("none");
    let segments: Vec<String> = place.split('/').filter(|part| !part.is_empty()).map(decoded).collect();
    let told = find(&root, &segments).map(|item| pruned(&seen(item), &tree));
    if let Some(meanwhile) = *jenkins.meanwhile.lock().unwrap() {
        meanwhile(&mut root);
    }
    match told {
        Some(told) => builder.body(told.to_string().into()).unwrap(),
        None => builder.status(StatusCode::NOT_FOUND).body(Body::empty()).unwrap(),
    }
}

fn find<'a>(item: &'a Value, segments: &[String]) -> Option<&'a Value> {
    match segments {
        [] => Some(item),
        [job, name, rest @ ..] if job == "job" => {
            let jobs = item["jobs"].as_array()?;
            find(jobs.iter().find(|item| item["name"] == name.as_str())?, rest)
        }
        [number] => {
            let number: u64 = number.parse().ok()?;
            item["allBuilds"].as_array()?.iter().find(|build| build["number"] == number)
        }
        _ => None,
    }
}

/// An item with what Jenkins computes.
fn seen(item: &Value) -> Value {
    let mut item = item.clone();
    if let Some(builds) = item.get("allBuilds") {
        item["lastBuild"] = builds.get(0).cloned().unwrap_or(Value::Null);
    }
    if let Some(jobs) = item.get_mut("jobs").and_then(Value::as_array_mut) {
        for job in jobs {
            *job = seen(job);
        }
    }
    item
}

/// What of a value a tree asks for.
fn pruned(value: &Value, tree: &str) -> Value {
    if let Value::Array(all) = value {
        return all.iter().map(|value| pruned(value, tree)).collect();
    }
    let Value::Object(members) = value else { return value.clone() };
    let mut told = serde_json::Map::new();
    if let Some(class) = members.get("_class") {
        told.insert("_class".to_owned(), class.clone());
    }
    for part in parts(tree) {
        let (name, rest) = part.split_at(part.find(['[', '{']).unwrap_or(part.len()));
        let Some(member) = members.get(name) else { continue };
        let inner = rest.strip_prefix('[').map(|rest| rest.rsplit_once(']').unwrap());
        let (inner, range) = inner.map_or((None, rest), |(inner, range)| (Some(inner), range));
        let mut member = match inner {
            Some(inner) => pruned(member, inner),
            None => member.clone(),
        };
        if let (Some(range), Value::Array(all)) = (range.strip_prefix('{'), &mut member) {
            let (from, to) = range.trim_end_matches('}').split_once(',').unwrap();
            let (from, to): (usize, usize) = (from.parse().unwrap(), to.parse().unwrap());
            *all = all.iter().skip(from).take(to - from).cloned().collect();
        }
        told.insert(name.to_owned(), member);
    }
    told.into()
}

/// The parts of a tree between commas that are in no brackets.
fn parts(tree: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut from) = (Vec::new(), 0, 0);
    for (at, c) in tree.char_indices() {
        match c {
            '[' | '{' => depth += 1,
            ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&tree[from..at]);
                from = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&tree[from..]);
    parts
}

/// A clock on which waiting takes no time, and whoever is told.
#[derive(Default)]
pub(super) struct Witness {
    pub(super) slept: Mutex<Vec<Duration>>,
    pub(super) said: Mutex<Vec<String>>,
}

impl Clock for Witness {
    fn now(&self) -> Timestamp {
        "2026-06-01T12:00:00Z".parse().unwrap()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.slept.lock().unwrap().push(duration);
        Box::pin(std::future::ready(()))
    }
}

impl Show for Witness {
    fn say(&self, line: &str) {
        self.said.lock().unwrap().push(line.to_owned());
    }
    fn begin(&self, _: &str, _: Option<u64>) {}
    fn done(&self, _: u64) {}
}
