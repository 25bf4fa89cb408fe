//! Where a request comes from, as browsers say: whether another site sent it, and which addresses
//! are of this one. Pure.

use axum::http::uri::PathAndQuery;
use axum::http::{HeaderMap, Method, Uri, header};

/// What browsers say about the site that a request comes from.
const SITE: &str = "sec-fetch-site";
/// The longest address that is come back to.
const LONGEST: usize = 4096;

/// Whether a method only reads.
pub fn only_reads(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
}

/// Whether another site had a browser send this. Who says nothing about it is no browser.
///
/// `public` is the origin under which people reach the console, if that is configured; `encrypted`
/// whether they come over https.
pub fn is_cross_site(headers: &HeaderMap, uri: &Uri, public: Option<&str>, encrypted: bool) -> bool {
    let only = |name: &str| {
        let mut values = headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (None, _) => None,
            (Some(value), None) => Some(value.to_str().unwrap_or_default()),
            (Some(_), Some(_)) => Some(""),
        }
    };
    // Scripts cannot set it; a browser that sends it has looked at the origin by itself.
    if let Some(site) = only(SITE) {
        return !matches!(site, "same-origin" | "none");
    }
    let Some(origin) = only(header::ORIGIN.as_str()) else { return false };
    if public.is_some_and(|public| origin.eq_ignore_ascii_case(public)) {
        return false;
    }
    let authority = match origin.split_once("://") {
        Some(("https", authority)) => authority,
        Some(("http", authority)) if !encrypted => authority,
        _ => return true,
    };
    let host = uri.authority().map(|authority| authority.as_str()).or_else(|| only(header::HOST.as_str()));
    authority.is_empty() || !host.is_some_and(|host| host.eq_ignore_ascii_case(authority))
}

/// Whether a link on another site led here, so that the browser kept the cookie to itself.
pub fn is_led_here(headers: &HeaderMap) -> bool {
    headers.get(SITE).is_some_and(|site| site == "cross-site" || site == "same-site")
}

/// The address within the console that somebody wanted to go to; `/` for what is none.
pub fn local(next: &str) -> &str {
    let harmless = |b: u8| b.is_ascii_graphic() && b != b'\\';
    let path = next.starts_with('/') && !next.starts_with("//");
    if path && next.len() <= LONGEST && next.bytes().all(harmless) && next.parse::<PathAndQuery>().is_ok() {
        next
    } else {
        "/"
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn cross(headers: &[(&'static str, &str)], public: Option<&str>, encrypted: bool) -> bool {
        let headers: HeaderMap = headers
            .iter()
            .map(|(name, value)| (axum::http::HeaderName::from_static(name), value.parse().unwrap()))
            .collect();
        is_cross_site(&headers, &Uri::from_static("/logout"), public, encrypted)
    }

    #[test]
    fn what_another_site_sends_is_recognised_by_either_header() {
        let host = ("host", "vs.example:5001");
        for fine in [
            &[host][..],
            &[host, ("sec-fetch-site", "same-origin")],
            &[host, ("sec-fetch-site", "none")],
            &[host, ("origin", "http://vs.example:5001")],
            &[host, ("origin", "http://VS.example:5001")],
            &[host, ("origin", "https://vs.example:5001")],
            // A proxy that changes the host: the browser knows better.
            &[("host", "backend"), ("origin", "http://vs.example"), ("sec-fetch-site", "same-origin")],
        ] {
            assert!(!cross(fine, None, false), "{fine:?}");
        }
        for foreign in [
            &[host, ("sec-fetch-site", "cross-site")][..],
            &[host, ("sec-fetch-site", "same-site"), ("origin", "http://vs.example:5001")],
            &[host, ("sec-fetch-site", "nonsense")],
            &[host, ("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")],
            &[host, ("origin", "null")],
            &[host, ("origin", "")],
            &[host, ("origin", "http://")],
            &[host, ("origin", "http://evil.example")],
            &[host, ("origin", "http://vs.example")],
            &[host, ("origin", "http://vs.example:5001.evil.example")],
            &[host, ("origin", "file://vs.example:5001")],
            &[("origin", "http://vs.example")],
        ] {
            assert!(cross(foreign, None, false), "{foreign:?}");
        }
    }

    #[test]
    fn over_https_a_page_in_the_clear_is_another_site() {
        let host = ("host", "vs.example");
        assert!(cross(&[host, ("origin", "http://vs.example")], None, true));
        assert!(!cross(&[host, ("origin", "https://vs.example")], None, true));
    }

    #[test]
    fn behind_a_proxy_the_configured_address_counts() {
        let asked = [("host", "10.0.0.7:5001"), ("origin", "https://vs.example")];
        assert!(cross(&asked, None, true));
        assert!(!cross(&asked, Some("https://vs.example"), true));
        assert!(cross(&asked, Some("https://vs.example.evil"), true));
    }

    #[test]
    fn nobody_is_led_away_from_the_console() {
        for fine in ["/", "/items?kind=deploy&filter=team%3Da", "/traces/a%2Fb", "/a//b", "/?x=https://y/"] {
            assert_eq!(local(fine), fine);
        }
        let long = format!("/{}", "x".repeat(LONGEST));
        for away in [
            "",
            "items",
            "//evil.example",
            "///evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https://evil.example/",
            "javascript:alert(1)",
            " //evil.example",
            "/\t/evil.example",
            "/\n/evil.example",
            "\t//evil.example",
            "/ok\r\nSet-Cookie: a=b",
            "/ü",
            "/a b",
            "?x",
            "#x",
            &long,
        ] {
            assert_eq!(local(away), "/", "{away:?}");
        }
    }
}
