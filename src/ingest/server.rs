//! A listener: accepts connections up to a bound, serves HTTP/1.1 on each with a limit on how long
//! a header may take, and on shutdown lets every request that was begun end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// How long a shutdown waits for the first byte of a connection that has just been made.
const FIRST_BYTE: Duration = Duration::from_secs(1);

/// How a listener treats connections.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at the same time; further ones wait in the system's queue.
    pub connections: usize,
    /// How long a request's header may take, and how long a connection may be idle.
    pub header_timeout: Duration,
}

/// Serves `router` until `stop` is cancelled, then waits for the requests that were begun, for
/// `grace` at most. Says how many had to be left.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    stop: CancellationToken,
    grace: Duration,
) -> usize {
    let places = Arc::new(Semaphore::new(limits.connections));
    let connections = TaskTracker::new();
    let spawn = |stream, place| {
        let (router, stop) = (router.clone(), stop.clone());
        connections.spawn(async move {
            connection(stream, router, limits.header_timeout, stop).await;
            drop(place);
        });
    };
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accept(&listener, &places) => accepted,
        };
        match accepted {
            Ok((stream, place)) => spawn(stream, place),
            Err(error) => {
                // Out of file handles, most likely: they come back when connections end.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    // Whoever the system has let in already has sent a request, and would be reset with the listener: no
    // proxy may send that elsewhere, since it cannot know whether it was heard.
    match listener.into_std() {
        Ok(listener) => {
            while let Some((stream, place)) = waiting(&listener, &places) {
                spawn(stream, place);
            }
        }
        Err(error) => tracing::warn!(%error, "connections that wait cannot be accepted any more"),
    }
    connections.close();
    let _ = tokio::time::timeout(grace, connections.wait()).await;
    connections.len()
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, _): (TcpStream, SocketAddr) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, place))
}

/// A connection that waits to be accepted. The system is asked itself: the runtime may not know yet.
fn waiting(
    listener: &std::net::TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = places.clone().try_acquire_owned().ok()?;
    let (stream, _) = listener.accept().ok()?;
    stream.set_nonblocking(true).and_then(|()| stream.set_nodelay(true)).ok()?;
    Some((TcpStream::from_std(stream).ok()?, place))
}

/// Whether the client says anything. Hyper, told to stop, closes a connection on which it has read nothing,
/// although a request may have come in with it: so it gets the connection when there is something to read.
async fn speaks(stream: &TcpStream, header_timeout: Duration, stop: &CancellationToken) -> bool {
    let too_late = async {
        stop.cancelled().await;
        tokio::time::sleep(FIRST_BYTE).await;
    };
    tokio::select! {
        biased;
        readable = stream.readable() => readable.is_ok(),
        () = too_late => false,
        () = tokio::time::sleep(header_timeout) => false,
    }
}

async fn connection(stream: TcpStream, router: Router, header_timeout: Duration, stop: CancellationToken) {
    if !speaks(&stream, header_timeout, &stop).await {
        return;
    }
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        // A sender may close its half after the body and still wait for the answer.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(serving);
    let result = tokio::select! {
        biased;
        result = serving.as_mut() => result,
        () = stop.cancelled() => {
            serving.as_mut().graceful_shutdown();
            serving.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection ended early");
    }
}
