//! `tcptune export --listen`: what it takes from those who ask, and a socket in the file system. What it bears is in
//! tests/timed/export_load.rs.

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::Path;

use crate::support::ScratchDir;
use crate::support::cli::exporter::{PATIENCE, exporter, exporter_on_tcp, memory, scrape, scrape_at};
use crate::support::cli::{ended, tcptune};

#[test]
fn a_line_without_end_is_not_kept() {
    let scratch = ScratchDir::new("export-load");
    let (exporter, address) = exporter_on_tcp(&scratch);
    scrape_at(address);
    let before = memory(exporter.pid(), "VmRSS");
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_write_timeout(Some(PATIENCE)).expect("a timeout");
    let part = [b'a'; 1 << 16];
    let mut sent = stream.write(b"GET /").expect("the beginning");
    while let Ok(more) = stream.write(&part) {
        sent += more;
        assert!(sent < 64 << 20, "64 MB were taken");
    }
    assert!(memory(exporter.pid(), "VmHWM") < before + 8192);
    scrape_at(address);
}

#[test]
fn a_socket_in_the_file_system() {
    let scratch = ScratchDir::new("export-load");
    let place = ScratchDir::new("socket");
    let path = place.join("metrics.sock");
    let listen = format!("unix:{}", path.display());
    let connect = || {
        let stream = UnixStream::connect(&path).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream
    };
    let (mut first, line) = exporter(&scratch, &listen);
    assert_eq!(line, format!("tcptune: {listen}, /metrics\n"));
    let about = fs::symlink_metadata(&path).expect("a socket");
    assert!(about.file_type().is_socket() && about.permissions().mode() & 0o777 == 0o660);
    scrape(connect());
    // The name is taken as long as somebody listens there.
    let second = || ended(tcptune().args(["export", "--listen", &listen]).arg(scratch.path()));
    let (code, _, err) = second();
    assert!(code == 125 && err.contains("the name is taken") && err.lines().count() == 1, "{err}");
    scrape(connect());
    // One that was killed leaves it behind, and the next takes its place; one that ends takes it away.
    drop(first.child.kill());
    first.wait(PATIENCE);
    let (mut next, _) = exporter(&scratch, &listen);
    scrape(connect());
    rustix::process::kill_process(rustix::process::Pid::from_child(&next.child), rustix::process::Signal::TERM)
        .expect("ours");
    assert_eq!(next.wait(PATIENCE).code(), Some(0));
    assert!(!path.exists());
    // What is no socket stays, and a link is not followed.
    fs::write(&path, "precious").expect("ours");
    let (code, _, err) = second();
    assert!(code == 125 && err.contains("the name is taken"), "{err}");
    assert_eq!(fs::read_to_string(&path).expect("it"), "precious");
    fs::remove_file(&path).expect("ours");
    std::os::unix::fs::symlink(place.join("elsewhere"), &path).expect("ours");
    let (code, _, err) = second();
    assert!(code == 125 && err.contains("the name is taken") && !Path::exists(&place.join("elsewhere")), "{err}");
}
