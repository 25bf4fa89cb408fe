//! The load: connections that send one request after another and wait for each answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[derive(Clone, Copy)]
pub struct Measured {
    pub per_second: f64,
    /// Milliseconds.
    pub p50: f64,
    /// Milliseconds.
    pub p99: f64,
    /// Milliseconds.
    pub longest: f64,
}

/// Sends every request once, over so many connections.
pub fn drive(address: SocketAddr, requests: &[Vec<u8>], connections: usize) -> Measured {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let requests: Arc<Vec<Vec<u8>>> = Arc::new(requests.to_vec());
    runtime.block_on(async move {
        let next = Arc::new(AtomicUsize::new(0));
        let begun = Instant::now();
        let tasks: Vec<_> = (0..connections)
            .map(|_| tokio::spawn(connection(address, requests.clone(), next.clone())))
            .collect();
        let mut latencies = Vec::with_capacity(requests.len());
        for task in tasks {
            latencies.extend(task.await.unwrap());
        }
        let seconds = begun.elapsed().as_secs_f64();
        latencies.sort_by(f64::total_cmp);
        let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize] * 1e3;
        Measured {
            per_second: latencies.len() as f64 / seconds,
            p50: at(0.5),
            p99: at(0.99),
            longest: at(1.0),
        }
    })
}

async fn connection(address: SocketAddr, requests: Arc<Vec<Vec<u8>>>, next: Arc<AtomicUsize>) -> Vec<f64> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let mut latencies = Vec::new();
    let mut answer = Vec::with_capacity(1024);
    while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
        let begun = Instant::now();
        stream.write_all(request).await.unwrap();
        answer.clear();
        while !whole(&answer) {
            let read = stream.read_buf(&mut answer).await.unwrap();
            assert!(read > 0, "the server hung up");
        }
        latencies.push(begun.elapsed().as_secs_f64());
        assert!(answer.starts_with(b"HTTP/1.1 202"), "{}", String::from_utf8_lossy(&answer));
    }
    latencies
}

fn whole(answer: &[u8]) -> bool {
    let Some(head) = answer.windows(4).position(|w| w == b"\r\n\r\n") else { return false };
    let text = std::str::from_utf8(&answer[..head]).unwrap();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
    answer.len() >= head + 4 + length.trim().parse::<usize>().unwrap()
}
