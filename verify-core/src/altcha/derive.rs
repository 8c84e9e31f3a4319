//! From a counter to a key: the work itself.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::{Algorithm, Parameters};

/// The key of one counter, [`Parameters::key_length`] bytes long.
///
/// The password is the nonce followed by the counter as four big-endian bytes; the salt is the salt. Settings that an
/// algorithm does not take give an empty key, which answers no question.
pub(super) fn derive(parameters: &Parameters, counter: u32) -> Vec<u8> {
    let mut password = [0; 20];
    let (nonce, tail) = password.split_at_mut(16);
    nonce.copy_from_slice(parameters.nonce());
    tail.copy_from_slice(&counter.to_be_bytes());

    let cost = parameters.cost().get();
    let salt = parameters.salt();
    let mut key = vec![0; parameters.key_length()];
    let done = match parameters.algorithm() {
        Algorithm::Pbkdf2Sha256 => pbkdf2::pbkdf2::<Hmac<Sha256>>(&password, salt, cost, &mut key).is_ok(),
        Algorithm::Pbkdf2Sha384 => pbkdf2::pbkdf2::<Hmac<Sha384>>(&password, salt, cost, &mut key).is_ok(),
        Algorithm::Pbkdf2Sha512 => pbkdf2::pbkdf2::<Hmac<Sha512>>(&password, salt, cost, &mut key).is_ok(),
        Algorithm::Sha256 => iterate::<Sha256>(&password, salt, cost, &mut key),
        Algorithm::Sha384 => iterate::<Sha384>(&password, salt, cost, &mut key),
        Algorithm::Sha512 => iterate::<Sha512>(&password, salt, cost, &mut key),
        #[cfg(feature = "argon2id")]
        Algorithm::Argon2id => argon2id(parameters, &password, &mut key),
        #[cfg(feature = "scrypt")]
        Algorithm::Scrypt => scrypt(parameters, &password, &mut key),
    };
    if done { key } else { Vec::new() }
}

/// A hash of salt and password, hashed again until `cost` rounds are done.
fn iterate<D: Digest>(password: &[u8], salt: &[u8], cost: u32, key: &mut [u8]) -> bool {
    let mut digest = D::new().chain_update(salt).chain_update(password).finalize();
    for _ in 1..cost {
        digest = D::digest(&digest);
    }
    let Some(cut) = digest.get(..key.len()) else { return false };
    key.copy_from_slice(cut);
    true
}

#[cfg(feature = "argon2id")]
fn argon2id(parameters: &Parameters, password: &[u8], key: &mut [u8]) -> bool {
    use argon2::{Algorithm, Argon2, Params, Version};
    let memory = parameters.memory_cost().map_or(0, std::num::NonZeroU32::get);
    let lanes = parameters.parallelism().map_or(1, std::num::NonZeroU32::get);
    let settings = Params::new(memory, parameters.cost().get(), lanes, Some(key.len()));
    settings.is_ok_and(|settings| {
        let hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, settings);
        hasher.hash_password_into(password, parameters.salt(), key).is_ok()
    })
}

#[cfg(feature = "scrypt")]
fn scrypt(parameters: &Parameters, password: &[u8], key: &mut [u8]) -> bool {
    let cost = parameters.cost().get();
    let block = parameters.memory_cost().map_or(8, std::num::NonZeroU32::get);
    let lanes = parameters.parallelism().map_or(1, std::num::NonZeroU32::get);
    let Ok(log) = u8::try_from(cost.trailing_zeros()) else { return false };
    let settings = scrypt::Params::new(log, block, lanes);
    cost.is_power_of_two()
        && settings.is_ok_and(|settings| scrypt::scrypt(password, parameters.salt(), &settings, key).is_ok())
}

/// HMAC-SHA-256, the one signature of this format.
pub(super) fn sign(secret: &[u8], message: &[u8]) -> [u8; 32] {
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length (RFC 2104), so this cannot fail")]
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes a key of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::super::hex;
    use super::*;

    /// Published with ALTCHA's own tests; counter 123.
    #[test]
    fn captcha_rule_07_published_keys_are_derived() {
        let nonce = hex::decode("39baf91a19d671f8231217f9e28342a6").unwrap().try_into().unwrap();
        let salt = hex::decode("5e00d5d152e1a5db7d44fb6404a40a5e").unwrap().try_into().unwrap();
        for (algorithm, cost, key) in [
            (Algorithm::Sha256, 1, "6deccc5eecdb14c99d57129ef8f2f7d3e71812d8bd022c1caaf9e56512ec186c"),
            (Algorithm::Sha256, 2, "54129dc0097cb40d1c75bd8dc1e5f713839b285d72f9685a3d91ab76ca2746ad"),
            (
                Algorithm::Sha384,
                1,
                "ec783f5767a962569850411504cd657ecd2eeef3219fc36036268c2ee8dd56b7\
                 f36f6899a37268634054c7e1267087a4",
            ),
            (
                Algorithm::Sha512,
                1,
                "ed80526e1213f18539b9898556519535bc08bcc7e4d867e88988f3f3050795f0\
                 f7f606a2215896bf1b9f0a20aa0864958899c537057ef3193788b7abefd8cd21",
            ),
            (Algorithm::Pbkdf2Sha256, 1, "722ede188d41e7a7c9fd5447dca6cbb84e09c15724dbaadfb5bfb37d2cd4effa"),
            (Algorithm::Pbkdf2Sha256, 2, "cba117f9a790022a55589d5008c9f003e49c011ff7fe34fc838788a1825524f7"),
            (Algorithm::Pbkdf2Sha384, 1, "16fa2f9d7433fd956d7bb82745148bd18f44b8e87f8a57b47d1387f589402851"),
            (Algorithm::Pbkdf2Sha512, 1, "d1033a8a8ae79a03ed06bdcfd8ad361aaafc72701c5db9da40fdeecefe3ec41a"),
        ] {
            let parameters =
                Parameters::new(nonce, salt).with_algorithm(algorithm).with_cost(cost.try_into().unwrap());
            assert_eq!(hex::encode(&derive(&parameters, 123)), key, "{algorithm:?} at {cost}");
        }
    }
}
