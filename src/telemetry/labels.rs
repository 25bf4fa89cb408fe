//! What the labels of the metrics can say. Whatever is not bounded by the configuration is an enum
//! here, so that no sender can make the set of series grow.

use crate::work::event::Flaw;

/// What became of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeliveryStatus {
    /// Committed (202).
    Recorded,
    /// Seen before (200).
    Duplicate,
    /// Not used (200).
    Ignored,
    /// Not understood, and kept (422).
    Quarantined,
    /// Signature or token missing or wrong (401).
    Unauthorized,
    /// The same, from an address with too many of these before (429).
    Throttled,
    /// For a source that is off (404).
    Off,
    /// Not a request that can be taken: method, media type, size, time (405, 415, 413, 408, 400).
    Rejected,
    /// The queue was full or the store could not write (503).
    Unavailable,
}

impl DeliveryStatus {
    /// Every status.
    pub const ALL: [DeliveryStatus; 9] = [
        DeliveryStatus::Recorded,
        DeliveryStatus::Duplicate,
        DeliveryStatus::Ignored,
        DeliveryStatus::Quarantined,
        DeliveryStatus::Unauthorized,
        DeliveryStatus::Throttled,
        DeliveryStatus::Off,
        DeliveryStatus::Rejected,
        DeliveryStatus::Unavailable,
    ];

    /// The label.
    pub fn as_str(self) -> &'static str {
        match self {
            DeliveryStatus::Recorded => "recorded",
            DeliveryStatus::Duplicate => "duplicate",
            DeliveryStatus::Ignored => "ignored",
            DeliveryStatus::Quarantined => "quarantined",
            DeliveryStatus::Unauthorized => "unauthorized",
            DeliveryStatus::Throttled => "throttled",
            DeliveryStatus::Off => "off",
            DeliveryStatus::Rejected => "rejected",
            DeliveryStatus::Unavailable => "unavailable",
        }
    }
}

/// Why a request to the console was not let in, and that somebody logged in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AccessResult {
    /// A session began.
    LoggedIn,
    /// There was no token (401).
    Missing,
    /// The token was wrong (401, at the login 403).
    Wrong,
    /// Too many were wrong before (429).
    Throttled,
    /// Another site had the browser send it (403).
    CrossSite,
    /// Without a token, it was asked under a name that is not its own (421).
    WrongHost,
}

impl AccessResult {
    /// Every result.
    pub const ALL: [AccessResult; 6] = [
        AccessResult::LoggedIn,
        AccessResult::Missing,
        AccessResult::Wrong,
        AccessResult::Throttled,
        AccessResult::CrossSite,
        AccessResult::WrongHost,
    ];

    /// The label.
    pub fn as_str(self) -> &'static str {
        match self {
            AccessResult::LoggedIn => "logged_in",
            AccessResult::Missing => "missing",
            AccessResult::Wrong => "wrong",
            AccessResult::Throttled => "throttled",
            AccessResult::CrossSite => "cross_site",
            AccessResult::WrongHost => "wrong_host",
        }
    }
}

/// What became of an attempt to export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExportResult {
    /// The backend took it.
    Sent,
    /// It failed and will be tried again.
    Retry,
    /// The backend refused it for good; it is set aside.
    Rejected,
}

impl ExportResult {
    /// Every result.
    pub const ALL: [ExportResult; 3] = [ExportResult::Sent, ExportResult::Retry, ExportResult::Rejected];

    /// The label.
    pub fn as_str(self) -> &'static str {
        match self {
            ExportResult::Sent => "sent",
            ExportResult::Retry => "retry",
            ExportResult::Rejected => "rejected",
        }
    }
}

/// Something that was not as it should be in what came in or in what it amounts to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Quality {
    /// In a payload.
    Flaw(Flaw),
    /// An interval was negative or absurd and was clamped.
    Clamped,
    /// An item closed whose beginning was never said.
    StartUnknown,
}

impl Quality {
    /// Everything that is counted.
    pub fn all() -> impl Iterator<Item = Quality> {
        Flaw::ALL.into_iter().map(Quality::Flaw).chain([Quality::Clamped, Quality::StartUnknown])
    }

    /// The label.
    pub fn as_str(self) -> &'static str {
        match self {
            Quality::Flaw(flaw) => flaw.as_str(),
            Quality::Clamped => "clamped",
            Quality::StartUnknown => "start_unknown",
        }
    }
}
