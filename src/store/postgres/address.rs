//! The address of a database, and its text without the password.

use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::Host;

use crate::model::error::{Error, Result};

/// What a URL begins with.
const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

/// How long a server may take to answer the first packet, if the URL does not say.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// The address of a database. Holds the password, so it has no `Debug`.
pub(super) struct Address {
    pub(super) config: Config,
    /// Hosts and database, for messages.
    pub(super) shown: String,
}

impl Address {
    /// # Errors
    ///
    /// [`Error::InvalidStoreUrl`], without what may be a password.
    pub(super) fn parse(url: &str) -> Result<Self> {
        let refused = |what: &str| Error::InvalidStoreUrl { value: without_secrets(url), what: what.to_owned() };
        if !SCHEMES.iter().any(|scheme| url.starts_with(scheme)) {
            return Err(refused("it does not begin with postgres:// or postgresql://"));
        }
        let mut config: Config = url.parse().map_err(|error| refused(&whole_text(&error)))?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(refused("it names no host"));
        }
        if config.get_user().is_none_or(str::is_empty) {
            return Err(refused("it names no user"));
        }
        let database = config.get_dbname().ok_or_else(|| refused("it names no database"))?.to_owned();
        let hosts = config.get_hosts().iter().map(|host| match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(path) => path.display().to_string(),
        });
        let shown = format!("postgres://{}/{database}", hosts.collect::<Vec<_>>().join(","));
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        if config.get_application_name().is_none() {
            config.application_name("label-index");
        }
        Ok(Self { config, shown })
    }
}

/// The parts of the URL that cannot hold a password: the scheme, and hosts and database without parameters.
fn without_secrets(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else { return "…".to_owned() };
    let scheme =
        if scheme.len() <= 16 && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric()) { scheme } else { "…" };
    match rest.rsplit_once('@') {
        Some((_, behind)) => {
            let place = behind.split(['?', '#']).next().unwrap_or_default();
            Error::excerpt(&format!("{scheme}://…@{place}"))
        }
        // Without `@` any part may be the password.
        None => format!("{scheme}://…"),
    }
}

/// The text of an error with those of its causes.
pub(super) fn whole_text(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let said = next.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = next.source();
    }
    text
}

#[cfg(test)]
mod tests {
    #![expect(clippy::panic, reason = "a test that cannot go on has failed")]

    use super::Address;
    use crate::model::error::Error;

    #[test]
    fn a_url_that_is_wrong_in_any_part_is_refused_without_its_password() {
        for (url, said) in [
            ("", "begin"),
            ("/var/lib/labels", "begin"),
            ("mysql://app:s3cret@db/labels", "begin"),
            ("postgres://", "host"),
            ("postgres://app:s3cret@/labels", "host"),
            ("postgres://:s3cret@db/labels", "user"),
            ("postgres://app:s3cret@db", "database"),
            ("postgres://app:s3cret@db:port/labels", "port"),
            ("postgres://app:s3cret@db/labels?sslmode=sometimes", "sslmode"),
            ("postgres://app:s3cret@db/labels?pasword=s3cret", "pasword"),
            ("postgres://app:%zz@db/labels?connect_timeout=s3cret", ""),
        ] {
            let refused = match Address::parse(url) {
                Err(error @ Error::InvalidStoreUrl { .. }) => error,
                Err(other) => panic!("{url}: {other}"),
                Ok(address) => panic!("{url}: taken as {}", address.shown),
            };
            let text = format!("{refused} {refused:?}");
            assert!(text.contains(said), "{text:?} does not say {said:?}");
            assert!(!text.contains("s3cret"), "{text}");
        }
    }

    #[test]
    fn what_is_shown_of_an_address_has_no_user_and_no_password() {
        for (url, shown) in [
            ("postgres://app:s3cret@db.example:5433/labels?sslmode=require", "postgres://db.example/labels"),
            ("postgresql://app@one,two/labels", "postgres://one,two/labels"),
            ("postgres://app@%2Frun%2Fpostgresql/labels", "postgres:///run/postgresql/labels"),
        ] {
            assert_eq!(Address::parse(url).map(|address| address.shown), Ok(shown.to_owned()));
        }
    }
}
