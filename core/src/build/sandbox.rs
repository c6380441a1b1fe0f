//! What a build may see and touch: the arguments of bubblewrap (see bwrap(1)).

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// One confined command.
#[derive(Debug, Clone)]
pub struct Sandbox {
    /// The directory that the build really writes to.
    pub scratch: PathBuf,
    /// Where it believes to be; exists on the host.
    pub build_dir: PathBuf,
    /// Where the sources lie, if the build is to find its own directory there too: some packages build in place.
    pub source: Option<PathBuf>,
    /// A staged instance, and the `T/M/V/K/A` where POST_BUILD expects it.
    pub staged: Option<(PathBuf, PathBuf)>,
    /// Files that the command must not read: it finds them empty.
    pub hidden: Vec<PathBuf>,
    /// Whom the command runs as; `None` if it runs without a sandbox.
    pub user: Option<User>,
}

/// User and group that a command runs as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum User {
    /// Really, and its files are theirs.
    Switched(u32, u32),
    /// Only inside, in a user namespace; outside, its files are the caller's, who is the only user there.
    Mapped(u32, u32),
}

impl User {
    /// Whose a command's files are, as evermod sees them.
    pub fn owner(self) -> (u32, u32) {
        match self {
            Self::Switched(user, group) => (user, group),
            Self::Mapped(..) => (0, 0),
        }
    }
}

impl Sandbox {
    /// The arguments before the command. Run as root, bubblewrap makes the namespaces, and `setpriv` inside drops the
    /// ids: that order also works in a chroot, where an unprivileged bubblewrap does not. In a user namespace with one
    /// user there are no other ids to drop to, so bubblewrap makes another one inside.
    ///
    /// `status_fd` is where bubblewrap reports that the command has started. `real` follows links: bubblewrap mounts on
    /// no path that leads through an absolute one.
    pub fn arguments(&self, user: User, status_fd: i32, real: &dyn Fn(&Path) -> PathBuf) -> Vec<OsString> {
        let mut args: Vec<OsString> = Vec::new();
        let mut add = |words: &[&dyn AsRef<std::ffi::OsStr>]| {
            args.extend(words.iter().map(|word| word.as_ref().to_os_string()));
        };
        add(&[&"--unshare-net", &"--unshare-pid", &"--unshare-ipc", &"--unshare-uts"]);
        // Some builds write the machine's name into what they make.
        add(&[&"--hostname", &"localhost"]);
        add(&[&"--die-with-parent", &"--new-session"]);
        add(&[&"--json-status-fd", &status_fd.to_string()]);
        add(&[&"--ro-bind", &"/", &"/", &"--dev", &"/dev", &"--proc", &"/proc"]);
        // What listens there is for the machine's own programs, whoever may connect.
        add(&[&"--tmpfs", &"/run"]);
        for tmp in ["/tmp", "/var/tmp"] {
            add(&[&"--perms", &"1777", &"--tmpfs", &tmp]);
        }
        if let Some(source) = &self.source {
            add(&[&"--bind", &self.scratch, &real(source)]);
        }
        add(&[&"--bind", &self.scratch, &real(&self.build_dir)]);
        if let Some((staging, place)) = &self.staged {
            // The kernel's directory in the tree is read-only here, so the mount point is made in a small tmpfs.
            let parent = real(place.parent().unwrap_or(Path::new("/")));
            let mount = parent.join(place.file_name().unwrap_or_default());
            add(&[&"--tmpfs", &parent, &"--bind", &staging, &mount]);
        }
        for file in &self.hidden {
            add(&[&"--ro-bind", &"/dev/null", &real(file)]);
        }
        add(&[&"--chdir", &self.build_dir]);
        match user {
            User::Switched(user, group) => {
                let (user, group) = (user.to_string(), group.to_string());
                add(&[
                    &"setpriv",
                    &"--reuid",
                    &user,
                    &"--regid",
                    &group,
                    &"--clear-groups",
                    &"--no-new-privs",
                ]);
            }
            User::Mapped(user, group) => {
                add(&[&"--unshare-user", &"--uid", &user.to_string(), &"--gid", &group.to_string()]);
            }
        }
        args
    }
}

/// True if bubblewrap's status text says that the command was started.
pub fn has_started(status: &str) -> bool {
    status.contains("\"child-pid\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_build_writes_to_its_scratch_only() {
        let sandbox = Sandbox {
            scratch: "/s".into(),
            build_dir: "/t/build".into(),
            source: Some("/usr/src/m-1".into()),
            staged: Some(("/st".into(), "/t/K/A".into())),
            hidden: vec!["/home/me/key".into()],
            user: None,
        };
        let words = |user| {
            let args = sandbox.arguments(user, 7, &|path| path.into()).into_iter();
            args.map(|a| a.into_string().unwrap()).collect::<Vec<_>>().join(" ")
        };
        let text = words(User::Switched(65534, 65534));
        assert!(text.contains("--ro-bind / / "));
        assert!(
            text.contains(
                "--bind /s /usr/src/m-1 --bind /s /t/build --tmpfs /t/K --bind /st /t/K/A --ro-bind /dev/null /home/me/key --chdir /t/build"
            ),
            "{text}"
        );
        assert!(text.contains("--unshare-net"));
        assert!(text.ends_with("setpriv --reuid 65534 --regid 65534 --clear-groups --no-new-privs"));
        let mapped = words(User::Mapped(65534, 65534));
        assert!(mapped.ends_with("--chdir /t/build --unshare-user --uid 65534 --gid 65534"), "{mapped}");
        assert!(has_started("{ \"child-pid\": 12 }\n"));
        assert!(!has_started(""));
    }
}
