//! A real PostgreSQL server on loopback, in a temporary folder, run by an unprivileged user. It ends
//! when the process that started it does, however that ends: a shell beside it waits for the end of
//! a pipe. The library's own tests use this file, too.

use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tokio_postgres::NoTls;

/// A server.
pub struct Postgres {
    programs: PathBuf,
    folder: PathBuf,
    user: Option<(u32, u32)>,
    pub port: u16,
    shell: Option<Child>,
    databases: AtomicU32,
    /// Whether the server sees a small file system at `small` in its folder.
    small: bool,
}

/// Runs the server, and when the pipe ends, ends it and removes its folder unless it is to be
/// started again.
const SHELL: &str = r#"
    "$1/postgres" -D "$2/data" -p "$3" >> "$2/log" 2>&1 &
    server=$!
    read -r word
    [ "$word" = stop ] && mode=INT || mode=QUIT
    kill -s "$mode" "$server" 2>/dev/null
    wait "$server"
    [ "$word" = stop ] || [ "$word" = gone ] || rm -rf "$2" 2>/dev/null
"#;

/// Runs something as an unprivileged user, with a small file system that nobody else sees.
const SMALL: &str = r#"
    mount -t tmpfs -o "size=$3,uid=$1,gid=$2,mode=700" none "$4" || exit 1
    user=$1 group=$2
    shift 4
    exec setpriv --reuid "$user" --regid "$group" --clear-groups "$@"
"#;

/// Where the server's programs are, if they are installed.
fn programs() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("VALUESTREAM_POSTGRES_BIN") {
        return Some(named.into());
    }
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let debian = versions.map(|version| version.path().join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found: Vec<PathBuf> = debian.chain(std::env::split_paths(&path)).collect();
    found.retain(|folder| folder.join("initdb").exists() && folder.join("postgres").exists());
    found.sort_by_key(|folder| {
        let version = folder.parent().and_then(|version| version.file_name()?.to_str()?.parse::<u32>().ok());
        std::cmp::Reverse(version)
    });
    found.into_iter().next()
}

/// The user and group to run as: the server refuses to be run by root.
fn unprivileged() -> Option<(u32, u32)> {
    let number = |arguments: &[&str]| {
        let output = Command::new("id").args(arguments).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse::<u32>().ok()
    };
    if number(&["-u"]) != Some(0) {
        return None;
    }
    let user = |name| Some((number(&["-u", name])?, number(&["-g", name])?));
    user("postgres").or_else(|| user("nobody"))
}

fn signal(process: i32, signal: Signal) {
    // It may have ended by itself.
    let _ = Pid::from_raw(process).map(|process| kill_process(process, signal));
}

/// The process that started a process which lives; `None` for one that has ended.
fn parent(process: i32) -> Option<i32> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // After the name, which can hold anything: the state, and the parent.
    let mut rest = text.rsplit_once(')')?.1.split_whitespace();
    let state = rest.next()?;
    rest.next()?.parse().ok().filter(|_| !matches!(state, "Z" | "X"))
}

/// The processes that a process has started; none where there is no `/proc`.
fn children(process: i32) -> Vec<i32> {
    let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let numbers = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    numbers.filter(|number| parent(*number) == Some(process)).collect()
}

impl Postgres {
    /// A server of one's own, to be broken; `None` where none is installed. Under `CI` that is a
    /// failure.
    pub fn start() -> Option<Self> {
        Self::make(false)
    }

    /// The same with a small file system of its own; `None`, with a note, where there is no right to make one.
    #[allow(dead_code)]
    pub fn start_with_small_disk() -> Option<Self> {
        let mount = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
        let script = "mount -t tmpfs none /tmp && setpriv --reuid 1 --regid 1 --clear-groups true";
        if unprivileged().is_none() || !mount(Command::new("unshare").args(["-m", "sh", "-c", script])) {
            println!("SKIPPED: no right to mount a file system for PostgreSQL");
            return None;
        }
        Self::make(true)
    }

    fn make(small: bool) -> Option<Self> {
        let Some(programs) = programs() else {
            assert!(
                std::env::var_os("CI").is_none(),
                "PostgreSQL is not installed: apt-get install postgresql, or set VALUESTREAM_POSTGRES_BIN"
            );
            println!("SKIPPED: PostgreSQL is not installed (apt-get install postgresql)");
            return None;
        };
        let folder = tempfile::Builder::new().prefix("valuestream-pg-").tempdir().unwrap().keep();
        let user = unprivileged();
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).unwrap();
        if let Some((user, group)) = user {
            chown(&folder, Some(user), Some(group)).unwrap();
        }
        let mut server =
            Self { programs, folder, user, port: 0, shell: None, databases: AtomicU32::new(0), small };
        let made = server
            .command(&server.programs.join("initdb"))
            .args(["--no-sync", "--auth=trust", "--username=vs", "--encoding=UTF8", "--no-locale", "-D"])
            .arg(server.folder.join("data"))
            .output()
            .unwrap();
        assert!(made.status.success(), "initdb: {}", String::from_utf8_lossy(&made.stderr));
        let settings = "\nlisten_addresses = '127.0.0.1'\nunix_socket_directories = ''\n\
                        max_connections = 200\nlog_min_messages = fatal\nlog_statement = none\n";
        let mut file = std::fs::OpenOptions::new()
            .append(true)
            .open(server.folder.join("data/postgresql.conf"))
            .unwrap();
        file.write_all(settings.as_bytes()).unwrap();
        server.restart();
        Some(server)
    }

    /// The server that all tests of a process share, each with a database of its own.
    #[allow(dead_code)]
    pub fn shared() -> Option<&'static Self> {
        static SHARED: OnceLock<Option<Postgres>> = OnceLock::new();
        SHARED.get_or_init(Self::start).as_ref()
    }

    /// Puts a file into the server's folder; counts from its next start.
    #[allow(dead_code)]
    pub fn put(&self, name: &str, text: &str) {
        let path = self.folder.join("data").join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        if let Some((user, group)) = self.user {
            chown(&path, Some(user), Some(group)).unwrap();
        }
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.folder).env("LC_ALL", "C").stdin(Stdio::null());
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command
    }

    /// Starts the server again, where it was, and waits until it answers.
    pub fn restart(&mut self) {
        for _ in 0..20 {
            if self.port == 0 || self.shell.is_none() && !self.is_free() {
                self.port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            }
            let mut shell = self.shell();
            let _ = std::fs::remove_file(self.folder.join("log"));
            shell.args(["-c", SHELL, "sh"]).arg(&self.programs).arg(&self.folder).arg(self.port.to_string());
            self.shell = Some(shell.stdin(Stdio::piped()).spawn().unwrap());
            if self.comes_up() {
                return;
            }
            self.end("gone");
            self.port = 0;
        }
        panic!("the server does not start:\n{}", self.log());
    }

    fn shell(&self) -> Command {
        let (true, Some((user, group))) = (self.small, self.user) else {
            return self.command(Path::new("/bin/sh"));
        };
        let place = self.folder.join("small");
        let _ = std::fs::create_dir(&place);
        let mut shell = Command::new("unshare");
        shell.current_dir(&self.folder).env("LC_ALL", "C").args(["-m", "sh", "-c", SMALL, "sh"]);
        shell.args([user.to_string(), group.to_string(), "32m".to_owned()]).arg(place).arg("/bin/sh");
        shell
    }

    /// The small file system, as the server sees it.
    #[allow(dead_code)]
    pub fn small_disk(&self) -> PathBuf {
        let folder = self.folder.strip_prefix("/").unwrap();
        PathBuf::from(format!("/proc/{}/root", self.process().unwrap())).join(folder).join("small")
    }

    /// The address of a new, empty database whose tables are on the small file system.
    #[allow(dead_code)]
    pub async fn database_on_small_disk(&self) -> String {
        let place = self.folder.join("small/tables");
        std::fs::create_dir(self.small_disk().join("tables")).unwrap();
        chown(self.small_disk().join("tables"), self.user.map(|user| user.0), self.user.map(|user| user.1))
            .unwrap();
        self.execute("postgres", &format!("CREATE TABLESPACE small LOCATION '{}'", place.display())).await;
        self.execute("postgres", "CREATE DATABASE small TABLESPACE small").await;
        self.url("small")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    fn is_free(&self) -> bool {
        TcpListener::bind(("127.0.0.1", self.port)).is_ok()
    }

    /// Waits until it says that it is ready, in its own file: whoever answers on the port may be another one
    /// that was given the same port in the meantime.
    fn comes_up(&self) -> bool {
        let deadline = Instant::now() + Duration::from_secs(60);
        while Instant::now() < deadline {
            if self.status().is_some_and(|status| status == "ready") {
                return true;
            }
            if self.log().contains("could not create any TCP/IP sockets") {
                return false;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    }

    /// A line of the file that the server has while it runs.
    fn told(&self, line: usize) -> Option<String> {
        let text = std::fs::read_to_string(self.folder.join("data/postmaster.pid")).ok()?;
        Some(text.lines().nth(line)?.trim().to_owned())
    }

    fn status(&self) -> Option<String> {
        self.told(7)
    }

    /// The number of the server's process.
    pub fn process(&self) -> Option<i32> {
        self.told(0)?.parse().ok()
    }

    /// Ends the server as a crash of its machine would: at once, all of it, without a word to anybody.
    pub fn kill(&mut self) {
        if let Some(server) = self.process() {
            // So that it starts nothing more. What serves a connection would live on for a moment without
            // it, and write into the files from which the next server is just recovering.
            signal(server, Signal::STOP);
            let mut all = children(server);
            all.iter().for_each(|child| signal(*child, Signal::KILL));
            signal(server, Signal::KILL);
            let deadline = Instant::now() + Duration::from_secs(30);
            while Instant::now() < deadline && !all.is_empty() {
                all.retain(|child| parent(*child).is_some());
                std::thread::sleep(Duration::from_millis(1));
            }
            assert_eq!(all, [] as [i32; 0], "killed, and still there");
        }
        self.end("gone");
        let _ = std::fs::remove_file(self.folder.join("data/postmaster.pid"));
    }

    /// Ends the server as its administrator would.
    pub fn stop(&mut self) {
        self.end("stop");
    }

    fn end(&mut self, word: &str) {
        let Some(mut shell) = self.shell.take() else { return };
        if let Some(mut pipe) = shell.stdin.take() {
            let _ = pipe.write_all(format!("{word}\n").as_bytes());
        }
        let _ = shell.wait();
    }

    /// The address of a new, empty database.
    pub async fn database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.execute("postgres", &format!("CREATE DATABASE {name}")).await;
        self.url(&name)
    }

    /// The address of a database.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://vs@127.0.0.1:{}/{database}", self.port)
    }

    /// A connection past the program under test.
    pub async fn connect(&self, database: &str) -> tokio_postgres::Client {
        let (client, connection) = tokio_postgres::connect(&self.url(database), NoTls).await.unwrap();
        tokio::spawn(connection);
        client
    }

    /// Runs statements.
    pub async fn execute(&self, database: &str, statements: &str) {
        self.connect(database).await.batch_execute(statements).await.unwrap();
    }
}

/// The counts of a store that are not what its tables hold, as "name: told, counted".
pub async fn miscounted(client: &tokio_postgres::Client) -> Vec<String> {
    const SQL: &str = "
        WITH counted AS (
            SELECT 'items' AS name, count(*) AS n FROM items
            UNION ALL SELECT 'due', count(*) FROM items WHERE due_at IS NOT NULL
            UNION ALL SELECT 'open:' || kind, count(*) FROM items WHERE open GROUP BY kind
            UNION ALL SELECT 'quarantined', count(*) FROM quarantine
            UNION ALL SELECT 'outbox:' || backend, count(*) FROM outbox GROUP BY backend
            UNION ALL SELECT 'rejected:' || backend, count(*) FROM rejected GROUP BY backend),
        told AS (
            SELECT name, sum(n)::bigint AS n FROM tallies
            WHERE name NOT LIKE 'last:%' AND name <> 'probes' GROUP BY name)
        SELECT name, coalesce(told.n, 0), coalesce(counted.n, 0) FROM told FULL JOIN counted USING (name)
        WHERE coalesce(told.n, 0) <> coalesce(counted.n, 0)";
    let told = |row: &tokio_postgres::Row| {
        format!("{}: {}, {}", row.get::<_, &str>(0), row.get::<_, i64>(1), row.get::<_, i64>(2))
    };
    client.query(SQL, &[]).await.unwrap().iter().map(told).collect()
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.end("");
        // Where a file system was mounted, as the server saw it, it could not be removed by the server's user.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
