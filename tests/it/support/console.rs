//! The console's routes, whichever way the program runs.

use std::net::SocketAddr;
use std::time::Duration;

use super::sender::client;

/// A console to ask.
#[derive(Clone)]
pub struct Console(reqwest::Client, SocketAddr);

impl Console {
    /// The console at an address.
    pub fn at(address: SocketAddr) -> Self {
        Self(client(), address)
    }

    /// What a route answers.
    pub async fn get(&self, path: &str) -> (u16, String) {
        let answer = self.0.get(format!("http://{}{path}", self.1)).send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    /// What a route answers to a request with these headers, as it came.
    pub async fn ask(&self, path: &str, headers: &[(&str, &str)]) -> reqwest::Response {
        let request = self.0.get(format!("http://{}{path}", self.1));
        headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, *value))
            .send()
            .await
            .unwrap()
    }

    /// The value of one line of `/metrics`; `None` if there is no such line.
    pub async fn find_metric(&self, series: &str) -> Option<f64> {
        let (status, text) = self.get("/metrics").await;
        assert_eq!(status, 200, "{text}");
        let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))?;
        Some(line.parse().unwrap())
    }

    /// The value of one line of `/metrics`.
    pub async fn metric(&self, series: &str) -> f64 {
        self.find_metric(series).await.unwrap_or_else(|| panic!("no {series} in /metrics"))
    }

    /// Waits until a line of `/metrics` has a value.
    pub async fn metric_becomes(&self, series: &str, value: f64) {
        for _ in 0..600 {
            if self.find_metric(series).await == Some(value) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("{series} is {}, never {value}", self.metric(series).await);
    }
}
