//! Real payloads, where they are at hand: `VALUESTREAM_CORPUS`, or `../shared/corpus`.
#![allow(clippy::print_stderr)]

use std::path::PathBuf;

use super::*;
use crate::work::attr::Attr;
use crate::work::event::Category;

#[test]
fn a_real_transition_says_what_it_should() {
    let root = std::env::var_os("VALUESTREAM_CORPUS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"), PathBuf::from);
    let Ok(body) = std::fs::read(root.join("jira/issue_updated_status.json")) else {
        eprintln!("skipped: no payloads of jira; set VALUESTREAM_CORPUS to the corpus's folder");
        return;
    };
    let delivery = Settings::default().parse(Source::Jira, &HeaderMap::new(), &body);
    assert_eq!(delivery.event_type, "jira:issue_updated");
    let said = used(delivery.content);
    let (key, facts) = one(&said);
    assert_eq!(key, "jira:x.atlassian.net/TEST/issue/TEST-1");
    assert_eq!(text(facts, Attr::IssueUrl), "https://x.atlassian.net/browse/TEST-1");
    let (at, moved) = facts.moves.iter().next().unwrap();
    assert_eq!(*at, millis(1_485_797_534_721));
    assert_eq!((moved.value.from.as_deref(), moved.value.to.as_str()), (Some("To Do"), "In Progress"));
    assert_eq!(moved.value.category, Some(Category::Indeterminate));
    let [episode] = Item::new(said.events[0].clone()).episodes()[..] else { panic!("one") };
    assert_eq!((episode.start, episode.end), (super::at("2017-01-30T17:30:41.962Z"), None));
    assert!(facts.happenings.is_empty() && said.flaws.is_empty());
}
