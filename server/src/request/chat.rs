//! The chat that a parameter means.

use label_index::ChatId;

use crate::failure::Answered;

/// How texts become chats.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChatNames {
    /// Whether keys of the host are taken too.
    pub(crate) host_keys: bool,
}

impl ChatNames {
    /// The chat of a parameter `number` or `chatId`: a JID, a phone number, or perhaps a key of the host.
    ///
    /// # Errors
    ///
    /// Why the text is no recipient.
    pub(crate) fn chat(self, text: &str) -> Answered<ChatId> {
        let recipient = ChatId::recipient(text);
        if self.host_keys && recipient.is_err() {
            return Ok(text.parse()?);
        }
        Ok(recipient?)
    }
}
