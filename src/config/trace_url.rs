//! The address of a tracing backend, `insight.trace_url`.

/// The address at which a tracing backend shows a trace, as a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceUrl(String);

impl TraceUrl {
    /// The address of one trace.
    pub fn of(&self, trace: &str) -> String {
        self.0.replace(Self::PLACE, trace)
    }

    const PLACE: &str = "{trace_id}";
}

impl std::str::FromStr for TraceUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let web = ["http://", "https://"].iter().any(|scheme| text.starts_with(scheme));
        if web && text.contains(Self::PLACE) {
            Ok(Self(text.to_owned()))
        } else {
            Err("write a URL with {trace_id} in it, such as http://localhost:16686/trace/{trace_id}"
                .to_owned())
        }
    }
}
