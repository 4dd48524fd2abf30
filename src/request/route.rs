//! Where a request goes: the routes, and the methods and formats of each.

use http::Method;

use super::format::Format;

/// A route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// `/healthz` and `/livez`: is the process alive?
    Health,
    /// `/`: the list of routes.
    Index,
    /// A route that issues credentials.
    Issue(IssueRoute),
    /// `/readyz`: is it configured and able to answer?
    Ready,
}

/// The routes that issue credentials, or sign one request with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IssueRoute {
    /// `/download-sign`: a link to one object.
    DownloadSign,
    /// `/getKeyAndCredentials`: the upload of one object that the function names.
    NewObject,
    /// `/post-policy`: a form that uploads one object that the function names.
    PostPolicy,
    /// `/put-sign`, `/sts-direct-sign` and `/upload-sign`, as the samples call it: a PUT of one
    /// object that the function names.
    PutSign,
    /// `/sign`, the route of the samples: always all of the grant.
    Sign,
    /// `/sts`, `/sts-scope` and `/sts/scope`, as the SDKs' documents call it: all of the grant, or
    /// the scopes of the body.
    Sts,
}

impl Route {
    /// All routes.
    pub const ALL: [Self; 9] = [
        Self::Health,
        Self::Index,
        Self::Issue(IssueRoute::DownloadSign),
        Self::Issue(IssueRoute::NewObject),
        Self::Issue(IssueRoute::PostPolicy),
        Self::Issue(IssueRoute::PutSign),
        Self::Issue(IssueRoute::Sign),
        Self::Issue(IssueRoute::Sts),
        Self::Ready,
    ];

    /// The paths that `/` lists.
    pub const LISTED: [&str; 9] = [
        "/sign",
        "/sts",
        "/getKeyAndCredentials",
        "/put-sign",
        "/post-policy",
        "/download-sign",
        "/healthz",
        "/livez",
        "/readyz",
    ];

    /// The route of a path without `BASE_PATH`, or `None`.
    pub fn of(path: &str) -> Option<Self> {
        match path {
            "/" => Some(Self::Index),
            "/healthz" | "/livez" => Some(Self::Health),
            "/readyz" => Some(Self::Ready),
            "/getKeyAndCredentials" => Some(Self::Issue(IssueRoute::NewObject)),
            "/download-sign" => Some(Self::Issue(IssueRoute::DownloadSign)),
            "/post-policy" => Some(Self::Issue(IssueRoute::PostPolicy)),
            "/put-sign" | "/sts-direct-sign" | "/upload-sign" => {
                Some(Self::Issue(IssueRoute::PutSign))
            }
            // The samples' server took the slash.
            "/sign" | "/sign/" => Some(Self::Issue(IssueRoute::Sign)),
            "/sts" | "/sts-scope" | "/sts/scope" => Some(Self::Issue(IssueRoute::Sts)),
            _ => None,
        }
    }

    /// The path that leads to it, for the log and metrics.
    pub fn name(self) -> &'static str {
        match self {
            Self::Health => "/healthz",
            Self::Index => "/",
            Self::Ready => "/readyz",
            Self::Issue(route) => route.name(),
        }
    }

    /// The methods it takes, as the `Allow` header lists them.
    pub fn methods(self) -> &'static [Method] {
        match self {
            // Load balancers probe with HEAD.
            Self::Health | Self::Index | Self::Ready => {
                &[Method::GET, Method::HEAD, Method::OPTIONS]
            }
            Self::Issue(route) if route.signs() => &[Method::GET, Method::OPTIONS],
            Self::Issue(_) => &[Method::GET, Method::POST, Method::OPTIONS],
        }
    }
}

impl IssueRoute {
    /// The path that leads to it.
    pub fn name(self) -> &'static str {
        match self {
            Self::DownloadSign => "/download-sign",
            Self::NewObject => "/getKeyAndCredentials",
            Self::PostPolicy => "/post-policy",
            Self::PutSign => "/put-sign",
            Self::Sign => "/sign",
            Self::Sts => "/sts",
        }
    }

    /// Whether it returns one signed request in place of a key.
    pub(super) fn signs(self) -> bool {
        matches!(self, Self::DownloadSign | Self::PostPolicy | Self::PutSign)
    }

    /// Whether the function names the object.
    pub(super) fn names_object(self) -> bool {
        matches!(self, Self::NewObject | Self::PostPolicy | Self::PutSign)
    }

    pub(super) fn default_format(self) -> Format {
        if self == Self::Sign { Format::Cam } else { Format::Sdk }
    }

    /// The formats that have a member for everything this route returns.
    pub(super) fn formats(self) -> &'static [Format] {
        match self {
            Self::DownloadSign | Self::PostPolicy | Self::PutSign => &[Format::Sdk],
            Self::NewObject => &[Format::Flat, Format::Sdk],
            Self::Sign | Self::Sts => {
                &[Format::Cam, Format::CredentialProcess, Format::Cvm, Format::Sdk, Format::Sts]
            }
        }
    }
}

/// A path without `base_path` (`""` or `/prefix`).
pub fn strip_base_path<'p>(path: &'p str, base_path: &str) -> &'p str {
    // Most often. An empty text need not be at a real address, and to compare even no bytes there
    // can take a processor 80 ns.
    if base_path.is_empty() {
        return path;
    }
    match path.strip_prefix(base_path) {
        Some(rest) if rest.starts_with('/') => rest,
        _ => path,
    }
}

#[cfg(test)]
mod tests {
    use super::{IssueRoute, Route, strip_base_path};

    #[test]
    fn the_base_path_is_taken_off_where_it_is() {
        let of = |path, base_path| Route::of(strip_base_path(path, base_path));
        for (path, base_path) in [("/sign", ""), ("/api/sign", "/api"), ("/sign", "/api")] {
            assert_eq!(of(path, base_path), Some(Route::Issue(IssueRoute::Sign)), "{path}");
        }
        let others = [
            "/api",
            "/apisign",
            "/api/api/sign",
            "sign",
            "/sign//",
            "/sts/",
            "/SIGN",
            "//sign",
            "/sign%2f",
            "",
        ];
        for path in others {
            assert_eq!(of(path, "/api"), None, "{path}");
        }
    }
}
