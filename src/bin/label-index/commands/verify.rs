//! Checking a store.

use std::io::{self, Write};

use label_index::Report;
use serde_json::{Value, json};

use crate::arguments::Verify;
use crate::failure::Failure;
use crate::{output, stored};

pub(super) fn run(verify: &Verify) -> Result<(), Failure> {
    let report = stored::verify(&verify.store)?;
    output::print(|out| if verify.json { output::json(out, &json_of(&report)) } else { print(out, &report) })?;
    if report.is_sound() { Ok(()) } else { Err(Failure::Unsound) }
}

fn json_of(report: &Report) -> Value {
    let instances = report.instances.iter().map(|instance| match &instance.contents {
        Ok(contents) => json!({
            "name": instance.name,
            "revision": contents.revision,
            "total_chats": contents.total_chats,
            "total_rows": contents.total_rows,
            "damage": null,
        }),
        Err(damage) => json!({ "name": instance.name, "damage": damage.to_string() }),
    });
    json!({
        "sound": report.is_sound(),
        "damage": report.damage.as_ref().map(ToString::to_string),
        "instances": instances.collect::<Vec<_>>(),
    })
}

fn print(out: &mut dyn Write, report: &Report) -> io::Result<()> {
    for instance in &report.instances {
        match &instance.contents {
            Ok(contents) => writeln!(
                out,
                "sound    {}: {} chats, {} rows, revision {}",
                instance.name, contents.total_chats, contents.total_rows, contents.revision
            )?,
            Err(damage) => writeln!(out, "DAMAGED  {}: {damage}", instance.name)?,
        }
    }
    match &report.damage {
        Some(damage) => writeln!(out, "DAMAGED  the file: {damage}"),
        None => writeln!(out, "{} instances", report.instances.len()),
    }
}
