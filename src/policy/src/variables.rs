//! The table of settings: one row for each variable and one for each keyword of a rule. The parser takes names and
//! allowed values from the same rows that the command's help, `tcptune env` and the reference page show. Must not parse
//! anything.

/// A setting.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// The environment variable.
    pub name: &'static str,
    /// Its allowed values, worded to follow "allowed is". Empty if any text is valid.
    pub values: &'static str,
    /// The value in force when it is unset or empty.
    pub default: &'static str,
    /// A valid example.
    pub example: &'static str,
    /// What it does.
    pub meaning: &'static str,
}

pub(crate) const ENABLED: Variable = Variable {
    name: "TCPTUNE",
    values: "on, off (also yes, true, 1 or no, false, 0), observe or backtrace",
    default: "on",
    example: "off",
    meaning: "Off: the library passes every call through and does nothing else, whatever the other settings say. Observe: \
        it counts (TCPTUNE_STATS) and changes nothing. Backtrace: it also copies the stack of calls that wait.",
};

pub(crate) const NODELAY: Variable = Variable {
    name: "TCPTUNE_NODELAY",
    values: "on, off or force",
    default: "on",
    example: "force",
    meaning: "Set TCP_NODELAY on TCP sockets of clients and servers. Force: even if the program turns it off.",
};

pub(crate) const CORK: Variable = Variable {
    name: "TCPTUNE_CORK",
    values: "auto or off",
    default: "auto",
    example: "off",
    meaning: "Hold a small write if more is expected to follow at once, to send both in full segments.",
};

pub(crate) const RELEASE: Variable = Variable {
    name: "TCPTUNE_RELEASE",
    values: "own or all",
    default: "own",
    example: "all",
    meaning: "What to send before a thread waits: only the data that the library holds, or also what the program \
        holds.",
};

pub(crate) const QUICKACK: Variable = Variable {
    name: "TCPTUNE_QUICKACK",
    values: "off, on or auto",
    default: "off",
    example: "auto",
    meaning: "Acknowledge data immediately: cures the peer's stalls if only this end can be changed. Auto: only on \
        connections where the peer is seen to stall.",
};

pub(crate) const SET: Variable = Variable {
    name: "TCPTUNE_SET",
    values: "key=value entries separated by blanks or commas",
    default: "",
    example: "keepalive=60/10/5 user_timeout=30s sndbuf=1m",
    meaning: "Set more socket options. Options that the program sets itself are left alone.",
};

pub(crate) const RULES: Variable = Variable {
    name: "TCPTUNE_RULES",
    values: "rules separated by ;",
    default: "",
    example: "port=143,993 cork=off; peer=10.0.0.0/8 off; listen=80 set(sndbuf=4m)",
    meaning: "Settings for individual sockets. The first rule whose conditions all match overrides the settings above.",
};

pub(crate) const ONLY: Variable = Variable {
    name: "TCPTUNE_ONLY",
    values: "patterns separated by commas or colons, at most 1024 bytes with TCPTUNE_SKIP",
    default: "",
    example: "python*,perl",
    meaning: "Tune only programs whose name matches one of these patterns (* ? [a-z]). A pattern with a slash is matched \
        against the whole path of the program file, any other against the last part of that path and of the name it was called by.",
};

pub(crate) const SKIP: Variable = Variable {
    name: "TCPTUNE_SKIP",
    values: "patterns separated by commas or colons, at most 1024 bytes with TCPTUNE_ONLY",
    default: "",
    example: "gdb,strace,/usr/lib/git-core/*",
    meaning: "Leave alone programs whose name matches one of these patterns, even if TCPTUNE_ONLY names them.",
};

pub(crate) const SPLIT: Variable = Variable {
    name: "TCPTUNE_SPLIT",
    values: "a whole number from 0 to 100",
    default: "0",
    example: "50",
    meaning: "Percentage of connections, chosen at random, to leave untouched as a control group: `tcptune report` \
        compares both groups while the program runs.",
};

pub(crate) const TUNED_SHARE: Variable = Variable {
    name: "TCPTUNE_TUNED_SHARE",
    values: "a whole number from 0 to 100",
    default: "100",
    example: "5",
    meaning: "Percentage of connections, chosen at random, to tune; the others are left untouched as a control group. \
        It is 100 minus TCPTUNE_SPLIT, and wins over it.",
};

pub(crate) const STATS: Variable = Variable {
    name: "TCPTUNE_STATS",
    values: "off or a directory, as an absolute path of at most 255 bytes",
    default: "off",
    example: "/run/tcptune",
    meaning: "Count what happens on TCP connections, in this directory: one file for each process that has any. The \
        directory must belong to root or to the process's user.",
};

pub(crate) const SECCOMP: Variable = Variable {
    name: "TCPTUNE_SECCOMP",
    values: "own or all",
    default: "own",
    example: "all",
    meaning: "Which system calls the library may make in a process started under a seccomp filter with no_new_privs. \
        Own: only setsockopt, once the program itself has called it. All: all that it needs, because the filter \
        allows them.",
};

/// All settings, in the order in which they are described.
pub static VARIABLES: [Variable; 13] =
    [ENABLED, NODELAY, CORK, RELEASE, QUICKACK, SET, RULES, ONLY, SKIP, SPLIT, STATS, SECCOMP, TUNED_SHARE];

/// The names alone, in the same order. The library reads these, so the table with its text stays out of the library.
pub(crate) const NAMES: &str = "TCPTUNE TCPTUNE_NODELAY TCPTUNE_CORK TCPTUNE_RELEASE TCPTUNE_QUICKACK TCPTUNE_SET \
    TCPTUNE_RULES TCPTUNE_ONLY TCPTUNE_SKIP TCPTUNE_SPLIT TCPTUNE_STATS TCPTUNE_SECCOMP TCPTUNE_TUNED_SHARE";

/// A keyword of a rule.
#[derive(Clone, Copy, Debug)]
pub struct RuleWord {
    /// The keyword, and what may follow it.
    pub syntax: &'static str,
    /// Its allowed values, worded to follow "allowed is".
    pub values: &'static str,
    /// True for a condition, false for an action.
    pub condition: bool,
    /// A valid example.
    pub example: &'static str,
    /// What it means.
    pub meaning: &'static str,
}

const fn word(syntax: &'static str, values: &'static str, example: &'static str, meaning: &'static str) -> RuleWord {
    RuleWord { syntax, values, condition: true, example, meaning }
}

const fn action(syntax: &'static str, values: &'static str, example: &'static str, meaning: &'static str) -> RuleWord {
    RuleWord { syntax, values, condition: false, example, meaning }
}

pub(crate) const WORD_PORT: RuleWord = word(
    "port=LIST",
    "ports and ranges from 1 to 65535, separated by commas, as in 143,993,8000-8010",
    "port=143,993,8000-8010",
    "The remote port is one of these.",
);
pub(crate) const WORD_LISTEN: RuleWord = word(
    "listen=LIST",
    "ports and ranges from 1 to 65535, separated by commas, as in 80,443,8000-8010",
    "listen=80,443",
    "The local port is one of these; a server's is the port it listens on.",
);
pub(crate) const WORD_PEER: RuleWord = word(
    "peer=LIST",
    "IPv4 or IPv6 addresses or CIDR networks, separated by commas, as in 10.0.0.0/8,fe80::/10,::1",
    "peer=10.0.0.0/8,fe80::/10,::1",
    "The remote address is one of these or in one of these networks. An IPv4-mapped address counts as IPv4.",
);
pub(crate) const WORD_CLIENT: RuleWord =
    word("client", "client", "client", "The socket was connected by this program.");
pub(crate) const WORD_SERVER: RuleWord =
    word("server", "server", "server", "The socket listens, or was accepted from one that does.");
pub(crate) const WORD_OFF: RuleWord =
    action("off", "off without any other action", "off", "Leave the socket alone entirely. Allows no other action.");
pub(crate) const WORD_ON: RuleWord = action("on", "on", "on", "Tune the socket as the other settings say.");
pub(crate) const WORD_NODELAY: RuleWord =
    action("nodelay=WORD", NODELAY.values, "nodelay=force", "As TCPTUNE_NODELAY, for these sockets.");
pub(crate) const WORD_CORK: RuleWord =
    action("cork=WORD", CORK.values, "cork=off", "As TCPTUNE_CORK, for these sockets.");
pub(crate) const WORD_RELEASE: RuleWord =
    action("release=WORD", RELEASE.values, "release=all", "As TCPTUNE_RELEASE, for these sockets.");
pub(crate) const WORD_QUICKACK: RuleWord =
    action("quickack=WORD", QUICKACK.values, "quickack=auto", "As TCPTUNE_QUICKACK, for these sockets.");
pub(crate) const WORD_SET: RuleWord = action(
    "set(...)",
    "set(key=value ...) with a closing parenthesis, then a blank",
    "set(sndbuf=4m ttl=64)",
    "As TCPTUNE_SET, for these sockets; overrides the same keys there.",
);

/// All keywords of a rule: conditions first, then actions.
pub static RULE_WORDS: [RuleWord; 12] = [
    WORD_PORT,
    WORD_LISTEN,
    WORD_PEER,
    WORD_CLIENT,
    WORD_SERVER,
    WORD_OFF,
    WORD_ON,
    WORD_NODELAY,
    WORD_CORK,
    WORD_RELEASE,
    WORD_QUICKACK,
    WORD_SET,
];

/// What is allowed where a keyword of a rule is expected.
pub(crate) const ALLOWED_WORDS: &str = "port=, listen=, peer=, client, server, off, on, nodelay=, cork=, release=, \
    quickack= or set(...)";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;
    use std::{format, vec::Vec};

    #[test]
    fn the_names_are_those_of_the_table() {
        assert_eq!(NAMES.split(' ').collect::<Vec<_>>(), VARIABLES.map(|variable| variable.name));
    }

    #[test]
    fn every_example_and_every_default_is_valid() {
        for variable in &VARIABLES {
            for value in [variable.example, variable.default] {
                let mut settings = Settings::DEFAULT;
                assert_eq!(settings.apply(variable.name.as_bytes(), value.as_bytes()), Ok(()), "{}", variable.name);
            }
            let mut settings = Settings::DEFAULT;
            assert_eq!(settings.apply(variable.name.as_bytes(), variable.default.as_bytes()), Ok(()));
            settings.finish();
            assert_eq!((settings.base, settings.enabled()), (Settings::DEFAULT.base, true), "{}", variable.name);
        }
    }

    #[test]
    fn every_word_of_a_rule_has_a_valid_example() {
        for word in &RULE_WORDS {
            let rule = if word.condition { format!("{} cork=off", word.example) } else { word.example.into() };
            let mut settings = Settings::DEFAULT;
            assert_eq!(settings.apply(b"TCPTUNE_RULES", rule.as_bytes()), Ok(()), "{rule}");
            assert_eq!(settings.rule_count(), 1);
            let name = word.syntax.split(['=', '(']).next().expect("never empty");
            assert!(ALLOWED_WORDS.contains(name), "{name}");
        }
    }
}
