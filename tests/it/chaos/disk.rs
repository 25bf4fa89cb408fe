//! A disk that fills up: the embedded store's, with the process killed whenever it has, and the database's. What
//! was answered is there, and what one undisturbed process would make of it.

use std::io::Write;
use std::process::Command;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use valuestream::store::Store;
use valuestream::store::postgres::{Access, PostgresStore};
use valuestream::store::sqlite::SqliteStore;

use super::check::{Oracle, every_episode_arrived, one_content_each};
use super::tell;
use crate::kill::life;
use crate::support::postgres::{Postgres, miscounted};
use crate::support::program::{Program, command};
use crate::support::receiver::Receiver;
use crate::support::sender::Delivery;

const ROUNDS: u64 = 8;
/// How often a delivery is put off before the process is killed.
const ENOUGH: usize = 6;

/// The binary whose files may not grow beyond so many bytes; `None` if they may.
fn limited(bytes: Option<u64>) -> Command {
    let Some(bytes) = bytes else { return command(&["serve"]) };
    let mut limited = Command::new("prlimit");
    // The signal for it is ignored, as it is by whatever a service manager starts; the error is what counts.
    let script = "trap '' XFSZ; exec \"$0\" serve";
    limited.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    limited.args([&format!("--fsize={bytes}:"), "sh", "-c", script, env!("CARGO_BIN_EXE_valuestream")]);
    limited
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_on_a_full_disk_again_and_again_it_loses_nothing_that_was_answered() {
    if !Command::new("prlimit").arg("--version").output().is_ok_and(|output| output.status.success()) {
        println!("SKIPPED: prlimit is not installed (apt-get install util-linux)");
        return;
    }
    let (seed, _seeded) = super::seed("full disk");
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let receiver = Receiver::start().await;
    let (folder, logs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (store, endpoint) = (folder.path().join("store.db"), receiver.endpoint());
    let start = |round: u64, limit| {
        let log = logs.path().join(format!("{round}.log"));
        let settings = [("EXPORT__ENDPOINT", endpoint.as_str())];
        tokio::task::block_in_place(|| Program::start_as(limited(limit), &store, &log, &settings))
    };
    let (mut answered, mut left): (Vec<Delivery>, Vec<Delivery>) = Default::default();
    let (mut put_off, mut n) = (0, 0);
    for round in 0..ROUNDS {
        // Room for the tables, and a little more each time.
        let room = 500_000 + 120_000 * round + rng.random_range(0..60_000);
        let program = start(round, Some(room));
        let sender = program.sender();
        let mut refusals = 0;
        while refusals < ENOUGH {
            // What was put off comes again, among what is new.
            if left.is_empty() || rng.random_bool(0.7) {
                left.extend(life(round % 3, n).deliveries);
                n += 1;
            }
            let delivery = left.remove(rng.random_range(0..left.len()));
            let answer = sender.deliver(&delivery).await.unwrap();
            match answer.is() {
                (202, "recorded") => answered.push(delivery),
                (503, "unavailable") => {
                    assert!(answer.retry_after.is_some(), "{answer:?}");
                    refusals += 1;
                    left.push(delivery);
                }
                _ => panic!("{delivery:?}: {answer:?}"),
            }
        }
        put_off += refusals;
        program.kill();
    }
    let program = start(ROUNDS, None);
    for delivery in left {
        assert_eq!(program.sender().deliver(&delivery).await.unwrap().is(), (202, "recorded"));
        answered.push(delivery);
    }
    for delivery in &answered {
        assert_eq!(program.sender().deliver(delivery).await.unwrap().is(), (200, "duplicate"));
    }
    program.console().metric_becomes("valuestream_due_items", 0.0).await;
    program.console().metric_becomes("valuestream_outbox_items{backend=\"default\"}", 0.0).await;
    assert_eq!(tokio::task::block_in_place(|| program.terminate()), Some(0));
    let mut oracle = Oracle::new();
    oracle.fold(&answered).await;
    let store = SqliteStore::open(&store, 1 << 20).unwrap();
    let items = oracle.compare(&store).await;
    let spans = receiver.spans();
    let came = one_content_each(&spans, &items);
    every_episode_arrived(&spans, &items);
    tell(&format!(
        "\nfull disk, seed {seed}: filled and killed {ROUNDS} times; {} deliveries recorded, {put_off} put off; {} items, {} spans, {} sent twice\n",
        answered.len(),
        items.len(),
        came.ids,
        came.twice
    ));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_of_the_database_loses_nothing_and_needs_no_restart() {
    let Some(postgres) = Postgres::start_with_small_disk() else { return };
    let url = postgres.database_on_small_disk().await;
    let receiver = Receiver::start().await;
    let folder = tempfile::tempdir().unwrap();
    let endpoint = receiver.endpoint();
    let settings = [("STORE__URL", url.as_str()), ("EXPORT__ENDPOINT", endpoint.as_str())];
    let program = tokio::task::block_in_place(|| Program::start(&folder.path().join("unused.db"), &settings));
    let sender = program.sender();
    // Something else takes the room, but for a little.
    let ballast = postgres.small_disk().join("ballast");
    let mut file = std::fs::File::create(&ballast).unwrap();
    while file.write_all(&[0; 1 << 14]).is_ok() {}
    file.set_len(file.metadata().unwrap().len() - (256 << 10)).unwrap();

    let (mut answered, mut put_off): (Vec<Delivery>, Vec<Delivery>) = Default::default();
    for n in 0.. {
        for delivery in life(n % 3, n).deliveries {
            let answer = sender.deliver(&delivery).await.unwrap();
            match answer.is() {
                (202, "recorded") => answered.push(delivery),
                (503, "unavailable") => {
                    assert!(answer.retry_after.is_some() && answer.reason.contains("53100"), "{answer:?}");
                    put_off.push(delivery);
                }
                _ => panic!("{delivery:?}: {answer:?}"),
            }
        }
        if put_off.len() >= 3 * ENOUGH {
            break;
        }
        assert!(n < 500, "the disk is never full: {} recorded", answered.len());
    }
    assert_eq!(program.console().get("/healthz").await.0, 200);
    assert_eq!(program.console().get("/metrics").await.0, 200);
    std::fs::remove_file(&ballast).unwrap();
    drop(file);
    for delivery in put_off {
        assert_eq!(
            sender.deliver(&delivery).await.unwrap().is(),
            (202, "recorded"),
            "nothing of it was kept"
        );
        answered.push(delivery);
    }
    for delivery in &answered {
        assert_eq!(sender.deliver(delivery).await.unwrap().is(), (200, "duplicate"));
    }
    assert_eq!(program.console().get("/readyz").await.0, 200);
    program.console().metric_becomes("valuestream_due_items", 0.0).await;
    program.console().metric_becomes("valuestream_outbox_items{backend=\"default\"}", 0.0).await;
    assert_eq!(tokio::task::block_in_place(|| program.terminate()), Some(0));
    assert_eq!(miscounted(&postgres.connect("small").await).await, [] as [String; 0]);
    let mut oracle = Oracle::new();
    oracle.fold(&answered).await;
    let access = Access { password: None, authorities: None, connections: 2 };
    let store = PostgresStore::open(&url.parse().unwrap(), &access).await.unwrap();
    let items = oracle.compare(&store).await;
    store.close().await;
    let spans = receiver.spans();
    one_content_each(&spans, &items);
    every_episode_arrived(&spans, &items);
}
