//! Whole configurations from files in a root: literals, shell, overrides, directives, errors.

#![allow(clippy::unwrap_used, clippy::panic)]

use evermod_core::config::shell::NoShell;
use evermod_core::config::{
    ConfigError, EvaluatedBy, FindingKind, LoadRequest, LoadedModule, Severity, Vars, load_module,
};
use evermod_core::exec::shell::ConfinedBash;
use evermod_core::model::{Arch, KernelRelease, ModuleId};
use evermod_core::root::Root;
use std::rc::Rc;

const CONF: &str = "/usr/src/m-1/dkms.conf";
const HEAD: &str = "PACKAGE_NAME=m\nPACKAGE_VERSION=1\nDEST_MODULE_LOCATION=/kernel/x\n";

struct Place {
    _dir: tempfile::TempDir,
    root: Root,
    request: LoadRequest,
}

impl Place {
    fn new(conf: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::new(dir.path());
        let request = LoadRequest {
            conf: CONF.into(),
            overrides: Some("/etc/dkms".into()),
            module: Some(ModuleId::new("m", "1").unwrap()),
            kernel: Some(KernelRelease::new("6.1.0-9-amd64").unwrap()),
            arch: Some(Arch::new("x86_64").unwrap()),
            scope: Rc::new(Vars::from_iter([("kernel_source_dir", "/lib/modules/6.1.0-9-amd64/build")])),
            ..LoadRequest::default()
        };
        let place = Self { _dir: dir, root, request };
        place.file(CONF, conf);
        place
    }

    fn file(&self, path: &str, text: &str) {
        let place = self.root.at(path);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::fs::write(place, text).unwrap();
    }

    fn load(&self) -> Result<LoadedModule, ConfigError> {
        load_module(&self.root, &self.request, &ConfinedBash::new())
    }

    fn literally(&self) -> LoadedModule {
        load_module(&self.root, &self.request, &NoShell).unwrap()
    }
}

fn kinds(loaded: &LoadedModule) -> Vec<(Severity, FindingKind, Option<usize>)> {
    loaded.findings.iter().map(|f| (f.severity, f.kind, f.record)).collect()
}

#[test]
fn defaults_of_one_module() {
    let loaded =
        Place::new(&format!("{HEAD}AUTOINSTALL=YES\nMAKE='make K=$kernelver V=${{PACKAGE_VERSION}}'\r\n"))
            .literally();
    assert_eq!(loaded.findings, []);
    let d = &loaded.directives;
    assert_eq!((d.package_name.as_str(), d.package_version.as_str(), d.autoinstall), ("m", "1", true));
    assert_eq!(d.make[&0], "make K=6.1.0-9-amd64 V=1");
    let [record] = d.records.as_slice() else { panic!("{:?}", d.records) };
    assert_eq!((record.built_name.as_str(), record.dest_name.as_str(), record.strip), ("m", "m", true));
    assert_eq!(loaded.sources.len(), 1);
    assert_eq!(loaded.sources[0].sha256.len(), 64);
}

#[test]
fn overrides_win_element_by_element_in_order() {
    let mut place = Place::new(&format!("{HEAD}MAKE=(a b)\nAUTOINSTALL=yes\nPATCH[5]=five\n"));
    place.file("/etc/dkms/m.conf", "MAKE[0]=\"${MAKE[0]} then m\"\nAUTOINSTALL=\n");
    place.file("/etc/dkms/m-1-6.1.0-9-amd64-x86_64.conf", "MAKE=$(echo shell)\nPRE_BUILD='x $arch'\n");
    place.file("/etc/dkms/m--6.1.0-9-amd64.conf", "POST_BUILD=\"after $MAKE\"\n");
    place.request.directives = vec!["STRIP=no".into(), "POST_ADD=a \"b\" $c".into()];
    let loaded = place.load().unwrap();
    let d = &loaded.directives;
    assert_eq!((d.make[&0].as_str(), d.make[&1].as_str(), d.autoinstall), ("shell", "b", false));
    assert_eq!(d.pre_build.as_deref(), Some("x x86_64"));
    assert_eq!(d.post_build.as_deref(), Some("after shell"));
    assert_eq!(d.post_add.as_deref(), Some("a \"b\" $c"));
    assert_eq!(d.patches[0].file, "five");
    assert!(!d.records[0].strip);
    assert_eq!(loaded.sources.len(), 4);
    let EvaluatedBy::Shell { path, place: why } = &loaded.evaluated_by else { panic!() };
    assert_eq!(
        (path.to_str().unwrap(), why.line, why.column),
        ("/etc/dkms/m-1-6.1.0-9-amd64-x86_64.conf", 1, 6)
    );
    place.request.module = None;
    place.request.directives.clear();
    let loaded = place.literally();
    assert_eq!((loaded.directives.make[&0].as_str(), loaded.sources.len()), ("a", 1));
}

#[test]
fn the_second_reading() {
    let place = Place::new(&format!(
        "{HEAD}MAKE=\"make FOO=\\\"ab\\\"\"\nPRE_BUILD=\"x \\\"a b\\\"\"\nPOST_BUILD='p $(echo twice) $PRE_INSTALL'\nPRE_INSTALL=\"\\\\\\$(pwd)\"\nPOST_ADD='a\n\n   b'\n"
    ));
    let loaded = place.load().unwrap();
    let d = &loaded.directives;
    assert_eq!(d.make[&0], "make FOO=ab");
    assert_eq!(d.pre_build, None);
    assert_eq!(d.post_build.as_deref(), Some("p twice $(pwd)"));
    assert_eq!(d.pre_install.as_deref(), Some("$(pwd)"));
    assert_eq!(d.post_add.as_deref(), Some("a b"));
    assert_eq!(kinds(&loaded), [(Severity::Warning, FindingKind::Destroyed, None)]);
    // An override for something else must not read these values a third time.
    place.file("/etc/dkms/m.conf", "AUTOINSTALL=yes\n");
    let again = place.load().unwrap();
    assert_eq!(again.directives.pre_install, d.pre_install);
    assert!(again.directives.autoinstall);
}

#[test]
fn shell_files() {
    let place = Place::new(&format!(
        "{HEAD}if [ -e \"${{BASH_SOURCE%/*}}/Makefile\" ]; then MAKE=found; fi\nfoo\nDKMS_DIRECTIVE_X=POST_ADD=p\n"
    ));
    place.file("/usr/src/m-1/Makefile", "");
    let loaded = place.load().unwrap();
    assert_eq!(loaded.directives.make[&0], "found");
    assert_eq!(loaded.directives.post_add.as_deref(), Some("p"));
    assert_eq!(kinds(&loaded), [(Severity::Warning, FindingKind::Said, None)]);
    let loaded = Place::new(&format!("{HEAD}exit 1\n")).load().unwrap();
    assert_eq!(loaded.errors().count(), 2);
    assert!(loaded.findings.iter().any(|f| f.kind == FindingKind::Exited));
    assert!(matches!(
        load_module(&place.root, &place.request, &NoShell),
        Err(ConfigError::Shell { place, .. }) if place.line == 4 && place.column == 1
    ));
}

#[test]
fn syntax_errors_have_a_place() {
    for (tail, place) in [
        ("if true; then\n  MAKE=x\n  fi; fi\n", "6:7"),
        ("MAKE=\"open\n", "4:6"),
        ("MAKE=x)\n", "4:7"),
        ("X=1\nfor\n", "5:1"),
    ] {
        let error = Place::new(&format!("{HEAD}{tail}")).load().unwrap_err();
        assert!(matches!(error, ConfigError::Syntax { .. }), "{error}");
        let text = error.to_string();
        assert!(text.starts_with(&format!("{CONF}:{place}: ")), "{tail:?}: {text}");
        assert!(!text.contains('\n'), "{text}");
    }
    let place = Place::new(&"# x\n".repeat(300_000));
    assert!(place.load().unwrap_err().to_string().contains("dkms.conf: larger"));
    let mut place = Place::new(HEAD);
    place.request.conf = "/usr/src/m-1".into();
    assert!(matches!(place.load(), Err(ConfigError::Missing { .. })));
    place.request.conf = "/usr/src/none/dkms.conf".into();
    assert!(matches!(place.load(), Err(ConfigError::Missing { .. })));
    place.request.directives = vec!["no equals sign".into()];
    assert!(matches!(place.load(), Err(ConfigError::Directive(_))));
}

#[test]
fn files_that_are_not_utf8() {
    let place = Place::new(HEAD);
    let mut bytes = HEAD.as_bytes().to_vec();
    bytes.extend(b"# caf\xe9\nMAKE=\"make\"\n");
    std::fs::write(place.root.at(CONF), bytes).unwrap();
    let loaded = place.load().unwrap();
    assert_eq!(loaded.directives.make[&0], "make");
    assert!(
        matches!(loaded.evaluated_by, EvaluatedBy::Shell { place, .. } if (place.line, place.column) == (4, 6))
    );
}

#[test]
fn validation() {
    use FindingKind::*;
    use Severity::{Error, Warning};
    let error = |kind, record| (Error, kind, record);
    let two = "PACKAGE_NAME=m\nPACKAGE_VERSION=1\nBUILT_MODULE_NAME=(a b)\nDEST_MODULE_LOCATION=(/kernel /extramodules)\n";
    for (text, strict, expected) in [
        ("", false, vec![error(Missing, None), error(Missing, None)]),
        (two, true, vec![]),
        (HEAD, true, vec![]),
        ("PACKAGE_NAME=m\nPACKAGE_VERSION=1\n", true, vec![(Warning, ZeroModules, None)]),
        ("PACKAGE_NAME=m\nPACKAGE_VERSION=1\n", false, vec![]),
        (
            "PACKAGE_NAME=n\nPACKAGE_VERSION=1\nDEST_MODULE_LOCATION=/extra\n",
            true,
            vec![(Warning, Identity, None)],
        ),
        (
            &format!("{two}DEST_MODULE_NAME[1]=a\nBUILT_MODULE_NAME[1]=a\n"),
            true,
            vec![error(Duplicate, Some(1)), error(Duplicate, Some(1))],
        ),
        (
            &format!(
                "{two}BUILT_MODULE_NAME[1]=b.ko\nDEST_MODULE_NAME[1]=c.o\nDEST_MODULE_LOCATION[1]=/lib\n"
            ),
            false,
            vec![error(Suffix, Some(1)), error(Suffix, Some(1)), error(Destination, Some(1))],
        ),
        (
            &format!("{two}BUILT_MODULE_NAME[3]=d\nDEST_MODULE_LOCATION[3]=/extra\n"),
            false,
            vec![error(Missing, Some(2)), error(Missing, Some(2))],
        ),
        (
            &format!("{two}BUILT_MODULE_NAME[2]=d\n"),
            false,
            vec![error(Missing, Some(2)), error(LengthMismatch, None)],
        ),
        (&format!("{HEAD}AUTOINSTALL=maybe\nNO_WEAK_MODULES=No\n"), false, vec![error(Boolean, None)]),
        (
            &format!("{HEAD}CLEAN='make clean'\nREMAKE_INITRD=yes\nOBSOLETE_BY=6\n"),
            true,
            vec![(Severity::Deprecated, FindingKind::Deprecated, None); 3],
        ),
        (&format!("{HEAD}CLEAN=/bin/true\n"), true, vec![]),
        (&format!("{HEAD}DEST_MODULE_NAME=../x\n"), false, vec![error(Escapes, Some(0))]),
        (&format!("{HEAD}DEST_MODULE_LOCATION=/kernel/../../x\n"), false, vec![error(Escapes, Some(0))]),
    ] {
        let mut place = Place::new(text);
        place.request.strict = strict;
        assert_eq!(kinds(&place.literally()), expected, "{text} strict {strict}");
    }
}

#[test]
fn sparse_arrays_and_inheritance() {
    let place = Place::new(&format!(
        "{HEAD}BUILT_MODULE_NAME=(a b c)\nDEST_MODULE_LOCATION=(/kernel /kernel /kernel)\nBUILT_MODULE_LOCATION[1]=src//\n\
         STRIP[0]=no\nSTRIP[2]=Yes\nMAKE[4]=m4\nMAKE_MATCH[4]=^6\nPATCH[9]=p9\nPATCH[2]=p2\nPATCH_MATCH[9]=^5\n\
         BUILD_DEPENDS=\"x y\"\nBUILD_DEPENDS[3]=z\nOBSOLETE_BY=6.9\nBUILD_EXCLUSIVE_KERNEL='^6\\.'\nBUILD_EXCLUSIVE_ARCH[2]=x86\n\
         BUILD_EXCLUSIVE_CONFIG='CONFIG_A !CONFIG_B'\n"
    ));
    let loaded = place.literally();
    assert_eq!(loaded.findings, []);
    let d = &loaded.directives;
    assert_eq!(d.records.iter().map(|r| r.strip).collect::<Vec<_>>(), [false, false, true]);
    assert_eq!(d.records[1].built_location, "src/");
    assert_eq!((d.make[&4].as_str(), d.make_match[&4].as_str()), ("m4", "^6"));
    assert_eq!(d.patches.iter().map(|p| p.file.as_str()).collect::<Vec<_>>(), ["p2", "p9"]);
    assert_eq!(d.patches[1].matches.as_deref(), Some("^5"));
    assert_eq!(d.build_depends, ["x", "y", "z"]);
    assert_eq!(d.exclusive.kernel.as_deref(), Some("^6\\."));
    assert_eq!(d.exclusive.kernel_max.as_deref(), Some("6.9"));
    assert_eq!(d.exclusive.config, ["CONFIG_A", "!CONFIG_B"]);
    assert_eq!((d.exclusive.arch.as_deref(), d.records[2].exclusive.arch.as_deref()), (None, Some("x86")));
    assert!(!d.is_unrestricted());
    assert_eq!(
        Place::new("PACKAGE_NAME=m\nPACKAGE_VERSION=1\nBUILT_MODULE_NAME[9999]=x\n")
            .literally()
            .errors()
            .count(),
        1
    );
}
