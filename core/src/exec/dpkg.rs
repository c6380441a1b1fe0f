//! dpkg's triggers (deb-triggers(5), dpkg-trigger(1)).

use super::environment::Environment;
use super::process;
use crate::model::Failure;
use std::path::Path;
use std::process::Command;

/// The trigger that old packages and header hooks activate; the Debian package declares it.
const TRIGGER: &str = "evermod-rebuild";

/// Activates the trigger, so that one sync runs at the end of the dpkg run; false if no maintainer script is calling.
///
/// # Errors
/// `dpkg-trigger` is there but cannot be started.
pub fn activate_trigger(environment: &Environment) -> Result<bool, Failure> {
    let in_dpkg = environment.variables.contains_key("DPKG_MAINTSCRIPT_PACKAGE");
    let Some(program) = environment.program("dpkg-trigger").filter(|_| in_dpkg) else { return Ok(false) };
    let output =
        process::output(Command::new(program).args(["--by-package=evermod", "--no-await", TRIGGER]))?;
    Ok(output.status.success())
}

/// Whether a file belongs to a package that this very run of dpkg has unpacked and will configure; false where no
/// maintainer script is calling.
///
/// # Errors
/// `dpkg-query` is there but cannot be started.
pub fn is_about_to_configure(environment: &Environment, file: &Path) -> Result<bool, Failure> {
    let in_dpkg = environment.variables.contains_key("DPKG_MAINTSCRIPT_PACKAGE");
    let Some(program) = environment.program("dpkg-query").filter(|_| in_dpkg) else { return Ok(false) };
    // `PACKAGE: FILE`, or several packages with commas between them.
    let owners = process::output(Command::new(&program).arg("--search").arg(file))?;
    let owners = String::from_utf8_lossy(&owners.stdout).into_owned();
    let Some((owner, _)) = owners.split_once(": ").filter(|(owner, _)| !owner.contains(',')) else {
        return Ok(false);
    };
    let state =
        process::output(Command::new(program).args(["--show", "--showformat=${db:Status-Status}", owner]))?;
    Ok(matches!(&*state.stdout, b"unpacked" | b"half-configured"))
}
