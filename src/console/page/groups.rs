//! Group by: one row for each value of a key.

use maud::{Markup, html};

use super::link::{self, Address};
use super::{controls, format, parts};
use crate::console::chart::{bars, boxes};
use crate::insight::query::Filter;
use crate::insight::report::{Groups, TagKeys};

/// As many rows as are shown, the largest groups first; the key's own page has them all.
const SHOWN: usize = 10;

pub(super) fn render(address: &Address, groups: Option<&Groups>, tags: &TagKeys) -> Markup {
    let chosen = groups.map(|groups| groups.key.as_str());
    let beside = controls::grouping(address, "/#groups", chosen, &tags.keys);
    let heading = match groups {
        Some(groups) => format!("By {}", groups.key),
        None => "By tag".to_owned(),
    };
    html! {
        section.panel aria-labelledby="groups" {
            (parts::heading("groups", &heading, &beside))
            @match groups.filter(|groups| !groups.groups.is_empty()) {
                Some(groups) => (table(address, groups)),
                None if groups.is_some() => p.none { "Nothing here has a value." },
                None => p.none { "Choose a tag to see one line for each of its values." },
            }
        }
    }
}

fn table(address: &Address, groups: &Groups) -> Markup {
    let kind = groups.basis.kind;
    let shown = &groups.groups[..groups.groups.len().min(SHOWN)];
    let scale = parts::box_scale(shown.iter().map(|group| &group.quantiles));
    let fails = parts::fails(kind) && shown.iter().any(|group| group.outcomes.failure_rate().is_some());
    let hidden = groups.total_groups.saturating_sub(shown.len() as u64);
    html! {
        div.scroll { table.rows {
            thead { tr {
                th scope="col" { bdi { (groups.key) } }
                th.num scope="col" { "n" }
                th.share scope="col" { "Share" }
                th.num scope="col" { "p50" }
                th.num scope="col" { "p90" }
                @if fails { th.num scope="col" { "Failed" } }
                th.wide scope="col" { span.sr { "Distribution" } (boxes::axis(&scale, format::tick)) }
            } }
            tbody { @for group in shown {
                @let filter = Filter::include(&groups.key, &group.value);
                tr {
                    th scope="row" {
                        @if link::writable(&filter) {
                            a href=(address.with_filter(&filter).url("/"))
                                aria-label=(format!("Only {} = {}", groups.key, group.value)) {
                                bdi { (group.value) }
                            }
                        } @else { bdi { (group.value) } }
                    }
                    td.num { (format::count(group.n)) }
                    td.share { (bars::share(group.share, "fill", &format::share(group.share))) }
                    td.num.strong { (format::duration(group.quantiles.p50_seconds)) }
                    td.num { (format::duration(group.quantiles.p90_seconds)) }
                    @if fails { td.num { (parts::failure_rate(group.outcomes)) } }
                    td.wide {
                        (boxes::box_plot(
                            &parts::five(&group.quantiles),
                            &scale,
                            &parts::quantiles_text(&group.quantiles)
                        ))
                    }
                }
            } }
        } }
        p.note {
            @if hidden > 0 { (format::counted(hidden, "more value", "more values")) " not shown. " }
            a href=(address.url(&link::tag_path(&groups.key))) { "All values of " bdi { (groups.key) } }
            ". Boxes: quartiles and median; whiskers: p10 and p90."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::page::testing::{address, hostile, realistic, text};

    #[test]
    fn only_ten_groups_are_shown_and_it_says_how_many_are_not() {
        let (many, few) = (hostile::many(), realistic::reports());
        let markup = render(&address(""), Some(&many.groups), &many.tags);
        assert_eq!(markup.0.matches("<th scope=\"row\"").count(), 10);
        assert!(text(&markup).contains("4,990 more values not shown. All values of team"), "{markup:?}");
        let markup = render(&address(""), Some(&few.groups), &few.tags);
        assert!(!text(&markup).contains("not shown"), "{markup:?}");
    }
}
