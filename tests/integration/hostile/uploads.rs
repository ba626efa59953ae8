//! Thousands of damaged files, sent in every way that a photo can be sent, over several connections
//! at once. Each must be an embedding or a mistake of the client's, in time; a good photo sent in
//! between gets the embedding that it always gets, from the same process.
//!
//! `HOSTILE_FILES` says how many, `HOSTILE_SEED` which, and `HOSTILE_FIRST` from which number on.
//! A file that breaks a promise is written to `target/tmp`, and the message says its number.

use std::{
    env, fs,
    ops::Range,
    panic::{self, AssertUnwindSafe},
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::mutation::{Hostile, Seeds};
use crate::{
    service::{CAT, Reply, Service, assert_near, base64, form},
    support::reference,
};

/// Files of one request.
const BATCH: u64 = 12;
/// Clients at once.
const CLIENTS: usize = 3;
/// Files of a seed may not be longer, so that a mutation costs no more than its upload.
const LONGEST_SEED: u64 = 200_000;
/// For one file. What is promised is 2 s on an idle machine; the slowest is printed.
const TIME_LIMIT: Duration = Duration::from_secs(20);

/// The codes that a damaged photo may get: whatever else there is would be a fault of the service.
const CODES: &[&str] = &[
    "empty_image",
    "unknown_image_format",
    "zero_size_image",
    "too_many_pixels",
    "truncated_image",
    "corrupt_image",
    "unsupported_image",
];

/// One run: which files, and what was seen.
struct Campaign {
    service: Service,
    seeds: Seeds,
    seed: u64,
    files: Range<u64>,
    next: AtomicU64,
    good: Vec<f32>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    embedded: u64,
    refused: u64,
    slowest: (Duration, u64),
    failures: Vec<String>,
}

fn variable(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

#[test]
fn damaged_files_never_cost_more_than_their_own_answer() {
    let (count, first) = (variable("HOSTILE_FILES", 1_200), variable("HOSTILE_FIRST", 0));
    let service = Service::tiny(&[]);
    let good = service.post("/embed", "image/png", &CAT).embeddings().remove(0);
    let campaign = Campaign {
        service,
        seeds: seeds(),
        seed: variable("HOSTILE_SEED", 20_260_101),
        files: first..first + count,
        next: AtomicU64::new(first),
        good,
        seen: Mutex::default(),
    };
    println!("HOSTILE_SEED={} HOSTILE_FIRST={first} HOSTILE_FILES={count}", campaign.seed);
    thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| campaign.work());
        }
    });
    let seen = campaign.seen.into_inner().unwrap();
    let (slowest, number) = seen.slowest;
    println!(
        "{} embedded, {} refused; slowest {slowest:.1?}: file {number}",
        seen.embedded, seen.refused
    );
    assert!(seen.failures.is_empty(), "{}", seen.failures.join("\n"));
    assert_eq!(seen.embedded + seen.refused, count);
    // Else the changes are so coarse, or so fine, that they test nothing.
    assert!(count < 100 || seen.embedded * 50 > count && seen.refused * 4 > count);
}

/// Every kind of image that the references have.
fn seeds() -> Seeds {
    let mut files = Vec::new();
    for folder in ["images", "modes"] {
        for entry in fs::read_dir(reference().join(folder)).unwrap() {
            let entry = entry.unwrap();
            let data = entry.metadata().unwrap();
            if data.is_file() && data.len() <= LONGEST_SEED {
                let name = entry.file_name().to_string_lossy().into_owned();
                files.push((name, fs::read(entry.path()).unwrap()));
            }
        }
    }
    files.sort();
    assert!(files.len() > 150, "only {} files to start from", files.len());
    Seeds::new(files)
}

impl Campaign {
    /// Sends batches until there are none left, or something has failed.
    fn work(&self) {
        loop {
            let first = self.next.fetch_add(BATCH, Ordering::Relaxed);
            if first >= self.files.end || !self.seen.lock().unwrap().failures.is_empty() {
                return;
            }
            let numbers = first..self.files.end.min(first + BATCH);
            let files: Vec<Hostile> =
                numbers.clone().map(|number| self.seeds.hostile(self.seed, number)).collect();
            let send = || {
                self.send_all(&numbers, &files);
                let good = self.service.post("/embed", "image/png", &CAT).embeddings().remove(0);
                assert_near(&good, &self.good);
            };
            if panic::catch_unwind(AssertUnwindSafe(send)).is_err() {
                for (number, file) in numbers.zip(&files) {
                    self.fail(number, file, "or one of its batch got no answer, or spoilt another");
                }
                return;
            }
            if (first / BATCH).is_multiple_of(100) {
                let done = first - self.files.start;
                println!("{done} of {}", self.files.end - self.files.start);
            }
        }
    }

    /// Sends a batch, in one request or in one for each file.
    fn send_all(&self, numbers: &Range<u64>, files: &[Hostile]) {
        let way = numbers.start / BATCH % 3;
        let start = Instant::now();
        let answers = match way {
            0 => self.together("/embed/base64?on_error=skip", "application/json", &json_of(files)),
            1 => {
                let fields: Vec<_> =
                    files.iter().map(|f| ("files", Some("a.jpg"), &f.bytes[..])).collect();
                let (content_type, body) = form(&fields);
                self.together("/embed/batch?on_error=skip", &content_type, &body)
            }
            _ => None,
        };
        let took = start.elapsed();
        match answers {
            // One file of a slow or failed batch is at fault: which one shows when each is alone.
            Some(answers) if took < TIME_LIMIT / 10 && answers.len() == files.len() => {
                for ((number, file), answer) in numbers.clone().zip(files).zip(answers) {
                    self.count(number, file, answer, took);
                }
            }
            _ => {
                for (number, file) in numbers.clone().zip(files) {
                    self.send_alone(number, file);
                }
                if let Some(answers) = answers
                    && answers.len() != files.len()
                {
                    self.fail(numbers.start, &files[0], "an answer is missing in its batch");
                }
            }
        }
    }

    /// The outcome of each photo of one request, a code where it was refused; nothing where the
    /// request as a whole failed.
    fn together(&self, path: &str, content_type: &str, body: &[u8]) -> Option<Vec<Option<String>>> {
        let reply = self.service.post(path, content_type, body);
        if reply.status != 200 {
            return None;
        }
        let answer = reply.json();
        let mut outcomes = vec![None; answer["embeddings"].as_array()?.len()];
        for error in answer["errors"].as_array()? {
            let place = error["index"].as_u64()? as usize;
            outcomes[place] = Some(error["code"].as_str()?.to_owned());
        }
        Some(outcomes)
    }

    fn send_alone(&self, number: u64, file: &Hostile) {
        let start = Instant::now();
        let reply = self.service.post("/embed", "image/jpeg", &file.bytes);
        let took = start.elapsed();
        match outcome(&reply, file) {
            Ok(answer) => self.count(number, file, answer, took),
            Err(reason) => self.fail(number, file, &reason),
        }
    }

    fn count(&self, number: u64, file: &Hostile, refused: Option<String>, took: Duration) {
        let code = refused.as_deref();
        if code.is_some_and(|code| !CODES.contains(&code)) {
            return self.fail(number, file, &format!("answered with {code:?}"));
        }
        if took > TIME_LIMIT {
            return self.fail(number, file, &format!("took {took:?}"));
        }
        let mut seen = self.seen.lock().unwrap();
        *if refused.is_some() { &mut seen.refused } else { &mut seen.embedded } += 1;
        seen.slowest = seen.slowest.max((took, number));
    }

    fn fail(&self, number: u64, file: &Hostile, reason: &str) {
        let name = format!("hostile-{}-{number}", self.seed);
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::write(&path, &file.bytes).unwrap();
        let failure = format!(
            "file {number} ({}) {reason}; it is {}; again: HOSTILE_SEED={} HOSTILE_FIRST={number} \
             HOSTILE_FILES=1",
            file.made,
            path.display(),
            self.seed
        );
        println!("{failure}");
        self.seen.lock().unwrap().failures.push(failure);
    }
}

fn json_of(files: &[Hostile]) -> Vec<u8> {
    let texts: Vec<String> = files.iter().map(|file| base64(&file.bytes)).collect();
    // A file of no bytes is no base64 at all, which is another error: it is sent as a form.
    let texts: Vec<&str> =
        texts.iter().map(|text| if text.is_empty() { "AA==" } else { text.as_str() }).collect();
    json!({ "images": texts }).to_string().into_bytes()
}

/// The code of a photo sent alone, if it was refused.
fn outcome(reply: &Reply, file: &Hostile) -> Result<Option<String>, String> {
    match reply.status {
        200 => Ok(None),
        // The body of a raw photo that is empty is a request without photos.
        400 if file.bytes.is_empty() => Ok(Some("empty_image".to_owned())),
        400 => match &reply.json()["code"] {
            Value::String(code) => Ok(Some(code.clone())),
            other => Err(format!("has the code {other}")),
        },
        status => Err(format!("was answered with status {status}: {}", reply.text())),
    }
}
