//! `valuestream check-config`: the configuration in force, and what to look at.

use super::CliError;
use super::output::{complain, print};
use crate::config::Config;

pub(super) fn run(config: &Config) -> Result<(), CliError> {
    let warnings = config.validate()?;
    config.backends().map_err(crate::app::StartError::from)?;
    print(&config.describe())?;
    for warning in warnings {
        complain(&format!("warning: {warning}"));
    }
    Ok(())
}
