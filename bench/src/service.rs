//! Outside judges of the service: PostgreSQL under the store's tests, a real browser on the page, generated requests, and ten
//! minutes of steady load.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::serve::Server;
use crate::{Outcome, peer, serve};

/// Starts a PostgreSQL of its own and runs the store's tests on it.
pub(crate) fn postgres() -> Outcome<bool> {
    let programs = postgres_programs()?;
    let folder = PathBuf::from(format!("/tmp/tidemill-postgres-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    // PostgreSQL refuses to run as root.
    let root = String::from_utf8(Command::new("id").arg("-u").output()?.stdout)?.trim() == "0";
    if root {
        finish(Command::new("chown").arg("postgres").arg(&folder))?;
    }
    let run = |program: &str, arguments: &[&str]| {
        let program = programs.join(program);
        let mut command = if root {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        finish(command.args(arguments).current_dir(&folder))
    };
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let settings = format!("-p {port} -c listen_addresses=127.0.0.1 -k {}", folder.display());
    run("initdb", &["-D", "data", "-A", "trust", "-U", "judge", "--no-sync"])?;
    run("pg_ctl", &["-D", "data", "-w", "-l", "log", "-o", &settings, "start"])?;
    let tested = finish(
        Command::new("cargo")
            .args(["test", "--workspace", "--test", "store"])
            .current_dir(peer::root())
            .env("TIDEMILL_TEST_POSTGRES", format!("postgres://judge@127.0.0.1:{port}/postgres")),
    );
    run("pg_ctl", &["-D", "data", "-m", "immediate", "stop"])?;
    std::fs::remove_dir_all(&folder)?;
    tested.map(|()| true)
}

/// Where `initdb` and `pg_ctl` are; installed by the system's packages where they are missing and may be installed.
fn postgres_programs() -> Outcome<PathBuf> {
    let find = || {
        let own = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
        let own = own.map(|version| version.path().join("bin"));
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path: Vec<PathBuf> = std::env::split_paths(&path).collect();
        own.chain(path).find(|folder| folder.join("pg_ctl").exists() && folder.join("initdb").exists())
    };
    if let Some(found) = find() {
        return Ok(found);
    }
    finish(Command::new("apt-get").args(["install", "-y", "-q", "postgresql"]))
        .map_err(|e| format!("{e}; this judge needs PostgreSQL's server programs"))?;
    find().ok_or_else(|| "PostgreSQL's server programs are not found".into())
}

fn finish(command: &mut Command) -> Outcome<()> {
    let status = command.status().map_err(|e| format!("{command:?}: {e}"))?;
    if status.success() { Ok(()) } else { Err(format!("{command:?}: {status}").into()) }
}

/// A server of ours without keys, as people first meet it.
fn open_server() -> Outcome<Server> {
    let folder = peer::work_folder()?.join("serve");
    let model = serve::model(&folder)?;
    Server::open(&model, &folder)
}

/// The page in a real browser.
pub(crate) fn page() -> Outcome<bool> {
    let server = open_server()?;
    let folder = peer::work_folder()?.join("page");
    std::fs::create_dir_all(&folder)?;
    let found = peer::run("page", &[&format!("{}/", server.base()), &folder.display().to_string()], 1)?;
    let faults = found.first().map(|f| f["faults"].clone()).unwrap_or_default();
    println!("screenshots: {}\nfaults: {faults}", folder.display());
    Ok(faults.as_array().is_some_and(Vec::is_empty))
}

/// Requests generated from `/openapi.json`: none may be answered with 5xx. And XML, in and out, held against the schemas that
/// the service hands out.
pub(crate) fn api() -> Outcome<bool> {
    let server = open_server()?;
    let found = peer::run("xsd", &[&server.base()], 1)?.pop().unwrap_or_default();
    println!("XML by its schemas: {found}");
    let valid = found["faults"].as_array().is_some_and(Vec::is_empty);
    let mut command = peer::python()?;
    command.args(["-m", "schemathesis.cli", "run", &format!("{}/openapi.json", server.base())]);
    command.args([
        "--checks",
        "not_a_server_error",
        "--max-examples",
        "100",
        "--seed",
        "1",
        "--suppress-health-check",
        "all",
    ]);
    Ok(command.current_dir(peer::work_folder()?).status()?.success() && valid)
}

const SOAK: Duration = Duration::from_secs(600);

/// Ten minutes at half the peak rate: the memory of minute 10 is at most 1.05 times that of minute 2. Before it, the time
/// to be ready and the memory after load.
pub(crate) fn soak() -> Outcome<bool> {
    let folder = peer::work_folder()?.join("serve");
    let model = serve::model(&folder)?;
    let began = Instant::now();
    let server = Server::ours(&model, &folder)?;
    let (ready, loaded) = (server.started, server.memory()?);
    println!(
        "ready in {:.3} s, {:.1} MB after load ({:.1} s in all)",
        ready.as_secs_f64(),
        loaded,
        began.elapsed().as_secs_f64()
    );
    let peak = server.measure(16, &folder)?.per_second;
    println!("peak at 16 connections: {peak:.0} requests a second");
    let began = Instant::now();
    let mut minutes = Vec::new();
    let pace = std::thread::scope(|scope| -> Outcome<u64> {
        let load = scope.spawn(|| server.paced(peak / 2.0, SOAK));
        for minute in 1..=10u64 {
            std::thread::sleep(
                (began + Duration::from_secs(60 * minute)).saturating_duration_since(Instant::now()),
            );
            minutes.push(server.memory()?);
            println!("minute {minute}: {:.1} MB", minutes.last().copied().unwrap_or_default());
        }
        load.join().map_err(|_| "the load failed")?.map_err(Into::into)
    })?;
    let ratio = minutes[9] / minutes[1];
    println!("{pace} requests answered; memory of minute 10 over minute 2: {ratio:.3}");
    Ok(ratio <= 1.05 && loaded <= 40.0 && ready <= Duration::from_millis(200))
}
