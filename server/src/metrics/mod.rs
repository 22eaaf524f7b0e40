//! Metrics for Prometheus. No label contains a phone number, a token or an address, and no text of a client makes a
//! series.

mod store;

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use axum::http::Method;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::app::{App, STREAMS};
use crate::upstream;
use crate::webhooks::meter::Meter;

/// The prefix of the names of all metrics.
const PREFIX: &str = "label_index";
/// The bounds of the buckets of durations, in seconds.
const BUCKETS: [f64; 11] = [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.1, 1.0, 10.0];

/// All metrics of the server. Requests have one series for each route, known method and status.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Histogram, fn() -> Histogram>,
    in_flight: Gauge,
    abandoned: Counter,
    /// The metrics of webhooks.
    pub(crate) webhooks: Arc<Meter>,
    /// The metrics of the gateway.
    pub(crate) upstream: Arc<upstream::meter::Meter>,
    /// Whether the metrics of indexes are given for each instance, or as totals.
    by_instance: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: String,
    method: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: String,
}

impl Metrics {
    pub(crate) fn new(by_instance: bool) -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        let requests = Family::default();
        let histogram: fn() -> Histogram = || Histogram::new(BUCKETS);
        let durations = Family::new_with_constructor(histogram);
        let (in_flight, abandoned, webhooks) = (Gauge::default(), Counter::default(), Arc::<Meter>::default());
        registry.register("http_requests", "Requests that were answered", requests.clone());
        let help = "Time until the answer began";
        registry.register_with_unit("http_request_duration", help, Unit::Seconds, durations.clone());
        registry.register("http_requests_in_flight", "Requests that are being answered", in_flight.clone());
        let help = "Requests whose client went away before the answer began";
        registry.register("http_requests_abandoned", help, abandoned.clone());
        webhooks.register(&mut registry);
        let upstream = Arc::<upstream::meter::Meter>::default();
        upstream.register(&mut registry);
        Self { registry, requests, durations, in_flight, abandoned, webhooks, upstream, by_instance }
    }

    /// A request has come.
    pub(crate) fn begin(&self) -> Pending<'_> {
        self.in_flight.inc();
        Pending { metrics: self, began: Instant::now(), is_answered: false }
    }
}

/// A request in progress. If it is dropped before it is answered, its client has gone away.
#[derive(Debug)]
pub(crate) struct Pending<'a> {
    metrics: &'a Metrics,
    pub(crate) began: Instant,
    is_answered: bool,
}

impl Pending<'_> {
    /// Counts the answer.
    pub(crate) fn answered(mut self, method: &Method, route: &str, status: u16) {
        self.is_answered = true;
        let (metrics, route) = (self.metrics, route.to_owned());
        let seconds = self.began.elapsed().as_secs_f64();
        metrics.durations.get_or_create(&RouteLabels { route: route.clone() }).observe(seconds);
        metrics.requests.get_or_create(&RequestLabels { route, method: known(method), status }).inc();
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        self.metrics.in_flight.dec();
        if !self.is_answered {
            self.metrics.abandoned.inc();
        }
    }
}

/// The name of a method; a client may invent any number of others.
fn known(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "PATCH" => "PATCH",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

/// The present values of all metrics, in the text format of Prometheus.
///
/// # Errors
///
/// Those of formatting.
pub(crate) fn text(app: &App) -> Result<String, fmt::Error> {
    let metrics = &app.metrics;
    let mut now = Registry::with_prefix(PREFIX);
    store::register(&mut now, app.store.stats(), metrics.by_instance);
    let streams = STREAMS.saturating_sub(app.streams.available_permits());
    store::gauge(&mut now, "event_streams", "Streams of events that are open", store::wide(streams));
    let help = "Commits that the slowest webhook has not taken";
    store::gauge(&mut now, "webhook_lag_commits", help, metrics.webhooks.followed.lag());
    let help = "Commits of the instance that is furthest behind of which the upstream was not told";
    store::gauge(&mut now, "upstream_lag_commits", help, metrics.upstream.followed.lag());
    let mut text = String::new();
    prometheus_text::encode(&mut text, &metrics.registry)?;
    prometheus_text::encode(&mut text, &now)?;
    Ok(text)
}
