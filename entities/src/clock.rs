//! Time is passed in: the system's clock in the hub, a hand-set one in tests.
use chrono::{DateTime, SubsecRound, Utc};
use std::sync::{Arc, Mutex};

/// Tells the instant in whole seconds: one fixed text form, equal on both databases. Inside a second the order is
/// that of the ids.
#[derive(Clone, Default)]
pub struct Clock(Option<Arc<Mutex<DateTime<Utc>>>>);
impl Clock {
    pub fn system() -> Self {
        Clock(None)
    }
    /// Stands still until it is set.
    pub fn fixed(at: DateTime<Utc>) -> Self {
        Clock(Some(Arc::new(Mutex::new(at))))
    }
    pub fn set(&self, at: DateTime<Utc>) {
        if let Some(hand) = &self.0 {
            *hand.lock().unwrap_or_else(|e| e.into_inner()) = at;
        }
    }
    pub fn now(&self) -> DateTime<Utc> {
        match &self.0 {
            None => Utc::now().trunc_subsecs(0),
            Some(hand) => *hand.lock().unwrap_or_else(|e| e.into_inner()),
        }
    }
}
