//! The one error type of the crate, and why a text was refused.

use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// The result of every call that can be refused.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation or a value was refused.
///
/// Every variant holds the value that was refused; a long text is cut to its first 128 bytes, followed by `…`.
/// Whatever the variant, the index is exactly as it was before the call.
///
/// [`kind`](Self::kind) says what a host does about it, also as a status of HTTP; [`code`](Self::code) is a name for
/// programs. The text says what is known, that of a cause included, and never names another account.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// The text is no [`LabelId`](crate::LabelId).
    InvalidLabelId {
        /// The refused text.
        value: String,
        /// What is wrong with it.
        reason: Reason,
    },
    /// The text is no [`ChatId`](crate::ChatId).
    InvalidChatId {
        /// The refused text.
        value: String,
        /// What is wrong with it.
        reason: Reason,
    },
    /// The text is no phone number that [`ChatId::from_phone`](crate::ChatId::from_phone) takes.
    InvalidPhone {
        /// The refused text.
        value: String,
        /// What is wrong with it.
        reason: Reason,
    },
    /// The text is no [`LabelName`](crate::LabelName).
    InvalidLabelName {
        /// The refused text.
        value: String,
        /// What is wrong with it.
        reason: Reason,
    },
    /// The label was never defined here, or was removed.
    UnknownLabel {
        /// Its id.
        id: String,
    },
    /// A label that is not known yet can only be created with a name.
    NameRequired {
        /// The id that was to be created.
        id: String,
    },
    /// The highest decimal label id, 2147483647, was seen here already, so no further one can be allocated.
    LabelIdsExhausted,
    /// More was asked for, or would be kept, than the options allow.
    LimitExceeded {
        /// Which limit.
        what: Limit,
        /// The limit in force.
        limit: u64,
        /// What was asked for.
        given: u64,
    },
    /// The text is no cursor, or a damaged one.
    BadCursor {
        /// The refused text.
        value: String,
    },
    /// The cursor was made by another index.
    ForeignCursor {
        /// The refused cursor.
        value: String,
    },
    /// The cursor was made by a query in the other order: in order of place, or in the order of a list.
    MisplacedCursor {
        /// The refused cursor.
        value: String,
    },
    /// The chat of the cursor is no longer in the list of chats, so there is no position to continue from.
    LostCursor {
        /// The refused cursor.
        value: String,
    },
    /// The text is no position, a damaged one, or one that the index never had where it has to be one of its own.
    BadPosition {
        /// The refused text.
        value: String,
    },
    /// Another refresh ticket is open.
    RefreshInProgress,
    /// The refresh ticket was cancelled.
    TicketCancelled,
    /// The holder of its ticket gave up the refresh that was joined. Nothing has changed; try again.
    RefreshGivenUp {
        /// The reason that the holder gave, if any.
        cause: Option<String>,
    },
    /// The full state has no live label, or no link, and the index has some; see
    /// [`RefreshTicket::commit_even_if_empty`](crate::RefreshTicket::commit_even_if_empty).
    EmptyRefresh {
        /// How many labels the index has.
        labels: u64,
        /// How many pairs the index has.
        links: u64,
    },
    /// The token was made by another batch.
    ForeignToken {
        /// The position of the operation in the batch that made it.
        position: usize,
    },
    /// An operation of a batch was refused, so the whole batch changed nothing.
    BatchRefused {
        /// Position of the refused operation, counted from 0.
        position: usize,
        /// Why it was refused.
        cause: Box<Error>,
    },
    /// An instance of a store needs a name.
    InstanceNameRequired,
    /// The text is no name of an instance: 1-128 bytes without control characters.
    InvalidInstanceName {
        /// The refused text.
        value: String,
        /// What is wrong with it.
        reason: Reason,
    },
    /// The store has no such instance, or it was removed.
    UnknownInstance {
        /// Its name.
        name: String,
    },
    /// The store has an instance of this name already.
    InstanceExists {
        /// Its name.
        name: String,
    },
    /// A handle, snapshot, refresh ticket, receipt or subscriber of the instance is alive.
    InstanceInUse {
        /// Its name.
        name: String,
    },
    /// A store needs the path of a folder.
    StorePathRequired,
    /// There is no store in this folder.
    UnknownStore {
        /// The file that would be the store's.
        path: PathBuf,
    },
    /// The store is open already, in this process or in another one.
    StoreInUse {
        /// The file of the store.
        path: PathBuf,
    },
    /// The store was closed; what the index has can still be read.
    StoreClosed,
    /// The text is no URL of a database that a store can be in.
    InvalidStoreUrl {
        /// The refused text, without anything that may be a password.
        value: String,
        /// What is wrong with it.
        what: String,
    },
    /// The database was reached, but cannot hold a store as it is: because of a setting, a missing right, or its
    /// contents.
    DatabaseRefused {
        /// What is wrong with it.
        what: String,
    },
    /// The database of the store could not be reached in time, or refused something for now. What was read can still be read.
    ///
    /// Whether a write that gets this was carried out is unknown. The store connects again by itself; trying again is right.
    Unavailable {
        /// What happened.
        cause: String,
    },
    /// A store of this kind cannot do this.
    Unsupported {
        /// What was asked for.
        what: String,
    },
    /// A write to disk failed, and the store has been read-only since. What was read can still be read.
    ///
    /// Whether the commits of the write that failed are there when the store resumes or is opened again is unknown; under
    /// `Synced` no reader has seen them. See [`Store::resume`](crate::Store::resume).
    StoreFailed {
        /// What failed.
        cause: String,
        /// The instances that were loaded, by name, each with the newest revision that is surely on disk.
        durable: Arc<[(String, u64)]>,
    },
    /// The file of the store is damaged. Nothing in it was used that might be damaged.
    Damaged {
        /// The instance that is affected, or none if all may be.
        instance: Option<String>,
        /// What is damaged.
        what: String,
    },
    /// The file or the export has a format that only another version of this crate can read.
    UnknownFormat {
        /// The number of the format.
        version: u64,
        /// The file; none for an export, which comes from a reader.
        path: Option<PathBuf>,
    },
    /// A line of an export was refused, so nothing of its instance is in the store. Instances that ended before this
    /// line are.
    ImportRefused {
        /// The number of the line, counted from 1.
        line: u64,
        /// Why it was refused.
        cause: Box<Error>,
    },
    /// The line is not one that an export has at this position.
    InvalidExport {
        /// What was refused: an id, a number, or the beginning of the line.
        value: String,
        /// What is wrong with it.
        what: String,
    },
    /// The reader or writer that the caller gave returned an error.
    Stream {
        /// The text of that error.
        cause: String,
    },
    /// A call of the file system failed, and nothing in the store has changed.
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was attempted, and the error of the system.
        cause: String,
    },
}

/// What is wrong with a text that should have been an id, a name or a phone number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// It is empty, perhaps after trimming.
    Empty,
    /// It is longer than `max` bytes.
    TooLong {
        /// The most bytes allowed.
        max: usize,
        /// The bytes given.
        given: usize,
    },
    /// It contains a control character.
    ControlCharacter,
    /// It contains a comma.
    Comma,
    /// It begins or ends with white space.
    SurroundingSpace,
    /// Nothing is before the `@` of a known server.
    EmptyUser,
    /// A second `@` is before the `@` of a known server.
    SecondAt,
    /// It consists only of characters that do not count in a name.
    EmptyKey,
    /// A character stands where only digits and their separators may.
    UnexpectedCharacter(char),
    /// The number of digits is not 7 to 15.
    DigitCount(usize),
    /// The first digit is a zero.
    LeadingZero,
}

/// What a limit of the options bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Limit {
    /// Chats listed by one query.
    Page,
    /// Entries in all clauses of one filter.
    FilterEntries,
    /// Labels of one index; the ids remembered as deleted are bounded by the same number, apart.
    Labels,
    /// Operations in one batch; for an operation over a list of chats, each chat counts.
    BatchOperations,
    /// Chats that carry a label at one time.
    Chats,
    /// Commits of one index: its revision is at most 2^60 - 1, which only an imported one comes near.
    Revisions,
}

impl Error {
    /// The part of a refused text that an error keeps.
    pub(crate) fn excerpt(text: &str) -> String {
        const KEPT: usize = 128;
        if text.len() <= KEPT {
            return text.to_owned();
        }
        let cut = text.floor_char_boundary(KEPT);
        let mut excerpt = text.get(..cut).unwrap_or_default().to_owned();
        excerpt.push('…');
        excerpt
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidLabelId { value, reason } => write!(f, "invalid label id {value:?}: {reason}"),
            Self::InvalidChatId { value, reason } => write!(f, "invalid chat id {value:?}: {reason}"),
            Self::InvalidPhone { value, reason } => write!(f, "invalid phone number {value:?}: {reason}"),
            Self::InvalidLabelName { value, reason } => write!(f, "invalid label name {value:?}: {reason}"),
            Self::UnknownLabel { id } => write!(f, "unknown label {id:?}"),
            Self::NameRequired { id } => write!(f, "label {id:?} is new and needs a name"),
            Self::LabelIdsExhausted => f.write_str("no decimal label id is left to allocate"),
            Self::LimitExceeded { what, limit, given } => {
                write!(f, "limit exceeded: {given} {what}, at most {limit} allowed")
            }
            Self::BadCursor { value } => write!(f, "damaged cursor {value:?}"),
            Self::ForeignCursor { value } => write!(f, "cursor {value:?} belongs to another index"),
            Self::MisplacedCursor { value } => write!(f, "cursor {value:?} belongs to another kind of question"),
            Self::LostCursor { value } => write!(f, "the chat of cursor {value:?} is not in the list"),
            Self::BadPosition { value } => write!(f, "position {value:?} is damaged, or that of another index"),
            Self::RefreshInProgress => f.write_str("another refresh is in progress"),
            Self::TicketCancelled => f.write_str("the refresh ticket was cancelled"),
            Self::RefreshGivenUp { cause: Some(cause) } => write!(f, "the refresh was given up: {cause}"),
            Self::RefreshGivenUp { cause: None } => f.write_str("the refresh was given up"),
            Self::EmptyRefresh { labels, links } => {
                write!(f, "the full state would empty an index of {labels} labels and {links} links")
            }
            Self::ForeignToken { position } => {
                write!(f, "the token of operation {position} belongs to another batch")
            }
            Self::BatchRefused { position, cause } => {
                write!(f, "operation {position} of the batch was refused: {cause}")
            }
            Self::InstanceNameRequired => f.write_str("an instance needs a name"),
            Self::InvalidInstanceName { value, reason } => write!(f, "invalid instance name {value:?}: {reason}"),
            Self::UnknownInstance { name } => write!(f, "unknown instance {name:?}"),
            Self::InstanceExists { name } => write!(f, "instance {name:?} is there already"),
            Self::InstanceInUse { name } => write!(f, "instance {name:?} is in use"),
            Self::StorePathRequired => f.write_str("a store needs the path of a folder"),
            Self::UnknownStore { path } => write!(f, "there is no store {}", path.display()),
            Self::StoreInUse { path } => write!(f, "the store {} is open elsewhere", path.display()),
            Self::StoreClosed => f.write_str("the store was closed"),
            Self::InvalidStoreUrl { value, what } => write!(f, "invalid URL of a store {value:?}: {what}"),
            Self::DatabaseRefused { what } => write!(f, "the database cannot hold a store: {what}"),
            Self::Unavailable { cause } => write!(f, "the database of the store is unavailable: {cause}"),
            Self::Unsupported { what } => write!(f, "not possible in a store of this kind: {what}"),
            // `durable` names other accounts, so it is not in the text.
            Self::StoreFailed { cause, .. } => write!(f, "the store is read-only since a write failed: {cause}"),
            Self::Damaged { instance: Some(name), what } => write!(f, "instance {name:?} is damaged: {what}"),
            Self::Damaged { instance: None, what } => write!(f, "the store is damaged: {what}"),
            Self::UnknownFormat { version, path: Some(path) } => {
                write!(f, "the format {version} of {} is unknown", path.display())
            }
            Self::UnknownFormat { version, path: None } => write!(f, "the format {version} of the export is unknown"),
            Self::ImportRefused { line, cause } => write!(f, "line {line} of the export was refused: {cause}"),
            Self::InvalidExport { value, what } => write!(f, "not in an export: {value:?}: {what}"),
            Self::Stream { cause } => write!(f, "could not read or write an export: {cause}"),
            Self::Io { path, cause } => write!(f, "{}: {cause}", path.display()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            // The text includes that of the cause, so the source is the cause's own source.
            Self::BatchRefused { cause, .. } | Self::ImportRefused { cause, .. } => std::error::Error::source(&**cause),
            _ => None,
        }
    }
}

impl From<Infallible> for Error {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("empty"),
            Self::TooLong { max, given } => write!(f, "{given} bytes, at most {max} allowed"),
            Self::ControlCharacter => f.write_str("contains a control character"),
            Self::Comma => f.write_str("contains a comma"),
            Self::SurroundingSpace => f.write_str("begins or ends with white space"),
            Self::EmptyUser => f.write_str("nothing before the server"),
            Self::SecondAt => f.write_str("a second @ before the server"),
            Self::EmptyKey => f.write_str("only characters that do not count in a name"),
            Self::UnexpectedCharacter(c) => write!(f, "unexpected character {c:?}"),
            Self::DigitCount(count) => write!(f, "{count} digits, 7 to 15 required"),
            Self::LeadingZero => f.write_str("begins with a zero"),
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Page => "chats in a page",
            Self::FilterEntries => "entries in a filter",
            Self::Labels => "labels",
            Self::BatchOperations => "operations in a batch",
            Self::Chats => "labelled chats",
            Self::Revisions => "commits",
        })
    }
}
