//! pacman.conf(5).

/// What of a configuration says where package files are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conf {
    /// `CacheDir`s, in their order.
    pub cache_dirs: Vec<String>,
    /// Directories of repositories that are on this machine (`Server = file://`), out of which files are not always copied.
    pub local_servers: Vec<String>,
    /// `Include`s, which may be patterns.
    pub includes: Vec<String>,
}

/// Where downloads are if nothing else is said.
pub(crate) const DEFAULT_CACHE: &str = "/var/cache/pacman/pkg/";

impl Conf {
    /// Takes in one file. What it does not know is passed over: pacman has read it before.
    pub fn add(&mut self, text: &str) {
        for line in text.lines().map(|line| line.split('#').next().unwrap_or_default().trim()) {
            let Some((key, value)) = line.split_once('=') else { continue };
            let value = value.trim();
            match key.trim() {
                "CacheDir" => self.cache_dirs.extend(value.split_whitespace().map(str::to_string)),
                "Include" => self.includes.push(value.to_string()),
                "Server" => self.local_servers.extend(value.strip_prefix("file://").map(str::to_string)),
                _ => {}
            }
        }
    }

    /// The directories in which package files may be, the likeliest first. `given` are those of the command line.
    #[must_use]
    pub fn directories(&self, given: &[String]) -> Vec<String> {
        let caches = if given.is_empty() { &self.cache_dirs } else { given };
        let mut all: Vec<String> = caches.to_vec();
        if all.is_empty() {
            all.push(DEFAULT_CACHE.to_string());
        }
        all.extend(self.local_servers.iter().filter(|dir| !dir.contains('$')).cloned());
        all
    }
}
