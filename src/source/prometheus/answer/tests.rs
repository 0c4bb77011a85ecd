#![expect(clippy::float_cmp, reason = "these values come out exactly")]

use super::*;

const FEW: Limits = Limits { series: 3, samples: 5, bytes: 4096 };

fn matrix(result: &str) -> String {
    format!(r#"{{"status":"success","data":{{"resultType":"matrix","result":{result}}}}}"#)
}

fn read_matrix(body: &str) -> Result<Data, Unusable> {
    read(body.as_bytes(), Expected::Matrix, &FEW)
}

#[test]
fn series_come_with_labels_values_and_native_histograms() {
    // The form of `prometheus/prometheus`, docs/querying/api.md.
    let body = matrix(
        r#"[{"metric":{"service":"a","track":"canary"},"values":[[1767225660,"1.5"],[1767225720.000,"NaN"]]},
            {"metric":{},"values":[[1767225660,"+Inf"]],
             "histograms":[[1767225660,{"count":"3","sum":"0.5","buckets":[[0,"0.25","0.5","3"]]}]]}]"#,
    );
    let data = read_matrix(&body).unwrap();
    let [first, second] = data.series.as_slice() else { panic!("{data:?}") };
    assert_eq!(first.labels["track"], "canary");
    assert_eq!(first.samples[0], Sample { at: 1_767_225_660.0, value: 1.5 });
    assert!(first.samples[1].value.is_nan());
    assert_eq!(second.samples[0].value, f64::INFINITY);
    assert_eq!(second.histograms[0].histogram.buckets[0].upper, 0.5);
    assert!(data.said.is_empty());

    let vector =
        r#"{"data":{"result":[{"metric":{},"value":[1767225660.781,"7"]}],"resultType":"vector"},"status":"success"}"#;
    let data = read(vector.as_bytes(), Expected::Vector, &FEW).unwrap();
    assert_eq!(data.series[0].samples, [Sample { at: 1_767_225_660.781, value: 7.0 }]);
    assert_eq!(read_matrix(&matrix("[]")).unwrap(), Data::default());
    assert_eq!(read_matrix(&matrix("null")).unwrap(), Data::default());
}

#[test]
fn what_the_server_says_beside_its_answer_is_kept() {
    let body = r#"{"status":"success","isPartial":true,"warnings":["store a is away\u001b[2J"],
        "infos":["PromQL info: metric might not be a counter"],"stats":{"x":[1]},
        "data":{"resultType":"matrix","result":[]}}"#;
    let said = read_matrix(body).unwrap().said;
    let said: Vec<&str> = said.iter().map(SafeText::as_str).collect();
    assert_eq!(
        said,
        ["the answer is partial", "store a is away\u{fffd}[2J", "PromQL info: metric might not be a counter"]
    );
}

#[test]
fn reading_stops_at_the_first_series_or_sample_too_many() {
    let series = |n: usize, samples: usize| {
        let values = vec![r#"[1,"1"]"#; samples].join(",");
        let all: Vec<String> = (0..n).map(|i| format!(r#"{{"metric":{{"i":"{i}"}},"values":[{values}]}}"#)).collect();
        matrix(&format!("[{}]", all.join(",")))
    };
    assert!(read_matrix(&series(3, 1)).is_ok());
    assert_eq!(read_matrix(&series(4, 1)), Err(Unusable::TooMuch("more than 3 series".to_owned())));
    assert_eq!(read_matrix(&series(2, 3)), Err(Unusable::TooMuch("more than 5 samples".to_owned())));
    let buckets = [r#"[0,"1","2","1"]"#; 6].join(",");
    let native = format!(r#"[{{"metric":{{}},"histograms":[[1,{{"count":"6","sum":"1","buckets":[{buckets}]}}]]}}]"#);
    assert_eq!(read_matrix(&matrix(&native)), Err(Unusable::TooMuch("more than 5 samples".to_owned())));
}

#[test]
fn an_error_of_the_server_is_told_from_nonsense() {
    let error = r#"{"status":"error","errorType":"bad_data","error":"1:5: parse error: unexpected <aggr:sum>"}"#;
    let said =
        Unusable::Said { kind: "bad_data".to_owned(), error: "1:5: parse error: unexpected <aggr:sum>".to_owned() };
    assert_eq!(read_matrix(error), Err(said));
    for (body, says) in [
        ("", "nothing at all"),
        ("   \n", "nothing at all"),
        ("<!DOCTYPE html><html><head><title>Sign in</title></head><body>x", "HTML or XML instead of JSON: \"Sign in\""),
        ("<html><body><h1>502 Bad Gateway</h1>nginx</body></html>", "\"502 Bad Gateway nginx\""),
        ("upstream connect error", "no JSON: \"upstream connect error\""),
        (r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"a":"#, "ends too early"),
        (r#"{"status":"success"}"#, "no data"),
        (r#"{"status":"success","data":null}"#, "no data"),
        ("{}", "status is \"\""),
        (r#"{"status":"pending","data":{}}"#, "neither success nor error"),
        (
            r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#,
            "a \"vector\", and a matrix was asked for",
        ),
        (r#"{"status":"success","data":{"resultType":"scalar","result":[1767225660,"1"]}}"#, "\"scalar\""),
        (r#"{"status":"success","data":{"resultType":"string","result":[1767225660,"text"]}}"#, "\"string\""),
        (
            r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,2]]}]}}"#,
            "another form",
        ),
        (
            r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"x"]]}]}}"#,
            "another form",
        ),
        (
            r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1]]}]}}"#,
            "another form",
        ),
        (
            r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"1",1]]}]}}"#,
            "another form",
        ),
        (r#"{"status":"success","data":{"resultType":"matrix","result":7}}"#, "another form"),
        (r#"{"status":7}"#, "another form"),
        (
            r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"a":"1"}},{"metric":{"a":"1"}}]}}"#,
            "the same labels",
        ),
        (r#"{"status":"success","data":{"resultType":"matrix","result":[]}}trailing"#, "another form"),
    ] {
        match read_matrix(body) {
            Err(Unusable::Nonsense(what)) => assert!(what.contains(says), "{body}: {what}"),
            other => panic!("{body}: {other:?}"),
        }
    }
}

#[test]
fn neither_depth_nor_bytes_that_are_no_text_make_it_fall_over() {
    let deep = format!("{{\"status\":{}", "[".repeat(100_000));
    assert!(matches!(read_matrix(&deep), Err(Unusable::Nonsense(_))));
    let deep = format!("{{\"other\":{}", "[".repeat(100_000));
    assert!(matches!(read_matrix(&deep), Err(Unusable::Nonsense(_))));
    assert!(matches!(read(&[0xff, 0xfe, 0], Expected::Matrix, &FEW), Err(Unusable::Nonsense(_))));
    assert!(matches!(read(b"<\xff\xfe<title>", Expected::Matrix, &FEW), Err(Unusable::Nonsense(_))));
}
