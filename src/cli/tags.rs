//! `valuestream tags explain KEY`: which rule gave an item each of its tags, and what that overruled.

use clap::Subcommand;

use super::output::{print, printable, table};
use super::{CliError, ConfigArgs, with_store};
use crate::store::Store;
use crate::work::key::Key;
use crate::work::tags::{Explained, explain};

#[derive(Debug, Subcommand)]
pub(super) enum TagsCommand {
    /// Show which rule gave an item each of its tags
    #[command(
        after_help = "Example:\n  valuestream tags explain github:github.com/acme/api/deploy/145988746"
    )]
    Explain {
        /// The item: source:host/project/kind/id
        key: Key,
        /// One JSON object a line instead of a table
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        config: ConfigArgs,
    },
}

pub(super) async fn run(command: TagsCommand) -> Result<(), CliError> {
    let TagsCommand::Explain { key, json, config } = command;
    let config = config.load()?;
    let tagger = config.tagger()?;
    let placed = with_store(&config, async |store| Ok(store.place(&key).await?)).await?;
    let Some((item, place)) = placed else {
        return Err(CliError::Failed(format!(
            "nothing was ever said of {key}: look at its spelling with `valuestream report items`"
        )));
    };
    let explained = explain(&item, &place, &tagger);
    if explained.is_empty() {
        print(&format!("{key} has no tags; docs/tags.md says where they can come from\n"))?;
    } else if json {
        for tag in &explained {
            print(&format!("{}\n", line(tag)))?;
        }
    } else {
        print(&shown(&explained, &key))?;
    }
    Ok(())
}

/// A tag as JSON.
fn line(tag: &Explained) -> serde_json::Value {
    let statements = tag.statements.iter().map(|statement| {
        serde_json::json!({
            "value": statement.value, "by": statement.by.as_str(), "origin": statement.origin,
        })
    });
    serde_json::json!({
        "key": tag.key,
        "value": tag.statements.last().map(|statement| &statement.value),
        "statements": statements.collect::<Vec<_>>(),
    })
}

/// The tags as a table: what counts first, then what it overruled.
fn shown(explained: &[Explained], key: &Key) -> String {
    let mut rows = vec![["tag", "value", "from", "said by"].map(str::to_owned).to_vec()];
    for tag in explained {
        for (place, statement) in tag.statements.iter().rev().enumerate() {
            let by = if statement.by == *key { "itself" } else { statement.by.as_str() };
            rows.push(vec![
                if place == 0 { tag.key.clone() } else { String::new() },
                printable(&statement.value),
                format!("{}{}", if place == 0 { "" } else { "overruled: " }, printable(&statement.origin)),
                by.to_owned(),
            ]);
        }
    }
    table(&rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::work::tags::Statement;
    use crate::work::testing::acme;

    #[test]
    fn what_counts_stands_before_what_it_overruled() {
        let statement = |value: &str, by: &str, origin: &str| Statement {
            value: value.to_owned(),
            by: acme(by),
            origin: origin.to_owned(),
        };
        let statements = vec![
            statement("web", "issue/1", "the label \"team:web\""),
            statement("pay", "deploy/2", "tags.rules[0]"),
        ];
        let text = shown(&[Explained { key: "team".to_owned(), statements }], &acme("deploy/2"));
        let lines: Vec<Vec<&str>> = text
            .lines()
            .map(|line| line.split("  ").filter(|cell| !cell.is_empty()).map(str::trim).collect())
            .collect();
        assert_eq!(lines[1], ["team", "pay", "tags.rules[0]", "itself"]);
        assert_eq!(
            lines[2],
            ["web", "overruled: the label \"team:web\"", "github:github.com/acme/api/issue/1"]
        );
    }
}
