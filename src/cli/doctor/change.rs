//! What tcptune would change, in a sentence with the command for it. Pure: what is possible is in the target.

use super::target::{Loaded, Reach, Target};
use crate::stalls::finding::{Finding, Kind};

/// More processes than these are not listed.
const LISTED: usize = 4;

pub fn change(f: &Finding, target: &Target) -> String {
    match &target.loaded {
        Some(loaded) => format!("{}: {}", with_settings(loaded), with_library(f, loaded, target)),
        None => without_library(f, target),
    }
}

fn with_settings(loaded: &Loaded) -> String {
    match loaded.settings.as_str() {
        "" => "the library is in it already, with its defaults".to_owned(),
        settings => format!("the library is in it already, with {settings}"),
    }
}

/// The process has the library: what is to be changed is a setting.
fn with_library(f: &Finding, loaded: &Loaded, target: &Target) -> String {
    let now = attach(target).map(|command| format!("; or until it ends, {command}")).unwrap_or_default();
    let again = match &target.service {
        Some(service) => format!("in {}, and restart it", service.name),
        None => "in its environment, and start it again".to_owned(),
    };
    match f.kind {
        _ if loaded.idle && f.kind != Kind::Held => {
            format!(
                "TCPTUNE keeps it from changing anything: TCPTUNE=on {again}{}",
                if matches!(f.kind, Kind::Nagle | Kind::Paced) { now } else { String::new() }
            )
        }
        Kind::Nagle | Kind::Paced if loaded.leaves_nodelay => {
            format!("TCPTUNE_NODELAY=off keeps it from setting TCP_NODELAY: take that setting away {again}{now}")
        }
        Kind::Nagle | Kind::Paced => format!(
            "these connections are without TCP_NODELAY all the same, because the program turns it off, a rule leaves them alone, they \
             are of the share that stays untouched (TCPTUNE_TUNED_SHARE), they were made before the library, or it was told to stop \
             (`tcptune detach`). Against the first, TCPTUNE_NODELAY=force {again}{now}"
        ),
        Kind::Held => format!(
            "it holds nothing any more with TCPTUNE_CORK=off {again}, and sets TCP_NODELAY all the same. It should not have held \
             this: please report it, with `tcptune report --json`"
        ),
        Kind::Cork if f.held_by_library => format!("its own holding is the cause: TCPTUNE_CORK=off {again} ends it"),
        Kind::Cork if loaded.holds => format!(
            "either it holds this data (TCPTUNE_CORK=off {again} ends that), or the program itself does, by MSG_MORE or TCP_CORK \
             (TCPTUNE_RELEASE=all {again} lets go of it before the program waits); `tcptune report` tells which, with TCPTUNE_STATS"
        ),
        Kind::Cork => format!("it lets go of what the program itself holds with TCPTUNE_RELEASE=all {again}"),
        Kind::Peer => {
            format!("it acknowledges at once, where the other end is seen to wait, with TCPTUNE_QUICKACK=auto {again}")
        }
        Kind::Flood | Kind::Runts if loaded.holds => {
            "it holds a piece where it has learnt that more follows at once; here it found none, or may not".to_owned()
        }
        Kind::Flood | Kind::Runts => format!("TCPTUNE_CORK=off keeps it from holding: take that setting away {again}"),
    }
}

fn without_library(f: &Finding, target: &Target) -> String {
    let start = |options: &str| start(target, options);
    let now = attach(target);
    match f.kind {
        Kind::Nagle | Kind::Paced if target.reach == Reach::Supervise => format!(
            "cannot be loaded into it, but sets TCP_NODELAY on its sockets as its supervisor: {}{}",
            run(target, ""),
            now.map(|command| format!(", or for the running process {command}")).unwrap_or_default()
        ),
        Kind::Nagle | Kind::Paced if target.reach == Reach::Attach => match now {
            Some(command) => format!(
                "cannot be loaded into it, but {command} sets TCP_NODELAY on its sockets from outside (with --watch also on those \
                 that it opens later)"
            ),
            None => "cannot be loaded into it, but `tcptune attach` sets TCP_NODELAY on its sockets from outside while it runs".to_owned(),
        },
        Kind::Nagle | Kind::Paced => format!(
            "sets TCP_NODELAY on these connections, and holds small pieces only where more follows at once: {}{}{}",
            start(""),
            now.map(|command| format!(", or for the running process {command}")).unwrap_or_default(),
            if f.other_end && f.kind == Kind::Nagle {
                ". That is for the other end; on this one TCPTUNE_QUICKACK=auto helps: it acknowledges at once"
            } else {
                ""
            }
        ),
        Kind::Cork => format!(
            "lets go of what the program itself holds before it waits: {}. TCP_NODELAY alone would not help",
            start("--release all ")
        ),
        Kind::Peer => format!(
            "acknowledges at once where the other end is seen to wait: {}{}",
            start("--quickack auto "),
            sooner(target).map(|command| format!(", or for the running process {command}")).unwrap_or_default()
        ),
        // It has counted, and ended: the library is told by its counters.
        Kind::Held => format!(
            "holds nothing any more with TCPTUNE_CORK=off, and sets TCP_NODELAY all the same: {}. It should not have held this: \
             please report it, with `tcptune report --json`",
            start("--cork off ")
        ),
        Kind::Flood | Kind::Runts => format!(
            "holds a piece where more follows at once, so that they leave in full segments: {}",
            start("")
        ),
    }
}

/// Starting it with the library: by its unit, or by its command.
fn start(target: &Target, options: &str) -> String {
    match &target.service {
        Some(service) => format!(
            "`tcptune systemd install {options}{}{}`, and restart it",
            if service.user { "--user " } else { "" },
            service.name
        ),
        None => run(target, options),
    }
}

fn run(target: &Target, options: &str) -> String {
    match (&target.command, target.file.as_str()) {
        (Some(command), _) => format!("`tcptune run {options}-- {command}`"),
        (None, "") => format!("start it with `tcptune run {options}-- COMMAND`"),
        (None, file) => format!("start it, as it is started now, with `tcptune run {options}-- {file} …`"),
    }
}

/// Only what runs can be attached to.
fn attach(target: &Target) -> Option<String> {
    attach_with(target, "")
}

/// Acknowledgements that come sooner, if not at once, where the kernel can do that.
fn sooner(target: &Target) -> Option<String> {
    attach_with(target, "--quickack ").filter(|_| target.bounds_delay)
}

fn attach_with(target: &Target, options: &str) -> Option<String> {
    let listed: Vec<String> = target.living.iter().take(LISTED).map(u32::to_string).collect();
    (!listed.is_empty()).then(|| format!("`tcptune attach {options}{}`", listed.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::change;
    use crate::doctor::target::{Loaded, Reach, Target};
    use crate::doctor::words;
    use crate::stalls::evidence::{Evidence, Holds, Service, Side, Waits};
    use crate::stalls::finding::{Finding, Kind, judge};
    use crate::stalls::program::Program;
    use crate::units::processes::Service as Unit;
    use std::time::Duration;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    /// Data that is held again and again; and what the library held late, where it counted.
    fn corked(late: u64) -> Finding {
        let service = Service { program: Program::default(), side: Side::Client, address: None, port: 143 };
        let evidence = Evidence {
            connections: 1,
            exchanges: 100,
            span: MS(10_000),
            cork: Waits { seen: 50, count: 50, total: MS(5_000), median: MS(100) },
            holds: Holds { count: 1000, late, longest: MS(100) },
            ..Evidence::of(service, vec![1])
        };
        judge(&evidence).into_iter().find(|f| f.kind == Kind::Cork).expect("it is held")
    }

    fn loaded(settings: &str) -> Target {
        let loaded = Loaded { settings: settings.to_owned(), holds: true, ..Loaded::default() };
        Target { loaded: Some(loaded), living: vec![1], ..Target::default() }
    }

    #[test]
    fn the_library_is_named_where_its_own_holding_is_the_cause() {
        let (found, target) = (corked(50), loaded(""));
        assert!(words::verdict(&found, &target).contains("because the library holds its data"));
        let text = change(&found, &target);
        assert!(
            text.contains("its own holding is the cause: TCPTUNE_CORK=off") && !text.contains("tcptune run"),
            "{text}"
        );
        // It did not count, so it may be either.
        let (found, target) = (corked(0), loaded("TCPTUNE_QUICKACK=auto"));
        assert!(words::verdict(&found, &target).contains("by the library or by the program itself"));
        let text = change(&found, &target);
        assert!(text.starts_with("the library is in it already, with TCPTUNE_QUICKACK=auto: "), "{text}");
        assert!(text.contains("TCPTUNE_CORK=off") && text.contains("TCPTUNE_RELEASE=all"), "{text}");
        // Without the library only the program can be the cause.
        assert!(words::verdict(&corked(0), &Target::default()).contains("because the program itself holds its data"));
        assert!(change(&corked(0), &Target::default()).contains("--release all"));
    }

    #[test]
    fn only_what_is_possible_is_proposed() {
        let found = Finding { kind: Kind::Nagle, ..corked(0) };
        let alive = Target { living: vec![7, 8], ..Target::default() };
        let text = |target: &Target| change(&found, target);
        assert!(text(&alive).contains("`tcptune attach 7 8`"), "{}", text(&alive));
        assert!(!text(&Target::default()).contains("attach"), "{}", text(&Target::default()));
        let of_user = Target { service: Some(Unit { name: "a.service".to_owned(), user: true }), ..alive.clone() };
        assert!(
            text(&of_user).contains("`tcptune systemd install --user a.service`, and restart it"),
            "{}",
            text(&of_user)
        );
        let peers = Finding { kind: Kind::Peer, ..corked(0) };
        let now = "or for the running process `tcptune attach --quickack 7 8`";
        assert!(!change(&peers, &alive).contains("attach"), "an old kernel: {}", change(&peers, &alive));
        let new = Target { bounds_delay: true, ..alive.clone() };
        assert!(change(&peers, &new).ends_with(now), "{}", change(&peers, &new));
        let ended = Target { reach: Reach::Attach, ..Target::default() };
        assert!(text(&ended).contains("while it runs"), "{}", text(&ended));
    }
}
