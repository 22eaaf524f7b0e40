//! Changes of labels.

use std::future::Future;
use std::sync::Arc;

use label_index::{Event, LabelIndex, LabelPatch, NewLabel};

use crate::app::App;
use crate::failure::{Answered, Failure};
use crate::upstream::Upstream;

/// Creates a label, first at the gateway if links are made there. Returns its id.
///
/// # Errors
///
/// Those of the index, and of the gateway. Nothing has changed here then.
pub(crate) async fn create_label(app: &Arc<App>, name: &str, index: &LabelIndex, label: NewLabel) -> Answered<String> {
    let Some(upstream) = told_first(app) else {
        let mut batch = index.batch();
        batch.create_label(label)?;
        let done = batch.submit().await?;
        return done.created.first().map(ToString::to_string).ok_or_else(Failure::internal);
    };
    let (name, index) = (name.to_owned(), index.clone());
    to_the_end(async move {
        let id = upstream.create_label(&name, &label).await?;
        let mut fields = LabelPatch::from(label.name);
        (fields.color, fields.position) = (label.color, label.position);
        let mut batch = index.batch();
        batch.upsert_label(&id, fields)?;
        batch.submit().await?;
        Ok(id.to_string())
    })
    .await
}

/// Changes the given fields of a label, first at the gateway if links are made there.
///
/// # Errors
///
/// Those of the index, and of the gateway. Nothing has changed here then.
pub(crate) async fn update_label(
    app: &Arc<App>,
    name: &str,
    index: &LabelIndex,
    id: &str,
    patch: LabelPatch,
) -> Answered<()> {
    let mut batch = index.batch();
    batch.update_label(id, patch.clone())?;
    let Some(upstream) = told_first(app) else {
        batch.submit().await?;
        return Ok(());
    };
    let label = index.label(id).ok_or_else(Failure::label_not_found)?;
    let name = name.to_owned();
    to_the_end(async move {
        upstream.update_label(&name, &label, &patch).await?;
        batch.submit().await?;
        Ok(())
    })
    .await
}

/// Deletes a label, which takes it from every chat; first at the gateway if links are made there.
///
/// # Errors
///
/// Those of the index, and of the gateway. Nothing has changed here then.
pub(crate) async fn delete_label(app: &Arc<App>, name: &str, index: &LabelIndex, id: &str) -> Answered<()> {
    let Some(upstream) = told_first(app) else {
        index.remove_label_async(id).await?;
        return Ok(());
    };
    let label = index.label(id).ok_or_else(Failure::label_not_found)?;
    let (name, index) = (name.to_owned(), index.clone());
    to_the_end(async move {
        upstream.delete_label(&name, label.id()).await?;
        // The gateway may have reported it already.
        index.ingest_async(Event::LabelDeleted { label: label.id().clone() }).await?;
        Ok(())
    })
    .await
}

/// The gateway, if labels are made there too.
fn told_first(app: &App) -> Option<Arc<Upstream>> {
    app.upstream.as_ref().filter(|upstream| upstream.has_labels()).map(Arc::clone)
}

/// Runs to the end even if the caller goes away, so that a change at the gateway is made here too.
async fn to_the_end<T: Send + 'static>(work: impl Future<Output = Answered<T>> + Send + 'static) -> Answered<T> {
    tokio::spawn(work).await.map_err(|_| Failure::internal())?
}
