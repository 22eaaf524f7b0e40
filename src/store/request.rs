//! Requests for instances of a store in a folder.

use std::io;
use std::sync::Arc;

use crate::index::label_index::LabelIndex;
use crate::index::trace::{self, Span};
use crate::model::error::{Error, Result};
use crate::store::catalog::{Entry, random_identity};
use crate::store::folder::refused;
use crate::store::instance_source::{InstanceSource, LimitsOf, Request};
use crate::store::instances::{Instance, Shared};
use crate::store::name::check_name;
use crate::store::options::InstanceLimits;

impl InstanceSource for Shared {
    fn known(&self, Request { name, makes, .. }: Request<'_>) -> Result<Option<LabelIndex>> {
        if !makes {
            return self.find(name)?.loaded();
        }
        check_name(name)?;
        let known = self.instances.lock().get(name).cloned();
        // One that is being removed is made again by the load.
        Ok(known.and_then(|instance| instance.loaded().ok().flatten()))
    }

    fn limits(&self) -> &InstanceLimits {
        &self.limits
    }

    fn load(&self, Request { name, makes, .. }: Request<'_>, limits_of: LimitsOf<'_>) -> Result<LabelIndex> {
        if !makes {
            return self.load_instance(&self.find(name)?, limits_of);
        }
        check_name(name)?;
        loop {
            let instance = self.find_or_add(name);
            match self.load_instance(&instance, limits_of) {
                // Another thread is removing it and has not taken it off the list yet.
                Err(Error::UnknownInstance { .. }) => self.instances.lock().forget(&instance),
                loaded => return loaded,
            }
        }
    }

    fn no_thread(&self, cause: &io::Error) -> Error {
        refused("start a thread for", &self.path, cause)
    }
}

impl Shared {
    pub(super) fn find(&self, name: &str) -> Result<Arc<Instance>> {
        check_name(name)?;
        let found = self.instances.lock().get(name).filter(|instance| instance.is_written()).cloned();
        found.ok_or_else(|| Error::UnknownInstance { name: name.to_owned() })
    }

    fn find_or_add(&self, name: &str) -> Arc<Instance> {
        let identity = random_identity(name);
        let mut instances = self.instances.lock();
        if let Some(instance) = instances.get(name) {
            return Arc::clone(instance);
        }
        let entry = Entry { number: instances.next_number(), identity };
        let instance = Instance::new(name, entry, false);
        instances.insert(&instance);
        instance
    }

    pub(super) fn load_instance(&self, instance: &Arc<Instance>, limits_of: LimitsOf<'_>) -> Result<LabelIndex> {
        match instance.loaded()? {
            Some(index) => Ok(index),
            None => trace::within(Span::Load { instance: &instance.name }, || {
                // This may call code of the host, so no lock is held.
                let limits = limits_of(&instance.name)?;
                self.read(instance, limits)
            }),
        }
    }
}
