//! The HTTP side of `--listen`: one thread, a bounded number of connections, and for each a bounded head, one request, and a
//! bounded time. Who is not served within those bounds is hung up on; nobody waits for anybody else.

use std::cell::RefCell;
use std::convert::Infallible;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::oneshot;
use tokio::task::{LocalSet, spawn_local};

use super::address::Listener;
use super::connections::{Connections, Id, State};

/// The content type of Prometheus' text format.
const FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";
/// Of a request's line and headers together: the least that hyper takes.
const HEAD: usize = 8192;
const HEADERS: usize = 64;
/// How often those who take too long are looked for.
const TICK: Duration = Duration::from_millis(250);
/// A short collection.
const COLLECTION: Duration = Duration::from_millis(2);

/// What was collected for everybody who waited for it.
#[derive(Clone, Debug)]
pub struct Collected {
    /// Counts collections.
    pub number: u64,
    /// The text, or why there is none.
    pub text: Result<Bytes, Bytes>,
}

/// Somebody who wants a collection that begins from now on.
pub type Waiter = oneshot::Sender<Arc<Collected>>;

/// Serves for as long as the process lives, or until nobody takes waiters any more.
pub fn serve(listener: Listener, waiters: Sender<Waiter>) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let all = All { connections: Rc::default(), waiters };
    LocalSet::new().block_on(&runtime, async {
        let reaper = Rc::clone(&all.connections);
        spawn_local(async move {
            loop {
                tokio::time::sleep(TICK).await;
                reaper.borrow_mut().end_slow(Instant::now());
            }
        });
        match listener {
            Listener::Tcp(listener) => {
                listener.set_nonblocking(true)?;
                let listener = TcpListener::from_std(listener)?;
                all.accept(async || listener.accept().await.map(|(stream, _)| stream)).await
            }
            Listener::Unix(listener) => {
                listener.set_nonblocking(true)?;
                let listener = UnixListener::from_std(listener)?;
                all.accept(async || listener.accept().await.map(|(stream, _)| stream)).await
            }
        }
    })
}

struct All {
    connections: Rc<RefCell<Connections>>,
    waiters: Sender<Waiter>,
}

impl All {
    async fn accept<S>(&self, mut next: impl AsyncFnMut() -> io::Result<S>) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        loop {
            while !self.connections.borrow_mut().make_place() {
                tokio::time::sleep(COLLECTION).await;
            }
            match next().await {
                Ok(stream) => {
                    self.open(stream);
                    // Who has sent a request already is to be seen to have asked before others come.
                    tokio::task::yield_now().await;
                }
                // Gone before it was accepted, or there are no descriptors: the next may fare better.
                Err(_) => tokio::time::sleep(COLLECTION).await,
            }
        }
    }

    fn open<S: AsyncRead + AsyncWrite + Unpin + 'static>(&self, stream: S) {
        let id = self.connections.borrow_mut().number();
        let (connections, waiters) = (Rc::clone(&self.connections), self.waiters.clone());
        let task = spawn_local(async move {
            let answer = service_fn(|request| answer(request, id, &connections, &waiters));
            let mut http = http1::Builder::new();
            http.keep_alive(false)
                .title_case_headers(true)
                .max_buf_size(HEAD)
                .max_headers(HEADERS)
                .header_read_timeout(None);
            // Whoever asked may have gone, or not have been understood.
            let _ = http.serve_connection(TokioIo::new(stream), answer).await;
            connections.borrow_mut().gone(id);
        });
        self.connections.borrow_mut().insert(id, task.abort_handle(), Instant::now());
    }
}

async fn answer(
    request: Request<Incoming>,
    id: Id,
    connections: &RefCell<Connections>,
    waiters: &Sender<Waiter>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let has = |state| connections.borrow_mut().has(id, state, Instant::now());
    let (mut collection, mut code) = (0, StatusCode::OK);
    let text = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/metrics") => {
            has(State::Waiting);
            let (sender, receiver) = oneshot::channel();
            // Nobody takes it, or it was dropped: this program ends.
            let collected = if waiters.send(sender).is_ok() { receiver.await.ok() } else { None };
            match collected.as_deref() {
                Some(Collected { number, text: Ok(text) }) => {
                    collection = *number;
                    text.clone()
                }
                other => {
                    code = StatusCode::INTERNAL_SERVER_ERROR;
                    let why = other.and_then(|collected| collected.text.as_ref().err().cloned());
                    why.unwrap_or_else(|| Bytes::from_static(b"the exporter ends\n"))
                }
            }
        }
        (&Method::GET | &Method::HEAD, "/") => Bytes::from_static(b"tcptune: what programs count is at /metrics\n"),
        (&Method::GET | &Method::HEAD, _) => {
            code = StatusCode::NOT_FOUND;
            Bytes::from_static(b"only /metrics is here\n")
        }
        _ => {
            code = StatusCode::METHOD_NOT_ALLOWED;
            Bytes::from_static(b"only GET is answered\n")
        }
    };
    has(State::Answered { collection, size: text.len() });
    let mut response = Response::new(Full::new(text));
    *response.status_mut() = code;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(FORMAT));
    Ok(response)
}
