//! The one number the demonstration needs from the kernel's TCP_INFO.

use std::net::TcpStream;
use std::os::fd::AsRawFd;

/// Offset of tcpi_data_segs_in in the kernel's struct tcp_info (Linux 4.6 and newer), which only ever grows at its end.
const DATA_SEGS_IN: usize = 152;

/// Segments with data that this connection has received, or nothing where the kernel does not say.
pub fn data_segments_received(stream: &TcpStream) -> Option<u32> {
    let mut info = [0_u8; 256];
    let mut length = info.len() as libc::socklen_t;
    // SAFETY: needed because the standard library has no TCP_INFO. Sound because `info` and `length` are ours, outlive the
    // call and `length` is the size of `info`: the kernel writes no more than that.
    let result = unsafe {
        libc::getsockopt(stream.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_INFO, info.as_mut_ptr().cast(), &mut length)
    };
    let field = info.get(..length as usize)?.get(DATA_SEGS_IN..DATA_SEGS_IN + 4)?;
    (result == 0).then(|| field.try_into().ok().map(u32::from_ne_bytes))?
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn counts_segments() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
        let mut client = TcpStream::connect(listener.local_addr().expect("bound")).expect("loopback");
        let (mut server, _) = listener.accept().expect("connected");
        for expected in 1..=3 {
            client.write_all(b"x").expect("open");
            server.read_exact(&mut [0]).expect("one byte");
            assert_eq!(super::data_segments_received(&server), Some(expected));
        }
    }
}
