//! Custom fields. Webhooks name them by number only (`customfield_10020`) and their values may be
//! anything, so nothing here can be wrong: what is not understood is nothing. The sprint field is
//! known by what it holds.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// How many members of a list are looked at: the sprints that an issue was ever in.
const MAX_PARTS: usize = 64;

/// How the sprint field's old form begins, the text of a Java object.
const OLD_SPRINT: &str = "com.atlassian.greenhopper.service.sprint.Sprint@";

/// A text, or a whole number as a text; anything else is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Loose<'a>(pub(super) Option<Cow<'a, str>>);

impl Loose<'_> {
    /// The text, if there is one and it is not empty.
    pub(super) fn text(&self) -> Option<&str> {
        self.0.as_deref().filter(|text| !text.is_empty())
    }
}

/// The part of a visitor of any value that all of them share.
macro_rules! scalars {
    ($nothing:expr, $text:expr) => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("any value")
        }
        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok($nothing)
        }
        fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
            Ok($nothing)
        }
        fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
            Ok($text(Cow::Owned(number.to_string())))
        }
        fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
            Ok($text(Cow::Owned(number.to_string())))
        }
        fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
            Ok($nothing)
        }
        fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
            Ok($text(Cow::Borrowed(text)))
        }
        fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
            Ok($text(Cow::Owned(text.to_owned())))
        }
    };
}

struct LooseVisitor;

impl<'de> Visitor<'de> for LooseVisitor {
    type Value = Loose<'de>;
    scalars!(Loose(None), |text| Loose(Some(text)));
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Loose(None))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Loose(None))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Loose<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LooseVisitor)
    }
}

/// A value, or a member of a list of values.
#[derive(Clone, Debug, Default, PartialEq)]
struct Part<'a> {
    /// It is a text.
    text: Loose<'a>,
    // It is an object with these.
    id: Loose<'a>,
    name: Loose<'a>,
    state: Loose<'a>,
    value: Loose<'a>,
    /// It has what only sprints have: a board.
    board: bool,
    /// It has what only people have.
    person: bool,
}

struct PartVisitor;

impl<'de> Visitor<'de> for PartVisitor {
    type Value = Part<'de>;
    scalars!(Part::default(), |text| Part { text: Loose(Some(text)), ..Part::default() });
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Part::default())
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut part = Part::default();
        while let Some(name) = map.next_key::<Loose<'de>>()? {
            let slot = match name.text() {
                Some("id") => &mut part.id,
                Some("name") => &mut part.name,
                Some("state") => &mut part.state,
                Some("value") => &mut part.value,
                other => {
                    match other {
                        Some("boardId" | "originBoardId" | "rapidViewId") => part.board = true,
                        Some("accountId" | "emailAddress" | "displayName") => part.person = true,
                        _ => {}
                    }
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            *slot = map.next_value()?;
        }
        Ok(part)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Part<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PartVisitor)
    }
}

/// The value of a custom field.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Custom<'a> {
    list: bool,
    parts: Vec<Part<'a>>,
}

struct CustomVisitor;

impl<'de> Visitor<'de> for CustomVisitor {
    type Value = Custom<'de>;
    scalars!(Custom::default(), |text| {
        Custom { list: false, parts: vec![Part { text: Loose(Some(text)), ..Part::default() }] }
    });
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut parts = Vec::new();
        while parts.len() < MAX_PARTS {
            let Some(part) = list.next_element()? else { return Ok(Custom { list: true, parts }) };
            parts.push(part);
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Custom { list: true, parts })
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        Ok(Custom { list: false, parts: vec![PartVisitor.visit_map(map)?] })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Custom<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(CustomVisitor)
    }
}

impl Custom<'_> {
    /// What can be a tag's value: a text or number, the `value` or `name` of a choice, the first of
    /// several. Never a person.
    pub(super) fn value(&self) -> Option<&str> {
        let part = self.parts.first().filter(|part| !part.person)?;
        [&part.text, &part.value, &part.name].into_iter().find_map(Loose::text)
    }

    /// The text, if it is one.
    pub(super) fn text(&self) -> Option<&str> {
        if self.list { None } else { self.parts.first()?.text.text() }
    }

    /// The sprints, if it is the sprint field.
    pub(super) fn sprints(&self) -> impl Iterator<Item = SprintValue<'_>> {
        let parts = if self.list { self.parts.as_slice() } else { &[] };
        parts.iter().filter_map(|part| match part.text.text() {
            Some(text) => SprintValue::from_old(text),
            None if part.board => {
                SprintValue::new(part.id.text()?, part.name.text().unwrap_or_default(), part.state.text()?)
            }
            None => None,
        })
    }
}

/// How far a sprint is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SprintState {
    Future,
    Active,
    Closed,
}

impl SprintState {
    pub(super) fn from_name(name: &str) -> Option<Self> {
        [("future", Self::Future), ("active", Self::Active), ("closed", Self::Closed)]
            .into_iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, state)| state)
    }
}

/// A sprint that an issue is in or was in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SprintValue<'v> {
    pub(super) id: u64,
    pub(super) name: &'v str,
    pub(super) state: SprintState,
}

impl<'v> SprintValue<'v> {
    fn new(id: &str, name: &'v str, state: &str) -> Option<Self> {
        Some(Self { id: id.parse().ok()?, name, state: SprintState::from_name(state)? })
    }

    /// From `…Sprint@1f[id=1,rapidViewId=2,state=ACTIVE,name=Sprint 1,startDate=…]`. A name can hold
    /// commas, so it ends where a member that is known begins.
    fn from_old(text: &'v str) -> Option<Self> {
        let (_, members) = text.strip_prefix(OLD_SPRINT)?.split_once('[')?;
        let members = members.strip_suffix(']').unwrap_or(members);
        let member = |name: &str| {
            let found =
                members.match_indices(name).find(|(at, _)| *at == 0 || members[..*at].ends_with(','))?;
            members.get(found.0 + name.len()..)
        };
        let word = |name: &str| member(name).map(|rest| rest.split(',').next().unwrap_or(rest));
        let name = member("name=").unwrap_or_default();
        let ends = [
            ",goal=",
            ",startDate=",
            ",endDate=",
            ",completeDate=",
            ",activatedDate=",
            ",sequence=",
            ",synced=",
            ",autoStartStop=",
            ",incompleteIssuesDestinationId=",
        ];
        let end = ends.iter().filter_map(|end| name.find(end)).min().unwrap_or(name.len());
        Self::new(word("id=")?, &name[..end], word("state=")?)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(text: &str) -> Custom<'_> {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_sprint_is_known_by_what_it_holds_in_both_forms() {
        let new = r#"[{"id":7,"name":"Sprint 7","state":"active","boardId":1,"goal":{"x":[1]}},{"id":"8","name":"8","state":"future","originBoardId":1}]"#;
        let sprints: Vec<_> = read(new).sprints().map(|s| (s.id, s.name.to_owned(), s.state)).collect();
        let active = (7, "Sprint 7".to_owned(), SprintState::Active);
        assert_eq!(sprints, [active, (8, "8".to_owned(), SprintState::Future)]);
        let old = r#"["com.atlassian.greenhopper.service.sprint.Sprint@40aaf35c[id=1,rapidViewId=2,state=CLOSED,name=A, b [x],goal=,startDate=2019-11-22T17:13:15.221Z,completeDate=<null>,sequence=1]","com.atlassian.greenhopper.service.sprint.Sprint@1[completeDate=<null>,id=2,state=ACTIVE,name=Last]"]"#;
        let value = read(old);
        let sprints: Vec<_> = value.sprints().map(|s| (s.id, s.name, s.state)).collect();
        assert_eq!(sprints, [(1, "A, b [x]", SprintState::Closed), (2, "Last", SprintState::Active)]);
        for none in [
            r#"{"id":7,"name":"Sprint 7","state":"active","boardId":1}"#,
            r#"[{"id":7,"name":"Team 7","state":"active"}]"#,
            r#"[{"id":"x","state":"active","boardId":1}]"#,
            r#"[{"id":7,"state":"odd","boardId":1}]"#,
            r#"["com.atlassian.greenhopper.service.sprint.Sprint@1[name=x]", "com.atlassian.greenhopper.service.sprint.Sprint@", "é"]"#,
            r#"[[{"id":7}], null, true, 1.5]"#,
        ] {
            assert_eq!(read(none).sprints().count(), 0, "{none}");
        }
    }

    #[test]
    fn a_value_is_a_text_or_what_a_choice_is_called_and_never_a_person() {
        for (value, expected) in [
            (r#""Payments""#, Some("Payments")),
            ("5", Some("5")),
            (r#"{"self":"x","value":"Payments","id":"1"}"#, Some("Payments")),
            (r#"{"id":"1","name":"Payments"}"#, Some("Payments")),
            (r#"[{"value":"A"},{"value":"B"}]"#, Some("A")),
            (r#"{"name":"ann","displayName":"Ann"}"#, None),
            (r#"[{"accountId":"1","name":"ann"}]"#, None),
            ("null", None),
            ("[]", None),
            ("{}", None),
            ("true", None),
            ("1.5", None),
        ] {
            assert_eq!(read(value).value(), expected, "{value}");
        }
    }

    #[test]
    fn a_list_has_a_bound() {
        let list = format!("[{}1]", "1,".repeat(1000));
        assert_eq!(read(&list).parts.len(), MAX_PARTS);
    }
}
