//! The console over a real port, with an answerer that knows one answer to each question.

mod document;

use axum::http::Method;
use reqwest::Response;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::problem::{MEDIA_TYPE, Problem, ProblemType};
use super::testing::running::Running;
use super::testing::{HOSTILE, ISSUE};
use super::traceparent::Traceparent;
use crate::insight::query::{Filter, Measure};
use crate::insight::report::*;
use crate::insight::reports::ReportError;
use crate::store::{Store, StoreError};
use crate::work::key::Kind;

const TOKEN: &str = "a-token-for-the-console";

impl Running {
    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.address))
    }

    async fn get(&self, path: &str) -> Response {
        self.request(Method::GET, path).send().await.unwrap()
    }

    /// The answer of a route, which must be one.
    async fn json<T: DeserializeOwned>(&self, path: &str) -> T {
        let response = self.get(path).await;
        assert_eq!(response.status(), 200, "{path}");
        assert_eq!(header(&response, "content-type"), "application/json", "{path}");
        assert_eq!(header(&response, "cache-control"), "no-store", "{path}");
        let text = response.text().await.unwrap();
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}: {text}"))
    }

    /// The problem that a route answers with, which must be one.
    async fn problem(&self, path: &str) -> Problem {
        problem(self.get(path).await).await
    }

    /// What comes back for these bytes.
    pub(in crate::console) async fn raw(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // The answer may come, and the connection end, before all is written.
        let _ = stream.write_all(request.as_bytes()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn fail(&self, error: ReportError) {
        *self.fake.error.lock().unwrap() = Some(error);
    }
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}

async fn problem(response: Response) -> Problem {
    assert_eq!(header(&response, "content-type"), MEDIA_TYPE, "{}", response.url());
    assert_eq!(header(&response, "cache-control"), "no-store");
    let (status, url) = (response.status(), response.url().clone());
    let problem: Problem = serde_json::from_str(&response.text().await.unwrap()).unwrap();
    assert_eq!((problem.status, problem.kind.status()), (status.as_u16(), status), "{url}");
    assert_eq!(problem.title, problem.kind.title());
    assert!(!problem.detail.is_empty());
    problem
}

/// Every route with a question that it answers.
const ROUTES: [&str; 17] = [
    "/api/v1/summary",
    "/api/v1/latency",
    "/api/v1/groups?group=team",
    "/api/v1/trend",
    "/api/v1/correlations",
    "/api/v1/dora",
    "/api/v1/stages",
    "/api/v1/wip",
    "/api/v1/quality",
    "/api/v1/items",
    "/api/v1/tags",
    "/api/v1/tags/team",
    "/api/v1/traces/dc165dd78f4a17ba2b0f38d1fd61fa6d",
    "/api/v1/traceparent?key=github:github.com/acme/api/issue/12",
    "/api/v1/pull-requests",
    "/api/v1/openapi.json",
    "/api/v1/stuck",
];

#[tokio::test]
async fn every_route_answers_in_the_shape_of_its_report() {
    let server = Running::open().await;
    server.json::<Summary>(ROUTES[0]).await;
    server.json::<Latency>(ROUTES[1]).await;
    let groups: Groups = server.json(ROUTES[2]).await;
    assert_eq!(groups.groups[1].value, HOSTILE, "as it was sent");
    server.json::<Trend>(ROUTES[3]).await;
    let correlations: Correlations = server.json(ROUTES[4]).await;
    assert_eq!(correlations, super::testing::correlations(Measure::Latency));
    server.json::<Dora>(ROUTES[5]).await;
    server.json::<Stages>(ROUTES[6]).await;
    server.json::<Wip>(ROUTES[7]).await;
    server.json::<Quality>(ROUTES[8]).await;
    server.json::<Stuck>(ROUTES[16]).await;
    server.json::<Items>(ROUTES[9]).await;
    server.json::<TagKeys>(ROUTES[10]).await;
    server.json::<Detail>(ROUTES[11]).await;
    server.json::<Trace>(ROUTES[12]).await;
    server.json::<PullRequests>(ROUTES[14]).await;
    let traceparent: Value = server.json(ROUTES[13]).await;
    serde_json::from_value::<Traceparent>(traceparent.clone()).unwrap();
    assert_eq!((&traceparent["root"], &traceparent["known"]), (&ISSUE.into(), &false.into()));
    assert!(traceparent["traceparent"].as_str().unwrap().starts_with("00-dc165dd78f4a17ba2b0f38d1fd61fa6d-"));
}

#[tokio::test]
async fn the_question_arrives_as_it_was_asked() {
    let server = Running::open().await;
    let raw =
        "kind=deploy&from=2026-03-01&to=2026-04-01&filter=team%3Dpay%26ments&filter=language!=go&overlay=a=b";
    server.json::<Correlations>(&format!("/api/v1/correlations?{raw}")).await;
    let (query, _) = server.fake.asked.lock().unwrap().clone();
    let query = query.unwrap();
    assert_eq!((query.kind, query.measure()), (Kind::Deploy, Measure::Failure));
    assert_eq!(query.from.to_string(), "2026-03-01T00:00:00Z");
    let without_go = Filter { exclude: true, ..Filter::include("language", "go") };
    assert_eq!(query.filters, [Filter::include("team", "pay&ments"), without_go]);

    let detail: Detail = server.json("/api/v1/tags/a%2Fb%20%C3%BC?overlay=a/b+%C3%BC%3Dyes").await;
    assert_eq!((detail.key.as_str(), detail.value.as_deref()), ("a/b ü", Some("yes")));
}

#[tokio::test]
async fn a_trace_is_found_by_its_id_or_by_a_percent_encoded_key() {
    let server = Running::open().await;
    let asked = || server.fake.asked.lock().unwrap().1.clone();
    server.json::<Trace>("/api/v1/traces/DC165dd78f4a17ba2b0f38d1fd61fa6d").await;
    assert_eq!(asked(), "dc165dd78f4a17ba2b0f38d1fd61fa6d");
    server.json::<Trace>("/api/v1/traces/github%3Agithub.com%2Facme%2Fapi%2Fissue%2F12").await;
    assert_eq!(asked(), ISSUE);
    // A key that has a percent sign in it.
    server.json::<Trace>("/api/v1/traces/jenkins:ci.example%2Fa%2520b%2Fbuild%2F7").await;
    assert_eq!(asked(), "jenkins:ci.example/a%20b/build/7");
    for id in ["12", "dc165dd78f4a17ba2b0f38d1fd61fa6g", "github:github.com%2Facme", "%20"] {
        let problem = server.problem(&format!("/api/v1/traces/{id}")).await;
        assert_eq!((problem.status, problem.parameter.as_deref()), (400, Some("id")), "{id}");
    }
}

#[tokio::test]
async fn a_parameter_at_fault_is_named_with_what_can_be_written() {
    let server = Running::open().await;
    for (path, parameter, says) in [
        ("/summary?kin=issue", "kin", "kind, from, to"),
        ("/latency?kind=epic", "kind", "pull_request"),
        ("/correlations?measure=speed", "measure", "latency, failure"),
        ("/trend?kind=issue&kind=issue", "kind", "more than once"),
        ("/items?limit=0", "limit", "1 to 1000"),
        ("/items?slower=NaN", "slower", "seconds"),
        ("/wip?from=2026-06-01&to=2026-05-01", "from", "before to"),
        ("/tags/team?filter=x", "filter", "key=value"),
        ("/groups", "group", "missing"),
        ("/groups?group=", "group", "missing"),
        ("/traces/dc165dd78f4a17ba2b0f38d1fd61fa6d?kind=issue", "kind", "none"),
        ("/openapi.json?v=3", "v", "none"),
        ("/traceparent", "key", "missing"),
        ("/traceparent?key=nonsense", "key", "source:host"),
        ("/traceparent?key=a&key=b", "key", "source"),
        ("/traceparent?key=github:h/p/issue/1&episode=-1", "episode", "number"),
        ("/traceparent?key=github:h/p/issue/1&episode=1&episode=1", "episode", "more than once"),
        ("/traceparent?kee=x", "kee", "key, episode"),
        ("/tags/%FF", "key", "UTF-8"),
        ("/traces/%FF", "id", "UTF-8"),
    ] {
        let problem = server.problem(&format!("/api/v1{path}")).await;
        assert_eq!((problem.status, problem.parameter.as_deref()), (400, Some(parameter)), "{path}");
        assert!(problem.detail.contains(says), "{path}: {}", problem.detail);
    }
    assert_eq!(server.problem("/api/v1/summary?kin=1").await.kind, ProblemType::UnknownParameter);
    assert_eq!(server.problem("/api/v1/traceparent?kee=1").await.kind, ProblemType::UnknownParameter);
}

#[tokio::test]
async fn bad_percent_encoding_and_endless_queries_are_the_senders_fault() {
    let server = Running::open().await;
    for query in ["filter=a=%FF", "%", "filter=%zz", "filter=a%3D%C3"] {
        // By hand, since a client would put it right.
        let request =
            format!("GET /api/v1/summary?{query} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let answer = server.raw(&request).await;
        assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("%25"), "{query}: {answer}");
    }
    let long = "x".repeat(100 * 1024);
    let request =
        format!("GET /api/v1/summary?group={long} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let answer = server.raw(&request).await;
    assert!(answer.starts_with("HTTP/1.1 414 ") || answer.starts_with("HTTP/1.1 400 "), "{answer:.200}");
    let problem = server.problem(&format!("/api/v1/summary?group={}", "x".repeat(60_000))).await;
    assert_eq!((problem.status, problem.parameter.as_deref()), (400, Some("group")));
}

#[tokio::test]
async fn each_error_of_the_answerer_has_its_status() {
    let server = Running::open().await;
    let corrupt = || StoreError::Corrupt("github:h/p/issue/1: a secret of the row".to_owned());
    for (error, status, kind, retry, says) in [
        (
            ReportError::NotFound("no trace has this id".to_owned()),
            404,
            ProblemType::NotFound,
            "",
            "no trace has this id",
        ),
        (ReportError::Loading, 503, ProblemType::Loading, "2", "loaded"),
        (
            ReportError::Store(StoreError::Unavailable("disk I/O error".to_owned())),
            503,
            ProblemType::StoreUnavailable,
            "5",
            "disk I/O error",
        ),
        (ReportError::Store(StoreError::Closed), 503, ProblemType::StoreUnavailable, "5", "closed"),
        (ReportError::Store(corrupt()), 500, ProblemType::StoreCorrupt, "", "log"),
        (ReportError::Remote("no answer".to_owned()), 502, ProblemType::Remote, "", "no answer"),
    ] {
        server.fail(error);
        for path in ROUTES.iter().filter(|path| !path.contains("openapi") && !path.contains("traceparent")) {
            let response = server.get(path).await;
            assert_eq!(
                (response.status().as_u16(), header(&response, "retry-after")),
                (status, retry),
                "{path}"
            );
            let problem = problem(response).await;
            assert_eq!(problem.kind, kind, "{path}");
            assert!(
                problem.detail.contains(says) && !problem.detail.contains("secret"),
                "{}",
                problem.detail
            );
        }
    }
}

#[tokio::test]
async fn a_store_that_is_gone_is_told_by_traceparent_as_everywhere_else() {
    let server = Running::open().await;
    server.store.close().await;
    let response = server.get(ROUTES[13]).await;
    assert_eq!(header(&response, "retry-after"), "5");
    assert_eq!(problem(response).await.kind, ProblemType::StoreUnavailable);
}

#[tokio::test]
async fn what_is_not_there_and_what_is_not_read_are_problems_too() {
    let server = Running::open().await;
    for path in [
        "/api",
        "/api/",
        "/api/v1",
        "/api/v1/",
        "/api/v2/summary",
        "/api/v1/summary/",
        "/api/v1/tags/",
        "/api/v1/tags/a/b",
    ] {
        assert_eq!(server.problem(path).await.kind, ProblemType::NoSuchRoute, "{path}");
    }
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS] {
        for path in ROUTES {
            let response = server.request(method.clone(), path).send().await.unwrap();
            assert_eq!(header(&response, "allow"), "GET,HEAD", "{method} {path}");
            assert_eq!(problem(response).await.kind, ProblemType::MethodNotAllowed, "{method} {path}");
        }
    }
    assert!(server.fake.asked.lock().unwrap().0.is_none(), "nobody was asked");
    let elsewhere = server.get("/apis").await;
    assert_eq!((elsewhere.status().as_u16(), header(&elsewhere, "content-type")), (404, "application/json"));
}

#[tokio::test]
async fn head_answers_as_get_does_without_the_body() {
    let server = Running::open().await;
    for path in
        ROUTES.into_iter().chain(["/metrics", "/healthz", "/readyz", "/api/v1/groups", "/api/v1/none"])
    {
        let get = server.get(path).await;
        let head = server.request(Method::HEAD, path).send().await.unwrap();
        assert_eq!(head.status(), get.status(), "{path}");
        assert_eq!(header(&head, "content-type"), header(&get, "content-type"), "{path}");
        assert!(head.bytes().await.unwrap().is_empty(), "{path}");
    }
}

#[tokio::test]
async fn with_a_token_everything_but_the_probes_asks_for_it() {
    let server = Running::start(Some(TOKEN), false).await;
    let basic = "Basic realm=\"ValueStream\", charset=\"UTF-8\"";
    let api = ROUTES.into_iter().chain(["/api/v1/none", "/api", "/metrics"]).map(|path| (path, "Bearer"));
    let others = ["/", "/issues", "/apis"].map(|path| (path, basic));
    for (path, scheme) in api.chain(others) {
        let response = server.get(path).await;
        assert_eq!(
            (response.status().as_u16(), header(&response, "www-authenticate")),
            (401, scheme),
            "{path}"
        );
        let right =
            |request: reqwest::RequestBuilder| async { request.send().await.unwrap().status().as_u16() };
        let request = || server.request(Method::GET, path);
        assert_ne!(right(request().bearer_auth(TOKEN)).await, 401, "{path}");
        assert_ne!(right(request().basic_auth("anybody", Some(TOKEN))).await, 401, "{path}");
        assert_eq!(right(request().bearer_auth("another")).await, 401, "{path}");
        assert_eq!(right(request().basic_auth(TOKEN, None::<&str>)).await, 401, "{path}");
        assert_eq!(right(server.request(Method::POST, path)).await, 401, "{path}");
    }
    assert_eq!(server.problem("/api/v1/summary").await.kind, ProblemType::Unauthorized);
    for path in ["/healthz", "/readyz"] {
        assert_eq!(server.get(path).await.status(), 200, "{path}");
    }
}

#[tokio::test]
async fn without_a_token_a_strange_host_is_refused() {
    let server = Running::open().await;
    let ask = async |server: &Running, host: &str, path: &str| {
        server.request(Method::GET, path).header("host", host).send().await.unwrap()
    };
    let port = server.address.port();
    for host in [format!("localhost:{port}"), format!("127.0.0.1:{port}"), "[::1]".to_owned()] {
        assert_eq!(ask(&server, &host, "/api/v1/summary").await.status(), 200, "{host}");
    }
    for path in ["/api/v1/summary", "/metrics", "/api/v1/none"] {
        let response = ask(&server, "rebound.example:5001", path).await;
        let problem = problem(response).await;
        assert_eq!((problem.kind, problem.status), (ProblemType::WrongHost, 421), "{path}");
        assert!(problem.detail.contains("console.token") && problem.detail.contains("console.allow_open"));
    }
    assert_eq!(ask(&server, "rebound.example", "/").await.status(), 421);
    let absolute =
        "GET http://rebound.example/api/v1/summary HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert!(server.raw(absolute).await.starts_with("HTTP/1.1 421 "));

    let open = Running::start(None, true).await;
    assert_eq!(ask(&open, "rebound.example", "/api/v1/summary").await.status(), 200);
    let guarded = Running::start(Some(TOKEN), false).await;
    let request = guarded.request(Method::GET, "/api/v1/summary").header("host", "valuestream.example");
    assert_eq!(request.bearer_auth(TOKEN).send().await.unwrap().status(), 200, "the token says it all");
}

#[tokio::test]
async fn every_answer_has_the_headers_that_bind_browsers() {
    let server = Running::start(Some(TOKEN), false).await;
    for (path, token) in [
        ("/api/v1/summary", true),
        ("/api/v1/summary", false),
        ("/api/v1/none", true),
        ("/api/v1/groups", true),
        ("/metrics", true),
        ("/healthz", false),
        ("/readyz", false),
        ("/", true),
        ("/", false),
    ] {
        let request = server.request(Method::GET, path);
        let request = if token { request.bearer_auth(TOKEN) } else { request };
        let response = request.send().await.unwrap();
        for (name, value) in [
            (
                "content-security-policy",
                "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; \
                 form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
            ),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "same-origin"),
            ("x-frame-options", "DENY"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
            ("cache-control", "no-store"),
        ] {
            assert_eq!(header(&response, name), value, "{path} {name}");
        }
    }
}
