//! Real payloads, one by one, where they are at hand.

use super::*;
use crate::sources::corpus_tests::corpus;
use crate::work::event::Outcome;
use crate::work::item::Item;

/// Each file with its hook, and the key of the first item, `refs` where it has only references, or
/// the reason why it is ignored.
const FILES: &[(&str, &str, &str)] = &[
    ("branch_create.json", "Push Hook", "refs"),
    ("branch_delete.json", "Push Hook", "deletion of a branch is not used"),
    ("branch_delete_subgroup.json", "Push Hook", "deletion of a branch is not used"),
    ("issue_closed.json", "Issue Hook", "gitlab:gitlab.com/gitlab-org/hello-world/issue/1"),
    ("issue_comment_create.json", "Note Hook", "gitlab:gitlab.com/gitlab-org/hello-world/issue/1"),
    ("issue_create.json", "Issue Hook", "gitlab:gitlab.com/gitlab-org/hello-world/issue/1"),
    ("issue_edited.json", "Issue Hook", "gitlab:gitlab.com/gitlab-org/hello-world/issue/1"),
    ("issue_labeled.json", "Issue Hook", "gitlab:gitlab.com/gitlab-org/hello-world/issue/1"),
    ("issue_reopen.json", "Issue Hook", "gitlab:gitlab.com/gitlab-org/hello-world/issue/1"),
    ("merge_request_comment_create.json", "Note Hook", "a note of the merge request's author is not used"),
    ("merge_request_comment_subgroup.json", "Note Hook", "a note of the merge request's author is not used"),
    (
        "merge_request_subgroup.json",
        "Merge Request Hook",
        "gitlab:gitlab.com/group1/group2/group3/grp2repo/pull_request/1",
    ),
    ("pipeline_hook.json", "Pipeline Hook", "gitlab:192.168.64.1:3005/gitlab-org/gitlab-test/build/31"),
    (
        "pipeline_subgroup.json",
        "Pipeline Hook",
        "gitlab:192.168.64.1:3005/group1/group2/group3/grp2repo/build/31",
    ),
    (
        "pull_request_close.json",
        "Merge Request Hook",
        "gitlab:gitlab.com/gitlab-org/hello-world/pull_request/1",
    ),
    (
        "pull_request_create.json",
        "Merge Request Hook",
        "gitlab:gitlab.com/gitlab-org/hello-world/pull_request/1",
    ),
    (
        "pull_request_merge.json",
        "Merge Request Hook",
        "gitlab:gitlab.com/gitlab-org/hello-world/pull_request/1",
    ),
    (
        "pull_request_reopen.json",
        "Merge Request Hook",
        "gitlab:gitlab.com/gitlab-org/hello-world/pull_request/1",
    ),
    (
        "pull_request_review_ready.json",
        "Merge Request Hook",
        "gitlab:gitlab.com/rathod.meetsatish/meet/pull_request/3",
    ),
    ("push.json", "Push Hook", "refs"),
    ("push_merge.json", "Push Hook", "refs"),
    ("push_subgroup.json", "Push Hook", "refs"),
    ("review_comment_create.json", "Note Hook", "a note of the merge request's author is not used"),
    ("tag_create.json", "Tag Push Hook", "refs"),
    ("tag_delete.json", "Tag Push Hook", "deletion of a tag is not used"),
    ("tag_delete_subgroup.json", "Tag Push Hook", "deletion of a tag is not used"),
];

#[test]
fn every_real_payload_says_what_it_should() {
    let Some(files) = corpus("gitlab") else { return };
    let settings = Settings::default();
    for (name, body) in &files {
        let (_, event, expected) =
            FILES.iter().find(|(file, ..)| file == name).unwrap_or_else(|| panic!("{name}"));
        let named = settings.parse(Source::Gitlab, &headers(&[("X-Gitlab-Event", event)]), body);
        let unnamed = settings.parse(Source::Gitlab, &headers(&[]), body);
        assert_eq!((named.event_type, &named.content), (unnamed.event_type, &unnamed.content), "{name}");
        let told = match named.content.unwrap_or_else(|error| panic!("{name}: {error}")) {
            Parsed::Used(said) => {
                assert!(said.flaws.is_empty(), "{name}: {:?}", said.flaws);
                said.events.first().map_or_else(|| "refs".to_owned(), |event| event.key.to_string())
            }
            Parsed::Ignored { reason } => reason,
        };
        assert_eq!(told, *expected, "{name}");
    }
    assert_eq!(files.len(), FILES.len());
}

#[test]
fn real_payloads_of_one_item_make_one_life() {
    let Some(files) = corpus("gitlab") else { return };
    let item = |names: &[&str]| {
        let mut items = names.iter().map(|name| {
            let body = &files.iter().find(|(file, _)| file == name).unwrap().1;
            let delivery = Settings::default().parse(Source::Gitlab, &headers(&[]), body);
            used(delivery.content).events.remove(0)
        });
        let mut item = Item::new(items.next().unwrap());
        items.for_each(|event| item.fold(event.facts));
        item.episodes().iter().map(|e| (e.start, e.end)).collect::<Vec<_>>()
    };
    let issue = item(&["issue_reopen.json", "issue_closed.json", "issue_create.json", "issue_labeled.json"]);
    assert_eq!(issue[0].0, at("2017-12-10T16:37:38Z"));
    assert_eq!(issue[0].1, Some((at("2017-12-10T16:41:28Z"), Outcome::Completed)));
    assert_eq!((issue.len(), issue[1].1), (2, None));
    let change = item(&["pull_request_merge.json", "pull_request_create.json"]);
    assert_eq!(change, [(at("2017-12-10T17:01:11Z"), Some((at("2017-12-10T17:08:07Z"), Outcome::Merged)))]);
    let build = item(&["pipeline_hook.json"]);
    assert_eq!(build, [(at("2016-08-12T15:25:26Z"), Some((at("2016-08-12T15:26:29Z"), Outcome::Success)))]);
}
