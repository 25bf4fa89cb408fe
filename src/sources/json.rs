//! Reading a payload: texts that borrow from the body, ids that may be written as texts, values
//! that may be anything, and an error that names the field. All of it is tolerant of what is not
//! used and strict about what is.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;

use super::ParseError;

/// A text that is copied only where JSON's escapes make it necessary.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

impl Deref for Text<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }
    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Borrowed(text)))
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor)
    }
}

/// A whole number, written as one or as a text of digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number(pub(super) i64);

struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = Number;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number")
    }
    fn visit_i64<E: Error>(self, n: i64) -> Result<Number, E> {
        Ok(Number(n))
    }
    fn visit_u64<E: Error>(self, n: u64) -> Result<Number, E> {
        i64::try_from(n).map(Number).map_err(|_| E::custom("a number too large"))
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Number, E> {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let whole = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        text.parse().ok().filter(|_| whole).map(Number).ok_or_else(|| E::custom("not a whole number"))
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor)
    }
}

/// An id: a whole number that is not negative, written as one or as a text of digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id(pub(super) u64);

struct IdVisitor;

impl Visitor<'_> for IdVisitor {
    type Value = Id;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id (a whole number, or a text of digits)")
    }
    fn visit_u64<E: Error>(self, n: u64) -> Result<Id, E> {
        Ok(Id(n))
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<Id, E> {
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        text.parse().ok().filter(|_| digits).map(Id).ok_or_else(|| E::custom("not an id (digits)"))
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IdVisitor)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A value of a free map: its text, or the first text of its list; `true` and `false` as texts,
/// anything else is nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Leaf<'a>(pub(super) Option<Text<'a>>);

/// A value of which only a text is of interest. It never descends: what is deep is skipped by
/// serde_json without recursion.
struct Scalar<'a>(Option<Text<'a>>);

/// The part of a visitor of any value that all of them share: texts are of interest, and where
/// `$flag` says so yes and no; other scalars are not.
macro_rules! scalars {
    ($nothing:expr, $flag:expr, $text:expr) => {
        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("any value")
        }
        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok($nothing)
        }
        fn visit_bool<E: Error>(self, yes: bool) -> Result<Self::Value, E> {
            Ok($flag(yes))
        }
        fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
            Ok($nothing)
        }
        fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
            Ok($nothing)
        }
        fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
            Ok($nothing)
        }
        fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
            Ok($text(Text(Cow::Borrowed(text))))
        }
        fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
            Ok($text(Text(Cow::Owned(text.to_owned()))))
        }
    };
}

fn skip_list<'de, A: SeqAccess<'de>>(mut list: A) -> Result<(), A::Error> {
    while list.next_element::<IgnoredAny>()?.is_some() {}
    Ok(())
}

fn skip_map<'de, A: MapAccess<'de>>(mut map: A) -> Result<(), A::Error> {
    while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(())
}

fn flag(yes: bool) -> Text<'static> {
    Text(Cow::Borrowed(if yes { "true" } else { "false" }))
}

struct ScalarVisitor;

impl<'de> Visitor<'de> for ScalarVisitor {
    type Value = Scalar<'de>;
    scalars!(Scalar(None), |yes| Scalar(Some(flag(yes))), |text| Scalar(Some(text)));
    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        skip_list(list).map(|()| Scalar(None))
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        skip_map(map).map(|()| Scalar(None))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Scalar<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ScalarVisitor)
    }
}

struct LeafVisitor;

impl<'de> Visitor<'de> for LeafVisitor {
    type Value = Leaf<'de>;
    scalars!(Leaf(None), |yes| Leaf(Some(flag(yes))), |text| Leaf(Some(text)));
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let first = list.next_element::<Scalar<'de>>()?;
        skip_list(list)?;
        Ok(Leaf(first.and_then(|first| first.0)))
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        skip_map(map).map(|()| Leaf(None))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Leaf<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LeafVisitor)
    }
}

/// A value that senders fill freely: a map of names and values, a text, or whatever else.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) enum Free<'a> {
    /// Neither a map nor a text.
    #[default]
    Other,
    /// A text.
    Text(Text<'a>),
    /// A map.
    Members(Vec<(Text<'a>, Leaf<'a>)>),
}

impl Free<'_> {
    /// The members that are texts.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        let members = match self {
            Free::Members(members) => members.as_slice(),
            Free::Other | Free::Text(_) => &[],
        };
        members.iter().filter_map(|(name, value)| Some((&**name, &**value.0.as_ref()?)))
    }

    /// The member of that name, in any case.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.texts().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

struct FreeVisitor;

impl<'de> Visitor<'de> for FreeVisitor {
    type Value = Free<'de>;
    scalars!(Free::Other, |_| Free::Other, Free::Text);
    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Self::Value, A::Error> {
        skip_list(list).map(|()| Free::Other)
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Free::Members(members))
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Free<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FreeVisitor)
    }
}

/// Whether `error` is about the text (not JSON) or about what it says.
pub(super) fn syntax(error: &serde_json::Error) -> Option<ParseError> {
    match error.classify() {
        Category::Data => None,
        Category::Syntax | Category::Eof | Category::Io => {
            Some(ParseError::NotJson { reason: error.to_string() })
        }
    }
}

/// Reads `text` once more, slowly, to say which field is wrong. Only after a first reading failed.
pub(super) fn explain<'de, T: Deserialize<'de>>(text: &'de str, first: &serde_json::Error) -> ParseError {
    let mut json = serde_json::Deserializer::from_str(text);
    match serde_path_to_error::deserialize::<_, T>(&mut json) {
        Ok(_) => ParseError::NotJson { reason: without_values(&first.to_string()) },
        Err(error) => {
            let path = error.path().to_string();
            let said = without_values(&error.into_inner().to_string());
            match said.strip_prefix("missing field `").and_then(|rest| rest.split_once('`')) {
                Some((field, _)) if path == "." => ParseError::missing(field),
                Some((field, _)) => ParseError::missing(&format!("{path}.{field}")),
                None => ParseError::field(&path, said),
            }
        }
    }
}

/// serde's message without the text that it found: that is the payload's, and no message's.
fn without_values(message: &str) -> String {
    let Some(from) = message.find("string \"") else {
        return message.to_owned();
    };
    let Some(to) = message.rfind("\", expected") else {
        return message[..from].to_owned();
    };
    // The found text could itself contain what is searched for, but only between the two.
    format!("{}string{}", &message[..from], message.get(to + 1..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Deserialize)]
    struct Sample<'a> {
        #[serde(borrow)]
        text: Option<Text<'a>>,
        id: Option<Id>,
        number: Option<Number>,
        #[serde(default)]
        free: Free<'a>,
        inner: Option<Inner<'a>>,
    }

    #[derive(Debug, Deserialize)]
    struct Inner<'a> {
        #[serde(borrow)]
        name: Text<'a>,
    }

    fn read(text: &str) -> Sample<'_> {
        serde_json::from_str(text).unwrap()
    }

    fn wrong(text: &str) -> String {
        explain::<Sample<'_>>(text, &serde_json::from_str::<Sample<'_>>(text).unwrap_err()).to_string()
    }

    #[test]
    fn a_plain_text_is_not_copied_and_an_escaped_one_is_understood() {
        assert!(matches!(read(r#"{"text":"plain"}"#).text.unwrap().0, Cow::Borrowed("plain")));
        assert_eq!(&*read(r#"{"text":"a\nb\u00e9"}"#).text.unwrap(), "a\nbé");
        assert!(read(r#"{"text":null}"#).text.is_none());
    }

    #[test]
    fn numbers_may_be_written_as_texts() {
        let sample = read(r#"{"id":"12","number":"-3"}"#);
        assert_eq!((sample.id, sample.number), (Some(Id(12)), Some(Number(-3))));
        assert_eq!(read(r#"{"id":12}"#).id, Some(Id(12)));
        for text in [r#"{"id":-1}"#, r#"{"id":"+1"}"#, r#"{"id":""}"#, r#"{"id":1.5}"#, r#"{"number":""}"#] {
            assert!(serde_json::from_str::<Sample<'_>>(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_part_is_read_like_the_whole() {
        assert_eq!(&*read(r#"{"inner":{"name":"x","more":[]}}"#).inner.unwrap().name, "x");
    }

    #[test]
    fn free_values_may_be_anything() {
        let sample =
            read(r#"{"free":{"a":"x","b":["y","z"],"c":[["w"]],"d":{"e":1},"f":null,"g":2,"h":true}}"#);
        assert_eq!(sample.free.texts().collect::<Vec<_>>(), [("a", "x"), ("b", "y"), ("h", "true")]);
        assert_eq!(sample.free.get("B"), Some("y"));
        for other in ["null", "1", "1.5", "-1", "true", "[1,[2]]"] {
            assert_eq!(read(&format!(r#"{{"free":{other}}}"#)).free, Free::Other, "{other}");
        }
        assert!(matches!(read(r#"{"free":"{}"}"#).free, Free::Text(_)));
    }

    #[test]
    fn an_error_names_the_field_and_never_shows_its_text() {
        assert_eq!(wrong(r#"{"inner":{}}"#), "inner.name: is missing");
        let message = wrong(r#"{"inner":{"name":5}}"#);
        assert!(message.starts_with("inner.name: invalid type: integer"), "{message}");
        let message = wrong(r#"{"inner":"hunter2\", expected x"}"#);
        assert!(message.starts_with("inner: invalid type: string, expected"), "{message}");
        assert!(!message.contains("hunter2"));
    }
}
