"""Reads a metagraph with an unmodified bittensor SDK: ENDPOINT NETUID COUNT PAUSE_SECONDS. Prints times in ms as JSON.

connect: a new Subtensor and its first metagraph; reads: further ones by each of the SDK's ways, first the one that its
users take, each at a later block than the one before. Importing the SDK is not counted.
"""

import importlib.metadata
import json
import sys
import time

import bittensor

endpoint, netuid, count, pause = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
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
for name, way in ways.items():
    reads[name] = []
    for _ in range(count):
        time.sleep(pause)
        took, graph = timed(way)
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
