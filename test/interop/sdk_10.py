"""Plays a miner and a validator with the unmodified bittensor 10 SDK: ENDPOINT NETUID CR_NETUID.

Prints what the SDK says as one JSON object. //Bob registers the hotkey //Interop10; //Alice_hk owns the subnets.
"""

import json
import sys

import bittensor as bt
from bittensor_wallet import Keypair, Wallet


def wallet(folder, name, coldkey, hotkey):
    made = Wallet(name=name, hotkey="default", path=folder)
    made.set_coldkey(Keypair.create_from_uri(coldkey), encrypt=False, overwrite=True)
    made.set_coldkeypub(Keypair.create_from_uri(coldkey), overwrite=True)
    made.set_hotkey(Keypair.create_from_uri(hotkey), encrypt=False, overwrite=True)
    return made


endpoint, netuid, cr_netuid, folder = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
owner = wallet(folder, "owner", "//Alice", "//Alice_hk")
miner = wallet(folder, "miner", "//Bob", "//Interop10")
bt.logging.off()
chain = bt.Subtensor(network=endpoint)


def outcome(response):
    return {"ok": bool(response.success), "message": response.message}


found = {
    "version": bt.__version__,
    "block": chain.block,
    "fast": chain.is_fast_blocks(),
    "balance": chain.get_balance(miner.coldkeypub.ss58_address).rao,
    "hyperparameters": {
        key: getattr(chain.get_subnet_hyperparameters(netuid), key)
        for key in ("tempo", "kappa", "immunity_period", "min_allowed_weights", "max_validators", "serving_rate_limit")
    },
    "subnets": [subnet.netuid for subnet in chain.all_subnets()],
    "commit_reveal": [chain.commit_reveal_enabled(netuid), chain.commit_reveal_enabled(cr_netuid)],
}
found["register"] = outcome(chain.burned_register(wallet=miner, netuid=netuid, mev_protection=False))
hotkey = miner.hotkey.ss58_address
uid = chain.get_uid_for_hotkey_on_subnet(hotkey, netuid)
found["uid"] = uid
found["balance_after"] = chain.get_balance(miner.coldkeypub.ss58_address).rao
found["set_commitment"] = outcome(chain.set_commitment(wallet=miner, netuid=netuid, data="a commitment by the SDK"))
found["commitment"] = chain.get_commitment(netuid, uid)
found["commitments"] = chain.get_all_commitments(netuid)
axon = bt.Axon(wallet=miner, ip="127.0.0.2", port=8091, external_ip="203.0.113.7", external_port=8091)
found["serve_axon"] = outcome(chain.serve_axon(netuid=netuid, axon=axon))
found["set_weights"] = outcome(chain.set_weights(wallet=owner, netuid=netuid, uids=[0, uid], weights=[0.25, 0.75]))
found["weights"] = chain.weights(netuid)
found["refused_weights"] = outcome(
    chain.set_weights(wallet=miner, netuid=netuid, uids=[0], weights=[1.0], max_attempts=1)
)
found["commit_weights"] = outcome(chain.set_weights(wallet=owner, netuid=cr_netuid, uids=[0], weights=[1.0]))
found["timelocked"] = [
    {"hotkey": who, "block": block, "round": reveal_round}
    for who, block, _commit, reveal_round in chain.get_timelocked_weight_commits(cr_netuid)
]
found["add_stake"] = outcome(
    chain.add_stake(
        wallet=miner,
        netuid=netuid,
        hotkey_ss58=owner.hotkey.ss58_address,
        amount=bt.Balance.from_tao(5),
        mev_protection=False,
    )
)
found["stake"] = chain.get_stake(miner.coldkeypub.ss58_address, owner.hotkey.ss58_address, netuid).rao
graph = chain.metagraph(netuid, lite=False)
found["metagraph"] = {
    "uids": [int(one) for one in graph.uids],
    "hotkeys": list(graph.hotkeys),
    "coldkeys": list(graph.coldkeys),
    "axons": [[one.ip, one.port] for one in graph.axons],
    "weights": [[float(value) for value in row] for row in graph.weights],
}
found["neurons"] = [[one.uid, one.hotkey, one.axon_info.ip] for one in chain.neurons(netuid)]
found["neurons_lite"] = [[one.uid, one.hotkey, one.axon_info.ip] for one in chain.neurons_lite(netuid)]
info = chain.get_metagraph_info(netuid)
found["metagraph_info"] = {"hotkeys": list(info.hotkeys), "commitments": info.commitments is not None}
chain.close()
print(json.dumps(found))
