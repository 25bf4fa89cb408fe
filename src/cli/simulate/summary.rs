//! What became of the deliveries, as a table, and what to do about those that were not taken.

use std::fmt::Write as _;
use std::time::Duration;

use super::post::Tally;
use crate::work::key::Source;

/// Which credentials were given.
#[derive(Clone, Copy, Debug, Default)]
pub struct Credentials {
    /// `--github-secret`
    pub github: bool,
    /// `--jenkins-token`
    pub jenkins: bool,
}

/// The table that ends a simulation.
pub fn table(tally: &Tally, took: Duration) -> String {
    let mut rows: Vec<(u16, &str)> =
        tally.answers.keys().map(|(answer, _)| (answer.status, answer.word.as_str())).collect();
    rows.dedup();
    let width = rows.iter().map(|(_, word)| word.chars().count()).max().unwrap_or(0).max(6);
    let mut text = String::new();
    if !rows.is_empty() {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{:<6}  {:<width$}  {:>9}  {:>9}", "status", "answer", "github", "jenkins");
    }
    for (status, word) in rows {
        let of = |source: Source| -> u64 {
            let these = tally.answers.iter().filter(|((answer, from), _)| {
                *from == source && answer.status == status && answer.word == word
            });
            these.map(|(_, count)| count).sum()
        };
        let shown = if word.is_empty() { "-" } else { word };
        let (github, jenkins) = (of(Source::Github), of(Source::Jenkins));
        let _ = writeln!(text, "{status:<6}  {shown:<width$}  {github:>9}  {jenkins:>9}");
    }
    let seconds = took.as_secs_f64();
    let rate = tally.taken() as f64 / seconds.max(0.001);
    let _ = write!(text, "{} taken in {seconds:.1} s ({rate:.0} a second)", tally.taken());
    for (count, what) in
        [(tally.refused(), "not taken"), (tally.unsent, "not sent"), (tally.retries, "tried again")]
    {
        if count > 0 {
            let _ = write!(text, ", {count} {what}");
        }
    }
    text.push('\n');
    text
}

/// What to do about what was not taken, one line for each kind of refusal.
pub fn advice(tally: &Tally, given: Credentials) -> Vec<String> {
    let mut refusals: Vec<(u16, Source)> = tally
        .answers
        .keys()
        .filter(|(answer, _)| !(200..300).contains(&answer.status))
        .map(|(answer, source)| (answer.status, *source))
        .collect();
    refusals.sort_unstable();
    refusals.dedup();
    let said = |refusal| match tally.reasons.get(&refusal) {
        // What a server says is shown in one short line, whatever it is.
        Some(reason) => {
            let clean: String = reason.chars().filter(|c| !c.is_control()).take(200).collect();
            format!(" ({clean})")
        }
        None => String::new(),
    };
    refusals.into_iter().map(|refusal| format!("{}{}", one(refusal, given), said(refusal))).collect()
}

fn one((status, source): (u16, Source), given: Credentials) -> String {
    let (option, has) = match source {
        Source::Github => ("--github-secret", given.github),
        // The simulated organisation sends nothing else.
        _ => ("--jenkins-token", given.jenkins),
    };
    match status {
        401 if has => {
            format!("401: the server's sources.{source}.secrets does not hold the secret given with {option}")
        }
        401 => format!(
            "401: the server wants a secret for {source}: give one of its sources.{source}.secrets with {option}"
        ),
        404 => format!(
            "404: the source {source} is off: set sources.{source}.secrets on the server, or see whether --target is its ingest listener"
        ),
        413 => "413: the server's limit on bodies is smaller than these few kilobytes: raise it".to_owned(),
        422 => format!(
            "422: the server did not understand deliveries of {source}: look at them with `valuestream quarantine list`"
        ),
        429 | 503 => format!(
            "{status}: the server was busy for two minutes: look at its store, or use fewer --connections"
        ),
        300..=399 => format!("{status}: --target leads elsewhere: give the address that it redirects to"),
        500..=599 => format!("{status}: the server failed, several times over: its log says why"),
        _ => format!("{status}: see whether --target is the ingest listener of a valuestream server"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::simulate::post::Answer;

    fn tally(status: u16, word: &str, source: Source) -> Tally {
        let mut tally = Tally::default();
        tally.answers.insert((Answer { status, word: word.to_owned() }, source), 3);
        tally
    }

    #[test]
    fn a_wrong_secret_is_told_from_a_missing_one() {
        let refused = tally(401, "unauthorized", Source::Github);
        let given = Credentials { github: true, jenkins: false };
        assert_eq!(
            advice(&refused, given),
            ["401: the server's sources.github.secrets does not hold the secret given with --github-secret"]
        );
        assert!(advice(&refused, Credentials::default())[0].contains("wants a secret for github"));
        assert_eq!(advice(&tally(202, "recorded", Source::Github), given), Vec::<String>::new());
    }

    #[test]
    fn a_reason_is_shown_as_one_short_line() {
        let mut refused = tally(422, "quarantined", Source::Jenkins);
        refused.reasons.insert((422, Source::Jenkins), format!("no\nname{}", "x".repeat(500)));
        let line = &advice(&refused, Credentials::default())[0];
        assert!(line.contains("quarantine list") && line.contains("(noname"), "{line}");
        assert!(!line.contains('\n') && line.len() < 400);
    }

    #[test]
    fn the_table_has_a_row_for_each_answer() {
        let mut all = tally(202, "recorded", Source::Github);
        all.answers.insert((Answer { status: 202, word: "recorded".into() }, Source::Jenkins), 4);
        all.answers.insert((Answer { status: 404, word: String::new() }, Source::Jenkins), 1);
        let text = table(&all, Duration::from_secs(2));
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1].split_whitespace().collect::<Vec<_>>(), ["202", "recorded", "3", "4"]);
        assert_eq!(lines[2].split_whitespace().collect::<Vec<_>>(), ["404", "-", "0", "1"]);
        assert_eq!(lines[3], "7 taken in 2.0 s (4 a second), 1 not taken");
    }
}
