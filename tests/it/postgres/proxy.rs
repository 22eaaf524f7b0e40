//! A proxy on loopback that loses answers and cuts connections.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Passes bytes between a store and a server, with the faults that a test chooses.
pub(super) struct Proxy {
    pub(super) port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Whether answers of the server are dropped.
    swallows: AtomicBool,
    /// Whether answers are dropped once a store sends the statement that writes.
    swallows_next: AtomicBool,
    /// Whether names of prepared statements are replaced by names that the server does not know.
    forgets: AtomicBool,
    /// Whether new connections are closed at once.
    refuses: AtomicBool,
    /// A text: once a store has sent it, connections stay open and no more bytes pass.
    trap: Mutex<Option<&'static str>>,
    /// Whether all bytes are held back.
    holds: AtomicBool,
    /// The delay of the server's answers, in milliseconds.
    late: AtomicU64,
    /// Bytes that the server sent.
    sent: AtomicU64,
    /// Bytes that stores sent.
    asked: AtomicU64,
    /// The bytes, in either direction, after which every connection is cut; practically infinite if none is to be cut.
    left: AtomicI64,
    open: Mutex<Vec<TcpStream>>,
}

/// The parameters of the statement that writes. No other prepared statement has as many.
const COLUMNS: u16 = 9;

/// The number of parameters of a message "bind" for a prepared statement that begins here: its kind, its length in four bytes,
/// no name of a portal, the name of the statement, and how many parameters have a format.
fn parameters_of_bind(bytes: &[u8], at: usize) -> Option<u16> {
    let [b'B', _, _, _, _, 0, name @ ..] = bytes.get(at..)? else { return None };
    let end = name.iter().take(16).position(|&byte| byte == 0).filter(|_| name.starts_with(b"s"))?;
    let [high, low, ..] = name.get(end + 1..)? else { return None };
    Some(u16::from_be_bytes([*high, *low]))
}

impl Proxy {
    pub(super) fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared { left: AtomicI64::new(i64::MAX), ..Shared::default() });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                if accepting.refuses.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(server) = TcpStream::connect(("127.0.0.1", server)) else { continue };
                accepting.open.lock().unwrap().extend([client.try_clone().unwrap(), server.try_clone().unwrap()]);
                let (from_client, to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let (there, back) = (Arc::clone(&accepting), Arc::clone(&accepting));
                thread::spawn(move || {
                    there.pass_on(from_client, to_server, |bytes| there.hear(bytes), |bytes| there.catch(bytes));
                });
                thread::spawn(move || back.pass_on(server, client, |bytes| back.lets_pass(bytes), |_| ()));
            }
        });
        Self { port, shared }
    }

    /// From now on drops what the server sends.
    pub(super) fn swallow_answers(&self) {
        self.shared.swallows.store(true, Ordering::SeqCst);
    }

    /// Drops what the server sends once a store sends the statement that writes, so that no earlier answer is lost: a
    /// store may have other queries in progress at any time, to follow others.
    pub(super) fn swallow_answers_to_write(&self) {
        self.shared.swallows_next.store(true, Ordering::SeqCst);
    }

    /// From now on the server knows no prepared statement, as if a pooler had chosen another session.
    pub(super) fn forget_statements(&self) {
        self.shared.forgets.store(true, Ordering::SeqCst);
    }

    /// Once a store has sent this text, acts as if its process had stopped: its connections stay open, and no more
    /// bytes pass.
    pub(super) fn stop_at(&self, text: &'static str) {
        *self.shared.trap.lock().unwrap() = Some(text);
    }

    /// Whether a store has sent the text of [`stop_at`](Self::stop_at).
    pub(super) fn is_stopped(&self) -> bool {
        self.shared.holds.load(Ordering::SeqCst)
    }

    /// Holds all bytes back until [`release`](Self::release).
    pub(super) fn stall(&self) {
        self.shared.holds.store(true, Ordering::SeqCst);
    }

    /// Cuts every connection after `bytes` more bytes, possibly in the middle of a message, and refuses new ones as
    /// [`cut`](Self::cut) does.
    pub(super) fn cut_after(&self, bytes: u32) {
        self.shared.left.store(i64::from(bytes), Ordering::SeqCst);
    }

    /// Lets all bytes pass again.
    pub(super) fn release(&self) {
        self.shared.holds.store(false, Ordering::SeqCst);
    }

    /// How many bytes the server sent so far.
    pub(super) fn sent(&self) -> u64 {
        self.shared.sent.load(Ordering::SeqCst)
    }

    /// From now on delays what the server sends.
    pub(super) fn delay(&self, milliseconds: u64) {
        self.shared.late.store(milliseconds, Ordering::SeqCst);
    }

    /// How many bytes stores sent so far.
    pub(super) fn asked(&self) -> u64 {
        self.shared.asked.load(Ordering::SeqCst)
    }

    /// Cuts every connection, and refuses new ones until [`resume`](Self::resume).
    pub(super) fn cut(&self) {
        self.shared.cut();
    }

    pub(super) fn resume(&self) {
        self.shared.refuses.store(false, Ordering::SeqCst);
    }
}

impl Shared {
    fn cut(&self) {
        self.refuses.store(true, Ordering::SeqCst);
        self.left.store(i64::MAX, Ordering::SeqCst);
        for stream in self.open.lock().unwrap().drain(..) {
            let _closed = stream.shutdown(Shutdown::Both);
        }
        self.swallows.store(false, Ordering::SeqCst);
        self.holds.store(false, Ordering::SeqCst);
    }

    fn pass_on(
        &self,
        mut from: TcpStream,
        mut to: TcpStream,
        passes: impl Fn(&mut [u8]) -> bool,
        passed: impl Fn(&[u8]),
    ) {
        // Large, so that bytes that arrive during a delay pass together: the delay is that of the network, not of each
        // piece.
        let mut bytes = vec![0; 1 << 20];
        while let Ok(count @ 1..) = from.read(&mut bytes) {
            let left = self.left.fetch_sub(i64::try_from(count).unwrap(), Ordering::SeqCst);
            let whole = usize::try_from(left).unwrap_or_default().min(count);
            if passes(&mut bytes[..count]) && to.write_all(&bytes[..whole]).is_err() {
                break;
            }
            if whole < count {
                self.cut();
                break;
            }
            passed(&bytes[..count]);
        }
        let _closed = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
    }

    /// Inspects what a store sends: whether its answer is to be dropped, or its prepared statement to be unknown.
    fn hear(&self, bytes: &mut [u8]) -> bool {
        self.asked.fetch_add(u64::try_from(bytes.len()).unwrap(), Ordering::SeqCst);
        let prepared: Vec<usize> = (0..bytes.len()).filter(|&at| parameters_of_bind(bytes, at).is_some()).collect();
        let is_write = |&at: &usize| parameters_of_bind(bytes, at) == Some(COLUMNS);
        if prepared.iter().any(is_write) && self.swallows_next.swap(false, Ordering::SeqCst) {
            self.swallows.store(true, Ordering::SeqCst);
        }
        if self.forgets.load(Ordering::SeqCst) {
            prepared.into_iter().for_each(|at| bytes[at + 6] = b'x');
        }
        true
    }

    /// Stops the traffic if these bytes, which have passed, have the text of [`stop_at`](Self::stop_at), and waits
    /// until it may continue.
    fn catch(&self, bytes: &[u8]) {
        let has = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        if self.trap.lock().unwrap().take_if(|text| has(text)).is_some() {
            self.holds.store(true, Ordering::SeqCst);
        }
        self.wait();
    }

    /// Waits while the traffic is stopped.
    fn wait(&self) {
        while self.holds.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether bytes of the server are passed on to the store.
    fn lets_pass(&self, bytes: &[u8]) -> bool {
        self.sent.fetch_add(u64::try_from(bytes.len()).unwrap(), Ordering::SeqCst);
        thread::sleep(Duration::from_millis(self.late.load(Ordering::SeqCst)));
        self.wait();
        !self.swallows.load(Ordering::SeqCst)
    }
}
