//! A connection below HTTP, to say what no HTTP client would.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::sender::{GITHUB_SECRET, signature};

/// How long an answer may take; reached only where none comes.
const PATIENCE: Duration = Duration::from_secs(20);

/// An open connection.
pub struct Wire {
    stream: TcpStream,
    read: Vec<u8>,
}

/// The head of a signed GitHub delivery, without the line that says how long the body is and
/// without the empty line at its end.
pub fn head(id: &str, body: &[u8]) -> String {
    format!(
        "POST /github HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\nX-GitHub-Event: issues\r\n\
         X-GitHub-Delivery: {id}\r\nX-Hub-Signature-256: {}\r\n",
        signature(GITHUB_SECRET, body)
    )
}

/// A whole signed GitHub delivery.
pub fn whole(id: &str, body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{}Content-Length: {}\r\n\r\n", head(id, body), body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

impl Wire {
    /// A new connection.
    pub async fn to(address: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(address).await.unwrap(), read: Vec::new() }
    }

    /// Writes; an error if the other side is gone.
    pub async fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        self.stream.write_all(bytes.as_ref()).await
    }

    /// Writes to somebody who is there.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).await.unwrap();
    }

    /// Says that nothing more will be written; the answer can still be read.
    pub async fn finish(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// The same where the other side may have ended the connection.
    pub async fn finish_if_open(&mut self) -> std::io::Result<()> {
        self.stream.shutdown().await
    }

    /// The next answer: its code, and its head and body as text.
    pub async fn answer(&mut self) -> (u16, String) {
        loop {
            let text = String::from_utf8_lossy(&self.read).into_owned();
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head
                    .to_lowercase()
                    .lines()
                    .find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
                let end = head.len() + 4 + length.unwrap_or_default();
                if body.len() >= length.unwrap_or_default() {
                    self.read.drain(..end);
                    let code = head.split(' ').nth(1).and_then(|code| code.parse().ok());
                    return (code.unwrap_or_else(|| panic!("no answer: {text}")), text[..end].to_owned());
                }
            }
            assert!(self.more().await, "closed after {text:?}");
        }
    }

    /// Everything until the other side closes the connection.
    pub async fn rest(&mut self) -> String {
        while self.more().await {}
        String::from_utf8_lossy(&self.read).into_owned()
    }

    /// Whether nothing comes, not even the end, for a while.
    pub async fn is_quiet(&mut self, time: Duration) -> bool {
        let mut byte = [0];
        tokio::time::timeout(time, self.stream.peek(&mut byte)).await.is_err()
    }

    async fn more(&mut self) -> bool {
        let mut buffer = [0; 4096];
        match tokio::time::timeout(PATIENCE, self.stream.read(&mut buffer)).await {
            // A reset ends a connection as well as an orderly end does.
            Ok(Ok(0) | Err(_)) => false,
            Ok(Ok(n)) => {
                self.read.extend_from_slice(&buffer[..n]);
                true
            }
            Err(_) => panic!("neither an answer nor the end after {PATIENCE:?}"),
        }
    }
}
