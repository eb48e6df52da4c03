import type { ChainNode } from '../node.ts';
import type { RpcMethods } from '../rpc-server.ts';
import { authorMethods } from './author.ts';
import { chainMethods } from './chain.ts';
import { devMethods } from './dev.ts';
import { stateMethods } from './state.ts';
import { type SystemFacts, systemMethods } from './system.ts';

/** Every method of the node. `rpc_methods` must name the subscriptions too: clients build themselves from the list. */
export function nodeMethods(node: ChainNode, facts: SystemFacts): RpcMethods {
  const methods: RpcMethods = {
    ...chainMethods(node),
    ...stateMethods(node),
    ...authorMethods(node),
    ...systemMethods(node, facts),
    ...devMethods(node),
    rpc_methods: () => ({ methods: [...Object.keys(methods)].sort() }),
  };
  return methods;
}
