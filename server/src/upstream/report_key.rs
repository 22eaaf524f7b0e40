//! The key of the signatures of the gateway's reports.

use hmac::{Hmac, Mac};
use sha2::Sha512;

/// The fewest characters of a key: shorter ones can be guessed.
const SHORTEST: usize = 16;

/// The key with which the gateway signs. No log shows it.
#[derive(Clone)]
pub(crate) struct ReportKey(Hmac<Sha512>);

impl ReportKey {
    /// # Errors
    ///
    /// The fault in the key, without the key.
    pub(crate) fn new(key: &str) -> Result<Self, String> {
        if key.len() < SHORTEST {
            return Err(format!("the upstream webhook key needs {SHORTEST} characters or more"));
        }
        Hmac::new_from_slice(key.as_bytes()).map(Self).map_err(|error| error.to_string())
    }

    /// Whether a signature, in hexadecimal digits, is that of a body. Compares in constant time.
    pub(crate) fn signed(&self, body: &[u8], signature: &str) -> bool {
        let signature = hex::decode(signature).unwrap_or_default();
        self.0.clone().chain_update(body).verify_slice(&signature).is_ok()
    }
}

impl std::fmt::Debug for ReportKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ReportKey")
    }
}
