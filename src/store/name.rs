//! Names of instances.

use crate::model::error::{Error, Reason, Result};

/// The maximum length of a name in bytes.
const MAX: usize = 128;

/// Checks the name of an instance.
pub(super) fn check_name(name: &str) -> Result<()> {
    let reason = match () {
        () if name.is_empty() => return Err(Error::InstanceNameRequired),
        () if name.len() > MAX => Reason::TooLong { max: MAX, given: name.len() },
        () if name.contains(char::is_control) => Reason::ControlCharacter,
        () => return Ok(()),
    };
    Err(Error::InvalidInstanceName { value: Error::excerpt(name), reason })
}
