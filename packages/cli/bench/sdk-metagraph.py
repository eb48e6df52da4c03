"""Reads a metagraph with an unmodified bittensor SDK: ENDPOINT NETUID COUNT WARM_UP PAUSE_SECONDS. Prints times in ms as JSON.

connect: a new Subtensor and its first metagraph; reads: further ones by each of the SDK's ways, first the one that its
users take, each at a later block than the one before; the first WARM_UP are not counted, nor is importing the SDK.
"""

import importlib.metadata
import json
import sys
import time

import bittensor

endpoint, netuid, count, warm_up, pause = (kind(one) for kind, one in zip((str, int, int, int, float), sys.argv[1:]))
version = importlib.metadata.version("bittensor")


def timed(act):
    start = time.perf_counter()
    result = act()
    return (time.perf_counter() - start) * 1000, result


def ways_of_11(chain):
    return {
        "subnets.metagraph(netuid)": lambda: chain.subnets.metagraph(netuid),
        "subnets.metagraph(netuid, commitments=False)": lambda: chain.subnets.metagraph(netuid, commitments=False),
    }


def ways_of_10(chain):
    synced = chain.metagraph(netuid)
    return {
        "metagraph(netuid)": lambda: chain.metagraph(netuid),
        "Metagraph.sync(subtensor=…), lite": lambda: synced.sync(subtensor=chain) or synced,
        "metagraph(netuid, lite=False)": lambda: chain.metagraph(netuid, lite=False),
    }


def connect():
    if version.startswith("10."):
        chain = bittensor.Subtensor(network=endpoint)
        return chain, chain.metagraph(netuid)
    chain = bittensor.Subtensor(endpoint)
    return chain, chain.subnets.metagraph(netuid)


connected, (chain, graph) = timed(connect)
ways = ways_of_10(chain) if version.startswith("10.") else ways_of_11(chain)
reads = {}
for nth, (name, way) in enumerate(ways.items()):
    reads[name] = []
    skipped = warm_up if nth == 0 else 2
    for at in range(count + skipped if count else 0):
        time.sleep(pause)
        took, graph = timed(way)
        if at >= skipped:
            reads[name].append(took)
print(
    json.dumps(
        {
            "version": version,
            "neurons": len(graph.neurons),
            "connect": connected,
            "reads": reads,
        }
    )
)
