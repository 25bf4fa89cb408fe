//! A listener: accepts connections up to a bound, agrees on TLS where there is a certificate, serves
//! HTTP/1.1 on each with a limit on how long a header may take and an answer may wait to be taken, and on
//! shutdown lets every request that was begun end.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::listener::Peer;
use crate::listener::stall::Stall;
use crate::listener::tls::{NoTls, Tls};

/// Where connections come in.
pub struct Listener {
    socket: TcpListener,
    tls: Option<Tls>,
}

impl Listener {
    /// A port, in the clear unless there is a certificate.
    pub fn new(socket: TcpListener, tls: Option<Tls>) -> Self {
        Self { socket, tls }
    }
}

impl From<TcpListener> for Listener {
    fn from(socket: TcpListener) -> Self {
        Self::new(socket, None)
    }
}

/// How long a shutdown waits for the first byte of a connection that has just been made.
const FIRST_BYTE: Duration = Duration::from_secs(1);

/// How a listener treats connections.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at the same time; further ones wait in the system's queue.
    pub connections: usize,
    /// How long a request's header may take, how long agreeing on TLS, how long a connection may be idle,
    /// and how long an answer may wait to be taken.
    pub header_timeout: Duration,
}

/// Serves `router` until `stop` is cancelled, then waits for the requests that were begun, for
/// `grace` at most. Says how many had to be left.
pub async fn serve(
    listener: impl Into<Listener>,
    router: Router,
    limits: Limits,
    stop: CancellationToken,
    grace: Duration,
) -> usize {
    let Listener { socket: listener, tls } = listener.into();
    if let Some(tls) = &tls {
        tokio::spawn(tls.clone().watch(stop.clone()));
    }
    let places = Arc::new(Semaphore::new(limits.connections));
    let connections = TaskTracker::new();
    let spawn = |stream, peer, place| {
        let (router, stop, tls) = (router.clone(), stop.clone(), tls.clone());
        let limit = limits.header_timeout;
        connections.spawn(async move {
            if speaks(&stream, limit, &stop).await {
                match tls {
                    None => connection(stream, peer, router, limit, stop).await,
                    Some(tls) => {
                        if let Some(stream) = agreed(tls, stream, limit, &stop).await {
                            connection(stream, peer, router, limit, stop).await;
                        }
                    }
                }
            }
            drop(place);
        });
    };
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = accept(&listener, &places) => accepted,
        };
        match accepted {
            Ok((stream, peer, place)) => spawn(stream, peer, place),
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
            while let Some((stream, peer, place)) = waiting(&listener, &places) {
                spawn(stream, peer, place);
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
) -> io::Result<(TcpStream, Peer, tokio::sync::OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, address): (TcpStream, SocketAddr) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, Peer(address.ip()), place))
}

/// A connection that waits to be accepted. The system is asked itself: the runtime may not know yet.
fn waiting(
    listener: &std::net::TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, Peer, tokio::sync::OwnedSemaphorePermit)> {
    let place = places.clone().try_acquire_owned().ok()?;
    let (stream, address) = listener.accept().ok()?;
    stream.set_nonblocking(true).and_then(|()| stream.set_nodelay(true)).ok()?;
    Some((TcpStream::from_std(stream).ok()?, Peer(address.ip()), place))
}

/// When it is too late for a connection that has said nothing yet.
async fn too_late(stop: &CancellationToken) {
    stop.cancelled().await;
    tokio::time::sleep(FIRST_BYTE).await;
}

/// Whether the client says anything. Hyper, told to stop, closes a connection on which it has read nothing,
/// although a request may have come in with it: so it gets the connection when there is something to read.
async fn speaks(stream: &TcpStream, header_timeout: Duration, stop: &CancellationToken) -> bool {
    tokio::select! {
        biased;
        readable = stream.readable() => readable.is_ok(),
        () = too_late(stop) => false,
        () = tokio::time::sleep(header_timeout) => false,
    }
}

/// The connection with TLS, unless that takes longer than `limit` or cannot be.
async fn agreed(
    tls: Tls,
    stream: TcpStream,
    limit: Duration,
    stop: &CancellationToken,
) -> Option<tokio_rustls::server::TlsStream<TcpStream>> {
    let accepted = tokio::select! {
        () = too_late(stop) => return None,
        accepted = tokio::time::timeout(limit, tls.accept(stream)) => accepted,
    };
    let timed_out = |_| Err(NoTls::from(io::Error::from(io::ErrorKind::TimedOut)));
    match accepted.unwrap_or_else(timed_out) {
        Ok(stream) => Some(stream),
        Err(error) => {
            tracing::debug!(%error, "a connection ended before there was TLS");
            None
        }
    }
}

async fn connection(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: Peer,
    router: Router,
    header_timeout: Duration,
    stop: CancellationToken,
) {
    let stream = Stall::new(stream, header_timeout);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        router.clone().oneshot(request)
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(header_timeout)
        // A sender may close its half after the body and still wait for the answer.
        .half_close(true)
        .serve_connection(TokioIo::new(stream), service);
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
