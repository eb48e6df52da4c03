"""Plays a miner and a validator with the unmodified bittensor 11 SDK: ENDPOINT NETUID CR_NETUID.

Prints what the SDK says as one JSON object. //Bob registers the hotkey //Interop11; //Alice_hk owns the subnets.
"""

import importlib.metadata
import json
import sys
from types import SimpleNamespace

import bittensor as bt
from bittensor import calls
from bittensor.sp_core import Keypair


def wallet(coldkey, hotkey):
    cold, hot = Keypair.create_from_uri(coldkey), Keypair.create_from_uri(hotkey)
    return SimpleNamespace(coldkey=cold, coldkeypub=cold, hotkey=hot, hotkeypub=hot)


endpoint, netuid, cr_netuid = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
owner = wallet("//Alice", "//Alice_hk")
miner = wallet("//Bob", "//Interop11")
coldkey, hotkey = miner.coldkey.ss58_address, miner.hotkey.ss58_address
chain = bt.Subtensor(endpoint)


def outcome(result):
    return {"ok": result.success, "message": result.message, "error": getattr(result.error, "name", None)}


def attempt(act):  # the SDK lets errors of its transport through, whatever their class
    try:
        return outcome(act())
    except Exception as error:
        return {"ok": False, "message": str(error)}


parameters = chain.read("subnet_hyperparameters", netuid=netuid)
found = {
    "version": importlib.metadata.version("bittensor"),
    "block": chain.block,
    "spec_version": chain.spec_version,
    "block_time": chain.block_time(),
    "balance": chain.balances.get(coldkey).rao,
    "hyperparameters": {key: parameters[key] for key in ("tempo", "kappa", "immunity_period", "min_allowed_weights")}
    if isinstance(parameters, dict)
    else repr(parameters),
    "subnets": [subnet.netuid for subnet in chain.read("subnets")],
}
register = calls.SubtensorModule.burned_register(netuid=netuid, hotkey=hotkey)
# The SDK's own BurnedRegister goes through MevShield only; see README.md.
found["plan"] = {"ok": chain.plan(bt.BurnedRegister(netuid=netuid), miner).ok}
found["shielded_register"] = attempt(lambda: chain.execute(bt.BurnedRegister(netuid=netuid), miner))
found["register"] = outcome(chain.submit_call(register, miner))
found["register_again"] = outcome(chain.submit_call(register, miner))
found["balance_after"] = chain.balances.get(coldkey).rao
uid = chain.read("uid", hotkey_ss58=hotkey, netuid=netuid)
found["uid"] = uid
commitment = {"fields": [[{"Raw23": b"a commitment by the SDK"}]]}
found["set_commitment"] = outcome(
    chain.submit_call(calls.Commitments.set_commitment(netuid=netuid, info=commitment), miner, signer="hotkey")
)
found["commitment"] = chain.read("commitment", netuid=netuid, hotkey_ss58=hotkey).data
certificate = "0xed" + "11" * 32
found["serve_axon"] = outcome(
    chain.execute(bt.ServeAxonTls(netuid=netuid, ip="203.0.113.7", port=8091, certificate=certificate), miner)
)
found["set_weights"] = outcome(chain.execute(bt.SetWeights(netuid=netuid, weights={0: 1.0, uid: 3.0}), owner))
found["weights"] = chain.read("weights", netuid=netuid, mechid=0)
found["refused_weights"] = attempt(lambda: chain.execute(bt.SetWeights(netuid=netuid, weights={0: 1.0}), miner))
committed = chain.execute(bt.SetWeights(netuid=cr_netuid, weights={0: 1.0}), owner)
found["commit_weights"] = outcome(committed)
found["reveal_round"] = committed.data.get("reveal_round")
graph = chain.subnets.metagraph(netuid)
found["metagraph"] = {
    "hotkeys": graph.hotkeys,
    "coldkeys": graph.coldkeys,
    "axons": [one.axon for one in graph.neurons],
    "commitments": {one.uid: one.commitment.data for one in graph.neurons if one.commitment},
}
found["neurons"] = [[one.uid, one.hotkey] for one in chain.read("neurons", netuid=netuid, lite=False)]
found["neurons_lite"] = [[one.uid, one.hotkey] for one in chain.read("neurons", netuid=netuid, lite=True)]
chain.close()
print(json.dumps(found))
