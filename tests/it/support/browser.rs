//! A real browser to look at the page with: chromium, driven by chromedriver, one of each per test.
//! Both are ended with the test, however it ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::str::FromStr;
use std::time::Duration;

use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use reqwest::{Method, Url};
use serde_json::{Value, json};

const MISSING: &str = "no chromedriver: install Debian's packages chromium and chromium-driver, or say in \
     VALUESTREAM_CHROMEDRIVER where one is";

/// A quiet browser that keeps everything in a folder of its own.
const ARGUMENTS: [&str; 14] = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-sync",
    "--metrics-recording-only",
    "--no-first-run",
    "--no-proxy-server",
    "--lang=en",
    "--window-size=1280,1000",
];

/// What a browser asks for on its own account, never the page.
const OF_THE_BROWSER: [&str; 4] = ["data:", "about:", "chrome:", "devtools:"];

/// Whether the page's script runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    /// As nearly everywhere.
    On,
    /// As where somebody has turned it off.
    Off,
}

/// Where chromedriver is. Without one, tests skip aloud; where everything has to be checked, they fail.
fn chromedriver() -> Option<PathBuf> {
    let on_path = || {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).map(|folder| folder.join("chromedriver")).find(|file| file.is_file())
    };
    let found = std::env::var_os("VALUESTREAM_CHROMEDRIVER").map(PathBuf::from).or_else(on_path);
    if found.is_none() {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{MISSING}");
        // Past the capture of output: who runs the tests shall see it.
        let _ = writeln!(std::io::stderr(), "skipped: {MISSING}");
    }
    found
}

/// chromedriver, on a free port of its own choice.
struct Driver {
    child: Child,
    address: SocketAddr,
    session: Option<String>,
    browser: Option<u64>,
    /// The home, and all that is written.
    folder: tempfile::TempDir,
}

impl Driver {
    /// chromedriver takes a port that is free for IPv6, and ends if IPv4 has it in use ("IPv4 port not
    /// available"): another test may. So it is tried again.
    fn start(program: &Path) -> Self {
        let mut tries = (0..10).map(|_| Self::try_start(program));
        let mut ended = Vec::new();
        tries
            .find_map(|tried| tried.map_err(|each| ended.push(each)).ok())
            .unwrap_or_else(|| panic!("{} ended before it listened, each time: {ended:?}", program.display()))
    }

    /// The driver; or how it ended, if it did before it listened.
    fn try_start(program: &Path) -> Result<Self, std::io::Result<ExitStatus>> {
        let folder = tempfile::Builder::new().prefix("valuestream-browser-").tempdir().unwrap();
        let mut child = Command::new(program)
            .arg("--port=0")
            .env("HOME", folder.path())
            .env("TMPDIR", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {}: {error}", program.display()));
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
            line.split("started successfully on port ").nth(1)?.trim_end_matches('.').parse::<u16>().ok()
        });
        let Some(port) = port else {
            let _ = child.kill();
            return Err(child.wait());
        };
        // Read on, or it would have to wait once the pipe is full.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Self { child, address: ([127, 0, 0, 1], port).into(), session: None, browser: None, folder })
    }

    /// Asks it to close the browser, and waits until it has.
    fn close_browser(&self) -> std::io::Result<()> {
        let Some(session) = &self.session else { return Ok(()) };
        let mut connection = TcpStream::connect(self.address)?;
        connection.set_read_timeout(Some(Duration::from_secs(20)))?;
        write!(
            connection,
            "DELETE /session/{session} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        )?;
        // The first line of the answer comes when the browser is gone.
        connection.read_exact(&mut [0; 12])
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        if self.close_browser().is_err()
            && let Some(browser) = self.browser
        {
            let _ = Command::new("kill").args(["-KILL", &browser.to_string()]).stderr(Stdio::null()).status();
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command that WebDriver has no name for.
#[derive(Debug)]
struct Extension {
    path: &'static str,
    body: Value,
}

impl WebDriverCompatibleCommand for Extension {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, <Url as FromStr>::Err> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.body.to_string()))
    }
}

/// A browser with one window.
pub struct Browser {
    /// Goes first: it closes the browser, and waits until that is done.
    _driver: Driver,
    /// What it is told through.
    pub client: Client,
}

impl Browser {
    /// Starts one; `None`, with a note, where none is installed.
    pub async fn start(script: Script) -> Option<Self> {
        let mut driver = Driver::start(&chromedriver()?);
        let profile = format!("--user-data-dir={}", driver.folder.path().join("profile").display());
        let arguments: Vec<&str> = ARGUMENTS.into_iter().chain([profile.as_str()]).collect();
        let allowed = if script == Script::On { 1 } else { 2 };
        let wanted = json!({
            "goog:chromeOptions": {
                "args": arguments,
                "prefs": { "profile.managed_default_content_settings.javascript": allowed },
            },
            "goog:loggingPrefs": { "browser": "ALL", "performance": "ALL" },
        });
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(wanted.as_object().unwrap().clone())
            .connect(&format!("http://{}", driver.address))
            .await
            .unwrap_or_else(|error| panic!("chromium does not start (is the package installed?): {error}"));
        driver.session = client.session_id().await.unwrap();
        driver.browser = client.capabilities().and_then(|given| given.get("goog:processID")?.as_u64());
        Some(Self { _driver: driver, client })
    }

    /// A command of Chrome's own protocol.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let body = json!({ "cmd": command, "params": parameters });
        self.client.issue_cmd(Extension { path: "goog/cdp/execute", body }).await.unwrap()
    }

    /// What was logged since the last time, of a kind.
    async fn log(&self, kind: &str) -> Vec<Value> {
        let entries =
            self.client.issue_cmd(Extension { path: "se/log", body: json!({ "type": kind }) }).await.unwrap();
        serde_json::from_value(entries).unwrap()
    }

    /// What the console of the browser's tools has to say, as text: errors, warnings and what the
    /// policy forbade.
    pub async fn complaints(&self) -> Vec<String> {
        let entries = self.log("browser").await;
        entries.iter().map(|entry| format!("{}: {}", entry["level"], entry["message"])).collect()
    }

    /// The addresses that pages asked for, with all that they loaded.
    pub async fn requests(&self) -> Vec<String> {
        let entries = self.log("performance").await;
        let sent = entries.iter().filter_map(|entry| {
            let entry: Value = serde_json::from_str(entry["message"].as_str()?).ok()?;
            let event = &entry["message"];
            let url = event["params"]["request"]["url"].as_str()?;
            (event["method"] == "Network.requestWillBeSent").then(|| url.to_owned())
        });
        sent.filter(|url| !OF_THE_BROWSER.iter().any(|scheme| url.starts_with(scheme))).collect()
    }

    /// How wide the window is for the page, in its own pixels.
    pub async fn width(&self, pixels: u32) {
        let metrics = json!({ "width": pixels, "height": 844, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// Whether the page shall be `light` or `dark`.
    pub async fn colours(&self, scheme: &str) {
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    /// Runs a script of the test, not of the page.
    pub async fn evaluate(&self, script: &str, arguments: Vec<Value>) -> Value {
        self.client.execute(script, arguments).await.unwrap()
    }
}
