//! The PKCS#7 structure inside a module's signature (RFC 5652, in the shape that `sign-file` gives it).

use cms::cert::IssuerAndSerialNumber;
use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos};
use const_oid::db::{rfc5911, rfc5912};
use der::asn1::{Any, OctetString, SetOfVec};
use der::{Decode, Encode};
use spki::AlgorithmIdentifierOwned;

use super::{Hash, KeyPair, SignError};

/// Signs `payload`; the result is what stands between module and trailer.
///
/// The digest's algorithm identifier has no parameters and the signature's has NULL, as OpenSSL writes them.
pub(super) fn build(payload: &[u8], pair: &KeyPair, hash: Hash) -> Result<Vec<u8>, SignError> {
    let tbs = &pair.certificate().inner.tbs_certificate;
    let digest = AlgorithmIdentifierOwned { oid: hash.oid(), parameters: None };
    let signer = SignerInfo {
        version: CmsVersion::V1,
        sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
            issuer: tbs.issuer.clone(),
            serial_number: tbs.serial_number.clone(),
        }),
        digest_alg: digest.clone(),
        signed_attrs: None,
        signature_algorithm: AlgorithmIdentifierOwned {
            oid: rfc5912::RSA_ENCRYPTION,
            parameters: Some(Any::null()),
        },
        signature: OctetString::new(pair.sign(payload, hash)?)?,
        unsigned_attrs: None,
    };
    let mut digest_algorithms = SetOfVec::new();
    digest_algorithms.insert(digest)?;
    let mut signers = SetOfVec::new();
    signers.insert(signer)?;
    let signed = SignedData {
        version: CmsVersion::V1,
        digest_algorithms,
        encap_content_info: EncapsulatedContentInfo { econtent_type: rfc5911::ID_DATA, econtent: None },
        certificates: None,
        crls: None,
        signer_infos: SignerInfos(signers),
    };
    let content = Any::from_der(&signed.to_der()?)?;
    Ok(ContentInfo { content_type: rfc5911::ID_SIGNED_DATA, content }.to_der()?)
}

/// The one signer of a signature.
///
/// # Errors
/// Not PKCS#7 signed data, attached content, no signer or several: the kernel takes none of these.
pub(super) fn signer(pkcs7: &[u8]) -> Result<SignerInfo, SignError> {
    let bad = |what: String| SignError::Malformed(what);
    let info = ContentInfo::from_der(pkcs7).map_err(|why| bad(format!("not PKCS#7: {why}")))?;
    if info.content_type != rfc5911::ID_SIGNED_DATA {
        return Err(bad("not signed data".to_owned()));
    }
    let signed: SignedData =
        info.content.decode_as().map_err(|why| bad(format!("not signed data: {why}")))?;
    if signed.encap_content_info.econtent.is_some()
        || signed.encap_content_info.econtent_type != rfc5911::ID_DATA
    {
        return Err(bad("it carries content of its own".to_owned()));
    }
    let [signer] = signed.signer_infos.0.as_slice() else {
        return Err(bad(format!("{} signers", signed.signer_infos.0.len())));
    };
    // The kernel knows 1 (signer by issuer and serial) and 3 (signer by key identifier).
    let version = match signer.sid {
        SignerIdentifier::IssuerAndSerialNumber(_) => CmsVersion::V1,
        SignerIdentifier::SubjectKeyIdentifier(_) => CmsVersion::V3,
    };
    if signer.version != version || !matches!(signed.version, CmsVersion::V1 | CmsVersion::V3) {
        return Err(bad("its version does not fit".to_owned()));
    }
    for algorithm in [&signer.digest_alg, &signer.signature_algorithm] {
        if algorithm.parameters.as_ref().is_some_and(|parameters| !parameters.is_null()) {
            return Err(bad("its algorithm has parameters".to_owned()));
        }
    }
    if !signed.digest_algorithms.iter().any(|digest| digest.oid == signer.digest_alg.oid) {
        return Err(bad("its digest is not announced".to_owned()));
    }
    Ok(signer.clone())
}
