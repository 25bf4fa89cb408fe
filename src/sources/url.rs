//! As much of URLs as keys and links need: which host, which path, and never a password.

/// An address taken apart, without the user's part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address<'a> {
    /// The scheme, as it was written.
    pub(super) scheme: &'a str,
    /// The host in lower case, with its port if it is not the scheme's own.
    pub(super) host: String,
    /// The path, with its first slash; without query and fragment.
    pub(super) path: &'a str,
}

/// Takes `scheme://user@host:port/path?query` apart.
pub(super) fn split(url: &str) -> Option<Address<'_>> {
    let (scheme, rest) = url.trim().split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let authority = authority.rsplit('@').next().unwrap_or(authority);
    let host = without_default_port(scheme, &authority.to_ascii_lowercase()).to_owned();
    let odd = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '\\' | '<' | '>' | '"');
    if scheme.is_empty() || host.is_empty() || host.contains(odd) {
        return None;
    }
    let path = path.split(['?', '#']).next().unwrap_or_default();
    Some(Address { scheme, host, path })
}

fn without_default_port<'a>(scheme: &str, authority: &'a str) -> &'a str {
    let port = match scheme.to_ascii_lowercase().as_str() {
        "https" => ":443",
        "http" => ":80",
        "ssh" => ":22",
        _ => return authority,
    };
    authority.strip_suffix(port).unwrap_or(authority)
}

/// `url` if a browser may follow it: http or https, and without a user's part, which could hold a
/// password.
pub(super) fn web(url: &str) -> Option<&str> {
    let url = url.trim();
    let address = split(url)?;
    let http = ["http", "https"].iter().any(|scheme| address.scheme.eq_ignore_ascii_case(scheme));
    let authority = url.split_once("://")?.1.split(['/', '?', '#']).next()?;
    (http && !authority.contains('@')).then_some(url)
}

/// A repository as its clone address names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CloneAddress {
    /// The host in lower case.
    pub(super) host: String,
    /// The path without slashes around it and without `.git`: `owner/repo` on GitHub.
    pub(super) path: String,
    /// Where people look at it, as far as that can be told: https for what was ssh.
    pub(super) url: String,
}

impl CloneAddress {
    /// Owner and name, if the path has just these, as GitHub's have.
    pub(super) fn owner_and_name(&self) -> Option<(&str, &str)> {
        self.path
            .split_once('/')
            .filter(|(owner, name)| !owner.is_empty() && !name.is_empty() && !name.contains('/'))
    }
}

/// Reads a clone address: `https://host/owner/repo.git`, `ssh://git@host/owner/repo`,
/// `git@host:owner/repo.git`.
pub(super) fn clone_address(url: &str) -> Option<CloneAddress> {
    let url = url.trim();
    let (scheme, host, path) = match split(url) {
        Some(address) => (address.scheme.to_ascii_lowercase(), address.host, address.path),
        None => {
            let (authority, path) = url.split_once(':').filter(|_| !url.contains("://"))?;
            let host = authority.rsplit('@').next()?.to_ascii_lowercase();
            // `C:\repo` and `/srv/repo:x` are files, not hosts.
            let named =
                host.len() > 1 && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b));
            ("ssh".to_owned(), Some(host).filter(|_| named)?, path)
        }
    };
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path).trim_end_matches('/');
    if path.is_empty() || path.contains(char::is_whitespace) {
        return None;
    }
    let (scheme, shown) = match scheme.as_str() {
        "http" => ("http", host.as_str()),
        // The port of ssh says nothing about the web's.
        "ssh" | "git" => ("https", host.split(':').next().unwrap_or(&host)),
        _ => ("https", host.as_str()),
    };
    let url = format!("{scheme}://{shown}/{path}");
    let host = shown.to_owned();
    Some(CloneAddress { host, path: path.to_owned(), url })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn every_way_to_write_a_clone_address_names_one_repository() {
        for url in [
            "https://github.com/org/repo.git",
            "https://GitHub.com/org/repo/",
            "https://user:token@github.com:443/org/repo.git",
            "ssh://git@github.com:22/org/repo.git",
            "git@github.com:org/repo.git",
            "git://github.com/org/repo",
        ] {
            let clone = clone_address(url).unwrap();
            assert_eq!((clone.host.as_str(), clone.path.as_str()), ("github.com", "org/repo"), "{url}");
            assert_eq!(clone.url, "https://github.com/org/repo", "{url}");
            assert_eq!(clone.owner_and_name(), Some(("org", "repo")));
        }
        assert_eq!(clone_address("ssh://git@git.acme.org:7999/a/b.git").unwrap().host, "git.acme.org");
        for none in
            ["", "nonsense", "https://github.com", "https://github.com/", "/srv/git/x", "C:\\x", "://x/y"]
        {
            assert_eq!(clone_address(none), None, "{none}");
        }
        let svn = clone_address("https://subversion.assembla.com/svn/x/trunk").unwrap();
        assert_eq!(svn.owner_and_name(), None);
    }

    #[test]
    fn an_address_gives_host_and_path_and_no_password() {
        let address = split("https://u:p@CI.example.org:8443/jenkins/job/x/?q#f").unwrap();
        assert_eq!((address.host.as_str(), address.path), ("ci.example.org:8443", "/jenkins/job/x/"));
        assert_eq!(split("http://localhost:80").unwrap().host, "localhost");
        assert_eq!(split("no url"), None);
        assert_eq!(split("http:///path"), None);
    }

    #[test]
    fn only_what_a_browser_may_follow_is_a_link() {
        assert_eq!(web(" https://ci.example.org/1 "), Some("https://ci.example.org/1"));
        for none in
            ["", "javascript:alert(1)", "javascript://x/%0aalert(1)", "https://u:p@host/x", "ftp://host/x"]
        {
            assert_eq!(web(none), None, "{none}");
        }
    }
}
