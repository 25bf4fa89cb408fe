//! Logging in over a real port, as a browser without a script does it, and as somebody who wants in
//! without a token would try it.
#![allow(clippy::unwrap_used)]

use axum::http::Method;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::{Response, redirect};

use super::api::testing::running::Running;
use super::session::Sessions;
use crate::clock;
use crate::work::time::Time;

const TOKEN: &str = "a-token-for-the-console";
const OTHER: &str = "another-token-for-the-console";
const COOKIE: &str = "valuestream-session";

/// A browser: it follows nothing by itself, and says that it wants HTML.
struct Browser {
    server: Running,
    client: reqwest::Client,
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}

/// What a form field holds in a page.
fn field(html: &str, name: &str) -> String {
    let from = html.split_once(&format!("name=\"{name}\" value=\"")).unwrap().1;
    from.split_once('"').unwrap().0.to_owned()
}

impl Browser {
    async fn with(settings: &[(&str, &str)]) -> Self {
        Self::on(Running::configured(&[&[("TOKEN", TOKEN)], settings].concat()).await)
    }

    fn on(server: Running) -> Self {
        let client = reqwest::Client::builder().no_proxy().tls_certs_only([]);
        Self { server, client: client.redirect(redirect::Policy::none()).build().unwrap() }
    }

    fn request(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> reqwest::RequestBuilder {
        let request = self.client.request(method, format!("http://{}{path}", self.server.address));
        let request = request.header("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        self.request(Method::GET, path, headers).send().await.unwrap()
    }

    async fn post(&self, path: &str, form: &[(&str, &str)], headers: &[(&str, &str)]) -> Response {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = self.request(Method::POST, path, headers);
        request.header("content-type", "application/x-www-form-urlencoded").body(body).send().await.unwrap()
    }

    /// Logs in, and gives the cookie as it is sent back.
    async fn log_in(&self, token: &str) -> String {
        let response = self.post("/login", &[("token", token), ("next", "/items")], &[]).await;
        assert_eq!((response.status().as_u16(), header(&response, "location")), (303, "/items"));
        let cookie = header(&response, "set-cookie");
        assert!(cookie.starts_with(COOKIE) && cookie.contains("; HttpOnly; SameSite=Strict"), "{cookie}");
        assert!(cookie.contains("; Path=/; Max-Age=43200;"), "{cookie}");
        cookie.split(';').next().unwrap().to_owned()
    }

    /// What a result was counted how often.
    async fn counted(&self, result: &str) -> u64 {
        let metrics = self.request(Method::GET, "/metrics", &[]).bearer_auth(TOKEN);
        let text = metrics.send().await.unwrap().text().await.unwrap();
        let series = format!("valuestream_console_access_total{{result=\"{result}\"}} ");
        text.lines().find_map(|line| line.strip_prefix(&series)).unwrap().parse().unwrap()
    }
}

/// A cookie of a session that another process with this token began at a time.
fn cookie(token: &str, now: Time) -> String {
    let sessions = Sessions::new(vec![token.into()], std::time::Duration::from_secs(12 * 3600)).unwrap();
    format!("{COOKIE}={}", sessions.begin(token.as_bytes(), [1; 16], now).unwrap().cookie)
}

fn ago(seconds: i64) -> Time {
    Time::from_micros(clock::now().micros() - seconds * 1_000_000).unwrap()
}

#[tokio::test]
async fn a_browser_is_led_to_the_login_and_back_and_out_again() {
    let browser = Browser::with(&[]).await;
    let wanted = "/tags/team?kind=deploy&filter=team%3Dpay%26ments";
    let led = browser.get(wanted, &[]).await;
    assert_eq!(led.status(), 303);
    let login = header(&led, "location").to_owned();
    assert!(login.starts_with("/login?next=%2Ftags%2Fteam%3Fkind%3Ddeploy%26"), "{login}");

    let page = browser.get(&login, &[]).await;
    assert_eq!((page.status().as_u16(), header(&page, "cache-control")), (200, "no-store"));
    let html = page.text().await.unwrap();
    let next = field(&html, "next").replace("&amp;", "&");
    assert_eq!(next, wanted);
    assert!(!html.contains("/logout"), "{html}");

    let response = browser.post("/login", &[("token", TOKEN), ("next", &next)], &[]).await;
    assert_eq!((response.status().as_u16(), header(&response, "location")), (303, wanted));
    let cookie = header(&response, "set-cookie").split(';').next().unwrap().to_owned();
    let session = [("cookie", cookie.as_str())];
    for path in [wanted, "/", "/items", "/traces/dc165dd78f4a17ba2b0f38d1fd61fa6d"] {
        let page = browser.get(path, &session).await;
        assert_eq!(page.status(), 200, "{path}");
        assert!(page.text().await.unwrap().contains("action=\"/logout\""), "{path}");
    }
    for path in ["/api/v1/summary", "/metrics"] {
        assert_eq!(browser.get(path, &session).await.status(), 200, "{path}");
    }
    let again = browser.get("/login?next=/items", &session).await;
    assert_eq!((again.status().as_u16(), header(&again, "location")), (303, "/items"), "no need to");

    let html = browser.get("/", &session).await.text().await.unwrap();
    let out = browser.post("/logout", &[("form", &field(&html, "form"))], &session).await;
    assert_eq!((out.status().as_u16(), header(&out, "location")), (303, "/login"));
    assert!(header(&out, "set-cookie").starts_with(&format!("{COOKIE}=; Path=/; Max-Age=0;")));
    for path in ["/items", "/api/v1/summary"] {
        assert_ne!(browser.get(path, &session).await.status(), 200, "a copy of the cookie is worth nothing");
    }
    assert_eq!((browser.counted("logged_in").await, browser.counted("wrong").await), (1, 0));
}

#[tokio::test]
async fn programs_are_told_to_bring_a_token_and_not_led_anywhere() {
    let browser = Browser::with(&[("FAILURES_PER_MINUTE", "0")]).await;
    for (path, scheme) in [("/api/v1/summary", "Bearer"), ("/metrics", "Bearer"), ("/api/v1/none", "Bearer")]
    {
        let response = browser.get(path, &[]).await;
        assert_eq!(
            (response.status().as_u16(), header(&response, "www-authenticate")),
            (401, scheme),
            "{path}"
        );
    }
    let basic = "Basic realm=\"ValueStream\", charset=\"UTF-8\"";
    // Who asks for no HTML, who changes something, and who brings a token, if a wrong one.
    let plain = browser.client.get(format!("http://{}/", browser.server.address)).send().await.unwrap();
    assert_eq!((plain.status().as_u16(), header(&plain, "www-authenticate")), (401, basic));
    assert_eq!(browser.post("/items", &[], &[]).await.status(), 401);
    let wrong = browser.get("/", &[("authorization", "Bearer wrong")]).await;
    assert_eq!((wrong.status().as_u16(), header(&wrong, "www-authenticate")), (401, basic));
    // What the login needs is there for everybody.
    for path in ["/assets/app.css", "/assets/app.js", "/healthz"] {
        assert_eq!(browser.get(path, &[]).await.status(), 200, "{path}");
    }
}

#[tokio::test]
async fn a_session_of_another_replica_counts_and_a_forged_or_old_one_does_not() {
    let browser = Browser::with(&[]).await;
    let status = async |cookie: &str| browser.get("/items", &[("cookie", cookie)]).await.status().as_u16();
    assert_eq!(status(&cookie(TOKEN, ago(0))).await, 200);
    assert_eq!(status(&cookie(TOKEN, ago(11 * 3600))).await, 200);
    assert_eq!(status(&cookie(TOKEN, ago(12 * 3600 + 1))).await, 303, "it is over");
    assert_eq!(status(&cookie(OTHER, ago(0))).await, 303, "signed with a token that is none here");
    let good = cookie(TOKEN, ago(0));
    assert_eq!(status(&format!("{}x", good)).await, 303);
    assert_eq!(status(&good.replacen('=', "=9", 1)).await, 303, "a later end");
    assert_eq!(status(&format!("{COOKIE}={TOKEN}")).await, 303, "the token is no cookie");
    // For a program it is the same as no token.
    let api = browser.get("/api/v1/summary", &[("cookie", &cookie(OTHER, ago(0)))]).await;
    assert_eq!(api.status(), 401);
}

#[tokio::test]
async fn tokens_rotate_and_take_their_sessions_along() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{OTHER}\n")).unwrap();
    let both = Browser::with(&[("TOKEN_FILE", file.path().to_str().unwrap())]).await;
    let (old, new) = (both.log_in(TOKEN).await, both.log_in(OTHER).await);
    for token in [TOKEN, OTHER] {
        let request = both.request(Method::GET, "/api/v1/summary", &[]).bearer_auth(token);
        assert_eq!(request.send().await.unwrap().status(), 200);
    }
    let after = Browser::with(&[("TOKEN", OTHER)]).await;
    assert_eq!(after.get("/items", &[("cookie", &new)]).await.status(), 200);
    assert_eq!(after.get("/items", &[("cookie", &old)]).await.status(), 303);
}

#[tokio::test]
async fn the_login_leads_to_nowhere_else() {
    let browser = Browser::with(&[]).await;
    for away in [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "/\t/evil.example",
        "javascript:alert(1)",
        "/ok\r\nset-cookie: a=b",
        "",
    ] {
        let response = browser.post("/login", &[("token", TOKEN), ("next", away)], &[]).await;
        assert_eq!((response.status().as_u16(), header(&response, "location")), (303, "/"), "{away:?}");
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("next", away).finish();
        let session = cookie(TOKEN, ago(0));
        let response = browser.get(&format!("/login?{query}"), &[("cookie", &session)]).await;
        assert_eq!((response.status().as_u16(), header(&response, "location")), (303, "/"), "{away:?}");
        let page = browser.get(&format!("/login?{query}"), &[("sec-fetch-site", "cross-site")]).await;
        assert_eq!(header(&page, "refresh"), "0; url=/login", "{away:?}");
        assert_eq!(field(&page.text().await.unwrap(), "next"), "/", "{away:?}");
    }
    // An address with a host of its own.
    let raw =
        "GET //evil.example/x HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nConnection: close\r\n\r\n";
    let answer = browser.server.raw(raw).await;
    assert!(answer.starts_with("HTTP/1.1 303") && answer.contains("location: /login\r\n"), "{answer}");
}

#[tokio::test]
async fn what_another_site_sends_changes_nothing() {
    let browser = Browser::with(&[]).await;
    let cookie = browser.log_in(TOKEN).await;
    let html = browser.get("/", &[("cookie", &cookie)]).await.text().await.unwrap();
    let form = field(&html, "form");
    let ours = format!("http://{}", browser.server.address);
    for foreign in [
        [("sec-fetch-site", "cross-site")],
        [("sec-fetch-site", "same-site")],
        [("origin", "http://evil.example")],
        [("origin", "null")],
    ] {
        for (path, fields) in
            [("/login", [("token", TOKEN)]), ("/logout", [("form", form.as_str())]), ("/items", [("a", "b")])]
        {
            let headers = [foreign[0], ("cookie", cookie.as_str())];
            let response = browser.post(path, &fields, &headers).await;
            assert_eq!(response.status(), 403, "{path} {foreign:?}");
            assert_eq!(header(&response, "set-cookie"), "", "{path} {foreign:?}");
        }
    }
    // From our own site, but without what the form holds, or with that of another session.
    let other = browser.log_in(TOKEN).await;
    let html = browser.get("/", &[("cookie", &other)]).await.text().await.unwrap();
    let same_site = [("cookie", cookie.as_str()), ("origin", ours.as_str())];
    for fields in [&[][..], &[("form", "")], &[("form", field(&html, "form").as_str())]] {
        let response = browser.post("/logout", fields, &same_site).await;
        assert_eq!((response.status().as_u16(), header(&response, "set-cookie")), (403, ""), "{fields:?}");
    }
    let response = browser.post("/logout", &[("form", &form)], &same_site).await;
    assert_eq!(response.status(), 303);
    assert_eq!(browser.counted("cross_site").await, 4 * 3 + 3);
}

#[tokio::test]
async fn nothing_is_changed_by_any_other_method() {
    let browser = Browser::with(&[]).await;
    let cookie = browser.log_in(TOKEN).await;
    let session = [("cookie", cookie.as_str())];
    for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::OPTIONS] {
        for path in ["/", "/items", "/tags/team", "/traces/x", "/metrics", "/healthz", "/assets/app.js"] {
            let response = browser.request(method.clone(), path, &session).send().await.unwrap();
            assert_eq!(response.status(), 405, "{method} {path}");
        }
    }
    for method in [Method::PUT, Method::DELETE] {
        assert_eq!(browser.request(method, "/login", &session).send().await.unwrap().status(), 405);
    }
    assert_eq!(browser.get("/logout", &session).await.status(), 405, "a link or an image must not log out");
}

#[tokio::test]
async fn a_form_that_is_none_is_refused() {
    let browser = Browser::with(&[]).await;
    let json = browser.request(Method::POST, "/login", &[]).header("content-type", "application/json");
    assert_eq!(json.body("{}").send().await.unwrap().status(), 415);
    let much = "x".repeat(10_000);
    assert_eq!(browser.post("/login", &[("token", &much)], &[]).await.status(), 413);
    for form in [&[][..], &[("token", "")], &[("token", "wrong")], &[("Token", TOKEN)]] {
        let response = browser.post("/login", form, &[]).await;
        assert_eq!((response.status().as_u16(), header(&response, "set-cookie")), (403, ""), "{form:?}");
        assert!(response.text().await.unwrap().contains("role=\"alert\""));
    }
    let pasted = browser.post("/login", &[("token", &format!(" {TOKEN}\n"))], &[]).await;
    assert_eq!(pasted.status(), 303, "with what is pasted along");
}

#[tokio::test]
async fn after_too_many_wrong_tokens_not_even_the_right_one_is_looked_at() {
    // One a minute: however slow this test is, nobody is let in again while it runs.
    let browser = Browser::with(&[("FAILURES_PER_MINUTE", "1")]).await;
    let cookie = browser.log_in(TOKEN).await;
    let session = [("cookie", cookie.as_str())];
    let bearer = |token: &str| format!("Bearer {token}");
    let basic = |token: &str| format!("Basic {}", STANDARD.encode(format!("x:{token}")));
    let (wrong, right) = (bearer("wrong"), bearer(TOKEN));

    // Who brings nothing guesses nothing.
    for _ in 0..3 {
        assert_eq!(browser.get("/api/v1/summary", &[]).await.status(), 401);
    }
    for path in ["/api/v1/summary", "/metrics", "/items"] {
        assert_eq!(browser.get(path, &[("authorization", &right)]).await.status(), 200, "{path}");
    }
    assert_eq!(browser.get("/api/v1/summary", &[("authorization", &wrong)]).await.status(), 401);
    for given in [&wrong, &right, &basic("wrong"), &basic(TOKEN), "Digest x"] {
        for path in ["/api/v1/summary", "/metrics", "/items"] {
            let response = browser.get(path, &[("authorization", given)]).await;
            assert_eq!(response.status(), 429, "{path} {given}");
            let wait: u64 = header(&response, "retry-after").parse().unwrap();
            assert!((1..=60).contains(&wait), "{wait}");
            assert!(response.text().await.unwrap().contains(&format!("for {wait} s")));
        }
    }
    for token in ["wrong", TOKEN] {
        let login = browser.post("/login", &[("token", token)], &[]).await;
        assert_eq!((login.status().as_u16(), header(&login, "set-cookie")), (429, ""), "{token}");
        assert!(!header(&login, "retry-after").is_empty());
        assert!(login.text().await.unwrap().contains("role=\"alert\""));
    }
    // Whoever is logged in goes on, even with a token besides; probes and the way to the login are open.
    for path in ["/items", "/api/v1/summary", "/metrics"] {
        assert_eq!(browser.get(path, &session).await.status(), 200, "{path}");
        let both = [session[0], ("authorization", wrong.as_str())];
        assert_eq!(browser.get(path, &both).await.status(), 200, "{path}");
    }
    for (path, status) in
        [("/healthz", 200), ("/readyz", 200), ("/login", 200), ("/items", 303), ("/api/v1/items", 401)]
    {
        assert_eq!(browser.get(path, &[]).await.status().as_u16(), status, "{path}");
    }
    let metrics = browser.get("/metrics", &session).await.text().await.unwrap();
    for (result, count) in [("missing", 4), ("wrong", 1), ("throttled", 5 * 3 + 2), ("logged_in", 1)] {
        let line = format!("valuestream_console_access_total{{result=\"{result}\"}} {count}\n");
        assert!(metrics.contains(&line), "{line}{metrics}");
    }
}

#[tokio::test]
async fn where_people_come_over_https_cookies_and_browsers_are_held_to_it() {
    let public = [("PUBLIC_URL", "https://vs.example")];
    let browser = Browser::with(&public).await;
    let form = [("token", TOKEN)];
    let response = browser.post("/login", &form, &[("origin", "https://vs.example")]).await;
    assert_eq!(response.status(), 303, "under its public name");
    let cookie = header(&response, "set-cookie");
    assert!(cookie.starts_with("__Host-valuestream-session=") && cookie.ends_with("; Secure"), "{cookie}");
    assert_eq!(header(&response, "strict-transport-security"), "max-age=31536000");
    assert_eq!(browser.post("/login", &form, &[("origin", "http://vs.example")]).await.status(), 403);

    let asked = Browser::with(&[public[0], ("HSTS", "false")]).await.get("/healthz", &[]).await;
    assert_eq!(header(&asked, "strict-transport-security"), "");
    let asked = Browser::with(&[]).await.get("/healthz", &[]).await;
    assert_eq!(header(&asked, "strict-transport-security"), "", "in the clear it would mean nothing");
}

#[tokio::test]
async fn without_a_token_there_is_nothing_to_log_in_to() {
    let browser = Browser::on(Running::open().await);
    assert_eq!(browser.get("/login", &[]).await.status(), 404);
    assert_eq!(browser.post("/login", &[("token", "")], &[]).await.status(), 404);
    assert_eq!(browser.post("/logout", &[], &[]).await.status(), 404);
    let page = browser.get("/", &[]).await;
    assert_eq!(page.status(), 200);
    assert!(!page.text().await.unwrap().contains("/logout"));
}
