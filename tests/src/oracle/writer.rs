//! Writes one sequence of a theme, step by step, with the tables of the grammar.

use super::grammar::{SOUND, TROUBLED, Theme};
use super::random::Random;

/// A sequence as it grows.
pub(super) struct Writer {
    random: Random,
    theme: Theme,
    name: String,
    versions: Vec<&'static str>,
    /// Options that every command of this sequence has.
    always: String,
    /// The steps so far.
    pub(super) steps: Vec<String>,
}

impl Writer {
    pub(super) fn new(mut random: Random, theme: Theme) -> Self {
        let (name, versions): (&str, &[&str]) = match theme {
            Theme::Trouble => (random.one(&TROUBLED), &["1.0"]),
            Theme::Versions => {
                let several: Vec<_> = SOUND.iter().filter(|(_, versions)| versions.len() > 1).collect();
                several.get(random.below(several.len())).copied().copied().unwrap_or(("plain", &["1.0"]))
            }
            Theme::Depends => ("borrower", &["1.0"]),
            _ => SOUND.get(random.below(SOUND.len())).copied().unwrap_or(("plain", &["1.0"])),
        };
        let always = if theme == Theme::Trees {
            random
                .one(&[
                    "--dkmstree /srv/tree",
                    "--dkmstree=/srv/tree --sourcetree=/srv/src",
                    "--installtree /srv/modules",
                    "--dkmstree /srv/tree --installtree /srv/modules",
                    "--sourcetree /srv/src",
                ])
                .to_owned()
        } else {
            String::new()
        };
        Self { random, theme, name: name.to_owned(), versions: versions.to_vec(), always, steps: Vec::new() }
    }

    pub(super) fn write(&mut self) {
        if self.theme == Theme::Trees {
            self.say("mkdir -p /srv/tree /srv/src /srv/modules && cp -a /usr/src/plain-1.0 /usr/src/quiet-1.0 /usr/src/talk-1.0 /srv/src && cp -a /lib/modules/. /srv/modules".to_owned());
        }
        let length = 3 + self.random.below(5);
        // Most sequences are about a module that is there.
        let opening = self.random.below(100);
        if !matches!(self.theme, Theme::Mistakes | Theme::Paths) {
            match opening {
                0..25 => self.command("add"),
                25..50 => self.command("install"),
                50..60 => self.command("build"),
                60..75 => {
                    self.command("add");
                    self.command("install");
                }
                _ => {}
            }
        }
        while self.steps.len() < length {
            self.step();
        }
        if !self.steps.last().is_some_and(|step| step.contains("dkms status")) {
            self.say(self.plain("status"));
        }
    }

    fn say(&mut self, step: String) {
        self.steps.push(step);
    }

    fn plain(&self, words: &str) -> String {
        if self.always.is_empty() { format!("dkms {words}") } else { format!("dkms {words} {}", self.always) }
    }

    fn step(&mut self) {
        let life = [
            (14, "build"),
            (20, "install"),
            (8, "add"),
            (9, "uninstall"),
            (8, "unbuild"),
            (11, "remove"),
            (12, "status"),
            (3, "autoinstall"),
            (2, "kernel_prerm"),
            (1, "kernel_preinst"),
            (2, "kernel_postinst"),
            (1, "generate_mok"),
        ];
        let kernels = [
            (5, "add"),
            (4, "install"),
            (3, "build"),
            (6, "autoinstall"),
            (4, "kernel_postinst"),
            (4, "kernel_prerm"),
            (2, "kernel_preinst"),
            (4, "status"),
            (2, "remove"),
            (1, "disable"),
        ];
        let archives = [
            (5, "mktarball"),
            (5, "ldtarball"),
            (4, "install"),
            (2, "build"),
            (3, "match"),
            (2, "remove"),
            (3, "status"),
        ];
        let table: &[(usize, &str)] = match self.theme {
            Theme::Kernels => &kernels,
            Theme::Archives => &archives,
            _ => &life,
        };
        let action = self.random.weighted(table).copied().unwrap_or("status");
        match self.theme {
            Theme::Mistakes if self.random.percent(60) => self.mistake(),
            Theme::Damage if self.random.percent(40) => self.damage(),
            Theme::Paths if self.random.percent(60) => self.path(),
            Theme::Kernels if self.random.percent(60) => {
                self.another();
                self.command(action);
            }
            Theme::Depends if self.random.percent(45) => {
                let name = self.random.one(&["lender", "borrower", "needy", "plain"]);
                self.choose(name, &["1.0"]);
                self.command(action);
            }
            _ => self.command(action),
        }
    }

    fn choose(&mut self, name: &str, versions: &[&'static str]) {
        name.clone_into(&mut self.name);
        self.versions = versions.to_vec();
    }

    /// Another module becomes the one that the commands are about.
    fn another(&mut self) {
        if self.random.percent(75) {
            let (name, versions) =
                SOUND.get(self.random.below(SOUND.len())).copied().unwrap_or(("plain", &["1.0"]));
            self.choose(name, versions);
        } else {
            let name = self.random.one(&TROUBLED);
            self.choose(name, &["1.0"]);
        }
    }

    fn version(&mut self) -> String {
        let versions = self.versions.clone();
        self.random.one(&versions).to_owned()
    }

    /// The module and version, as people write them.
    fn module(&mut self) -> String {
        let (name, version) = (self.name.clone(), self.version());
        match self.random.below(20) {
            0..9 => format!("{name}/{version}"),
            9..13 => format!("-m {name} -v {version}"),
            13 => format!("-m {name}/{version}"),
            14 => format!("--module {name} -v {version}"),
            15 => format!("--module={name}/{version}"),
            16 => format!("-v {version} -m {name}"),
            17 => format!("{name} -v {version}"),
            18 => format!("--modulename={name}/{version}"),
            _ => format!("-m ' {name} ' -v {version}"),
        }
    }

    /// The kernel or kernels; often none where the running one will do.
    fn kernel(&mut self) -> String {
        match self.random.below(40) {
            0..13 => "-k $K1".to_owned(),
            13..17 => "-k $K2".to_owned(),
            17 => "--kernelver $K1".to_owned(),
            18 => "--kernelver=$K2".to_owned(),
            19 => "-k $K1/x86_64".to_owned(),
            20 => "-k $K1 -a x86_64".to_owned(),
            21 => "-k $K2 --arch=x86_64".to_owned(),
            22..26 => "-k $K1 -k $K2".to_owned(),
            26 => "-k $K1 -k $K2 -a x86_64".to_owned(),
            27 => "-k $K1/x86_64 -k $K2/x86_64".to_owned(),
            28 => "-k 6.0.0-headless".to_owned(),
            29 => "-k 6.0.1-bodiless".to_owned(),
            30 => "-k 5.9.9-nowhere".to_owned(),
            31 => "-k $K1 -k 6.0.0-headless".to_owned(),
            32 => "-k $K1 -a i386".to_owned(),
            33 => "--kernelversion $K1".to_owned(),
            34 => "-k $R".to_owned(),
            _ => String::new(),
        }
    }

    fn one_kernel(&mut self) -> &'static str {
        self.random.one(&[
            "-k $K1",
            "-k $K1",
            "-k $K1",
            "-k $K2",
            "-k $K2",
            "--kernelver=$K1",
            "-k $K1/x86_64",
            "-k 6.0.0-headless",
            "-k 5.9.9-nowhere",
        ])
    }

    /// Options that may stand on any command.
    fn extra(&mut self, action: &str) -> String {
        let mut words = Vec::new();
        if self.random.percent(14) && matches!(action, "build" | "install" | "add" | "ldtarball") {
            words.push("--force");
        }
        if self.random.percent(3) {
            words.push("--force-version-override");
        }
        if self.random.percent(4) {
            words.push(self.random.one(&["-q", "--quiet"]));
        }
        if self.random.percent(4) {
            words.push("--verbose");
        }
        if self.random.percent(3) {
            words.push("--no-depmod");
        }
        if self.random.percent(3) {
            words.push("-j 2");
        }
        if self.random.percent(3) {
            words.push(self.random.one(&["--no-initrd", "--no-clean-kernel", "--no-prepare-kernel"]));
        }
        if self.random.percent(3) && matches!(action, "build" | "install") {
            words.push(self.random.one(&[
                "--directive AUTOINSTALL=no",
                "--directive=DEST_MODULE_LOCATION=/extra",
                "--directive STRIP=no",
                "--directive 'MAKE=make KERNELRELEASE=told'",
            ]));
        }
        if self.random.percent(2) && matches!(action, "build" | "install") {
            words.push(self.random.one(&[
                "--kernelsourcedir /lib/modules/$K1/build",
                "--kernelsourcedir=/nowhere",
                "--config /lib/modules/$K1/build/.config",
                "--config /nowhere",
                "--symlink-modules",
                "--modprobe-on-install",
            ]));
        }
        words.join(" ")
    }

    /// One command, its words in any order.
    fn command(&mut self, action: &str) {
        let mut parts = match action {
            "status" => self.status(),
            "autoinstall" | "kernel_postinst" | "kernel_prerm" | "kernel_preinst" => {
                vec![action.to_owned(), self.one_kernel().to_owned()]
            }
            "generate_mok" => {
                if self.random.percent(50) {
                    let what = self.random.one(&["mok.key mok.pub", "mok.key", "mok.pub"]);
                    self.say(format!("cd /var/lib/dkms && rm {what}"));
                }
                vec![action.to_owned()]
            }
            "disable" => {
                self.say("touch /etc/dkms/no-autoinstall".to_owned());
                return;
            }
            "add" => vec![action.to_owned(), self.module()],
            "match" => vec![
                action.to_owned(),
                self.random
                    .one(&[
                        "--templatekernel $K1 -k $K2",
                        "--templatekernel=$K1 -k $K2",
                        "--templatekernel $K2 -k $K1",
                        "--templatekernel $K1 -k $K1",
                        "-k $K2",
                        "--templatekernel $K1 -k $K2 -m plain",
                        "--templatekernel $K1 -k $K2 ghost",
                    ])
                    .to_owned(),
            ],
            "mktarball" => {
                let mut parts = vec![action.to_owned(), self.module()];
                parts.push(if self.random.percent(30) { "--all".to_owned() } else { self.kernel() });
                parts.push(
                    self.random
                        .one(&[
                            "",
                            "",
                            "",
                            "--source-only",
                            "--binaries-only",
                            "--archive /root/a.tar.gz",
                            "--archive=/root/a.tar.xz",
                            "--archive a.dkms.tar.gz",
                            "--source-only --binaries-only",
                            "--archive /nowhere/a.tar.gz",
                        ])
                        .to_owned(),
                );
                parts
            }
            "ldtarball" => {
                let operand = self.random.one(&[
                    "/root/a.tar.gz",
                    "--archive=/root/a.tar.xz",
                    "--archive /var/lib/dkms/*/*/tarball/*.tar.gz",
                    "/opt/src/packed.tar.gz",
                    "--archive=/opt/src/packed.tar.gz",
                    "/opt/src/useless.tar.gz",
                    "/opt/src/absent.tar.gz",
                    "/opt/src/text",
                ]);
                vec![action.to_owned(), operand.to_owned()]
            }
            "uninstall" | "unbuild" | "remove" => {
                let mut parts = vec![action.to_owned(), self.module()];
                parts.push(if self.random.percent(40) { "--all".to_owned() } else { self.kernel() });
                parts
            }
            _ => vec![action.to_owned(), self.module(), self.kernel()],
        };
        parts.push(self.extra(action));
        parts.push(self.always.clone());
        self.spoken(parts);
    }

    fn spoken(&mut self, mut parts: Vec<String>) {
        parts.retain(|part| !part.is_empty());
        // The action is mostly first; it need not be.
        if self.random.percent(12) && parts.len() > 1 {
            let to = self.random.below(parts.len());
            let action = parts.remove(0);
            parts.insert(to.min(parts.len()), action);
        }
        let line = format!("dkms {}", parts.join(" "));
        let by_nobody = self.random.percent(3);
        self.say(if by_nobody { format!("runuser -u nobody -- {line}") } else { line });
    }

    fn status(&mut self) -> Vec<String> {
        let (name, version) = (self.name.clone(), self.version());
        let filter = match self.random.below(16) {
            0 => name,
            1 => format!("-m {name}"),
            2 => format!("{name}/{version}"),
            3 => format!("-m {name} -v {version}"),
            4 => "-k $K1".to_owned(),
            5 => format!("-m {name} -k $K2"),
            6 => "'p*'".to_owned(),
            7 => "-k '6.1*'".to_owned(),
            8 => "-a x86_64".to_owned(),
            9 => "-k $K1/x86_64".to_owned(),
            10 => "--all".to_owned(),
            11 => "ghost".to_owned(),
            _ => String::new(),
        };
        vec!["status".to_owned(), filter]
    }

    fn mistake(&mut self) {
        let (name, version) = (self.name.clone(), self.version());
        let line = match self.random.below(44) {
            0 => "dkms".to_owned(),
            1 => "dkms frobnicate".to_owned(),
            2 => format!("dkms instal {name}/{version}"),
            3 => format!("dkms install {name}"),
            4 => format!("dkms build -v {version}"),
            5 => format!("dkms build {name}/{version} install"),
            6 => format!("dkms build {name}/{version} -k"),
            7 => format!("dkms build {name}/{version} -k ''"),
            8 => format!("dkms build {name}/{version} -k=$K1"),
            9 => format!("dkms build {name}/{version} -k$K1"),
            10 => format!("dkms install {name}/{version} --all"),
            11 => format!("dkms remove {name}/{version} --all -k $K1"),
            12 => format!("dkms remove {name}/{version} --all -a x86_64"),
            13 => format!("dkms remove {name}"),
            14 => "dkms remove --all".to_owned(),
            15 => "dkms uninstall".to_owned(),
            16 => "dkms autoinstall -k $K1 -k $K2".to_owned(),
            17 => "dkms autoinstall --all".to_owned(),
            18 => "dkms kernel_prerm".to_owned(),
            19 => "dkms kernel_postinst --all".to_owned(),
            20 => "dkms kernel_preinst -k $K1 -k $K2".to_owned(),
            21 => format!("dkms build {name}/{version} -k $K1 -a x86_64 -a i386"),
            22 => format!("dkms --nonsense build {name}/{version}"),
            23 => "dkms -Z".to_owned(),
            24 => format!("dkms build {name}/{version} more -k $K1"),
            25 => format!("dkms add {name}/{version} {name}/{version}"),
            26 => format!("dkms mktarball {name}/{version} --source-only --binaries-only"),
            27 => "dkms mktarball ghost/1.0".to_owned(),
            28 => "dkms ldtarball".to_owned(),
            29 => "dkms match -k $K1".to_owned(),
            30 => "dkms match --templatekernel $K1 -k $K1".to_owned(),
            31 => format!("dkms add {name}/9.9"),
            32 => format!("dkms add {name}//{version}"),
            33 => "dkms add ''".to_owned(),
            34 => format!("runuser -u nobody -- dkms add {name}/{version}"),
            35 => format!("runuser -u nobody -- dkms install {name}/{version} -k $K1"),
            36 => "runuser -u nobody -- dkms autoinstall -k $K1".to_owned(),
            37 => format!("runuser -u nobody -- dkms build {name}/{version} -k $K1"),
            38 => format!("runuser -u nobody -- dkms remove {name}/{version} --all"),
            39 => "runuser -u nobody -- dkms status".to_owned(),
            40 => "dkms status extra words".to_owned(),
            41 => format!("dkms build {name}/{version} -c /nowhere/dkms.conf -k $K1"),
            42 => format!("dkms status {name}/{version} -k $K1 --frob"),
            _ => "dkms --help >/dev/null".to_owned(),
        };
        self.say(line);
    }

    fn damage(&mut self) {
        let (name, version) = (self.name.clone(), self.version());
        let line = match self.random.below(22) {
            0 => format!("rm -r /usr/src/{name}-{version}"),
            1 => format!("mv /usr/src/{name}-{version} /usr/src/aside; true"),
            2 => format!("mv /usr/src/aside /usr/src/{name}-{version}; true"),
            3 => format!("rm /var/lib/dkms/{name}/{version}/source"),
            4 => format!("rm /var/lib/dkms/{name}/kernel-*"),
            5 => format!("rm -r /var/lib/dkms/{name}/{version}/$K1"),
            6 => format!("rm /var/lib/dkms/{name}/{version}/$K1/x86_64/module/*.ko*"),
            7 => "rm -r /lib/modules/$K1/updates".to_owned(),
            8 => format!("rm /lib/modules/$K1/updates/dkms/{name}.ko*"),
            9 => "for f in /lib/modules/$K1/updates/dkms/*.ko*; do echo x >>$f; done; true".to_owned(),
            10 => format!("rm /usr/src/{name}-{version}/dkms.conf"),
            11 => format!("echo 'DEST_MODULE_NAME[0]=changed' >>/usr/src/{name}-{version}/dkms.conf"),
            12 => format!("echo 'AUTOINSTALL=' >>/usr/src/{name}-{version}/dkms.conf"),
            13 => format!("echo 'DEST_MODULE_LOCATION[0]=/wrong' >>/usr/src/{name}-{version}/dkms.conf"),
            14 => format!("echo 'STRIP[0]=no' >/etc/dkms/{name}.conf"),
            15 => format!("echo 'PRE_BUILD=absent.sh' >/etc/dkms/{name}-{version}.conf"),
            16 => format!("mkdir -p /var/lib/dkms/{name}/{version}/$K1/.tmp_x86_64_abc123/module"),
            17 => format!("mkdir -p /var/lib/dkms/{name}/{version}/$K2/x86_64/log"),
            18 => format!("rm -r /var/lib/dkms/{name}/{version}/build"),
            19 => format!("echo '#error edited' >>/usr/src/{name}-{version}/{name}.c"),
            20 => format!("rm -r /var/lib/dkms/{name}"),
            _ => format!("mkdir -p /var/lib/dkms/{name}/{version}"),
        };
        self.say(line);
    }

    fn path(&mut self) {
        let (name, version) = (self.name.clone(), self.version());
        let line = match self.random.below(20) {
            0 | 1 => "dkms add /opt/src/outside".to_owned(),
            2 => "dkms add /opt/src/outside/dkms.conf".to_owned(),
            3 => "cd /opt/src/outside && dkms add .".to_owned(),
            4 => "dkms add /opt/src/outside --force".to_owned(),
            5 => "dkms install /opt/src/outside -k $K1".to_owned(),
            6 => "dkms build /opt/src/outside -k $K1".to_owned(),
            7 => "dkms add /opt/src/plain-again".to_owned(),
            8 => "dkms add /opt/src/bad".to_owned(),
            9 => "dkms add /opt/src/empty".to_owned(),
            10 => "dkms add /opt/src/absent".to_owned(),
            11 => "dkms add /opt/src/packed.tar.gz".to_owned(),
            12 => "dkms add --archive /opt/src/packed.tar.gz".to_owned(),
            13 => "dkms add /opt/src/text".to_owned(),
            14 => format!("dkms add /usr/src/{name}-{version}"),
            15 => format!("dkms add /usr/src/{name}-{version} --force"),
            16 => "runuser -u nobody -- dkms add /opt/src/outside".to_owned(),
            17 => "dkms install quiet/1.0 -c /opt/src/other-quiet.conf -k $K1".to_owned(),
            18 => "dkms add quiet/1.0 -c /opt/src/other-quiet.conf".to_owned(),
            _ => "dkms remove outside/3.1 --all".to_owned(),
        };
        self.say(line);
    }
}
