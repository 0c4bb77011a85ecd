//! What the other tests stand on: a server that answers, with the data that was put into it.

use crate::support::prometheus::{Exporter, Native, Prometheus, Series, Setup};

/// 2026-01-01T00:00:00Z.
const T: i64 = 1_767_225_600;

#[tokio::test]
async fn written_samples_and_native_histograms_are_there_at_once() {
    let server = Prometheus::start();
    let native = |n: u64| Native { schema: 3, sum: n as f64, zero: 0, first: -7, buckets: vec![n, 0, 2 * n] };
    server
        .write(&[
            Series::new("requests_total", &[("service", "a")]).each(T, 15, (0..=8).map(|n| f64::from(n) * 30.0)),
            Series::new("seconds", &[("service", "a")]).native(T, native(10)).native(T + 60, native(20)),
        ])
        .await;
    let value = server.query(&format!("increase(requests_total[1m] @ {})", T + 60)).await;
    assert_eq!(value[0]["value"][1], "120", "{value}");
    let value = server.query(&format!("seconds @ {}", T + 60)).await;
    assert_eq!(value[0]["histogram"][1]["count"], "60", "{value}");
    assert_eq!(value[0]["histogram"][1]["buckets"].as_array().unwrap().len(), 2, "{value}");
}

#[tokio::test]
async fn months_are_put_into_blocks_and_a_target_is_scraped() {
    let exporter = Exporter::start().await;
    exporter.export("ups_total{service=\"a\"} 7\n");
    let text = format!(
        "# TYPE old counter\nold_total{{service=\"a\"}} 1 {T}\nold_total{{service=\"a\"}} 5 {}\n# EOF\n",
        T + 60
    );
    let setup = Setup { scrape: &[("web", exporter.address())], backfill: Some(&text), ..Setup::default() };
    let server = Prometheus::start_with(&setup);
    let value = server.query(&format!("old_total @ {}", T + 60)).await;
    assert_eq!(value[0]["value"][1], "5", "{value}");
    server.wait_for("ups_total{job=\"web\"}").await;
}
