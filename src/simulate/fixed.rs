//! What payloads repeat word for word: people, repositories, the organisation. Each is written as
//! JSON once; a body holds a placeholder where one belongs, and gets the text when it is done.
//! Half of what a sender writes is of this kind.

use serde_json::{Value, json};

use super::organisation::{DeployType, Organisation, PEOPLE, Repository, TEAMS};
use super::scene::{GITHUB, MAIN};

/// Begins a placeholder: a character for private use, which nobody's text has.
const MARK: char = '\u{e000}';
/// The places in [`Fixed::texts`]: first these two, then the people, then the repositories.
const ORGANIZATION: usize = 0;
const DEPLOYER: usize = 1;
const USERS: usize = 2;
const REPOSITORIES: usize = USERS + TEAMS.len() * PEOPLE;

/// The texts that placeholders stand for.
#[derive(Debug)]
pub struct Fixed {
    texts: Vec<String>,
}

fn placeholder(place: usize) -> Value {
    Value::String(format!("{MARK}{place}"))
}

/// The organisation as GitHub's events carry it.
pub fn organization() -> Value {
    placeholder(ORGANIZATION)
}

/// The program that deploys.
pub fn deployer() -> Value {
    placeholder(DEPLOYER)
}

/// A member of a team, as GitHub writes a user.
pub fn user(team: &str, member: usize) -> Value {
    let team = TEAMS.iter().position(|of| *of == team).unwrap_or_default();
    placeholder(USERS + team * PEOPLE + member)
}

/// A repository as most events carry it.
pub fn repository(repository: &Repository) -> Value {
    placeholder(REPOSITORIES + repository.index)
}

/// The login of a member of a team. Nobody is a real person.
pub fn login(team: &str, member: usize) -> String {
    format!("{team}-dev-{}", member + 1)
}

impl Fixed {
    /// Those of an organisation.
    pub fn new(organisation: &Organisation) -> Self {
        let owner = &organisation.name;
        let mut all = vec![
            json!({
                "login": owner,
                "id": 60_000_000,
                "node_id": "O_kgDOA5OHAA",
                "url": format!("https://api.{GITHUB}/orgs/{owner}"),
                "description": "",
            }),
            account("github-actions[bot]", 41_898_282, "Bot"),
        ];
        let people = TEAMS.iter().flat_map(|team| (0..PEOPLE).map(move |member| login(team, member)));
        all.extend((61_000_000..).zip(people).map(|(id, login)| account(&login, id, "User")));
        all.extend(organisation.repositories.iter().map(|repository| described(owner, repository)));
        Self { texts: all.iter().map(Value::to_string).collect() }
    }

    /// A body's text, with what its placeholders stand for.
    pub fn fill_in(&self, text: &str) -> String {
        let mut full = String::with_capacity(4 * text.len());
        let mut parts = text.split(MARK);
        full.push_str(parts.next().unwrap_or_default());
        for part in parts {
            let place = part.split_once('"').and_then(|(place, rest)| Some((place.parse().ok()?, rest)));
            match place.and_then(|(place, rest): (usize, _)| Some((self.texts.get(place)?, rest))) {
                Some((fixed, rest)) => {
                    // The quotation mark before the placeholder goes too.
                    full.pop();
                    full.push_str(fixed);
                    full.push_str(rest);
                }
                None => full.push_str(part),
            }
        }
        full
    }
}

/// A user, bot or organisation.
fn account(login: &str, id: u64, kind: &str) -> Value {
    json!({
        "login": login,
        "id": id,
        "node_id": format!("U_kgDO{id:x}"),
        "avatar_url": format!("https://avatars.githubusercontent.com/u/{id}?v=4"),
        "gravatar_id": "",
        "url": format!("https://api.{GITHUB}/users/{login}"),
        "html_url": format!("https://{GITHUB}/{login}"),
        "type": kind,
        "site_admin": false,
    })
}

/// A repository in full.
pub fn described(owner: &str, repository: &Repository) -> Value {
    let id = 730_000_000 + repository.index as u64;
    let name = repository.name;
    let mut topics = vec!["service".to_owned()];
    let mut properties = json!({});
    if repository.team_as_property {
        properties["team"] = json!(repository.team);
    } else {
        topics.push(format!("team-{}", repository.team));
    }
    if repository.deploy_type == DeployType::Container {
        // Elsewhere the deploy job says it.
        properties["deploy_type"] = json!(repository.deploy_type.as_str());
    }
    json!({
        "id": id,
        "node_id": format!("R_kgDO{id:x}"),
        "name": name,
        "full_name": format!("{owner}/{name}"),
        "private": true,
        "owner": account(owner, 60_000_000, "Organization"),
        "html_url": format!("https://{GITHUB}/{owner}/{name}"),
        "description": null,
        "fork": false,
        "url": format!("https://api.{GITHUB}/repos/{owner}/{name}"),
        "created_at": "2019-05-15T15:19:25Z",
        "homepage": null,
        "language": repository.language,
        "archived": false,
        "disabled": false,
        "license": null,
        "topics": topics,
        "visibility": "private",
        "default_branch": MAIN,
        "custom_properties": properties,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_gets_what_its_placeholders_stand_for() {
        let organisation = Organisation::new("acme");
        let fixed = Fixed::new(&organisation);
        let body = json!({
            "by": deployer(),
            "in": [organization(), user("search", 4)],
            "of": repository(&organisation.repositories[26]),
            "title": "as it is",
        });
        let full: Value = serde_json::from_str(&fixed.fill_in(&body.to_string())).unwrap();
        assert_eq!(full["by"]["login"], "github-actions[bot]");
        assert_eq!(full["in"][0]["login"], "acme");
        assert_eq!(full["in"][1]["login"], "search-dev-5");
        assert_eq!(full["of"], described("acme", &organisation.repositories[26]));
        assert_eq!(full["title"], "as it is");
    }
}
