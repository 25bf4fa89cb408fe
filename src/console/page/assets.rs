//! The style sheet, the script and the icon, as they are in the program. An address carries the
//! hash of the content, so that a browser may keep it for ever.

use sha2::{Digest, Sha256};

/// A file that the page refers to.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// Its path.
    pub path: &'static str,
    /// Its media type.
    pub content_type: &'static str,
    /// Its content.
    pub text: &'static str,
}

/// The style sheet.
pub const CSS: Asset = Asset {
    path: "/assets/app.css",
    content_type: "text/css; charset=utf-8",
    text: include_str!("../assets/app.css"),
};

/// The script.
pub const JS: Asset = Asset {
    path: "/assets/app.js",
    content_type: "text/javascript; charset=utf-8",
    text: include_str!("../assets/app.js"),
};

/// The icon.
pub const FAVICON: Asset = Asset {
    path: "/assets/favicon.svg",
    content_type: "image/svg+xml",
    text: include_str!("../assets/favicon.svg"),
};

/// All of them.
pub const ALL: [Asset; 3] = [CSS, JS, FAVICON];

/// What the page may load and run: its own files and nothing else.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
     img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// The asset at a path.
pub fn at(path: &str) -> Option<Asset> {
    ALL.into_iter().find(|asset| asset.path == path)
}

impl Asset {
    /// The first 16 hexadecimal digits of the content's SHA-256.
    pub fn hash(&self) -> String {
        let mut hash = hex::encode(Sha256::digest(self.text.as_bytes()));
        hash.truncate(16);
        hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_loads_at_once() {
        let bytes = CSS.text.len() + JS.text.len();
        assert!(bytes < 40 * 1024, "style sheet and script have {bytes} bytes");
    }

    #[test]
    fn assets_ask_for_nothing_from_elsewhere() {
        for asset in ALL {
            let foreign = ["@import", "http://", "https://", "url(", "eval(", "innerHTML"];
            for word in foreign {
                let text = asset.text.replace("http://www.w3.org/", "");
                assert!(!text.contains(word), "{} has {word}", asset.path);
            }
            assert_eq!(asset.hash().len(), 16);
            assert_eq!(at(asset.path).map(|found| found.hash()), Some(asset.hash()));
        }
        assert!(at("/assets/app.map").is_none());
    }
}
