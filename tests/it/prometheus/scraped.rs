//! A service that is scraped while it runs, and starts anew.

use rolldeck::domain::sli::SliKind;

use super::{SliQueries, TOTAL, at, of_kind, one, source};
use crate::support::prometheus::{Exporter, Prometheus, Setup};

fn metrics(good: u32, bad: u32) -> String {
    let line = |track: &str, code: &str, count: u32| {
        format!("http_requests_total{{service=\"shop\",track=\"{track}\",code=\"{code}\"}} {count}\n")
    };
    line("canary", "200", good) + &line("canary", "500", bad) + &line("baseline", "200", good * 10)
}

#[tokio::test]
async fn a_restart_of_the_service_takes_no_events_away() {
    let begin = chrono::Utc::now().timestamp();
    let exporter = Exporter::start().await;
    exporter.export(&metrics(1000, 100));
    let server = Prometheus::start_with(&Setup { scrape: &[("web", exporter.address())], ..Setup::default() });
    let ups = |count: u32| format!("count_over_time(up[1m]) >= {count}");
    server.wait_for(&ups(2)).await;
    exporter.export(&metrics(1100, 110));
    server.wait_for("http_requests_total{track=\"canary\",code=\"200\"} == 1100").await;
    // It starts anew, and has 30 good and 3 bad ones since.
    exporter.export(&metrics(30, 3));
    server.wait_for("http_requests_total{track=\"canary\",code=\"200\"} == 30").await;
    server.wait_for("count_over_time(up[1m]) >= 5").await;

    let end = server.query("max(timestamp(up))").await[0]["value"][1].as_str().unwrap().parse::<f64>().unwrap() as i64;
    let queries = SliQueries {
        bad: Some(TOTAL.replace("track=~", "code=\"500\", track=~")),
        total: Some(TOTAL.to_owned()),
        ..SliQueries::default()
    };
    let mut wanted = of_kind(SliKind::Ratio, "ratio", "shop", 1, queries);
    // A slice that is still going on: what counts is that no counter ran backwards. All scrapes lie in one, for
    // `increase` does not see what came between the last scrape of a slice and the first of the next.
    let slice = (60..).find(|slice| begin.div_euclid(*slice) == end.div_euclid(*slice)).unwrap();
    wanted.slice = u32::try_from(slice).unwrap();
    wanted.to = at((end.div_euclid(slice) + 1) * slice);
    wanted.from = wanted.to - chrono::TimeDelta::seconds(slice);
    let answer = one(&source(server.url()), wanted).await.unwrap();
    let (mut bad, mut total) = (0.0, 0.0);
    for slice in &answer.slices {
        if let Some(rolldeck::judge::evidence::Amount::Events(counts)) = &slice.canary {
            bad += counts.bad;
            total += counts.total;
        }
    }
    // 110 before the restart (10 of them bad), and 33 after it (3 bad). `increase` extrapolates to the edges of a
    // range by at most 1.1 times the time between two scrapes at each, and there are five scrapes or more.
    assert!((142.0..=230.0).contains(&total), "{total}");
    assert!((12.9..=21.0).contains(&bad), "{bad}");
    assert_eq!(answer.remark.as_str(), "");
}
