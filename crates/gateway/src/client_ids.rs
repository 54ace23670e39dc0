//! What clients are called: derived from their keys, so that nobody has to remember it.

use crore_base::hash::HashKey;
use crore_hub::ClientKey;

/// The secret of a node's names.
pub(crate) struct ClientIds([HashKey; 2]);

impl ClientIds {
    pub(crate) fn from_seed(seed: u64) -> ClientIds {
        ClientIds([HashKey::from_seed(seed), HashKey::from_seed(!seed)])
    }

    /// The id of a client of a core, a UUID of version 8, "custom" (RFC 9562, section 5.8).
    pub(crate) fn of(&self, core: u16, client: ClientKey) -> String {
        let mut name = [0; 10];
        name[..8].copy_from_slice(&client.to_bits().to_le_bytes());
        name[8..].copy_from_slice(&core.to_le_bytes());
        let [high, low] = [self.0[0].hash(&name), self.0[1].hash(&name)];
        uuid(high, low)
    }
}

fn uuid(high: u64, low: u64) -> String {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let high = high & !0xf000 | 0x8000;
    let low = low & !(0b11 << 62) | 0b10 << 62;
    let digits = u128::from(high) << 64 | u128::from(low);
    let mut text = String::with_capacity(36);
    for place in 0..32 {
        if [8, 12, 16, 20].contains(&place) {
            text.push('-');
        }
        text.push(char::from(HEX[(digits >> (124 - 4 * place)) as usize & 0xf]));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_has_the_form_of_a_uuid_of_version_8_whatever_the_bits() {
        assert_eq!(uuid(0, 0), "00000000-0000-8000-8000-000000000000");
        assert_eq!(uuid(u64::MAX, u64::MAX), "ffffffff-ffff-8fff-bfff-ffffffffffff");
        assert_eq!(uuid(0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210), "01234567-89ab-8def-bedc-ba9876543210");
    }
}
