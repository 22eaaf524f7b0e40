//! Kinds of errors, by which a host decides what to do, and their codes, which never change.

use std::fmt;

use crate::model::error::Error;

/// The kind of an error: how its caller can respond. See [`Error::kind`].
///
/// As the status of a response over HTTP:
///
/// | kind | status | what to do |
/// | --- | --- | --- |
/// | [`Invalid`](Self::Invalid) | 400 Bad Request | correct the request; the error names the value |
/// | [`NotFound`](Self::NotFound) | 404 Not Found | |
/// | [`Conflict`](Self::Conflict) | 409 Conflict | look at what is there now, and ask again |
/// | [`TooLarge`](Self::TooLarge) | 413 Content Too Large | ask for less at a time |
/// | [`Unavailable`](Self::Unavailable) | 503 Service Unavailable | try again later; tell the operator |
/// | [`Damaged`](Self::Damaged) | 500 Internal Server Error | tell the operator, who restores a backup |
/// | [`Internal`](Self::Internal) | 500 Internal Server Error | report it: it is a bug of this crate |
///
/// [`Display`](fmt::Display) gives the kind as a word, such as `not_found`.
///
/// # Examples
///
/// ```
/// use label_index::{Error, ErrorKind, LabelIndex};
///
/// fn status(error: &Error) -> u16 {
///     match error.kind() {
///         ErrorKind::Invalid => 400,
///         ErrorKind::NotFound => 404,
///         ErrorKind::Conflict => 409,
///         ErrorKind::TooLarge => 413,
///         ErrorKind::Unavailable => 503,
///         _ => 500,
///     }
/// }
///
/// let error = LabelIndex::new().link("7", "ana@c.us").unwrap_err();
/// assert_eq!((status(&error), error.code()), (404, "unknown_label"));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum ErrorKind {
    /// What was given can never be accepted.
    Invalid,
    /// The named thing does not exist.
    NotFound,
    /// The request conflicts with what exists, or with what others are doing at the moment.
    Conflict,
    /// More was asked for, or would be kept, than may be.
    TooLarge,
    /// The store, or the disk or database under it, does not work at the moment.
    Unavailable,
    /// The stored data is not what was written.
    Damaged,
    /// A bug of this crate.
    Internal,
}

/// Lists each variant of [`Error`] once, with its kind and its code.
macro_rules! errors {
    ($($variant:ident: $kind:ident, $code:literal;)+) => {
        /// Every code.
        #[cfg(test)]
        const CODES: &[&str] = &["batch_refused", "import_refused", $($code),+];

        impl Error {
            /// The kind of the error. A refused batch or import has the kind of its cause.
            pub fn kind(&self) -> ErrorKind {
                match self {
                    Self::BatchRefused { cause, .. } | Self::ImportRefused { cause, .. } => cause.kind(),
                    $(Self::$variant { .. } => ErrorKind::$kind,)+
                }
            }

            /// The name of the error for programs that read responses and logs, such as `unknown_label`. It stays the
            /// same in later versions, whatever becomes of the text.
            pub fn code(&self) -> &'static str {
                match self {
                    Self::BatchRefused { .. } => "batch_refused",
                    Self::ImportRefused { .. } => "import_refused",
                    $(Self::$variant { .. } => $code,)+
                }
            }
        }
    };
}

errors! {
    InvalidLabelId: Invalid, "invalid_label_id";
    InvalidChatId: Invalid, "invalid_chat_id";
    InvalidPhone: Invalid, "invalid_phone";
    InvalidLabelName: Invalid, "invalid_label_name";
    UnknownLabel: NotFound, "unknown_label";
    NameRequired: Invalid, "name_required";
    LabelIdsExhausted: TooLarge, "label_ids_exhausted";
    LimitExceeded: TooLarge, "limit_exceeded";
    BadCursor: Invalid, "bad_cursor";
    ForeignCursor: Invalid, "foreign_cursor";
    MisplacedCursor: Invalid, "misplaced_cursor";
    LostCursor: Conflict, "lost_cursor";
    BadPosition: Invalid, "bad_position";
    RefreshInProgress: Conflict, "refresh_in_progress";
    TicketCancelled: Conflict, "ticket_cancelled";
    RefreshGivenUp: Unavailable, "refresh_given_up";
    EmptyRefresh: Conflict, "empty_refresh";
    ForeignToken: Invalid, "foreign_token";
    InstanceNameRequired: Invalid, "instance_name_required";
    InvalidInstanceName: Invalid, "invalid_instance_name";
    UnknownInstance: NotFound, "unknown_instance";
    InstanceExists: Conflict, "instance_exists";
    InstanceInUse: Conflict, "instance_in_use";
    StorePathRequired: Invalid, "store_path_required";
    UnknownStore: NotFound, "unknown_store";
    StoreInUse: Unavailable, "store_in_use";
    StoreClosed: Unavailable, "store_closed";
    InvalidStoreUrl: Invalid, "invalid_store_url";
    DatabaseRefused: Unavailable, "database_refused";
    Unavailable: Unavailable, "unavailable";
    Unsupported: Invalid, "unsupported";
    StoreFailed: Unavailable, "store_failed";
    Damaged: Damaged, "damaged";
    UnknownFormat: Invalid, "unknown_format";
    InvalidExport: Invalid, "invalid_export";
    Stream: Unavailable, "stream";
    Io: Unavailable, "io";
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Invalid => "invalid",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::TooLarge => "too_large",
            Self::Unavailable => "unavailable",
            Self::Damaged => "damaged",
            Self::Internal => "internal",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::error::Error as _;
    use std::path::PathBuf;
    use std::sync::Arc;

    use super::*;
    use crate::model::error::{Limit, Reason};

    const PATH: &str = "/srv/app/store.redb";

    /// One error of each variant, with what its text has to say.
    fn samples() -> Vec<(Error, Vec<&'static str>)> {
        let value = || "a\"b".to_owned();
        let name = || "shop".to_owned();
        let path = || PathBuf::from(PATH);
        let reason = Reason::Comma;
        let refused = || Box::new(Error::UnknownLabel { id: "77".into() });
        let durable: Arc<[(String, u64)]> = Arc::new([("other shop".to_owned(), 7), ("third".to_owned(), 8)]);
        vec![
            (Error::InvalidLabelId { value: value(), reason }, vec!["a\\\"b", "comma"]),
            (Error::InvalidChatId { value: value(), reason }, vec!["a\\\"b", "comma"]),
            (Error::InvalidPhone { value: value(), reason }, vec!["a\\\"b", "comma"]),
            (Error::InvalidLabelName { value: value(), reason }, vec!["a\\\"b", "comma"]),
            (Error::InvalidInstanceName { value: value(), reason }, vec!["a\\\"b", "comma"]),
            (Error::UnknownLabel { id: "77".into() }, vec!["\"77\""]),
            (Error::NameRequired { id: "77".into() }, vec!["\"77\""]),
            (Error::LabelIdsExhausted, vec!["label id"]),
            (Error::LimitExceeded { what: Limit::Page, limit: 5, given: 6 }, vec!["5", "6", "page"]),
            (Error::BadCursor { value: value() }, vec!["a\\\"b"]),
            (Error::ForeignCursor { value: value() }, vec!["a\\\"b"]),
            (Error::MisplacedCursor { value: value() }, vec!["a\\\"b"]),
            (Error::LostCursor { value: value() }, vec!["a\\\"b"]),
            (Error::BadPosition { value: value() }, vec!["a\\\"b"]),
            (Error::RefreshInProgress, vec!["refresh"]),
            (Error::TicketCancelled, vec!["ticket"]),
            (Error::RefreshGivenUp { cause: Some("not connected".into()) }, vec!["refresh", "not connected"]),
            (Error::RefreshGivenUp { cause: None }, vec!["refresh"]),
            (Error::EmptyRefresh { labels: 3, links: 4 }, vec!["3", "4"]),
            (Error::ForeignToken { position: 5 }, vec!["5"]),
            (Error::BatchRefused { position: 5, cause: refused() }, vec!["operation 5", "unknown label \"77\""]),
            (Error::InstanceNameRequired, vec!["name"]),
            (Error::UnknownInstance { name: name() }, vec!["\"shop\""]),
            (Error::InstanceExists { name: name() }, vec!["\"shop\""]),
            (Error::InstanceInUse { name: name() }, vec!["\"shop\""]),
            (Error::StorePathRequired, vec!["path"]),
            (Error::UnknownStore { path: path() }, vec![PATH]),
            (Error::StoreInUse { path: path() }, vec![PATH]),
            (Error::StoreClosed, vec!["closed"]),
            (Error::InvalidStoreUrl { value: value(), what: "no host".into() }, vec!["a\\\"b", "no host"]),
            (Error::DatabaseRefused { what: "fsync is off".into() }, vec!["fsync is off"]),
            (Error::Unavailable { cause: "timed out".into() }, vec!["timed out"]),
            (Error::Unsupported { what: "an import".into() }, vec!["an import"]),
            (Error::StoreFailed { cause: format!("{PATH}: disk full"), durable }, vec![PATH, "disk full"]),
            (Error::Damaged { instance: None, what: format!("{PATH}: bad row") }, vec![PATH, "bad row"]),
            (Error::Damaged { instance: Some(name()), what: format!("{PATH}: bad row") }, vec![PATH, "\"shop\""]),
            (Error::UnknownFormat { version: 9, path: Some(path()) }, vec![PATH, "9"]),
            (Error::UnknownFormat { version: 9, path: None }, vec!["export", "9"]),
            (Error::ImportRefused { line: 12, cause: refused() }, vec!["line 12", "unknown label \"77\""]),
            (Error::InvalidExport { value: value(), what: "no number".into() }, vec!["a\\\"b", "no number"]),
            (Error::Stream { cause: "broken pipe".into() }, vec!["broken pipe"]),
            (Error::Io { path: path(), cause: "could not open it: no such file".into() }, vec![PATH, "no such file"]),
        ]
    }

    #[test]
    fn every_variant_is_listed_with_a_code_of_its_own() {
        let codes: BTreeSet<&str> = samples().iter().map(|(error, _)| error.code()).collect();
        assert_eq!(codes, CODES.iter().copied().collect());
        assert_eq!(codes.len(), CODES.len(), "no code twice");
        for code in codes {
            assert!(code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{code}");
        }
    }

    /// A log line has to be complete without the chain of causes, and must not name another account.
    #[test]
    fn the_text_of_every_variant_says_what_is_known() {
        for (error, said) in samples() {
            let text = error.to_string();
            for part in said {
                assert!(text.contains(part), "{text:?} does not say {part:?}");
            }
            for other in ["other shop", "third"] {
                assert!(!text.contains(other), "{text:?} names another account");
            }
            assert!(text.starts_with(|first: char| first.is_lowercase() || first == '/'), "{text:?}");
            assert!(!text.ends_with('.') && !text.contains("  ") && !text.contains('\n'), "{text:?}");
            // What a reporter adds from the chain is new.
            let mut cause = error.source();
            while let Some(next) = cause {
                assert!(!text.contains(&next.to_string()), "{text:?} is followed by {next}");
                cause = next.source();
            }
        }
    }

    #[test]
    fn a_refusal_of_many_is_of_the_kind_of_its_cause() {
        for (error, _) in samples() {
            let kind = error.kind();
            let batch = Error::BatchRefused { position: 0, cause: Box::new(error.clone()) };
            let import = Error::ImportRefused { line: 1, cause: Box::new(batch.clone()) };
            assert_eq!((batch.kind(), import.kind()), (kind, kind), "{error}");
        }
    }

    #[test]
    fn kinds_are_words() {
        let kinds: BTreeSet<String> = samples().iter().map(|(error, _)| error.kind().to_string()).collect();
        let words = ["conflict", "damaged", "invalid", "not_found", "too_large", "unavailable"];
        assert_eq!(kinds, words.map(str::to_owned).into());
        assert_eq!(format!("{:>9}", ErrorKind::Internal), " internal");
    }
}
