//! How an item's facts lie in the store: a version byte, then MessagePack with structs as arrays.
//! Fields are only ever added at the end, with a default; anything else takes a new version.

use crate::work::event::Facts;

const VERSION: u8 = 1;

/// The stored form of an item's facts. Equal facts give equal bytes.
pub fn encode(facts: &Facts) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(512);
    bytes.push(VERSION);
    rmp_serde::encode::write(&mut bytes, facts).map_err(|e| e.to_string())?;
    Ok(bytes)
}

/// The facts in their stored form.
pub fn decode(bytes: &[u8]) -> Result<Facts, String> {
    match bytes.split_first() {
        Some((&VERSION, facts)) => rmp_serde::from_slice(facts).map_err(|e| e.to_string()),
        Some((version, _)) => Err(format!("unknown version {version} of an item's facts")),
        None => Err("empty facts".to_owned()),
    }
}
