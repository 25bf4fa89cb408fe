//! As much of an HTML reader as the tests need: what maud writes, token by token.

/// A piece of a page.
#[derive(Debug)]
pub(crate) enum Token {
    /// `<name attribute="value">`, unescaped.
    Open(Element),
    /// `</name>`
    Close(String),
    /// What stands between, unescaped.
    Text(String),
}

/// The beginning of an element.
#[derive(Debug)]
pub(crate) struct Element {
    pub name: String,
    pub attributes: Vec<(String, String)>,
}

impl Element {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn has_class(&self, class: &str) -> bool {
        self.get("class").is_some_and(|classes| classes.split_whitespace().any(|one| one == class))
    }
}

/// Elements without an end.
pub(crate) const VOID: [&str; 5] = ["meta", "link", "input", "br", "hr"];

pub(crate) fn unescape(text: &str) -> String {
    text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

/// Reads a page. Panics where it is not well formed.
pub(crate) fn read(html: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = html.strip_prefix("<!DOCTYPE html>").unwrap_or(html);
    while let Some(at) = rest.find('<') {
        if at > 0 {
            tokens.push(Token::Text(unescape(&rest[..at])));
        }
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('/') {
            let end = after.find('>').expect("an end tag that ends");
            tokens.push(Token::Close(after[..end].to_owned()));
            rest = &after[end + 1..];
        } else {
            let (element, after) = element(rest);
            tokens.push(Token::Open(element));
            rest = after;
        }
    }
    if !rest.is_empty() {
        tokens.push(Token::Text(unescape(rest)));
    }
    tokens
}

fn element(text: &str) -> (Element, &str) {
    let end = text.find([' ', '>']).expect("a tag that ends");
    let mut element = Element { name: text[..end].to_owned(), attributes: Vec::new() };
    assert!(element.name.chars().all(|c| c.is_ascii_alphanumeric()), "a tag named {}", element.name);
    let mut rest = &text[end..];
    while let Some(after) = rest.strip_prefix(' ') {
        let end = after.find(['=', ' ', '>']).expect("an attribute that ends");
        let name = after[..end].to_owned();
        rest = &after[end..];
        let mut value = String::new();
        if let Some(quoted) = rest.strip_prefix("=\"") {
            let end = quoted.find('"').expect("a value that ends");
            value = unescape(&quoted[..end]);
            rest = &quoted[end + 1..];
        }
        element.attributes.push((name, value));
    }
    (element, rest.strip_prefix('>').expect("a tag that is closed"))
}
