//! What a transaction will leave behind: each module for each kernel in question, judged before anything is changed.

use super::{Note, Plan};
use crate::config::Importance;
use crate::inventory::{Candidate, Incoming, State};
use crate::model::{Failure, FailureRecord, Instance, KernelRelease, ModuleId};
use crate::report::failure_text;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// All verdicts on a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forecast {
    /// Format of this value: 1.
    pub version: u32,
    /// Kernels whose image arrives.
    pub kernels: Vec<KernelRelease>,
    /// One for each instance in question.
    pub verdicts: Vec<Verdict>,
    /// What could not be judged, and why; full sentences.
    pub unknown: Vec<String>,
    /// Whether the transaction should be stopped.
    pub veto: bool,
}

/// What will become of one instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The module.
    pub module: ModuleId,
    /// The kernel.
    pub kernel: KernelRelease,
    /// How much the module matters.
    pub importance: Importance,
    /// What will become of it.
    #[serde(flatten)]
    pub outlook: Outlook,
    /// Whether the transaction should be stopped for it.
    pub veto: bool,
}

/// What will become of an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "outlook")]
pub enum Outlook {
    /// It is there, or built and only waits for the kernel.
    Ready,
    /// Nothing speaks against it; it is built when the kernel is there.
    Expected,
    /// It cannot be told now.
    Unknown {
        /// Why.
        why: String,
    },
    /// It is not meant for this kernel.
    Excluded {
        /// The directive.
        why: String,
    },
    /// The kernel comes without headers.
    NoHeaders {
        /// How to get them, as a clause.
        hint: String,
    },
    /// It did not build when that was last tried; it is not tried now.
    FailedBefore {
        /// The first error.
        why: String,
    },
    /// It does not build.
    Fails {
        /// What failed, with the first error and the log on lines of their own.
        why: String,
    },
}

impl Outlook {
    /// Whether the names of packages alone have told it, where a manager asks before its question and once more later.
    pub fn is_told_by_names(&self) -> bool {
        matches!(self, Self::NoHeaders { .. } | Self::Excluded { .. } | Self::FailedBefore { .. })
    }
}

/// One of the builds before a transaction that did not end well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// Which one.
    pub instance: Instance,
    /// What failed, with the first error and the log on lines of their own.
    pub why: String,
    /// Whether a tool has judged the sources: else it may lie at what is not installed yet.
    pub is_judged: bool,
}

/// What is known when the verdicts are to be given.
pub struct Evidence<'a> {
    /// What arrives.
    pub incoming: &'a Incoming,
    /// All instances in question.
    pub candidates: &'a [Candidate],
    /// What was planned for those that were to be built.
    pub plan: &'a Plan,
    /// What was built or waited in the cache.
    pub ready: &'a BTreeSet<Instance>,
    /// What failed in these builds.
    pub failed: &'a [Failed],
    /// Whether a module is among those that are built now, for what is known of earlier tries to be of no account.
    pub is_built_now: &'a dyn Fn(&str) -> bool,
    /// How much a module matters.
    pub importance: &'a dyn Fn(&str) -> Importance,
    /// How to get the headers of a kernel.
    pub header_hint: &'a dyn Fn(&KernelRelease) -> String,
}

/// Judges.
pub fn forecast(evidence: &Evidence<'_>) -> Forecast {
    let mut verdicts: Vec<Verdict> = evidence
        .candidates
        .iter()
        .filter(|candidate| candidate.autoinstall)
        .map(|candidate| verdict(candidate, evidence))
        .collect();
    verdicts.sort_by(|a, b| {
        (a.importance, &a.kernel, &a.module.name).cmp(&(b.importance, &b.kernel, &b.module.name))
    });
    Forecast {
        version: 1,
        kernels: evidence.incoming.images.iter().cloned().collect(),
        veto: verdicts.iter().any(|verdict| verdict.veto),
        verdicts,
        unknown: evidence.incoming.unread.clone(),
    }
}

impl Forecast {
    /// What people should hear, one paragraph each; with `all` what is well too.
    pub fn told(&self, all: bool) -> Vec<String> {
        let mut told = Vec::new();
        let is_told = |v: &&Verdict| all || v.importance != Importance::Optional;
        let mut without_headers: BTreeMap<(&KernelRelease, &str), Vec<String>> = BTreeMap::new();
        for verdict in self.verdicts.iter().filter(is_told) {
            let Verdict { module, kernel, .. } = verdict;
            match &verdict.outlook {
                Outlook::Ready if all => told.push(format!("{module} is ready for kernel {kernel}")),
                Outlook::Expected if all => told.push(format!(
                    "{module} will be built for kernel {kernel} when it is there; nothing speaks against it"
                )),
                Outlook::Ready | Outlook::Expected => {}
                Outlook::Unknown { why } => {
                    told.push(format!("{module} for kernel {kernel} cannot be judged yet: {why}"));
                }
                Outlook::Excluded { why } => {
                    told.push(format!(
                        "{module} is not meant for kernel {kernel}, which will lack it: {why}"
                    ));
                }
                Outlook::NoHeaders { hint } => {
                    without_headers.entry((kernel, hint)).or_default().push(module.to_string());
                }
                Outlook::FailedBefore { why } => told.push(format!(
                    "{module} did not build for kernel {kernel} when it was last tried: {why}"
                )),
                Outlook::Fails { why } => told.push(match why.contains(&module.name) {
                    true => why.clone(),
                    false => format!("{module} for kernel {kernel}: {why}"),
                }),
            }
        }
        for ((kernel, hint), modules) in without_headers {
            let modules = modules.join(", ");
            told.push(match self.kernels.contains(kernel) {
                true => format!("kernel {kernel} arrives without headers, so it will lack {modules}; {hint}"),
                false => format!(
                    "prebuilt modules of {modules} go, and cannot be built for kernel {kernel}, which has no headers; {hint}"
                ),
            });
        }
        told.extend(self.unknown.iter().cloned());
        let vetoes = self.verdicts.iter().filter(|verdict| verdict.veto);
        let lacks: Vec<String> = vetoes.map(|v| format!("{} for kernel {}", v.module, v.kernel)).collect();
        if !lacks.is_empty() {
            let lacks = lacks.join(", ");
            told.push(match self.veto {
                true => format!(
                    "stopped before anything was changed, since this is critical: {lacks}\n  to go ahead all the same: \
                     veto = false under [preflight] in /etc/evermod/evermod.toml"
                ),
                false => format!("this is critical, and will be missing: {lacks}"),
            });
        }
        told
    }
}

fn verdict(candidate: &Candidate, evidence: &Evidence<'_>) -> Verdict {
    let Instance { module, kernel, .. } = &candidate.instance;
    let importance = (evidence.importance)(&module.name);
    let outlook = outlook(candidate, evidence);
    // A kernel comes, or what has served one goes.
    let departing = &evidence.incoming.departing;
    let lands = evidence.incoming.images.contains(kernel)
        || departing.iter().any(|(k, name)| k == kernel && *name == module.name);
    let is_bad = match &outlook {
        Outlook::Ready | Outlook::Expected | Outlook::Unknown { .. } => false,
        Outlook::Excluded { .. } | Outlook::NoHeaders { .. } | Outlook::FailedBefore { .. } => lands,
        // Of a kernel that is there, the transaction can only spoil what it brings anew.
        Outlook::Fails { .. } => lands || !evidence.incoming.sources.is_empty(),
    };
    Verdict {
        module: module.clone(),
        kernel: kernel.clone(),
        veto: is_bad && importance == Importance::Critical,
        importance,
        outlook,
    }
}

fn outlook(candidate: &Candidate, evidence: &Evidence<'_>) -> Outlook {
    let instance = &candidate.instance;
    if let State::Prebuilt { .. } = candidate.state {
        return Outlook::Ready;
    }
    if let Some(why) = &candidate.excluded {
        return Outlook::Excluded { why: why.clone() };
    }
    if let Some(failed) = evidence.failed.iter().find(|failed| failed.instance == *instance) {
        let why = failed.why.clone();
        return match failed.is_judged || evidence.incoming.tools.is_empty() {
            true => Outlook::Fails { why },
            false => Outlook::Unknown { why },
        };
    }
    if evidence.ready.contains(instance) {
        return Outlook::Ready;
    }
    for note in &evidence.plan.notes {
        match note {
            Note::FailedBefore { failure } if failure.instance == *instance => {
                let why = failure_text(&Failure::FailedBefore {
                    module: instance.module.clone(),
                    kernel: instance.kernel.clone(),
                    diagnosis: failure.diagnosis.clone(),
                    log: failure.log.clone(),
                });
                return Outlook::Fails { why };
            }
            Note::Blocked { instance: blocked, missing }
            | Note::Deferred { instance: blocked, missing }
            | Note::OnlyPrebuilt { instance: blocked, missing }
                if blocked == instance =>
            {
                return Outlook::Fails {
                    why: format!("it needs {}, which will not be there", missing.join(", ")),
                };
            }
            _ => {}
        }
    }
    let is_there = matches!(candidate.state, State::Installed | State::Weak(_) | State::Built);
    if is_there && !candidate.is_stale() {
        return Outlook::Ready;
    }
    // What has changed since, if that can be told, may end otherwise.
    let is_same = |failure: &&FailureRecord| candidate.key.as_ref().is_none_or(|key| *key == failure.key);
    if let Some(failure) = candidate.failure.as_ref().filter(is_same)
        && !(evidence.is_built_now)(&instance.module.name)
    {
        let why = failure.diagnosis.as_ref().map_or(failure.message.clone(), ToString::to_string);
        return Outlook::FailedBefore { why };
    }
    let has_headers = candidate.headers || evidence.incoming.headers.contains(&instance.kernel);
    match has_headers {
        true => Outlook::Expected,
        false => Outlook::NoHeaders { hint: (evidence.header_hint)(&instance.kernel) },
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing;
    use super::*;

    fn candidate(name: &str, kernel: &str) -> Candidate {
        Candidate { image: false, ..testing::candidate(name, kernel, State::Added) }
    }

    fn incoming(images: &[&str], headers: &[&str]) -> Incoming {
        let releases = |names: &[&str]| names.iter().map(|n| KernelRelease::new(n).unwrap()).collect();
        Incoming { images: releases(images), headers: releases(headers), ..Incoming::default() }
    }

    fn judged(incoming: &Incoming, candidates: &[Candidate], failed: &[Failed]) -> Forecast {
        forecast(&Evidence {
            incoming,
            candidates,
            plan: &Plan::default(),
            ready: &BTreeSet::new(),
            failed,
            importance: &|name| match name {
                "zfs" => Importance::Critical,
                "toy" => Importance::Optional,
                _ => Importance::Wanted,
            },
            is_built_now: &|name| name == "zfs",
            header_hint: &|kernel| format!("install linux-headers-{kernel}"),
        })
    }

    #[test]
    fn only_what_is_critical_and_lands_without_stops_a_transaction() {
        let bare = |name: &str| Candidate { headers: false, key: None, ..candidate(name, "6.2") };
        let excluded =
            |name: &str| Candidate { excluded: Some("BUILD_EXCLUSIVE".into()), ..candidate(name, "6.2") };
        let failed = |c: &Candidate, why: String, is_judged| {
            vec![Failed { instance: c.instance.clone(), why, is_judged }]
        };
        let fails = |c: &Candidate| failed(c, format!("{} broke", c.instance.module), true);
        let lacks = |c: &Candidate| failed(c, "no pahole".to_string(), false);
        let zfs = candidate("zfs", "6.2");
        for (what, arriving, one, failed, veto) in [
            ("headers come", incoming(&["6.2"], &["6.2"]), bare("zfs"), vec![], false),
            ("no headers", incoming(&["6.2"], &[]), bare("zfs"), vec![], true),
            ("no headers, wanted", incoming(&["6.2"], &[]), bare("nvidia"), vec![], false),
            ("headers alone come", incoming(&[], &["6.2"]), zfs.clone(), fails(&zfs), false),
            ("does not build", incoming(&["6.2"], &["6.2"]), zfs.clone(), fails(&zfs), true),
            ("not meant for it", incoming(&["6.2"], &["6.2"]), excluded("zfs"), vec![], true),
            (
                "its sources are replaced by some that do not build",
                Incoming { sources: ["zfs-1".to_string()].into(), ..Incoming::default() },
                zfs.clone(),
                fails(&zfs),
                true,
            ),
            (
                "what it is built with is not all there yet",
                Incoming { tools: vec!["gcc.deb".into()], ..incoming(&["6.2"], &["6.2"]) },
                zfs.clone(),
                lacks(&zfs),
                false,
            ),
            (
                "the compiler that arrives refuses it",
                Incoming { tools: vec!["gcc.deb".into()], ..incoming(&["6.2"], &["6.2"]) },
                zfs.clone(),
                fails(&zfs),
                true,
            ),
        ] {
            let forecast = judged(&arriving, &[one], &failed);
            assert_eq!(forecast.veto, veto, "{what}: {forecast:?}");
        }
    }

    #[test]
    fn prebuilts_that_come_serve_and_those_that_go_are_built_or_missed() {
        let bare = |name: &str| Candidate { headers: false, key: None, ..candidate(name, "6.2") };
        let served = Candidate {
            state: State::Prebuilt { is_built: false },
            excluded: Some("BUILD_EXCLUSIVE".into()),
            ..bare("zfs")
        };
        let comes = judged(&incoming(&["6.2"], &[]), &[served], &[]);
        assert!(!comes.veto && comes.told(false).is_empty(), "a kernel without headers is quiet: {comes:?}");
        let goes = |name: &str| Incoming {
            departing: [(KernelRelease::new("6.2").unwrap(), name.to_string())].into(),
            ..Incoming::default()
        };
        assert!(judged(&goes("zfs"), &[candidate("zfs", "6.2")], &[]).told(false).is_empty(), "it is built");
        let kept = Candidate { state: State::Built, ..bare("zfs") };
        assert!(judged(&goes("zfs"), &[kept], &[]).told(false).is_empty(), "it is in the tree");
        let lost = judged(&goes("nvidia"), &[bare("nvidia")], &[]);
        assert!(!lost.veto);
        assert_eq!(
            lost.told(false),
            [
                "prebuilt modules of nvidia/1 go, and cannot be built for kernel 6.2, which has no headers; install \
              linux-headers-6.2"
            ]
        );
        assert!(judged(&goes("zfs"), &[bare("zfs")], &[]).veto, "it is critical");
    }

    #[test]
    fn the_schema_has_every_outlook() {
        let schema: serde_json::Value =
            serde_json::from_str(include_str!("../../../docs/preflight.schema.json")).unwrap();
        let described: Vec<&serde_json::Value> = schema["$defs"]["verdict"]["oneOf"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| &one["properties"]["outlook"]["const"])
            .collect();
        let text = String::new;
        let outlooks = [
            Outlook::Ready,
            Outlook::Expected,
            Outlook::Unknown { why: text() },
            Outlook::Excluded { why: text() },
            Outlook::NoHeaders { hint: text() },
            Outlook::FailedBefore { why: text() },
            Outlook::Fails { why: text() },
        ];
        let written: Vec<_> =
            outlooks.iter().map(|o| serde_json::to_value(o).unwrap()["outlook"].clone()).collect();
        assert_eq!(written.iter().collect::<Vec<_>>(), described);
        let forecast = judged(&incoming(&["6.2"], &[]), &[candidate("a", "6.2")], &[]);
        let value = serde_json::to_value(&forecast).unwrap();
        for (what, found) in [(&schema, &value), (&schema["$defs"]["verdict"], &value["verdicts"][0])] {
            for name in what["required"].as_array().unwrap() {
                assert!(!found[name.as_str().unwrap()].is_null(), "{name}");
            }
        }
        assert_eq!(serde_json::from_value::<Forecast>(value).unwrap(), forecast);
    }

    #[test]
    fn a_known_failure_is_told_of_what_is_not_tried_now() {
        let failing = |name: &str| {
            let mut c = Candidate { key: None, ..candidate(name, "6.2") };
            c.failure = Some(FailureRecord {
                version: 1,
                instance: c.instance.clone(),
                key: crate::model::BuildKey("k".into()),
                code: 10,
                message: "it does not build".into(),
                diagnosis: Some(crate::model::Diagnosis::at("x.c:1:2", "no")),
                log: "/log".into(),
                time: 0,
            });
            c
        };
        let arriving = incoming(&["6.2"], &["6.2"]);
        let forecast = judged(&arriving, &[failing("a"), failing("zfs"), failing("toy")], &[]);
        assert_eq!(
            forecast.told(false),
            ["a/1 did not build for kernel 6.2 when it was last tried: x.c:1:2: no"],
            "zfs is tried, toy is optional"
        );
        assert!(!forecast.veto);
        let mended = Candidate { key: Some(crate::model::BuildKey("l".into())), ..failing("a") };
        assert!(judged(&arriving, &[mended], &[]).told(false).is_empty());
    }

    #[test]
    fn what_is_told() {
        let bare = |name: &str| Candidate { headers: false, key: None, ..candidate(name, "6.2") };
        let arriving = incoming(&["6.2"], &[]);
        let forecast = judged(&arriving, &[bare("a"), bare("zfs"), bare("toy")], &[]);
        assert_eq!(
            forecast.told(false),
            [
                "kernel 6.2 arrives without headers, so it will lack zfs/1, a/1; install linux-headers-6.2",
                "stopped before anything was changed, since this is critical: zfs/1 for kernel 6.2\n  to go ahead all the \
                 same: veto = false under [preflight] in /etc/evermod/evermod.toml",
            ],
        );
        let well = judged(&incoming(&["6.2"], &["6.2"]), &[candidate("a", "6.2")], &[]);
        assert!(well.told(false).is_empty(), "nothing is said where all is well");
        assert_eq!(well.told(true).len(), 1);
    }
}
