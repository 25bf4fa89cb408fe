//! Box plots in a row of a table: whiskers from the tenth to the ninetieth percentile, a box between
//! the quartiles, a line at the median; all rows on one logarithmic scale.

use maud::{Markup, html};

use super::scale::Log;
use super::{anchor, percent};

/// What a box plot shows: five quantiles in rising order.
#[derive(Clone, Copy, Debug)]
pub struct Five {
    /// The tenth percentile.
    pub p10: f64,
    /// The lower quartile.
    pub p25: f64,
    /// The median.
    pub p50: f64,
    /// The upper quartile.
    pub p75: f64,
    /// The ninetieth percentile.
    pub p90: f64,
}

/// One box plot.
pub fn box_plot(five: &Five, scale: &Log, label: &str) -> Markup {
    let at = |value: f64| percent(scale.at(value));
    let width = (scale.at(five.p75) - scale.at(five.p25)).max(0.8);
    html! {
        svg.chart.box width="100%" height="20" role="img" aria-label=(label) {
            title { (label) }
            line.whisker x1=(at(five.p10)) x2=(at(five.p90)) y1="10" y2="10" {}
            line.whisker x1=(at(five.p10)) x2=(at(five.p10)) y1="7" y2="13" {}
            line.whisker x1=(at(five.p90)) x2=(at(five.p90)) y1="7" y2="13" {}
            rect.body x=(at(five.p25)) width=(percent(width)) y="4" height="12" rx="2" {}
            line.median x1=(at(five.p50)) x2=(at(five.p50)) y1="3" y2="17" {}
        }
    }
}

/// The axis above a column of box plots.
pub fn axis(scale: &Log, tick: fn(f64) -> String) -> Markup {
    html! {
        svg.chart.box-axis width="100%" height="16" aria-hidden="true" {
            @for value in scale.ticks(20.0) {
                text.tick x=(percent(scale.at(value))) y="12" text-anchor=(anchor(scale.at(value))) {
                    (tick(value))
                }
            }
        }
    }
}
