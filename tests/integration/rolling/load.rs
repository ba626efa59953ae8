//! Requests at a steady rate, however fast they are answered, by clients that keep their
//! connections.

use std::{
    fmt,
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use ureq::Agent;

/// Clients: more than requests ever run at the same time, or the rate would not be kept.
const CLIENTS: usize = 64;

/// Longer than any request may take that does not fail.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Load {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<()>>,
}

struct Shared {
    sent: AtomicUsize,
    answered: AtomicUsize,
    failed: Mutex<Vec<String>>,
    stop: AtomicBool,
}

impl Load {
    /// Begins to send `photo`, `rate` times a second.
    pub fn begin(address: SocketAddr, photo: Vec<u8>, rate: f64) -> Self {
        let shared = Arc::new(Shared {
            sent: AtomicUsize::new(0),
            answered: AtomicUsize::new(0),
            failed: Mutex::default(),
            stop: AtomicBool::new(false),
        });
        let (photo, agent, start) = (Arc::new(photo), agent(), Instant::now());
        let client = |_| {
            let (shared, photo, agent) = (Arc::clone(&shared), Arc::clone(&photo), agent.clone());
            thread::spawn(move || {
                while !shared.stop.load(SeqCst) {
                    let number = shared.sent.fetch_add(1, SeqCst);
                    let due = start + Duration::from_secs_f64(number as f64 / rate);
                    thread::sleep(due.saturating_duration_since(Instant::now()));
                    match send(&agent, address, &photo) {
                        Ok(()) => _ = shared.answered.fetch_add(1, SeqCst),
                        Err(error) => {
                            let at = start.elapsed().as_secs_f64();
                            shared.failed.lock().unwrap().push(format!("{at:.2} s: {error}"));
                        }
                    }
                }
            })
        };
        let clients = (0..CLIENTS).map(client).collect();
        Self { shared, clients }
    }

    /// Waits until so many requests have ended.
    pub fn await_sent(&self, requests: usize) {
        let ended = || self.shared.answered.load(SeqCst) + self.shared.failed.lock().unwrap().len();
        while ended() < requests {
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Stops, and says how many requests were answered and how the others failed.
    pub fn end(self) -> (usize, Vec<String>) {
        self.shared.stop.store(true, SeqCst);
        for client in self.clients {
            client.join().unwrap();
        }
        let failed = std::mem::take(&mut *self.shared.failed.lock().unwrap());
        (self.shared.answered.load(SeqCst), failed)
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed = self.shared.failed.lock().unwrap().len();
        write!(f, "{} answered, {failed} failed", self.shared.answered.load(SeqCst))
    }
}

/// Requests a second that are answered when a few clients send one after another, for `time`.
pub fn capacity(address: SocketAddr, photo: &[u8], time: Duration) -> f64 {
    let (agent, start, answered) = (agent(), Instant::now(), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..12 {
            scope.spawn(|| {
                while start.elapsed() < time {
                    send(&agent, address, photo).unwrap();
                    answered.fetch_add(1, SeqCst);
                }
            });
        }
    });
    answered.into_inner() as f64 / start.elapsed().as_secs_f64()
}

fn agent() -> Agent {
    Agent::config_builder()
        .proxy(None)
        .timeout_global(Some(PATIENCE))
        .max_idle_connections_per_host(CLIENTS)
        .max_idle_connections(CLIENTS)
        .build()
        .new_agent()
}

fn send(agent: &Agent, address: SocketAddr, photo: &[u8]) -> Result<(), ureq::Error> {
    let request = agent.post(format!("http://{address}/embed")).content_type("image/jpeg");
    request.send(photo)?.into_body().read_to_vec().map(drop)
}
