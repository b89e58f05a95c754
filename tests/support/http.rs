//! A keep-alive HTTP/1.1 client, one request in one write; it knows Content-Length and nothing else.

use super::net;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

pub struct Client {
    writer: TcpStream,
    reader: BufReader<TcpStream>,
}

impl Client {
    pub fn connect(port: u16) -> Self {
        let writer = net::connect(port, Duration::from_secs(10));
        let reader = BufReader::new(writer.try_clone().expect("a second handle"));
        Client { writer, reader }
    }

    /// Gets a resource, which must be there, and gives its body.
    pub fn get(&mut self, path: &str) -> Vec<u8> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        self.writer.write_all(request.as_bytes()).expect("the server reads");
        let status = self.line();
        assert!(status.starts_with("HTTP/1.1 200 "), "GET {path}: {status}");
        let mut length = None;
        loop {
            let line = self.line();
            if line.is_empty() {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse().ok();
            }
        }
        let mut body = vec![0; length.expect("a Content-Length")];
        self.reader.read_exact(&mut body).expect("the body comes");
        body
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.reader.read_line(&mut line).expect("the server answers");
        line.trim_end().to_owned()
    }
}
