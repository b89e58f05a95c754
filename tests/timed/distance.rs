//! The other end's stall at a distance: a pause is a delayed acknowledgement and a round trip. A client that writes twice and then
//! reads, forty milliseconds away, by tests/measure/field/relay.c.

use std::process::{Command, Stdio};
use std::time::Duration;

use crate::far::{Far, PATIENCE, SERVER, inside};
use crate::support::cli::capture::{self, Tcpdump};
use crate::support::cli::exchanges::Client;
use crate::support::cli::{ended, tcptune};
use crate::support::{Guard, ScratchDir, library, program, turn};

const ONE_WAY_MS: &str = "20";

fn python(space: &str, settings: &[String], arguments: &[&str]) -> Command {
    let mut command = inside(space);
    command.arg("env").args(settings).arg("python3").arg(program("exchanges.py")).args(arguments);
    command
}

/// A server with these settings, and its port.
fn server(far: &Far, settings: &[String]) -> (Guard, String) {
    let mut command = python(&far.spaces.server, settings, &["server", "once", "0", SERVER]);
    let mut server = Guard::spawn(command.stdout(Stdio::piped()));
    let port = server.first_line(PATIENCE);
    (server, port)
}

fn client(far: &Far, port: &str) -> Client {
    Client::of(&mut python(&far.spaces.client, &[], &["client", port, "twice", SERVER]))
}

/// How long an exchange takes, in milliseconds: the median of so many that the first, which the kernel acknowledges at once, do
/// not matter.
fn exchange(far: &Far, port: &str) -> f64 {
    client(far, port).ask("40").parse().expect("a number")
}

#[test]
fn the_server_alone_cures_a_client_forty_milliseconds_away() {
    let _turn = turn::alone();
    let far = Far::new(ONE_WAY_MS);
    let (_plain, port) = server(&far, &[]);
    let before = exchange(&far, &port);
    assert!(before > 110.0, "two round trips and a delayed acknowledgement take {before} ms");
    let settings = [format!("LD_PRELOAD={}", library().display()), "TCPTUNE_QUICKACK=auto".to_owned()];
    let (_cured, port) = server(&far, &settings);
    let after = exchange(&far, &port);
    assert!((75.0..100.0).contains(&after), "two round trips take {after} ms");
}

#[test]
fn doctor_finds_the_stall_from_either_end_forty_milliseconds_away() {
    let _turn = turn::alone();
    let far = Far::new(ONE_WAY_MS);
    let (server, port) = server(&far, &[]);
    let mut client = client(&far, &port);
    client.begin("200");
    // It is asked when the first exchanges, which the kernel acknowledges at once, are over.
    std::thread::sleep(Duration::from_secs(2));
    for (space, process) in [(&far.spaces.server, &server), (&far.spaces.client, &client.guard)] {
        // On a busy machine looks may come too seldom: then once more.
        let verdicts = [(); 2].map(|()| {
            let doctor = tcptune();
            let mut command = inside(space);
            command.arg(doctor.get_program());
            command.args(["doctor", "--pid", &process.pid().to_string(), "--duration", "3"]);
            ended(&mut command)
        });
        let found = |(code, out, _): &(i32, String, String)| *code == 1 && out.contains("stall found");
        assert!(verdicts.iter().any(found), "{space}: {verdicts:?}");
    }
}

#[test]
fn doctor_does_not_doubt_healthy_exchanges_forty_milliseconds_away() {
    let _turn = turn::alone();
    let far = Far::new(ONE_WAY_MS);
    let (server, port) = server(&far, &[]);
    let mut command = python(&far.spaces.client, &[], &["client", &port, "once", SERVER]);
    let mut client = Client::of(&mut command);
    client.begin("200");
    for (space, process) in [(&far.spaces.server, &server), (&far.spaces.client, &client.guard)] {
        // From one end and from the other, with the looks as far apart as they may be.
        let doctor = tcptune();
        let mut command = inside(space);
        command.arg(doctor.get_program());
        command.args(["doctor", "--interval", "10", "--pid", &process.pid().to_string(), "--duration", "2"]);
        let (code, out, err) = ended(&mut command);
        assert!(code == 0 && out.contains("no stall found"), "{space}: {code} {out}{err}");
    }
}

#[test]
fn captures_of_either_end_show_the_stall_forty_milliseconds_away() {
    let _turn = turn::alone();
    let far = Far::new(ONE_WAY_MS);
    let (_server, port) = server(&far, &[]);
    let scratch = ScratchDir::new("capture");
    for (writes, code) in [("twice", 1), ("once", 0)] {
        let ends = [&far.spaces.server, &far.spaces.client];
        let captures = ends.map(|space| Tcpdump::start(space, "relay", &scratch.join(space)));
        let mut command = python(&far.spaces.client, &[], &["client", &port, writes, SERVER]);
        Client::of(&mut command).ask("30");
        for capture in captures {
            let (report, given) = capture::report(&capture.end(), &["--port", &port]);
            assert_eq!(given, code, "{writes} {report:#}");
            let found = &report["findings"][0];
            if code == 1 {
                assert_eq!(
                    (found["kind"].as_str(), found["side"].as_str()),
                    (Some("nagle"), Some("client")),
                    "{found:#}"
                );
                let number = |name: &str| found[name].as_f64().unwrap_or_else(|| panic!("{name}: {found:#}"));
                assert!((75.0..100.0).contains(&number("wait_ms")), "{found:#}");
                assert!((39.0..50.0).contains(&number("round_trip_ms")), "{found:#}");
            }
        }
    }
}
