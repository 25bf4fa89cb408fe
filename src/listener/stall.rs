//! A connection whose other end has to take what is written to it: one that takes nothing for too long
//! is broken off. Otherwise whoever asks and never reads the answers would keep a place for ever.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// A stream with a limit on how long a write may stand still.
pub struct Stall<S> {
    stream: S,
    limit: Duration,
    /// When it has stood still for too long; looked at only while it does.
    end: Pin<Box<Sleep>>,
    still: bool,
}

impl<S> Stall<S> {
    /// A write to `stream` that makes no progress for `limit` is an error.
    pub fn new(stream: S, limit: Duration) -> Self {
        Self { stream, limit, end: Box::pin(sleep(limit)), still: false }
    }

    /// What became of a write, unless it has stood still for too long.
    fn judge<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.still = false;
            return written;
        }
        if !self.still {
            self.still = true;
            self.end.as_mut().reset(Instant::now() + self.limit);
        }
        ready!(self.end.as_mut().poll(cx));
        Poll::Ready(Err(io::Error::new(io::ErrorKind::TimedOut, "the answer is not taken")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stall<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stall<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.judge(cx, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.judge(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.judge(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.judge(cx, shut)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

    use super::*;

    #[tokio::test]
    async fn who_takes_nothing_is_broken_off() {
        let (mut far, near) = duplex(4);
        let mut near = Stall::new(near, Duration::from_millis(10));
        near.write_all(b"1234").await.unwrap();
        let error = near.write_all(b"5").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let mut read = [0; 4];
        far.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"1234");
    }

    #[tokio::test]
    async fn whoever_takes_something_has_all_the_time_again() {
        let hour = Duration::from_secs(3600);
        let (mut far, near) = duplex(4);
        let mut near = Stall::new(near, hour);
        let soon = Instant::now() + hour;
        for _ in 0..3 {
            near.write_all(b"1234").await.unwrap();
            assert!(!near.still);
            let stands = tokio::select! {
                biased;
                written = near.write(b"5") => unreachable!("{written:?}"),
                () = tokio::task::yield_now() => Instant::now(),
            };
            assert!(near.still && near.end.deadline() >= soon && near.end.deadline() <= stands + hour);
            // As if the hour was nearly over.
            near.end.as_mut().reset(stands);
            far.read_exact(&mut [0; 4]).await.unwrap();
        }
    }
}
