//! Reports as rows of cells: a table with units for people, CSV with plain numbers for programs.
//! What senders wrote passes here on its way out, so that no terminal acts on it and no
//! spreadsheet computes it.

use super::output::printable;
use crate::insight::format;
use crate::insight::report::At;

/// The longest text in a table, in characters.
const WIDEST: usize = 60;

/// What a report says.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Sentences before the tables.
    pub before: Vec<String>,
    /// Tables; as CSV only the first.
    pub sheets: Vec<Sheet>,
    /// Sentences after the tables.
    pub after: Vec<String>,
}

/// A table.
#[derive(Debug)]
pub(super) struct Sheet {
    /// Column names as in CSV, with the unit: `p50_seconds`.
    pub head: Vec<&'static str>,
    /// Its rows.
    pub rows: Vec<Vec<Cell>>,
}

/// A cell.
#[derive(Clone, Debug)]
pub(super) enum Cell {
    /// What a sender wrote.
    Text(String),
    /// Our own words, and keys.
    Own(String),
    /// How many.
    Count(u64),
    /// A length of time.
    Seconds(Option<f64>),
    /// An amount of time that many items add up to, told in hours.
    Hours(Option<f64>),
    /// A share, 0 to 1.
    Share(Option<f64>),
    /// A number without a unit.
    Number(Option<f64>),
    /// A probability.
    Probability(f64),
    /// An instant.
    When(Option<At>),
    /// Not known.
    Unknown,
}

impl Cell {
    /// A sender's text that may not be there.
    pub fn text(text: Option<&str>) -> Self {
        text.map_or(Self::Unknown, |text| Self::Text(text.to_owned()))
    }

    /// A word of an enumeration as JSON writes it.
    pub fn word(value: &impl serde::Serialize) -> Self {
        let word = serde_json::to_value(value).ok().and_then(|value| value.as_str().map(str::to_owned));
        word.map_or(Self::Unknown, Self::Own)
    }

    fn is_number(&self) -> bool {
        !matches!(self, Self::Text(_) | Self::Own(_) | Self::When(_))
    }

    fn for_people(&self) -> String {
        let unknown = || "-".to_owned();
        match self {
            Self::Text(text) => shortened(&printable(text)),
            Self::Own(text) => printable(text),
            Self::Count(n) => n.to_string(),
            Self::Seconds(seconds) => seconds.map_or_else(unknown, format::duration),
            Self::Hours(seconds) => seconds.map_or_else(unknown, format::hours),
            Self::Share(share) => share.map_or_else(unknown, format::share),
            Self::Number(number) => number.map_or_else(unknown, format::number),
            Self::Probability(p) => format::probability(*p),
            Self::When(at) => at.map_or_else(unknown, |at| at.0.to_string()),
            Self::Unknown => unknown(),
        }
    }

    fn for_programs(&self) -> String {
        match self {
            Self::Text(text) => harmless(printable(text)),
            Self::Own(text) => printable(text),
            Self::Count(n) => n.to_string(),
            Self::Seconds(value) | Self::Hours(value) | Self::Share(value) | Self::Number(value) => {
                value.map(|value| value.to_string()).unwrap_or_default()
            }
            Self::Probability(p) => p.to_string(),
            Self::When(at) => at.map(|at| at.0.to_string()).unwrap_or_default(),
            Self::Unknown => String::new(),
        }
    }
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(WIDEST) {
        Some(_) => text.chars().take(WIDEST - 1).chain(['…']).collect(),
        None => text.to_owned(),
    }
}

/// A spreadsheet takes what begins like this for a formula, in some languages also in full width.
fn harmless(text: String) -> String {
    let formula = text.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    if formula { format!("'{text}") } else { text }
}

impl Told {
    /// For people.
    pub fn table(&self) -> String {
        let lines =
            |lines: &[String]| lines.iter().map(|line| format!("{}\n", printable(line))).collect::<String>();
        let mut parts = vec![lines(&self.before)];
        parts.extend(
            self.sheets.iter().map(|sheet| if sheet.rows.is_empty() { String::new() } else { sheet.table() }),
        );
        parts.push(lines(&self.after));
        parts.retain(|part| !part.is_empty());
        parts.join("\n")
    }

    /// RFC 4180: one row with the columns' names, then the rows.
    pub fn csv(&self) -> Result<String, csv::Error> {
        let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
        if let Some(sheet) = self.sheets.first() {
            writer.write_record(&sheet.head)?;
            for row in &sheet.rows {
                writer.write_record(row.iter().map(Cell::for_programs))?;
            }
        }
        let bytes = writer.into_inner().map_err(|error| error.into_error())?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }
}

impl Sheet {
    /// Numbers to the right, words to the left, columns as wide as they need to be.
    fn table(&self) -> String {
        let name = |column: &&str| column.trim_end_matches("_seconds").replace('_', " ");
        let head: Vec<String> = self.head.iter().map(name).collect();
        let rows: Vec<Vec<String>> =
            self.rows.iter().map(|row| row.iter().map(Cell::for_people).collect()).collect();
        let width = |column: usize| {
            let cells = rows.iter().chain([&head]).filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
        };
        let right = |column: usize| self.rows.iter().filter_map(|row| row.get(column)).all(Cell::is_number);
        let columns: Vec<(usize, bool)> =
            (0..head.len()).map(|column| (width(column), right(column))).collect();
        let line = |row: &Vec<String>| {
            let cells = row.iter().zip(&columns).map(|(cell, (width, right))| match right {
                true => format!("{cell:>width$}"),
                false => format!("{cell:<width$}"),
            });
            format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
        };
        std::iter::once(&head).chain(&rows).map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(rows: Vec<Vec<Cell>>) -> Told {
        Told { sheets: vec![Sheet { head: vec!["title", "p50_seconds"], rows }], ..Told::default() }
    }

    #[test]
    fn numbers_stand_to_the_right_and_have_their_unit() {
        let told = told(vec![
            vec![Cell::Own("payments".to_owned()), Cell::Seconds(Some(219_600.0))],
            vec![Cell::Own("a".to_owned()), Cell::Seconds(None)],
        ]);
        assert_eq!(told.table(), "title      p50\npayments  61 h\na            -\n");
        assert_eq!(told.csv().unwrap(), "title,p50_seconds\r\npayments,219600\r\na,\r\n");
    }

    #[test]
    fn no_spreadsheet_computes_what_a_sender_wrote() {
        let rows = ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "＝1", "\t=1", "\r=1", "a=1", "x, \"y\"\nz", "🐛"];
        let told =
            told(rows.iter().map(|text| vec![Cell::text(Some(text)), Cell::Number(Some(-1.0))]).collect());
        let csv = told.csv().unwrap();
        let mut reader = csv::Reader::from_reader(csv.as_bytes());
        let cells: Vec<String> = reader.records().map(|row| row.unwrap()[0].to_owned()).collect();
        let expected = [
            "'=1+1",
            "'+1",
            "'-1",
            "'@SUM(A1)",
            "' =1",
            "'＝1",
            "\u{fffd}=1",
            "\u{fffd}=1",
            "a=1",
            "x, \"y\"\u{fffd}z",
            "🐛",
        ];
        assert_eq!(cells, expected);
        assert!(csv.contains(",-1\r\n"), "our own numbers are numbers");
        assert!(csv.contains("\"x, \"\"y\"\"\u{fffd}z\""), "{csv}");
    }

    #[test]
    fn no_terminal_acts_on_what_a_sender_wrote() {
        let mut told = told(vec![vec![Cell::text(Some("a\u{1b}[31m\u{9b}2J\n")), Cell::Count(1)]]);
        told.before.push("of \u{7}x".to_owned());
        for text in [told.table(), told.csv().unwrap()] {
            assert!(text.chars().all(|c| !c.is_control() || "\r\n".contains(c)), "{text:?}");
        }
        let long = Cell::Text("x".repeat(100)).for_people();
        assert_eq!(long.chars().count(), WIDEST);
    }
}
