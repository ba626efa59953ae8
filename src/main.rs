//! A table of contents: a subcommand or the service; of that settings, log, threads, listeners,
//! model, requests, the end.

use std::process::ExitCode;

use inference_service::{
    command,
    config::Config,
    http::server::{self, Ending, ServeError},
    telemetry, threads,
};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    if let Some(run) = arguments.next().and_then(|first| command::find(&first)) {
        return run(arguments.collect());
    }
    let config = match Config::read(std::env::args_os(), |name| std::env::var_os(name)) {
        Ok(config) => config,
        Err(error) => return error.refuse("inference-service"),
    };
    telemetry::start(config.log_level, config.log_format);
    match run(config) {
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
