//! Unloading instances that are not in use.

use std::time::{Duration, Instant};

use crate::model::error::{Error, Result};
use crate::store::instances::Shared;

impl Shared {
    /// Unloads all instances that were not used for this time. Returns their names.
    pub(super) fn unload_idle(&self, time: Duration) -> Result<Vec<String>> {
        let now = Instant::now();
        let mut idle = self.instances.lock().all();
        idle.retain(|instance| instance.is_idle(now, time));
        if idle.is_empty() {
            return Ok(Vec::new());
        }
        // One sync for all of them.
        self.flush()?;
        let mut unloaded = Vec::new();
        for instance in idle {
            match self.unload(&instance, "idle") {
                Ok(true) => unloaded.push(instance.name.to_string()),
                // Another thread unloaded or removed it, or uses it again.
                Ok(false) | Err(Error::InstanceInUse { .. } | Error::UnknownInstance { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(unloaded)
    }

    /// Unloads idle instances periodically, as the options say.
    pub(super) fn unload_until_stopped(&self) {
        /// The interval is a quarter of the idle time, within these bounds.
        const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(60));
        let Some(time) = self.unload_after else { return };
        let pause = (time / 4).clamp(PAUSES.0, PAUSES.1);
        while !self.signal.is_stopped_within(pause) {
            // The next write reports that the store failed.
            let _reported = self.unload_idle(time);
        }
    }
}
