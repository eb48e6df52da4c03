"""Timelock encryption of the official packages, bittensor-drand or bittensor 11's core: ROUND SIGNATURE CIPHERTEXT.

Decrypts the ciphertext and encrypts "by the official package" to the round, without asking any drand server.
"""

import json
import sys

try:
    import bittensor_drand as drand
except ImportError:
    import bittensor_core as drand

reveal_round, signature, ciphertext = int(sys.argv[1]), sys.argv[2], bytes.fromhex(sys.argv[3])
sealed = drand.encrypt_at_round(b"by the official package", reveal_round)
found = {
    "opened": bytes(drand.decrypt_with_signature(ciphertext, signature)).decode(),
    "sealed": bytes(sealed[0] if isinstance(sealed, tuple) else sealed).hex(),
}
print(json.dumps(found))
