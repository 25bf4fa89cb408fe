//! The OpenAPI document: is it valid, and does it say what the routes do?

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::*;
use crate::insight::query::Query;

async fn document() -> (Running, Value) {
    let server = Running::open().await;
    let document = server.json("/api/v1/openapi.json").await;
    (server, document)
}

fn walk<'a>(value: &'a Value, see: &mut impl FnMut(&'a Map<String, Value>)) {
    match value {
        Value::Object(map) => {
            see(map);
            map.values().for_each(|value| walk(value, see));
        }
        Value::Array(list) => list.iter().for_each(|value| walk(value, see)),
        _ => {}
    }
}

/// What stands there, behind any number of references.
fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    match value.get("$ref") {
        Some(reference) => {
            let pointer = reference.as_str().unwrap().strip_prefix('#').unwrap();
            let target = document.pointer(pointer).unwrap_or_else(|| panic!("{pointer} is nowhere"));
            resolve(document, target)
        }
        None => value,
    }
}

fn operations(document: &Value) -> impl Iterator<Item = (&String, &Value)> {
    document["paths"].as_object().unwrap().iter().map(|(path, item)| {
        assert_eq!(item.as_object().unwrap().keys().collect::<Vec<_>>(), ["get"], "{path}");
        (path, &item["get"])
    })
}

#[tokio::test]
async fn every_reference_resolves_and_nothing_is_left_over() {
    let (_server, document) = document().await;
    assert_eq!(document["openapi"], "3.1.0");
    let mut used = BTreeSet::new();
    walk(&document, &mut |map| {
        if let Some(reference) = map.get("$ref") {
            let pointer = reference.as_str().unwrap().strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{pointer}");
            used.insert(pointer);
        }
    });
    for part in ["schemas", "parameters", "responses"] {
        for name in document["components"][part].as_object().unwrap().keys() {
            assert!(
                used.contains(format!("/components/{part}/{name}").as_str()),
                "{part}/{name} is not used"
            );
        }
    }
}

#[tokio::test]
async fn every_response_is_documented() {
    let (_server, document) = document().await;
    let mut ids = BTreeSet::new();
    for (path, operation) in operations(&document) {
        assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{path}");
        assert!(!operation["summary"].as_str().unwrap().is_empty(), "{path}");
        let responses = operation["responses"].as_object().unwrap();
        for status in ["200", "400", "401", "421", "500", "503"] {
            assert!(responses.contains_key(status), "{path} {status}");
        }
        assert_eq!(responses.contains_key("404"), path.contains('{'), "{path}");
        for (status, response) in responses {
            let response = resolve(&document, response);
            assert!(!response["description"].as_str().unwrap().is_empty(), "{path} {status}");
            let media_type = if status == "200" { "application/json" } else { MEDIA_TYPE };
            let schema = &response["content"][media_type]["schema"];
            assert!(resolve(&document, schema)["type"] == "object", "{path} {status}: {schema}");
        }
        let placeholders: Vec<&str> =
            path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
        let parameters = operation["parameters"].as_array().map(Vec::as_slice).unwrap_or_default();
        let in_path: Vec<&str> = parameters
            .iter()
            .map(|parameter| resolve(&document, parameter))
            .filter(|parameter| parameter["in"] == "path")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        assert_eq!(in_path, placeholders, "{path}");
    }
}

#[tokio::test]
async fn the_document_has_the_routes_of_the_router_and_no_others() {
    let (server, document) = document().await;
    let documented: BTreeSet<String> = operations(&document).map(|(path, _)| path.clone()).collect();
    // All that is documented is there.
    for path in &documented {
        let path = path.replace("{key}", "team").replace("{id}", "dc165dd78f4a17ba2b0f38d1fd61fa6d");
        let response = server.get(&path).await;
        assert!(matches!(response.status().as_u16(), 200 | 400), "{path}");
    }
    // All that is there is documented: the same table makes the router, and these are its routes.
    let plain = |path: &str| {
        let path = path.split('?').next().unwrap();
        path.replace("/tags/team", "/tags/{key}").replace("/dc165dd78f4a17ba2b0f38d1fd61fa6d", "/{id}")
    };
    assert_eq!(documented, ROUTES.into_iter().map(plain).collect());
}

/// Whether an answer is what the schema says: nothing missing, nothing more, the types right.
fn conforms(document: &Value, schema: &Value, value: &Value, at: &str) {
    let schema = resolve(document, schema);
    if let Some(choices) = schema.get("oneOf").or(schema.get("anyOf")) {
        let choices = choices.as_array().unwrap();
        let fits = choices.iter().find(|choice| (choice["type"] == "null") == value.is_null());
        return conforms(document, fits.unwrap_or_else(|| panic!("{at}: {value}")), value, at);
    }
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().map(|one| one.as_str().unwrap()).collect(),
        other => panic!("{at}: type {other}"),
    };
    let found: &[&str] = match value {
        Value::Null => &["null"],
        Value::Bool(_) => &["boolean"],
        Value::String(_) => &["string"],
        Value::Array(_) => &["array"],
        Value::Object(_) => &["object"],
        Value::Number(number) if number.is_f64() => &["number"],
        Value::Number(_) => &["integer", "number"],
    };
    assert!(found.iter().any(|found| types.contains(found)), "{at}: {value} is not {types:?}");
    if let Some(known) = schema.get("enum").filter(|_| !value.is_null()) {
        assert!(known.as_array().unwrap().contains(value), "{at}: {value} is not one of {known}");
    }
    if let Value::Array(list) = value {
        list.iter().for_each(|value| conforms(document, &schema["items"], value, at));
    }
    if let Value::Object(map) = value {
        let required = schema["required"].as_array().into_iter().flatten().map(|name| name.as_str().unwrap());
        required.for_each(|name| assert!(map.contains_key(name), "{at}: {name} is missing"));
        for (name, value) in map {
            let schema = schema["properties"].get(name).or(schema.get("additionalProperties"));
            let schema = schema.unwrap_or_else(|| panic!("{at}: {name} is not documented"));
            conforms(document, schema, value, &format!("{at}.{name}"));
        }
    }
}

#[tokio::test]
async fn answers_and_problems_are_what_their_schemas_say() {
    let (server, document) = document().await;
    let asked =
        ROUTES.into_iter().chain(["/api/v1/correlations?kind=deploy", "/api/v1/tags/team?overlay=team=x"]);
    for path in asked {
        let plain = path.split('?').next().unwrap().replace("/tags/team", "/tags/{key}");
        let plain = plain.replace("/dc165dd78f4a17ba2b0f38d1fd61fa6d", "/{id}");
        let schema =
            &document["paths"][&plain]["get"]["responses"]["200"]["content"]["application/json"]["schema"];
        let answer: Value = server.json(path).await;
        if !path.contains("openapi") {
            conforms(&document, schema, &answer, path);
        }
    }
    let problem = &document["components"]["schemas"]["Problem"];
    for path in ["/api/v1/summary?x=1", "/api/v1/none", "/api/v1/groups"] {
        let text = server.get(path).await.text().await.unwrap();
        conforms(&document, problem, &serde_json::from_str(&text).unwrap(), path);
    }
}

#[tokio::test]
async fn every_parameter_has_a_description_and_the_paths_are_these() {
    let (_server, document) = document().await;
    let parameters = document["components"]["parameters"].as_object().unwrap();
    let names: BTreeSet<&str> = parameters.keys().map(String::as_str).collect();
    assert_eq!(names, Query::PARAMETERS.iter().copied().collect());
    let mut text = String::new();
    let one = |parameter: &Value| {
        assert!(!parameter["description"].as_str().unwrap().is_empty(), "{parameter}");
        let needed = if parameter["required"] == true { " needed" } else { "" };
        let (name, place) = (parameter["name"].as_str().unwrap(), parameter["in"].as_str().unwrap());
        format!("    {name} {place}{needed} {}\n", parameter["schema"])
    };
    for (path, operation) in operations(&document) {
        text += &format!("{path} ({})\n", operation["operationId"].as_str().unwrap());
        let parameters = operation["parameters"].as_array().into_iter().flatten();
        let (common, own): (Vec<&Value>, Vec<&Value>) =
            parameters.partition(|parameter| parameter.get("$ref").is_some());
        own.into_iter().for_each(|parameter| text += &one(parameter));
        let common: Vec<&str> = common
            .into_iter()
            .map(|parameter| resolve(&document, parameter)["name"].as_str().unwrap())
            .collect();
        if !common.is_empty() {
            text += &format!("    {}\n", common.join(" "));
        }
    }
    text += "common\n";
    parameters.values().for_each(|parameter| text += &one(parameter));
    insta::assert_snapshot!("paths", text);
}
