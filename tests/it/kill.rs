//! The process killed while it works, again and again: what was answered is there, what was
//! exported is exported once, or twice with the same content.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use prost::Message;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;
use valuestream::store::Store;
use valuestream::store::sqlite::SqliteStore;
use valuestream::work::ids::{SpanId, TraceId};
use valuestream::work::key::Key;

use crate::support::payloads::*;
use crate::support::program::Program;
use crate::support::receiver::{Answer, Received, Receiver};
use crate::support::sender::{Delivery, Sender};

/// How many clients send at the same time.
const CLIENTS: u64 = 6;
/// How often the process is killed.
const KILLS: usize = 12;
/// How long all the killing may take on a slow machine.
const TIME_FOR_KILLS: Duration = Duration::from_secs(50);

/// One item's life: its deliveries in order, and the spans that it must become.
pub struct Life {
    pub deliveries: Vec<Delivery>,
    pub key: Key,
    pub root: Key,
    pub spans: Vec<SpanId>,
}

fn key(text: &str) -> Key {
    text.parse().unwrap()
}

/// An issue that is closed twice, the pull request for it, a build at Jenkins, a job with steps.
pub fn life(client: u64, n: u64) -> Life {
    let number = 100_000 * (client + 1) + n;
    let issue_key = |number: u64| key(&format!("github:github.com/acme/api/issue/{number}"));
    match n % 4 {
        0 => {
            let mut reopened = issue("reopened", number, 100, None);
            reopened["issue"]["state_reason"] = json!("reopened");
            let payloads = [
                issue("opened", number, 0, None),
                issue("closed", number, 60, Some(60)),
                reopened,
                issue("closed", number, 200, Some(200)),
            ];
            let key = issue_key(number);
            Life {
                deliveries: payloads.iter().map(|payload| Delivery::github("issues", payload)).collect(),
                spans: vec![SpanId::of(&key, 0, &[]), SpanId::of(&key, 1, &[])],
                root: key.clone(),
                key,
            }
        }
        1 => {
            let payload = |action, at, merged| {
                let mut payload = pull_request(action, number, at, merged);
                payload["pull_request"]["body"] = json!(format!("Fixes #{}", number - 1));
                payload["pull_request"]["head"]["sha"] = json!(format!("{number:040x}"));
                Delivery::github("pull_request", &payload)
            };
            let key = key(&format!("github:github.com/acme/api/pull_request/{number}"));
            Life {
                deliveries: vec![payload("opened", 10, None), payload("closed", 70, Some(70))],
                spans: vec![SpanId::of(&key, 0, &[])],
                root: issue_key(number - 1),
                key,
            }
        }
        2 => {
            let phase = |phase, minute, duration, status| {
                Delivery::jenkins(&jenkins(&format!("job-{client}"), number, phase, minute, duration, status))
            };
            let key = key(&format!("jenkins:ci.example.org/job-{client}/build/{number}"));
            Life {
                deliveries: vec![
                    phase("QUEUED", 0, 0, None),
                    phase("STARTED", 1, 0, None),
                    phase("COMPLETED", 6, 5, Some("SUCCESS")),
                    phase("FINALIZED", 7, 5, Some("SUCCESS")),
                ],
                spans: vec![SpanId::of(&key, 0, &[]), SpanId::of(&key, 0, &["queue"])],
                root: key.clone(),
                key,
            }
        }
        _ => {
            let mut payload = workflow_job(number, number + 1, 5, 9);
            payload["workflow_job"]["head_sha"] = json!(format!("{number:040x}"));
            payload["workflow_job"]["head_branch"] = json!("main");
            let key = key(&format!("github:github.com/acme/api/job/{number}"));
            Life {
                deliveries: vec![Delivery::github("workflow_job", &payload)],
                spans: vec![
                    SpanId::of(&key, 0, &[]),
                    SpanId::of(&key, 0, &["queue"]),
                    SpanId::of(&key, 0, &["step", "1"]),
                    SpanId::of(&key, 0, &["step", "2"]),
                ],
                // The run that it is part of was never told of; its key is known all the same.
                root: self::key(&format!("github:github.com/acme/api/build/{}.1", number + 1)),
                key,
            }
        }
    }
}

/// Where the program is now, if anywhere, and whether clients may begin new lives.
#[derive(Clone, Copy)]
struct Now {
    address: Option<SocketAddr>,
    going_on: bool,
}

/// What a client has seen.
#[derive(Default)]
struct Seen {
    lives: Vec<Life>,
    recorded: usize,
    /// Answered as a duplicate when it was sent again because no answer had come.
    stored_unanswered: usize,
    unanswered: usize,
    duplicates: usize,
}

/// Sends until it is answered, to whichever process is there.
async fn send(delivery: &Delivery, sender: &Sender, now: &mut watch::Receiver<Now>, seen: &mut Seen) {
    let mut tries = 0;
    loop {
        let address = now.wait_for(|now| now.address.is_some()).await.unwrap().address.unwrap();
        tries += 1;
        match sender.at(address).deliver(delivery).await {
            Ok(answer) => {
                match answer.is() {
                    (202, "recorded") => seen.recorded += 1,
                    // Only what was sent before can have been seen before.
                    (200, "duplicate") if tries > 1 => seen.stored_unanswered += 1,
                    _ => panic!("{delivery:?}: {answer:?} at try {tries}"),
                }
                return;
            }
            Err(_) => {
                seen.unanswered += 1;
                // That process is dead, or about to be.
                let _ = now.wait_for(|now| now.address != Some(address)).await;
            }
        }
    }
}

/// Lives one life after another, and sends an answered delivery again now and then.
async fn client(client: u64, mut now: watch::Receiver<Now>) -> Seen {
    let mut rng = ChaCha8Rng::seed_from_u64(client);
    let sender = Sender::to(now.borrow().address.unwrap_or(([127, 0, 0, 1], 0).into()));
    let mut seen = Seen::default();
    while now.borrow().going_on {
        let life = life(client, seen.lives.len() as u64);
        for delivery in &life.deliveries {
            send(delivery, &sender, &mut now, &mut seen).await;
        }
        seen.lives.push(life);
        let again = &seen.lives[rng.random_range(0..seen.lives.len())].deliveries;
        let again = again[rng.random_range(0..again.len())].clone();
        let address = now.borrow().address;
        if let Some(address) = address
            && let Ok(answer) = sender.at(address).deliver(&again).await
        {
            assert_eq!(answer.is(), (200, "duplicate"), "{again:?} was answered before");
            seen.duplicates += 1;
        }
    }
    seen
}

/// Every span id has exactly one content and stands in one trace; returns how many came twice.
fn one_content_each(spans: &[Received], expected: &BTreeMap<SpanId, TraceId>) -> usize {
    let mut contents: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
    let mut twice = 0;
    for received in spans {
        let span = &received.span;
        let id = SpanId(span.span_id.as_slice().try_into().unwrap());
        let trace = expected.get(&id).unwrap_or_else(|| panic!("nothing should become {span:?}"));
        assert_eq!(span.trace_id, trace.0, "{span:?}");
        let bytes = span.encode_to_vec();
        if let Some(before) = contents.insert(span.span_id.clone(), bytes.clone()) {
            assert_eq!(before, bytes, "sent again with other content: {span:?}");
            twice += 1;
        }
    }
    twice
}

/// Each item is in the store, finished.
async fn all_are_there(store: &Path, lives: &[Life]) {
    let store = SqliteStore::open(store, 1 << 20).unwrap();
    for life in lives {
        let (item, pin) = store.item(&life.key).await.unwrap();
        let item = item.unwrap_or_else(|| panic!("{} is lost", life.key));
        assert!(!item.is_open(), "{} was closed", life.key);
        assert_eq!(pin.unwrap_or_else(|| panic!("{} was exported", life.key)).root, life.root);
    }
    store.close().await;
}

async fn all_are_duplicates(sender: &Sender, lives: &[Life]) -> usize {
    let mut count = 0;
    for delivery in lives.iter().flat_map(|life| &life.deliveries) {
        let answer = sender.deliver(delivery).await.unwrap();
        assert_eq!(answer.is(), (200, "duplicate"), "{delivery:?}: {answer:?}");
        count += 1;
    }
    count
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_at_any_moment_it_loses_nothing_that_was_answered() {
    let receiver = Receiver::start().await;
    // Slow enough that the process is killed between sending spans and noting it down, too.
    receiver.answer(|_| {
        std::thread::sleep(Duration::from_millis(150));
        Answer::Accept
    });
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store.db");
    let endpoint = receiver.endpoint();
    let start = || Program::start(&store, &[("EXPORT__ENDPOINT", &endpoint)]);

    let (tell, now) = watch::channel(Now { address: None, going_on: true });
    let clients: JoinSet<Seen> = (0..CLIENTS).map(|id| client(id, now.clone())).collect();
    let seed: u64 = std::env::var("VALUESTREAM_SEED").map_or(7, |seed| seed.parse().unwrap());
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let begun = Instant::now();
    let mut kills = 0;
    while kills < KILLS && begun.elapsed() < TIME_FOR_KILLS {
        let program = start();
        tell.send_replace(Now { address: Some(program.ingest), going_on: true });
        tokio::time::sleep(Duration::from_millis(rng.random_range(50..900))).await;
        program.kill();
        tell.send_replace(Now { address: None, going_on: true });
        kills += 1;
    }
    let program = start();
    tell.send_replace(Now { address: Some(program.ingest), going_on: false });
    let seen: Vec<Seen> = clients.join_all().await;
    let sum = |of: fn(&Seen) -> usize| seen.iter().map(of).sum::<usize>();
    let (recorded, unanswered) = (sum(|s| s.recorded), sum(|s| s.unanswered));
    let (stored_unanswered, duplicates) = (sum(|s| s.stored_unanswered), sum(|s| s.duplicates));
    let lives: Vec<Life> = seen.into_iter().flat_map(|seen| seen.lives).collect();
    assert!(kills >= KILLS / 2 && recorded > 10 * kills, "{recorded} deliveries in {kills} rounds");

    let expected: BTreeMap<SpanId, TraceId> =
        lives.iter().flat_map(|l| l.spans.iter().map(|span| (*span, TraceId::of(&l.root)))).collect();
    let ids = |spans: &[Received]| -> BTreeSet<Vec<u8>> {
        spans.iter().map(|received| received.span.span_id.clone()).collect()
    };
    receiver.wait_until(|spans| ids(spans).len() >= expected.len()).await;
    program.console().metric_becomes("valuestream_due_items", 0.0).await;
    program.console().metric_becomes("valuestream_outbox_items{backend=\"default\"}", 0.0).await;
    let spans = receiver.spans();
    let twice = one_content_each(&spans, &expected);
    assert_eq!(ids(&spans).len(), expected.len());

    let sent_again = all_are_duplicates(&program.sender(), &lives).await;
    assert_eq!(sent_again, recorded + stored_unanswered, "each delivery counted once");
    assert_eq!(program.console().metric("valuestream_quarantine_size").await, 0.0);
    assert_eq!(program.terminate(), Some(0));
    assert_eq!(ids(&receiver.spans()).len(), expected.len(), "duplicates become nothing");
    all_are_there(&store, &lives).await;
    println!(
        "seed {seed}: {kills} kills; {recorded} deliveries recorded, {unanswered} requests unanswered, \
         of which {stored_unanswered} were stored all the same; {duplicates} duplicates on the way, \
         {sent_again} at the end; {} items, {} spans, {twice} sent twice",
        lives.len(),
        expected.len(),
    );
}

/// Sends until the server is gone; says what was answered and with what, and counts it meanwhile.
async fn until_it_is_gone(
    client: u64,
    round: u64,
    address: SocketAddr,
    answers: Arc<watch::Sender<usize>>,
) -> Vec<(Delivery, u16)> {
    let sender = Sender::to(address);
    let mut answered = Vec::new();
    for n in 0.. {
        for delivery in life(client + 10 * (round + 1), n).deliveries {
            match sender.deliver(&delivery).await {
                Ok(answer) => {
                    answered.push((delivery, answer.code));
                    answers.send_modify(|count| *count += 1);
                }
                Err(_) => return answered,
            }
        }
    }
    answered
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_under_load_ends_cleanly_and_keeps_what_was_answered() {
    let receiver = Receiver::start().await;
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store.db");
    let endpoint = receiver.endpoint();
    let start = || Program::start(&store, &[("EXPORT__ENDPOINT", &endpoint), ("INGEST__SHUTDOWN", "10s")]);
    for round in 0..3 {
        let program = start();
        let (answers, mut count) = watch::channel(0);
        let (answers, address) = (Arc::new(answers), program.ingest);
        let clients: JoinSet<_> =
            (0..8).map(|id| until_it_is_gone(id, round, address, answers.clone())).collect();
        let under_load = count.wait_for(|count| *count >= 100 * (round as usize + 1));
        tokio::time::timeout(Duration::from_secs(60), under_load).await.unwrap().unwrap();
        let begun = Instant::now();
        let code = tokio::task::spawn_blocking(move || program.terminate()).await.unwrap();
        assert_eq!(code, Some(0));
        assert!(begun.elapsed() < Duration::from_secs(10), "took {:?}", begun.elapsed());
        assert!(!folder.path().join("store.db-wal").exists(), "the write-ahead log is gone");

        let answered = clients.join_all().await.concat();
        let program = start();
        for (delivery, code) in &answered {
            assert_eq!(*code, 202, "{delivery:?}");
            let again = program.sender().deliver(delivery).await.unwrap();
            assert_eq!(again.is(), (200, "duplicate"), "{delivery:?}");
        }
        assert_eq!(program.terminate(), Some(0));
    }
}
