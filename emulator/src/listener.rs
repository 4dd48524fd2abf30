//! A receiver of what happens in the cloud, if the builder of the cloud has set one.

type Callback<T> = dyn Fn(&T) + Send + Sync;

/// Receives each event of one kind; by default nobody does.
pub(crate) struct Listener<T: ?Sized>(Option<Box<Callback<T>>>);

impl<T: ?Sized> Listener<T> {
    pub(crate) fn new(listener: impl Fn(&T) + Send + Sync + 'static) -> Self {
        Self(Some(Box::new(listener)))
    }

    pub(crate) fn call(&self, event: &T) {
        if let Some(listener) = &self.0 {
            listener(event);
        }
    }
}

impl<T: ?Sized> Default for Listener<T> {
    fn default() -> Self {
        Self(None)
    }
}
