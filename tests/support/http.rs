//! A keep-alive HTTP/1.1 client, one request in one write; it knows Content-Length and nothing else. And Python's server.

use super::{Guard, ScratchDir, free_port, net};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Python's server in HTTP/1.1, which writes header and body by themselves. It has one small page, `/page.txt`.
pub struct Server {
    pub guard: Guard,
    pub port: u16,
    pub page: String,
    _directory: ScratchDir,
}

impl Server {
    /// `command` starts Python, or something that does.
    pub fn start(command: &mut Command) -> Self {
        let directory = ScratchDir::new("http");
        let page = "a line of the page\n".repeat(50);
        directory.file("page.txt", &page);
        let port = free_port();
        command.args(["-m", "http.server", "--protocol", "HTTP/1.1", "--bind", "127.0.0.1", "--directory"]);
        command.arg(directory.path()).arg(port.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self { guard: Guard::spawn(command), port, page, _directory: directory }
    }
}

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
