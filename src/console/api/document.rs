//! The OpenAPI 3.1 document, put together from the table of routes, the parameters, and the schemas
//! that the types of the answers describe themselves with.

use serde_json::{Map, Value, json};
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::parameters::{self, Parameter};
use super::problem::{MEDIA_TYPE, Problem, ProblemType};
use super::table::{Described, Takes};
use super::{BASE, DOCUMENT};
use crate::insight::query::Query;

/// The problems of every route, with what they mean there.
const PROBLEMS: &[(ProblemType, &str)] = &[
    (
        ProblemType::InvalidParameter,
        "A parameter is not known, or its value is of no use; `parameter` names it.",
    ),
    (ProblemType::Unauthorized, "The token is missing or wrong."),
    (
        ProblemType::WrongHost,
        "No token is configured, and the request does not name this machine (`console.allow_open`).",
    ),
    (ProblemType::StoreCorrupt, "What is stored cannot be read; the log says more."),
    (ProblemType::Loading, "The items are still being loaded, or the store cannot be read now."),
];

/// The document for these routes and for itself.
pub(super) fn of<'a>(routes: impl Iterator<Item = &'a Described> + Clone) -> Value {
    let mut paths = Map::new();
    for route in routes.clone() {
        paths.insert(route.whole_path(), json!({ "get": operation(route) }));
    }
    paths.insert(
        format!("{BASE}{DOCUMENT}"),
        json!({ "get": {
        "operationId": "openapi",
        "summary": "This document",
        "responses": responses(json!({ "type": "object" }), false),
    } }),
    );
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "ValueStream",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "How long work takes, where it waits, and what slow issues and failed deploys have in \
                common. Durations are seconds, instants RFC 3339; what is not known is null and never 0. Everything \
                is read with GET, or HEAD for the headers alone.",
            "license": { "name": env!("CARGO_PKG_LICENSE"), "identifier": env!("CARGO_PKG_LICENSE") },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "bearer": [] }, { "basic": [] }, {}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "description": "`console.token`, if one is configured." },
                "basic": { "type": "http", "scheme": "basic", "description": "The same as password, with any name." },
            },
            "parameters": parameters::all().iter().map(|p| (p.name.to_owned(), query(p))).collect::<Map<_, _>>(),
            "responses": PROBLEMS.iter().map(|problem| (name(problem.0), response(problem))).collect::<Map<_, _>>(),
            "schemas": schemas(routes),
        },
    })
}

fn operation(route: &Described) -> Value {
    let in_path = |name: &str, description: &str| json!({ "name": name, "in": "path", "required": true, "description": description, "schema": { "type": "string" } });
    let shared = |name: &str| json!({ "$ref": format!("#/components/parameters/{name}") });
    let common = || Query::PARAMETERS.iter().map(|name| shared(name));
    let parameters: Vec<Value> = match route.takes {
        Takes::Query => common().collect(),
        Takes::Grouped => parameters::all()
            .iter()
            .map(|parameter| match parameter.name {
                "group" => needed(query(parameter)),
                name => shared(name),
            })
            .collect(),
        Takes::QueryAndKey => {
            std::iter::once(in_path("key", "The key, percent-encoded.")).chain(common()).collect()
        }
        Takes::Id => vec![in_path("id", "32 hexadecimal digits, or the key of an item, percent-encoded.")],
        Takes::Item => vec![
            json!({
                "name": "key", "in": "query", "required": true, "schema": { "type": "string" },
                "description": "The item's key.", "example": "github:github.com/acme/api/issue/12",
            }),
            json!({
                "name": "episode", "in": "query", "schema": { "type": "integer", "minimum": 0, "default": 0 },
                "description": "Which of its episodes.",
            }),
        ],
    };
    let answer = json!({ "$ref": format!("#/components/schemas/{}", route.answer) });
    json!({
        "operationId": route.id,
        "summary": route.summary,
        "parameters": parameters,
        "responses": responses(answer, matches!(route.takes, Takes::QueryAndKey | Takes::Id)),
    })
}

fn query(parameter: &Parameter) -> Value {
    let mut value = json!({
        "name": parameter.name, "in": "query", "required": false,
        "description": parameter.description, "schema": parameter.schema,
    });
    if parameter.schema["type"] == "array" {
        value["style"] = "form".into();
        value["explode"] = true.into();
        value["example"] = json!([parameter.example]);
    } else if !parameter.example.is_empty() {
        let number = parameter.example.parse::<u64>().ok().filter(|_| parameter.schema["type"] != "string");
        value["example"] = number.map_or_else(|| parameter.example.into(), Value::from);
    }
    value
}

fn needed(mut parameter: Value) -> Value {
    parameter["required"] = true.into();
    parameter
}

/// A name for the responses of a status code.
fn name(kind: ProblemType) -> String {
    format!("Problem{}", kind.status().as_u16())
}

fn responses(answer: Value, can_be_missing: bool) -> Value {
    let mut responses = Map::new();
    responses.insert(
        "200".to_owned(),
        json!({
            "description": "The answer.",
            "headers": { "Cache-Control": { "description": "`no-store`", "schema": { "type": "string" } } },
            "content": { "application/json": { "schema": answer } },
        }),
    );
    for (kind, _) in PROBLEMS {
        let reference = json!({ "$ref": format!("#/components/responses/{}", name(*kind)) });
        responses.insert(kind.status().as_u16().to_string(), reference);
    }
    if can_be_missing {
        responses.insert("404".to_owned(), response(&(ProblemType::NotFound, "There is no such thing.")));
    }
    responses.into()
}

fn response((kind, description): &(ProblemType, &str)) -> Value {
    let mut response = json!({
        "description": description,
        "content": { MEDIA_TYPE: { "schema": { "$ref": "#/components/schemas/Problem" } } },
    });
    let header =
        |description: &str, of: &str| json!({ "description": description, "schema": { "type": of } });
    match kind {
        ProblemType::Unauthorized => {
            response["headers"] = json!({ "WWW-Authenticate": header("`Bearer`", "string") });
        }
        ProblemType::Loading => {
            response["headers"] =
                json!({ "Retry-After": header("When to try again, in seconds.", "integer") });
        }
        _ => {}
    }
    response
}

fn schemas<'a>(routes: impl Iterator<Item = &'a Described>) -> Value {
    let mut problems = vec![(Problem::name().into_owned(), Problem::schema())];
    Problem::schemas(&mut problems);
    let answers =
        routes.flat_map(|route| route.schemas.iter().cloned()).map(|(name, schema)| (name, complete(schema)));
    let schemas: Map<String, Value> = problems
        .into_iter()
        .chain(answers)
        // A schema always serializes.
        .map(|(name, schema)| (name, serde_json::to_value(schema).unwrap_or_default()))
        .collect();
    schemas.into()
}

/// Answers leave nothing out: what is not known is null, so every property is always there.
fn complete(schema: RefOr<Schema>) -> RefOr<Schema> {
    match schema {
        RefOr::T(Schema::Object(mut object)) => {
            object.required = object.properties.keys().cloned().collect();
            RefOr::T(Schema::Object(object))
        }
        other => other,
    }
}
