//! Instances for async code.

use std::sync::Arc;

#[cfg(doc)]
use crate::model::error::Error;
use crate::store::instance_source::{InstanceSource, Request};
use crate::store::loading::Loading;
use crate::store::{Home, Store};

/// # Without blocking
impl Store {
    /// [`instance`](Self::instance), without blocking.
    ///
    /// An instance that is loaded is there at once, and so is a refused name. Else it is made and loaded by a thread of the store.
    /// There are a few of those, however many instances are asked for, and they end when there is nothing to load.
    ///
    /// **O(log i)** in the number of instances, and the start of a thread for the first instances that are not loaded. Never waits,
    /// whatever the disk does.
    ///
    /// # Errors
    ///
    /// Those of [`instance`](Self::instance); [`Error::StoreClosed`] if the store is closed before the load began. They are the
    /// answer of the future.
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::Store;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> label_index::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// let store = Store::open(folder.path())?;
    /// let index = store.instance_async("shop").await?;
    /// let vip = index.create_label_async("VIP").await?;
    /// assert!(store.instance_async("shop").await?.link_async(&vip, "ana@c.us").await?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn instance_async(&self, name: &str) -> Loading {
        self.load_async(Request::now(name, true))
    }

    /// [`existing`](Self::existing), without blocking: what a handler calls in place of [`loaded`](Self::loaded) and a thread for
    /// the rest.
    ///
    /// As [`instance_async`](Self::instance_async), and a name that no instance of a folder has is refused at once. A database has
    /// to be asked.
    ///
    /// # Errors
    ///
    /// Those of [`existing`](Self::existing); [`Error::StoreClosed`] if the store is closed before the load began. They are the
    /// answer of the future.
    ///
    /// # Examples
    ///
    /// ```
    /// use label_index::{Error, Store};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> label_index::Result<()> {
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let folder = folder.path();
    /// Store::open(folder)?.instance("shop")?.create_label("VIP")?;
    /// let store = Store::open(folder)?;
    /// assert_eq!(store.existing_async("shop").await?.labels().len(), 1);
    /// let nobody = store.existing_async("nobody");
    /// assert!(nobody.is_ready());
    /// assert!(matches!(nobody.await, Err(Error::UnknownInstance { .. })));
    /// # Ok(())
    /// # }
    /// ```
    pub fn existing_async(&self, name: &str) -> Loading {
        self.load_async(Request::now(name, false))
    }

    fn load_async(&self, request: Request<'_>) -> Loading {
        match self.source().known(request) {
            Ok(Some(index)) => Loading::answered(Ok(index)),
            Err(error) => Loading::answered(Err(error)),
            Ok(None) => {
                let source: Arc<dyn InstanceSource> = match &self.home {
                    Home::Folder(store) => Arc::clone(&store.shared) as _,
                    #[cfg(feature = "postgres")]
                    Home::Database(store) => Arc::clone(store.source()) as _,
                };
                Loading::waiting(self.loads.ask(&source, request))
            }
        }
    }
}
