//! The line that a user sees for a wrong setting, word for word.

mod support;

use support::{read, text};

fn line(name: &str, value: &str) -> String {
    let fault = read(name, value.as_bytes()).expect_err(value);
    text(|put| fault.line(value.as_bytes(), put))
}

#[test]
fn lines_name_the_variable_the_word_its_place_and_what_is_allowed() {
    let end = "; tuning is off for this process\n";
    for (name, value, says) in [
        (
            "TCPTUNE",
            "maybe",
            "`maybe` at character 1 is not valid: allowed is on, off (also yes, true, 1 or no, false, 0), observe or backtrace",
        ),
        ("TCPTUNE_SPLIT", "101", "`101` at character 1 is not valid: allowed is a whole number from 0 to 100"),
        ("TCPTUNE_TUNED_SHARE", "-1", "`-1` at character 1 is not valid: allowed is a whole number from 0 to 100"),
        ("TCPTUNE_SPLIT", "50%", "`50%` at character 1 is not valid: allowed is a whole number from 0 to 100"),
        (
            "TCPTUNE_STATS",
            "stats",
            "`stats` at character 1 is not valid: allowed is off or a directory, as an absolute path of at most 255 bytes",
        ),
        ("TCPTUNE_NODELAY", " offf ", "`offf` at character 2 is not valid: allowed is on, off or force"),
        ("TCPTUNE_CORK", "on", "`on` at character 1 is not valid: allowed is auto or off"),
        ("TCPTUNE_RELEASE", "off", "`off` at character 1 is not valid: allowed is own or all"),
        ("TCPTUNE_QUICKACK", "on off", "`on off` at character 1 is not valid: allowed is off, on or auto"),
        ("TCPTUNE_SET", "sndbuf=1m ttl=0", "`ttl=0` at character 11 is not valid: allowed is a number from 1 to 255"),
        (
            "TCPTUNE_SET",
            "user_timeout=30",
            "`user_timeout=30` at character 1 is not valid: allowed is a time in milliseconds (also s, m, h) from 100ms to 24h",
        ),
        (
            "TCPTUNE_SET",
            "keepalive=x",
            "`keepalive=x` at character 1 is not valid: allowed is on, off or IDLE[/INTERVAL[/COUNT]], COUNT 1 to 127, \
             the others in seconds (also m, h) from 1s to 32767s",
        ),
        (
            "TCPTUNE_SET",
            "reuseport=on",
            "`reuseport=on` at character 1 is not valid: allowed is no option that changes who may bind to a port: \
             only the program itself can know that",
        ),
        (
            "TCPTUNE_SET",
            "linger",
            "`linger` at character 1 is not valid: allowed is off or a time in seconds (also m, h) from 0s to 1h",
        ),
        (
            "TCPTUNE_RULES",
            "port=143,x cork=off",
            "`x` at character 10 is not valid: allowed is ports and ranges from 1 to 65535, separated by commas, \
             as in 143,993,8000-8010",
        ),
        ("TCPTUNE_RULES", "on; port=1 on on", "`on` at character 15 is not valid: allowed is each word once in a rule"),
        (
            "TCPTUNE_RULES",
            "client server off",
            "`server` at character 8 is not valid: allowed is either client or server in a rule",
        ),
        (
            "TCPTUNE_RULES",
            "off cork=off",
            "`cork=off` at character 5 is not valid: allowed is off without any other action",
        ),
        (
            "TCPTUNE_RULES",
            "off; port=143 ;",
            "`port=143` at character 6 is not valid: allowed is a rule with an action: off, on, nodelay=, cork=, \
             release=, quickack= or set(...)",
        ),
        (
            "TCPTUNE_RULES",
            "set(ttl=64",
            "`set(ttl=64` at character 1 is not valid: allowed is set(key=value ...) with a closing parenthesis, then a \
             blank",
        ),
        (
            "TCPTUNE_RULES",
            "set(ttl=1 maxseg=1)",
            "`maxseg=1` at character 11 is not valid: allowed is a number from 88 to 32767",
        ),
        (
            "TCPTUNE_RULES",
            "peer=10.0.0.0/33 off",
            "`10.0.0.0/33` at character 6 is not valid: allowed is IPv4 or IPv6 addresses or CIDR networks, \
             separated by commas, as in 10.0.0.0/8,fe80::/10,::1",
        ),
        (
            "TCPTUNE_RULES",
            "prot=1 off",
            "`prot=1` at character 1 is not valid: allowed is port=, listen=, peer=, client, server, off, on, nodelay=, \
             cork=, release=, quickack= or set(...)",
        ),
    ] {
        assert_eq!(line(name, value), format!("tcptune: {name}: {says}{end}"));
    }
}

#[test]
fn long_and_unprintable_words_are_cut_and_masked() {
    let shown = line("TCPTUNE_CORK", &format!("a\nb\u{e9}{}", "x".repeat(200)));
    assert!(shown.starts_with(&format!("tcptune: TCPTUNE_CORK: `a?b??{}...` at", "x".repeat(75))), "{shown}");
}

#[test]
fn values_are_as_forgiving_as_the_table_says() {
    for (name, value) in [
        ("TCPTUNE", "YES"),
        ("TCPTUNE", ""),
        ("TCPTUNE_NODELAY", " \t"),
        ("TCPTUNE_SET", " , ,"),
        ("TCPTUNE_SET", "TTL=64,,sndbuf=1M\tlinger=Off"),
        ("TCPTUNE_RULES", " ; ;; "),
        ("TCPTUNE_RULES", "PORT=143 SET(ttl=9,maxseg=536)"),
        ("TCPTUNE_RULES", "set( ttl=9 ) ;client on"),
        ("TCPTUNE_ONLY", ":,:"),
    ] {
        assert!(read(name, value.as_bytes()).is_ok(), "{name}={value}");
    }
}

#[test]
fn of_two_variables_with_one_name_the_first_counts() {
    let settings =
        support::read_all(&[("TCPTUNE_CORK", b"off"), ("TCPTUNE_CORK", b"nonsense")]).expect("as getenv has it");
    assert_eq!(settings.base.cork, tcptune_policy::Cork::Off);
}
