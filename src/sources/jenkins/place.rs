//! Where a build stands: the Jenkins it runs on and the path of its job, read from whatever the
//! message has of them.

use percent_encoding::percent_decode_str;

use crate::sources::url;

/// A build's place in keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The authority of the Jenkins.
    pub(super) host: String,
    /// The job's path, after the path under which the Jenkins itself lives, if it has one.
    pub(super) project: String,
}

impl Place {
    /// From a build's full address, `https://host/jenkins/job/org/job/repo/7/`.
    pub(super) fn of_address(address: &str, number: &str) -> Option<Self> {
        let address = url::split(address)?;
        let at = address.path.split('/').position(|segment| segment == "job")?;
        let mut project: Vec<String> = Vec::new();
        let mut before = address.path.split('/').take(at).filter(|segment| !segment.is_empty());
        while let Some(segment) = before.next() {
            // A view is a way to look at a job, not where it is.
            if segment == "view" {
                before.next();
            } else {
                project.push(plain(segment));
            }
        }
        project.extend(job_path(address.path.split('/').skip(at), number));
        Some(Self { host: address.host, project: project.join("/") })
    }

    /// From a path relative to a Jenkins, `job/org/job/repo/7/`, whose own address may be known.
    pub(super) fn of_path(
        jenkins: Option<&str>,
        path: &str,
        number: &str,
        default_host: &str,
    ) -> Option<Self> {
        Self::within(jenkins, job_path(path.split('/'), number), default_host)
    }

    /// From a job's full name, `org/repo/PR-12`.
    pub(super) fn of_name(jenkins: Option<&str>, name: &str, default_host: &str) -> Option<Self> {
        let segments = name.split('/').filter(|segment| !segment.is_empty()).map(plain).collect();
        Self::within(jenkins, segments, default_host)
    }

    fn within(jenkins: Option<&str>, job: Vec<String>, default_host: &str) -> Option<Self> {
        if job.is_empty() {
            return None;
        }
        let address = jenkins.and_then(url::split);
        let host = address.as_ref().map_or(default_host, |address| &address.host).to_owned();
        let before = address.as_ref().map_or("", |address| address.path).split('/');
        let before = before.filter(|segment| !segment.is_empty()).map(plain);
        Some(Self { host, project: before.chain(job).collect::<Vec<_>>().join("/") })
    }

    /// The job's path without its last part, and that part.
    pub(super) fn parent_and_name(&self) -> (Option<&str>, &str) {
        match self.project.rsplit_once('/') {
            Some((parent, name)) => (Some(parent), name),
            None => (None, &self.project),
        }
    }
}

/// The names in `job/org/job/repo/7/`: what follows `job`, and what follows nothing, such as the
/// axes of a matrix; but not the build's number.
fn job_path<'a>(segments: impl Iterator<Item = &'a str>, number: &str) -> Vec<String> {
    let mut segments = segments.filter(|segment| !segment.is_empty()).peekable();
    let mut names = Vec::new();
    while let Some(segment) = segments.next() {
        match (segment, segments.peek()) {
            ("job", Some(name)) => {
                names.push(plain(name));
                segments.next();
            }
            (last, None) if last == number => {}
            (other, _) => names.push(plain(other)),
        }
    }
    names
}

/// A name as keys write it. In an address a branch's name is percent-encoded twice, in a full
/// name once; here only its slashes are encoded.
fn plain(segment: &str) -> String {
    let once = percent_decode_str(segment).decode_utf8_lossy();
    let twice = percent_decode_str(&once).decode_utf8_lossy();
    twice.replace('/', "%2F")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn at(host: &str, project: &str) -> Option<Place> {
        Some(Place { host: host.to_owned(), project: project.to_owned() })
    }

    #[test]
    fn an_address_an_a_path_and_a_name_give_one_place() {
        let expected = at("ci.example.org", "org/repo/feature%2Fx y");
        let address = "https://ci.example.org/job/org/job/repo/job/feature%252Fx%2520y/7/";
        assert_eq!(Place::of_address(address, "7"), expected);
        let jenkins = Some("https://CI.example.org:443/");
        assert_eq!(
            Place::of_path(jenkins, "job/org/job/repo/job/feature%252Fx%2520y/7/", "7", "j"),
            expected
        );
        assert_eq!(Place::of_name(jenkins, "org/repo/feature%2Fx%20y", "j"), expected);
    }

    #[test]
    fn a_jenkins_below_a_path_keeps_the_path() {
        let expected = at("x:8443", "jenkins/org/PR-12");
        assert_eq!(Place::of_address("https://x:8443/jenkins/job/org/job/PR-12/7/", "7"), expected);
        assert_eq!(
            Place::of_path(Some("https://x:8443/jenkins/"), "job/org/job/PR-12/7/", "7", "j"),
            expected
        );
        assert_eq!(Place::of_name(Some("https://x:8443/jenkins"), "org/PR-12", "j"), expected);
    }

    #[test]
    fn odd_jobs_have_a_place_too() {
        assert_eq!(Place::of_address("http://x/job/7/7/", "7"), at("x", "7"));
        assert_eq!(Place::of_address("http://x/job/job/job/a/1", "1"), at("x", "job/a"));
        assert_eq!(Place::of_address("http://x/job/m/AXIS=1,B=2/7/", "7"), at("x", "m/AXIS=1,B=2"));
        assert_eq!(Place::of_address("http://x/view/All/job/a/7/", "7"), at("x", "a"));
        assert_eq!(Place::of_address("http://x/a/7/", "7"), None);
        assert_eq!(Place::of_path(None, "job/assembla/", "4", "jenkins"), at("jenkins", "assembla"));
        assert_eq!(Place::of_path(None, "", "4", "jenkins"), None);
    }
}
