//! Environments and what they are for. DORA speaks of production only; which environments are
//! production is for the configuration to say.

use globset::{GlobBuilder, GlobMatcher};

use super::query::Tier;

/// Which environments belong to which tier.
#[derive(Clone, Debug, Default)]
pub struct Environments {
    tiers: Vec<(Tier, Vec<GlobMatcher>)>,
}

impl Environments {
    /// From globs on the environment's name, in any case; the first tier that matches counts.
    pub fn new(tiers: &[(Tier, &[String])]) -> Result<Self, globset::Error> {
        let compile = |globs: &[String]| globs.iter().map(|glob| compiled(glob)).collect::<Result<_, _>>();
        let tiers =
            tiers.iter().map(|(tier, globs)| Ok((*tier, compile(globs)?))).collect::<Result<_, _>>()?;
        Ok(Self { tiers })
    }

    /// What an environment is for. `flagged` is the sender's own word that it is production.
    pub fn tier(&self, environment: &str, flagged: bool) -> Tier {
        if flagged {
            return Tier::Production;
        }
        let matching = |(_, globs): &&(Tier, Vec<GlobMatcher>)| globs.iter().any(|g| g.is_match(environment));
        self.tiers.iter().find(matching).map_or(Tier::Other, |(tier, _)| *tier)
    }
}

fn compiled(glob: &str) -> Result<GlobMatcher, globset::Error> {
    Ok(GlobBuilder::new(glob).case_insensitive(true).build()?.compile_matcher())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_matching_tier_counts_and_the_senders_flag_before_all() {
        let globs = |texts: &[&str]| texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
        let (production, staging) = (globs(&["prod*", "live"]), globs(&["*stag*", "prod-test"]));
        let environments =
            Environments::new(&[(Tier::Production, &production), (Tier::Staging, &staging)]).unwrap();
        assert_eq!(environments.tier("Production", false), Tier::Production);
        assert_eq!(environments.tier("prod-test", false), Tier::Production);
        assert_eq!(environments.tier("eu/staging", false), Tier::Staging);
        assert_eq!(environments.tier("", false), Tier::Other);
        assert_eq!(environments.tier("qa", true), Tier::Production);
    }
}
