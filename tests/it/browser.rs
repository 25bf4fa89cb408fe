//! The page as people meet it: in a real browser, served by the whole program, about what senders
//! posted. Elements are found by what they are for people (role, label, text, address), and figures
//! are compared with those that the API gives at the same address. Skipped where there is no browser.

mod accessibility;
mod login;
mod reader;
mod script;
mod site;
mod states;
mod strangers;
mod stuck;
mod walk;
