"""The official wallet, of the package bittensor-wallet or of bittensor 11: COMMAND FOLDER PASSWORD [NAME].

open:   signs a message with every key of wallet NAME, hotkey `miner`
regen:  makes the keys of wallet `regen` from the mnemonic and the seed that stand in files `mnemonic` and `seed`
create: makes wallet `theirs`: encrypted coldkey, hotkeys `miner` (sr25519) and `odd` (ed25519)
Prints addresses and signatures as one JSON object.
"""

import json
import sys

try:
    from bittensor_wallet import Wallet
except ImportError:
    from bittensor import Wallet

MESSAGE = b"signed by the official wallet"


def described(key):
    return {"address": key.ss58_address, "signature": bytes(key.sign(MESSAGE)).hex()}


command, folder, password = sys.argv[1], sys.argv[2], sys.argv[3]
if command == "open":
    wallet = Wallet(sys.argv[4], "miner", folder)
    found = {
        "coldkeypub": wallet.coldkeypub.ss58_address,
        "hotkeypub": wallet.hotkeypub.ss58_address,
        "hotkey": described(wallet.hotkey),
        "coldkey": described(wallet.get_coldkey(password)),
    }
elif command == "regen":
    wallet = Wallet("regen", "miner", folder)
    with open(f"{folder}/mnemonic") as file:
        wallet.regenerate_coldkey(mnemonic=file.read().strip(), use_password=False, suppress=True)
    with open(f"{folder}/seed") as file:
        wallet.regenerate_hotkey(seed=file.read().strip(), use_password=False, suppress=True)
    found = {"coldkeypub": wallet.coldkeypub.ss58_address, "hotkey": described(wallet.hotkey)}
else:
    wallet = Wallet("theirs", "miner", folder)
    wallet.create_new_coldkey(coldkey_password=password, suppress=True)
    wallet.create_new_hotkey(use_password=False, suppress=True)
    Wallet("theirs", "odd", folder).create_new_hotkey(use_password=False, suppress=True, crypto_type=0)
    found = {"coldkeypub": wallet.coldkeypub.ss58_address, "hotkey": described(wallet.hotkey)}
print(json.dumps(found))
