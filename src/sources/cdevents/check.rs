//! Whether a CDEvent is one, as the SDK sees it: it knows every event of every version, with the
//! fields that it must have and those that it may have.

use cdevents_sdk::{CDEvent, Content, Subject};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::envelope::Letter;
use crate::sources::ParseError;

/// The parts that the SDK looks at. Custom data is not among them: it may be anything, and as deep
/// as its sender likes.
#[derive(Deserialize)]
struct Parts {
    context: Value,
    subject: Value,
}

/// Whether the SDK knows the event in this version.
pub(super) fn knows(ty: &str) -> bool {
    // It says so before it looks at the content.
    match Content::from_json(ty, Value::Null) {
        Ok(_) => true,
        Err(error) => {
            let said = error.to_string();
            !said.starts_with("unknown variant `dev.cdevents.")
                && !said.starts_with("invalid context.type format")
        }
    }
}

/// Tells what is wrong with a CDEvent of a version that the SDK knows.
pub(super) fn check(letter: &Letter<'_>, ty: &str) -> Result<(), ParseError> {
    let Parts { context, subject } = letter.read()?;
    let whole = Map::from_iter([("context".to_owned(), context), ("subject".to_owned(), subject.clone())]);
    let Err(error) = CDEvent::deserialize(Value::Object(whole)) else { return Ok(()) };
    // Which part it is, since the SDK's message does not tell.
    let content = subject.get("content").cloned().unwrap_or_default();
    let (part, error) = match (Content::from_json(ty, content), Subject::from_json(ty, subject)) {
        (Err(error), _) => ("subject.content", error),
        (Ok(_), Err(error)) => ("subject", error),
        (Ok(_), Ok(_)) => ("context", error),
    };
    Err(ParseError::field(&letter.path(part), reason(&error.to_string())))
}

/// The SDK's message without what it found in the payload: texts, and names of fields that it does
/// not know.
fn reason(said: &str) -> String {
    let quoted = |prefix: &str| said.strip_prefix(prefix)?.split_once('`').map(|(name, _)| name);
    if let Some(field) = quoted("missing field `") {
        return format!("field {field:?} is missing");
    }
    if let Some(field) = quoted("duplicate field `") {
        return format!("field {field:?} is there twice");
    }
    if said.starts_with("unknown field") {
        return "has a field that this version of the event has not".to_owned();
    }
    if said == "id should be non-empty" {
        return "field \"id\" is empty".to_owned();
    }
    // What was expected is the SDK's, and comes last; what was found comes before it.
    match said.rsplit_once(", expected ") {
        Some((found, expected)) if found.starts_with("invalid ") || found.starts_with("unknown variant") => {
            format!("has a value that is not {expected}")
        }
        _ => "has a value that is not of its type, such as no URI or time".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_that_the_sdk_has_is_known_and_no_other() {
        for ty in [
            cdevents_sdk::CHANGE_CREATED_0_1_2,
            cdevents_sdk::PIPELINERUN_FINISHED_0_3_0,
            cdevents_sdk::TICKET_CLOSED_0_2_0,
            cdevents_sdk::BUILD_QUEUED_0_1_1,
        ] {
            assert!(knows(ty), "{ty}");
        }
        for ty in [
            "dev.cdevents.change.created.9.9.9",
            "dev.cdevents.change.created.0.1",
            "dev.cdevents.foo.bar.0.1.0",
        ] {
            assert!(!knows(ty), "{ty}");
        }
    }

    #[test]
    fn a_reason_has_nothing_of_the_payload() {
        for (said, expected) in [
            ("missing field `outcome`", "field \"outcome\" is missing"),
            (
                "unknown field `hunter2`, expected `id` or `source`",
                "has a field that this version of the event has not",
            ),
            (
                "unknown variant `hunter2, expected x`, expected one of `success`, `failure`",
                "has a value that is not one of `success`, `failure`",
            ),
            ("invalid type: string \"hunter2\", expected a sequence", "has a value that is not a sequence"),
            ("hunter2", "has a value that is not of its type, such as no URI or time"),
            ("hunter2, expected hunter2", "has a value that is not of its type, such as no URI or time"),
        ] {
            assert_eq!(reason(said), expected);
        }
    }
}
