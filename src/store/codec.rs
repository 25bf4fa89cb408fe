//! How items' facts and observations lie in the store: a version byte, then MessagePack with
//! structs as arrays. Fields are only ever added at the end, with a default; anything else takes a
//! new version.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::insight::observation::Observation;
use crate::work::event::Facts;

const FACTS: u8 = 1;
const OBSERVATION: u8 = 1;

/// The stored form of an item's facts. Equal facts give equal bytes.
pub fn encode(facts: &Facts) -> Result<Vec<u8>, String> {
    pack(FACTS, facts)
}

/// The facts in their stored form.
pub fn decode(bytes: &[u8]) -> Result<Facts, String> {
    unpack(FACTS, bytes, "an item's facts")
}

/// The stored form of an observation.
pub fn encode_observation(observation: &Observation) -> Result<Vec<u8>, String> {
    pack(OBSERVATION, observation)
}

/// The observation in its stored form.
pub fn decode_observation(bytes: &[u8]) -> Result<Observation, String> {
    unpack(OBSERVATION, bytes, "an observation")
}

fn pack<T: Serialize>(version: u8, value: &T) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(512);
    bytes.push(version);
    rmp_serde::encode::write(&mut bytes, value).map_err(|e| e.to_string())?;
    Ok(bytes)
}

fn unpack<T: DeserializeOwned>(known: u8, bytes: &[u8], what: &str) -> Result<T, String> {
    match bytes.split_first() {
        Some((version, packed)) if *version == known => {
            rmp_serde::from_slice(packed).map_err(|e| e.to_string())
        }
        Some((version, _)) => Err(format!("unknown version {version} of {what}")),
        None => Err(format!("{what} without a byte")),
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::option;
    use proptest::prelude::*;

    use super::*;
    use crate::insight::observation::{Change, Deployed, Detail, Handled, Lived, Ran};
    use crate::work::event::Outcome;
    use crate::work::key::{Key, Kind, Source};
    use crate::work::testing::{acme, at};
    use crate::work::time::Time;

    fn time() -> impl Strategy<Value = Time> {
        (-100_000_000i64..100_000_000).prop_map(at)
    }

    fn key() -> impl Strategy<Value = Key> {
        let parts = (0..2usize, "[a-z]{1,8}", "\\PC{1,12}", 0..5usize, "\\PC{1,8}");
        parts.prop_filter_map("not a key", |(source, host, project, kind, id)| {
            Key::new(Source::ALL[source], &host, &project, Kind::ALL[kind], &id).ok()
        })
    }

    fn pairs() -> impl Strategy<Value = Vec<(String, String)>> {
        vec(("\\PC{0,10}", "\\PC{0,10}"), 0..5)
    }

    fn life() -> impl Strategy<Value = Lived> {
        let outcome = prop::sample::select(vec![Outcome::Merged, Outcome::NotPlanned, Outcome::Failure]);
        let moments = (option::of(time()), option::of((time(), outcome)));
        (moments, any::<(bool, bool, u32, bool)>()).prop_map(
            |((opened, closed), (start_known, clamped, reopened, open))| Lived {
                opened,
                closed,
                start_known,
                clamped,
                reopened,
                open,
            },
        )
    }

    fn detail() -> impl Strategy<Value = Detail> {
        let moments = vec(option::of(time()), 5);
        let counts = any::<(bool, Option<u32>, Option<u32>, Option<u32>, Option<u32>)>();
        let change = (moments, counts).prop_map(|(moments, (fix, lines, files, commits, comments))| {
            Detail::Change(Change {
                first_commit: moments[0],
                ready: moments[1],
                reviewed: moments[2],
                merged: moments[3],
                fix,
                lines,
                files,
                commits,
                comments,
                approved: moments[4],
            })
        });
        let texts = ("\\PC{0,9}", "\\PC{0,9}", "\\PC{0,9}", option::of("\\PC{0,9}"));
        let deploy = (texts, option::of("[0-9a-f]{40}"), any::<(bool, bool, bool)>());
        prop_oneof![
            Just(Detail::None),
            change,
            option::of(time()).prop_map(|queued| Detail::Run(Ran { queued })),
            option::of(time()).prop_map(|responded| Detail::Issue(Handled { responded })),
            deploy.prop_map(|((service, environment, name, repository), sha, flags)| {
                let (production, rollback, hotfix) = flags;
                Detail::Deploy(Deployed {
                    service,
                    environment,
                    production,
                    sha,
                    rollback,
                    hotfix,
                    name,
                    repository,
                })
            }),
        ]
    }

    fn observation() -> impl Strategy<Value = Observation> {
        (key(), vec(key(), 0..4), vec(key(), 0..4), life(), pairs(), pairs(), detail()).prop_map(
            |(key, ancestors, links, life, tags, traits, detail)| Observation {
                key,
                ancestors,
                links,
                life,
                tags,
                traits,
                detail,
            },
        )
    }

    proptest! {
        #[test]
        fn an_observation_survives_the_way_through_the_store(observation in observation()) {
            let bytes = encode_observation(&observation).unwrap();
            prop_assert_eq!(decode_observation(&bytes), Ok(observation));
        }

        #[test]
        fn bytes_that_are_no_observation_are_refused_without_a_panic(bytes in vec(any::<u8>(), 0..80)) {
            let mut told = vec![OBSERVATION];
            told.extend(bytes);
            prop_assert!(decode_observation(&told).is_err());
        }
    }

    fn merged() -> Observation {
        let change = Change { ready: Some(at(0)), merged: Some(at(60)), fix: true, ..Change::default() };
        Observation {
            key: acme("pull_request/2"),
            ancestors: vec![acme("issue/1")],
            links: Vec::new(),
            life: Lived {
                opened: Some(at(0)),
                closed: Some((at(60), Outcome::Merged)),
                start_known: true,
                ..Lived::default()
            },
            tags: vec![("team".to_owned(), "core".to_owned())],
            traits: Vec::new(),
            detail: Detail::Change(change),
        }
    }

    #[test]
    fn an_unknown_version_is_named_and_an_empty_state_refused() {
        let mut bytes = encode_observation(&merged()).unwrap();
        bytes[0] = 9;
        assert_eq!(decode_observation(&bytes), Err("unknown version 9 of an observation".to_owned()));
        assert_eq!(decode_observation(&[]), Err("an observation without a byte".to_owned()));
        assert_eq!(decode(&bytes), Err("unknown version 9 of an item's facts".to_owned()));
    }

    /// What is in stores must be read for ever: if this fails, the form takes a new version.
    #[test]
    fn what_version_1_wrote_is_read() {
        let stored = concat!(
            "0197d9296769746875623a6769746875622e636f6d2f61636d652f6170692f70756c6c5f72657175",
            "6573742f3291d9226769746875623a6769746875622e636f6d2f61636d652f6170692f6973737565",
            "2f319096cf000647484620400092cf0006474849b3c700a66d6572676564c3c200c29192a4746561",
            "6da4636f72659081a16398c0cf0006474846204000c0cf0006474849b3c700c3c0c0c0",
        );
        // Since then fields were added at the end.
        let now = hex::encode(encode_observation(&merged()).unwrap());
        assert_eq!(now, stored.replace("81a16398c0", "81a1639ac0") + "c0c0");
        assert_eq!(decode_observation(&hex::decode(stored).unwrap()), Ok(merged()));
    }
}
