//! The SQL. Parameters are positional; lists of labels make one text for each length, which is prepared once.

/// The most labels for which a set of labels is a mask.
pub(super) const MASK_BITS: usize = 62;

pub(super) const SETTINGS: &str = "
    PRAGMA journal_mode = MEMORY;
    PRAGMA synchronous = OFF;
    PRAGMA temp_store = MEMORY;
    PRAGMA locking_mode = EXCLUSIVE;
    PRAGMA foreign_keys = OFF;
";

pub(super) const TABLES: &str = "
    CREATE TABLE labels (id INTEGER PRIMARY KEY, name TEXT NOT NULL, name_key TEXT NOT NULL);
    CREATE INDEX labels_by_name ON labels (name_key);
    CREATE TABLE chats (id INTEGER PRIMARY KEY, key TEXT NOT NULL);
    CREATE TABLE links (chat INTEGER NOT NULL, label INTEGER NOT NULL, PRIMARY KEY (chat, label)) WITHOUT ROWID;
";

/// The indexes, made after a bulk load.
pub(super) const INDEXES: &str = "
    CREATE UNIQUE INDEX chats_by_key ON chats (key);
    CREATE INDEX links_by_label ON links (label, chat);
    ANALYZE;
";

pub(super) const LABELS_OF: &str =
    "SELECT links.label FROM chats CROSS JOIN links ON links.chat = chats.id WHERE chats.key = ? ORDER BY links.label";

/// The totals of all chats. A chat without a label keeps its row, so chats are counted by links.
pub(super) const ALL: &str = "
    SELECT count(*), coalesce(sum(n), 0), coalesce(sum(n), 0) FROM (SELECT count(*) AS n FROM links GROUP BY chat)
";

/// Any-of: the chats of each label from its index, then their numbers of labels.
pub(super) fn any_looked_up(labels: usize) -> String {
    format!(
        "SELECT count(*), coalesce(sum(n), 0), coalesce(sum(m), 0) FROM (
            SELECT count(*) AS m, (SELECT count(*) FROM links WHERE chat = found.chat) AS n
            FROM links AS found INDEXED BY links_by_label WHERE label IN ({}) GROUP BY found.chat)",
        vec!["?"; labels].join(", ")
    )
}

/// All-of: the chats of the first label that have the others.
pub(super) fn all_looked_up(labels: usize) -> String {
    let others = (1..labels).map(|_| " AND EXISTS (SELECT 1 FROM links WHERE chat = found.chat AND label = ?)");
    format!(
        "SELECT count(*), coalesce(sum(n), 0), coalesce(sum(n), 0) FROM (
            SELECT (SELECT count(*) FROM links WHERE chat = found.chat) AS n
            FROM links AS found INDEXED BY links_by_label WHERE label = ? {})",
        others.collect::<String>()
    )
}

/// Any clause: goes through all links in order of chats; `m` is how many of the labels a chat has.
pub(super) fn scan(labels: &[u16], few: bool, condition: &str) -> String {
    let is_one = if few {
        let mask = labels.iter().fold(0_u64, |mask, label| mask | 1 << label);
        format!("({mask} >> label) & 1")
    } else {
        format!("label IN ({})", labels.iter().map(u16::to_string).collect::<Vec<_>>().join(", "))
    };
    format!(
        "SELECT count(*), coalesce(sum(n), 0), coalesce(sum(m), 0) FROM (
            SELECT count(*) AS n, sum({is_one}) AS m FROM links GROUP BY chat HAVING {condition})"
    )
}

/// A page: the first chats of each label behind the cursor, united; then their labels.
pub(super) fn page(labels: usize) -> String {
    let heads = (0..labels).map(|at| {
        let label = at + 2;
        format!("SELECT * FROM (SELECT chat FROM links WHERE label = ?{label} AND chat > ?1 ORDER BY chat LIMIT 50)")
    });
    format!(
        "SELECT page.chat, links.label, chats.key
         FROM (SELECT chat FROM ({}) ORDER BY chat LIMIT 50) AS page
         CROSS JOIN chats ON chats.id = page.chat CROSS JOIN links ON links.chat = page.chat
         ORDER BY page.chat, links.label",
        heads.collect::<Vec<_>>().join(" UNION ")
    )
}
