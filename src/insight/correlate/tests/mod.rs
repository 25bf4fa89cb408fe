//! The engine against direct computation, against seeded simulations, and in what it promises.

mod naive;
mod promises;
mod simulation;
mod speed;

use super::Found;
use crate::insight::report::Attribute;

/// Attributes as `key=value`, joined by ` and `.
fn name(attributes: &[Attribute]) -> String {
    let each: Vec<String> = attributes.iter().map(|a| format!("{}={}", a.key, a.value)).collect();
    each.join(" and ")
}

fn names(findings: &[Found]) -> Vec<String> {
    findings.iter().map(|found| name(&found.finding.attributes)).collect()
}
