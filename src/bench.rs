//! `inference-service bench`: a load program that sends photos to a running service and tells how
//! they were answered.
//!
//! [`options`] is what can be said; [`photos`] and [`payload`] make what is sent; [`schedule`] says
//! when, over the connections of [`client`], which [`link`] opens; [`probes`] polls meanwhile; [`tally`] counts and
//! [`report`] tells. It knows the service from outside alone.

pub mod client;
pub mod link;
pub mod options;
pub mod payload;
pub mod photos;
pub mod probes;
pub mod progress;
pub mod report;
pub mod schedule;
pub mod tally;
pub mod target;

use std::{
    io::Write,
    process::ExitCode,
    sync::{Arc, Mutex, atomic::AtomicU64},
    time::Duration,
};

use clap::ArgMatches;
use hyper::header::HeaderValue;
use tokio::time::Instant;

use self::{
    client::Client,
    options::{Length, Options, Photos},
    payload::{PayloadError, Payloads},
    probes::Running,
    report::Report,
    schedule::Run,
    tally::Tally,
    target::Unreachable,
};

/// As which it is called and speaks.
const PROGRAM: &str = "inference-service bench";

/// Exit status of a process that a second Ctrl-C ended: 128 and SIGINT's number.
const INTERRUPTED: i32 = 130;

/// Pixels from which the making of photos takes long enough to be announced.
const MANY_PIXELS: u64 = 10_000_000;

/// From the last preparations to the first request, so that the first ones are not late.
const SET_UP: Duration = Duration::from_millis(50);

/// Why a run did not take place.
#[derive(Debug, thiserror::Error)]
enum BenchError {
    #[error("cannot start: {0}")]
    System(#[from] std::io::Error),
    #[error(transparent)]
    Payload(#[from] PayloadError),
    #[error(transparent)]
    Unreachable(#[from] Unreachable),
    #[error("the probes failed: {0}")]
    Probes(#[from] tokio::task::JoinError),
    #[error("a path or content type that cannot be sent: {0}")]
    Request(#[from] hyper::http::Error),
}

/// Runs the subcommand, whose command line is [`options::command`].
pub fn main(matches: &ArgMatches) -> ExitCode {
    let options = match Options::of(matches, |name| std::env::var_os(name)) {
        Ok(options) => options,
        Err(error) => return error.refuse(PROGRAM),
    };
    let report = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(BenchError::System)
        .and_then(|runtime| runtime.block_on(measure(&options)));
    match report {
        Ok(report) => tell(&report, options.json),
        Err(error) => {
            eprintln!("inference-service bench: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Makes the photos, sends the load, and puts together what it met.
async fn measure(options: &Options) -> Result<Report, BenchError> {
    let link = options.target.find(options.insecure).await?;
    let probed = &options.probes;
    let probed_link = match probed.paths[..] {
        [] => link.clone(),
        _ => probed.target.find(options.insecure).await?,
    };
    announce(&options.photos);
    let payloads = Payloads::new(options.route, options.images, &options.photos)?;
    let first = Instant::now() + SET_UP;
    let begin = first + options.warmup;
    let end = match options.length {
        Length::Time(time) => Some(begin + time),
        Length::Requests(_) => None,
    };
    let run = Arc::new(Run {
        client: Client::new(link, options.max_connections, options.timeout),
        content_type: HeaderValue::from_str(&payloads.content_type)
            .map_err(hyper::http::Error::from)?,
        payloads,
        uri: options
            .target
            .path(options.route.path())
            .parse()
            .map_err(|error: hyper::http::uri::InvalidUri| hyper::http::Error::from(error))?,
        host: options.target.host.clone(),
        authorization: options.authorization.clone(),
        tally: Mutex::new(Tally::new(begin, end)),
        first,
        begin,
        length: options.length,
        number: AtomicU64::new(0),
        claimed: AtomicU64::new(0),
    });
    let polls = Running::start(probed.clone(), probed_link, begin)?;
    let interrupted = tokio::select! {
        () = Arc::clone(&run).send(options.load) => false,
        () = progress::tell(&run) => false,
        // Without a handler for the signal the system's own ends the process.
        Ok(()) = tokio::signal::ctrl_c() => true,
    };
    let measured = run.tally().measured(Instant::now());
    progress::clear();
    if interrupted {
        tokio::spawn(async {
            let _ = tokio::signal::ctrl_c().await;
            std::process::exit(INTERRUPTED);
        });
    }
    // Polls that run are waited for, and a second Ctrl-C must still be heard.
    let probed = tokio::task::spawn_blocking(|| polls.end()).await?;
    Ok(Report::new(options, &run, &probed, measured, interrupted))
}

/// Says that photos are made, where that takes a while.
fn announce(photos: &Photos) {
    if let Photos::Made(picture, count) = photos {
        let (width, height) = (picture.width, picture.height);
        if u64::from(width) * u64::from(height) * *count as u64 >= MANY_PIXELS {
            eprintln!("making {count} photos of {width}x{height}");
        }
    }
}

/// Prints the report and returns what it means for the exit status.
fn tell(report: &Report, json: bool) -> ExitCode {
    let text = if json {
        serde_json::to_string_pretty(report).map_err(|error| error.to_string())
    } else {
        Ok(report.to_string())
    };
    let printed = text
        .and_then(|text| writeln!(std::io::stdout(), "{text}").map_err(|error| error.to_string()));
    if let Err(error) = printed {
        eprintln!("inference-service bench: cannot write the report: {error}");
        return ExitCode::FAILURE;
    }
    if report.passed { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
