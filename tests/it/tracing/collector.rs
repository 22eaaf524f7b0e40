//! A subscriber of `tracing` that records its calls, and one that runs code of a test at each call.

use std::collections::BTreeMap;
use std::fmt::{self, Write};
use std::sync::{Arc, LazyLock, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::with_default;
use tracing::{Dispatch, Event, Metadata, Subscriber};

/// Records each call as a line.
#[derive(Clone, Default)]
pub(crate) struct Collector(Arc<Mutex<Told>>);

#[derive(Default)]
struct Told {
    lines: Vec<String>,
    /// The spans that are not closed, with their names.
    open: BTreeMap<u64, &'static str>,
    spans: u64,
}

struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            write!(self.0, " {value:?}").unwrap();
        } else {
            write!(self.0, " {}={value:?}", field.name()).unwrap();
        }
    }
}

/// Fields as ` name=value`; the message as it is.
fn shown(record: impl FnOnce(&mut dyn Visit)) -> String {
    let mut fields = Fields(String::new());
    record(&mut fields);
    fields.0
}

impl Collector {
    /// The lines since the last call.
    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap().lines)
    }

    /// Waits for a line with this text. Takes the lines up to it.
    pub(crate) fn wait_for(&self, text: &str) -> Vec<String> {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let mut told = self.0.lock().unwrap();
            if let Some(position) = told.lines.iter().position(|line| line.contains(text)) {
                return told.lines.drain(..=position).collect();
            }
            assert!(Instant::now() < deadline, "no {text:?} in {:#?}", told.lines);
            drop(told);
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// The names of the spans that are not closed.
    pub(crate) fn open_spans(&self) -> Vec<&'static str> {
        self.0.lock().unwrap().open.values().copied().collect()
    }

    fn note(&self, line: impl FnOnce(&mut Told) -> String) {
        let mut told = self.0.lock().unwrap();
        let line = line(&mut told);
        told.lines.push(line);
    }
}

/// Runs with a subscriber of this thread. With a single subscriber in the process, `tracing` asks the thread that comes
/// first to a span or an event whether anybody wants it, and remembers its answer for all threads. Other tests reach
/// them without a subscriber, so there is a second one that lasts as long as the process.
pub(crate) fn listen(subscriber: impl Subscriber + Send + Sync, run: impl FnOnce()) {
    static OTHER: LazyLock<Dispatch> = LazyLock::new(|| Dispatch::new(Collector::default()));
    LazyLock::force(&OTHER);
    with_default(subscriber, run);
}

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "label_index"
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let (name, level) = (span.metadata().name(), span.metadata().level());
        let mut number = 0;
        self.note(|told| {
            told.spans += 1;
            number = told.spans;
            told.open.insert(number, name);
            format!("{level} begin {name}{}", shown(|visit| span.record(visit)))
        });
        Id::from_u64(number)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let shown = shown(|visit| values.record(visit));
        self.note(|told| format!("{}{shown}", told.open[&span.into_u64()]));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let level = event.metadata().level();
        self.note(|_| format!("{level}{}", shown(|visit| event.record(visit))));
    }

    fn enter(&self, span: &Id) {
        self.note(|told| format!("enter {}", told.open[&span.into_u64()]));
    }

    fn exit(&self, span: &Id) {
        self.note(|told| format!("exit {}", told.open[&span.into_u64()]));
    }

    fn try_close(&self, span: Id) -> bool {
        self.note(|told| format!("close {}", told.open.remove(&span.into_u64()).unwrap()));
        true
    }
}

/// Calls a closure before each call of a collector, but not while the closure runs on the same thread.
pub(crate) struct Doing<F> {
    pub(crate) collector: Collector,
    pub(crate) act: F,
}

thread_local! {
    static ACTS: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Marks the end of the closure on this thread when this is dropped, also by a panic.
struct Acting;

impl Drop for Acting {
    fn drop(&mut self) {
        ACTS.set(false);
    }
}

impl<F: Fn(&str) + Send + Sync + 'static> Doing<F> {
    fn act(&self, call: &str) {
        if !ACTS.replace(true) {
            let _acting = Acting;
            (self.act)(call);
        }
    }
}

impl<F: Fn(&str) + Send + Sync + 'static> Subscriber for Doing<F> {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        self.collector.enabled(metadata)
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let id = self.collector.new_span(span);
        self.act("new_span");
        id
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        self.collector.record(span, values);
        self.act("record");
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        self.collector.event(event);
        self.act("event");
    }

    fn enter(&self, span: &Id) {
        self.collector.enter(span);
        self.act("enter");
    }

    fn exit(&self, span: &Id) {
        self.collector.exit(span);
        self.act("exit");
    }

    fn try_close(&self, span: Id) -> bool {
        self.collector.try_close(span);
        self.act("close");
        true
    }
}
