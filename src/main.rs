//! A table of contents: a subcommand or the service; of that settings, log, threads, listeners,
//! model, requests, the end.

use std::process::ExitCode;

use inference_service::{
    command,
    config::Config,
    http::server::{self, Ending, ServeError},
    telemetry::{self, traces},
    threads,
};

fn main() -> ExitCode {
    let matches = match command::read(std::env::args_os()) {
        Ok(matches) => matches,
        Err(error) => return error.refuse("inference-service"),
    };
    if let Some(status) = command::run(&matches) {
        return status;
    }
    let config = match Config::read(&matches, |name| std::env::var_os(name)) {
        Ok(config) => config,
        Err(error) => return error.refuse("inference-service"),
    };
    telemetry::start(config.log_level, config.log_format);
    let traces = match config.traces.as_ref().map(traces::start).transpose() {
        Ok(traces) => traces,
        Err(error) => {
            tracing::error!(%error, "traces cannot be sent (--otlp-endpoint)");
            return ExitCode::FAILURE;
        }
    };
    let ended = run(config);
    drop(traces);
    match ended {
        Ok(Ending::Finished) => ExitCode::SUCCESS,
        Ok(Ending::CutOff) => ExitCode::FAILURE,
        Err(error) => {
            tracing::error!(%error, "the service cannot go on");
            ExitCode::FAILURE
        }
    }
}

fn run(config: Config) -> Result<Ending, ServeError> {
    let io = threads::io(config.threads).get();
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        decode_threads = config.threads,
        compute_threads = config.threads,
        io_threads = io,
        "starting"
    );
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(io)
        .thread_name("http")
        .enable_all()
        .build()
        .map_err(ServeError::Runtime)?;
    let outcome = runtime.block_on(server::run(config));
    // What still runs has nobody left to answer to.
    runtime.shutdown_background();
    outcome
}
