//! Reading a body: within the limit of size, within the time, and within what all bodies that are
//! being read together may take of the memory.

use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, HttpBody};
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Why a body was not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// It is larger than the limit.
    TooLarge,
    /// It did not come in time.
    TooSlow,
    /// It broke off.
    Truncated,
    /// Other bodies take all the memory that there is for them.
    NoRoom,
}

/// The memory for bodies, in KiB, since a semaphore counts in 32 bits on small machines.
#[derive(Clone)]
pub struct Room(Arc<Semaphore>);

const KIB: usize = 1024;
/// The most that is reserved on the word of a `Content-Length` alone.
const RESERVED: usize = 64 * KIB;

impl Room {
    /// Room for `bytes` bytes.
    pub fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new((bytes / KIB).clamp(1, Semaphore::MAX_PERMITS))))
    }

    fn take(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Unread> {
        let permits = u32::try_from(bytes.div_ceil(KIB)).map_err(|_| Unread::NoRoom)?;
        self.0.clone().try_acquire_many_owned(permits).map_err(|_| Unread::NoRoom)
    }
}

/// A body, and the room that it takes until it is dropped.
pub struct Held {
    /// The body.
    pub bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

/// Reads `body`, of at most `limit` bytes, within `time`.
pub async fn read(body: &mut Body, limit: usize, time: Duration, room: &Room) -> Result<Held, Unread> {
    let announced = body.size_hint().exact().map(|n| usize::try_from(n).unwrap_or(usize::MAX));
    if announced.is_some_and(|n| n > limit) {
        return Err(Unread::TooLarge);
    }
    tokio::time::timeout(time, collect(body, announced, limit, room)).await.unwrap_or(Err(Unread::TooSlow))
}

/// Takes what is left of a body whose request is answered already, and forgets it. A sender that
/// is still writing when its connection is closed is told of a reset, not of the answer.
pub async fn discard(mut body: Body, time: Duration) {
    let discarding = async { while let Some(Ok(_)) = body.frame().await {} };
    // However large it is, nothing of it is kept; whoever takes longer than a body may is cut off.
    let _ = tokio::time::timeout(time, discarding).await;
}

async fn collect(
    body: &mut Body,
    announced: Option<usize>,
    limit: usize,
    room: &Room,
) -> Result<Held, Unread> {
    let mut held = room.take(announced.unwrap_or(0).min(RESERVED))?;
    let mut kept = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Unread::Truncated)?.into_data() else { continue };
        if kept.len() + data.len() > limit {
            return Err(Unread::TooLarge);
        }
        let reserved = held.num_permits() * KIB;
        if kept.len() + data.len() > reserved {
            held.merge(room.take(kept.len() + data.len() - reserved)?);
        }
        if kept.is_empty() && announced == Some(data.len()) {
            // The whole body came at once, as most do: no copy is needed.
            return Ok(Held { bytes: data, _room: held });
        }
        if kept.is_empty() {
            kept.reserve(announced.unwrap_or(data.len()).min(RESERVED).max(data.len()));
        }
        kept.extend_from_slice(&data);
    }
    Ok(Held { bytes: kept.freeze(), _room: held })
}
