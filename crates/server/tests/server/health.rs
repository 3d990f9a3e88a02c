//! Being ready, ending well, and the page.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

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
fn told_to_end_it_finishes_what_it_has_and_is_not_ready() {
    let served = served_with(|o| o.drain = Duration::from_millis(700));
    let address = served.address();
    // A request in flight: its head is there, its body comes later.
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!(
        "POST {PREDICT} HTTP/1.1\r\nHost: t\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
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
