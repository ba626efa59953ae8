//! The life of the service: listen, load the model, answer until it is told to stop.
//!
//! The listeners are up before the weights are, so that health can be asked meanwhile.

use std::{convert::Infallible, io, sync::Arc, time::Duration};

use futures_util::future::join_all;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio::sync::oneshot;

use super::{
    App,
    accept::{ADMIN_CONNECTIONS, Listener, allow_descriptors},
    connection::GRPC_CONNECTIONS,
};
use crate::{
    allocator,
    config::Config,
    embedder::{self, Embedder, LoadError},
    fetch::{Fetcher, NoCertificates},
    metrics,
    shutdown::{Phase, Shutdown},
    telemetry::shedding,
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
    /// Photos cannot be fetched.
    #[error(transparent)]
    Fetch(#[from] NoCertificates),
    /// The model cannot be loaded or put to work.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// A thread of the model ended by a fault of ours.
    #[error("a thread of the model died; please report the lines above")]
    WorkerLost,
    /// The thread that loads the model died.
    #[error("loading the model failed by a fault of the service; please report the lines above")]
    LoaderDied,
}

/// How a service ended that was told to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Every request was answered.
    Finished,
    /// The time was up before that: `--drain-timeout`.
    CutOff,
}

/// How long connections may take to tell their clients that their requests are cut off.
const LAST_WORDS: Duration = Duration::from_millis(500);

/// Runs the service until a signal stops it.
///
/// # Errors
/// [`ServeError`], saying what cannot be had and what to do.
pub async fn run(config: Config) -> Result<Ending, ServeError> {
    let shutdown = Shutdown::on_signals(config.drain).map_err(ServeError::Signals)?;
    let metrics = metrics::start()?;
    tokio::spawn(keep_up(metrics.clone()));
    tokio::spawn(shedding::log());
    let fetcher = Fetcher::new(config.fetch.clone())?;
    let app = Arc::new(App::new(config.limits, fetcher, metrics, shutdown.clone()));
    let connections = u64::from(config.max_connections) + config.grpc_connections();
    allow_descriptors(connections);
    if let Some(keys) = config.access.api_keys.clone() {
        tokio::spawn(keys.follow());
    }
    if let Some(tls) = config.access.tls.clone() {
        tokio::spawn(tls.follow());
    }
    let serving = serve(&config, &app, &shutdown).await?;
    let loading = async {
        let embedder = tokio::select! {
            loaded = load(config) => Arc::new(loaded?),
            // Nothing can be embedded, so there is nothing to finish.
            () = shutdown.reached(Phase::Draining) => return Ok(()),
        };
        app.ready(Arc::clone(&embedder));
        tracing::info!("ready");
        tokio::select! {
            () = embedder.lost() => Err(ServeError::WorkerLost),
            never = watch(&embedder) => match never {},
            never = give_back(&embedder) => match never {},
        }
    };
    let expired = async {
        shutdown.expired().await;
        tokio::time::sleep(LAST_WORDS).await;
    };
    tokio::select! {
        () = serving => {}
        () = expired => {}
        ended = loading => ended?,
    }
    match shutdown.cut_off() {
        0 => Ok(Ending::Finished),
        requests => {
            tracing::warn!(requests, "requests that took longer than --drain-timeout were cut off");
            Ok(Ending::CutOff)
        }
    }
}

/// Listens on every port that there is to be; what is returned answers until the ports close, and ends
/// with the last connection.
async fn serve(
    config: &Config,
    app: &Arc<App>,
    shutdown: &Shutdown,
) -> Result<impl Future<Output = ()> + use<>, ServeError> {
    let (host, options, access) = (&config.host, config.connections, &config.access);
    let (most, tls) = (config.max_connections, || access.tls.clone());
    let api = Listener::bind(host, config.port, "--port", most, tls()).await?;
    let admin = match config.admin_port {
        Some(port) => {
            let flag = "--admin-port";
            // In clear: it is for probes and Prometheus beside the service.
            Some(Listener::bind(host, port, flag, ADMIN_CONNECTIONS, None).await?)
        }
        None => None,
    };
    let grpc = match config.grpc_port {
        Some(port) => {
            Some(Listener::bind(host, port, "--grpc-port", GRPC_CONNECTIONS, tls()).await?)
        }
        None => None,
    };
    let listeners = [
        Some((api, super::router(Arc::clone(app), access, config.page))),
        admin.map(|admin| (admin, super::admin(Arc::clone(app)))),
        grpc.map(|grpc| (grpc, super::grpc::router(Arc::clone(app), access))),
    ];
    let serving = listeners.into_iter().flatten();
    let serving =
        serving.map(|(listener, router)| listener.serve(router, options, shutdown.clone()));
    let serving = join_all(serving.collect::<Vec<_>>());
    Ok(async {
        serving.await;
    })
}

/// Loads the model on a thread of its own: it blocks, for minutes where weights are downloaded, and
/// a process that is told to stop meanwhile does not wait for it.
async fn load(config: Config) -> Result<Embedder, ServeError> {
    let (loaded, model) = oneshot::channel();
    std::thread::Builder::new()
        .name("load".to_owned())
        .spawn(move || {
            // Nobody waits any more when the service is stopping.
            let _ = loaded.send(embedder::load(&config));
        })
        .map_err(ServeError::Runtime)?;
    Ok(model.await.map_err(|_| ServeError::LoaderDied)??)
}

/// How often a failing model is given another chance.
const RECHECK: Duration = Duration::from_secs(5);

/// Tells when the model begins to fail, and gives it another chance from time to time.
async fn watch(embedder: &Embedder) -> Infallible {
    loop {
        tokio::time::sleep(RECHECK).await;
        if embedder.health().failing {
            tracing::warn!("the model fails and the service is not ready; trying it again");
            embedder.recheck().await;
            if !embedder.health().failing {
                tracing::info!("the model works again; ready");
            }
        }
    }
}

/// How often memory that is free is given back to the system, while there is no work.
const GIVE_BACK: Duration = Duration::from_secs(20);

/// Gives memory back once after each time of work.
async fn give_back(embedder: &Embedder) -> Infallible {
    let mut given_back = 0;
    loop {
        tokio::time::sleep(GIVE_BACK).await;
        if let Some(images) =
            embedder.admission().idle_after().filter(|&images| images > given_back)
        {
            given_back = images;
            let _ = embedder.aside(None, allocator::give_back).await;
        }
    }
}

/// Folds histograms from time to time, without which their memory grows.
async fn keep_up(metrics: PrometheusHandle) {
    let mut tick = tokio::time::interval(metrics::UPKEEP);
    loop {
        tick.tick().await;
        metrics.run_upkeep();
    }
}
