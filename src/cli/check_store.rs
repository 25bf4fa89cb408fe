//! `valuestream check-store`: reads everything that is stored and says what is wrong with it.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use super::output::{print, printable};
use super::{CliError, ConfigArgs, with_store};
use crate::app::StartError;
use crate::show::{Show, Terminal};
use crate::store::{AnyStore, Checked, Severity, Store};

/// Arguments of `check-store`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  valuestream check-store --config valuestream.toml\n  valuestream check-store --repair-counts\n\nExits with 1 if anything is wrong. Runs beside a server."
)]
pub(super) struct CheckStoreArgs {
    /// Set counts right that do not agree with what is there
    #[arg(long)]
    repair_counts: bool,
    #[command(flatten)]
    config: ConfigArgs,
}

pub(super) async fn run(args: &CheckStoreArgs) -> Result<ExitCode, CliError> {
    let config = args.config.load()?;
    let backends = config.backends().map_err(StartError::from)?;
    let backends: Vec<String> = backends.into_iter().map(|backend| backend.name).collect();
    let check = async |store: &AnyStore| {
        let show: Arc<dyn Show> = Arc::new(Terminal::default());
        let checked = store.check(&backends, &show).await?;
        let repaired = args.repair_counts && !checked.drift.is_empty();
        if repaired {
            store.repair_counts(&checked.drift).await?;
        }
        Ok((checked, repaired))
    };
    let (checked, repaired) = with_store(&config, check).await?;
    print(&told(&checked, repaired))?;
    let left = checked.wrong - if repaired { checked.drift.len() } else { 0 };
    Ok(if left == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn told(checked: &Checked, repaired: bool) -> String {
    let mut text = String::new();
    for finding in &checked.findings {
        let severity = match finding.severity {
            Severity::Wrong => "wrong",
            Severity::Note => "note",
        };
        let (about, problem) = (printable(&finding.about), printable(&finding.problem));
        text.push_str(&format!("{severity}: {about}: {problem}\n"));
    }
    if checked.untold > 0 {
        text.push_str(&format!("… and {} more\n", checked.untold));
    }
    if repaired {
        text.push_str(&format!("{} counts set right\n", checked.drift.len()));
    }
    let rows: Vec<String> = checked.rows.iter().map(|(table, rows)| format!("{rows} {table}")).collect();
    let rows = if rows.is_empty() { "nothing stored".to_owned() } else { rows.join(", ") };
    text.push_str(&format!("looked at {rows}: {} wrong\n", checked.wrong));
    text
}
