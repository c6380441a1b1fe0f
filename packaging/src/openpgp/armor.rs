//! Armour (RFC 9580, 6): base64 in a frame. With a checksum, which old readers want.

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// `data` in a frame of that kind.
pub(super) fn armored(kind: &str, data: &[u8]) -> String {
    let mut out = format!("-----BEGIN PGP {kind}-----\n\n");
    // 48 bytes are a line of 64 characters.
    for line in data.chunks(48) {
        out.push_str(&base64(line));
        out.push('\n');
    }
    let [_, sum @ ..] = crc24(data).to_be_bytes();
    out.push_str(&format!("={}\n-----END PGP {kind}-----\n", base64(&sum)));
    out
}

/// In digits of base64, on one line.
pub(crate) fn base64(data: &[u8]) -> String {
    let mut out = String::new();
    for group in data.chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4_usize {
            let digit = DIGITS.get((bits >> (18 - 6 * at) & 63) as usize).copied().unwrap_or_default();
            out.push(if at > group.len() { '=' } else { char::from(digit) });
        }
    }
    out
}

fn crc24(data: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 0x80_0000 != 0 { (crc << 1) ^ 0x0186_4cfb } else { crc << 1 };
    let byte =
        |crc: u32, byte: &u8| (0..8).fold(crc ^ (u32::from(*byte) << 16), |crc, _| step(crc)) & 0xff_ffff;
    data.iter().fold(0x00b7_04ce, byte)
}
