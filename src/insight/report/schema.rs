//! How the domain's own names look in a JSON schema.

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::work::key::{Kind, Source};

fn names(names: &[&str], description: &str) -> RefOr<Schema> {
    let object = ObjectBuilder::new().schema_type(Type::String).description(Some(description));
    object.enum_values(Some(names.iter().copied())).into()
}

impl PartialSchema for Kind {
    fn schema() -> RefOr<Schema> {
        names(&Kind::ALL.map(Kind::as_str), "A kind of item.")
    }
}

impl ToSchema for Kind {}

impl PartialSchema for Source {
    fn schema() -> RefOr<Schema> {
        names(&Source::ALL.map(Source::as_str), "A kind of sender.")
    }
}

impl ToSchema for Source {}
