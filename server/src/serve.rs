//! Opening the store, listening, and ending.

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum_server::Handle;
use axum_server::tls_rustls::RustlsConfig;
use hyper_util::rt::TokioTimer;
use label_index::{Limits, Store, StoreOptions};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::{App, STREAMS, router};
use crate::arguments::Arguments;
use crate::demo;
use crate::metrics::Metrics;
use crate::rate::Rate;
use crate::request::chat::ChatNames;
use crate::tls::Tls;
use crate::tokens::{Scope, Tokens};
use crate::upstream::{ReportKey, Upstream};
use crate::webhooks;

/// How long requests may take once the server is told to end.
const GRACE: Duration = Duration::from_secs(10);
/// How long tasks that were cut off may take to end.
const LAST_TASKS: Duration = Duration::from_secs(2);
/// How long the head of a request may take.
const HEAD_TIME: Duration = Duration::from_secs(10);
/// The most chats whose loss of a deleted label has an event of its own.
const REPORTED_CHATS: usize = 100_000;
/// The most bytes of the head of a request.
const LONGEST_HEAD: usize = 32 << 10;
/// The most headers of a request.
const HEADERS: usize = 64;

/// Serves until the process is told to end.
///
/// # Errors
///
/// Why the server could not start, or what could not be written to the store at the end.
pub(crate) async fn serve(arguments: Arguments) -> Result<(), String> {
    // Removed when the server ends.
    let temporary = match &arguments.data {
        Some(_) => None,
        None => Some(tempfile::tempdir().map_err(|error| format!("no temporary folder: {error}"))?),
    };
    let folder =
        arguments.data.as_deref().or(temporary.as_ref().map(tempfile::TempDir::path)).unwrap_or(Path::new("."));
    let mut tokens = Tokens::new()?;
    if let Some(file) = &arguments.tokens {
        let lines = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
        tokens.read(&lines)?;
    }
    tokens.read(arguments.token_lines.as_deref().unwrap_or_default())?;
    let demo_token = if arguments.demo { Some(Tokens::random()?) } else { None };
    if let Some(token) = &demo_token {
        tokens.add(token, Scope::Instance(demo::INSTANCE.to_owned()))?;
    }
    if arguments.data.is_none() && arguments.store.is_some() {
        if arguments.webhooks.is_used() {
            return Err("--webhook with --store needs --data DIR, where it is kept how far each webhook is".to_owned());
        }
        if arguments.upstream.needs_folder() {
            let needs = "--upstream-writes queued with --store needs --data DIR, where it is kept how far the upstream was told";
            return Err(needs.to_owned());
        }
    }
    // Fails only if a provider is installed already, which is as good.
    let _installed = rustls::crypto::ring::default_provider().install_default();
    let tls = Tls::open(&arguments).await?;
    let metrics = Metrics::new(arguments.metrics_by_instance);
    let upstream = Upstream::open(&arguments.upstream, Arc::clone(&metrics.upstream))?;
    let report_key = arguments.upstream.webhook_key.as_deref().map(ReportKey::new).transpose()?;
    let store = open(folder, &arguments, &tokens).map_err(|error| error.to_string())?;
    let listener = TcpListener::bind(arguments.listen).map_err(|error| format!("{}: {error}", arguments.listen))?;
    listener.set_nonblocking(true).map_err(|error| error.to_string())?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let app = Arc::new(App {
        store,
        tokens,
        rate: Rate::per_minute(arguments.rate()),
        chats: ChatNames { host_keys: arguments.host_keys || arguments.demo },
        streams: Arc::new(Semaphore::new(STREAMS)),
        metrics,
        upstream,
        report_key,
        draining: CancellationToken::new(),
        ending: CancellationToken::new(),
    });
    // Before the first request, so that webhooks and the gateway get every later change.
    let followers = TaskTracker::new();
    webhooks::start(&arguments.webhooks, &folder.join("webhooks"), &app, &followers)?;
    if let Some(upstream) = &app.upstream {
        upstream.start(&arguments.upstream, &folder.join("upstream"), &app, &followers)?;
    }
    followers.close();
    let handle = Handle::new();
    let drain = Duration::from_secs(arguments.drain);
    tokio::spawn(end_on_signal(handle.clone(), drain, app.draining.clone(), app.ending.clone()));
    let config = tls.as_ref().map(Tls::config);
    tls.map_or(Ok(()), Tls::follow)?;
    announce(address, config.is_some(), demo_token.as_deref()).map_err(|error| format!("stdout: {error}"))?;
    answer(listener, config, handle, Arc::clone(&app)).await.map_err(|error| format!("{address}: {error}"))?;
    // Deliveries in progress are finished first.
    if tokio::time::timeout(GRACE, followers.wait()).await.is_err() {
        tracing::warn!("a webhook or the upstream takes too long: what it was sent will be sent again");
    }
    tracing::info!("no more requests; closing the store");
    close(app).await
}

/// Closes the store, so that it is loaded quickly the next time. A request that was cut off may keep the store open for
/// a moment longer; if it keeps it for too long, at least everything is on disk.
///
/// # Errors
///
/// What could not be written.
async fn close(mut app: Arc<App>) -> Result<(), String> {
    let began = Instant::now();
    let closed = loop {
        app = match Arc::try_unwrap(app) {
            Ok(app) => break tokio::task::spawn_blocking(move || app.store.close()).await,
            Err(shared) if began.elapsed() < LAST_TASKS => shared,
            Err(shared) => break tokio::task::spawn_blocking(move || shared.store.flush()).await,
        };
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    closed.map_err(|error| error.to_string())?.map_err(|error| error.to_string())
}

/// Opens the store, and makes the instances that are named.
fn open(folder: &Path, arguments: &Arguments, tokens: &Tokens) -> label_index::Result<Store> {
    let mut limits = Limits::default();
    limits.removal_unlinks = REPORTED_CHATS;
    let options = StoreOptions::new().limits(limits);
    let store = match &arguments.store {
        Some(url) => options.connect(url)?,
        None => options.open(folder)?,
    };
    for name in tokens.instances().chain(arguments.instance.iter().map(String::as_str)) {
        store.instance(name)?;
    }
    if arguments.demo {
        demo::prepare(&store)?;
    }
    Ok(store)
}

/// Prints the address of the server on stdout. Its port is open by then.
fn announce(address: SocketAddr, tls: bool, demo_token: Option<&str>) -> std::io::Result<()> {
    let scheme = if tls { "https" } else { "http" };
    let url = format!("{scheme}://{address}");
    let mut out = std::io::stdout().lock();
    match demo_token {
        None => writeln!(out, "listening {url}")?,
        Some(token) => {
            let name = demo::INSTANCE;
            // A browser never sends the fragment, and the page removes the token from the address.
            writeln!(out, "instance {name}\ntoken {token}\npage {url}/#instance={name}&token={token}")?;
            writeln!(
                out,
                "curl -H 'token: {token}' '{url}/api/chat/contactsByLabel/{name}?labelNames=VIP,Support&limit=2'"
            )?;
            let credentials = format!("instance_id={name}&access_token={token}");
            writeln!(out, "curl -X PUT '{url}/v2/labels/1/chats/5511999990001?{credentials}'")?;
            writeln!(out, "curl '{url}/v2/labels/chats/5511999990001?{credentials}'")?;
        }
    }
    out.flush()
}

/// Answers requests until the handle is shut down.
async fn answer(
    listener: TcpListener,
    tls: Option<RustlsConfig>,
    handle: Handle<SocketAddr>,
    app: Arc<App>,
) -> std::io::Result<()> {
    let service = router(app).into_make_service();
    /// Limits the cost of a connection before it has sent a request.
    macro_rules! bounded {
        ($server:expr) => {{
            let mut server = $server.handle(handle).first_request_timeout(HEAD_TIME);
            let mut http = server.http_builder().http1();
            http.timer(TokioTimer::new())
                .header_read_timeout(HEAD_TIME)
                .max_buf_size(LONGEST_HEAD)
                .max_headers(HEADERS);
            server.serve(service).await
        }};
    }
    match tls {
        Some(tls) => bounded!(axum_server::from_tcp_rustls(listener, tls)?),
        None => bounded!(axum_server::from_tcp(listener)?),
    }
}

/// Waits for SIGTERM or SIGINT, and then for some time in which a balancer may notice that the server is not ready, or for
/// another signal; then no further connection is taken, and requests have some time to end.
async fn end_on_signal(
    handle: Handle<SocketAddr>,
    drain: Duration,
    draining: CancellationToken,
    ending: CancellationToken,
) {
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("no signals: the server can only be killed");
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("told to end");
    draining.cancel();
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = tokio::time::sleep(drain) => {}
    }
    // Streams of events would never end by themselves.
    ending.cancel();
    handle.graceful_shutdown(Some(GRACE));
}
