//! A line of the log as JSON. Own, because `tracing-subscriber` writes a line in many small pieces and reads the fields
//! of the span back from text for each: that was a fifth of all that a small request costs beside the database.
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use std::{fmt, time::SystemTime};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
    span::Record,
};
use tracing_log::NormalizeEvent;
use tracing_subscriber::{
    field::RecordFields,
    fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields, format::Writer},
    registry::LookupSpan,
};

/// `{"timestamp": …, "level": …, "message": …, the event's fields, "target": …, "span": {its fields, "name": …}}`
pub struct Line;

impl<S: Subscriber + for<'a> LookupSpan<'a>, N: for<'a> FormatFields<'a> + 'static> FormatEvent<S, N> for Line {
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let normalized = event.normalized_metadata();
        let metadata = normalized.as_ref().unwrap_or_else(|| event.metadata());
        let at = DateTime::<Utc>::from(SystemTime::now()).to_rfc3339_opts(SecondsFormat::Micros, true);
        write!(writer, r#"{{"timestamp":"{at}","level":"{}""#, metadata.level())?;
        let mut fields = Fields::after_others();
        event.record(&mut fields);
        fields.put("target", metadata.target());
        fields.write(&mut writer)?;
        let span = event.parent().and_then(|id| context.span(id)).or_else(|| context.lookup_current());
        if let Some(span) = span {
            let extensions = span.extensions();
            let said = extensions.get::<FormattedFields<N>>().map_or("", |f| f.fields.as_str());
            let comma = if said.is_empty() { "" } else { "," };
            write!(writer, r#","span":{{{said}{comma}"name":"{}"}}"#, span.name())?;
        }
        writer.write_str("}\n")
    }
}
/// Fields of spans, as they will stand in each line.
impl<'w> FormatFields<'w> for Line {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'w>, source: R) -> fmt::Result {
        let mut fields = Fields::default();
        source.record(&mut fields);
        fields.write(&mut writer)
    }
    fn add_fields(&self, current: &'w mut FormattedFields<Self>, source: &Record<'_>) -> fmt::Result {
        let mut fields = if current.fields.is_empty() { Fields::default() } else { Fields::after_others() };
        source.record(&mut fields);
        fields.write(&mut current.as_writer())
    }
}

/// Fields of an object, without its braces.
#[derive(Default)]
struct Fields {
    text: Vec<u8>,
    begun: bool,
}
impl Fields {
    fn after_others() -> Self {
        Fields { text: Vec::with_capacity(160), begun: true }
    }
    fn put(&mut self, name: &str, value: impl Serialize) {
        if name.starts_with("log.") {
            return; // where a record of the `log` crate was made: its level and target are in the metadata
        }
        if std::mem::replace(&mut self.begun, true) {
            self.text.push(b',');
        }
        let whole = self.text.len();
        let mut put = || -> serde_json::Result<()> {
            serde_json::to_writer(&mut self.text, name)?;
            self.text.push(b':');
            serde_json::to_writer(&mut self.text, &value)
        };
        if put().is_err() {
            self.text.truncate(whole); // what is written into memory does not fail
        }
    }
    fn write(&self, writer: &mut Writer<'_>) -> fmt::Result {
        writer.write_str(std::str::from_utf8(&self.text).map_err(|_| fmt::Error)?)
    }
}
impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field.name(), value);
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field.name(), value);
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field.name(), value);
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field.name(), value);
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field.name(), value);
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field.name().strip_prefix("r#").unwrap_or(field.name()), format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);
    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("is not poisoned").extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    fn lines(say: impl FnOnce()) -> Vec<serde_json::Value> {
        let kept = Kept::default();
        let writer = kept.clone();
        let subscriber = tracing_subscriber::fmt().event_format(Line).fmt_fields(Line).with_writer(move || writer.clone()).finish();
        tracing::subscriber::with_default(subscriber, say);
        let text = String::from_utf8(kept.0.lock().expect("is not poisoned").clone()).expect("is text");
        text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
    }

    #[test]
    fn a_line_is_one_object_with_its_span() {
        let said = lines(|| {
            let span = tracing::info_span!("request", request_id = %"a\"b", late = tracing::field::Empty);
            let _within = span.enter();
            span.record("late", 7);
            tracing::warn!(status = 200u16, ms = 1.5, nan = f64::NAN, error = %"line\nbreak", kind = ?Some(1), done = true, "it \"went\" well");
        });
        assert_eq!(said.len(), 1);
        let mut line = said[0].clone();
        assert!(line["timestamp"].take().as_str().is_some_and(|t| t.parse::<chrono::DateTime<chrono::Utc>>().is_ok()));
        let expected = serde_json::json!({
            "timestamp": null, "level": "WARN", "message": "it \"went\" well", "status": 200, "ms": 1.5, "nan": null,
            "error": "line\nbreak", "kind": "Some(1)", "done": true, "target": "api::telemetry::line::tests",
            "span": {"request_id": "a\"b", "late": 7, "name": "request"},
        });
        assert_eq!(line, expected);
    }
    #[test]
    fn without_a_span_there_is_none_and_an_empty_one_has_its_name() {
        let said = lines(|| {
            tracing::info!("alone");
            tracing::info_span!("bare").in_scope(|| tracing::info!("within"));
        });
        assert_eq!((&said[0]["message"], said[0].get("span")), (&"alone".into(), None));
        assert_eq!(said[1]["span"], serde_json::json!({"name": "bare"}));
    }
}
