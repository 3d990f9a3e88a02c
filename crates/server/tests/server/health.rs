//! Being ready, ending well, and the page.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use tidemill_server::charges::Rates;

use crate::{ADA, PREDICT, served, served_with};

#[test]
fn it_is_alive_and_ready_and_tells_prometheus() {
    let served = served();
    assert_eq!(served.get("/health/live").status, 200);
    assert_eq!(served.get("/health/ready").status, 200);
    served.predict(ADA);
    let metrics = served.get("/metrics").body;
    for line in [
        "tidemill_requests_total{model=\"customers\",outcome=\"answered\"} 1",
        "tidemill_stage_seconds_count{model=\"customers\",stage=\"queue\"} 1",
        "tidemill_stage_seconds_count{model=\"customers\",stage=\"prepare\"} 1",
        "tidemill_stage_seconds_count{model=\"customers\",stage=\"infer\"} 1",
        "tidemill_stage_seconds_count{model=\"customers\",stage=\"log\"} 1",
        "tidemill_stage_seconds_count{model=\"customers\",stage=\"respond\"} 1",
        "tidemill_batch_rows_sum{model=\"customers\"} 1",
        "tidemill_in_flight{model=\"customers\"} 0",
        "tidemill_predictions_total{class=\"yes\",model=\"customers\"",
    ] {
        assert!(metrics.contains(line), "{line} is not in\n{metrics}");
    }
}

#[test]
fn what_predictions_cost_is_told_to_prometheus_and_the_page() {
    let rates = Rates { currency: "EUR".into(), cpu_hour: 0.04, egress_gb: 0.1 };
    let served = served_with(|options| options.rates = Some(rates));
    let answer = served.predict(ADA);
    let metrics = served.get("/metrics").body;
    let number = |name: &str| -> f64 {
        let line = metrics.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{metrics}"));
        assert!(line.contains("key=\"\"") && line.contains("model=\"customers\""), "{line}");
        line.rsplit(' ').next().unwrap().parse().unwrap()
    };
    let (seconds, cost) =
        (number("tidemill_work_seconds_total{"), number("tidemill_cost_total{currency=\"EUR\""));
    assert!(seconds > 0.0);
    // The answer's own bytes are charged, and the time beside them.
    let least = seconds / 3600.0 * 0.04 + answer.body.len() as f64 / 1e9 * 0.1;
    assert!((cost - least).abs() < 1e-12 + 1e-6 * least, "{cost} {least}");
    let live = served.get("/v1/models/customers/live").json();
    assert_eq!(live["cost"]["currency"], "EUR");
    assert!((live["cost"]["amount"].as_f64().unwrap() - cost).abs() < 1e-15);
}

#[test]
fn told_to_end_it_finishes_what_it_has_and_is_not_ready() {
    let served = served_with(|o| o.drain = Duration::from_millis(700));
    let address = served.address();
    // A request in flight: its head is there, its body comes later.
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!(
        "POST {PREDICT} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        ADA.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    let crate::Served { running, folder } = served;
    let ending = std::thread::spawn(move || running.stop());
    std::thread::sleep(Duration::from_millis(150));
    assert_eq!(crate::send(address, "GET", "/health/ready", &[], b"").status, 503);
    std::thread::sleep(Duration::from_millis(900));
    assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
    stream.write_all(ADA.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let began = Instant::now();
    ending.join().unwrap();
    assert!(began.elapsed() < Duration::from_secs(5));
    drop(folder);
}

/// Proxies open connections before they need them.
#[test]
fn a_connection_without_a_request_does_not_delay_the_end() {
    let served = served_with(|o| {
        o.drain = Duration::ZERO;
        o.limits.head = Duration::from_secs(60);
    });
    let opened = TcpStream::connect(served.address()).unwrap();
    // Connections are accepted in their order.
    assert_eq!(served.get("/health/live").status, 200);
    let crate::Served { running, folder } = served;
    let began = Instant::now();
    running.stop();
    assert!(began.elapsed() < Duration::from_secs(30), "half of what it may take over its first request");
    drop((opened, folder));
}

#[test]
fn the_page_needs_no_other_place() {
    let served = served();
    let page = served.get("/");
    assert_eq!(page.status, 200);
    assert!(page.head.to_lowercase().contains("content-security-policy: default-src 'self'"));
    for path in ["/page.css", "/page.js"] {
        let asset = served.get(path);
        assert_eq!(asset.status, 200);
        for text in [&page.body, &asset.body] {
            assert!(
                !text.contains("https://") && !text.contains("http://")
                    || text.contains("http://www.w3.org/2000/svg"),
                "{path}"
            );
        }
    }
}

/// The frames of RFC 9113: the client's preface, its settings, a request by HPACK's static table; what comes back begins with frames as well.
#[test]
fn http2_is_spoken_to_who_begins_with_it() {
    let served = served();
    let mut stream = TcpStream::connect(served.address()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let mut sent = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    sent.extend([0, 0, 0, 4, 0, 0, 0, 0, 0]);
    // :method GET, :scheme http, :path /health/live, :authority localhost
    let mut block = vec![0x82, 0x86, 0x04, 12];
    block.extend(b"/health/live");
    block.extend([0x01, 9]);
    block.extend(b"localhost");
    sent.extend([0, 0, block.len() as u8, 1, 0x05, 0, 0, 0, 1]);
    sent.extend(block);
    // The beginning of the preface alone must not be taken for HTTP/1.
    stream.write_all(&sent[..2]).unwrap();
    std::thread::sleep(Duration::from_millis(50));
    stream.write_all(&sent[2..]).unwrap();
    let (mut body, mut status) = (Vec::new(), None);
    while body.is_empty() {
        let mut head = [0; 9];
        stream.read_exact(&mut head).unwrap();
        let mut frame = vec![0; usize::from(head[1]) << 8 | usize::from(head[2])];
        stream.read_exact(&mut frame).unwrap();
        match head[3] {
            0 => body = frame,
            // Entry 8 of the static table is ":status 200".
            1 => status = frame.first().copied(),
            _ => {}
        }
    }
    assert_eq!((status, String::from_utf8(body).unwrap().as_str()), (Some(0x88), r#"{"live":true}"#));
}
