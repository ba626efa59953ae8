//! The real binary, started with seeded weights on free ports of 127.0.0.1, and what the tests
//! need to talk to it: an ordinary client, raw connections, and its log, on whose lines they wait.
//!
//! Most tests share one service ([`shared`]), since each start makes 350 MB of weights.

mod client;
mod photos;

use std::{
    io::{BufRead, BufReader},
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, ChildStderr, ChildStdin, Command, ExitStatus, Stdio},
    sync::{
        Arc, Condvar, Mutex, OnceLock,
        atomic::{AtomicU16, Ordering::Relaxed},
    },
    thread,
    time::Duration,
};

use serde_json::{Value, json};

pub use client::{Connection, Reply, send};
pub use photos::{CAT, assert_near, base64, form, photo};

/// Longer than anything may take here on a slow machine; what takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// The binary under test, in an environment without settings.
pub fn binary() -> Command {
    let mut binary = Command::new(env!("CARGO_BIN_EXE_inference-service"));
    // A build for CUDA finds its libraries there.
    let libraries = std::env::var_os("LD_LIBRARY_PATH");
    binary.env_clear().envs(libraries.map(|path| ("LD_LIBRARY_PATH", path)));
    binary
}

/// Runs a program in namespaces of its own (util-linux).
const UNSHARE: &str = "unshare";

/// [`binary`] as the first process of a namespace that ends with this one; `None`, and says so,
/// where that is not permitted.
fn first_process() -> Option<Command> {
    let flags = ["--user", "--map-root-user", "--pid", "--fork", "--mount-proc", "--kill-child"];
    let tried = Command::new(UNSHARE).args(flags).arg("true").output();
    if !tried.as_ref().is_ok_and(|output| output.status.success()) {
        eprintln!("skipped: no namespace of our own for a process with the number 1: {tried:?}");
        return None;
    }
    let inner = binary();
    let mut outer = Command::new(UNSHARE);
    outer.args(flags).arg(inner.get_program()).env_clear();
    outer.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    Some(outer)
}

/// The process that `parent` has started.
fn first_child(parent: u32) -> u32 {
    let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"));
    children.unwrap().split_whitespace().next().unwrap().parse().unwrap()
}

/// The service that most tests share: one with the weights `random`, ready.
pub fn shared() -> &'static Service {
    static SHARED: OnceLock<(Service, ChildStdin)> = OnceLock::new();
    &SHARED.get_or_init(|| outliving(Service::start(&["--pretrained", "random"], free_port()))).0
}

/// A second one, with small limits: bodies of 1 MiB, 4 images, a million pixels.
pub fn limited() -> &'static Service {
    static LIMITED: OnceLock<(Service, ChildStdin)> = OnceLock::new();
    let limits = ["--max-body-bytes", "1MiB", "--max-images", "4", "--max-image-pixels", "1000000"];
    &LIMITED.get_or_init(|| outliving(Service::random(&limits))).0
}

/// A service for a static, which is never dropped: it ends when this process does, however that
/// ends, since nobody else holds the other end of the watchdog's input.
pub fn outliving(service: Service) -> (Service, ChildStdin) {
    let watchdog = Command::new("sh")
        .args(["-c", "read _; kill -9 \"$0\"", &service.child.id().to_string()])
        .stdin(Stdio::piped())
        .spawn();
    (service, watchdog.unwrap().stdin.take().unwrap())
}

/// The folder of a model of 8 numbers.
pub fn tiny_model() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("open_clip_config.json");
    std::fs::write(config, crate::weights::OPEN_CLIP_CONFIG).unwrap();
    let weights = "open_clip_pytorch_model.bin";
    let tiny = crate::support::reference().join("tiny");
    std::fs::copy(tiny.join(weights), folder.path().join(weights)).unwrap();
    folder
}

/// A running service; killed when it is dropped.
#[derive(Debug)]
pub struct Service {
    child: Child,
    /// The service itself, which `child` may have started.
    pub pid: u32,
    log: Log,
    pub api: SocketAddr,
    pub admin: Option<SocketAddr>,
    pub grpc: Option<SocketAddr>,
}

impl Service {
    /// Starts the binary with the weights `random` and `flags`, and returns when it is ready.
    pub fn random(flags: &[&str]) -> Self {
        Self::start(&[&["--pretrained", "random"], flags].concat(), 0)
    }

    fn start(flags: &[&str], admin_port: u16) -> Self {
        let service = Self::listening(binary(), flags, admin_port, &[]);
        service.await_ready();
        service
    }

    /// The same as [`Self::random`], as the first process of a namespace of its own, for which
    /// signals have no default actions; `None`, and says so, where that is not permitted.
    pub fn as_pid_1(flags: &[&str]) -> Option<Self> {
        let flags = [&["--pretrained", "random"], flags].concat();
        let service = Self::listening(first_process()?, &flags, 0, &[]);
        service.await_ready();
        Some(service)
    }

    /// Starts the binary with a model of 8 numbers, which loads and embeds in no time.
    pub fn tiny(flags: &[&str]) -> Self {
        Self::tiny_on(binary(), flags, 0)
    }

    /// The same, with an admin listener.
    pub fn tiny_with_admin(flags: &[&str]) -> Self {
        Self::tiny_on(binary(), flags, free_port())
    }

    /// The same, with a listener for gRPC.
    pub fn tiny_with_grpc(flags: &[&str]) -> Self {
        let port = free_port().to_string();
        let mut service = Self::tiny(&[&["--grpc-port", &port], flags].concat());
        service.grpc = Some(service.listens("grpc"));
        service
    }

    /// The same as [`Self::tiny`], within what the shell's `ulimit` sets.
    pub fn within(ulimit: &str, flags: &[&str]) -> Self {
        let inner = binary();
        let mut shell = Command::new("sh");
        let limited = format!("ulimit {ulimit} && exec \"$0\" \"$@\"");
        shell.args(["-c", &limited]).arg(inner.get_program()).env_clear();
        shell.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        Self::tiny_on(shell, flags, 0)
    }

    fn tiny_on(binary: Command, flags: &[&str], admin_port: u16) -> Self {
        let folder = tiny_model();
        let name = format!("local-dir:{}", folder.path().display());
        // The folder may go once the model is loaded.
        let flags = [&["--model-name", &name], flags].concat();
        let service = Self::listening(binary, &flags, admin_port, &[]);
        service.await_ready();
        service
    }

    fn await_ready(&self) {
        self.log.wait("ready", |line| line["message"] == "ready");
    }

    /// Starts the binary with the weights `openai`, on a hub that never answers, and returns when
    /// it has asked for them; it is never ready.
    pub fn starting(hub: &SilentHub) -> Self {
        Self::starting_with(hub, &[])
    }

    /// The same, with `flags`.
    pub fn starting_with(hub: &SilentHub, flags: &[&str]) -> Self {
        Self::starting_by(binary(), hub, flags)
    }

    /// The same, with a listener for gRPC.
    pub fn starting_with_grpc(hub: &SilentHub) -> Self {
        let mut binary = binary();
        binary.env("GRPC_PORT", free_port().to_string());
        let mut service = Self::starting_by(binary, hub, &[]);
        service.grpc = Some(service.listens("grpc"));
        service
    }

    /// The same as the first process of a namespace ([`Self::as_pid_1`]).
    pub fn starting_as_pid_1(hub: &SilentHub) -> Option<Self> {
        Some(Self::starting_by(first_process()?, hub, &[]))
    }

    fn starting_by(binary: Command, hub: &SilentHub, flags: &[&str]) -> Self {
        let endpoint = format!("http://{}", hub.address);
        let home = hub.home.path().to_str().unwrap();
        let service =
            Self::listening(binary, flags, 0, &[("HF_ENDPOINT", &endpoint), ("HF_HOME", home)]);
        hub.await_request();
        service
    }

    /// `admin_port` 0 does without the admin listener. A stop closes the ports at once, unless
    /// `--drain-delay` says otherwise, and nobody is refused for a machine that is slow today,
    /// unless `--queue-timeout` says so.
    fn listening(
        mut binary: Command,
        flags: &[&str],
        admin_port: u16,
        env: &[(&str, &str)],
    ) -> Self {
        let mut child = binary
            .args(["--port", "0", "--log-format", "json", "--device", "cpu"])
            .args(flags)
            .args(["--admin-port", &admin_port.to_string()])
            .env("DRAIN_DELAY", "0")
            .env("QUEUE_TIMEOUT", "5m")
            .envs(env.iter().copied())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Log::follow(child.stderr.take().unwrap());
        let (api, admin) = (log.listens("api"), (admin_port != 0).then(|| log.listens("admin")));
        let pid = match binary.get_program().to_str() {
            Some(UNSHARE) => first_child(child.id()),
            _ => child.id(),
        };
        Self { child, pid, log, api, admin, grpc: None }
    }

    fn listens(&self, listener: &str) -> SocketAddr {
        self.log.listens(listener)
    }

    pub fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], b"")
    }

    pub fn post_json(&self, path: &str, body: &Value) -> Reply {
        self.post(path, "application/json", body.to_string().as_bytes())
    }

    pub fn post(&self, path: &str, content_type: &str, body: &[u8]) -> Reply {
        self.send("POST", path, &[("content-type", content_type)], body)
    }

    /// Any request, by an ordinary client.
    pub fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        send(self.api, method, path, headers, body)
    }

    /// A connection that has sent nothing.
    pub fn connect(&self) -> Connection {
        Connection::to(self.api)
    }

    /// Asks the process to stop by `signal` (`TERM`, `INT`).
    pub fn signal(&self, signal: &str) {
        let kill = format!("kill -{signal} {}", self.pid);
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Waits until the log has a line that is `wanted`.
    pub fn await_log(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        self.log.wait(what, wanted)
    }

    /// How many descriptors the process has open.
    pub fn descriptors(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.pid)).unwrap().count()
    }

    /// What was logged so far.
    pub fn logged(&self) -> Vec<Value> {
        self.log.0.0.lock().unwrap().lines.clone()
    }

    /// How many descriptors it may open.
    pub fn open_files(&self) -> usize {
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", self.pid)).unwrap();
        let line = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
        line.split_whitespace().nth(3).unwrap().parse().unwrap()
    }

    /// Waits until the process has ended.
    pub fn exit(&mut self) -> ExitStatus {
        self.log.await_end();
        self.child.wait().unwrap()
    }

    /// A good photo gets the embedding that it got at first: whatever was sent before has left the
    /// service as it was.
    #[track_caller]
    pub fn embeds_as_ever(&self) {
        static FIRST: OnceLock<Vec<f32>> = OnceLock::new();
        let embedding = self.post("/embed", "image/png", &CAT).embeddings().remove(0);
        // Beside the images of another test a matrix product may be cut in another way.
        assert_near(&embedding, FIRST.get_or_init(|| embedding.clone()));
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended by itself, as in some tests.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The lines that a service has logged so far, each one JSON object.
#[derive(Clone, Debug)]
struct Log(Arc<(Mutex<Lines>, Condvar)>);

#[derive(Debug, Default)]
struct Lines {
    lines: Vec<Value>,
    ended: bool,
}

impl Log {
    fn follow(stderr: ChildStderr) -> Self {
        let log = Self(Arc::default());
        let followed = log.clone();
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line).unwrap_or_else(|_| json!({"raw": line}));
                followed.change(|log| log.lines.push(line));
            }
            followed.change(|log| log.ended = true);
        });
        log
    }

    fn change(&self, change: impl FnOnce(&mut Lines)) {
        change(&mut self.0.0.lock().unwrap());
        self.0.1.notify_all();
    }

    fn wait(&self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        let find = |log: &Lines| log.lines.iter().find(|line| wanted(line)).cloned();
        let log = self.0.0.lock().unwrap();
        let on = |log: &mut Lines| find(log).is_none() && !log.ended;
        let (log, _) = self.0.1.wait_timeout_while(log, PATIENCE, on).unwrap();
        find(&log).unwrap_or_else(|| panic!("no line `{what}` in the log: {:#?}", log.lines))
    }

    /// Where a listener listens.
    fn listens(&self, listener: &str) -> SocketAddr {
        let line = self.wait("listening", |line| line["listener"] == listener);
        line["address"].as_str().unwrap().parse().unwrap()
    }

    fn await_end(&self) {
        let log = self.0.0.lock().unwrap();
        let (log, _) = self.0.1.wait_timeout_while(log, PATIENCE, |log| !log.ended).unwrap();
        assert!(log.ended, "the process goes on: {:#?}", log.lines);
    }
}

/// A model hub that takes connections and never answers, with an empty cache.
#[derive(Debug)]
pub struct SilentHub {
    listener: TcpListener,
    pub address: SocketAddr,
    pub home: tempfile::TempDir,
    kept: Mutex<Vec<TcpStream>>,
}

impl SilentHub {
    pub fn new() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let home = tempfile::tempdir().unwrap();
        Self { listener, address, home, kept: Mutex::default() }
    }

    /// Whether anybody has connected that was not waited for.
    pub fn was_asked(&self) -> bool {
        self.listener.set_nonblocking(true).unwrap();
        self.listener.accept().is_ok()
    }

    fn await_request(&self) {
        let (stream, _) = self.listener.accept().unwrap();
        self.kept.lock().unwrap().push(stream);
    }
}

/// A free port for the admin listener, for which 0 means none. It lies below those that the system
/// gives out by itself, so that nobody gets it meanwhile, and starts at another place in each
/// process.
fn free_port() -> u16 {
    static TAKEN: AtomicU16 = AtomicU16::new(0);
    let first = 12_000 + (std::process::id() % 1_000 * 20) as u16 + TAKEN.fetch_add(1, Relaxed);
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    (first..32_000).find(is_free).unwrap()
}
