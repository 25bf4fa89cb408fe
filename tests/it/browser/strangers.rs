//! What senders wrote is shown as they wrote it, and does nothing, wherever it stands.

use std::collections::BTreeSet;

use reqwest::Url;
use serde_json::{Value, json};
use valuestream::insight::report::{Items, TagKeys};

use super::reader::{Reader, links, text, within};
use crate::support::browser::Script;
use crate::support::payloads::{deployment, deployment_status, issue, jenkins, pull_request, workflow_run};

/// What somebody who wants to do harm, or who writes as many people do, puts everywhere.
const HOSTILE: [&str; 6] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(1)>",
    "' onmouseover='alert(1)",
    "</title></textarea><svg onload=alert(1)>",
    "\u{202e}gnp.exe\u{202c} ${alert(1)} {{7*7}} &lt;b&gt;",
    "🦊 שלום é\u{301} O'Neill & \"Söhne\"",
];

/// How many issues there are.
const ISSUES: usize = 12 * HOSTILE.len();

/// Each text in a title, labels, a branch, a run's name, an environment, a topic, a property and an
/// address; twelve of each, and one value is slow, so that it becomes a finding.
fn deliveries() -> Vec<(&'static str, Value)> {
    let mut deliveries = Vec::new();
    for (index, hostile) in HOSTILE.into_iter().cycle().take(ISSUES).enumerate() {
        let number = 100 + index as u64;
        let took = 60 + 7 * index as i64 + if index % HOSTILE.len() == 0 { 3_000 } else { 0 };
        let mut slow = issue("closed", number, took, Some(took));
        slow["issue"]["title"] = json!(hostile);
        slow["issue"]["labels"] = json!([
            { "name": format!("team:{hostile}") }, { "name": format!("language/{hostile}") }, { "name": hostile },
        ]);
        slow["issue"]["html_url"] = json!("javascript:alert(1)");
        slow["issue"]["user"]["login"] = json!(hostile);
        slow["repository"]["custom_properties"] = json!({ hostile: hostile, "deploy_type": hostile });
        deliveries.push(("issues", slow));
        if index < HOSTILE.len() {
            let mut change = pull_request("closed", number + 1_000, 60, Some(60));
            change["pull_request"]["title"] = json!(hostile);
            change["pull_request"]["body"] = json!(format!("Fixes #{number}"));
            change["pull_request"]["head"]["ref"] = json!(hostile);
            change["pull_request"]["html_url"] = json!("data:text/html,<script>alert(1)</script>");
            let mut run = workflow_run("completed", number + 2_000, 12, Some((21, "failure")));
            run["workflow_run"]["name"] = json!(hostile);
            run["workflow_run"]["display_title"] = json!(hostile);
            run["workflow_run"]["head_branch"] = json!(hostile);
            run["workflow_run"]["pull_requests"] = json!([{ "number": number + 1_000 }]);
            let mut begun = deployment(number + 3_000, 62);
            let mut ended = deployment_status(number + 3_000, 62, 70, "failure");
            for deployment in [&mut begun, &mut ended] {
                deployment["deployment"]["environment"] = json!(hostile);
                deployment["deployment"]["ref"] = json!(hostile);
            }
            ended["deployment_status"]["environment"] = json!(hostile);
            ended["deployment_status"]["log_url"] = json!("javascript:alert(1)");
            deliveries.extend([
                ("pull_request", change),
                ("workflow_run", run),
                ("deployment", begun),
                ("deployment_status", ended),
            ]);
        }
    }
    deliveries
}

/// Jenkins' part: the names of jobs, and what they are started with.
fn jobs() -> Vec<Value> {
    let job = |(index, hostile): (usize, &str)| {
        let job = percent_encoding::utf8_percent_encode(hostile, percent_encoding::NON_ALPHANUMERIC);
        let mut ended = jenkins(&job.to_string(), 10 + index as u64, "COMPLETED", 95, 5, Some("FAILURE"));
        ended["name"] = json!(hostile);
        ended["display_name"] = json!(hostile);
        ended["build"]["parameters"] = json!({
            "type": "deploy", "environment": hostile, "deploy_type": hostile, "team": hostile,
            "vstrace-trace-id": format!("vstrace-github-issue-api-{}", 100 + index),
        });
        ended
    };
    HOSTILE.into_iter().enumerate().map(job).collect()
}

/// Makes sure that the page is made of its own parts only. That no dialog is open is checked by every
/// command to the browser.
async fn nothing_was_let_in(reader: &Reader) {
    let foreign = "return [
        ...[...document.scripts].filter((script) => !(script.getAttribute('src') || '').startsWith('/assets/')),
        ...document.querySelectorAll('img, iframe, object, embed, base, style, [style], [src^=x]'),
        ...[...document.querySelectorAll('*')].filter((element) =>
            [...element.attributes].some((attribute) => attribute.name.startsWith('on')
                || /^\\s*(javascript|data|vbscript):/i.test(attribute.value))),
    ].map((element) => element.outerHTML.slice(0, 200))";
    let foreign = reader.browser.evaluate(foreign, vec![]).await;
    assert_eq!(foreign, json!([]), "{}", reader.address().await);
}

/// A text without what turns the direction of the text after it, which the page need not show.
fn undirected(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')).collect()
}

/// All that the page says, as it was written.
async fn says(reader: &Reader) -> String {
    let said = reader.browser.evaluate("return document.body.textContent", vec![]).await;
    undirected(said.as_str().unwrap())
}

async fn walk(script: Script) {
    let Some(reader) = Reader::of_nothing(script, &[("TAGS__KEYS", "size")]).await else { return };
    let sender = reader.site.server().sender();
    for (event, payload) in deliveries() {
        let answer = sender.github(event, &payload).await;
        assert_eq!(answer.is(), (202, "recorded"), "{event}: {answer:?}");
    }
    for payload in jobs() {
        assert_eq!(sender.jenkins(&payload).await.is(), (202, "recorded"), "{payload}");
    }
    reader.site.caught_up(ISSUES as u64).await;

    for kind in ["issue", "pull_request", "build", "deploy"] {
        for path in ["/", "/items"] {
            reader.open(path, &format!("kind={kind}")).await;
            nothing_was_let_in(&reader).await;
            let items: Items = reader.site.report("items", &reader.address().await).await;
            assert!(items.items.len() >= HOSTILE.len(), "{kind}: {}", items.items.len());
        }
    }

    // Every value of a tag leads to the overview with it as a filter.
    reader.open("/", "").await;
    let tags: TagKeys = reader.site.report("tags", &reader.address().await).await;
    let teams = tags.keys.iter().find(|key| key.key == "team").unwrap();
    let teams: BTreeSet<String> = teams.values.iter().map(|value| value.value.clone()).collect();
    assert!(teams.len() >= HOSTILE.len(), "{teams:?}");
    assert!(text(&reader.first_finding().await).await.contains("<script>alert(1)</script>"));
    reader.open("/tags/team", "").await;
    let all = says(&reader).await;
    for team in &teams {
        assert!(all.contains(&undirected(team)), "{team} in {all}");
    }
    let filters = links(&reader.section("values").await).await;
    let filters: BTreeSet<Url> = filters
        .into_iter()
        .map(|(url, _)| url)
        .filter(|url| url.path() == "/" && url.query_pairs().any(|(name, _)| name == "filter"))
        .collect();
    assert!(filters.len() >= HOSTILE.len(), "{filters:?}");
    for url in filters {
        reader.browser.client.goto(url.as_str()).await.unwrap();
        nothing_was_let_in(&reader).await;
    }

    // Every trace has its title for a heading, and no link out that runs something.
    reader.open("/items", "limit=200").await;
    let items: Items = reader.site.report("items", &reader.address().await).await;
    let said = says(&reader).await;
    for (number, hostile) in (100..).zip(HOSTILE) {
        assert!(said.contains(&undirected(hostile)), "{hostile} in {said}");
        let id = format!("issue/{number}");
        let item = items.items.iter().find(|item| item.key.to_string().ends_with(&id)).unwrap();
        assert_eq!(item.title.as_deref(), Some(hostile));
        reader.open(&format!("/traces/{}", item.trace_id), "").await;
        let heading = reader.one("//h1").await.prop("textContent").await.unwrap().unwrap();
        assert_eq!(undirected(&heading), undirected(hostile));
        let title = reader.browser.client.title().await.unwrap();
        assert!(title.contains(undirected(hostile).split_whitespace().next().unwrap()), "{title}");
        let spans = within(&reader.one("//section[.//h2='Waterfall']").await, "./ol/li").await;
        assert!(spans.len() >= 3, "{} spans", spans.len());
        nothing_was_let_in(&reader).await;
    }

    reader.all_was_quiet().await;

    // An address can be hostile too. That some of them cannot be answered is all there is to complain of.
    for parameter in ["filter", "group", "overlay", "from", "kind", "nonsense"] {
        for hostile in HOSTILE {
            let mut url = Url::parse(&reader.site.origin()).unwrap();
            url.query_pairs_mut().append_pair(parameter, &format!("{hostile}={hostile}"));
            reader.browser.client.goto(url.as_str()).await.unwrap();
            nothing_was_let_in(&reader).await;
        }
    }
    let complaints = reader.browser.complaints().await;
    let others: Vec<_> = complaints.iter().filter(|said| !said.contains("a status of 400")).collect();
    assert!(others.is_empty(), "{others:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_senders_wrote_is_text_and_does_nothing() {
    walk(Script::On).await;
}
