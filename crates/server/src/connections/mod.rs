//! Listening, and ending well: on the signal to end, `/health/ready` turns 503, requests in flight are finished, and the
//! process goes.

mod backups;
mod chores;
mod front;
mod lanes;
mod patient;

use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use hyper::server::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tidemill_core::{Context, Result};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, oneshot, watch};

use crate::app::{App, Limits, Options};
use crate::error::Error;
use crate::trouble::Repeated;
use chores::chores;
use front::Front;
use lanes::Workers;
use patient::Patient;

/// How many requests of one HTTP/2 connection may be in flight.
const STREAMS: u32 = 128;
/// Where no more than one place in so many is free, new connections are not kept for long while they are idle.
const CROWDED: usize = 4;
/// The most bytes of a request's head.
const HEAD: usize = 64 << 10;
/// How long requests in flight may take once the server ends.
const LAST: Duration = Duration::from_secs(60);

/// A server that runs on threads of its own.
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// What its requests share.
    pub app: Arc<App>,
    runtime: Option<Runtime>,
    stop: Option<oneshot::Sender<()>>,
    ended: Option<tokio::task::JoinHandle<()>>,
}

impl Running {
    /// Finishes the requests in flight and ends.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        drop(self.stop.take());
        if let (Some(runtime), Some(ended)) = (self.runtime.take(), self.ended.take()) {
            // A panicked task has nothing left to finish.
            let _ = runtime.block_on(ended);
            runtime.shutdown_timeout(Duration::from_secs(1));
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

/// A runtime of one thread.
fn runtime(name: &str) -> Result<Runtime> {
    let built =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).thread_name(name).enable_all().build();
    built.map_err(|e| Error::System(format!("starting threads: {e}")).into())
}

async fn listen(address: SocketAddr) -> Result<TcpListener> {
    let failed = |e: std::io::Error| Error::Listen { address: address.to_string(), problem: e.to_string() };
    Ok(TcpListener::bind(address).await.map_err(failed)?)
}

/// Starts a server and comes back.
pub fn start(options: &Options, context: &Context) -> Result<Running> {
    let app = App::new(options, context)?;
    app.check_open(options.listen)?;
    let (runtime, lanes) = (runtime("server")?, Workers::start(context.threads)?);
    let listener = runtime.block_on(listen(options.listen))?;
    let address = listener.local_addr().map_err(|e| Error::System(e.to_string()))?;
    let (stop, stopped) = oneshot::channel();
    let stopped = async move {
        // Dropping the sender is the signal as well.
        let _ = stopped.await;
    };
    let ended = runtime.spawn(run(app.clone(), (listener, lanes), options.clone(), stopped));
    Ok(Running { address, app, runtime: Some(runtime), stop: Some(stop), ended: Some(ended) })
}

/// Serves until the process is told to end (SIGTERM or Ctrl-C). `listening` gets the address once all is ready.
pub fn serve(options: &Options, context: &Context, listening: impl FnOnce(SocketAddr)) -> Result<()> {
    let app = App::new(options, context)?;
    app.check_open(options.listen)?;
    let (runtime, lanes) = (runtime("server")?, Workers::start(context.threads)?);
    runtime.block_on(async {
        let listener = listen(options.listen).await?;
        let told = signal()?;
        listening(listener.local_addr().map_err(|e| Error::System(e.to_string()))?);
        run(app, (listener, lanes), options.clone(), told).await;
        Ok(())
    })
}

/// The signal of a write beyond the limit of a file's size; `tokio` has no name for it.
#[cfg(any(target_os = "linux", target_os = "macos"))]
const SIGXFSZ: i32 = 25;

#[cfg(unix)]
fn signal() -> Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let failed = |e: std::io::Error| Error::System(format!("listening for signals: {e}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    // A file at the limit of its size (`ulimit -f`) would end the process; with a handler the write fails, as on a full disk. The handler
    // stays when its receiver is gone.
    #[cfg(any(target_os = "linux", target_os = "macos"))]
    drop(signal(SignalKind::from_raw(SIGXFSZ)).map_err(failed)?);
    Ok(async move {
        tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
    })
}

#[cfg(not(unix))]
fn signal() -> Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}

async fn run(
    app: Arc<App>,
    (listener, mut lanes): (TcpListener, Workers),
    options: Options,
    told: impl Future<Output = ()>,
) {
    let chores = tokio::spawn(chores(app.clone(), options.retention));
    let backups = options.backup.clone().map(|regular| tokio::spawn(backups::backups(app.clone(), regular)));
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(options.limits.connections));
    let mut told = std::pin::pin!(async {
        told.await;
        app.ready.store(false, Ordering::Relaxed);
        tokio::time::sleep(options.drain).await;
    });
    let front = Front::new(app.clone());
    let (end, ending) = watch::channel(());
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            () = &mut told => break,
        };
        let Some((stream, place)) = accepted else { continue };
        let mut limits = options.limits;
        if places.available_permits() < limits.connections / CROWDED {
            limits.keep_alive = limits.head;
        }
        let (app, front) = (app.clone(), front.clone());
        let (watcher, ending) = (graceful.watcher(), ending.clone());
        app.telemetry.connections.inc();
        lanes.spawn(async move {
            // A client that goes away or sends nonsense is its own affair.
            if let Ok(stream) = stream.and_then(TcpStream::from_std) {
                converse(stream, front, (watcher, ending), &limits).await;
            }
            app.telemetry.connections.dec();
            drop(place);
        });
    }
    drop((listener, end));
    if tokio::time::timeout(LAST, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not end in time");
    }
    chores.abort();
    if let Some(backups) = backups {
        backups.abort();
    }
    lanes.end();
}

/// Answers the requests of a connection: HTTP/1, or HTTP/2 where the client begins with it ("prior knowledge", RFC 9113, section 3.3).
async fn converse(
    stream: TcpStream,
    front: Front,
    (watcher, mut ending): (Watcher, watch::Receiver<()>),
    limits: &Limits,
) {
    let head = limits.head;
    let begins = tokio::select! {
        // What has come already is answered, though the server ends.
        biased;
        begins = tokio::time::timeout(head, begins_http2(&stream)) => begins,
        _ = ending.changed() => return,
    };
    let Ok(Ok(is_http2)) = begins else { return };
    let front = front.of_a_connection();
    if is_http2 {
        let stream = TokioIo::new(stream);
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .max_concurrent_streams(STREAMS)
            .keep_alive_interval(Some(head))
            .serve_connection(stream, front);
        let _ = watcher.watch(connection).await;
    } else {
        let stream = TokioIo::new(Patient::new(stream, front.talk(), head));
        let mut connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.keep_alive.max(head))
            .max_header_size(HEAD)
            .serve_connection(stream, front);
        // One that is told to end before it has read anything is closed, with the request that waits to be read.
        let begun = std::future::poll_fn(|cx| Poll::Ready(Pin::new(&mut connection).poll(cx))).await;
        if begun.is_pending() {
            let _ = watcher.watch(connection).await;
        }
    }
}

/// Whether the first bytes are those of an HTTP/2 client. They stay to be read.
async fn begins_http2(stream: &TcpStream) -> std::io::Result<bool> {
    // No method of HTTP/1 that is answered begins so.
    const START: &[u8] = b"PRI";
    let mut found = [0; START.len()];
    loop {
        let n = stream.peek(&mut found).await?;
        if n == 0 || found[..n] != START[..n] {
            return Ok(false);
        }
        if n == START.len() {
            return Ok(true);
        }
        // The rest is on its way, and peeking would not wait for it.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(std::io::Result<std::net::TcpStream>, tokio::sync::OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => {
            // Answers are small and whole: waiting for more to send would only delay them.
            let _ = stream.set_nodelay(true);
            Some((stream.into_std(), place))
        }
        Err(e) => {
            // Out of file descriptors, most likely: closing connections will help, spinning would not.
            static LINE: Repeated = Repeated::new();
            if let Some(held_back) = LINE.due() {
                tracing::warn!(error = %e, held_back, "a connection could not be accepted");
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}
