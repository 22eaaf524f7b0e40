//! Tokens and what they allow: access to all instances, to one, or to metrics.

use std::collections::HashMap;
use std::fmt;

use hmac::{Hmac, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// The fewest characters of a token: shorter ones can be guessed.
const SHORTEST: usize = 16;

/// The tokens that are accepted, by their digest under a key that only this process knows.
///
/// A token is found by its digest. The time of that depends on digests, which no client can compute, and so reveals
/// nothing about tokens. The digests themselves are compared in constant time.
pub(crate) struct Tokens {
    /// The initial state of a digest, into which the key is hashed already.
    keyed: Hmac<Sha256>,
    scopes: HashMap<u64, Vec<(TokenDigest, Scope)>>,
}

/// Identifies a token without showing it.
pub(crate) type TokenDigest = [u8; 32];

/// Which instances a token is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scope {
    /// All of them.
    Account,
    /// One, by name.
    Instance(String),
    /// None: it is for metrics alone.
    Metrics,
}

impl Scope {
    pub(crate) fn allows(&self, instance: &str) -> bool {
        match self {
            Self::Account => true,
            Self::Instance(name) => name == instance,
            Self::Metrics => false,
        }
    }

    pub(crate) fn allows_metrics(&self) -> bool {
        matches!(self, Self::Account | Self::Metrics)
    }
}

impl Tokens {
    /// An empty set of tokens, with a random key.
    ///
    /// # Errors
    ///
    /// When the system has no random numbers.
    pub(crate) fn new() -> Result<Self, String> {
        let mut key = [0; 64];
        getrandom::fill(&mut key).map_err(|error| format!("no random numbers: {error}"))?;
        Ok(Self { keyed: Hmac::new(&key.into()), scopes: HashMap::new() })
    }

    /// A random token.
    pub(crate) fn random() -> Result<String, String> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).map_err(|error| format!("no random numbers: {error}"))?;
        Ok(hex::encode(bytes))
    }

    /// Adds the tokens of a text: `account TOKEN`, `instance NAME TOKEN` or `metrics TOKEN` in each line; `#` begins a comment
    /// line.
    ///
    /// # Errors
    ///
    /// The number of the line and its fault, without its text.
    pub(crate) fn read(&mut self, lines: &str) -> Result<(), String> {
        for (number, line) in (1..).zip(lines.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (scope, token) = parse(line).ok_or_else(|| {
                format!("tokens, line {number}: no `account TOKEN`, `instance NAME TOKEN` or `metrics TOKEN`")
            })?;
            self.add(token, scope).map_err(|error| format!("tokens, line {number}: {error}"))?;
        }
        Ok(())
    }

    /// Adds one token.
    ///
    /// # Errors
    ///
    /// When it is too short, or exists already.
    pub(crate) fn add(&mut self, token: &str, scope: Scope) -> Result<(), String> {
        if token.len() < SHORTEST {
            return Err(format!("a token needs {SHORTEST} characters or more"));
        }
        let digest = self.digest(token);
        if self.find(&digest).is_some() {
            return Err("the token is there already".to_owned());
        }
        self.scopes.entry(bucket(&digest)).or_default().push((digest, scope));
        Ok(())
    }

    /// The digest and scope of a token, if it is accepted.
    pub(crate) fn scope(&self, token: &str) -> Option<(TokenDigest, &Scope)> {
        let digest = self.digest(token);
        self.find(&digest).map(|scope| (digest, scope))
    }

    /// The instances that tokens name.
    pub(crate) fn instances(&self) -> impl Iterator<Item = &str> {
        self.scopes.values().flatten().filter_map(|(_, scope)| match scope {
            Scope::Account | Scope::Metrics => None,
            Scope::Instance(name) => Some(name.as_str()),
        })
    }

    fn find(&self, digest: &TokenDigest) -> Option<&Scope> {
        let candidates = self.scopes.get(&bucket(digest))?;
        candidates.iter().find(|(known, _)| known.ct_eq(digest).into()).map(|(_, scope)| scope)
    }

    fn digest(&self, token: &str) -> TokenDigest {
        let mut mac = self.keyed.clone();
        mac.update(token.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

/// The first bytes of a digest, which are the key of the lookup.
fn bucket(digest: &TokenDigest) -> u64 {
    digest.first_chunk().copied().map(u64::from_le_bytes).unwrap_or_default()
}

fn parse(line: &str) -> Option<(Scope, &str)> {
    let (kind, rest) = line.split_once(char::is_whitespace)?;
    let rest = rest.trim_start();
    match kind {
        "account" if !rest.contains(char::is_whitespace) => Some((Scope::Account, rest)),
        "metrics" if !rest.contains(char::is_whitespace) => Some((Scope::Metrics, rest)),
        "instance" => {
            let (name, token) = rest.rsplit_once(char::is_whitespace)?;
            Some((Scope::Instance(name.trim_end().to_owned()), token))
        }
        _ => None,
    }
}

/// Shows no token and no digest.
impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use super::{Scope, Tokens};

    #[test]
    fn lines_are_read() {
        let mut tokens = Tokens::new().unwrap();
        let lines =
            "# tokens\n\naccount  0123456789abcdef\n instance my shop fedcba9876543210 \nmetrics aaaabbbbccccdddd";
        tokens.read(lines).unwrap();
        assert_eq!(tokens.scope("0123456789abcdef").unwrap().1, &Scope::Account);
        assert_eq!(tokens.scope("fedcba9876543210").unwrap().1, &Scope::Instance("my shop".to_owned()));
        assert_eq!(tokens.scope("aaaabbbbccccdddd").unwrap().1, &Scope::Metrics);
        assert_eq!(tokens.instances().collect::<Vec<_>>(), ["my shop"]);
        for unknown in ["", "0123456789abcde", "0123456789abcdef ", "0123456789ABCDEF"] {
            assert!(tokens.scope(unknown).is_none(), "{unknown:?}");
        }
    }

    #[test]
    fn a_line_that_is_refused_is_named_and_not_shown() {
        for (lines, expected) in [
            ("account short", "tokens, line 1: a token needs 16 characters or more"),
            ("\naccount", "tokens, line 2: no `account TOKEN`, `instance NAME TOKEN` or `metrics TOKEN`"),
            ("user 0123456789abcdef", "tokens, line 1: no `account TOKEN`, `instance NAME TOKEN` or `metrics TOKEN`"),
            (
                "account a 0123456789abcdef",
                "tokens, line 1: no `account TOKEN`, `instance NAME TOKEN` or `metrics TOKEN`",
            ),
            (
                "instance 0123456789abcdef",
                "tokens, line 1: no `account TOKEN`, `instance NAME TOKEN` or `metrics TOKEN`",
            ),
            ("account 0123456789abcdef\ninstance a 0123456789abcdef", "tokens, line 2: the token is there already"),
        ] {
            assert_eq!(Tokens::new().unwrap().read(lines).unwrap_err(), expected);
        }
    }

    #[test]
    fn debug_shows_no_token() {
        let mut tokens = Tokens::new().unwrap();
        tokens.read("account 0123456789abcdef").unwrap();
        assert_eq!(format!("{tokens:?}"), "Tokens { .. }");
    }

    #[test]
    fn random_tokens_differ() {
        let (one, other) = (Tokens::random().unwrap(), Tokens::random().unwrap());
        assert_ne!(one, other);
        assert_eq!(one.len(), 32);
    }
}
