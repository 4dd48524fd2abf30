//! Ids in COS's own forms.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::RngExt as _;
use tencent::time::Timestamp;

/// The id of one request: base64 of four hexadecimal groups, the first of them
/// the time (observed in the documents' samples).
pub(crate) fn request_id(now: Timestamp) -> String {
    let mut random = rand::rng();
    STANDARD.encode(format!(
        "{:08x}_{:08x}_{:04x}_{:06x}",
        now.unix_seconds(),
        random.random::<u32>(),
        random.random::<u16>(),
        random.random_range(0..0x0100_0000_u32),
    ))
}

/// The id of a trace, on errors only: base64 of hexadecimal digits.
pub(crate) fn trace_id() -> String {
    STANDARD.encode(hex::encode(rand::rng().random::<[u8; 32]>()))
}

/// The id of a multipart upload: the time in ten decimal digits, then 64 hexadecimal digits
/// (observed in the documents' samples).
pub(crate) fn upload_id(now: Timestamp) -> String {
    let random = hex::encode(rand::rng().random::<[u8; 32]>());
    format!("{:010}{random}", now.unix_seconds())
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use tencent::time::Timestamp;

    #[test]
    fn ids_have_the_forms_of_the_samples() {
        let now = Timestamp::from_unix_seconds(1_586_511_316).unwrap();
        let request = String::from_utf8(STANDARD.decode(super::request_id(now)).unwrap()).unwrap();
        assert!(request.starts_with("5e903dd4_"), "{request}");
        assert_eq!(request.split('_').count(), 4);
        assert_eq!(super::upload_id(now).len(), 74);
        assert!(super::upload_id(now).starts_with("1586511316"));
        assert_ne!(super::trace_id(), super::trace_id());
    }
}
