import { toHex } from '../../scale/bytes.ts';
import type { ChainNode } from '../node.ts';
import type { PoolRefusal, TransactionStatus } from '../pool.ts';
import { RpcError } from '../rpc-error.ts';
import type { RpcMethods } from '../rpc-server.ts';
import { bytesParam, hexParam } from './params.ts';

/** The texts of sp_runtime's `From<InvalidTransaction> for &'static str`. */
const INVALID_TEXT: Readonly<Record<string, string>> = {
  Call: 'Transaction call is not expected',
  Payment: 'Inability to pay some fees (e.g. account balance too low)',
  Future: 'Transaction will be valid in the future',
  Stale: 'Transaction is outdated',
  BadProof: 'Transaction has a bad signature',
  AncientBirthBlock: 'Transaction has an ancient birth block',
  ExhaustsResources: 'Transaction would exhaust the block limits',
  BadMandatory: 'A call was labelled as mandatory, but resulted in an Error.',
  MandatoryValidation: 'Transaction dispatch is mandatory; transactions must not be validated.',
  BadSigner: 'Invalid signing address',
};

/** Numbers and shapes of sc-rpc-api's author errors. */
function refusalError(refusal: PoolRefusal): RpcError {
  switch (refusal.kind) {
    case 'malformed':
      return new RpcError(1001, `Extrinsic has invalid format: ${refusal.reason}`);
    case 'invalid': {
      const { name, custom } = refusal.invalid;
      return new RpcError(
        1010,
        'Invalid Transaction',
        name === 'Custom' ? `Custom error: ${custom}` : INVALID_TEXT[name],
      );
    }
    case 'already-imported':
      return new RpcError(1013, 'Transaction Already Imported', refusal.hash);
    case 'priority-too-low':
      return new RpcError(
        1014,
        'Priority is too low: (0 vs 0)',
        'The transaction has too low priority to replace another transaction already in the pool.',
      );
    case 'full':
      return new RpcError(1016, 'Immediately Dropped', 'The transaction could not enter the pool: it is full.');
  }
}

function statusJson(status: TransactionStatus): unknown {
  return 'hash' in status ? { [status.kind]: status.hash } : status.kind;
}

export function authorMethods(node: ChainNode): RpcMethods {
  return {
    author_submitExtrinsic: ([extrinsic]) => {
      const result = node.pool.submit(bytesParam(extrinsic, 'extrinsic'));
      if ('kind' in result) throw refusalError(result);
      return result.hash;
    },
    author_submitAndWatchExtrinsic: ([extrinsic], connection) => {
      const bytes = bytesParam(extrinsic, 'extrinsic');
      // Refusals are thrown from inside `start`, before the subscription exists.
      return connection.subscribe('author_extrinsicUpdate', (notify) => {
        let listening = true;
        const result = node.pool.submit(bytes, (status) => {
          if (listening) notify(statusJson(status));
        });
        if ('kind' in result) throw refusalError(result);
        return () => {
          listening = false;
        };
      });
    },
    author_unwatchExtrinsic: ([id], connection) => connection.unsubscribe(String(id)),
    author_pendingExtrinsics: () => node.pool.all().map(({ bytes }) => toHex(bytes)),
    author_removeExtrinsic: ([list]) => {
      const hashes = (Array.isArray(list) ? list : []).map((one: unknown) =>
        hexParam(typeof one === 'object' && one !== null && 'hash' in one ? one.hash : one, 'hash'),
      );
      return hashes.filter((hash) => node.pool.remove(hash));
    },
  };
}
