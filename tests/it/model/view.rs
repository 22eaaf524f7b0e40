//! The reads that an index and a snapshot have in common.

use label_index::{
    Answer, ChatId, ChatLabels, ChatPage, Error, Filter, FilterTotals, Label, LabelId, LabelIndex, LabelledChat,
    Matching, Page, RefreshState, Snapshot, Violation,
};

/// Lists the read methods once, for both.
macro_rules! view {
    ($($method:ident($($argument:ident: $kind:ty),*) -> $answer:ty;)*) => {
        pub(crate) trait View {
            $(fn $method(&self $(, $argument: $kind)*) -> $answer;)*
            fn rows(&self) -> Vec<LabelledChat>;
        }

        view!(for LabelIndex: $($method($($argument: $kind),*) -> $answer;)*);
        view!(for Snapshot: $($method($($argument: $kind),*) -> $answer;)*);
    };
    (for $viewed:ident: $($method:ident($($argument:ident: $kind:ty),*) -> $answer:ty;)*) => {
        impl View for $viewed {
            $(fn $method(&self $(, $argument: $kind)*) -> $answer {
                $viewed::$method(self $(, $argument)*)
            })*

            fn rows(&self) -> Vec<LabelledChat> {
                let chats = self.iter();
                let left = chats.len();
                let rows: Vec<_> = chats.collect();
                assert_eq!(rows.len(), left, "the iterator's length");
                rows
            }
        }
    };
}

view! {
    query(filter: &Filter, page: Page) -> Result<Answer, Error>;
    query_json(filter: &Filter, page: Page, json: &mut Vec<u8>) -> Result<(), Error>;
    totals(filter: &Filter) -> Result<FilterTotals, Error>;
    page(filter: &Filter, page: Page) -> Result<ChatPage, Error>;
    matching(filter: &Filter) -> Result<Matching, Error>;
    among(filter: &Filter, chats: &[String], page: Page) -> Result<Answer, Error>;
    labels_of_each(chats: &[String]) -> Vec<ChatLabels>;
    count_by_label(filter: &Filter) -> Result<Vec<(Label, u64)>, Error>;
    labels_of(chat: &str) -> ChatLabels;
    contains(label: &str, chat: &str) -> bool;
    labels() -> Vec<Label>;
    label(id: &str) -> Option<Label>;
    ids_named(name: &str) -> Vec<LabelId>;
    count(label: &str) -> u64;
    total_chats() -> u64;
    total_rows() -> u64;
    revision() -> u64;
    resolve(chat: &str) -> Option<ChatId>;
    aliases() -> Vec<(ChatId, ChatId)>;
    refresh_state() -> RefreshState;
    check_invariants() -> Result<(), Violation>;
}
