//! Where `--listen` listens: a port of this machine, an address and a port, or a socket in the file system.

use std::ffi::OsString;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode};
use rustix::process::umask;

use crate::errors::{Failure, plain};
use crate::os::files::Directory;

/// Who is in the group of the socket may ask; its directory says who may come near it.
const OTHERS: Mode = Mode::from_raw_mode(0o117);

/// The most that the kernel takes by default (net.core.somaxconn).
const QUEUE: i32 = 4096;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// A socket that listens.
pub enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// The directory and the name of a socket, which is removed when this goes.
pub struct Place(Directory, OsString);

impl Drop for Place {
    fn drop(&mut self) {
        let _ = self.0.remove(&self.1);
    }
}

impl Address {
    /// From the command line.
    pub fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return match Path::new(path).file_name() {
                Some(_) if path.starts_with('/') => Ok(Self::Unix(path.into())),
                _ => {
                    Err("allowed after unix: is an absolute path, as in unix:/run/tcptune-export/metrics.sock"
                        .to_owned())
                }
            };
        }
        let port = text.parse().map(|port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        port.or_else(|_| text.parse()).map(Self::Tcp).map_err(|_| {
            "allowed is a port, an address and a port as in 127.0.0.1:9919 or [::1]:9919, or unix:/PATH".to_owned()
        })
    }

    pub fn listen(&self) -> Result<(Listener, Option<Place>), Failure> {
        let failed =
            |error: io::Error| Failure::own(format!("--listen {self}: cannot listen there: {}", plain(&error)));
        match self {
            Self::Tcp(address) => listen_on(address).map(|listener| (Listener::Tcp(listener), None)).map_err(failed),
            Self::Unix(path) => {
                listen_at(path).map(|(listener, place)| (Listener::Unix(listener), Some(place))).map_err(failed)
            }
        }
    }
}

fn listen_on(address: &SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address)?;
    // The standard library lets 128 wait, and who comes to a full queue comes again after a second.
    rustix::net::listen(&listener, QUEUE)?;
    Ok(listener)
}

fn listen_at(path: &Path) -> io::Result<(UnixListener, Place)> {
    let name = path.file_name().unwrap_or_default().to_owned();
    let directory = Directory::open(path.parent().unwrap_or(Path::new("/")))?;
    // A socket of ours that nobody listens on any more is in the way; anything else is somebody's.
    if let Ok(about) = directory.look(&name) {
        let ours = about.st_uid == rustix::process::geteuid().as_raw();
        let socket = FileType::from_raw_mode(about.st_mode) == FileType::Socket;
        let deserted = || {
            UnixStream::connect(directory.path_of(&name))
                .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
        };
        if !(ours && socket && deserted()) {
            return Err(io::Error::other("the name is taken, by what is no deserted socket of ours"));
        }
        directory.remove(&name)?;
    }
    let before = umask(OTHERS);
    let bound = UnixListener::bind(directory.path_of(&name));
    umask(before);
    let bound = bound?;
    rustix::net::listen(&bound, QUEUE)?;
    Ok((bound, Place(directory, name)))
}

impl Listener {
    /// As who asks would write it.
    pub fn shown(&self, asked: &Address) -> String {
        match self {
            Self::Tcp(listener) => match listener.local_addr() {
                Ok(address) => format!("http://{address}/metrics"),
                Err(_) => format!("http://{asked}/metrics"),
            },
            Self::Unix(_) => format!("{asked}, /metrics"),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.as_os_str().as_bytes().escape_ascii()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn a_port_alone_is_one_of_loopback() {
        for (text, shown) in [
            ("9919", "127.0.0.1:9919"),
            ("[::]:80", "[::]:80"),
            ("unix:/run/x/metrics.sock", "unix:/run/x/metrics.sock"),
        ] {
            assert_eq!(Address::parse(text).expect("an address").to_string(), shown);
        }
        for wrong in ["", "65536", "localhost:80", ":80", "unix:", "unix:x.sock", "unix:/"] {
            assert!(Address::parse(wrong).is_err(), "{wrong}");
        }
    }
}
