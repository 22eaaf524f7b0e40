//! The limit of requests for each token.

use std::num::NonZeroU32;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::failure::{Answered, Failure};
use crate::tokens::TokenDigest;

/// A limit of requests a minute for each token, which are replenished evenly. There are no more keys than tokens.
#[derive(Debug)]
pub(crate) struct Rate {
    limiter: Option<DefaultKeyedRateLimiter<TokenDigest>>,
    clock: DefaultClock,
}

impl Rate {
    /// Allows `requests` requests a minute; `None` for any number.
    pub(crate) fn per_minute(requests: Option<NonZeroU32>) -> Self {
        let limiter = requests.map(|requests| RateLimiter::keyed(Quota::per_minute(requests)));
        Self { limiter, clock: DefaultClock::default() }
    }

    /// Counts a request.
    ///
    /// # Errors
    ///
    /// 429, with the seconds after which one request is allowed again.
    pub(crate) fn count(&self, token: &TokenDigest) -> Answered<()> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        limiter.check_key(token).map_err(|refused| {
            let wait = refused.wait_time_from(self.clock.now());
            Failure::too_many_requests(wait.as_secs() + 1)
        })
    }
}
