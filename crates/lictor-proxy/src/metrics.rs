//! How is it going? Counters for Prometheus, labelled from the table and never from what callers send.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    operation: &'static str,
    status: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ReasonLabels {
    reason: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WithinLabels {
    within: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

/// How long before their end keys are counted, in seconds. Never by name: labels are for everybody who may scrape.
const WITHIN: [(&str, i64); 2] = [("14d", 14 * 86_400), ("3d", 3 * 86_400)];

/// What of our TLS comes to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ending {
    /// Our certificate.
    Certificate,
    /// The revocation list that is due first.
    Crl,
    /// That of the CAs that vouch for certificates in a proxy's header.
    PassedCrl,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EndingLabels {
    of: &'static str,
}

/// What is counted.
pub struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    refusals: Family<ReasonLabels, Counter>,
    seconds: Histogram,
    expiring: Family<WithinLabels, Gauge>,
    tls_expires: Family<EndingLabels, Gauge>,
    /// Times that changed certificate files could not be used, so that the last good ones stayed.
    pub tls_reload_failures: Counter,
    /// Times that no certificate could be had from the certificate authority.
    pub acme_failures: Counter,
    upstreams: Family<StateLabels, Gauge>,
    /// Websockets open now.
    pub sockets: Gauge,
    /// Connections open now.
    pub connections: Gauge,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("lictor");
        let requests = Family::default();
        let refusals = Family::default();
        let seconds = Histogram::new([0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0]);
        let (sockets, connections) = (Gauge::default(), Gauge::default());
        registry.register("requests", "Requests answered, by operation and status class", requests.clone());
        registry.register("refusals", "Requests and sockets refused, by reason", refusals.clone());
        registry.register("request_seconds", "Time to the head of the answer", seconds.clone());
        let (tls_expires, tls_reload_failures) = (Family::default(), Counter::default());
        registry.register("tls_expires_at_seconds", "When it comes to its end, in Unix time", tls_expires.clone());
        registry.register("tls_reload_failures", "Changed certificate files not usable", tls_reload_failures.clone());
        let acme_failures = Counter::default();
        registry.register("acme_failures", "Certificates that could not be had by ACME", acme_failures.clone());
        registry.register("sockets_open", "Websockets open", sockets.clone());
        registry.register("connections_open", "Client connections open", connections.clone());
        let expiring = Family::default();
        let help = "API keys in use that end within this time and have no successor";
        registry.register("keys_expiring", help, expiring.clone());
        let upstreams = Family::default();
        registry.register("upstreams", "Prefect Servers, all replicas, by state as last found", upstreams.clone());
        Self {
            upstreams,
            registry,
            requests,
            refusals,
            seconds,
            expiring,
            tls_expires,
            tls_reload_failures,
            acme_failures,
            sockets,
            connections,
        }
    }
}

impl Metrics {
    /// Counts an answered request.
    pub fn request(&self, operation: &'static str, status: u16, seconds: f64) {
        self.requests.get_or_create(&RequestLabels { operation, status: class(status) }).inc();
        self.seconds.observe(seconds);
    }

    /// Counts a refusal.
    pub fn refusal(&self, reason: lictor_model::Reason) {
        self.refusals.get_or_create(&ReasonLabels { reason: reason.code() }).inc();
    }

    /// Counts the keys that end soon, each time anew.
    pub fn keys_expiring(&self, count: impl Fn(i64) -> usize) {
        for (within, seconds) in WITHIN {
            let counted = i64::try_from(count(seconds)).unwrap_or(i64::MAX);
            self.expiring.get_or_create(&WithinLabels { within }).set(counted);
        }
    }

    /// Tells how many upstreams answer. Never by name: labels are for everybody who may scrape.
    pub fn upstreams(&self, well: usize, out: usize) {
        for (state, count) in [("up", well), ("down", out)] {
            let labels = StateLabels { state };
            self.upstreams.get_or_create(&labels).set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// Tells when a part of our TLS comes to its end.
    pub fn tls_expires(&self, what: Ending, at: lictor_model::Timestamp) {
        let of = match what {
            Ending::Certificate => "certificate",
            Ending::Crl => "crl",
            Ending::PassedCrl => "passed_crl",
        };
        self.tls_expires.get_or_create(&EndingLabels { of }).set(at.as_micros().div_euclid(1_000_000));
    }

    /// The OpenMetrics text.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = String::new();
        // Writing into a String cannot fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        text
    }
}

const fn class(status: u16) -> &'static str {
    match status {
        100..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        _ => "5xx",
    }
}
