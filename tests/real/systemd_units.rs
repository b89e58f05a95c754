//! `tcptune systemd` and `attach --unit` with a real systemd as the first process: the library gets into real units, the
//! stall goes and comes back. What cannot work is in systemd_hindrances.rs. Needs root; the first time builds a tree.

use crate::support::Machine;
use crate::support::cli::schema::keeps;
use serde_json::Value;

/// Milliseconds. A stall is 40 and more.
const STALLED: f64 = 30.0;
const HEALTHY: f64 = 15.0;
pub(crate) const LIBRARY: &str = "/usr/lib/x86_64-linux-gnu/libtcptune.so";
pub(crate) const EXCHANGES: &str = "/usr/bin/python3 /project/tests/programs/exchanges.py";

pub(crate) fn boot() -> Machine {
    Machine::boot(env!("CARGO_BIN_EXE_tcptune"))
}

/// Medians of a few measurements in milliseconds. A stall is in all of them; a busy machine may delay some.
#[track_caller]
pub(crate) fn expect(medians: &[f64], stalls: bool) {
    let least = medians.iter().copied().fold(f64::INFINITY, f64::min);
    let holds = if stalls { least >= STALLED } else { least <= HEALTHY };
    assert!(holds && medians.len() > 1, "{medians:?} ms, expected a stall: {stalls}");
}

/// Exchanges with a server, by a client that writes once.
#[track_caller]
pub(crate) fn expect_stall(machine: &Machine, port: u16, stalls: bool) {
    machine.await_port(port);
    let out = machine.shell(&format!("printf '9\\n9\\n9\\n' | {EXCHANGES} client {port} once"));
    expect(&out.lines().skip(1).map(|line| line.parse().expect("a number")).collect::<Vec<_>>(), stalls);
}

/// `tcptune` with these arguments must fail like this.
#[track_caller]
pub(crate) fn refused(machine: &Machine, arguments: &str, code: i32, words: &str) {
    let (found, out, err) = machine.ended(&["sh", "-c", &format!("tcptune {arguments}")]);
    assert!(found == code && err.contains(words), "{arguments}: {found}\n{out}{err}");
    assert!(err.lines().all(|line| line.starts_with("tcptune: ") || line.is_empty()), "{err}");
}

/// What `verify --json` says of one unit, and its exit code.
pub(crate) fn verified(machine: &Machine, unit: &str) -> (Value, i32) {
    let (code, out, err) = machine.ended(&["tcptune", "systemd", "verify", "--json", unit]);
    assert!(out.starts_with('{'), "{out}{err}");
    let mut report = keeps("systemd-verify", &out);
    // For people, on a narrow terminal; a path may be longer.
    let narrow = machine.shell(&format!("COLUMNS=60 tcptune systemd verify {unit} || true"));
    let fits = |line: &str| line.chars().count() <= 60 || line.trim_start().starts_with('/');
    assert!(narrow.contains("tuned: ") && narrow.lines().all(fits), "{narrow}");
    (report["units"][0].take(), code)
}

fn preload(machine: &Machine, unit: &str) -> String {
    let pid = machine.run(&["systemctl", "show", "--value", "--property=MainPID", unit]);
    let line = format!("tr '\\0' '\\n' </proc/{}/environ | sed -n s/^LD_PRELOAD=//p", pid.trim());
    machine.shell(&line).trim_end().to_owned()
}

pub(crate) fn is_mapped(machine: &Machine, unit: &str, file: &str) -> bool {
    let pid = machine.run(&["systemctl", "show", "--value", "--property=MainPID", unit]);
    machine.run(&["cat", &format!("/proc/{}/maps", pid.trim())]).contains(file)
}

#[test]
fn on_a_unit_and_away_again_beside_another_library() {
    let machine = boot();
    let lines = format!("Environment=LD_PRELOAD=libeatmydata.so\nExecStart={EXCHANGES} server twice 4000");
    machine.start_service("legacyd.service", &lines);
    expect_stall(&machine, 4000, true);
    let before = machine.shell("find /etc/systemd /run/systemd/system | sort");

    let (report, code) = verified(&machine, "legacyd");
    assert!(code == 1 && report["tuned"] == false, "{report:#}");
    assert_eq!(report["processes"][0]["reason"], "nothing is installed: `tcptune systemd install legacyd.service`");

    let out = machine.shell("tcptune systemd install --set keepalive=61/10/5 legacyd");
    assert!(out.contains("not in effect before `systemctl restart legacyd.service`"), "{out}");
    expect_stall(&machine, 4000, true);
    let (report, _) = verified(&machine, "legacyd");
    let reason = report["processes"][0]["reason"].as_str().unwrap_or_default();
    assert!(reason.contains("before the drop-in was written (restart the unit)"), "{reason}");
    let out = machine.shell("tcptune systemd install --restart --set keepalive=61/10/5 legacyd");
    assert!(out.contains("50-tcptune.conf is as it should be") && out.contains("restarted legacyd.service"), "{out}");

    machine.await_port(4000);
    let (report, code) = verified(&machine, "legacyd");
    assert!(code == 0 && report["tuned"] == true, "{report:#}");
    assert_eq!(report["processes"][0]["library"], LIBRARY);
    let listener = &report["processes"][0]["sockets"][0];
    assert!(listener["state"] == "listening" && listener["nodelay"] == true, "{report:#}");
    assert_eq!(preload(&machine, "legacyd"), format!("{LIBRARY}:libeatmydata.so"));
    assert!(is_mapped(&machine, "legacyd", "libeatmydata.so"));
    expect_stall(&machine, 4000, false);
    let shown = machine.shell("tcptune systemd show legacyd");
    assert!(shown.contains("50-tcptune.conf") && shown.contains("TCPTUNE_SET"), "{shown}");
    let state = "--property=LoadState,NeedDaemonReload legacyd";
    assert_eq!(machine.shell(&format!("systemctl show {state}")), "LoadState=loaded\nNeedDaemonReload=no\n");
    machine.shell("systemd-analyze verify legacyd.service");

    machine.shell("tcptune systemd remove --restart legacyd");
    expect_stall(&machine, 4000, true);
    assert_eq!(machine.shell("find /etc/systemd /run/systemd/system | sort"), before);
    assert_eq!(preload(&machine, "legacyd"), "libeatmydata.so");
    assert!(machine.shell("tcptune systemd remove legacyd").contains("nothing of tcptune is installed"));
}

#[test]
fn real_daemons_with_all_their_processes() {
    let machine = boot();
    // Debian's file names services of packages that are not there.
    machine.shell("sed -i -E '/^[[:space:]]*(pop3|http|nntp|sieve)[[:space:]]/d' /etc/cyrus.conf");
    for (unit, port, least) in [("nginx", 80, 2), ("cyrus-imapd", 143, 2)] {
        machine.run(&["systemctl", "start", unit]);
        machine.await_port(port);
        machine.run(&["tcptune", "systemd", "install", "--restart", unit]);
        machine.await_port(port);
        // A connection that is open: it has a process of its own, or is one more socket.
        let client = format!("exec 3<>/dev/tcp/127.0.0.1/{port}; sleep 0.5; tcptune systemd verify --json {unit}");
        let (code, out, err) = machine.ended(&["bash", "-c", &client]);
        let report: Value = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}{err}"));
        let processes = report["units"][0]["processes"].as_array().expect("a list");
        assert!(code == 0 && processes.len() >= least, "{unit}: {report:#}");
        assert!(processes.iter().all(|process| process["library"] == LIBRARY), "{unit}: {report:#}");
        let mut sockets = processes.iter().flat_map(|process| process["sockets"].as_array().expect("a list"));
        assert!(sockets.any(|s| s["state"] == "established" && s["nodelay"] == true), "{unit}: {report:#}");
        machine.run(&["tcptune", "systemd", "remove", "--restart", unit]);
        let (report, code) = verified(&machine, unit);
        assert!(code == 1 && !report.to_string().contains(LIBRARY), "{unit}: {report:#}");
    }
    let page = "ExecStart=/usr/bin/python3 -m http.server --protocol HTTP/1.1 --directory /etc 8000";
    machine.start_service("page.service", page);
    let page_stalls = |stalls: bool| {
        machine.await_port(8000);
        let get = "for n in 1 2 3; do python3 /project/tests/programs/http_get.py 127.0.0.1 8000 /os-release 9; done";
        expect(&machine.shell(get).lines().map(|line| line.parse().expect("a number")).collect::<Vec<_>>(), stalls);
    };
    page_stalls(true);
    machine.run(&["tcptune", "systemd", "install", "--restart", "page"]);
    page_stalls(false);
    machine.run(&["tcptune", "systemd", "remove", "--restart", "page"]);
    page_stalls(true);
}

#[test]
fn a_socket_unit_takes_nodelay_itself() {
    let machine = boot();
    machine.write("/etc/systemd/system/lazy.socket", "[Socket]\nListenStream=127.0.0.1:4001\n");
    machine.write("/etc/systemd/system/lazy.service", format!("[Service]\nExecStart={EXCHANGES} server twice\n"));
    machine.shell("systemctl daemon-reload && systemctl start lazy.socket");
    let before = machine.shell("find /etc/systemd | sort");
    expect_stall(&machine, 4001, true);
    let (_, _, err) = machine.ended(&["tcptune", "systemd", "install", "--dry-run", "lazy"]);
    assert!(err.contains("`lazy.socket` listens for it") && err.contains("install --socket lazy.service"), "{err}");

    machine.run(&["tcptune", "systemd", "install", "--socket", "lazy"]);
    let (code, out, _) = machine.ended(&["tcptune", "systemd", "verify", "lazy.socket"]);
    assert!(code == 1 && out.contains("its listener was opened before"), "{out}");
    let out = machine.shell("tcptune systemd install --socket --restart lazy");
    assert!(out.contains("lazy.socket.d/50-tcptune.conf") && out.contains("restarted lazy.socket"), "{out}");
    expect_stall(&machine, 4001, false);
    let out = machine.shell("tcptune systemd verify lazy.socket");
    assert!(out.contains("tuned: its listeners have TCP_NODELAY"), "{out}");
    let (report, code) = verified(&machine, "lazy");
    assert!(code == 1 && report["processes"][0]["sockets"][0]["nodelay"] == true, "{report:#}");
    let (_, _, err) = machine.ended(&["tcptune", "systemd", "install", "--dry-run", "lazy"]);
    assert!(!err.contains("listens for it"), "{err}");
    let out = machine.shell("tcptune systemd remove --restart lazy");
    assert!(out.contains("removed") && out.contains("restarted lazy.socket"), "{out}");
    expect_stall(&machine, 4001, true);
    assert_eq!(machine.shell("find /etc/systemd | sort"), before);

    // The library does it too, for the listener that it is handed.
    machine.run(&["tcptune", "systemd", "install", "--restart", "lazy"]);
    expect_stall(&machine, 4001, false);
    let (report, code) = verified(&machine, "lazy");
    assert!(code == 0, "{report:#}");
    refused(&machine, "systemd install --set keepalive=on lazy.socket", 125, "neither settings nor a library");
    machine.write("/etc/systemd/system/local.socket", "[Socket]\nListenStream=/run/local\n");
    refused(&machine, "systemd install local.socket", 1, "listens on no TCP address");
    refused(&machine, "attach --unit lazy.socket", 1, "systemd itself listens");
}

#[test]
fn the_unit_s_own_environment_is_merged() {
    let machine = boot();
    // In an environment file, which outranks every Environment=; settings with odd characters come through.
    machine.write("/etc/default/filed", "LD_PRELOAD=\"libeatmydata.so\"\nTCPTUNE_NODELAY=off\n");
    let lines = format!("EnvironmentFile=/etc/default/%p\nExecStart={EXCHANGES} server twice 4002");
    machine.start_service("filed.service", &lines);
    let rule = "--nodelay on --rule 'port=1 off' --rule 'peer=10.0.0.0/8 cork=off'";
    machine.shell(&format!("tcptune systemd install --restart {rule} filed"));
    expect_stall(&machine, 4002, false);
    assert_eq!(preload(&machine, "filed"), format!("{LIBRARY}:libeatmydata.so"));
    let (report, code) = verified(&machine, "filed");
    assert!(code == 0, "{report:#}");
    assert!(machine.shell("tcptune systemd remove --restart filed").contains("50-tcptune.env"));
    assert_eq!(preload(&machine, "filed"), "libeatmydata.so");
    assert!(machine.ended(&["ls", "/etc/systemd/system/filed.service.d"]).0 != 0);

    // Without TCP_NODELAY, which is what was asked for.
    machine.shell("tcptune systemd install --restart --nodelay off --set keepalive=on filed");
    machine.await_port(4002);
    let (report, code) = verified(&machine, "filed");
    assert!(code == 0 && report["processes"][0]["sockets"][0]["nodelay"] == false, "{report:#}");
    machine.run(&["tcptune", "systemd", "remove", "--restart", "filed"]);

    // In a drop-in that is read later than ours would be.
    machine.write(
        "/etc/systemd/system/late.service.d/override.conf",
        "[Service]\nEnvironment=LD_PRELOAD=libeatmydata.so\n",
    );
    machine.start_service("late.service", &format!("ExecStart={EXCHANGES} server twice 4003"));
    let out = machine.shell("tcptune systemd install --restart late");
    assert!(out.contains("late.service.d/zzz-tcptune.conf"), "{out}");
    assert_eq!(preload(&machine, "late"), format!("{LIBRARY}:libeatmydata.so"));
    machine.shell("tcptune systemd remove --restart late");
    assert_eq!(machine.shell("ls /etc/systemd/system/late.service.d"), "override.conf\n");

    // Of the manager.
    machine.shell("systemctl set-environment LD_PRELOAD=libeatmydata.so");
    machine.start_service("plain.service", "ExecStart=sleep infinity");
    machine.shell("tcptune systemd install --restart plain");
    assert_eq!(preload(&machine, "plain"), format!("{LIBRARY}:libeatmydata.so"));
    machine.shell("systemctl unset-environment LD_PRELOAD");

    // By hand already: once is enough, and what is left is told.
    let by_hand = format!("[Service]\nEnvironment=LD_PRELOAD={LIBRARY}\n");
    machine.write("/etc/systemd/system/plain.service.d/10-hand.conf", by_hand);
    machine.shell("systemctl daemon-reload; tcptune systemd install --restart plain");
    assert_eq!(preload(&machine, "plain"), LIBRARY);
    let (_, out, err) = machine.ended(&["tcptune", "systemd", "remove", "plain"]);
    assert!(err.contains("10-hand.conf` still names the library"), "{out}{err}");
}

#[test]
fn templates_aliases_odd_names_users_and_runtime() {
    let machine = boot();
    machine.write(
        "/etc/systemd/system/job@.service",
        "[Service]\nExecStart=sleep infinity\n[Install]\nAlias=work@.service\n",
    );
    machine.shell("systemctl daemon-reload; systemctl start job@a job@b 'job@x y'");
    machine.shell("tcptune systemd install --restart job@");
    assert_eq!(machine.shell("tcptune systemd verify job@ | grep -c '^tuned'"), "3\n");
    machine.shell("tcptune systemd remove --restart job@; tcptune systemd install --restart 'job@x y'");
    assert!(is_mapped(&machine, "job@x\\x20y", LIBRARY) && !is_mapped(&machine, "job@a", LIBRARY));
    machine.shell("test -f '/etc/systemd/system/job@x\\x20y.service.d/50-tcptune.conf'");
    machine.shell("tcptune systemd remove --restart 'job@x y'; ! ls -d /etc/systemd/system/job*.d");

    machine.write(
        "/etc/systemd/system/real-1.service",
        "[Service]\nExecStart=sleep infinity\n[Install]\nAlias=other.service\n",
    );
    machine.shell("systemctl daemon-reload; systemctl --quiet enable real-1; systemctl start real-1");
    let out = machine.shell("tcptune systemd install --runtime --restart other");
    assert!(out.contains("other.service is another name of real-1.service"), "{out}");
    assert!(out.contains("/run/systemd/system/real-1.service.d/50-tcptune.conf"), "{out}");
    assert!(is_mapped(&machine, "other", LIBRARY));
    // To stay: the other one goes.
    let out = machine.shell("tcptune systemd install --restart real-1");
    assert!(out.contains("wrote /etc/systemd"), "{out}");
    machine.shell("! ls -d /run/systemd/system/real-1.service.d");
    machine.shell("tcptune systemd remove --restart other");
    assert!(!is_mapped(&machine, "real-1", LIBRARY));

    // The manager of a user.
    machine.shell("loginctl enable-linger alice");
    machine.write("/home/alice/.config/systemd/user/mine.service", "[Service]\nExecStart=sleep infinity\n");
    machine.shell(
        "chown -R alice: /home/alice; until [ -S /run/user/$(id -u alice)/systemd/private ]; do sleep 0.1; done",
    );
    let as_alice = |command: &str| {
        let runtime = "XDG_RUNTIME_DIR=/run/user/$(id -u alice)";
        machine.shell(&format!("runuser -u alice -- env HOME=/home/alice {runtime} sh -c '{command}'"))
    };
    as_alice("systemctl --user daemon-reload; systemctl --user start mine");
    let out = as_alice("tcptune systemd install --user --restart mine && tcptune systemd verify --user mine");
    assert!(
        out.contains("/home/alice/.config/systemd/user/mine.service.d/50") && out.contains("tuned: the library"),
        "{out}"
    );
    let out = as_alice("tcptune attach --user --unit mine || test $? = 1");
    assert!(out.contains("no TCP socket"), "{out}");
    as_alice("tcptune systemd remove --user --restart mine");
    machine.shell("! ls /home/alice/.config/systemd/user/mine.service.d");
}

#[test]
fn a_running_unit_is_tuned_without_a_restart() {
    let machine = boot();
    machine.start_service("running.service", &format!("ExecStart={EXCHANGES} server twice 4006"));
    let pid = machine.run(&["systemctl", "show", "--property=MainPID", "running"]);
    expect_stall(&machine, 4006, true);
    let out = machine.shell("tcptune attach --unit running");
    assert!(out.contains("off -> on"), "{out}");
    expect_stall(&machine, 4006, false);
    machine.shell("tcptune attach --revert --unit running");
    expect_stall(&machine, 4006, true);
    assert_eq!(machine.run(&["systemctl", "show", "--property=MainPID", "running"]), pid);
}
