//! What went wrong, as a page.

use maud::{Markup, html};

use super::{Frame, frame};

/// Renders an error: `status` is the HTTP status, `title` says what is wrong in few words, `detail`
/// what to do about it.
pub fn render(status: u16, title: &str, detail: &str) -> Markup {
    let content = html! {
        section.panel.problem {
            p.code aria-hidden="true" { (status) }
            h1 { (title) }
            p { bdi { (detail) } }
            p { a.button href="/" { "Go to the overview" } }
        }
    };
    frame(&Frame { title, home: "/", basis: None, session: None }, &content)
}
