//! Against servers that misbehave.

use std::{
    net::TcpListener,
    process::Stdio,
    sync::{
        Arc, Barrier, Mutex,
        atomic::{AtomicBool, Ordering::SeqCst},
    },
    thread,
    time::Duration,
};

use serde_json::{Value, json};

use super::{
    bench, measure, status,
    stub::{reply, serve},
    text,
};

const PHOTO: [&str; 4] = ["--photo", "8x8", "--photos", "1"];

fn with_photo<'a>(arguments: &[&'a str]) -> Vec<&'a str> {
    [&PHOTO[..], arguments].concat()
}

/// The server answers nobody during one second of the four; requests are due at an even pace, and
/// those due within that second waited too, though they were sent while it stood still.
#[test]
fn an_open_loop_counts_the_wait_from_when_a_request_was_due() {
    let door = Arc::new(Mutex::new(()));
    let address = serve(move |number| {
        let open = door.lock().unwrap();
        if number == 20 {
            thread::sleep(Duration::from_secs(1));
        }
        drop(open);
        (reply("200 OK", ""), true)
    });
    let load = ["--rate", "50", "--duration", "4s"];
    let (report, status) = measure(address, &with_photo(&load));
    assert_eq!(status, 0, "{report:#}");
    assert_eq!(report["requests"]["due"], 200);
    let latency = &report["latency_ms"]["ok"];
    assert_eq!(latency["count"], 200);
    // About 50 of 200 were due in that second: those of the upper tenth waited for most of it. A
    // client that waits for each answer would have seen one slow request in 151.
    assert!(latency["p90"].as_f64().unwrap() >= 500.0, "{report:#}");
    assert!(latency["max"].as_f64().unwrap() >= 900.0, "{report:#}");
}

#[test]
fn a_request_that_finds_no_connection_is_counted_and_a_fault() {
    let address = serve(|_| {
        thread::sleep(Duration::from_secs(3));
        (reply("200 OK", ""), true)
    });
    let load = ["--rate", "10", "--duration", "1s", "--max-connections", "2"];
    let (report, status) = measure(address, &with_photo(&load));
    assert_eq!(status, 1);
    let requests = &report["requests"];
    assert_eq!(
        [&requests["due"], &requests["answered"], &requests["not_sent"]],
        [&json!(10), &json!(2), &json!(8)],
        "{report:#}"
    );
    // Both answers came after the end: they are no work done within the time.
    assert_eq!(report["goodput"]["requests_per_second"], 0.0);
}

#[test]
fn a_429_without_retry_after_is_a_fault() {
    let address = serve(|number| match number {
        0 => (reply("429 Too Many Requests", ""), true),
        1 => (reply("429 Too Many Requests", "retry-after: 1\r\n"), true),
        _ => (reply("200 OK", ""), true),
    });
    let load = ["--clients", "1", "--requests", "3", "--expect", "200,429"];
    let (report, status) = measure(address, &with_photo(&load));
    assert_eq!(status, 1);
    assert_eq!(report["refused_without_retry_after"], 1);
    assert_eq!(report["faults"], json!(["1 answers 429 without Retry-After"]));
    let counts = ["ok", "refused"].map(|kind| report["latency_ms"][kind]["count"].clone());
    assert_eq!(counts, [1, 2]);
}

#[test]
fn nobody_there_is_said_at_once() {
    let free = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let output = bench(&["--url", &format!("http://{free}")]).output().unwrap();
    assert_eq!(status(&output), 1);
    let error = text(&output.stderr);
    let wanted = format!("inference-service bench: cannot connect to http://{free}: ");
    assert!(error.starts_with(&wanted) && error.contains("does the service run there?"), "{error}");
}

/// How many transport errors there were of each kind, without those that did not occur.
fn errors(report: &Value) -> Value {
    let kinds = report["transport_errors"].as_object().unwrap().iter();
    let kinds = kinds.filter(|(_, count)| **count != 0);
    Value::Object(kinds.map(|(kind, count)| (kind.clone(), count.clone())).collect())
}

#[test]
fn requests_without_an_answer_are_told_by_kind() {
    let one = ["--clients", "1", "--requests", "1"];
    for (answer, goes_on, kind) in [
        (String::new(), false, "closed"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort".to_owned(), false, "closed"),
        ("no HTTP at all\r\n\r\n".to_owned(), false, "malformed"),
        (String::new(), true, "timeout"),
    ] {
        let address = serve(move |_| (answer.clone(), goes_on));
        let limit = if goes_on { ["--timeout", "1s"] } else { ["--timeout", "60s"] };
        let (report, status) = measure(address, &with_photo(&[&one[..], &limit].concat()));
        assert_eq!((status, errors(&report)), (1, json!({kind: 1})), "{report:#}");
        assert!(report["transport_error_examples"][kind].is_string());
    }
}

#[test]
fn a_server_that_goes_away_is_refused_and_does_not_flood_the_report() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let gone = thread::spawn(move || {
        // The load program's first look, and no more.
        listener.accept().unwrap();
    });
    let load = ["--clients", "1", "--duration", "1s"];
    let (report, status) = measure(address, &with_photo(&load));
    gone.join().unwrap();
    assert_eq!(status, 1);
    // The very first may have been taken by the system before the server went.
    let failed = report["requests"]["failed"].as_u64().unwrap();
    assert!((1..=15).contains(&failed), "{report:#}");
    assert!(errors(&report)["refused"].as_u64() >= Some(failed - 1), "{report:#}");
}

#[test]
fn a_request_on_a_connection_that_was_closed_meanwhile_is_not_lost() {
    // Each connection ends after one answer, without a word.
    let address = serve(|_| (reply("200 OK", ""), false));
    let load = ["--clients", "1", "--requests", "30"];
    let (report, _) = measure(address, &with_photo(&load));
    let requests = &report["requests"];
    // Whether the client sees the end before it writes is a race, and each outcome is told.
    let answered = requests["answered"].as_u64().unwrap();
    assert_eq!(answered + requests["failed"].as_u64().unwrap(), 30, "{report:#}");
    assert!(report["connections"]["opened"].as_u64().unwrap() >= answered, "{report:#}");
}

#[test]
fn ctrl_c_ends_the_run_and_what_was_measured_is_told() {
    let (both, stuck) = (Arc::new(Barrier::new(2)), AtomicBool::new(false));
    let reached = Arc::clone(&both);
    let address = serve(move |number| {
        if number == 3 && !stuck.swap(true, SeqCst) {
            reached.wait();
            thread::sleep(Duration::from_secs(120));
        }
        (reply("200 OK", ""), true)
    });
    let url = format!("http://{address}");
    let arguments = ["--json", "--url", &url, "--clients", "1", "--duration", "10m"];
    let run = bench(&with_photo(&arguments)).stdout(Stdio::piped()).spawn().unwrap();
    both.wait();
    let kill = format!("kill -INT {}", run.id());
    assert!(std::process::Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    let output = run.wait_with_output().unwrap();
    assert_eq!(status(&output), 0);
    let report: Value = serde_json::from_str(text(&output.stdout)).unwrap();
    assert_eq!(report["interrupted"], true);
    let requests = &report["requests"];
    assert_eq!((&requests["answered"], &requests["unfinished"]), (&json!(3), &json!(1)));
    assert!(report["measured_seconds"].as_f64().unwrap() < 120.0, "{report:#}");
}
