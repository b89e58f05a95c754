//! `tcptune systemd` with a real systemd as the first process, where something stands in the way: it is refused or explained, and
//! a unit that does not come up is put back. Needs root; the first time builds a tree.

use crate::support::cli::c_program;
use crate::support::{Machine, ScratchDir};
use crate::systemd_units::{EXCHANGES, LIBRARY, boot, expect_stall, is_mapped, refused, verified};

#[test]
fn what_stands_in_the_way_is_named_before_anything_is_written() {
    let machine = boot();
    add_unreachable_programs(&machine);
    machine.shell(
        "mkdir -p /srv/jail/usr /root/x; cp /usr/lib/x86_64-linux-gnu/libtcptune.so /root/x/; cp /root/x/* /tmp/",
    );
    for (name, lines, library, words) in [
        ("static", "ExecStart=/usr/local/bin/fixed", "", "no loader runs at its start"),
        ("raised", "User=alice\nExecStart=/usr/local/bin/raised 9", "", "setuid to user 0"),
        ("jail", "RootDirectory=/srv/jail\nExecStart=/bin/sleep 9", "", "copy the library to `/srv/jail/usr/lib/"),
        ("calls", "SystemCallFilter=@basic-io @signal\nExecStart=sleep 9", "", "does not allow setsockopt getsockopt"),
        (
            "minus",
            "SystemCallFilter=@system-service\nSystemCallFilter=~setsockopt\nExecStart=sleep 9",
            "",
            "allow setsockopt: the",
        ),
        ("noexec", "NoExecPaths=/usr/lib/x86_64-linux-gnu/libtcptune.so\nExecStart=sleep 9", "", "add ExecPaths="),
        ("unset", "UnsetEnvironment=LD_PRELOAD A=b\nExecStart=sleep 9", "", "takes LD_PRELOAD away"),
        ("home", "ProtectHome=yes\nExecStart=sleep 9", "--library /root/x/libtcptune.so", "ProtectHome= hides"),
        ("temp", "PrivateTmp=yes\nExecStart=sleep 9", "--library /tmp/libtcptune.so", "PrivateTmp= hides"),
        ("tmpfs", "TemporaryFileSystem=/usr/lib:ro\nExecStart=sleep 9", "", "TemporaryFileSystem= hides"),
        ("user", "User=alice\nExecStart=sleep 9", "--library /root/x/libtcptune.so", "may not read"),
    ] {
        machine.write(&format!("/etc/systemd/system/{name}.service"), format!("[Service]\n{lines}\n"));
        machine.shell("systemctl daemon-reload");
        refused(&machine, &format!("systemd install {library} {name}"), 1, words);
        let (code, out, _) = machine.ended(&["sh", "-c", &format!("tcptune systemd show {library} {name}")]);
        assert!(code == 1 && out.contains("stands in the way"), "{out}");
    }
    // What does not matter.
    let harmless = "ProtectSystem=strict\nMemoryDenyWriteExecute=yes\nNoNewPrivileges=yes\nSystemCallFilter=@system-service\n\
                    RestrictAddressFamilies=AF_INET\nProtectHome=yes\nPrivateTmp=yes\nDynamicUser=yes\nPrivateDevices=yes";
    machine.write("/srv/exchanges.py", include_bytes!("../programs/exchanges.py"));
    let server = "ExecStart=/usr/bin/python3 /srv/exchanges.py server twice 4004";
    machine.start_service("strict.service", &format!("{harmless}\n{server}"));
    machine.shell("tcptune systemd install --restart strict");
    expect_stall(&machine, 4004, false);
    assert_eq!(verified(&machine, "strict").1, 0);
    assert!(machine.shell("ls /etc/systemd/system").matches(".service.d").count() == 1);
    machine.start_service("bare.service", "User=alice\nNoNewPrivileges=yes\nExecStart=/usr/local/bin/raised infinity");
    machine.run(&["tcptune", "systemd", "install", "--restart", "bare"]);
    assert!(is_mapped(&machine, "bare", LIBRARY));
    // Under a filter that allows what the library calls, it is told so; where there is none, nothing is.
    for (unit, told) in [("strict", true), ("bare", false)] {
        let written = machine.shell(&format!("cat /etc/systemd/system/{unit}.service.d/*"));
        assert_eq!(written.contains("TCPTUNE_SECCOMP=all"), told, "{written}");
    }
    // A filter that answers with an error: the library is there and can do nothing.
    let lines =
        format!("SystemCallFilter=~setsockopt\nSystemCallErrorNumber=EPERM\n{}", server.replace("4004", "4007"));
    machine.start_service("denied.service", &lines);
    refused(&machine, "systemd install denied", 1, "the library would do nothing");
    machine.run(&["tcptune", "systemd", "install", "--force", "--restart", "denied"]);
    machine.await_port(4007);
    let (report, code) = verified(&machine, "denied");
    let verdict = report["verdict"].as_str().unwrap_or_default();
    assert!(code == 1 && verdict.contains("but 0 of 1 TCP sockets have TCP_NODELAY: SystemCallFilter="), "{report:#}");
    let checked = machine.shell("tcptune check $(systemctl show -P MainPID denied)");
    assert!(checked.contains("`denied.service`: SystemCallFilter= does not allow setsockopt"), "{checked}");

    machine.shell("systemd-run --quiet --unit=passing sleep infinity");
    machine.shell("ln -s /dev/null /etc/systemd/system/veiled.service");
    machine.write("/etc/systemd/system/strict.timer", "[Timer]\nOnBootSec=1h\n");
    machine.write("/etc/systemd/system/broken.service", "[Service]\n");
    machine.write("/etc/systemd/system/minus.service.d/50-tcptune.conf", "[Service]\n");
    machine.shell("systemctl daemon-reload");
    for (arguments, code, words) in [
        ("systemd install none", 127, "there is no unit `none.service`"),
        ("systemd verify none", 127, "there is no unit `none.service`"),
        ("systemd remove none", 127, "there is no unit `none.service`"),
        ("attach --unit none", 127, "there is no unit `none.service`"),
        ("attach --unit minus", 1, "`minus.service` has no process now"),
        ("systemd install /etc/systemd/system/minus.service", 125, "is a path"),
        ("systemd install veiled", 1, "is masked"),
        ("systemd install broken", 125, "cannot load `broken.service`"),
        ("systemd install strict.timer", 125, "only services and sockets can be tuned: it starts `strict.service`"),
        ("systemd install --nodelay maybe strict", 125, "--nodelay maybe: allowed is"),
        ("systemd install --library /none.so strict", 125, "/none.so"),
        ("systemd install --force minus", 125, "was not written by tcptune"),
        ("systemd remove minus", 125, "was not written by tcptune"),
        ("systemd install passing", 1, "is transient"),
        ("systemd install --socket strict", 1, "no socket unit that listens on TCP"),
    ] {
        refused(&machine, arguments, code, words);
    }
    for (arguments, words) in [
        ("install --force unset", "Permission denied: try again as root"),
        ("remove strict", "Permission denied: try again as root"),
        ("verify strict", "may not be looked at: it belongs to another user"),
    ] {
        let command = format!("runuser -u alice -- tcptune systemd {arguments}");
        let (code, _, err) = machine.ended(&["sh", "-c", &command]);
        assert!(code == 126 && err.contains(words), "{arguments}: {code} {err}");
    }
}

/// A static program, and a setuid one, that wait.
fn add_unreachable_programs(machine: &Machine) {
    let scratch = ScratchDir::new("units");
    let source = "#include <unistd.h>\nint main(void) { return pause(); }";
    let fixed = c_program(&scratch, "fixed", source, "gcc", &["-static"]);
    machine.write("/usr/local/bin/fixed", std::fs::read(fixed).expect("built"));
    machine.shell("cd /usr/local/bin; chmod 755 fixed; cp /usr/bin/sleep raised; chmod u+s raised");
}

#[test]
fn a_unit_that_does_not_come_up_is_put_back() {
    let machine = boot();
    // It sets no option itself, so that only the library makes the call that is fatal here.
    let lines = format!("Restart=on-failure\nSystemCallFilter=~setsockopt\nExecStart={EXCHANGES} server twice 4005");
    machine.start_service("fragile.service", &lines);
    expect_stall(&machine, 4005, true);
    let before = machine.shell("find /etc/systemd | sort");
    let (code, out, err) = machine.ended(&["tcptune", "systemd", "install", "--restart", "--force", "fragile"]);
    assert!(code == 1 && err.contains("did not come up with it, so it was taken back"), "{code} {out}{err}");
    expect_stall(&machine, 4005, true);
    assert_eq!(machine.shell("find /etc/systemd | sort"), before);

    // An instance of a template, which has had other settings before.
    let lines = format!("[Service]\nSystemCallFilter=~setsockopt\nExecStart={EXCHANGES} server twice %i\n");
    machine.write("/etc/systemd/system/frail@.service", lines);
    machine.shell("systemctl daemon-reload; tcptune systemd install --force --nodelay off --cork off frail@");
    machine.shell("systemctl start frail@4008");
    expect_stall(&machine, 4008, true);
    let text = machine.shell("cat /etc/systemd/system/frail@.service.d/50-tcptune.conf");
    let (code, out, err) = machine.ended(&["tcptune", "systemd", "install", "--restart", "--force", "frail@"]);
    assert!(code == 1 && err.contains("restarted as it was"), "{code} {out}{err}");
    expect_stall(&machine, 4008, true);
    assert_eq!(machine.shell("cat /etc/systemd/system/frail@.service.d/50-tcptune.conf"), text);
}

#[test]
fn processes_without_the_library_are_explained() {
    let machine = boot();
    add_unreachable_programs(&machine);
    let script = "fixed & raised infinity & env -u LD_PRELOAD sleep infinity & exec sleep infinity";
    machine.start_service("mixed.service", &format!("User=alice\nExecStart=/bin/sh -c '{script}'"));
    machine.shell("tcptune systemd install --restart mixed");
    let (report, code) = verified(&machine, "mixed");
    let processes = report["processes"].as_array().expect("a list");
    assert!(code == 1 && processes.len() == 4, "{report:#}");
    let reasons: Vec<&str> = processes.iter().filter_map(|process| process["reason"].as_str()).collect();
    for words in ["no loader runs at its start", "raised privileges", "LD_PRELOAD was dropped on the way"] {
        assert!(reasons.iter().any(|reason| reason.contains(words)), "{words}: {report:#}");
    }
    assert_eq!(report["verdict"], "the library is in 1 of 4 processes, 0 of 0 TCP sockets have TCP_NODELAY");

    for (name, lines, words) in [
        ("noexec", "NoExecPaths=/usr/lib/x86_64-linux-gnu/libtcptune.so", "NoExecPaths= seems to forbid it"),
        ("tmpfs", "TemporaryFileSystem=/srv", "there is no `/srv/libtcptune.so` where the process sees the world from"),
        ("off", "Environment=TCPTUNE=off", "switched off (TCPTUNE=off)"),
    ] {
        machine.start_service(&format!("{name}.service"), &format!("{lines}\nExecStart=sleep infinity"));
        machine.shell(&format!(
            "cp {LIBRARY} /srv; tcptune systemd install --force --restart --library {} {name}",
            if name == "tmpfs" { "/srv/libtcptune.so" } else { LIBRARY }
        ));
        let (report, code) = verified(&machine, name);
        let reason = report["processes"][0]["reason"].as_str().unwrap_or_default();
        assert!(code == 1 && reason.contains(words), "{report:#}");
    }
}
