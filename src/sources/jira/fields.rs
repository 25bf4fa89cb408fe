//! The fields of an issue. Those of the system have names, the company's own only numbers; both stand
//! side by side in one object, which therefore is read by hand.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

use super::custom::{Custom, SprintValue};
use super::payload::{IssueType, Link, Named, OtherIssue, Status, Text, User};

/// How the names of custom fields begin.
const CUSTOM: &str = "customfield_";

/// The fields of an issue that are used.
#[derive(Default)]
pub(super) struct Fields<'a> {
    pub(super) summary: Option<Text<'a>>,
    pub(super) created: Option<Text<'a>>,
    pub(super) updated: Option<Text<'a>>,
    /// When the status' category last changed (Cloud only).
    pub(super) category_changed: Option<Text<'a>>,
    pub(super) resolution: Option<Named<'a>>,
    /// When the resolution was last set. People can set it before or after the issue is done.
    pub(super) resolved: Option<Text<'a>>,
    pub(super) status: Option<Status<'a>>,
    pub(super) issuetype: Option<IssueType<'a>>,
    pub(super) priority: Option<Named<'a>>,
    pub(super) labels: Option<Vec<Text<'a>>>,
    pub(super) components: Option<Vec<Named<'a>>>,
    pub(super) fix_versions: Option<Vec<Named<'a>>>,
    pub(super) parent: Option<OtherIssue<'a>>,
    pub(super) links: Option<Vec<Link<'a>>>,
    pub(super) creator: Option<User<'a>>,
    pub(super) reporter: Option<User<'a>>,
    /// The custom fields, by name.
    pub(super) custom: Vec<(Text<'a>, Custom<'a>)>,
}

impl Fields<'_> {
    /// The sprints that it is in or was in.
    pub(super) fn sprints(&self) -> impl Iterator<Item = SprintValue<'_>> {
        self.custom.iter().flat_map(|(_, value)| value.sprints())
    }
}

struct FieldsVisitor;

impl<'de> Visitor<'de> for FieldsVisitor {
    type Value = Fields<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the fields of an issue")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Fields::default();
        while let Some(name) = map.next_key::<Text<'de>>()? {
            match &*name {
                "summary" => fields.summary = map.next_value()?,
                "created" => fields.created = map.next_value()?,
                "updated" => fields.updated = map.next_value()?,
                "statuscategorychangedate" => fields.category_changed = map.next_value()?,
                "resolution" => fields.resolution = map.next_value()?,
                "resolutiondate" => fields.resolved = map.next_value()?,
                "status" => fields.status = map.next_value()?,
                "issuetype" => fields.issuetype = map.next_value()?,
                "priority" => fields.priority = map.next_value()?,
                "labels" => fields.labels = map.next_value()?,
                "components" => fields.components = map.next_value()?,
                "fixVersions" => fields.fix_versions = map.next_value()?,
                "parent" => fields.parent = map.next_value()?,
                "issuelinks" => fields.links = map.next_value()?,
                "creator" => fields.creator = map.next_value()?,
                "reporter" => fields.reporter = map.next_value()?,
                own if own.starts_with(CUSTOM) => {
                    let value = map.next_value()?;
                    fields.custom.push((name, value));
                }
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(fields)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FieldsVisitor)
    }
}
