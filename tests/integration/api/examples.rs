//! The examples of `docs/api.md`: each command is run as it stands there, against a running service,
//! and gives what stands behind it.

use std::process::Command;

use serde_json::Value;

use crate::service::shared;

const PAGE: &str = include_str!("../../../docs/api.md");

/// What changes with each answer, or with the machine.
const VOLATILE: [&str; 6] =
    ["created", "max_batch_requests", "max_batch_tokens", "stats", "tokenization_workers", "unix"];

/// A command of the page, and the answer that is shown behind it.
struct Example {
    line: usize,
    command: String,
    answer: String,
}

fn examples() -> Vec<Example> {
    let lines: Vec<_> = PAGE.lines().collect();
    let (mut examples, mut at) = (Vec::new(), 0);
    while at < lines.len() {
        let is_command = |line: &str| line.starts_with("    ") && !line.trim().is_empty();
        let command: Vec<_> = lines[at..].iter().take_while(|line| is_command(line)).collect();
        let end = at + command.len();
        let begins = ["    curl ", "    printf "].iter().any(|word| lines[at].starts_with(word));
        // One empty line, then the answer.
        if begins && lines.get(end + 1) == Some(&"```json") {
            let answer = lines[end + 2..].iter().take_while(|line| **line != "```");
            examples.push(Example {
                line: at + 1,
                command: command.iter().map(|line| line.trim()).collect::<Vec<_>>().join("\n"),
                answer: answer.copied().collect::<Vec<_>>().join("\n"),
            });
        }
        at = end.max(at + 1);
    }
    examples
}

/// Whether `found` is what is shown: numbers nearly, and of a list of numbers its beginning.
fn is_shown(found: &Value, shown: &Value) -> Result<(), String> {
    let differ = || Err(format!("{found} is not {shown}"));
    match (found, shown) {
        (Value::Number(found), Value::Number(shown)) => {
            let (found, shown) = (found.as_f64().unwrap(), shown.as_f64().unwrap());
            // Photos and texts of other tests may be in the same batch.
            if (found - shown).abs() <= 2e-6 * shown.abs().max(1.) { Ok(()) } else { differ() }
        }
        (Value::Array(found), Value::Array(shown)) => {
            let abridged = shown.len() > 2 && shown.iter().all(Value::is_number);
            if found.len() != shown.len() && !(abridged && found.len() > shown.len()) {
                return differ();
            }
            found.iter().zip(shown).try_for_each(|(found, shown)| is_shown(found, shown))
        }
        (Value::Object(found), Value::Object(shown)) => {
            if !found.keys().eq(shown.keys()) {
                return differ();
            }
            let volatile = |name: &str, found: &Value| {
                VOLATILE.contains(&name) || name == "id" && found.as_str().is_some_and(is_uuid)
            };
            let mut fields = found.iter().filter(|(name, found)| !volatile(name, found));
            fields.try_for_each(|(name, found)| is_shown(found, &shown[name]))
        }
        _ if found == shown => Ok(()),
        _ => differ(),
    }
}

/// Whether an id is made anew for each answer.
fn is_uuid(id: &str) -> bool {
    id.starts_with("emb-")
}

#[test]
fn every_example_of_the_page_gives_what_it_shows() {
    let curl = Command::new("curl").arg("--version").output();
    if curl.is_err() {
        eprintln!("skipped: the examples need curl");
        return;
    }
    let service = shared();
    let examples = examples();
    assert!(examples.len() >= 20, "{}", examples.len());
    for Example { line, command, answer } in examples {
        let command = command
            .replace("127.0.0.1:8002", &service.api.to_string())
            .replace("127.0.0.1:9090", &service.admin.unwrap().to_string());
        let output = Command::new("sh")
            .args(["-c", &command.replace("curl ", "curl --noproxy '*' -s ")])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output()
            .unwrap();
        let found = String::from_utf8_lossy(&output.stdout);
        let found: Value =
            serde_json::from_str(&found).unwrap_or_else(|_| panic!("line {line}: {found}"));
        let mut shown: Value =
            serde_json::from_str(&answer).unwrap_or_else(|error| panic!("line {line}: {error}"));
        // Another test may have sent the first text.
        if shown["text"] == "on_demand" {
            shown["text"] = found["text"].clone();
        }
        is_shown(&found, &shown).unwrap_or_else(|error| panic!("line {line}: {error}"));
    }
}
