//! Pushes of branches and tags.

use super::*;

const PLACE: &str = "gitlab.example.com/acme/shop/api";

fn said(event: &str, body: &Value) -> Vec<String> {
    let said = used(gitlab(event, body));
    assert!(said.events.is_empty(), "a push is no work by itself");
    refs(&said)
}

#[test]
fn a_push_tells_where_its_commits_are_and_what_it_brought() {
    assert_eq!(
        said("Push Hook", &push()),
        [
            format!("sha:{MERGE} > branch:{PLACE}:12-faster"),
            format!("sha:{HEAD} > branch:{PLACE}:12-faster"),
            format!("push:{HEAD} > push:{BEFORE}"),
            format!("push:{HEAD} > t:{}", at("2026-01-03T08:00:00Z").micros()),
            format!("push:{HEAD} > issue:SHOP-7"),
        ]
    );
}

#[test]
fn on_the_default_branch_commits_point_at_what_they_close() {
    let main = said("Push Hook", &with(push(), "/ref", json!("refs/heads/main")));
    assert_eq!(main[..1], [format!("sha:{MERGE} > gitlab:{PLACE}/issue/12")]);
    assert_eq!(main[1..], said("Push Hook", &push())[2..]);
}

#[test]
fn a_new_branch_has_no_push_before() {
    let new = said("Push Hook", &with(push(), "/before", json!(ZERO)));
    assert!(!new.iter().any(|said| said.contains("> push:")), "{new:?}");
    assert!(new[2].starts_with(&format!("push:{HEAD} > t:")), "{new:?}");
}

#[test]
fn what_a_push_does_not_say_it_does_not_tell() {
    let deleted = with(with(push(), "/after", json!(ZERO)), "/commits", json!([]));
    assert_eq!(ignored(gitlab("Push Hook", &deleted)), "deletion of a branch is not used");
    let empty = with(with(push(), "/commits", json!([])), "/before", json!(null));
    assert_eq!(ignored(gitlab("Push Hook", &empty)), "push without commits that are used");
    let short = with(with(empty, "/after", json!("abc")), "/commits", json!([{"id": "abc"}]));
    assert_eq!(ignored(gitlab("Push Hook", &short)), "push without commits that are used");
    assert_eq!(ignored(gitlab("Push Hook", &tag_push())), "push of no branch is not used");
}

#[test]
fn a_push_has_bounds() {
    let commit = |n: usize| {
        let keys: String = (0..8).map(|key| format!("A{n}-{} ", key + 1)).collect();
        json!({"id": format!("{n:040x}"), "message": keys, "timestamp": "2026-01-03T09:00:00Z"})
    };
    let many: Vec<Value> = (1..1000).map(commit).collect();
    let all = said("Push Hook", &with(push(), "/commits", json!(many)));
    assert_eq!(all.len(), 512);
    assert!(all.iter().any(|said| said.starts_with("sha:")), "issue keys do not crowd commits out");
}

#[test]
fn a_tag_means_the_commit_that_is_checked_out() {
    assert_eq!(said("Tag Push Hook", &tag_push()), [format!("tag:{PLACE}:v1.0 > sha:{HEAD}")]);
    let deleted = with(with(tag_push(), "/after", json!(ZERO)), "/checkout_sha", json!(null));
    assert_eq!(ignored(gitlab("Tag Push Hook", &deleted)), "deletion of a tag is not used");
    let nothing = with(tag_push(), "/checkout_sha", json!(null));
    assert_eq!(ignored(gitlab("Tag Push Hook", &nothing)), "push of a tag without a commit is not used");
    assert_eq!(ignored(gitlab("Tag Push Hook", &push())), "push of no tag is not used");
}
