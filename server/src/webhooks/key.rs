//! The key of the signatures of deliveries.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, Mac};
use sha2::Sha256;

/// The fewest characters of a secret: shorter ones can be guessed.
const SHORTEST: usize = 16;
/// The prefix of a secret whose bytes are given in Base64.
const ENCODED: &str = "whsec_";

/// The key of signatures. No log shows it.
#[derive(Clone)]
pub(crate) struct Key(Hmac<Sha256>);

impl Key {
    /// The key of a secret: `whsec_` and bytes in Base64, or any text, whose bytes are taken as they are.
    ///
    /// # Errors
    ///
    /// The fault in the secret, without the secret.
    pub(crate) fn new(secret: &str) -> Result<Self, String> {
        let bytes = match secret.strip_prefix(ENCODED) {
            Some(encoded) => {
                BASE64_STANDARD.decode(encoded).map_err(|_| "the webhook secret is no Base64".to_owned())?
            }
            None => secret.as_bytes().to_vec(),
        };
        if bytes.len() < SHORTEST {
            return Err(format!("the webhook secret needs {SHORTEST} characters or more"));
        }
        Hmac::new_from_slice(&bytes).map(Self).map_err(|error| error.to_string())
    }

    /// A signature in the form of the specification Standard Webhooks.
    pub(crate) fn sign(&self, id: &str, time: &str, body: &str) -> String {
        let mac = self.0.clone().chain_update(id).chain_update(".").chain_update(time).chain_update(".");
        format!("v1,{}", BASE64_STANDARD.encode(mac.chain_update(body).finalize().into_bytes()))
    }
}

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key")
    }
}
