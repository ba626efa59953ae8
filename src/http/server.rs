//! The life of the service: listen, load the model, answer until it is told to stop.
//!
//! The listeners are up before the weights are, so that health can be asked meanwhile.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, serve::ListenerExt};
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::{net::TcpListener, sync::oneshot};

use super::App;
use crate::{
    admission::Capacity,
    config::Config,
    config::memory::Overcommitted,
    embedder::{EmbedOptions, Embedder, StartError},
    metrics,
    model::{Model, ModelError, ModelOptions},
    preprocess::DecodeOptions,
    shutdown::Shutdown,
};

/// Why the service cannot start or go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The system refuses the runtime's threads.
    #[error("cannot start the threads that answer requests: {0}")]
    Runtime(io::Error),
    /// The system refuses signal handlers.
    #[error("cannot listen for signals: {0}")]
    Signals(io::Error),
    /// A port cannot be had.
    #[error("cannot listen on {host}:{port} ({flag}): {reason}; {hint}")]
    Listen {
        /// `--host`.
        host: String,
        /// The port.
        port: u16,
        /// The setting that chose it.
        flag: &'static str,
        /// What the system said.
        reason: io::Error,
        /// What to do.
        hint: &'static str,
    },
    /// Metrics are collected already.
    #[error("cannot collect metrics: {0}")]
    Metrics(#[from] metrics_exporter_prometheus::BuildError),
    /// The model cannot be loaded.
    #[error(transparent)]
    Model(Box<ModelError>),
    /// The model cannot be put to work.
    #[error(transparent)]
    Start(#[from] StartError),
    /// What the model and the settings need does not fit into the memory.
    #[error("--memory-limit: {0}")]
    Memory(#[from] Overcommitted),
    /// A thread of the model ended by a fault of ours.
    #[error("a thread of the model died; please report the lines above")]
    WorkerLost,
    /// The thread that loads the model died.
    #[error("loading the model failed by a fault of the service; please report the lines above")]
    LoaderDied,
    /// A listener failed.
    #[error("a listener failed: {0}")]
    Serve(io::Error),
}

/// Runs the service until a signal stops it.
///
/// # Errors
/// [`ServeError`], saying what cannot be had and what to do.
pub async fn run(config: Config) -> Result<(), ServeError> {
    let shutdown = Shutdown::on_signals().map_err(ServeError::Signals)?;
    let metrics = metrics::start()?;
    tokio::spawn(keep_up(metrics.clone()));
    let app = Arc::new(App::new(config.limits, metrics));
    let api = listen(&config.host, config.port, "--port").await?;
    let admin = match config.admin_port {
        Some(port) => Some(listen(&config.host, port, "--admin-port").await?),
        None => None,
    };
    let serving = async {
        let admin = async {
            match admin {
                Some(listener) => serve(listener, super::admin(Arc::clone(&app)), &shutdown).await,
                None => Ok(()),
            }
        };
        tokio::try_join!(serve(api, super::router(Arc::clone(&app)), &shutdown), admin)
    };
    let loading = async {
        let embedder = Arc::new(load(config).await?);
        app.ready(Arc::clone(&embedder));
        tracing::info!("ready");
        embedder.lost().await;
        Err(ServeError::WorkerLost)
    };
    tokio::select! {
        served = serving => served.map(|_| ()).map_err(ServeError::Serve),
        failed = loading => failed,
    }
}

async fn listen(host: &str, port: u16, flag: &'static str) -> Result<TcpListener, ServeError> {
    let bound = TcpListener::bind((host, port)).await;
    let listener = bound.map_err(|reason| {
        let hint = match reason.kind() {
            io::ErrorKind::AddrInUse => "another process has it: choose another port",
            io::ErrorKind::PermissionDenied => "choose a port of 1024 or more",
            _ => "--host must be an address of this machine, or 0.0.0.0",
        };
        ServeError::Listen { host: host.to_owned(), port, flag, reason, hint }
    })?;
    let address = listener.local_addr().map_err(ServeError::Serve)?;
    let listener_is = if flag == "--port" { "api" } else { "admin" };
    tracing::info!(%address, listener = listener_is, "listening");
    Ok(listener)
}

/// How long running requests may take after the service was told to stop: what the clients of the
/// original wait at most. Longer ones are those of clients that have vanished.
const DRAIN: Duration = Duration::from_secs(300);

/// Answers until `shutdown`, then finishes what runs, for [`DRAIN`] at most.
async fn serve(listener: TcpListener, router: Router, shutdown: &Shutdown) -> io::Result<()> {
    let listener = listener.tap_io(|connection| {
        // Small answers must not wait for the acknowledgement of earlier ones.
        if let Err(error) = connection.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY cannot be set");
        }
    });
    let router = router.into_make_service_with_connect_info::<SocketAddr>();
    let serving =
        axum::serve(listener, router).with_graceful_shutdown(shutdown.clone().requested());
    let drained = async {
        shutdown.clone().requested().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        served = serving => served,
        () = drained => {
            tracing::warn!(seconds = DRAIN.as_secs(), "requests that still run are cut off");
            Ok(())
        }
    }
}

/// Loads the model on a thread of its own: it blocks, for minutes where weights are downloaded, and
/// a process that is told to stop meanwhile does not wait for it.
async fn load(config: Config) -> Result<Embedder, ServeError> {
    let (loaded, model) = oneshot::channel();
    std::thread::Builder::new()
        .name("load".to_owned())
        .spawn(move || {
            // Nobody waits any more when the service is stopping.
            let _ = loaded.send(embedder(config));
        })
        .map_err(ServeError::Runtime)?;
    model.await.map_err(|_| ServeError::LoaderDied)?
}

fn embedder(config: Config) -> Result<Embedder, ServeError> {
    let options = ModelOptions {
        device: config.device,
        precision: config.precision,
        activation: config.activation,
    };
    let decode = DecodeOptions {
        max_pixels: config.max_image_pixels,
        exif_orientation: config.exif_orientation,
    };
    let model = Model::load(config.model.clone(), &options)
        .map_err(|error| ServeError::Model(Box::new(error)))?;
    let plan = config.memory_plan(model.architecture())?;
    tracing::info!(%plan, "memory");
    let capacity = Capacity {
        bodies: plan.bodies,
        decodes: plan.decodes,
        images: config.max_queued_images,
        timeout: config.queue_timeout,
    };
    let threads = config.threads;
    let options = EmbedOptions { decode, threads, batches: config.batches, capacity };
    Ok(Embedder::start(model, &options)?)
}

/// Folds histograms from time to time, without which their memory grows.
async fn keep_up(metrics: PrometheusHandle) {
    let mut tick = tokio::time::interval(metrics::UPKEEP);
    loop {
        tick.tick().await;
        metrics.run_upkeep();
    }
}
