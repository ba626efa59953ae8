//! Flags come before variables, variables before defaults, and all mistakes are told together.

use std::{collections::HashMap, ffi::OsString, time::Duration};

use inference_service::{
    config::{
        Config, ConfigError,
        settings::{self, SETTINGS},
    },
    kernels::{Isa, Kernels},
    model::{
        architecture::Activation,
        device::{DeviceChoice, Precision},
    },
    preprocess::ExifOrientation,
    telemetry::{LogFormat, LogLevel},
};

fn read(flags: &[&str], env: &[(&str, &str)]) -> Result<Config, ConfigError> {
    let env: HashMap<_, _> = env.iter().copied().collect();
    let arguments = ["inference-service"].iter().chain(flags).map(OsString::from);
    let matches = settings::command().try_get_matches_from(arguments)?;
    Config::read(&matches, |name| env.get(name).map(OsString::from))
}

/// What is said of wrong values.
#[track_caller]
fn refused(flags: &[&str], env: &[(&str, &str)]) -> String {
    match read(flags, env) {
        Err(error @ ConfigError::Values(_)) => error.to_string(),
        other => panic!("expected wrong values: {other:?}"),
    }
}

#[test]
fn defaults_are_the_originals_and_pillows() {
    let config = read(&[], &[]).unwrap();
    assert_eq!(config.model.model_name, "ViT-B-32");
    assert_eq!(config.model.pretrained, "openai");
    assert_eq!(
        (config.host.as_str(), config.port, config.admin_port),
        ("127.0.0.1", 8002, Some(9090))
    );
    assert_eq!((config.log_level, config.log_format), (LogLevel::Info, LogFormat::Text));
    assert_eq!((config.device, config.precision), (DeviceChoice::Auto, Precision::F32));
    assert_eq!(config.activation, None);
    assert_eq!(config.exif_orientation, ExifOrientation::Ignore);
    assert!(config.threads >= 1);
    assert_eq!(config.limits.body_bytes, 256 << 20);
    assert_eq!(config.limits.images, 256);
    assert_eq!(config.max_image_pixels, 178_956_970);
    assert_eq!(config.max_connections, 2048);
    let seconds = Duration::from_secs;
    let (connections, drain) = (config.connections, config.drain);
    assert_eq!((connections.header_timeout, connections.body_timeout), (seconds(10), seconds(10)));
    assert_eq!((connections.keep_alive, connections.max_age), (seconds(75), Duration::ZERO));
    assert_eq!((drain.delay, drain.timeout), (seconds(3), seconds(20)));
}

#[test]
fn a_flag_wins_over_its_variable_and_that_over_the_default() {
    assert_eq!(read(&[], &[("PORT", "1111")]).unwrap().port, 1111);
    assert_eq!(read(&["--port", "2222"], &[("PORT", "1111")]).unwrap().port, 2222);
    assert_eq!(read(&["--port=2222"], &[("PORT", "no port")]).unwrap().port, 2222);
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let empty: Vec<_> = SETTINGS.iter().map(|setting| (setting.env, "")).collect();
    let config = read(&[], &empty).unwrap();
    assert_eq!((config.port, config.model.pretrained.as_str()), (8002, "openai"));
}

#[test]
fn every_setting_can_be_given_by_its_variable() {
    let config = read(
        &[],
        &[
            ("MODEL_NAME", "ViT-L/14"),
            ("MODEL_PRETRAINED", "OpenAI"),
            ("HOST", "0.0.0.0"),
            ("PORT", "0"),
            ("ADMIN_PORT", "0"),
            ("LOG_LEVEL", "WARN"),
            ("LOG_FORMAT", "json"),
            ("DEVICE", "cpu"),
            ("PRECISION", "f32"),
            ("ACTIVATION", "gelu"),
            ("EXIF_ORIENTATION", "apply"),
            ("THREADS", "3"),
            ("MAX_BODY_BYTES", "1000"),
            ("MAX_IMAGES", "7"),
            ("MAX_IMAGE_PIXELS", "4000000000"),
            ("MAX_CONNECTIONS", "5"),
            ("HEADER_TIMEOUT", "1s"),
            ("BODY_TIMEOUT", "2s"),
            ("KEEP_ALIVE", "3s"),
            ("DRAIN_DELAY", "4s"),
            ("DRAIN_TIMEOUT", "5s"),
            ("MAX_CONNECTION_AGE", "6s"),
            ("PAGE", "off"),
        ],
    )
    .unwrap();
    assert_eq!(
        (config.model.model_name.as_str(), config.model.pretrained.as_str()),
        ("ViT-L-14", "openai")
    );
    assert_eq!((config.host.as_str(), config.port, config.admin_port), ("0.0.0.0", 0, None));
    assert_eq!((config.log_level, config.log_format), (LogLevel::Warning, LogFormat::Json));
    assert_eq!((config.device, config.precision), (DeviceChoice::Cpu, Precision::F32));
    assert_eq!(config.activation, Some(Activation::Gelu));
    assert_eq!(config.exif_orientation, ExifOrientation::Apply);
    assert_eq!((config.threads, config.limits.body_bytes, config.limits.images), (3, 1000, 7));
    assert_eq!(config.max_image_pixels, 4_000_000_000);
    assert_eq!(config.max_connections, 5);
    let (connections, drain) = (config.connections, config.drain);
    let times = [connections.header_timeout, connections.body_timeout, connections.keep_alive];
    let times: Vec<_> =
        times.into_iter().chain([drain.delay, drain.timeout, connections.max_age]).collect();
    assert_eq!(times, [1, 2, 3, 4, 5, 6].map(Duration::from_secs));
    assert!(!config.page);
}

#[test]
fn names_are_read_in_any_case() {
    for (name, level) in [
        ("debug", LogLevel::Debug),
        ("INFO", LogLevel::Info),
        ("Warning", LogLevel::Warning),
        ("warn", LogLevel::Warning),
        ("ERROR", LogLevel::Error),
    ] {
        assert_eq!(read(&["--log-level", name], &[]).unwrap().log_level, level);
    }
}

#[test]
fn sizes_have_units() {
    for (text, bytes) in [
        ("268435456", 268_435_456),
        ("1b", 1),
        ("2kB", 2_000),
        ("3 MB", 3_000_000),
        ("4GB", 4_000_000_000),
        ("5Ki", 5 << 10),
        ("6KiB", 6 << 10),
        ("7mib", 7 << 20),
        ("8Mi", 8 << 20),
        ("9GiB", 9 << 30),
    ] {
        assert_eq!(
            read(&["--max-body-bytes", text], &[]).unwrap().limits.body_bytes,
            bytes,
            "{text}"
        );
    }
    for text in
        ["0", "MiB", "1.5GiB", "10 apples", "99999999999999999999", "9999999999999GiB", "1e6"]
    {
        let message = refused(&[&format!("--max-body-bytes={text}")], &[]);
        assert!(message.contains("268435456 or 256MiB"), "{message}");
    }
}

#[test]
fn times_have_units() {
    for (text, milliseconds) in [
        ("0", 0),
        ("3", 3_000),
        ("3s", 3_000),
        ("500ms", 500),
        ("500 MS", 500),
        ("2m", 120_000),
        ("1h", 3_600_000),
    ] {
        let config = read(&["--drain-delay", text], &[]).unwrap();
        assert_eq!(config.drain.delay, Duration::from_millis(milliseconds), "{text}");
    }
    for text in ["s", "1.5s", "2h", "61m", "-1", "1 day", "99999999999999999999", "1e3"] {
        let message = refused(&[&format!("--drain-delay={text}")], &[]);
        assert!(message.contains("like 3, 500ms or 2m"), "{message}");
    }
    let message = refused(&["--header-timeout=0", "--body-timeout=0ms", "--keep-alive=0s"], &[]);
    assert!(message.starts_with("3 wrong values:"), "{message}");
    assert!(message.contains("use a time above 0, like 10s"), "{message}");
}

#[test]
fn all_wrong_values_are_told_together_each_with_what_would_be_right() {
    let flags = ["--port=70000", "--admin-port", "x", "--log-level=loud", "--threads=0"];
    let message = refused(
        &[&flags[..], &["--max-images=none", "--activation", "relu"]].concat(),
        &[
            ("DEVICE", "tpu"),
            ("PRECISION", "f64"),
            ("EXIF_ORIENTATION", "maybe"),
            ("LOG_FORMAT", "xml"),
            ("HOST", "http://me"),
            ("MAX_IMAGE_PIXELS", "-1"),
            ("MAX_BODY_BYTES", "lots"),
            ("MODEL_NAME", "ViT-B-23"),
        ],
    );
    let (head, lines) = message.split_once('\n').unwrap();
    assert_eq!(head, "14 wrong values:");
    assert_eq!(lines.lines().count(), 14);
    for expected in [
        r#"--port "70000": use a port number from 0 to 65535"#,
        r#"--admin-port "x": use a port number from 0 to 65535"#,
        r#"--log-level "loud": use one of: debug, info, warning, warn, error"#,
        r#"--threads "0": use auto or a whole number from 1 to 1024"#,
        r#"--max-images "none": use a whole number from 1 to 65536"#,
        r#"--activation "relu": use one of: auto, gelu, quick_gelu"#,
        r#"--device "tpu" (from the variable DEVICE): use one of: auto, cpu, cuda"#,
        r#"--precision "f64" (from the variable PRECISION): use one of: f32, f16, bf16, int8"#,
        r#"--exif-orientation "maybe" (from the variable EXIF_ORIENTATION): use one of: ignore, apply"#,
        r#"--log-format "xml" (from the variable LOG_FORMAT): use one of: text, json"#,
        r#"--host "http://me" (from the variable HOST): use an IP address"#,
        r#"--max-image-pixels "-1" (from the variable MAX_IMAGE_PIXELS): use a whole number"#,
        r#"--max-body-bytes "lots" (from the variable MAX_BODY_BYTES): use a size of 1 or more"#,
        r#"--model-name "ViT-B-23" (from the variable MODEL_NAME): no model is called `ViT-B-23`"#,
    ] {
        assert!(lines.contains(expected), "{expected} is not in\n{message}");
    }
}

#[test]
fn a_request_has_no_more_images_than_a_list_is_read_to() {
    let message = refused(&["--max-images=65537"], &[]);
    assert!(message.contains("use a whole number from 1 to 65536"), "{message}");
}

#[test]
fn every_setting_refuses_nonsense_by_its_name() {
    for setting in SETTINGS {
        // A path to weights may be nearly anything.
        let nonsense = "\u{fffd} no/such.thing:";
        let message = refused(&[], &[(setting.env, nonsense)]);
        assert!(message.starts_with("1 wrong value:"), "{message}");
        let shown = if setting.is_secret() { "***" } else { nonsense };
        assert!(message.contains(&format!("--{} {shown:?}", setting.flag)), "{message}");
        assert!(message.contains(setting.env), "{message}");
        assert_eq!(message.contains("such.thing"), !setting.is_secret(), "{message}");
    }
}

#[test]
fn an_api_key_is_read_and_never_shown() {
    const KEY: &str = "SeCrEt7531";
    for (flags, env) in [(&["--api-key", KEY][..], &[][..]), (&[], &[("API_KEY", KEY)])] {
        let config = read(flags, env).unwrap();
        assert!(config.access.api_keys.is_some());
        let shown = format!("{config:?}");
        assert!(!shown.contains(KEY) && shown.contains("***"), "{shown}");
    }
    assert!(read(&[], &[]).unwrap().access.api_keys.is_none());
    let message = refused(&["--api-key", &format!("{KEY} and more")], &[("PORT", "x")]);
    assert!(message.starts_with("2 wrong values:") && !message.contains(KEY), "{message}");
    assert!(message.contains("printable ASCII without spaces"), "{message}");
}

#[test]
fn a_file_of_keys_must_be_there_and_hold_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys");
    let message = |content: &str| {
        std::fs::write(&path, content).unwrap();
        refused(&["--api-key-file", path.to_str().unwrap()], &[])
    };
    assert!(message("# none\n").contains("holds no key: write one on each line"));
    assert!(message("good\nSeCrEt 7531\n").contains("line 2"));
    assert!(!message("SeCrEt 7531\n").contains("SeCrEt"));
    std::fs::remove_file(&path).unwrap();
    let missing = refused(&[], &[("API_KEY_FILE", path.to_str().unwrap())]);
    assert!(missing.contains("(from the variable API_KEY_FILE)"), "{missing}");
    assert!(missing.contains("cannot be read"), "{missing}");
}

#[test]
fn origins_must_be_origins() {
    let message = refused(&["--cors-origins", "https://app.example/"], &[("CORS_ORIGINS", "*")]);
    assert!(message.contains("leave out what follows the host"), "{message}");
    assert!(read(&[], &[]).unwrap().access.cors.is_none());
    assert!(read(&[], &[("CORS_ORIGINS", "*")]).unwrap().access.cors.is_some());
}

#[test]
fn unknown_models_and_weights_name_the_nearest() {
    let message = refused(&["--model-name", "ViT-B23"], &[]);
    assert!(message.contains("the nearest are ViT-B-32"), "{message}");
    let message = refused(&["--pretrained", "opnai"], &[]);
    assert!(message.contains("--pretrained \"opnai\""), "{message}");
    assert!(
        message.contains("ViT-B-32 has no pretrained tag `opnai`; the nearest are openai"),
        "{message}"
    );
    assert!(message.contains("laion2b_s34b_b79k"), "{message}");
}

#[test]
fn the_two_ports_must_differ() {
    let message = refused(&["--port", "9090"], &[]);
    assert!(message.contains("--admin-port \"9090\" (the default)"), "{message}");
    assert!(message.contains("--port") && message.contains("0 to do without"), "{message}");
    assert_eq!(read(&["--port=0", "--admin-port=0"], &[]).unwrap().admin_port, None);
}

#[test]
fn grpc_has_a_port_of_its_own_if_any() {
    assert_eq!(read(&[], &[]).unwrap().grpc_port, None);
    assert_eq!(read(&[], &[("GRPC_PORT", "8003")]).unwrap().grpc_port, Some(8003));
    for (port, whose) in [("8002", "is the API's --port"), ("9090", "is also the --admin-port")] {
        let message = refused(&["--grpc-port", port], &[]);
        assert!(message.contains(&format!("--grpc-port \"{port}\": {whose}; choose another")));
    }
}

#[test]
fn half_precision_is_not_for_the_cpu() {
    let message = refused(&["--device=cpu", "--precision=f16"], &[]);
    assert!(message.contains("f16 takes a GPU (--device cuda)"), "{message}");
    assert!(message.contains("use --precision f32, or auto"), "{message}");
}

#[test]
fn bf16_is_for_processors_that_have_it_and_auto_follows_them() {
    let has_it = Kernels::best().have_bf16();
    let auto = read(&["--device=cpu", "--precision=auto"], &[]).unwrap().precision;
    if has_it {
        let config = read(&["--device=cpu", "--precision=bf16"], &[]).unwrap();
        assert_eq!((config.precision, auto), (Precision::Bf16, Precision::Bf16));
    } else {
        let message = refused(&["--device=cpu", "--precision=bf16"], &[]);
        assert!(message.contains("AVX512_BF16"), "{message}");
        assert_eq!(auto, Precision::F32);
    }
}

#[test]
fn int8_is_for_processors_that_have_it_and_never_chosen_by_itself() {
    if Kernels::best().have_int8() {
        let config = read(&["--device=cpu", "--precision=int8"], &[]).unwrap();
        assert_eq!(config.precision, Precision::Int8);
    } else {
        let message = refused(&["--device=cpu", "--precision=int8"], &[]);
        assert!(message.contains("AVX512_VNNI"), "{message}");
    }
    let auto = read(&["--device=cpu", "--precision=auto"], &[]).unwrap().precision;
    assert_ne!(auto, Precision::Int8);
}

#[test]
fn an_instruction_set_that_the_processor_has_not_is_refused() {
    let missing = if cfg!(target_arch = "x86_64") { "neon" } else { "avx2" };
    let message = refused(&[&format!("--cpu-isa={missing}")], &[]);
    assert!(message.contains("use auto, which takes the widest"), "{message}");
    let config = read(&[], &[("CPU_ISA", "portable")]).unwrap();
    assert_eq!(config.isa, Some(Isa::Portable));
}

#[test]
fn hosts_are_addresses_or_names() {
    for (text, host) in [("::1", "::1"), ("[::]", "::"), ("localhost", "localhost")] {
        assert_eq!(read(&["--host", text], &[]).unwrap().host, host);
    }
    for text in ["", "1.2.3", "1.2.3.4:80", "a b", "http://a"] {
        refused(&["--host", text], &[]);
    }
}

#[test]
fn unknown_flags_and_the_likely_one_are_named() {
    let Err(ConfigError::CommandLine(error)) = read(&["--prot", "1"], &[]) else { panic!() };
    let message = error.to_string();
    assert!(message.contains("'--prot'") && message.contains("'--port'"), "{message}");
}

#[test]
fn wrong_variables_of_the_hub_are_told_with_the_rest_where_they_are_read() {
    let env = [("HF_ENDPOINT", "nonsense"), ("PORT", "x")];
    let message = refused(&[], &env);
    assert!(message.starts_with("2 wrong values:") && message.contains("HF_ENDPOINT"), "{message}");
    let seeded = refused(&["--pretrained", "random"], &env);
    assert!(seeded.starts_with("1 wrong value:"), "{seeded}");
}

#[test]
fn the_limit_of_pixels_has_a_limit() {
    let message = refused(&["--max-image-pixels", "18446744073709551615"], &[]);
    assert!(message.contains("from 1 to 4294967296"), "{message}");
}

#[test]
fn no_photo_is_fetched_unless_hosts_are_named() {
    let fetch = read(&[], &[]).unwrap().fetch;
    assert!(fetch.hosts.is_empty());
    assert_eq!((fetch.timeout, fetch.max_bytes), (Duration::from_secs(10), 32 << 20));
    let flags = ["--url-hosts=a.example, *.B.example:8443", "--url-timeout=2s"];
    let fetch = read(&flags, &[("URL_MAX_BYTES", "1MiB")]).unwrap().fetch;
    assert!(fetch.hosts.allow("a.example", 443) && fetch.hosts.allow("x.b.example", 8443));
    assert!(!fetch.hosts.allow("b.example", 8443) && !fetch.hosts.allow("a.example", 8443));
    assert_eq!((fetch.timeout, fetch.max_bytes), (Duration::from_secs(2), 1 << 20));
    for hosts in ["*", "*.com", "https://a.example", "127.0.0.1", "localhost", "bücher.example"] {
        let message = refused(&[&format!("--url-hosts={hosts}")], &[]);
        assert!(message.contains("name hosts like photos.example.com"), "{message}");
    }
    assert!(refused(&["--url-timeout=0"], &[]).contains("use a time above 0"));
}
