//! Who may order: those who prove the administrator's key over a nonce of the server.

use crate::code::{Code, minor};
use crate::event::Denial;
use crate::sign::AdminKey;
use crate::wire::Control;

/// The administrator's key as a server has it.
#[derive(Debug)]
pub struct Administration {
    /// None when the state directory has no key; then nobody is believed.
    pub key: Option<AdminKey>,
    /// Where the key lies, for those who may read it there.
    pub key_path: String,
}

impl Administration {
    /// Whether the sender of an order knows the key. `given` is the nonce that this connection got and has not used yet.
    ///
    /// # Errors
    /// -63 with minor number 601.
    pub fn judge(&self, given: Option<[u8; 32]>, control: &Control) -> Result<(), Denial> {
        let Self { key, key_path } = self;
        let note = match (key, given) {
            (None, _) => format!("the server has no key in {key_path}"),
            (Some(key), Some(nonce))
                if control.nonce == nonce && key.verify(&nonce, &control.proved_bytes(), &control.proof) =>
            {
                return Ok(());
            }
            (Some(_), _) => format!("the proof does not fit the key in {key_path}"),
        };
        Err(Denial::new(Code::NotAdministrator, minor::CONTROL_PROOF, &note))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::ControlVerb;

    fn order(feature: &str, nonce: [u8; 32]) -> Control {
        let verb = ControlVerb::Explain { feature: feature.parse().unwrap() };
        let (user, host) = ("ann".parse().unwrap(), "ws01".parse().unwrap());
        let mut control = Control { verb, user, host, nonce, proof: [0; 32] };
        control.proof = AdminKey::new([7; 32]).prove(&nonce, &control.proved_bytes());
        control
    }

    #[test]
    fn a_proof_needs_the_key_the_nonce_and_the_order_that_it_was_made_for() {
        let server = |key| Administration { key, key_path: "/state/admin.key".to_owned() };
        let known = server(Some(AdminKey::new([7; 32])));
        let control = order("solver", [1; 32]);
        assert_eq!(known.judge(Some([1; 32]), &control), Ok(()));
        let other =
            Control { verb: ControlVerb::Explain { feature: "mesher".parse().unwrap() }, ..control.clone() };
        for (given, control) in [(None, &control), (Some([2; 32]), &control), (Some([1; 32]), &other)] {
            assert_eq!(known.judge(given, control).unwrap_err().code, Code::NotAdministrator);
        }
        for server in [server(Some(AdminKey::new([8; 32]))), server(None)] {
            let denial = server.judge(Some([1; 32]), &control).unwrap_err();
            assert!(denial.note.contains("/state/admin.key"), "{}", denial.note);
        }
    }
}
