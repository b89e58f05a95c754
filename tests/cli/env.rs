//! `tcptune env`: what holds, where it comes from, and faults in the same words as the library's.

use crate::support;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::support::cli::{ended, tcptune};
use crate::support::{Mode, finish, text};
use serde_json::{Value, json};

fn env(variables: &[(&str, &[u8])]) -> (i32, String, String) {
    let mut command = tcptune();
    command.arg("env").envs(variables.iter().map(|(name, value)| (name, OsStr::from_bytes(value))));
    ended(&mut command)
}

fn report(variables: &[(&str, &[u8])]) -> (Value, i32) {
    let mut command = tcptune();
    command.args(["env", "--json"]).envs(variables.iter().map(|(name, value)| (name, OsStr::from_bytes(value))));
    let (code, out, _) = ended(&mut command);
    (serde_json::from_str(&out).expect("valid JSON"), code)
}

fn row<'r>(report: &'r Value, name: &str) -> &'r Value {
    let rows = report["settings"].as_array().expect("a list");
    rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("no row {name}: {report:#}"))
}

#[test]
fn all_defaults() {
    let (found, code) = report(&[]);
    assert_eq!((code, &found["enabled"]), (0, &Value::Bool(true)));
    for (name, value) in [
        ("TCPTUNE", "on"),
        ("TCPTUNE_NODELAY", "on"),
        ("TCPTUNE_CORK", "auto"),
        ("TCPTUNE_RELEASE", "own"),
        ("TCPTUNE_QUICKACK", "off"),
        ("TCPTUNE_SET", ""),
        ("TCPTUNE_RULES", ""),
        ("TCPTUNE_ONLY", ""),
        ("TCPTUNE_SKIP", ""),
    ] {
        let row = row(&found, name);
        assert_eq!((&row["value"], &row["source"], &row["written"]), (&json!(value), &json!("default"), &Value::Null));
    }
    let (code, out, err) = env(&[]);
    assert!(code == 0 && err.is_empty() && out.contains("Tuning is on."), "{out}{err}");
    assert_eq!(ended(tcptune().arg("env").env_clear()).0, 0);
}

#[test]
fn what_is_set_is_shown_with_its_source() {
    let (found, code) = report(&[
        ("TCPTUNE_NODELAY", b"FORCE"),
        ("TCPTUNE_SET", b"sndbuf=1m,ttl=64"),
        ("TCPTUNE_RULES", b"port=143,993 cork=off; peer=10.0.0.0/8 off;"),
        ("TCPTUNE_ONLY", b"python*"),
        ("TCPTUNE_CORK", b""),
    ]);
    assert_eq!(code, 0);
    assert_eq!(row(&found, "TCPTUNE_NODELAY")["value"], "force");
    assert_eq!(row(&found, "TCPTUNE_NODELAY")["written"], "FORCE");
    assert_eq!(row(&found, "TCPTUNE_NODELAY")["source"], "environment");
    assert_eq!(row(&found, "TCPTUNE_ONLY")["value"], "python*");
    // Empty is as good as not set.
    assert_eq!(
        (&row(&found, "TCPTUNE_CORK")["value"], &row(&found, "TCPTUNE_CORK")["source"]),
        (&json!("auto"), &json!("default"))
    );
    let set = row(&found, "TCPTUNE_SET")["value"].as_str().expect("text").to_owned();
    assert!(set.contains("sndbuf=") && set.contains("ttl=64"), "{set}");
    assert_eq!(found["rules"].as_array().map(Vec::len), Some(2));
    assert_eq!(found["rules"][0]["rule"], "port=143,993 cork=off");
    assert!(
        found["rules"][0]["tuning"].as_str().is_some_and(|t| t.contains("nodelay=force") && t.contains("cork=off"))
    );
    assert_eq!(found["rules"][1]["tuning"], "off");
    let (off, code) = report(&[("TCPTUNE", b"off")]);
    assert_eq!((code, &off["enabled"]), (0, &Value::Bool(false)));
}

const INVALID: [(&str, &[u8]); 7] = [
    ("TCPTUNE", b"perhaps"),
    ("TCPTUNE_NODELAY", b"2"),
    ("TCPTUNE_SET", b"ttl=64 sndbuf=lots"),
    ("TCPTUNE_SET", b"reuseport=on"),
    ("TCPTUNE_RULES", b"port=1 off; port=x off"),
    ("TCPTUNE_RULES", b"peer=10.0.0.0/33 off"),
    ("TCPTUNE_QUICKACK", b"on\xff\n"),
];

#[test]
fn an_invalid_setting_is_1_and_one_line() {
    for variable in INVALID {
        let (code, out, err) = env(&[variable]);
        assert_eq!(code, 1, "{variable:?}: {out}");
        assert!(err.starts_with(&format!("tcptune: {}: `", variable.0)) && err.lines().count() == 1, "{err}");
        assert!(out.contains("invalid") && out.contains("tuning is off"), "{out}");
        let (found, code) = report(&[variable]);
        assert_eq!((code, &found["enabled"]), (1, &Value::Bool(false)));
        let error = row(&found, variable.0)["error"].as_str().expect("the line").to_owned();
        assert_eq!(err, format!("tcptune: {error}\n"));
    }
    let both = env(&[INVALID[0], INVALID[1]]);
    assert_eq!((both.0, both.2.lines().count()), (1, 2), "{}", both.2);
}

#[test]
fn the_library_says_the_same() {
    for (name, value) in INVALID {
        let ours = env(&[(name, value)]).2;
        let mut command = Mode::Preloaded.command("true");
        let theirs = text(&finish(command.env(name, OsStr::from_bytes(value))).stderr);
        let expected = format!("{}; tuning is off for this process\n", ours.trim_end());
        assert_eq!(theirs, expected);
    }
}

#[test]
fn names_that_are_no_setting_are_pointed_at() {
    let (code, _, err) = env(&[("TCPTUNE_NODELY", b"on"), ("TCPTUNE_SOMETHING_ELSE", b"1")]);
    assert_eq!(code, 0);
    let mut lines: Vec<&str> = err.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines.len(), 2, "{err}");
    assert_eq!(lines[0], "tcptune: TCPTUNE_NODELY is no setting and is ignored: did you mean TCPTUNE_NODELAY?");
    assert!(lines[1].starts_with("tcptune: TCPTUNE_SOMETHING_ELSE is no setting"), "{err}");
    assert_eq!(report(&[("TCPTUNE_NODELY", b"on")]).0["unknown"].as_array().map(Vec::len), Some(1));
}

#[test]
fn other_variables_may_hold_anything() {
    let (code, out, err) = env(&[("PATH_\u{fc}", b"\xff\xfe"), ("OTHER", b"\xc3\x28"), ("tcptun", b"\x01")]);
    assert!(code == 0 && err.is_empty() && out.contains("Tuning is on."), "{out}{err}");
}

#[test]
fn values_cannot_write_to_the_terminal() {
    let (code, out, err) = env(&[("TCPTUNE_ONLY", b"a\x1b[31mred"), ("TCPTUNE_\x1b", b"1")]);
    assert_eq!(code, 0);
    assert!(!out.contains('\x1b') && !err.contains('\x1b'), "{out:?}{err:?}");
}

#[test]
fn the_preload_is_told() {
    let other = |value: &str| {
        let mut command = tcptune();
        // The command itself loads it as well, which must change nothing.
        ended(command.args(["env", "--json"]).env("LD_PRELOAD", value))
    };
    let library = support::library().display().to_string();
    let (code, out, _) = other(&library);
    let found: Value = serde_json::from_str(&out).expect("valid JSON");
    assert_eq!((code, &found["preload"]), (0, &json!(library)));
    assert_eq!(report(&[]).0["preload"], Value::Null);
}
