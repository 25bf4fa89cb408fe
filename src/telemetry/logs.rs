//! The log: one line an event, as JSON for machines or in words for people, on standard error, so
//! that what a command prints on standard output stays clean.

use std::io::IsTerminal;

use tracing::Subscriber;
use tracing_subscriber::filter::{EnvFilter, LevelFilter, ParseError};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

use crate::config::{LogConfig, LogFormat};

/// Libraries that at debug and trace tell of the bytes and headers they carry, and with them of
/// tokens. A level for everything does not reach them; one that names them does.
const TALKATIVE: [&str; 6] = ["h2", "hyper", "hyper_util", "reqwest", "tonic", "tower"];
/// Libraries that warn of each broken connection: the database's, which whoever needed it tells of once, and
/// TLS, which would write into the log whatever a stranger sends as the name that he asks for.
const QUIET: [&str; 2] = ["deadpool", "rustls"];

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The level is none.
    #[error("log.level: {0}")]
    Level(#[from] ParseError),
    /// There is one already.
    #[error("the log was already set up: {0}")]
    Twice(#[from] TryInitError),
}

/// Sets up the log of this process, on standard error. Can be done once.
pub fn init_logs(config: &LogConfig) -> Result<(), LogError> {
    let json = match config.format {
        LogFormat::Json => true,
        LogFormat::Human => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    subscriber(&config.level, json, colours, std::io::stderr)?.try_init()?;
    Ok(())
}

fn subscriber<W>(
    level: &str,
    json: bool,
    colours: bool,
    writer: W,
) -> Result<Box<dyn Subscriber + Send + Sync>, ParseError>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let builder = tracing_subscriber::fmt().with_env_filter(filter(level)?).with_writer(writer);
    Ok(if json {
        let builder = builder.json().flatten_event(true).with_current_span(true).with_span_list(false);
        Box::new(builder.finish())
    } else {
        Box::new(builder.with_ansi(colours).finish())
    })
}

/// `level` as a filter, in which the talkative libraries stay at info, and the quiet ones at error, unless it
/// names them.
fn filter(level: &str) -> Result<EnvFilter, ParseError> {
    let general = level.split(',').filter_map(|part| part.trim().parse::<LevelFilter>().ok()).next_back();
    let held = |libraries: &[&str], at: LevelFilter| match general {
        // A later directive for the same target replaces an earlier one.
        Some(general) if general > at => {
            libraries.iter().map(|library| format!("{library}={at},")).collect::<String>()
        }
        _ => String::new(),
    };
    let (talkative, quiet) = (held(&TALKATIVE, LevelFilter::INFO), held(&QUIET, LevelFilter::ERROR));
    EnvFilter::builder().parse(format!("{quiet}{talkative}{level}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// What is written at `level` when the program and a library each say something.
    fn written(level: &str, json: bool) -> String {
        let to = Written::default();
        let writer = to.clone();
        let subscriber = subscriber(level, json, false, move || writer.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!(source = "github", deliveries = 3, "committed");
            tracing::debug!("a detail");
            tracing::debug!(target: "h2::codec", "sent a frame");
            tracing::warn!(target: "rustls::msgs::handshake", "a stranger's words");
        });
        String::from_utf8(to.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn json_is_one_object_a_line_with_the_fields_on_top() {
        let text = written("info", true);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 1, "{text}");
        let line: serde_json::Value = serde_json::from_str(lines[0]).unwrap();
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["message"], "committed");
        assert_eq!(line["source"], "github");
        assert_eq!(line["deliveries"], 3);
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'), "{text}");
    }

    #[test]
    fn people_get_words() {
        let text = written("info", false);
        assert!(text.contains("INFO") && text.contains("committed source=\"github\" deliveries=3"), "{text}");
        assert!(!text.contains('{') && !text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn a_general_level_does_not_make_the_transport_tell_what_it_carries() {
        let (trace, named) = (written("trace", false), written("trace,h2=trace", false));
        assert!(trace.contains("a detail") && !trace.contains("sent a frame"), "{trace}");
        assert!(named.contains("sent a frame"), "{named}");
        assert!(!written("info", false).contains("a detail"));
        assert!(written("error,valuestream=debug", false).contains("a detail"));
        assert_eq!(written("error", false), "");
    }

    #[test]
    fn strangers_do_not_write_into_the_log() {
        for level in ["warn", "info", "debug", "trace"] {
            assert!(!written(level, false).contains("a stranger's words"), "{level}");
        }
        assert!(written("info,rustls=warn", false).contains("a stranger's words"));
    }
}
