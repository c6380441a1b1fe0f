//! What follows make: collect the modules, strip, sign and compress them, and move them into the tree.

use super::build::{BuildInput, Log};
use super::failed::chown_tree;
use super::process;
use super::session::Session;
use crate::build::{Sandbox, User};
use crate::install::files::remove_if_there;
use crate::install::source::move_into_place;
use crate::install::{Compression, Effort};
use crate::inventory::built_against;
use crate::model::{BuildRecord, Failure, Record, Signature};
use crate::places::RECORD;
use crate::report::Event;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

impl Session<'_> {
    /// Collects what make produced, makes it ready, and moves it into the tree; `None` if the sandbox of POST_BUILD could not be
    /// made.
    pub(super) fn finish(
        &self,
        input: &BuildInput,
        sandbox: &Sandbox,
        log: &mut Log,
        started: Instant,
    ) -> Result<Option<BuildRecord>, Failure> {
        let instance = &input.instance;
        let target = self.places.instance_dir(instance);
        let parent = target.parent().unwrap_or(&target);
        fs_err::create_dir_all(parent)?;
        let staging =
            tempfile::Builder::new().prefix(&format!(".tmp_{}_", instance.arch)).tempdir_in(parent)?;
        let module_dir = staging.path().join("module");
        fs_err::create_dir_all(&module_dir)?;
        fs_err::create_dir_all(staging.path().join("log"))?;

        let records = input.directives.records_but(&input.excluded);
        let mut files = Vec::new();
        for record in &records {
            let built = self.produced(input, sandbox, record, log)?;
            let file = module_dir.join(format!("{}.ko", record.dest_name));
            fs_err::copy(&built, &file)?;
            files.push((file, record.strip));
        }
        self.strip(input, &files)?;
        let method = self.signing_method(instance, input.sig_hash.as_deref(), input.kernel_key.as_deref())?;
        let mut signature = None;
        for (file, _) in &files {
            signature = Some(self.sign(&method, instance, file)?);
            self.compress(file, input.compression)?;
        }
        let symvers = sandbox.scratch.join("Module.symvers");
        if symvers.symlink_metadata().is_ok_and(|m| m.is_file()) {
            fs_err::copy(&symvers, module_dir.join("Module.symvers"))?;
        }
        for dir in [staging.path(), &module_dir, &staging.path().join("log")] {
            fs_err::set_permissions(dir, Permissions::from_mode(0o755))?;
        }
        let record = BuildRecord {
            version: 1,
            key: input.key.clone(),
            adopted: false,
            directives: input.built_directives(),
            conf: input.conf.clone(),
            isolation: Some(self.sandbox.isolation_of(sandbox.user)),
            signature: signature.or(Some(Signature::Unsigned("it has no modules".into()))),
            milliseconds: u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX),
            refused: None,
        };
        if !self.post_build(input, sandbox, log, staging.path())? {
            return Ok(None);
        }
        for (name, text) in built_against(self.places, instance, &input.directives) {
            fs_err::write(staging.path().join(name), text)?;
        }
        fs_err::copy(&log.path, staging.path().join("log/make.log"))?;
        let text = serde_json::to_vec_pretty(&record).map_err(std::io::Error::from)?;
        fs_err::write(staging.path().join(RECORD), text)?;
        move_into_place(staging, &target)?;
        Ok(Some(record))
    }

    /// POST_BUILD finds the instance where it will be, and may add to it; false if the sandbox could not be made.
    fn post_build(
        &self,
        input: &BuildInput,
        sandbox: &Sandbox,
        log: &mut Log,
        staging: &Path,
    ) -> Result<bool, Failure> {
        let Some(script) = input.directives.post_build.as_deref() else { return Ok(true) };
        let place = self.places.instance_dir(&input.instance);
        let Some(owner) = sandbox.user.map(User::owner) else {
            // Without mounts, the instance has to be there for the time of the script.
            let old = replace_with_link(staging, &place)?;
            let result = self.run_script(input, sandbox, log, "POST_BUILD", Some(script));
            remove_if_there(&place)?;
            if let Some(old) = old {
                fs_err::rename(old, &place)?;
            }
            return result;
        };
        chown_tree(staging, owner)?;
        let sandbox = Sandbox { staged: Some((staging.to_path_buf(), place)), ..sandbox.clone() };
        let result = self.run_script(input, &sandbox, log, "POST_BUILD", Some(script));
        chown_tree(staging, (0, 0))?;
        result
    }

    /// The module that make produced for a record, never one outside the build directory.
    fn produced(
        &self,
        input: &BuildInput,
        sandbox: &Sandbox,
        record: &Record,
        log: &Log,
    ) -> Result<PathBuf, Failure> {
        let file = format!("{}{}.ko", record.built_location, record.built_name);
        let missing = || Failure::NotProduced {
            module: input.instance.module.clone(),
            kernel: input.instance.kernel.clone(),
            file: file.clone(),
            log: self.inside(&log.path),
        };
        // The build ran unprivileged: a link of its making must not have root read anything else.
        let scratch = fs_err::canonicalize(&sandbox.scratch)?;
        let place = std::fs::canonicalize(scratch.join(&file)).map_err(|_| missing())?;
        if place.starts_with(&scratch) && place.is_file() { Ok(place) } else { Err(missing()) }
    }

    fn strip(&self, input: &BuildInput, files: &[(PathBuf, bool)]) -> Result<(), Failure> {
        let files: Vec<_> = files.iter().filter(|(_, strip)| *strip).map(|(file, _)| file).collect();
        let name = if input.toolchain.cc.as_deref() == Some("clang") { "llvm-strip" } else { "strip" };
        let (false, Some(strip)) = (files.is_empty(), self.environment.program(name)) else { return Ok(()) };
        let output = process::output(Command::new(strip).arg("-g").args(&files))?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            self.sink.event(&Event::Note {
                text: &format!(
                    "{name} failed for {}, which keeps its debugging symbols: {}",
                    input.instance.module,
                    said.trim()
                ),
            });
        }
        Ok(())
    }

    /// How hard to compress; options that mean nothing here are named once for each run.
    fn effort(&self) -> Effort {
        *self.effort.get_or_init(|| {
            let own = &self.settings.framework;
            let (effort, unknown) =
                Effort::parse(&own.compress_gzip_opts, &own.compress_xz_opts, &own.compress_zstd_opts);
            if !unknown.is_empty() {
                let text = format!(
                    "These compression options of framework.conf mean nothing to evermod, which compresses by itself: {}",
                    unknown.join(", ")
                );
                self.sink.event(&Event::Note { text: &text });
            }
            effort
        })
    }

    fn compress(&self, file: &Path, compression: Compression) -> Result<(), Failure> {
        if compression != Compression::None {
            let packed = compression.compress_as(&fs_err::read(file)?, self.effort())?;
            fs_err::write(file.with_extension(format!("ko{}", compression.suffix())), packed)?;
            fs_err::remove_file(file)?;
        }
        Ok(())
    }
}

/// Makes `place` lead to `staging`; what was there is moved aside and its new place returned.
fn replace_with_link(staging: &Path, place: &Path) -> Result<Option<PathBuf>, Failure> {
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    let aside = place.with_file_name(format!(".tmp_{name}_aside"));
    let old = place.symlink_metadata().is_ok();
    if old {
        fs_err::rename(place, &aside)?;
    }
    fs_err::os::unix::fs::symlink(staging, place)?;
    Ok(old.then_some(aside))
}
