//! Loopback ports.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// A TCP port of 127.0.0.1 that was free a moment ago.
pub fn free_port() -> u16 {
    let probe = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    probe.local_addr().expect("its address").port()
}

/// Connects as soon as the server listens, at most this long from now.
pub fn connect(port: u16, patience: Duration) -> TcpStream {
    let end = Instant::now() + patience;
    loop {
        match TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
            Ok(stream) => {
                stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a read time limit");
                return stream;
            }
            Err(error) => assert!(Instant::now() < end, "port {port}: {error} for {patience:?}"),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}
