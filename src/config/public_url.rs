//! The address under which people reach the console, where something in front of it ends TLS or
//! gives it another name.

use std::str::FromStr;

use reqwest::Url;

/// `https://host` or `http://host`, with a port if it is not the usual one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(Url);

impl PublicUrl {
    /// Whether browsers come over https.
    pub fn is_https(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// What browsers say as `Origin`.
    pub fn origin(&self) -> String {
        self.0.origin().ascii_serialization()
    }
}

impl FromStr for PublicUrl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "write it as https://valuestream.example.com, without a path";
        let url = Url::parse(text).map_err(|_| FORM)?;
        let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let nobody = url.username().is_empty() && url.password().is_none();
        let web =
            matches!(url.scheme(), "http" | "https") && url.host_str().is_some_and(|host| !host.is_empty());
        if bare && nobody && web { Ok(Self(url)) } else { Err(FORM) }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_scheme_a_host_and_perhaps_a_port() {
        let origin = |text: &str| text.parse::<PublicUrl>().map(|url| url.origin());
        assert_eq!(origin("https://VS.example.com").unwrap(), "https://vs.example.com");
        assert_eq!(origin("https://vs.example.com:443/").unwrap(), "https://vs.example.com");
        assert_eq!(origin("http://10.0.0.7:5001").unwrap(), "http://10.0.0.7:5001");
        for wrong in [
            "vs.example.com",
            "https://vs.example.com/console",
            "https://vs.example.com/?a",
            "https://user:hunter2@vs.example.com",
            "ftp://vs.example.com",
        ] {
            assert!(!origin(wrong).unwrap_err().contains("hunter2"), "{wrong}");
        }
    }
}
