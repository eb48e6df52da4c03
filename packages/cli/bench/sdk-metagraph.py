"""Reads a metagraph with the unmodified bittensor SDK: ENDPOINT NETUID COUNT PAUSE_SECONDS. Prints times in ms as JSON.

connect: a new Subtensor and its first metagraph; reads: further ones, each at a later block than the one before.
Importing the SDK is not counted.
"""

import importlib.metadata
import json
import sys
import time

import bittensor

endpoint, netuid, count, pause = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])


def timed(act):
    start = time.perf_counter()
    result = act()
    return (time.perf_counter() - start) * 1000, result


def connect():
    chain = bittensor.Subtensor(endpoint)
    return chain, chain.subnets.metagraph(netuid)


connected, (chain, graph) = timed(connect)
reads = []
for _ in range(count):
    time.sleep(pause)
    took, graph = timed(lambda: chain.subnets.metagraph(netuid))
    reads.append(took)
print(
    json.dumps(
        {
            "version": importlib.metadata.version("bittensor"),
            "neurons": len(graph.neurons),
            "connect": connected,
            "reads": reads,
        }
    )
)
