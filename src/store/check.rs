//! Whether what is stored agrees with itself. A backend reads everything as it is at one moment and hands
//! it over row by row; what is wrong is told with the row that it is about, and for counts by how much
//! they are off. No I/O.

use std::collections::BTreeMap;

use super::{codec, sealing};
use crate::export::encode;
use crate::show::Show;
use crate::work::key::{Key, Source};

/// How many findings are told one by one.
const TOLD: usize = 1_000;
/// After how many rows it says how far it is.
const SHOWN: u64 = 500;

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// It should not be, and somebody has to look.
    Wrong,
    /// It can be; to be known.
    Note,
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What it is about: a row, a table, a count.
    pub about: String,
    /// What is the matter.
    pub problem: String,
}

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// The findings, as far as they are told one by one.
    pub findings: Vec<Finding>,
    /// How many more there are.
    pub untold: usize,
    /// How many of all are wrong.
    pub wrong: usize,
    /// How many rows were looked at, by table.
    pub rows: BTreeMap<&'static str, u64>,
    /// By how much counts are off: what is to be added to set them right.
    pub drift: BTreeMap<String, i64>,
}

/// An item's row as it is stored.
pub(super) struct ItemRow<'r> {
    pub id: i64,
    pub key: &'r str,
    pub kind: &'r str,
    pub open: bool,
    pub sealed: i64,
    pub due: bool,
    pub state: &'r [u8],
}

/// An entry of the outbox, or a rejected one, as it is stored.
pub(super) struct SpansRow<'r> {
    pub id: i64,
    pub backend: &'r str,
    pub source: &'r str,
    pub key: &'r str,
    pub span_count: i64,
    pub spans: &'r [u8],
}

/// Takes rows in, and tells what is wrong.
pub(super) struct Checker<'b> {
    backends: &'b [String],
    show: &'b dyn Show,
    /// The counts as they are stored, by name; `None` if they cannot be read.
    tallies: Option<BTreeMap<String, i64>>,
    checked: Checked,
    counted: BTreeMap<String, i64>,
    /// Entries for backends that the configuration does not name.
    strange: BTreeMap<String, u64>,
}

impl<'b> Checker<'b> {
    /// Nothing looked at yet. `backends` are those of the configuration; `show` is told how far it is.
    pub fn new(backends: &'b [String], show: &'b dyn Show) -> Self {
        let (tallies, checked, counted, strange) = Default::default();
        Self { backends, show, tallies, checked, counted, strange }
    }

    /// The counts, before all the rest.
    pub fn counts(&mut self, tallies: BTreeMap<String, i64>) {
        self.tallies = Some(tallies);
    }

    /// A table is next, or something else that takes its time. How many rows there are is what the counts
    /// say, right or wrong.
    pub fn begin(&self, part: &str) {
        let of_all = |prefix: &str| {
            let counts = self.tallies.iter().flatten().filter(|(name, _)| name.starts_with(prefix));
            counts.map(|(_, n)| n).sum::<i64>()
        };
        let total = match part {
            "items" | "observations" => Some(of_all("items")),
            "outbox" => Some(of_all("outbox:")),
            "rejected" => Some(of_all("rejected:")),
            "quarantine" => Some(of_all("quarantined")),
            _ => None,
        };
        self.show.begin(&format!("looking at {part}"), total.map(|total| total.max(0).unsigned_abs()));
        self.show.goes_on();
    }

    fn tell(&mut self, severity: Severity, about: impl Into<String>, problem: impl Into<String>) {
        self.checked.wrong += usize::from(severity == Severity::Wrong);
        if self.checked.findings.len() == TOLD {
            self.checked.untold += 1;
            return;
        }
        let finding = Finding { severity, about: about.into(), problem: problem.into() };
        self.checked.findings.push(finding);
    }

    /// Something is wrong that is not about one row.
    pub fn wrong(&mut self, about: &str, problem: impl Into<String>) {
        self.tell(Severity::Wrong, about, problem);
    }

    fn look(&mut self, table: &'static str) {
        let rows = self.checked.rows.entry(table).or_default();
        *rows += 1;
        if rows.is_multiple_of(SHOWN) {
            self.show.done(*rows);
        }
    }

    fn count(&mut self, name: String) {
        *self.counted.entry(name).or_default() += 1;
    }

    /// An item.
    pub fn item(&mut self, row: &ItemRow<'_>) {
        self.look("items");
        self.count("items".to_owned());
        if row.open {
            self.count(format!("open:{}", row.kind));
        }
        if row.due {
            self.count("due".to_owned());
        }
        let about = format!("item {} ({})", row.id, row.key);
        let item = match sealing::item(row.key, row.state) {
            Ok(item) => item,
            Err(error) => return self.tell(Severity::Wrong, about, error.to_string()),
        };
        if item.key.kind().as_str() != row.kind {
            self.tell(Severity::Wrong, &about, format!("is stored as {:?}", row.kind));
        }
        let episodes = item.episodes();
        let open = episodes.last().is_some_and(|episode| episode.end.is_none());
        if open != row.open {
            let (is, says) = if open { ("open", "closed") } else { ("closed", "open") };
            self.tell(Severity::Wrong, &about, format!("is {is}, and marked as {says}"));
        }
        let ended = episodes.iter().filter(|episode| episode.end.is_some()).count() as i64;
        if !(0..=ended).contains(&row.sealed) {
            // An end that was exported can have been taken back by what came later.
            let severity = if row.sealed < 0 { Severity::Wrong } else { Severity::Note };
            self.tell(
                severity,
                &about,
                format!("has ended {ended} times and counts as exported {} times", row.sealed),
            );
        }
        let waits = ended > row.sealed;
        if waits != row.due {
            let problem = match waits {
                true => "has an end that was not exported, and is not marked as waiting for it",
                false => "is marked as waiting to be exported, and has nothing to export",
            };
            self.tell(Severity::Wrong, &about, problem);
        }
    }

    /// An observation, with the key of its item, if that is there.
    pub fn observation(&mut self, item: i64, key: Option<&str>, state: &[u8]) {
        self.look("observations");
        let about = format!("observation {item}");
        match (codec::decode_observation(state), key) {
            (Err(reason), _) => self.tell(Severity::Wrong, about, format!("cannot be read: {reason}")),
            (Ok(_), None) => self.tell(Severity::Wrong, about, "is of an item that is not there"),
            (Ok(seen), Some(key)) if seen.key.as_str() != key => {
                self.tell(Severity::Wrong, about, format!("is of {}, but stands at {key}", seen.key));
            }
            (Ok(_), Some(_)) => {}
        }
    }

    /// An entry of the outbox.
    pub fn outbox(&mut self, row: &SpansRow<'_>) {
        self.entry("outbox", row);
    }

    /// A rejected export.
    pub fn rejected(&mut self, row: &SpansRow<'_>) {
        self.entry("rejected", row);
    }

    fn entry(&mut self, table: &'static str, row: &SpansRow<'_>) {
        self.look(table);
        self.count(format!("{table}:{}", row.backend));
        if !self.backends.iter().any(|known| known == row.backend) {
            *self.strange.entry(row.backend.to_owned()).or_default() += 1;
        }
        let about = format!("{table} entry {}", row.id);
        if let Err(error) = row.source.parse::<Source>() {
            self.tell(Severity::Wrong, &about, error.to_string());
        }
        if let Err(error) = row.key.parse::<Key>() {
            self.tell(Severity::Wrong, &about, format!("{:?}: {error}", row.key));
        }
        match encode::decode(row.spans) {
            Err(error) => {
                self.tell(Severity::Wrong, &about, format!("{}: its spans cannot be read: {error}", row.key));
            }
            Ok(spans) if spans.len() as i64 != row.span_count => {
                let problem = format!("{}: says {} spans and has {}", row.key, row.span_count, spans.len());
                self.tell(Severity::Wrong, &about, problem);
            }
            Ok(_) => {}
        }
    }

    /// A delivery in quarantine.
    pub fn quarantined(&mut self, id: i64, source: &str, headers: &str) {
        self.look("quarantine");
        self.count("quarantined".to_owned());
        let about = format!("quarantine {id}");
        if let Err(error) = source.parse::<Source>() {
            self.tell(Severity::Wrong, &about, error.to_string());
        }
        if let Err(error) = serde_json::from_str::<Vec<(String, String)>>(headers) {
            self.tell(Severity::Wrong, &about, format!("its headers cannot be read: {error}"));
        }
    }

    /// What is settled about an item.
    pub fn pin(&mut self, key: &str, root: &str, parent: Option<&str>) {
        self.look("pins");
        for text in [Some(key), Some(root), parent].into_iter().flatten() {
            if let Err(error) = text.parse::<Key>() {
                self.tell(Severity::Wrong, format!("pin of {key:?}"), format!("{text:?}: {error}"));
            }
        }
    }

    /// An item that is to be observed, and is not there.
    pub fn stale_without_item(&mut self, item: i64) {
        self.tell(Severity::Wrong, format!("stale {item}"), "is an item that is not there");
    }

    /// How many rows of a table point at items that are not there, which goes by itself.
    pub fn dangling(&mut self, table: &str, rows: i64) {
        if rows > 0 {
            self.tell(Severity::Note, table, format!("{rows} point at items that are not there"));
        }
    }

    /// How many items insight neither knows nor is about to look at.
    pub fn unobserved(&mut self, items: i64) {
        if items > 0 {
            self.tell(
                Severity::Note,
                "observations",
                format!("{items} items are in no answer until something is said of them"),
            );
        }
    }

    /// Holds the counts against what was counted, and sums up.
    pub fn finish(mut self) -> Checked {
        for (backend, entries) in std::mem::take(&mut self.strange) {
            let problem = format!("{entries} entries wait for it, and the configuration does not name it");
            self.tell(Severity::Note, format!("backend {backend:?}"), problem);
        }
        let Some(tallies) = self.tallies.take() else { return self.checked };
        let is_count = |name: &str| {
            let kept = ["open:", "outbox:", "rejected:"];
            ["items", "due", "quarantined"].contains(&name) || kept.iter().any(|kept| name.starts_with(kept))
        };
        let names = tallies.keys().filter(|name| is_count(name)).chain(self.counted.keys());
        let names: std::collections::BTreeSet<String> = names.cloned().collect();
        for name in names {
            let counted = self.counted.get(&name).copied().unwrap_or_default();
            let says = tallies.get(&name).copied().unwrap_or_default();
            if counted != says {
                self.tell(
                    Severity::Wrong,
                    format!("count {name:?}"),
                    format!("says {says}, and there are {counted}"),
                );
                self.checked.drift.insert(name, counted - says);
            }
        }
        self.checked
    }
}
