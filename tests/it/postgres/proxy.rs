//! A proxy on loopback that loses answers and cuts connections.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// Passes bytes on between a store and a server, until it is told not to.
pub(super) struct Proxy {
    pub(super) port: u16,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Answers of the server go nowhere.
    swallows: AtomicBool,
    /// New connections are closed at once.
    refuses: AtomicBool,
    /// A connection on which a store sends this stays open, and nothing passes any more.
    trap: Mutex<Option<&'static str>>,
    /// Something is in the trap.
    holds: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    pub(super) fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::<Shared>::default();
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
                thread::spawn(move || pass_on(from_client, to_server, || false, |bytes| there.catch(bytes)));
                let swallows = move || back.swallows.load(Ordering::SeqCst);
                thread::spawn(move || pass_on(server, client, swallows, |_| ()));
            }
        });
        Self { port, shared }
    }

    /// From now on nothing that the server says arrives.
    pub(super) fn swallow_answers(&self) {
        self.shared.swallows.store(true, Ordering::SeqCst);
    }

    /// Once a store has sent this, it is as if its process had stopped: the server has its connections, and hears nothing.
    pub(super) fn stop_at(&self, text: &'static str) {
        *self.shared.trap.lock().unwrap() = Some(text);
    }

    /// Whether that happened.
    pub(super) fn is_stopped(&self) -> bool {
        self.shared.holds.load(Ordering::SeqCst)
    }

    /// Cuts every connection, and refuses new ones until [`resume`](Self::resume).
    pub(super) fn cut(&self) {
        self.shared.refuses.store(true, Ordering::SeqCst);
        for stream in self.shared.open.lock().unwrap().drain(..) {
            let _closed = stream.shutdown(Shutdown::Both);
        }
        self.shared.swallows.store(false, Ordering::SeqCst);
        self.shared.holds.store(false, Ordering::SeqCst);
    }

    pub(super) fn resume(&self) {
        self.shared.refuses.store(false, Ordering::SeqCst);
    }
}

impl Shared {
    /// Waits for as long as these bytes, which have passed, are in the trap.
    fn catch(&self, bytes: &[u8]) {
        let has = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
        if self.trap.lock().unwrap().take_if(|text| has(text)).is_some() {
            self.swallows.store(true, Ordering::SeqCst);
            self.holds.store(true, Ordering::SeqCst);
        }
        while self.holds.load(Ordering::SeqCst) {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, swallows: impl Fn() -> bool, passed: impl Fn(&[u8])) {
    let mut bytes = [0; 16 << 10];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        if !swallows() && to.write_all(&bytes[..count]).is_err() {
            break;
        }
        passed(&bytes[..count]);
    }
    let _closed = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
