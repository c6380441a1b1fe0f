//! What a transaction will leave behind: each module for each kernel in question, judged before anything is changed.

use super::{Note, Plan};
use crate::config::Importance;
use crate::inventory::{Candidate, Incoming, State};
use crate::model::{Failure, Instance, KernelRelease, ModuleId};
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
    /// It does not build.
    Fails {
        /// What failed, with the first error and the log on lines of their own.
        why: String,
    },
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
    /// What failed in these builds, as text, and whether a compiler has judged it: else it may lie at what is not
    /// installed yet.
    pub failed: &'a [(Instance, String, bool)],
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
        Outlook::Excluded { .. } | Outlook::NoHeaders { .. } => lands,
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
    if let Some((_, why, is_judged)) = evidence.failed.iter().find(|(failed, ..)| failed == instance) {
        let why = why.clone();
        return match *is_judged || evidence.incoming.tools.is_empty() {
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

    fn judged(
        incoming: &Incoming,
        candidates: &[Candidate],
        failed: &[(Instance, String, bool)],
    ) -> Forecast {
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
            header_hint: &|kernel| format!("install linux-headers-{kernel}"),
        })
    }

    #[test]
    fn only_what_is_critical_and_lands_without_stops_a_transaction() {
        let bare = |name: &str| Candidate { headers: false, key: None, ..candidate(name, "6.2") };
        let excluded =
            |name: &str| Candidate { excluded: Some("BUILD_EXCLUSIVE".into()), ..candidate(name, "6.2") };
        let fails = |c: &Candidate| vec![(c.instance.clone(), format!("{} broke", c.instance.module), true)];
        let lacks = |c: &Candidate| vec![(c.instance.clone(), "no pahole".to_string(), false)];
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
