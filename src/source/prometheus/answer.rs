//! What the API answers, read within bounds: series with their samples and native histograms, or what
//! is wrong with it.
//!
//! Reading stops at the first series or sample beyond the limit, so that a label explosion costs no
//! memory beyond its bytes, which are bounded before.

use std::{cell::Cell, collections::BTreeMap, fmt};

use serde::{
    Deserialize,
    de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::Limits;
use crate::{domain::SafeText, judge::histogram::native::NativeHistogram};

/// A series of an answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Series {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its values.
    pub samples: Vec<Sample>,
    /// Its native histograms.
    pub histograms: Vec<Native>,
}

/// A value of a series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// When, in seconds since 1970.
    pub at: f64,
    /// The value.
    pub value: f64,
}

/// A native histogram of a series.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Native {
    /// When, in seconds since 1970.
    pub at: f64,
    /// The histogram.
    pub histogram: NativeHistogram,
}

/// An answer without an error.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Data {
    /// Its series, no two with the same labels.
    pub series: Vec<Series>,
    /// What the server said beside it: warnings, and whether data is missing.
    pub said: Vec<SafeText>,
}

/// What kind of result was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// Of a range query.
    Matrix,
    /// Of an instant query.
    Vector,
}

impl Expected {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Matrix => "matrix",
            Self::Vector => "vector",
        }
    }
}

/// Why an answer is of no use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unusable {
    /// The server says an error.
    Said {
        /// `bad_data`, `execution`, `timeout`, ...
        kind: String,
        /// In its own words.
        error: String,
    },
    /// More series or samples than are taken.
    TooMuch(String),
    /// It is no answer of this API.
    Nonsense(String),
}

/// Reads an answer.
///
/// # Errors
/// [`Unusable`], whose text may hold anything that the server said.
pub fn read(body: &[u8], expected: Expected, limits: &Limits) -> Result<Data, Unusable> {
    let budget = Budget { limits, series: Cell::new(0), samples: Cell::new(0), exceeded: Cell::new(None) };
    let mut from = serde_json::Deserializer::from_slice(body);
    let read = Envelope(&budget).deserialize(&mut from).and_then(|answer| from.end().map(|()| answer));
    let answer = match (read, budget.exceeded.get()) {
        (_, Some(what)) => return Err(Unusable::TooMuch(what.say(limits))),
        (Ok(answer), None) => answer,
        (Err(error), None) => return Err(Unusable::Nonsense(broken(body, &error))),
    };
    match answer.status.as_str() {
        "success" => {}
        "error" => return Err(Unusable::Said { kind: answer.error_type, error: answer.error }),
        other => return Err(Unusable::Nonsense(format!("its status is {other:?}, neither success nor error"))),
    }
    let Some(result) = answer.data else { return Err(Unusable::Nonsense("there is no data in it".to_owned())) };
    if result.kind != expected.as_str() {
        let (got, wanted) = (result.kind, expected.as_str());
        return Err(Unusable::Nonsense(format!("it is a {got:?}, and a {wanted} was asked for")));
    }
    let mut labels: Vec<&BTreeMap<String, String>> = result.series.iter().map(|series| &series.labels).collect();
    labels.sort_unstable();
    if let Some(twice) = labels.array_windows().find(|[one, next]| one == next).map(|[twice, _]| twice) {
        return Err(Unusable::Nonsense(format!("two of its series have the same labels, {twice:?}")));
    }
    let mut said: Vec<SafeText> = answer.warnings.iter().chain(&answer.infos).map(SafeText::new).collect();
    if answer.partial {
        said.insert(0, SafeText::new("the answer is partial"));
    }
    Ok(Data { series: result.series, said })
}

/// What a body is that is no JSON of this API, with its first words.
pub fn broken(body: &[u8], error: &serde_json::Error) -> String {
    let begin = String::from_utf8_lossy(&body[..body.len().min(2048)]);
    let begin = begin.trim();
    if begin.is_empty() {
        return "nothing at all".to_owned();
    }
    if begin.starts_with('<') {
        return format!("HTML or XML instead of JSON: {}", first_words(begin));
    }
    if error.is_eof() {
        return format!("JSON that ends too early, after {} bytes", body.len());
    }
    if begin.starts_with('{') {
        return format!("JSON of another form: {error}");
    }
    format!("no JSON: {}", first_words(begin))
}

/// The first words of a page: its title, or else its text.
pub fn first_words(page: &str) -> String {
    let lower = page.to_ascii_lowercase();
    let title = lower.find("<title>").and_then(|at| {
        let at = at + "<title>".len();
        let end = at + lower[at..].find('<')?;
        Some(page[at..end].to_owned())
    });
    let text = title.unwrap_or_else(|| {
        let mut inside = false;
        let shown = page.chars().map(|c| match c {
            '<' => {
                inside = true;
                ' '
            }
            '>' if inside => {
                inside = false;
                ' '
            }
            _ if inside => ' ',
            c => c,
        });
        shown.collect()
    });
    let words: Vec<&str> = text.split_whitespace().take(16).collect();
    let words: String = words.join(" ").chars().take(120).collect();
    format!("{words:?}")
}

/// How much was read of how much may be.
struct Budget<'l> {
    limits: &'l Limits,
    series: Cell<usize>,
    samples: Cell<usize>,
    exceeded: Cell<Option<Excess>>,
}

#[derive(Clone, Copy)]
enum Excess {
    Series,
    Samples,
}

impl Excess {
    fn say(self, limits: &Limits) -> String {
        match self {
            Self::Series => format!("more than {} series", limits.series),
            Self::Samples => format!("more than {} samples", limits.samples),
        }
    }
}

impl Budget<'_> {
    fn take<E: serde::de::Error>(&self, what: Excess, number: usize) -> Result<(), E> {
        let (count, most) = match what {
            Excess::Series => (&self.series, self.limits.series),
            Excess::Samples => (&self.samples, self.limits.samples),
        };
        count.set(count.get() + number);
        if count.get() > most {
            self.exceeded.set(Some(what));
            return Err(E::custom("too much"));
        }
        Ok(())
    }
}

#[derive(Default)]
struct Answer {
    status: String,
    error_type: String,
    error: String,
    warnings: Vec<String>,
    infos: Vec<String>,
    partial: bool,
    data: Option<Outcome>,
}

#[derive(Default)]
struct Outcome {
    kind: String,
    series: Vec<Series>,
}

struct Envelope<'b>(&'b Budget<'b>);

impl<'de> DeserializeSeed<'de> for Envelope<'_> {
    type Value = Answer;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Answer, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Envelope<'_> {
    type Value = Answer;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an answer of the Prometheus API")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Answer, A::Error> {
        let mut answer = Answer::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "status" => answer.status = map.next_value()?,
                "errorType" => answer.error_type = map.next_value()?,
                "error" => answer.error = map.next_value()?,
                "warnings" => answer.warnings = map.next_value::<Option<_>>()?.unwrap_or_default(),
                "infos" => answer.infos = map.next_value::<Option<_>>()?.unwrap_or_default(),
                // VictoriaMetrics says so when some of its storage did not answer.
                "isPartial" => answer.partial = map.next_value()?,
                "data" => answer.data = map.next_value_seed(OutcomeSeed(self.0))?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(answer)
    }
}

struct OutcomeSeed<'b>(&'b Budget<'b>);

impl<'de> DeserializeSeed<'de> for OutcomeSeed<'_> {
    type Value = Option<Outcome>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for OutcomeSeed<'_> {
    type Value = Option<Outcome>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the data of an answer")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut outcome = Outcome::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "resultType" => outcome.kind = map.next_value()?,
                "result" => outcome.series = map.next_value_seed(ResultSeed(self.0))?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Some(outcome))
    }
}

/// A list of series; of a scalar or a string, which are lists of other things, nothing.
struct ResultSeed<'b>(&'b Budget<'b>);

impl<'de> DeserializeSeed<'de> for ResultSeed<'_> {
    type Value = Vec<Series>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Series>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ResultSeed<'_> {
    type Value = Vec<Series>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of series")
    }

    fn visit_unit<E>(self) -> Result<Vec<Series>, E> {
        Ok(Vec::new())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<Series>, A::Error> {
        let mut all = Vec::new();
        while let Some(series) = seq.next_element_seed(SeriesSeed(self.0))? {
            all.extend(series);
        }
        Ok(all)
    }
}

struct SeriesSeed<'b>(&'b Budget<'b>);

impl<'de> DeserializeSeed<'de> for SeriesSeed<'_> {
    type Value = Option<Series>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for SeriesSeed<'_> {
    type Value = Option<Series>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a series")
    }

    // The two parts of a scalar or a string.
    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        self.0.take(Excess::Series, 1)?;
        let mut series = Series::default();
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "metric" => series.labels = map.next_value()?,
                "value" => series.samples.push(map.next_value_seed(Counted(self.0, Sample::size))?),
                "values" => series.samples = map.next_value_seed(List(self.0, Sample::size))?,
                "histogram" => series.histograms.push(map.next_value_seed(Counted(self.0, Native::size))?),
                "histograms" => series.histograms = map.next_value_seed(List(self.0, Native::size))?,
                _ => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(Some(series))
    }
}

impl Sample {
    fn size(_: &Self) -> usize {
        1
    }
}

/// From a time and a value, which the API writes as text, so that it can be `NaN`.
impl<'de> Deserialize<'de> for Sample {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pair;
        impl<'de> Visitor<'de> for Pair {
            type Value = Sample;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time and a value")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Sample, A::Error> {
                let short = || A::Error::custom("a sample is a time and a value");
                let at = seq.next_element()?.ok_or_else(short)?;
                let Number(value) = seq.next_element()?.ok_or_else(short)?;
                if seq.next_element::<IgnoredAny>()?.is_some() {
                    return Err(short());
                }
                Ok(Sample { at, value })
            }
        }
        deserializer.deserialize_seq(Pair)
    }
}

struct Number(f64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl Visitor<'_> for Text {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number as text")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Number, E> {
                text.parse().map(Number).map_err(|_| E::custom("a value is a number as text"))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl Native {
    fn size(&self) -> usize {
        1 + self.histogram.buckets.len()
    }
}

/// One thing that counts as so many samples.
struct Counted<'b, T>(&'b Budget<'b>, fn(&T) -> usize);

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for Counted<'_, T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        let one = T::deserialize(deserializer)?;
        self.0.take(Excess::Samples, self.1(&one))?;
        Ok(one)
    }
}

/// A list of such things.
struct List<'b, T>(&'b Budget<'b>, fn(&T) -> usize);

impl<'de, T: Deserialize<'de>> DeserializeSeed<'de> for List<'_, T> {
    type Value = Vec<T>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<T>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de, T: Deserialize<'de>> Visitor<'de> for List<'_, T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of times and values")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
        let mut all = Vec::new();
        while let Some(one) = seq.next_element_seed(Counted(self.0, self.1))? {
            all.push(one);
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests;
