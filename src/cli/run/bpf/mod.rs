//! `tcptune run --bpf`: for root, the kernel itself sets the options on every TCP socket of a control group. Reaches all
//! programs in it, whatever they load, and costs nothing per system call.

mod group;
mod kernel;
mod program;

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;

use tcptune_policy::{Nodelay, Settings};

use crate::errors::{Failure, plain};
use crate::os::socket::Socket;
use group::Group;
use kernel::Kind;

/// Put this process into a control group where the settings hold, and give the group's directory.
pub fn start(settings: &Settings) -> Result<PathBuf, Failure> {
    for (used, variable) in
        [(settings.has_rules(), "TCPTUNE_RULES"), (settings.names_wanted(), "TCPTUNE_ONLY and TCPTUNE_SKIP")]
    {
        if used {
            return Err(Failure::own(format!(
                "--bpf: {variable} cannot be followed: what it sets holds for all sockets of all programs that are started"
            )));
        }
    }
    let group = Group::make().map_err(|error| refusal("a control group cannot be made", &error))?;
    match fill(&group, settings) {
        Ok(()) => Ok(group.path().to_owned()),
        Err(failure) => {
            group.abandon();
            Err(failure)
        }
    }
}

fn fill(group: &Group, settings: &Settings) -> Result<(), Failure> {
    let tuning = &settings.base;
    let mut programs = vec![(Kind::SOCK_OPS, c"tcptune", program::options(tuning))];
    if tuning.nodelay == Nodelay::Force {
        programs.push((Kind::SETSOCKOPT, c"tcptune_force", program::force()));
    }
    for (kind, name, instructions) in programs {
        let loaded = kernel::load(kind, name, &instructions);
        let loaded = loaded.map_err(|error| refusal("the kernel does not take the program", &error))?;
        let attached = kernel::attach(kind, &loaded, rustix::fd::AsFd::as_fd(group));
        attached.map_err(|error| refusal("the program cannot be attached", &error))?;
    }
    group.enter().map_err(|error| refusal("the control group cannot be entered", &error))?;
    match takes_effect() {
        Some(false) if tuning.nodelay != Nodelay::Off => {
            Err(Failure::own("--bpf: this kernel does not let BPF programs set TCP_NODELAY (Linux 6.1 or newer does)"))
        }
        _ => Ok(()),
    }
}

/// Does a socket of ours that listens get the option? None: there can be no such socket here.
fn takes_effect() -> Option<bool> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).ok()?;
    Socket::new(listener.into()).ok()?.nodelay().ok()
}

fn refusal(what: &str, error: &io::Error) -> Failure {
    let help = match error.raw_os_error() {
        Some(libc::EPERM | libc::EACCES | libc::EROFS) => {
            " (it takes root: CAP_BPF, CAP_NET_ADMIN and a cgroup2 that can be written; --supervise does not)"
        }
        _ => "",
    };
    Failure::own(format!("--bpf: {what}: {}{help}", plain(error)))
}
