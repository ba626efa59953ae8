//! A proxy of connections, as a cluster's: it leads each to the next of its endpoints, learns of
//! changes late, and leaves what it has once connected alone.

use std::{
    io,
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread::{self, JoinHandle},
    time::Duration,
};

/// How late it learns.
const LATE: Duration = Duration::from_secs(2);

pub struct Proxy {
    pub address: SocketAddr,
    /// The next connection goes to the first of them.
    endpoints: Arc<Mutex<Vec<SocketAddr>>>,
}

impl Proxy {
    /// A proxy that knows `endpoints`.
    pub fn new(endpoints: impl Iterator<Item = SocketAddr>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let endpoints = Arc::new(Mutex::new(endpoints.collect::<Vec<_>>()));
        let known = Arc::clone(&endpoints);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let endpoint: SocketAddr = {
                    let mut known = known.lock().unwrap();
                    known.rotate_left(1);
                    known[0]
                };
                // A client whose endpoint refuses it sees its own connection end.
                if let Ok(server) = TcpStream::connect(endpoint) {
                    connect(client, server);
                }
            }
        });
        Self { address, endpoints }
    }

    /// An endpoint has come or gone; the proxy acts on it when the thread has ended.
    pub fn learns_of(&self, endpoint: SocketAddr, come: bool) -> JoinHandle<()> {
        let endpoints = Arc::clone(&self.endpoints);
        thread::spawn(move || {
            thread::sleep(LATE);
            let mut endpoints = endpoints.lock().unwrap();
            match come {
                true => endpoints.push(endpoint),
                false => endpoints.retain(|known| *known != endpoint),
            }
        })
    }
}

/// Carries bytes both ways, and the end of each way.
fn connect(client: TcpStream, server: TcpStream) {
    let carry = |mut from: TcpStream, mut to: TcpStream| {
        thread::spawn(move || {
            // A broken connection is one that ends.
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Write);
        })
    };
    for stream in [&client, &server] {
        stream.set_nodelay(true).unwrap();
    }
    carry(client.try_clone().unwrap(), server.try_clone().unwrap());
    carry(server, client);
}
