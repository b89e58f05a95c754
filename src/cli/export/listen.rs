//! The HTTP endpoint: answers GET /metrics with a fresh reading, one request after the other.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tiny_http::{Header, Method, Request, Response, Server};

use super::exporter::Exporter;
use crate::errors::{Context, Failure, plain, say};

/// The content type of Prometheus' text format.
const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// A signal is noticed within this time.
const PATIENCE: Duration = Duration::from_millis(100);

pub fn serve(address: SocketAddr, exporter: &mut Exporter, stop: &AtomicBool) -> Result<(), Failure> {
    let server = Server::http(address)
        .map_err(|error| Failure::own(format!("cannot listen on {address} (--listen): {}", plain(&error))))?;
    say(format!("http://{}/metrics", server.server_addr()));
    while !stop.load(Ordering::Relaxed) {
        if let Some(request) =
            server.recv_timeout(PATIENCE).doing(|| format!("take a request on {address} (--listen)"))?
        {
            answer(request, exporter);
        }
    }
    Ok(())
}

fn answer(request: Request, exporter: &mut Exporter) {
    let path = request.url().split('?').next().unwrap_or_default();
    let (code, text) = match (request.method(), path) {
        (Method::Get | Method::Head, "/metrics") => match exporter.text() {
            Ok(text) => (200, text),
            Err(failure) => {
                say(&failure.message);
                (500, failure.message + "\n")
            }
        },
        (Method::Get | Method::Head, "/") => (200, "tcptune: what programs count is at /metrics\n".to_owned()),
        (Method::Get | Method::Head, _) => (404, "only /metrics is here\n".to_owned()),
        _ => (405, "only GET is answered\n".to_owned()),
    };
    let mut response = Response::from_string(text).with_status_code(code).with_chunked_threshold(usize::MAX);
    if let Ok(header) = Header::from_bytes("Content-Type", FORMAT) {
        response.add_header(header);
    }
    // Who asked may have gone.
    let _ = request.respond(response);
}
