//! What the `rpm` crate cannot say, put into its header afterwards. All of it is here, to go when the crate can.
//!
//! * A file trigger has one directory; rpm's own have several, and run once for all of them.
//! * `SOURCERPM` is always `(none)`, which some tools take for the name of a file.
//! * A signature that comes from elsewhere needs one of its OpenPGP libraries to be built in.

use ::rpm::{
    Error, Header, HeaderEntry, IndexData, IndexSignatureTag, IndexTag, Lead, Package as Built,
    PackageMetadata, RpmFormat, SignatureHeaderBuilder,
};
use sha1::{Digest, Sha1};

use crate::{FileTrigger, Package};

const PER_SCRIPT: [IndexTag; 3] = [
    IndexTag::RPMTAG_TRANSFILETRIGGERSCRIPTS,
    IndexTag::RPMTAG_TRANSFILETRIGGERSCRIPTPROG,
    IndexTag::RPMTAG_TRANSFILETRIGGERPRIORITIES,
];

/// Every trigger with each of its directories, in the order in which the builder has to get them.
pub(super) fn single(triggers: &[FileTrigger]) -> impl Iterator<Item = (&FileTrigger, &str)> {
    triggers.iter().flat_map(|trigger| trigger.directories.iter().map(move |dir| (trigger, dir.as_str())))
}

/// Mends the header of a package that was built from `package`.
pub(super) fn patch(built: &mut Built, package: &Package) -> Result<(), Error> {
    // Which trigger each of the builder's is a part of, and which of them come first of theirs.
    let counts = package.file_triggers.iter().map(|trigger| trigger.directories.len());
    let owners: Vec<u32> =
        (0..).zip(counts).flat_map(|(number, count)| std::iter::repeat_n(number, count)).collect();
    let first = |at: &usize| *at == 0 || owners.get(*at) != owners.get(*at - 1);
    let kept: Vec<usize> = (0..owners.len()).filter(first).collect();

    let mut entries = Vec::new();
    for (tag, data) in built.metadata.header.get_all_entries()? {
        let is = |wanted: IndexTag| tag == u32::from(wanted);
        let data = match data {
            // Made anew with the header.
            _ if is(IndexTag::RPMTAG_HEADERIMMUTABLE) => continue,
            _ if is(IndexTag::RPMTAG_SOURCERPM) => IndexData::StringTag(source(package)),
            IndexData::Int32(of) if is(IndexTag::RPMTAG_TRANSFILETRIGGERINDEX) => {
                let owner = |at: u32| owners.get(usize::try_from(at).ok()?).copied();
                IndexData::Int32(of.into_iter().filter_map(owner).collect())
            }
            IndexData::StringArray(list) if PER_SCRIPT.into_iter().any(is) => {
                IndexData::StringArray(pick(&list, &kept))
            }
            IndexData::Int32(list) if PER_SCRIPT.into_iter().any(is) => IndexData::Int32(pick(&list, &kept)),
            data => data,
        };
        entries.push(HeaderEntry::new(tag, data));
    }
    built.metadata.header = Header::from_entries(entries, IndexTag::RPMTAG_HEADERIMMUTABLE);
    let bytes = built.metadata.header_bytes()?;
    built.metadata.signature = SignatureHeaderBuilder::new()
        .format(RpmFormat::V4)
        .set_content_length(bytes.len() as u64 + built.payload.len() as u64)
        .calculate_digests(&bytes)
        .build()?;
    Ok(())
}

fn pick<T: Clone>(list: &[T], kept: &[usize]) -> Vec<T> {
    kept.iter().filter_map(|at| list.get(*at).cloned()).collect()
}

fn source(package: &Package) -> String {
    format!("{}-{}-{}.src.rpm", package.name, package.version.upstream, super::release(&package.version))
}

/// A header of signatures with this one, filled up to where the header may follow. `algorithm` is OpenPGP's number of the
/// key's, by which rpm before version 6 finds the signature; `length` is that of header and payload, in bytes.
pub(super) fn signatures(
    header: &[u8],
    length: u64,
    signature: &[u8],
    algorithm: u8,
) -> Result<Vec<u8>, Error> {
    // RSA has the tag of its own.
    let old = if (1..=3).contains(&algorithm) {
        IndexSignatureTag::RPMSIGTAG_RSA
    } else {
        IndexSignatureTag::RPMSIGTAG_DSA
    };
    let entry = |tag: IndexSignatureTag, data| HeaderEntry::new(u32::from(tag), data);
    let mut entries = vec![
        entry(old, IndexData::Bin(signature.to_vec())),
        entry(IndexSignatureTag::RPMSIGTAG_SHA1, IndexData::StringTag(format!("{:x}", Sha1::digest(header)))),
        entry(IndexSignatureTag::RPMSIGTAG_SHA256, IndexData::StringTag(crate::repository::sha256(header))),
        entry(
            IndexSignatureTag::RPMSIGTAG_OPENPGP,
            IndexData::StringArray(vec![crate::openpgp::base64(signature)]),
        ),
    ];
    entries.push(match u32::try_from(length) {
        Ok(length) => entry(IndexSignatureTag::RPMSIGTAG_SIZE, IndexData::Int32(vec![length])),
        Err(_) => entry(IndexSignatureTag::RPMSIGTAG_LONGSIZE, IndexData::Int64(vec![length])),
    });
    // What it writes as a whole, less what is not wanted here.
    let none = Header::from_entries([], IndexTag::RPMTAG_HEADERIMMUTABLE);
    let lead = Lead::new("");
    let signature = Header::from_entries(entries, IndexSignatureTag::HEADER_SIGNATURES);
    let metadata = PackageMetadata { lead, signature, header: none };
    let mut bytes = Vec::new();
    metadata.write(&mut bytes)?;
    bytes.truncate(bytes.len() - metadata.header_bytes()?.len());
    Ok(bytes.split_off(LEAD))
}

/// The size of the lead, in bytes.
pub(super) const LEAD: usize = 96;
