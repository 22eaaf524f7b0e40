//! A proxy on loopback that loses answers and cuts connections.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

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
                thread::spawn(move || pass_on(from_client, to_server, || false));
                let shared = Arc::clone(&accepting);
                thread::spawn(move || pass_on(server, client, || shared.swallows.load(Ordering::SeqCst)));
            }
        });
        Self { port, shared }
    }

    /// From now on nothing that the server says arrives.
    pub(super) fn swallow_answers(&self) {
        self.shared.swallows.store(true, Ordering::SeqCst);
    }

    /// Cuts every connection, and refuses new ones until [`resume`](Self::resume).
    pub(super) fn cut(&self) {
        self.shared.refuses.store(true, Ordering::SeqCst);
        for stream in self.shared.open.lock().unwrap().drain(..) {
            let _closed = stream.shutdown(Shutdown::Both);
        }
        self.shared.swallows.store(false, Ordering::SeqCst);
    }

    pub(super) fn resume(&self) {
        self.shared.refuses.store(false, Ordering::SeqCst);
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, swallows: impl Fn() -> bool) {
    let mut bytes = [0; 16 << 10];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        if !swallows() && to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    let _closed = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}
