use std::sync::mpsc;
use std::time::Duration;

use super::*;
use crate::config::Config;
use crate::insight::query::Query;
use crate::store::Rules;
use crate::store::sqlite::SqliteStore;

/// A desk at an empty store, in a folder of its own.
async fn desk() -> (Desk<SqliteStore>, tempfile::TempDir) {
    let config = Config::load(None, Vec::<(String, String)>::new()).unwrap();
    let rules = Rules {
        tagger: Arc::new(config.tagger().unwrap()),
        environments: Arc::new(config.environments().unwrap()),
        settle: 0,
        retention: config.retention(),
    };
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(&folder.path().join("store.db"), 1 << 20).unwrap());
    let live = Arc::new(Live::new(config.insight().unwrap()));
    live.load_all(&*store, &rules).await.unwrap();
    (Desk::new(store, live, None), folder)
}

/// Asks while nobody may read the population, until something else has run on the one thread that there
/// is. Were that thread to wait for the population, nothing else would ever run on it.
async fn leaves_the_thread_free<T>(desk: &Desk<SqliteStore>, asked: impl Future<Output = T>) -> T {
    let (held, is_held) = tokio::sync::oneshot::channel();
    let (elsewhere, until) = mpsc::channel::<()>();
    let live = desk.live.clone();
    let holder = std::thread::spawn(move || {
        let _nobody_reads = live.hold();
        held.send(()).unwrap();
        until.recv_timeout(Duration::from_secs(20))
    });
    is_held.await.unwrap();
    let else_run = async {
        tokio::task::yield_now().await;
        elsewhere.send(())
    };
    let (answer, _) = tokio::join!(asked, else_run);
    let free = holder.join().unwrap();
    assert!(free.is_ok(), "the thread stood and waited for the population");
    answer
}

#[tokio::test]
async fn no_report_keeps_the_runtimes_thread_waiting_for_the_population() {
    let (desk, _folder) = desk().await;
    let query = Query { limit: 10, ..Query::new(clock::now()) };
    leaves_the_thread_free(&desk, desk.summary(&query)).await.unwrap();
    leaves_the_thread_free(&desk, desk.items(&query)).await.unwrap();
    leaves_the_thread_free(&desk, desk.item_rows(Vec::new(), query.to)).await.unwrap();
    leaves_the_thread_free(&desk, desk.wip(&query)).await.unwrap();
    leaves_the_thread_free(&desk, desk.correlations(&query)).await.unwrap();
    let unknown = leaves_the_thread_free(&desk, desk.detail(&query, "colour")).await;
    assert!(matches!(unknown, Err(ReportError::NotFound(_))), "{unknown:?}");
    let unknown = leaves_the_thread_free(&desk, desk.trace("github:github.com/acme/api/issue/1")).await;
    assert!(matches!(unknown, Err(ReportError::NotFound(_))), "{unknown:?}");
}
