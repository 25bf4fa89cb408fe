//! Bars: of shares, of scores to both sides of zero, of parts of a whole.

use maud::{Markup, html};

use super::percent;

/// A share of one as a bar.
pub fn share(value: f64, class: &str, label: &str) -> Markup {
    let width = (100.0 * value).clamp(0.0, 100.0);
    html! {
        svg.chart.share width="100%" height="8" role="img" aria-label=(label) {
            title { (label) }
            rect.track width="100%" height="8" rx="2" {}
            rect class=(class) width=(percent(width)) height="8" rx="2" {}
        }
    }
}

/// A score from -1 to 1 as a bar from the middle, with a mark at the effect that it is shrunk from.
/// `reach` is the value at the edge; `text` stands in the half that is free.
pub fn diverging(score: f64, effect: Option<f64>, reach: f64, text: Option<&str>, label: &str) -> Markup {
    let reach = if reach > 0.0 { reach } else { 1.0 };
    let at = |value: f64| 50.0 + (50.0 * value / reach).clamp(-50.0, 50.0);
    let (from, to) = if score < 0.0 { (at(score), 50.0) } else { (50.0, at(score)) };
    let side = if score < 0.0 { "better" } else { "worse" };
    html! {
        svg.chart.diverging width="100%" height="18" role="img" aria-label=(label) {
            title { (label) }
            @if let Some(effect) = effect {
                line.effect x1=(percent(at(effect))) x2="50%" y1="9" y2="9" {}
                line.effect x1=(percent(at(effect))) x2=(percent(at(effect))) y1="5" y2="13" {}
            }
            rect class=(side) x=(percent(from)) width=(percent(to - from)) y="3" height="12" rx="2" {}
            line.zero x1="50%" x2="50%" y1="0" y2="18" {}
            @if let Some(text) = text {
                @if score < 0.0 {
                    text x="50%" dx="6" y="13" aria-hidden="true" { (text) }
                } @else {
                    text x="50%" dx="-6" y="13" text-anchor="end" aria-hidden="true" { (text) }
                }
            }
        }
    }
}

/// A part of a whole.
pub struct Part {
    /// Its share.
    pub share: f64,
    /// How it looks.
    pub class: String,
    /// What it leads to.
    pub href: String,
    /// What it says.
    pub label: String,
    /// What is written into it if it is wide enough.
    pub text: String,
}

/// Parts of a whole side by side.
pub fn stacked(parts: &[Part], name: &str, height: u32) -> Markup {
    let mut from = 0.0;
    let placed: Vec<(f64, f64, &Part)> = parts
        .iter()
        .map(|part| {
            let place = (from, (100.0 * part.share).clamp(0.0, 100.0), part);
            from += place.1;
            place
        })
        .collect();
    html! {
        svg.chart.stacked width="100%" height=(height) role="group" aria-label=(name) {
            @for (from, width, part) in placed.into_iter().filter(|(_, width, _)| *width > 0.0) {
                a class=(format!("part {}", part.class)) href=(part.href) aria-label=(part.label) {
                    title { (part.label) }
                    rect x=(percent(from)) width=(percent(width)) height=(height) {}
                    @if width > 11.0 {
                        text x=(percent(from + width / 2.0)) y=(height / 2 + 4) text-anchor="middle"
                            aria-hidden="true" {
                            (part.text)
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_negative_score_goes_to_the_left_of_zero() {
        let markup = diverging(-0.25, None, 0.5, None, "x").into_string();
        assert!(markup.contains("class=\"better\" x=\"25%\" width=\"25%\""), "{markup}");
        let markup = diverging(0.9, Some(1.0), 0.5, Some("+0.90"), "x").into_string();
        assert!(markup.contains("class=\"worse\" x=\"50%\" width=\"50%\""), "{markup}");
    }

    #[test]
    fn parts_stand_one_after_the_other_and_empty_ones_are_left_out() {
        let part = |share| Part {
            share,
            class: "c".to_owned(),
            href: "#x".to_owned(),
            label: "l".to_owned(),
            text: "t".to_owned(),
        };
        let markup = stacked(&[part(0.25), part(0.0), part(0.75)], "n", 30).into_string();
        assert_eq!(markup.matches("<rect").count(), 2);
        assert!(markup.contains("x=\"25%\" width=\"75%\""), "{markup}");
    }
}
