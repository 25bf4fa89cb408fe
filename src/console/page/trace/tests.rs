#![allow(clippy::unwrap_used)]

use super::*;
use crate::console::page::testing::{address, realistic, text};

/// The realistic trace, whose three steps are `Check out`, `Run pytest` (failed) and `Upload`.
fn asking(steps: Steps) -> Address {
    address(if steps == Steps::Shown { "steps=show" } else { "" })
}

fn page(steps: Steps) -> String {
    render(&asking(steps), &realistic::reports().trace).into_string()
}

#[test]
fn steps_are_folded_until_they_are_asked_for() {
    let folded = page(Steps::Folded);
    assert!(!folded.contains("Check out") && !folded.contains("Upload"), "{folded}");
    assert!(
        folded.contains(
            "href=\"/traces/dc165dd78f4a17ba2b0f38d1fd61fa6d?steps=show#waterfall-h\">Show 2 steps"
        ),
        "{folded}"
    );
    let shown = page(Steps::Shown);
    assert!(shown.contains("Check out") && shown.contains("Upload"), "{shown}");
    assert!(
        shown.contains("href=\"/traces/dc165dd78f4a17ba2b0f38d1fd61fa6d#waterfall-h\">Hide steps"),
        "{shown}"
    );
}

#[test]
fn a_failed_step_is_shown_even_when_the_others_are_folded() {
    assert!(page(Steps::Folded).contains("step Run pytest: 30 min, failure"));
}

#[test]
fn a_trace_without_steps_has_nothing_to_fold() {
    let mut trace = realistic::reports().trace;
    trace.spans.retain(|span| span.step.is_none());
    for steps in [Steps::Folded, Steps::Shown] {
        let page = render(&asking(steps), &trace).into_string();
        assert!(!page.contains("steps=show") && !page.contains("Hide steps"), "{page}");
    }
}

#[test]
fn only_the_word_show_asks_for_the_steps() {
    let asked = |raw| Steps::of(&address(raw));
    assert_eq!(asked("filter=a%3Db&steps=show"), Steps::Shown);
    for raw in ["", "steps=hide", "steps="] {
        assert_eq!(asked(raw), Steps::Folded, "{raw:?}");
    }
}

#[test]
fn the_way_back_leads_to_the_question_that_led_here() {
    let page = render(&address("kind=deploy&steps=show"), &realistic::reports().trace).into_string();
    assert!(page.contains("<a href=\"/?kind=deploy\">Overview</a>"), "{page}");
    assert!(page.contains("?kind=deploy#waterfall-h\">Hide steps"), "{page}");
}

#[test]
fn a_wait_says_after_and_before_what() {
    let waits = text(&waits(&address(""), &realistic::reports().trace, Steps::Folded));
    assert!(waits.contains("pull request Round once"), "{waits}");
    assert!(waits.contains("deploy deploy: billing to production"), "{waits}");
}

#[test]
fn a_wait_beside_a_folded_step_leads_to_it_unfolded() {
    let mut trace = realistic::reports().trace;
    let step = trace.spans.iter().position(|span| span.title.as_deref() == Some("Upload")).unwrap();
    trace.waits.truncate(1);
    trace.waits[0].to = trace.spans[step].start.unwrap();
    let html = waits(&address(""), &trace, Steps::Folded).into_string();
    let href = format!("href=\"/traces/{}?steps=show#span-{step}\"", trace.trace_id);
    assert!(html.contains(&href), "{html}");
    assert!(
        waits(&address(""), &trace, Steps::Shown).into_string().contains(&format!("href=\"#span-{step}\""))
    );
}
