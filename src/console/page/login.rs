//! The page at `/login`: a field for the token, and one in every other page's head to log out.

use maud::{Markup, html};

use super::{Frame, frame};

/// Renders the form. `next` is the address to go to afterwards, within the console; `problem` says
/// why the last try was none.
pub fn render(next: &str, problem: Option<&str>) -> Markup {
    let content = html! {
        section.panel.problem.login {
            h1 { "Log in" }
            form method="post" action="/login" {
                input type="hidden" name="next" value=(next);
                // For what keeps passwords: it wants a name to keep one under.
                input type="text" name="user" value="valuestream" autocomplete="username" hidden;
                label {
                    span { "Token" }
                    input type="password" name="token" required autofocus autocomplete="current-password"
                        aria-describedby=[problem.map(|_| "problem")] aria-invalid=[problem.map(|_| "true")];
                }
                @if let Some(problem) = problem { p #problem role="alert" { (problem) } }
                button.button type="submit" { "Log in" }
            }
            p.note { "It is one of the server's " code { "console.token" } "." }
        }
    };
    frame(&Frame { title: "Log in", home: "/", basis: None, session: None }, &content)
}

/// The button that ends a session; `form` is what the session's forms have to bring.
pub(super) fn leave(form: &str) -> Markup {
    html! {
        form.leave method="post" action="/logout" {
            input type="hidden" name="form" value=(form);
            button.button type="submit" { "Log out" }
        }
    }
}
