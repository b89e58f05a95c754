//! Python's http.server under the library: it writes the header, then the body, and the client waits for both.

use crate::support::exchange::{median, stalls};
use crate::support::netns::{Pair, SERVER_ADDRESS};
use crate::support::{Guard, Mode, ScratchDir, finish, http, library, program};
use std::process::Stdio;
use std::time::Duration;

/// The median request on one keep-alive connection to a server that serves one small file.
fn request(command: &mut std::process::Command) -> Duration {
    let server = http::Server::start(command);
    let mut client = http::Client::connect(server.port);
    median(15, || assert_eq!(client.get("/page.txt"), server.page.as_bytes()))
}

#[test]
fn the_stall_of_python_http_server_is_gone() {
    let plain = request(&mut Mode::Plain.command("python3"));
    let preloaded = request(&mut Mode::Preloaded.command("python3"));
    let off = request(Mode::Preloaded.command("python3").env("TCPTUNE", "off"));
    println!("http.server, median request: plain {plain:?}, preloaded {preloaded:?}, switched off {off:?}");
    assert!(stalls(plain), "plain: {plain:?}");
    assert!(!stalls(preloaded), "preloaded: {preloaded:?}");
    assert!(stalls(off), "TCPTUNE=off: {off:?}");
}

#[test]
fn a_child_of_a_preloaded_shell_is_reached_and_of_a_clean_environment_is_not() {
    let through_sh = |script: &str| {
        let mut command = Mode::Preloaded.command("sh");
        request(command.args(["-c", script, "sh"]))
    };
    let child = through_sh(r#"exec python3 "$@""#);
    assert!(!stalls(child), "{child:?}");
    let clean = through_sh(r#"exec env -u LD_PRELOAD python3 "$@""#);
    assert!(stalls(clean), "{} cannot be in that process: {clean:?}", library().display());
}

#[test]
fn the_same_over_ethernet() {
    let pair = Pair::new();
    let scratch = ScratchDir::new("http");
    scratch.file("page.txt", "a line of the page\n".repeat(50));
    let [plain, preloaded] = Mode::BOTH.map(|mode| {
        // Each server has a port of its own: the first one's is not free again at once.
        let port = if mode == Mode::Plain { "8001" } else { "8002" };
        let mut server = mode.command("ip");
        server.args(["netns", "exec", &pair.server, "python3", "-m", "http.server", "--protocol", "HTTP/1.1"]);
        server.args(["--bind", SERVER_ADDRESS, "--directory"]).arg(scratch.path()).arg(port);
        server.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let _server = Guard::spawn(&mut server);
        let mut client = Mode::Plain.command("ip");
        client.args(["netns", "exec", &pair.client, "python3"]).arg(program("http_get.py"));
        let median = finish(client.args([SERVER_ADDRESS, port, "/page.txt", "15"])).expect();
        Duration::from_secs_f64(median.trim().parse::<f64>().expect("milliseconds") / 1000.0)
    });
    println!("http.server over a veth pair, median request: plain {plain:?}, preloaded {preloaded:?}");
    assert!(stalls(plain), "plain: {plain:?}");
    assert!(!stalls(preloaded), "preloaded: {preloaded:?}");
}
