//! Debian's own packages for a fresh kernel: one after another by dkms, by one sync, and as bare makes under one job
//! server.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use fs_err as fs;

use crate::measure::{Cost, Run, run};
use crate::table::Row;
use crate::trees;
use crate::{DKMS, EVERMOD, check};

/// Where the bare makes happen.
const BARE: &str = "/tmp/bare";

/// Unpacks the packages' sources and registers them. Returns the directories' names.
///
/// # Errors
/// A package cannot be unpacked or registered.
pub fn register(debs: &[PathBuf], dir: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for deb in debs {
        let deb = deb.to_str().context("a package's name")?;
        let unpack = format!("dpkg-deb --fsys-tarfile '{deb}' | tar -x -v -C / --no-same-owner ./usr/src");
        let listing = dir.join("unpacked");
        ensure!(run(&["bash", "-c", &unpack], &listing)?.status == 0, "{deb} cannot be unpacked");
        let text = fs::read_to_string(&listing)?;
        let conf = text.lines().find_map(|l| l.strip_prefix("./usr/src/")?.strip_suffix("/dkms.conf"));
        let name = conf.with_context(|| format!("{deb} carries no dkms.conf"))?.to_owned();
        check(&[DKMS, "add", &format!("/usr/src/{name}")], dir)?;
        names.push(name);
    }
    Ok(names)
}

/// What each package's dkms.conf has make do, as the rules of one makefile.
const RULES: &str = r#"
unset MAKE MAKELEVEL_OLD
K=$1 tree=$2 name=$3 version=$4
kernelver=$K arch=x86_64 kernel_source_dir=/lib/modules/$K/build dkms_tree=$tree source_tree=/usr/src
cd "$tree/$name/$version/build" || exit 1
. ./dkms.conf
for i in "${!PATCH[@]}"; do
  [[ $K =~ ${PATCH_MATCH[$i]} ]] && patch -s -p1 <"patches/${PATCH[$i]}"
done
[ -z "$PRE_BUILD" ] || eval "./$PRE_BUILD"
command=${MAKE[0]:-make -C $kernel_source_dir M=$PWD}
case $command in
  "make "*) command="make KERNELRELEASE=$K ${command#make }" ;;
  "'make' "*) command="make KERNELRELEASE=$K ${command#"'make' "}" ;;
esac
eval "$command"
"#;

/// The bare makes, made ready to run once.
fn prepare_bare(kernel: &str, dir: &Path) -> Result<()> {
    let tree = Path::new(BARE);
    trees::remove_tree(tree)?;
    fs::create_dir_all(tree)?;
    fs::write(tree.join("rule"), RULES)?;
    let mut rules = String::new();
    let mut targets = String::new();
    for module in fs::read_dir(trees::TREE)? {
        let module = module?;
        if !module.file_type()?.is_dir() {
            continue;
        }
        for version in fs::read_dir(module.path())? {
            let version = version?;
            let source = version.path().join("source");
            let conf = fs::read_to_string(source.join("dkms.conf")).unwrap_or_default();
            // Neither program takes up what does not ask for it.
            if !conf.lines().any(|l| l.trim_start().starts_with("AUTOINSTALL=")) {
                continue;
            }
            let (m, v) = (module.file_name(), version.file_name());
            let (m, v) = (m.to_string_lossy(), v.to_string_lossy());
            let build = tree.join(&*m).join(&*v).join("build");
            fs::create_dir_all(build.parent().context("a parent")?)?;
            let (from, to) = (source.join("."), build);
            check(&["cp", "-r", &from.to_string_lossy(), &to.to_string_lossy()], dir)?;
            targets += &format!(" {m}");
            rules += &format!("{m}:\n\t+@bash {BARE}/rule {kernel} {BARE} {m} {v} >{BARE}/{m}.log 2>&1\n");
        }
    }
    fs::write(tree.join("Makefile"), format!("all:{targets}\n{rules}"))?;
    Ok(())
}

/// Both programs and the bare makes, alternating.
///
/// # Errors
/// A program cannot be run, or the two do not install the same modules.
pub fn compare(kernel: &str, packages: usize, rounds: usize, dir: &Path) -> Result<Row> {
    let jobs = std::thread::available_parallelism()?.to_string();
    let (mut ours, mut theirs, mut bare): (Vec<Run>, Vec<Run>, Vec<Run>) = Default::default();
    let (mut modules, mut dkms_modules) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        trees::clear_kernel(kernel)?;
        ours.push(run(&[EVERMOD, "sync", "-k", kernel], &dir.join("evermod-fresh.log"))?);
        modules = trees::installed(kernel)?;
        trees::clear_kernel(kernel)?;
        prepare_bare(kernel, dir)?;
        let makefile = format!("{BARE}/Makefile");
        bare.push(run(&["make", "-k", "-j", &jobs, "-f", &makefile, "all"], &dir.join("bare.log"))?);
        theirs.push(run(&[DKMS, "autoinstall", "-k", kernel], &dir.join("dkms-fresh.log"))?);
        dkms_modules = trees::installed(kernel)?;
        ensure!(!dkms_modules.is_empty(), "round {round}: dkms installed nothing");
        // dkms 3.0 leaves the kernel's own where neither has a version; later ones, and evermod, do not.
        let lacking: Vec<_> = dkms_modules.iter().filter(|m| !modules.contains(m)).collect();
        ensure!(lacking.is_empty(), "round {round}: dkms installed {lacking:?}, evermod did not");
    }
    trees::clear_kernel(kernel)?;
    trees::remove_tree(Path::new(BARE))?;
    let count = |runs: &[Run]| runs.last().map(|r| r.tasks);
    let (theirs, bare) = (Cost::of(&theirs).with_processes(count(&theirs)), Cost::of(&bare));
    let ours = Cost::of(&ours).with_processes(count(&ours));
    let over = ours.least / bare.least;
    Ok(Row::new(format!("{packages} packages for a fresh kernel"), Some(theirs), ours)
        .over(bare)
        .at_most("CPU s / bare makes", over, 1.15)
        .note(format!(
            "{} modules installed by dkms, {} by evermod (where neither a driver nor the kernel's own of that name has a \
             version, dkms 3.0 keeps the kernel's); elapsed: dkms {:.1} s, evermod {:.1} s, the bare makes under one make -j{jobs} \
             {:.1} s (of a machine that may be busy; not judged). The makes neither strip nor sign nor install.",
            dkms_modules.len(),
            modules.len(),
            theirs.wall,
            ours.wall,
            bare.wall
        )))
}
