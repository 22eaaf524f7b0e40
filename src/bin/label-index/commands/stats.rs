//! What a store has.

use std::io::{self, Write};

use label_index::{IndexBytes, Label, LabelIndex};
use serde_json::{Value, json};

use crate::arguments::Stats;
use crate::failure::Failure;
use crate::{output, stored, table};

/// What is told of one instance.
struct Instance {
    name: String,
    /// Each label, and how many chats carry it.
    labels: Vec<(Label, u64)>,
    total_chats: u64,
    total_rows: u64,
    revision: u64,
    /// In memory.
    bytes: IndexBytes,
}

pub(super) fn run(stats: &Stats) -> Result<(), Failure> {
    let store = stored::store(&stats.store)?;
    let names = stats.instance.as_ref().map_or_else(|| store.instances(), |name| vec![name.clone()]);
    let mut instances = Vec::new();
    for name in names {
        instances.push(Instance::of(&name, &stored::instance(&store, &name)?));
        // A store may have thousands, and each is asked for once.
        store.unload(&name).map_err(Failure::Store)?;
    }
    let labels_too = stats.instance.is_some();
    output::print(|out| {
        if stats.json {
            let instances: Vec<Value> = instances.iter().map(|instance| instance.json(labels_too)).collect();
            return output::json(out, &json!({ "instances": instances }));
        }
        print(out, &instances)?;
        if labels_too { instances.iter().try_for_each(|instance| instance.print_labels(out)) } else { Ok(()) }
    })
}

impl Instance {
    fn of(name: &str, index: &LabelIndex) -> Self {
        let snapshot = index.snapshot();
        let labels = snapshot.labels().into_iter().map(|label| {
            let chats = snapshot.count(label.id());
            (label, chats)
        });
        Self {
            name: name.to_owned(),
            labels: labels.collect(),
            total_chats: snapshot.total_chats(),
            total_rows: snapshot.total_rows(),
            revision: snapshot.revision(),
            bytes: index.stats().bytes,
        }
    }

    /// The labels are a number, or a list with everything about each.
    fn json(&self, labels_too: bool) -> Value {
        let labels: Value = if labels_too {
            let each = self.labels.iter().map(|(label, chats)| json!({ "label": label, "chats": chats }));
            each.collect::<Vec<_>>().into()
        } else {
            self.labels.len().into()
        };
        json!({
            "name": self.name,
            "labels": labels,
            "total_chats": self.total_chats,
            "total_rows": self.total_rows,
            "revision": self.revision,
            "bytes": self.bytes,
        })
    }

    fn print_labels(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "\n{:>9}  LABEL", "CHATS")?;
        for (label, chats) in &self.labels {
            writeln!(out, "{chats:>9}  {} {}", label.id(), table::name(label))?;
        }
        Ok(())
    }
}

/// The names stand last, since they are of any length.
fn print(out: &mut dyn Write, instances: &[Instance]) -> io::Result<()> {
    writeln!(out, "{:>9}  {:>11}  {:>11}  {:>11}  {:>12}  INSTANCE", "LABELS", "CHATS", "ROWS", "REVISION", "BYTES")?;
    for Instance { name, labels, total_chats, total_rows, revision, bytes } in instances {
        let (labels, bytes) = (labels.len(), bytes.total());
        writeln!(out, "{labels:>9}  {total_chats:>11}  {total_rows:>11}  {revision:>11}  {bytes:>12}  {name}")?;
    }
    Ok(())
}
