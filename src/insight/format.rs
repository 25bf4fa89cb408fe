//! Figures, dates and names as people read them, on the page and in the terminal. Nothing here
//! depends on a locale: English units, a comma between thousands, dates in UTC.

use super::report::{Waiting, WaitsIn};
use crate::work::key::{Key, Kind, Source};
use crate::work::time::{Time, seconds};

const MINUTE: f64 = 60.0;
const HOUR: f64 = 3_600.0;
const DAY: f64 = 86_400.0;

/// What stands where nothing is known.
pub const NOTHING: &str = "–";

/// A duration: `42 s`, `14 min`, `61 h`, `5.4 d`. Hours up to four days, days up to two years.
pub fn duration(seconds: f64) -> String {
    let (sign, size) = (if seconds < 0.0 { "−" } else { "" }, seconds.abs());
    let (value, unit) = match size {
        _ if !size.is_finite() => return NOTHING.to_owned(),
        s if s < 90.0 => (s, "s"),
        s if s < 90.0 * MINUTE => (s / MINUTE, "min"),
        s if s < 96.0 * HOUR => (s / HOUR, "h"),
        s if s < 730.0 * DAY => (s / DAY, "d"),
        s => (s / (365.0 * DAY), "y"),
    };
    format!("{sign}{} {unit}", figure(value))
}

/// A duration that may not be known.
pub fn duration_or(seconds: Option<f64>) -> String {
    seconds.map_or_else(|| NOTHING.to_owned(), duration)
}

/// What an open item waits in.
pub fn waits_in(waiting: &Waiting) -> String {
    match (waiting.what, &waiting.status) {
        (WaitsIn::Draft, _) => "draft".to_owned(),
        (WaitsIn::Pickup, _) => "no review yet".to_owned(),
        (WaitsIn::Review, _) => "in review".to_owned(),
        (WaitsIn::Merge, _) => "approved, not merged".to_owned(),
        (WaitsIn::Status, Some(status)) => status.clone(),
        (WaitsIn::Status, None) => NOTHING.to_owned(),
        (WaitsIn::Queue, _) => "in the queue".to_owned(),
        (WaitsIn::Run, _) => "began, no end told".to_owned(),
    }
}

/// A duration at a round place of an axis: `30 min`, `8 h`, `1 d`, `2 w`, `3 mo`.
pub fn tick(seconds: f64) -> String {
    let units =
        [(365.0 * DAY, "y"), (30.0 * DAY, "mo"), (7.0 * DAY, "w"), (DAY, "d"), (HOUR, "h"), (MINUTE, "min")];
    let whole =
        |unit: f64| seconds >= unit * 0.999 && (seconds / unit - (seconds / unit).round()).abs() < 1e-6;
    let unit = units.into_iter().find(|(unit, _)| whole(*unit));
    let (unit, name) = unit.unwrap_or((1.0, "s"));
    format!("{} {name}", figure(seconds / unit))
}

/// A duration on a linear axis, in the unit that all of its ticks share.
pub fn axis(seconds: f64, greatest: f64) -> String {
    let (unit, name) = match greatest {
        s if s < 120.0 => (1.0, "s"),
        s if s < 120.0 * MINUTE => (MINUTE, "min"),
        s if s < 72.0 * HOUR => (HOUR, "h"),
        _ => (DAY, "d"),
    };
    format!("{} {name}", figure(seconds / unit))
}

/// An amount of hours, with its sign.
pub fn hours(seconds: f64) -> String {
    let sign = if seconds < 0.0 { "−" } else { "+" };
    format!("{sign}{} h", figure(seconds.abs() / HOUR))
}

/// A number with one decimal below ten and none above.
pub fn figure(value: f64) -> String {
    if !value.is_finite() {
        return NOTHING.to_owned();
    }
    let sign = if value < 0.0 { "−" } else { "" };
    let size = value.abs();
    if size >= 9.95 {
        // A float this large has no decimals to lose.
        return format!("{sign}{}", count(size.round() as u64));
    }
    let text = format!("{size:.1}");
    let text = text.strip_suffix(".0").unwrap_or(&text);
    if text == "0" { text.to_owned() } else { format!("{sign}{text}") }
}

/// A number with three significant digits at most, and no zeros at its end that say nothing: for
/// tables in which large and very small ones stand together. Below a millionth of a millionth it
/// is 0.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return NOTHING.to_owned();
    }
    let size = value.abs();
    if size < 1e-12 {
        return "0".to_owned();
    }
    let magnitude = size.log10().floor() as i32;
    let scale = 10_f64.powi(magnitude.saturating_sub(2));
    // Scaled back by a division where that is exact, so that no digits appear behind the third.
    let rounded = match magnitude {
        2.. => (size / scale).round() * scale,
        _ => (size * 10_f64.powi(2 - magnitude)).round() / 10_f64.powi(2 - magnitude),
    };
    let decimals = (2 - magnitude).max(0) as usize;
    let text = format!("{rounded:.decimals$}");
    let text = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => &text,
    };
    format!("{}{text}", if value < 0.0 { "−" } else { "" })
}

/// A count, with a comma between thousands.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with its noun: `1 issue`, `12 issues`.
pub fn counted(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(n), if n == 1 { one } else { many })
}

/// A share of one: `38%`, `4.1%`, `<0.1%`.
pub fn share(value: f64) -> String {
    match value * 100.0 {
        percent if percent > 0.0 && percent < 0.1 => "<0.1%".to_owned(),
        percent => format!("{}%", figure(percent)),
    }
}

/// A share that may not be known.
pub fn share_or(value: Option<f64>) -> String {
    value.map_or_else(|| NOTHING.to_owned(), share)
}

/// A difference of shares in percentage points, with its sign.
pub fn points(difference: f64) -> String {
    let sign = if difference < 0.0 { "−" } else { "+" };
    format!("{sign}{} pp", figure((difference * 100.0).abs()))
}

/// A probability: `0.032`, `<0.001`.
pub fn probability(p: f64) -> String {
    match p {
        p if !p.is_finite() => NOTHING.to_owned(),
        p if p < 0.001 => "<0.001".to_owned(),
        p if p < 0.1 => format!("{p:.3}"),
        p => format!("{p:.2}"),
    }
}

/// An equation of a probability: `q = 0.032`, `q < 0.001`.
pub fn probability_of(name: &str, p: f64) -> String {
    match probability(p).strip_prefix('<') {
        Some(bound) => format!("{name} < {bound}"),
        None => format!("{name} = {}", probability(p)),
    }
}

/// A correlation or score from -1 to 1, with its sign.
pub fn signed(value: f64) -> String {
    let text = format!("{:.2}", value.abs());
    let sign = match value {
        _ if text == "0.00" => "",
        value if value < 0.0 => "−",
        _ => "+",
    };
    format!("{sign}{text}")
}

/// How many times as much: `4.1`, `12`, `1.04` near one.
pub fn factor(value: f64) -> String {
    if (0.95..1.05).contains(&value) { format!("{value:.2}") } else { figure(value) }
}

/// A day in UTC: `2026-03-02`.
pub fn date(at: Time) -> String {
    at.to_string().chars().take(10).collect()
}

/// A day without its year: `2 Mar`.
pub fn day(at: Time) -> String {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let text = date(at);
    let month = text.get(5..7).and_then(|month| month.parse::<usize>().ok());
    let day = text.get(8..10).and_then(|day| day.parse::<u8>().ok());
    match (month.and_then(|month| MONTHS.get(month.wrapping_sub(1))), day) {
        (Some(month), Some(day)) => format!("{day} {month}"),
        _ => text,
    }
}

/// A minute in UTC: `2026-03-02 09:00`.
pub fn minute(at: Time) -> String {
    at.to_string().chars().take(16).map(|c| if c == 'T' { ' ' } else { c }).collect()
}

/// How long ago something was.
pub fn ago(at: Time, now: Time) -> String {
    match now.since(at) {
        micros if micros < 60_000_000 => "just now".to_owned(),
        micros => format!("{} ago", duration(seconds(micros))),
    }
}

/// An item's short name: `acme/api #12` for what has numbers (`acme/api !15` for the merge requests of
/// GitLab), `PROJ-12` for what is known by its key, else project and id.
pub fn item(key: &Key) -> String {
    match key.kind() {
        Kind::Issue if key.source() == Source::Jira => key.id().to_owned(),
        Kind::PullRequest if key.source() == Source::Gitlab => format!("{} !{}", key.project(), key.id()),
        Kind::Issue | Kind::PullRequest if matches!(key.source(), Source::Github | Source::Gitlab) => {
            format!("{} #{}", key.project(), key.id())
        }
        _ => format!("{} {}", key.project(), key.id()),
    }
}

/// What one item of a kind is called.
pub fn one(kind: Kind) -> &'static str {
    match kind {
        Kind::Issue => "issue",
        Kind::PullRequest => "pull request",
        Kind::Build => "build",
        Kind::Job => "job",
        Kind::Deploy => "deploy",
        Kind::Sprint => "sprint",
    }
}

/// What several are called.
pub fn many(kind: Kind) -> &'static str {
    match kind {
        Kind::Issue => "issues",
        Kind::PullRequest => "pull requests",
        Kind::Build => "builds",
        Kind::Job => "jobs",
        Kind::Deploy => "deploys",
        Kind::Sprint => "sprints",
    }
}

/// The same at the beginning of a sentence.
pub fn title(kind: Kind) -> &'static str {
    match kind {
        Kind::Issue => "Issues",
        Kind::PullRequest => "Pull requests",
        Kind::Build => "Builds",
        Kind::Job => "Jobs",
        Kind::Deploy => "Deploys",
        Kind::Sprint => "Sprints",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_have_two_or_three_digits_and_a_unit_of_people() {
        let cases = [
            (0.0, "0 s"),
            (0.42, "0.4 s"),
            (42.0, "42 s"),
            (14.0 * 60.0, "14 min"),
            (1.5 * 3_600.0, "1.5 h"),
            (61.0 * 3_600.0, "61 h"),
            (5.4 * 86_400.0, "5.4 d"),
            (240.0 * 86_400.0, "240 d"),
            (1_095.0 * 86_400.0, "3 y"),
            (-7_200.0, "−2 h"),
            (9.96 * 3_600.0, "10 h"),
            (f64::NAN, "–"),
        ];
        for (seconds, text) in cases {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn ticks_are_whole_units() {
        let texts = [1_800.0, 28_800.0, 86_400.0, 1_209_600.0, 7_776_000.0, 31_536_000.0, 5.0].map(tick);
        assert_eq!(texts, ["30 min", "8 h", "1 d", "2 w", "3 mo", "1 y", "5 s"]);
    }

    #[test]
    fn counts_shares_and_probabilities() {
        assert_eq!(
            (count(1_234_567), count(999), count(1_000)),
            ("1,234,567".to_owned(), "999".to_owned(), "1,000".to_owned())
        );
        assert_eq!(
            [0.0, 0.0004, 0.041, 0.38, 1.0].map(share),
            ["0%", "<0.1%", "4.1%", "38%", "100%"].map(str::to_owned)
        );
        assert_eq!([0.0, 0.0321, 0.5].map(probability), ["<0.001", "0.032", "0.50"].map(str::to_owned));
        assert_eq!(probability_of("q", 0.0), "q < 0.001");
        assert_eq!((signed(-0.412), signed(0.001)), ("−0.41".to_owned(), "0.00".to_owned()));
        assert_eq!(points(-0.021), "−2.1 pp");
        assert_eq!(hours(4_420.0 * 3_600.0), "+4,420 h");
    }

    #[test]
    fn items_are_called_as_their_people_call_them() {
        let short = |text: &str| item(&text.parse().unwrap());
        assert_eq!(short("github:github.com/acme/api/pull_request/12"), "acme/api #12");
        assert_eq!(short("gitlab:gitlab.com/group/sub/project/pull_request/15"), "group/sub/project !15");
        assert_eq!(short("gitlab:gitlab.com/group/project/issue/12"), "group/project #12");
        assert_eq!(short("jira:acme.atlassian.net/PROJ/issue/PROJ-12"), "PROJ-12");
        assert_eq!(short("jira:acme.atlassian.net/PROJ/sprint/7"), "PROJ 7");
        assert_eq!(short("custom:shop/orders/issue/import-4"), "orders import-4");
        assert_eq!(short("jenkins:ci/ship/deploy/7"), "ship 7");
    }

    #[test]
    fn dates_are_in_utc() {
        let at = Time::parse("2026-03-02T23:30:00-02:00").unwrap();
        assert_eq!(
            (date(at), minute(at), day(at)),
            ("2026-03-03".to_owned(), "2026-03-03 01:30".to_owned(), "3 Mar".to_owned())
        );
        assert_eq!(ago(at, at.plus(7_200_000_000)), "2 h ago");
        assert_eq!(ago(at, at), "just now");
    }

    #[test]
    fn numbers_of_any_size_are_short() {
        assert_eq!(
            [1_234.0, -0.2, 99.96, 0.034_56, 1e-20, f64::INFINITY].map(number),
            ["1230", "−0.2", "100", "0.0346", "0", "–"].map(str::to_owned)
        );
    }

    proptest! {
        #[test]
        fn no_number_has_more_than_three_digits_that_say_something(value in -1e12..1e12_f64) {
            let text = number(value);
            let digits = text.replace(['−', '.'], "");
            prop_assert!(digits.trim_matches('0').len() <= 3, "{}", text);
            let read: f64 = text.replace('−', "-").parse().unwrap();
            prop_assert!((read - value).abs() <= value.abs() * 0.0051, "{} {}", value, text);
        }
    }
}
