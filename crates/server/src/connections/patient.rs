//! Two kinds of waiting on a connection of HTTP/1: for a request, which may take long, since proxies keep connections for later and send a request
//! on one that the server is just closing if it closes first; and for the rest of a request's head, which may not, since slow heads hold
//! places that others wait for. `hyper` has one limit for both.

use std::future::Future;
use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

/// Nothing of a request has come.
const WAITING: u8 = 0;
/// A part of its head has come.
const BEGUN: u8 = 1;
/// Its head is there, and it is being answered.
const ANSWERING: u8 = 2;

/// How far the request at hand is.
#[derive(Clone, Default)]
pub(super) struct Talk(Arc<AtomicU8>);

impl Talk {
    /// The head of a request is there, and it is answered until what this gives is dropped.
    pub(super) fn answering(&self) -> Answering {
        self.0.store(ANSWERING, Ordering::Relaxed);
        Answering(self.clone())
    }

    /// Bytes came; whether they begin a request.
    fn came(&self) -> bool {
        self.0.compare_exchange(WAITING, BEGUN, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    fn has_begun(&self) -> bool {
        self.0.load(Ordering::Relaxed) == BEGUN
    }
}

/// A request is being answered.
pub(super) struct Answering(Talk);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.0.store(WAITING, Ordering::Relaxed);
    }
}

/// A connection whose client is waited for no longer than `head` once it has begun with a request.
pub(super) struct Patient {
    stream: TcpStream,
    talk: Talk,
    head: Duration,
    late: Option<Pin<Box<Sleep>>>,
}

impl Patient {
    pub(super) fn new(stream: TcpStream, talk: Talk, head: Duration) -> Self {
        Patient { stream, talk, head, late: None }
    }
}

impl AsyncRead for Patient {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        let before = into.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, into);
        if read.is_ready() {
            if into.filled().len() > before && self.talk.came() {
                self.late = None;
            }
            return read;
        }
        // Most heads come whole, and need no clock.
        if self.talk.has_begun() {
            let head = self.head;
            let late = self.late.get_or_insert_with(|| Box::pin(sleep(head)));
            if late.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Err(Error::new(
                    ErrorKind::TimedOut,
                    "the head of a request came too slowly",
                )));
            }
        }
        Poll::Pending
    }
}

impl AsyncWrite for Patient {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
