//! A credential of a deployment: fetched, kept on disk until it is about to end, and written as
//! other programs read it.

mod cache;
mod fetch;
mod formats;
mod issued;
mod private_file;

pub(crate) use self::cache::Cache;
pub(crate) use self::fetch::{Issuer, Wish};
pub(crate) use self::formats::{Place, Representation};
pub(crate) use self::issued::Credential;
pub(crate) use self::private_file::write_private;
