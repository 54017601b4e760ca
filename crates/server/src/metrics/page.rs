//! The page being written: a metric is its name, its unit, its help and its values.

use std::fmt;

use prometheus_client::{
    encoding::{
        DescriptorEncoder, EncodeCounterValue, EncodeGaugeValue, EncodeLabelSet, MetricEncoder, NoLabelSet,
    },
    metrics::MetricType,
    registry::Unit,
};
use wharf_core::meter::{Counter, Durations, Spread};

/// A metric before it has values. The unit, and `_total` of a counter, are put behind the name.
pub(super) struct Metric {
    name: &'static str,
    help: &'static str,
    unit: Option<Unit>,
}

/// A metric without a unit: a number of things.
pub(super) const fn number(name: &'static str, help: &'static str) -> Metric {
    Metric { name, help, unit: None }
}

/// A metric in bytes.
pub(super) const fn bytes(name: &'static str, help: &'static str) -> Metric {
    Metric { name, help, unit: Some(Unit::Bytes) }
}

/// A metric in seconds.
pub(super) const fn seconds(name: &'static str, help: &'static str) -> Metric {
    Metric { name, help, unit: Some(Unit::Seconds) }
}

/// One label and its value.
pub(super) type Label = [(&'static str, &'static str); 1];

/// How many microseconds are a second.
const MICROSECONDS: f64 = 1e6;

/// The page.
pub(super) struct Page<'a>(pub(super) DescriptorEncoder<'a>);

impl Page<'_> {
    /// What only grows.
    pub(super) fn counter(&mut self, metric: &Metric, value: impl EncodeCounterValue) -> fmt::Result {
        let mut encoder = self.begin(metric, MetricType::Counter)?;
        encoder.encode_counter::<NoLabelSet, _, f64>(&value, None)
    }

    /// The same, once for each label.
    pub(super) fn counters<L: EncodeLabelSet>(
        &mut self,
        metric: &Metric,
        rows: impl IntoIterator<Item = (L, u64)>,
    ) -> fmt::Result {
        let mut encoder = self.begin(metric, MetricType::Counter)?;
        for (labels, value) in rows {
            encoder.encode_family(&labels)?.encode_counter::<NoLabelSet, _, f64>(&value, None)?;
        }
        Ok(())
    }

    /// Counters of one label: its name, and each value of it with what it counts.
    pub(super) fn counted(
        &mut self,
        metric: &Metric,
        label: &'static str,
        rows: &[(&'static str, &Counter)],
    ) -> fmt::Result {
        self.counters(metric, rows.iter().map(|(value, counter)| ([(label, *value)], counter.value())))
    }

    /// What goes up and down.
    pub(super) fn gauge(&mut self, metric: &Metric, value: impl EncodeGaugeValue) -> fmt::Result {
        self.begin(metric, MetricType::Gauge)?.encode_gauge(&value)
    }

    /// The same, once for each label.
    pub(super) fn gauges<L: EncodeLabelSet, V: EncodeGaugeValue>(
        &mut self,
        metric: &Metric,
        rows: impl IntoIterator<Item = (L, V)>,
    ) -> fmt::Result {
        let mut encoder = self.begin(metric, MetricType::Gauge)?;
        for (labels, value) in rows {
            encoder.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    /// How long things took.
    pub(super) fn durations(&mut self, metric: &Metric, durations: &Durations) -> fmt::Result {
        histogram(self.begin(metric, MetricType::Histogram)?, &durations.spread(), MICROSECONDS)
    }

    /// The same, once for each label.
    pub(super) fn labelled_durations<L: EncodeLabelSet>(
        &mut self,
        metric: &Metric,
        rows: impl IntoIterator<Item = (L, Spread)>,
    ) -> fmt::Result {
        let mut encoder = self.begin(metric, MetricType::Histogram)?;
        for (labels, spread) in rows {
            histogram(encoder.encode_family(&labels)?, &spread, MICROSECONDS)?;
        }
        Ok(())
    }

    /// How whole numbers are spread.
    pub(super) fn spread(&mut self, metric: &Metric, spread: &Spread) -> fmt::Result {
        histogram(self.begin(metric, MetricType::Histogram)?, spread, 1.0)
    }

    /// What a thing is, as labels of a metric that is always 1.
    pub(super) fn info(&mut self, metric: &Metric, labels: &impl EncodeLabelSet) -> fmt::Result {
        self.begin(metric, MetricType::Info)?.encode_info(labels)
    }

    fn begin<'s>(
        &'s mut self,
        metric: &'s Metric,
        kind: MetricType,
    ) -> Result<MetricEncoder<'s>, fmt::Error> {
        self.0.encode_descriptor(metric.name, metric.help, metric.unit.as_ref(), kind)
    }
}

#[expect(clippy::cast_precision_loss, reason = "a sum that needs more than 53 bits may lose its last ones")]
fn histogram(mut encoder: MetricEncoder<'_>, spread: &Spread, per_unit: f64) -> fmt::Result {
    let bounds = spread.bounds.iter().map(|bound| *bound as f64 / per_unit).chain([f64::INFINITY]);
    let buckets: Vec<(f64, u64)> = bounds.zip(spread.counts.iter().copied()).collect();
    let count = spread.counts.iter().sum();
    encoder.encode_histogram::<NoLabelSet>(spread.sum as f64 / per_unit, count, &buckets, None)
}
