//! Secrets come from files too, and are shown nowhere.

use std::io::Write;

use super::*;

#[test]
fn secrets_come_from_the_file_too() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    write!(file, "first-secret-of-the-file\r\n\n  second-secret-of-the-file  \n").unwrap();
    let path = file.path().to_str().unwrap();
    let config = from_environment(&[
        ("VALUESTREAM__SOURCES__JENKINS__SECRETS", LONG),
        ("VALUESTREAM__SOURCES__JENKINS__SECRET_FILE", path),
    ])
    .unwrap();
    assert_eq!(
        exposed(&config.secrets(Source::Jenkins).unwrap()),
        [LONG, "first-secret-of-the-file", "second-secret-of-the-file"]
    );
    assert!(config.secrets(Source::Github).unwrap().is_empty());
    assert_eq!(config.validate().unwrap(), []);

    let missing = [("VALUESTREAM__SOURCES__GITHUB__SECRET_FILE", "/nowhere/secret")];
    assert!(invalid(from_environment(&missing)).starts_with("sources.github.secret_file: /nowhere/secret: "));
    let empty = tempfile::NamedTempFile::new().unwrap();
    let empty = [("VALUESTREAM__SOURCES__GITHUB__SECRET_FILE", empty.path().to_str().unwrap())];
    assert!(invalid(from_environment(&empty)).contains("holds no secret"));
}

#[test]
fn the_mark_that_some_editors_begin_a_file_with_is_no_part_of_a_secret() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "\u{feff}a-secret-of-the-file\r\n").unwrap();
    let path = file.path().to_str().unwrap();
    let config = from_environment(&[
        ("VALUESTREAM__SOURCES__GITHUB__SECRET_FILE", path),
        ("VALUESTREAM__CONSOLE__TOKEN_FILE", path),
        ("VALUESTREAM__STORE__PASSWORD_FILE", path),
    ])
    .unwrap();
    let secret = ["a-secret-of-the-file"];
    assert_eq!(exposed(&config.secrets(Source::Github).unwrap()), secret);
    assert_eq!(exposed(&config.console_tokens().unwrap()), secret);
    assert_eq!(exposed(&[config.database_access().unwrap().password.unwrap()]), secret);
}

#[test]
fn the_file_with_the_password_of_the_database_is_looked_at_by_the_check() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let store = ("VALUESTREAM__STORE__URL", "postgres://u@db/valuestream");
    let said = |path: &str| invalid(from_environment(&[store, ("VALUESTREAM__STORE__PASSWORD_FILE", path)]));
    assert!(said("/nowhere/password").starts_with("store.password_file: /nowhere/password: "));
    let path = file.path().to_str().unwrap();
    assert!(said(path).contains("holds no secret"));
    std::fs::write(path, "hunter2-new\nhunter2-old\n").unwrap();
    let two = said(path);
    assert!(two.contains("more than one line") && !two.contains("hunter2"), "{two}");
    std::fs::write(path, "a-password\n").unwrap();
    assert_eq!(
        warnings(from_environment(&[store, ("VALUESTREAM__STORE__PASSWORD_FILE", path)])),
        [Warning::NoSource]
    );
}

#[test]
fn tokens_of_the_console_come_from_the_file_too() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let (token, path) = ("VALUESTREAM__CONSOLE__TOKEN", file.path().to_str().unwrap());
    let named = ("VALUESTREAM__CONSOLE__TOKEN_FILE", path);
    std::fs::write(path, "first-token-of-the-file\n\n second-token-of-the-file \n").unwrap();
    let config = from_environment(&[(token, LONG), named]).unwrap();
    assert_eq!(
        exposed(&config.console_tokens().unwrap()),
        [LONG, "first-token-of-the-file", "second-token-of-the-file"]
    );
    let elsewhere = ("VALUESTREAM__CONSOLE__LISTEN", "0.0.0.0:5001");
    assert_eq!(
        warnings(from_environment(&[elsewhere, named])),
        [Warning::PlainConsole, Warning::NoSource],
        "a file is as good as a token"
    );
    std::fs::write(path, "short").unwrap();
    assert!(warnings(from_environment(&[named])).contains(&Warning::ShortSecret("console.token".into())));
    std::fs::write(path, format!("{HUNTER}\n{HUNTER} {HUNTER}\n")).unwrap();
    let said = invalid(from_environment(&[named]));
    assert!(said.starts_with("console.token_file: /") && !said.contains("hunter2"), "{said}");
    std::fs::write(path, "").unwrap();
    assert!(invalid(from_environment(&[named])).contains("holds no secret"));
    let missing = ("VALUESTREAM__CONSOLE__TOKEN_FILE", "/nowhere/token");
    assert!(invalid(from_environment(&[missing])).starts_with("console.token_file: /nowhere/token: "));
}

#[test]
fn headers_of_a_backend_come_from_a_file_too() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().to_str().unwrap();
    let sent = |text: &str| {
        std::fs::write(path, text).unwrap();
        from_environment(&[
            ("VALUESTREAM__EXPORT__ENDPOINT", "https://collector"),
            ("VALUESTREAM__EXPORT__HEADERS", "x-a=1,x-b=2"),
            ("VALUESTREAM__EXPORT__HEADERS_FILE", path),
        ])
        .unwrap()
    };
    let config = sent("\u{feff}X-B: of the file, as it is: 100%\r\n\nauthorization:Bearer abc\n");
    let backend = config.backends().unwrap().remove(0);
    let headers: Vec<_> = backend.headers.iter().map(|(name, value)| (name, value.expose_secret())).collect();
    assert_eq!(
        headers,
        [("authorization", "Bearer abc"), ("x-a", "1"), ("x-b", "of the file, as it is: 100%")]
    );
    assert!(config.describe().contains(&format!("headers_file = \"{path}\"")), "{}", config.describe());
    for (text, problem) in [
        (HUNTER, "line 1 has no ':'"),
        (&format!("x-ok: 1\n{HUNTER} {HUNTER}: {HUNTER}"), "not a header's name"),
        (&format!("host: {HUNTER}"), "leave it out"),
        ("\n", "holds no header"),
    ] {
        let said = sent(text).validate().unwrap_err().to_string();
        assert!(said.starts_with("export.headers_file: /") && said.contains(problem), "{said}");
        assert!(!said.contains("hunter2"), "{said}");
    }
}

const HUNTER: &str = "hunter2-hunter2-hunter2";

#[test]
fn secrets_are_shown_nowhere() {
    let file = format!(
        "[export]\nendpoint = \"https://x/?key={HUNTER}#{HUNTER}\"\nheaders = {{ \"x-key\" = \"{HUNTER}\" }}"
    );
    let config = load(
        &file,
        &[
            ("VALUESTREAM__CONSOLE__TOKEN", HUNTER),
            ("VALUESTREAM__SOURCES__GITHUB__SECRETS", HUNTER),
            ("VALUESTREAM__EXPORT__BACKENDS__B__HEADERS", &format!("authorization=Bearer%20{HUNTER}")),
            ("VALUESTREAM__EXPORT__BACKENDS__B__ENDPOINT", "https://b"),
        ],
    )
    .unwrap();
    assert!(
        config.sources.github.secrets[0].expose_secret() == HUNTER,
        "the secret has to be there to be hidden"
    );
    let described = config.describe();
    assert!(described.contains("endpoint = \"https://x/?***\"  # /"), "{described}");
    let shown = format!("{config:?}\n{config:#?}\n{described}");
    assert!(!shown.contains("hunter2"), "{shown}");
    assert!(
        config.describe().contains("token = \"***\"  # VALUESTREAM__CONSOLE__TOKEN"),
        "{}",
        config.describe()
    );
}

#[test]
fn no_error_repeats_a_secret() {
    for file in [
        format!("[sources.github]\nsecrets = [\"{HUNTER}]"),
        format!("[sources.github]\nsecrets = [\"{HUNTER}\", 5]"),
        format!("[sources.github]\nsecrets = {{ a = \"{HUNTER}\" }}"),
        format!("[sources.github]\nsecret = \"{HUNTER}\""),
        format!("[console]\ntoken = [\"{HUNTER}\"]"),
        format!("[console]\ntoken = \"{HUNTER} {HUNTER}\""),
        format!("[console]\ntoken = {HUNTER}"),
        format!("[export]\nheaders = \"{HUNTER}\""),
        format!("[export]\nheaders = [\"{HUNTER}\"]"),
        format!("[export]\nheaders = {{ x = [\"{HUNTER}\"] }}"),
        format!("[export]\nheaders = {{ x = \"{HUNTER}\\n\" }}"),
        format!("[export]\nendpoint = \"https://user:{HUNTER}@host\""),
        format!("[export]\nendpoint = \"{HUNTER} {HUNTER}\""),
        format!("[store]\nurl = \"mysql://user:{HUNTER}@host\""),
    ] {
        let error = load(&file, &[]).expect_err(&file);
        let said = format!("{error}\n{error:?}");
        assert!(!said.contains("hunter2"), "{file}: {said}");
        assert!(said.contains(".toml"), "{file}: {said}");
    }
}
