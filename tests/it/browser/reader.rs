//! How a person reads the page: by headings, labels, words and where links lead.

use std::collections::BTreeSet;
use std::time::Duration;

use fantoccini::Locator;
use fantoccini::elements::Element;
use reqwest::Url;

use super::site::Site;
use crate::support::browser::{Browser, Script};

/// How long a page may take, in a debug build on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Somebody in front of a browser.
pub struct Reader {
    pub browser: Browser,
    pub site: Site,
    pub script: Script,
}

/// An address taken apart: its path, and its parameters in any order.
pub fn parts(url: &Url) -> (String, BTreeSet<(String, String)>) {
    (url.path().to_owned(), url.query_pairs().into_owned().collect())
}

/// All values of a parameter.
pub fn values(url: &Url, name: &str) -> BTreeSet<String> {
    url.query_pairs().filter(|(key, _)| key == name).map(|(_, value)| value.into_owned()).collect()
}

/// What an element says, its spaces put in order.
pub async fn text(element: &Element) -> String {
    let text = element.prop("textContent").await.unwrap().unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What each element says.
pub async fn texts(elements: &[Element]) -> Vec<String> {
    let mut said = Vec::new();
    for element in elements {
        said.push(text(element).await);
    }
    said
}

/// What is in an element.
pub async fn within(element: &Element, path: &str) -> Vec<Element> {
    element.find_all(Locator::XPath(path)).await.unwrap()
}

/// The links in an element (also those of charts), with their addresses.
pub async fn links(element: &Element) -> Vec<(Url, Element)> {
    let mut links = Vec::new();
    for link in within(element, ".//a[@href]").await {
        let href = link.prop("href").await.unwrap().unwrap();
        links.push((Url::parse(&href).unwrap(), link));
    }
    links
}

/// A text in an XPath expression.
fn quoted(text: &str) -> String {
    assert!(!text.contains('"'), "{text}");
    format!("\"{text}\"")
}

impl Reader {
    /// In front of the simulated organisation; `None`, with a note, where there is no browser.
    pub async fn of_an_organisation(script: Script) -> Option<Self> {
        let browser = Browser::start(script).await?;
        Some(Self { browser, site: Site::of_an_organisation().await, script })
    }

    /// In front of a server that has received nothing.
    pub async fn of_nothing(script: Script, changes: &[(&str, &str)]) -> Option<Self> {
        let browser = Browser::start(script).await?;
        Some(Self { browser, site: Site::empty(changes).await, script })
    }

    /// Opens a page over everything that was posted.
    pub async fn open(&self, path: &str, more: &str) {
        self.browser.client.goto(&self.site.page(path, more)).await.unwrap();
    }

    /// Where the browser is.
    pub async fn address(&self) -> Url {
        self.browser.client.current_url().await.unwrap()
    }

    /// All elements at an XPath.
    pub async fn all(&self, path: &str) -> Vec<Element> {
        self.browser.client.find_all(Locator::XPath(path)).await.unwrap()
    }

    /// The only element at an XPath.
    pub async fn one(&self, path: &str) -> Element {
        let mut found = self.all(path).await;
        assert_eq!(found.len(), 1, "{path} at {}", self.address().await);
        found.remove(0)
    }

    /// The main heading.
    pub async fn heading(&self) -> String {
        text(&self.one("//h1").await).await
    }

    /// The section that a heading with this id names.
    pub async fn section(&self, heading: &str) -> Element {
        self.one(&format!("//section[@aria-labelledby={}]", quoted(heading))).await
    }

    /// What stands in a section beside a term.
    pub async fn figure(&self, heading: &str, term: &str) -> String {
        let section = self.section(heading).await;
        let path = format!(".//dt[normalize-space()={}]/following-sibling::dd[1]", quoted(term));
        text(&within(&section, &path).await[0]).await
    }

    /// The cells of a section's table, the row's head first, by what the head says.
    pub async fn row(&self, heading: &str, head: &str) -> Vec<String> {
        let section = self.section(heading).await;
        let path = format!(".//tbody/tr[th[normalize-space()={}]]/*", quoted(head));
        texts(&within(&section, &path).await).await
    }

    /// The first finding of the overview.
    pub async fn first_finding(&self) -> Element {
        within(&self.section("correlations").await, "(.//ol/li)[1]").await.remove(0)
    }

    /// Clicks a link and waits until its page is there.
    pub async fn follow(&self, link: &Element) -> Url {
        let target = Url::parse(&link.prop("href").await.unwrap().unwrap()).unwrap();
        link.click().await.unwrap();
        self.arrive(|url| *url == target).await
    }

    /// Waits until the browser is at an address, and the page there has been read.
    pub async fn arrive(&self, at: impl Fn(&Url) -> bool) -> Url {
        let arrived = tokio::time::timeout(PATIENCE, async {
            loop {
                let url = self.address().await;
                let ready = self.browser.evaluate("return document.readyState", vec![]).await;
                if at(&url) && ready == "complete" {
                    return url;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        match arrived.await {
            Ok(url) => url,
            Err(_) => panic!("still at {}", self.address().await),
        }
    }

    /// Waits until a script of the test returns what is wanted.
    pub async fn becomes(&self, script: &str, wanted: &serde_json::Value) {
        let mut now = serde_json::Value::Null;
        let waited = tokio::time::timeout(PATIENCE, async {
            loop {
                now = self.browser.evaluate(script, vec![]).await;
                if now == *wanted {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
        assert!(waited.await.is_ok(), "{script} is {now}, never {wanted}");
    }

    /// Makes sure that nothing was complained of, and that nobody else was asked for anything.
    pub async fn all_was_quiet(&self) {
        let complaints = self.browser.complaints().await;
        assert!(complaints.is_empty(), "{complaints:#?}");
        let ours = |url: &&String| {
            Url::parse(url).is_ok_and(|url| url.origin().ascii_serialization() == self.site.origin())
        };
        let requests = self.browser.requests().await;
        assert!(requests.iter().any(|url| ours(&url)), "{requests:#?}");
        let foreign: Vec<_> = requests.iter().filter(|url| !ours(url)).collect();
        assert!(foreign.is_empty(), "{foreign:#?}");
    }
}
