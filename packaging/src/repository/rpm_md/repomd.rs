//! `repomd.xml`: which lists there are, and their digests.

use super::super::RepositoryError;
use super::LISTS;

/// What `repomd.xml` says of one list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Data {
    /// `primary`, `filelists` or `other`.
    pub kind: String,
    /// Below `repodata`.
    pub name: String,
    /// SHA-256 of the file.
    pub digest: String,
    /// Of the file, in bytes.
    pub size: u64,
    /// SHA-256 of what is in it.
    pub open_digest: String,
    /// Of what is in it, in bytes.
    pub open_size: u64,
    /// When it was made, in seconds since 1970.
    pub time: u64,
}

/// A `repomd.xml`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Repomd {
    /// The three lists of packages.
    pub data: Vec<Data>,
    /// What others have put there, word for word: groups, modules, notices of updates.
    pub other: Vec<String>,
}

impl Repomd {
    /// Reads it. Databases made of the lists (`primary_db`, `primary_zck`) are left out: they go out of date with them.
    ///
    /// # Errors
    /// It does not describe one of the lists.
    pub fn parse(text: &str) -> Result<Self, RepositoryError> {
        let mut out = Self::default();
        let mut rest = text;
        while let Some((_, after)) = rest.split_once("<data type=\"") {
            let damaged =
                || RepositoryError::Index("repomd.xml describes a list of packages in no known way".into());
            let (body, tail) = after.split_once("</data>").ok_or_else(damaged)?;
            rest = tail;
            let kind = body.split('"').next().unwrap_or_default();
            let between = |from: &str, to: &str| Some(body.split_once(from)?.1.split_once(to)?.0.trim());
            let stem = kind.strip_suffix("_db").or_else(|| kind.strip_suffix("_zck")).unwrap_or(kind);
            if !LISTS.contains(&stem) {
                out.other.push(format!("  <data type=\"{body}</data>\n"));
                continue;
            }
            if stem != kind {
                continue;
            }
            let read = || {
                Some(Data {
                    kind: kind.to_owned(),
                    name: between("href=\"repodata/", "\"").filter(|name| !name.contains('/'))?.to_owned(),
                    digest: between("<checksum type=\"sha256\">", "<")?.to_owned(),
                    size: between("<size>", "<")?.parse().ok()?,
                    open_digest: between("<open-checksum type=\"sha256\">", "<")?.to_owned(),
                    open_size: between("<open-size>", "<")?.parse().ok()?,
                    time: between("<timestamp>", "<")?.parse().ok()?,
                })
            };
            out.data.push(read().ok_or_else(damaged)?);
        }
        Ok(out)
    }

    /// What it says of a list.
    pub fn list(&self, kind: &str) -> Option<&Data> {
        self.data.iter().find(|data| data.kind == kind)
    }

    /// The files below `repodata` that others have put there.
    pub fn other_names(&self) -> impl Iterator<Item = &str> {
        let name = |body: &'_ String| -> Option<(usize, usize)> {
            let start = body.find("href=\"repodata/")? + "href=\"repodata/".len();
            Some((start, start + body.get(start..)?.find('"')?))
        };
        let names = self
            .other
            .iter()
            .filter_map(move |body| name(body).and_then(|(start, end)| body.get(start..end)));
        names.filter(|name| !name.contains('/'))
    }

    /// Its text; `time` is the revision.
    pub fn text(&self, time: u64) -> String {
        let mut out = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<repomd xmlns=\"http://linux.duke.edu/metadata/repo\" \
             xmlns:rpm=\"http://linux.duke.edu/metadata/rpm\">\n  <revision>{time}</revision>\n"
        );
        for Data { kind, name, digest, size, open_digest, open_size, time } in &self.data {
            out.push_str(&format!(
                "  <data type=\"{kind}\">\n    <checksum type=\"sha256\">{digest}</checksum>\n    \
                 <open-checksum type=\"sha256\">{open_digest}</open-checksum>\n    \
                 <location href=\"repodata/{name}\"/>\n    <timestamp>{time}</timestamp>\n    \
                 <size>{size}</size>\n    <open-size>{open_size}</open-size>\n  </data>\n"
            ));
        }
        for body in &self.other {
            out.push_str(body);
        }
        out.push_str("</repomd>\n");
        out
    }
}
