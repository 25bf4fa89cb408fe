//! History from GitHub's API: it agrees with what webhooks tell, keeps to the limits, and goes on
//! where it was interrupted.

mod server;
mod world;

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use valuestream::import::{Count, Tally};
use valuestream::work::item::Item;
use valuestream::work::key::Kind;

use self::server::{GithubApi, Instead, recorded};
use self::world::{KEYS, World};

/// What an item says, without when it was said: a stamp only orders what is said.
fn content(item: &Item) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(members) => {
                members.remove("stamp");
                members.values_mut().for_each(strip);
            }
            Value::Array(list) => list.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut value = serde_json::to_value(item).unwrap();
    strip(&mut value);
    value
}

fn contents(items: &BTreeMap<&'static str, Item>) -> BTreeMap<&'static str, Value> {
    items.iter().map(|(key, item)| (*key, content(item))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn imported_history_is_what_webhooks_would_have_told() {
    let server = GithubApi::start(recorded(), 100).await;
    let (imported, delivered) = (World::with(&[("PEOPLE", "true")]), World::with(&[("PEOPLE", "true")]));
    let tally = imported.import(&server).await.unwrap();
    assert_eq!((tally.not_understood, tally.not_used), (0, 0));
    delivered.deliver().await;
    let (mine, theirs) = (imported.items().await, delivered.items().await);
    assert_eq!(theirs.len(), KEYS.len());
    for key in KEYS {
        assert_eq!(mine[key].episodes(), theirs[key].episodes(), "{key}");
        let (mine, theirs) = (content(&mine[key]), content(&theirs[key]));
        assert_eq!(
            serde_json::to_string_pretty(&mine).unwrap(),
            serde_json::to_string_pretty(&theirs).unwrap(),
            "{key}"
        );
    }
    assert_eq!(imported.exported().await, delivered.exported().await);
}
