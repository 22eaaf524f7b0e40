//! One address to which events are posted.

use std::error::Error;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::header::CONTENT_TYPE;
use reqwest::{Client, StatusCode, Url};
use tokio::sync::Semaphore;

use crate::follow::Verdict;
use crate::webhooks::key::Key;

/// How long one attempt may take.
const TIME_LIMIT: Duration = Duration::from_secs(10);
/// Instances whose events are posted at the same time.
const AT_ONCE: usize = 32;

/// An address, and the key of the signatures.
#[derive(Debug)]
pub(crate) struct Receiver {
    client: Client,
    url: Url,
    origin: String,
    address: String,
    key: Key,
    at_once: Semaphore,
}

impl Receiver {
    /// # Errors
    ///
    /// When the address is not one of HTTP, or when there can be no client.
    pub(crate) fn new(url: Url, key: Key) -> Result<Self, String> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("a webhook needs an address of http or https, not of {}", url.scheme()));
        }
        let client = Client::builder().timeout(TIME_LIMIT).redirect(reqwest::redirect::Policy::none());
        let client = client.build().map_err(|error| format!("no client for webhooks: {error}"))?;
        let origin = url.origin().ascii_serialization();
        let address = format!("{origin}{}", url.path());
        Ok(Self { client, url, origin, address, key, at_once: Semaphore::new(AT_ONCE) })
    }

    /// The address without path and query, which may be secret: for logs.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// The address without query and password: for files that only the operator reads.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Posts a delivery once. The headers are those of the specification Standard Webhooks: an identifier, which is the same
    /// whenever the delivery is posted again, the time of this attempt, and an HMAC with SHA-256 over both and the body.
    pub(crate) async fn post(&self, id: &str, body: &str) -> Verdict {
        // Never closed.
        let _permit = self.at_once.acquire().await;
        let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs().to_string();
        let request = self.client.post(self.url.clone()).header(CONTENT_TYPE, "application/json");
        let request = request.header("webhook-id", id).header("webhook-timestamp", &time);
        let signed = request.header("webhook-signature", self.key.sign(id, &time, body)).body(body.to_owned());
        let status = match signed.send().await {
            Ok(response) => response.status(),
            Err(error) => return Verdict::NotNow(causes(&error.without_url())),
        };
        match status {
            status if status.is_success() => Verdict::Taken,
            // These statuses refuse the delivery itself. Others may come from a receiver that is being set up, or a
            // proxy before it.
            StatusCode::BAD_REQUEST
            | StatusCode::PAYLOAD_TOO_LARGE
            | StatusCode::UNSUPPORTED_MEDIA_TYPE
            | StatusCode::UNPROCESSABLE_ENTITY => Verdict::Refused(status.to_string()),
            status => Verdict::NotNow(status.to_string()),
        }
    }
}

/// An error with its causes, since its own text says only that a request failed.
fn causes(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
