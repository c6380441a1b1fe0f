//! `publish`: puts packages into a repository, and says how a client subscribes to it.

use crate::cli::context::Context;
use crate::cli::openpgp::{KeyArguments, date};
use crate::exec::lock;
use crate::model::Failure;
use crate::publish::{Inputs, Names, Outcome, PUBLIC_KEY, Request, Subscription, publish as put};
use crate::report::matrix::size;
use clap::Args;
use evermod_packaging::read::Format;
use std::path::PathBuf;
use std::time::SystemTime;

/// What is published where.
#[derive(Debug, Args)]
pub struct PublishArguments {
    /// The top of the repository; it is made where it is not there
    #[arg(long, value_name = "DIR")]
    repo: PathBuf,
    /// Packages: .deb for APT, .rpm for dnf and zypper, .pkg.tar.zst for pacman
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// APT's suite; the one that there is, else stable
    #[arg(long, value_name = "NAME")]
    suite: Option<String>,
    /// APT's component; the one that there is, else main
    #[arg(long, value_name = "NAME")]
    component: Option<String>,
    /// What clients call the repository, and the name of pacman's database; after DIR by default
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Who publishes it, for APT; as it was by default
    #[arg(long, value_name = "TEXT")]
    origin: Option<String>,
    /// Where clients will find DIR, for what is printed
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    #[command(flatten)]
    key: KeyArguments,
}

/// The lock of a repository, below its top.
const LOCK: &str = ".evermod-lock";

/// Publishes, and gives the text that says what was done.
///
/// # Errors
/// As [`put`].
pub fn publish(context: &Context, arguments: &PublishArguments) -> Result<String, Failure> {
    let top = &arguments.repo;
    let inputs = Inputs::open(&arguments.files)?;
    let signer = arguments.key.signer(context)?;
    let is_new = !top.exists();
    fs_err::create_dir_all(top)?;
    let lock = lock::take_file(&top.join(LOCK), "publish", context.sink.as_ref())?;
    let names = Names {
        suite: arguments.suite.clone(),
        component: arguments.component.clone(),
        name: arguments.name.clone(),
        origin: arguments.origin.clone(),
    };
    let request = Request {
        repo: top,
        names: &names,
        signer: signer.as_deref(),
        time: date(context)?,
        now: SystemTime::now(),
    };
    let outcome = put(&request, &inputs);
    lock.cleaned();
    drop(lock);
    if outcome.is_err() && is_new {
        // Nothing is left of a repository that never came to be; one that others are waiting for is not empty.
        let _ = std::fs::remove_file(top.join(LOCK));
        let _ = std::fs::remove_dir(top);
    }
    text(arguments, &outcome?)
}

fn text(arguments: &PublishArguments, outcome: &Outcome) -> Result<String, Failure> {
    let mut out = String::new();
    let width = outcome.packages.iter().map(|package| package.path.len()).max().unwrap_or_default();
    for package in &outcome.packages {
        let remark = if package.is_there { "  (there already)" } else { "" };
        out.push_str(&format!("{:width$}  {:>9}{remark}\n", package.path, size(package.size)));
    }
    for note in &outcome.notes {
        out.push_str(&format!("{note}\n"));
    }
    let top = std::path::absolute(&arguments.repo)?;
    let url = arguments.url.clone().unwrap_or_else(|| format!("file://{}", top.display()));
    let url = url.trim_end_matches('/');
    for subscription in &outcome.subscriptions {
        out.push('\n');
        out.push_str(&client(subscription, url));
    }
    Ok(out)
}

/// What a client writes into its sources.
fn client(subscription: &Subscription, url: &str) -> String {
    let Subscription { format, name, suite, components, is_signed } = subscription;
    match (format, is_signed) {
        (Format::Deb, _) => {
            let trust = if *is_signed {
                format!("Signed-By: /etc/apt/keyrings/{name}.asc")
            } else {
                "Trusted: yes".to_owned()
            };
            let fetch = if *is_signed {
                format!("# with {url}/{PUBLIC_KEY} as /etc/apt/keyrings/{name}.asc\n")
            } else {
                String::new()
            };
            format!(
                "# /etc/apt/sources.list.d/{name}.sources\n{fetch}Types: deb\nURIs: {url}\nSuites: {suite}\n\
                 Components: {}\n{trust}\n",
                components.join(" ")
            )
        }
        (Format::Rpm, _) => {
            let check = u8::from(*is_signed);
            let key = if *is_signed { format!("gpgkey={url}/{PUBLIC_KEY}\n") } else { String::new() };
            format!(
                "# /etc/yum.repos.d/{name}.repo\n[{name}]\nname={name}\nbaseurl={url}\nenabled=1\ngpgcheck={check}\n\
                 repo_gpgcheck={check}\n{key}"
            )
        }
        (Format::Arch, _) => {
            let level = if *is_signed { "Required" } else { "Optional TrustAll" };
            let fetch = if *is_signed {
                format!(
                    "# after: pacman-key --add {PUBLIC_KEY}, and pacman-key --lsign-key its fingerprint\n"
                )
            } else {
                String::new()
            };
            format!("# /etc/pacman.conf\n{fetch}[{name}]\nSigLevel = {level}\nServer = {url}\n")
        }
    }
}
