//! The remote write protocol (version 0.1.0), as far as tests need it: its protobuf messages
//! (`prometheus/prometheus`, prompb/types.proto) written by hand, in a snappy block without compression.

/// A series with its samples, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Series {
    labels: Vec<(String, String)>,
    samples: Vec<(i64, f64)>,
    histograms: Vec<(i64, Native)>,
}

/// A native histogram's state: all observations since its start.
#[derive(Debug, Clone, Default)]
pub struct Native {
    /// The resolution: bounds are powers of `2^(2^-schema)`.
    pub schema: i32,
    /// The sum of the observations.
    pub sum: f64,
    /// Observations around zero.
    pub zero: u64,
    /// The number of the first bucket; bucket 1 is `(1, base]`.
    pub first: i32,
    /// Observations in it and in the next ones.
    pub buckets: Vec<u64>,
}

impl Series {
    /// A series by the name of its metric and its labels.
    pub fn new(name: &str, labels: &[(&str, &str)]) -> Self {
        let mut labels: Vec<_> = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        labels.push(("__name__".to_owned(), name.to_owned()));
        labels.sort();
        Self { labels, ..Self::default() }
    }

    /// Adds a sample at a time in seconds since 1970.
    pub fn at(mut self, seconds: i64, value: f64) -> Self {
        self.samples.push((seconds * 1000, value));
        self
    }

    /// Adds samples from a time on, one each so many seconds.
    pub fn each(mut self, from: i64, every: i64, values: impl IntoIterator<Item = f64>) -> Self {
        for (step, value) in (0..).zip(values) {
            self.samples.push(((from + every * step) * 1000, value));
        }
        self
    }

    /// Adds a native histogram at a time in seconds since 1970.
    pub fn native(mut self, seconds: i64, histogram: Native) -> Self {
        self.histograms.push((seconds * 1000, histogram));
        self
    }
}

/// The body of a write.
pub fn encode(series: &[Series]) -> Vec<u8> {
    let mut request = Message::default();
    for one in series {
        request.message(1, &timeseries(one));
    }
    snappy(&request.0)
}

fn timeseries(series: &Series) -> Message {
    let mut message = Message::default();
    for (name, value) in &series.labels {
        let mut label = Message::default();
        label.bytes(1, name.as_bytes());
        label.bytes(2, value.as_bytes());
        message.message(1, &label);
    }
    for (at, value) in &series.samples {
        let mut sample = Message::default();
        sample.double(1, *value);
        sample.integer(2, *at as u64);
        message.message(2, &sample);
    }
    for (at, native) in &series.histograms {
        let mut histogram = Message::default();
        histogram.integer(1, native.zero + native.buckets.iter().sum::<u64>());
        histogram.double(3, native.sum);
        histogram.integer(4, zigzag(native.schema.into()));
        histogram.double(5, 1e-128);
        histogram.integer(6, native.zero);
        if !native.buckets.is_empty() {
            let mut span = Message::default();
            span.integer(1, zigzag(native.first.into()));
            span.integer(2, native.buckets.len() as u64);
            histogram.message(11, &span);
            let (mut deltas, mut before) = (Vec::new(), 0);
            for count in &native.buckets {
                varint(&mut deltas, zigzag(*count as i64 - before));
                before = *count as i64;
            }
            histogram.bytes(12, &deltas);
        }
        histogram.integer(15, *at as u64);
        message.message(4, &histogram);
    }
    message
}

#[derive(Debug, Default)]
struct Message(Vec<u8>);

impl Message {
    fn integer(&mut self, field: u64, value: u64) {
        varint(&mut self.0, field << 3);
        varint(&mut self.0, value);
    }

    fn double(&mut self, field: u64, value: f64) {
        varint(&mut self.0, field << 3 | 1);
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn bytes(&mut self, field: u64, bytes: &[u8]) {
        varint(&mut self.0, field << 3 | 2);
        varint(&mut self.0, bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    fn message(&mut self, field: u64, message: &Self) {
        self.bytes(field, &message.0);
    }
}

fn varint(into: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        into.push(value as u8 | 0x80);
        value >>= 7;
    }
    into.push(value as u8);
}

fn zigzag(value: i64) -> u64 {
    (value << 1 ^ value >> 63) as u64
}

/// A block of literals only.
fn snappy(bytes: &[u8]) -> Vec<u8> {
    let mut block = Vec::with_capacity(bytes.len() + 16);
    varint(&mut block, bytes.len() as u64);
    for literal in bytes.chunks(1 << 16) {
        // A literal whose length, less one, follows in two bytes.
        block.push(61 << 2);
        block.extend_from_slice(&((literal.len() - 1) as u16).to_le_bytes());
        block.extend_from_slice(literal);
    }
    block
}
