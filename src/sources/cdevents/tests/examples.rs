//! The examples that the specification publishes.

use super::*;

/// The published examples of CDEvents 0.5, with the key that each has; empty if it is not used.
const EXAMPLES: &[(&str, &str)] = &[
    ("artifact_packaged", "(references)"),
    ("build_finished", "build/mySubject123"),
    ("build_queued", "build/mySubject123"),
    ("build_started", "build/mySubject123"),
    ("change_abandoned", "pull_request/mySubject123"),
    ("change_created", "pull_request/mySubject123"),
    ("change_merged", "pull_request/mySubject123"),
    ("change_reviewed", "pull_request/mySubject123"),
    ("change_updated", "pull_request/mySubject123"),
    ("incident_detected", "issue/incident-123"),
    ("incident_reported", "issue/incident-123"),
    ("incident_resolved", "issue/incident-123"),
    ("pipelinerun_finished", "build/mySubject123"),
    ("pipelinerun_queued", "build/mySubject123"),
    ("pipelinerun_started", "build/mySubject123"),
    ("service_deployed", "deploy/mySubject123@test123:271069a8-fc18-44f1-b38f-9d70a1695819"),
    ("service_rolledback", "deploy/mySubject123@test123:271069a8-fc18-44f1-b38f-9d70a1695819"),
    ("service_upgraded", "deploy/mySubject123@test123:271069a8-fc18-44f1-b38f-9d70a1695819"),
    ("taskrun_finished", "job/mySubject123"),
    ("taskrun_started", "job/mySubject123"),
    ("ticket_closed", "issue/ticket-123"),
    ("ticket_created", "issue/ticket-123"),
    ("ticket_updated", "issue/ticket-123"),
];

#[test]
fn every_published_example_is_used_or_ignored() {
    let root = std::env::var_os("VALUESTREAM_CORPUS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"), PathBuf::from);
    let Ok(files) = std::fs::read_dir(root.join("cdevents")) else {
        eprintln!("skipped: no payloads of cdevents; set VALUESTREAM_CORPUS to the corpus's folder");
        return;
    };
    let (mut seen, mut ids) = (0, Vec::new());
    for file in
        files.map(|file| file.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "json"))
    {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let body: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let envelope = json!({"specversion": "1.0", "data": body});
        for body in [&body, &envelope] {
            let delivery = deliver(&HeaderMap::new(), body);
            assert_eq!(delivery.event_type, name.replace('_', "."), "metrics know it");
            ids.push(delivery.id);
            let key = EXAMPLES.iter().find(|(used, _)| *used == name).map(|(_, key)| *key);
            match delivery.content.unwrap_or_else(|error| panic!("{name}: {error}")) {
                Parsed::Ignored { reason } => {
                    assert!(key.is_none() && reason.ends_with("is not used"), "{name}: {reason}");
                }
                Parsed::Used(said) => {
                    let told = said.events.first().map_or("(references)", |event| event.key.as_str());
                    assert!(
                        told.ends_with(key.unwrap_or_else(|| panic!("{name} is used"))),
                        "{name}: {told}"
                    );
                    assert!(said.events.is_empty() || told.starts_with("cdevents:"), "{name}: {told}");
                }
            }
        }
        seen += 1;
    }
    assert_eq!(seen, 45);
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 45, "each is a delivery of its own, in whichever envelope");
}
