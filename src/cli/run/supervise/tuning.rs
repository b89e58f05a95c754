//! What the settings want for a socket, and setting it. What the kernel refuses is skipped in silence, as in the library.

use std::ffi::OsStr;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use tcptune_policy::{Direction, Nodelay, Peer, Settings, Subject, Tuning};

use crate::os::socket::Socket;
use crate::programs::search;

/// At which moment of its life a socket is met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    Connect,
    Listen,
    /// Open already: the program was started with it.
    Open,
    /// The program turns TCP_NODELAY off.
    Option,
}

/// Does any socket keep TCP_NODELAY against the program's will?
pub fn forces(settings: &Settings) -> bool {
    let mut tunings = (0..=settings.rule_count()).map(|number| settings.tuning(number));
    tunings.any(|tuning| tuning.enabled() && tuning.nodelay == Nodelay::Force)
}

/// The tuning that the rules choose.
pub fn tuning<'s>(
    settings: &'s Settings,
    socket: &Socket,
    direction: Direction,
    peer: Option<SocketAddr>,
) -> &'s Tuning {
    let peer = peer.map(|peer| match peer.ip() {
        IpAddr::V4(address) => Peer::from_v4(address.octets(), peer.port()),
        IpAddr::V6(address) => Peer::from_v6(address.octets(), peer.port()),
    });
    let local_port = Some(socket.local().map_or(0, |address| address.port()));
    settings.tuning(settings.choose(&Subject { direction, local_port, peer }))
}

/// Set what the tuning wants.
pub fn apply(socket: &Socket, tuning: &Tuning, moment: Moment) {
    if !tuning.enabled() {
        return;
    }
    if tuning.nodelay != Nodelay::Off && !socket.nodelay().unwrap_or(true) {
        let _ = socket.set_nodelay(true);
    }
    for option in tuning.set.iter() {
        let wanted = match moment {
            Moment::Connect => option.when.connect,
            Moment::Listen => option.when.listen,
            Moment::Open => option.when.accept || option.when.connect && option.when.listen,
            Moment::Option => false,
        };
        if wanted {
            let _ = socket.set_option(option.level, option.name, option.bytes());
        }
    }
}

/// Tune the sockets that this process passes on to the program: descriptors 0 to 2 (inetd), and those that systemd announces.
/// They are not going to connect or listen any more.
pub fn inherited(settings: &Settings, program: &OsStr) {
    if settings.names_wanted() && !is_wanted(settings, program) {
        return;
    }
    let announced = std::env::var("LISTEN_FDS").ok().and_then(|count| count.parse::<i32>().ok()).unwrap_or(0);
    for descriptor in 0..announced.clamp(0, 1000) + 3 {
        // SAFETY: needed because the standard library's own duplicates are for descriptors known to be open. Sound because
        // the number is only handed to the kernel, which says whether there is one.
        let copy = unsafe { libc::fcntl(descriptor, libc::F_DUPFD_CLOEXEC, 3) };
        if copy < 0 {
            continue;
        }
        // SAFETY: needed to own the copy. Sound because it is new and nobody else knows of it.
        let copy = unsafe { OwnedFd::from_raw_fd(copy) };
        let Ok(socket) = Socket::new(copy) else { continue };
        let moment = if socket.listening { Moment::Listen } else { Moment::Open };
        apply(&socket, tuning(settings, &socket, Direction::Server, socket.peer()), moment);
    }
}

/// Do the patterns of program names want what is going to be started?
fn is_wanted(settings: &Settings, program: &OsStr) -> bool {
    let found = search::program(program, std::env::var_os("PATH").as_deref());
    let file = found.ok().and_then(|file| file.canonicalize().ok()).unwrap_or_default();
    settings.wants_program(file.as_os_str().as_bytes(), program.as_bytes())
}
