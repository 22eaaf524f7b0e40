//! Exports, imports and verification of whole instances.

use tokio_postgres::types::Type;

use crate::index::trace::{self, Span};
use crate::model::error::{Error, Result};
use crate::state::State;
use crate::store::export::Exported;
use crate::store::install::Install;
use crate::store::name::check_name;
use crate::store::postgres::ConnectedStore;
use crate::store::postgres::checkpoint::Lease;
use crate::store::postgres::fault::Fault;
use crate::store::postgres::load::find;
use crate::store::postgres::record::random_number;
use crate::store::postgres::worker::Worker;
use crate::store::verify::{Contents, InstanceReport, Report};

impl Exported for ConnectedStore {
    fn with_state(&self, name: &str, put: &mut dyn FnMut(&State) -> Result<()>) -> Result<()> {
        check_name(name)?;
        let asked = name.to_owned();
        let version =
            trace::within(Span::Load { instance: name }, || self.checkpoints.ask(move |worker| worker.read(&asked)))?;
        put(&version)
    }
}

impl Install for ConnectedStore {
    fn has_instance(&self, name: &str) -> Result<bool> {
        Ok(self.names_now()?.iter().any(|known| known == name))
    }

    fn labels_of(&self, name: &str) -> usize {
        self.hub.limits.of(name).labels
    }

    fn install(&self, name: &str, state: State) -> Result<()> {
        let asked = name.to_owned();
        if self.checkpoints.ask(move |worker| worker.install(&asked, &state))? {
            Ok(())
        } else {
            Err(Error::InstanceExists { name: name.to_owned() })
        }
    }
}

impl ConnectedStore {
    /// Reads every instance and checks all of it.
    pub(super) fn verify(&self) -> Result<Report> {
        let mut instances = Vec::new();
        for name in self.names_now()? {
            let mut contents = Err(Error::UnknownInstance { name: name.clone() });
            let read = self.with_state(&name, &mut |state| {
                contents = contents_of(&name, state);
                trace::tell_damage(contents.as_ref().err());
                Ok(())
            });
            match read {
                Ok(()) => {}
                // It was removed in the meantime.
                Err(Error::UnknownInstance { .. }) => continue,
                Err(error @ Error::Damaged { .. }) => contents = Err(error),
                Err(error) => return Err(error),
            }
            instances.push(InstanceReport { name, contents });
        }
        Ok(Report { instances, damage: None })
    }
}

fn contents_of(name: &str, state: &State) -> Result<Contents> {
    let violated = |violation| Error::Damaged { instance: Some(name.to_owned()), what: format!("{violation}") };
    state.check_invariants().map_err(violated)?;
    Ok(Contents::of(state))
}

impl Worker {
    /// Creates an instance with its contents. False if the name is taken.
    fn install(&mut self, name: &str, state: &State) -> Result<bool> {
        let (instance, chain) = (random_number(), random_number());
        self.with_session(async |hub, session| match find(hub, session, name).await? {
            // If an answer was lost, this call may have made it.
            Some(entry) => Ok(entry.number == instance),
            None => install(Lease { hub, session, instance }, name, state, chain).await,
        })
    }
}

/// Writes a checkpoint under a new number, then creates the instance with it.
async fn install(lease: Lease<'_>, name: &str, state: &State, chain: u64) -> Result<bool, Fault> {
    let Lease { hub, session, instance } = lease;
    let tables = &hub.endpoint.tables;
    session.query(&tables.drop_unfinished, &[]).await?;
    lease.holds(&tables.begin_import).await?;
    let image = random_number();
    if lease.write(image, state).await?.is_none() {
        return Err(Fault::Refused("it took too long: the lease of the import expired".to_owned()));
    }
    let [instance, holder, identity, image, revision, chain] =
        [instance, hub.holder, state.identity, image, state.revision, chain].map(u64::cast_signed);
    let parameters = [
        (&instance as _, Type::INT8),
        (&holder as _, Type::INT8),
        (&name as _, Type::TEXT),
        (&identity as _, Type::INT8),
        (&image as _, Type::INT8),
        (&revision as _, Type::INT8),
        (&chain as _, Type::INT8),
    ];
    let is_made = !session.query(&tables.add_imported, &parameters).await?.is_empty();
    if !is_made {
        session.query(&tables.remove_image, &[(&instance as _, Type::INT8)]).await?;
    }
    lease.holds(&tables.drop_lease).await?;
    Ok(is_made)
}
