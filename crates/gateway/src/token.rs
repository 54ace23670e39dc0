//! Connection and subscription tokens (section 17 of the protocol): JWTs signed with the HMAC secret.

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::identity::Identity;
use crate::protocol::one_line;

/// Why a token does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenError {
    /// Its time is over: the client fetches a new one.
    Expired,
    /// Forged, malformed, or of another kind.
    Invalid,
}

/// What a connection token grants.
#[derive(Debug)]
pub(crate) struct ConnectionToken {
    pub(crate) identity: Identity,
    /// When the connection ends, seconds since 1970; none: never.
    pub(crate) expires_at: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Claims {
    #[serde(default)]
    sub: String,
    exp: Option<u64>,
    expire_at: Option<u64>,
    info: Option<Box<RawValue>>,
    channel: Option<String>,
    client: Option<String>,
}

/// Checks tokens with one secret.
pub(crate) struct Tokens {
    key: DecodingKey,
    validation: Validation,
}

impl Tokens {
    pub(crate) fn new(secret: &str) -> Tokens {
        let mut validation = Validation::new(Algorithm::HS256);
        validation.algorithms = vec![Algorithm::HS256, Algorithm::HS384, Algorithm::HS512];
        validation.required_spec_claims.clear();
        validation.validate_nbf = true;
        validation.validate_aud = false;
        validation.leeway = 0;
        Tokens { key: DecodingKey::from_secret(secret.as_bytes()), validation }
    }

    fn claims(&self, token: &str) -> Result<Claims, TokenError> {
        decode::<Claims>(token, &self.key, &self.validation).map(|data| data.claims).map_err(|error| {
            match error.kind() {
                ErrorKind::ExpiredSignature => TokenError::Expired,
                _ => TokenError::Invalid,
            }
        })
    }

    /// Checks a connection token: signature, time, and that it is not one for a channel.
    pub(crate) fn connection(&self, token: &str) -> Result<ConnectionToken, TokenError> {
        let claims = self.claims(token)?;
        if claims.channel.is_some() {
            return Err(TokenError::Invalid);
        }
        let info = claims.info.map(|info| one_line(info.get()).into_boxed_slice()).unwrap_or_default();
        let expires_at = claims.expire_at.or(claims.exp).filter(|&at| at > 0);
        Ok(ConnectionToken { identity: Identity { user: claims.sub.into(), info }, expires_at })
    }

    /// Checks a subscription token of `user` on connection `client` for `channel`. False: it is for somebody or something else.
    pub(crate) fn subscription(
        &self,
        token: &str,
        channel: &str,
        user: &str,
        client: &str,
    ) -> Result<bool, TokenError> {
        let claims = self.claims(token)?;
        let of_client = claims.client.as_deref().is_none_or(|bound| bound.is_empty() || bound == client);
        Ok(claims.channel.as_deref() == Some(channel) && claims.sub == user && of_client)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::{EncodingKey, Header, encode};
    use serde_json::json;

    fn signed(claims: &serde_json::Value, secret: &str, algorithm: Algorithm) -> String {
        encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(secret.as_bytes())).expect("it can be signed")
    }

    #[test]
    fn a_connection_token_names_its_user() {
        let tokens = Tokens::new("secret");
        let claims = json!({"sub": "ann", "exp": 4_000_000_000_u64, "info": {"name": "Ann"}});
        for algorithm in [Algorithm::HS256, Algorithm::HS384, Algorithm::HS512] {
            let token = tokens.connection(&signed(&claims, "secret", algorithm)).expect("it is right");
            assert_eq!((&*token.identity.user, &*token.identity.info), ("ann", &br#"{"name":"Ann"}"#[..]));
            assert_eq!(token.expires_at, Some(4_000_000_000));
        }
    }

    #[test]
    fn what_is_forged_expired_or_of_another_kind_is_refused() {
        let tokens = Tokens::new("secret");
        let refused = |claims, secret| {
            tokens.connection(&signed(&claims, secret, Algorithm::HS256)).expect_err("it is not right")
        };
        assert_eq!(refused(json!({"sub": "ann"}), "other"), TokenError::Invalid);
        assert_eq!(refused(json!({"sub": "ann", "exp": 1_000}), "secret"), TokenError::Expired);
        assert_eq!(refused(json!({"sub": "ann", "nbf": 4_000_000_000_u64}), "secret"), TokenError::Invalid);
        assert_eq!(refused(json!({"sub": "ann", "channel": "c"}), "secret"), TokenError::Invalid);
        let none = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbm4ifQ.";
        assert_eq!(tokens.connection(none).expect_err("unsigned"), TokenError::Invalid);
    }

    #[test]
    fn a_subscription_token_is_for_one_user_and_one_channel() {
        let tokens = Tokens::new("secret");
        let token = signed(&json!({"sub": "ann", "channel": "$c"}), "secret", Algorithm::HS256);
        assert_eq!(tokens.subscription(&token, "$c", "ann", "x"), Ok(true));
        assert_eq!(tokens.subscription(&token, "$d", "ann", "x"), Ok(false));
        assert_eq!(tokens.subscription(&token, "$c", "bob", "x"), Ok(false));
        assert_eq!(tokens.subscription("rubbish", "$c", "ann", "x"), Err(TokenError::Invalid));
    }
}
