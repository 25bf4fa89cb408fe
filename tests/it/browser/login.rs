//! Logging in and out, by keyboard as people do it, with and without the script; and coming from
//! elsewhere.

use fantoccini::Locator;
use serde_json::json;

use super::reader::{Reader, text, within};
use crate::support::browser::Script;

const TOKEN: &str = "a-token-for-the-console";
const WANTED: &str = "/items?kind=deploy&filter=team%3Dpay%26ments";

/// A request that was refused is an error to the browser, and to nobody else.
const REFUSED: &str = "a status of 403";

async fn reader(script: Script) -> Option<Reader> {
    let reader = Reader::of_nothing(script, &[("CONSOLE__TOKEN", TOKEN)]).await?;
    Some(reader)
}

/// Types into the field that has the focus, and presses Enter.
async fn enter(reader: &Reader, token: &str) {
    let field = reader.browser.client.active_element().await.unwrap();
    assert_eq!(field.attr("name").await.unwrap().as_deref(), Some("token"));
    field.send_keys(&format!("{token}\u{e007}")).await.unwrap();
}

/// Whether somebody is logged in, as the page shows it.
async fn may_leave(reader: &Reader) -> bool {
    !reader.all("//header//button[normalize-space()='Log out']").await.is_empty()
}

async fn in_and_out(script: Script) {
    let Some(reader) = reader(script).await else { return };
    let client = &reader.browser.client;
    client.goto(&format!("{}{WANTED}", reader.site.origin())).await.unwrap();
    let login = reader.arrive(|url| url.path() == "/login").await;
    assert_eq!(reader.heading().await, "Log in");
    let label = reader.one("//label[normalize-space()='Token']").await;
    assert_eq!(within(&label, ".//input[@type='password']").await.len(), 1);
    assert!(!may_leave(&reader).await);
    // Styles are there for those who are not let in yet, too.
    let styles = "return [...document.styleSheets].reduce((n, sheet) => n + sheet.cssRules.length, 0) > 10";
    assert_eq!(reader.browser.evaluate(styles, vec![]).await, true);
    reader.all_was_quiet().await;

    enter(&reader, "a-wrong-token").await;
    reader.arrive(|url| url.query().is_none() && url.path() == "/login").await;
    let said = text(&reader.one("//*[@role='alert']").await).await;
    assert!(said.contains("not a token of this console"), "{said}");
    assert!(!client.source().await.unwrap().contains("a-wrong-token"));
    let complaints = reader.browser.complaints().await;
    assert!(complaints.iter().all(|said| said.contains(REFUSED)), "{complaints:#?}");

    enter(&reader, TOKEN).await;
    let wanted = reader.arrive(|url| url.path() == "/items").await;
    assert_eq!(wanted.as_str(), format!("{}{WANTED}", reader.site.origin()), "where they wanted to go");
    assert!(login.query().is_some());
    assert!(may_leave(&reader).await);
    assert_eq!(reader.browser.evaluate("return document.cookie", vec![]).await, "", "no script reads it");
    let kept = client.get_all_cookies().await.unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!((kept[0].http_only(), kept[0].name()), (Some(true), "valuestream-session"));

    // From page to page, and out.
    reader.follow(&reader.all("//a[@href][normalize-space()='ValueStream']").await[0]).await;
    reader.all_was_quiet().await;
    let leave = reader.one("//header//form").await;
    within(&leave, ".//button").await[0].click().await.unwrap();
    reader.arrive(|url| url.path() == "/login").await;
    assert!(client.get_all_cookies().await.unwrap().is_empty());
    client.goto(&reader.site.origin()).await.unwrap();
    reader.arrive(|url| url.path() == "/login").await;
    reader.all_was_quiet().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_token_people_log_in_and_out() {
    in_and_out(Script::On).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn and_so_they_do_without_a_script() {
    in_and_out(Script::Off).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_from_elsewhere_finds_the_session_and_a_form_from_elsewhere_ends_none() {
    let Some(reader) = reader(Script::On).await else { return };
    let client = &reader.browser.client;
    client.goto(&format!("{}/login", reader.site.origin())).await.unwrap();
    enter(&reader, TOKEN).await;
    reader.arrive(|url| url.path() == "/").await;
    assert!(may_leave(&reader).await);

    // `localhost` is another site than `127.0.0.1`, and this page of it has no policy.
    let elsewhere = format!("http://localhost:{}/healthz", reader.site.server().ingest().port());
    client.goto(&elsewhere).await.unwrap();
    let link = "const a = document.createElement('a'); a.href = arguments[0]; a.textContent = 'x';
        document.body.append(a)";
    reader.browser.evaluate(link, vec![json!(format!("{}{WANTED}", reader.site.origin()))]).await;
    client.find(Locator::Css("a")).await.unwrap().click().await.unwrap();
    reader.arrive(|url| url.path() == "/items").await;
    assert!(may_leave(&reader).await, "the session is found although its cookie is for this site only");

    client.goto(&elsewhere).await.unwrap();
    let form =
        "const form = document.createElement('form'); form.method = 'post'; form.action = arguments[0];
        form.innerHTML = '<button>x</button>'; document.body.append(form)";
    reader.browser.evaluate(form, vec![json!(format!("{}/logout", reader.site.origin()))]).await;
    client.find(Locator::Css("button")).await.unwrap().click().await.unwrap();
    reader.arrive(|url| url.path() == "/logout").await;
    let said = text(&reader.one("//body").await).await;
    assert!(said.contains("another site"), "{said}");
    client.goto(&format!("{}{WANTED}", reader.site.origin())).await.unwrap();
    assert!(may_leave(&reader).await, "still logged in");
}
