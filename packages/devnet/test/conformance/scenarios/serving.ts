import { freshSubnet, NETUID, neurons } from '../levelling.ts';
import { blocks, call, differs, inner, level, type More, read, scenario, sudo } from '../scenario.ts';

const ENDPOINT = { netuid: NETUID, version: 10, ip: 3_405_803_783, port: 8091, ip_type: 4 };
const AXON = { ...ENDPOINT, protocol: 4, placeholder1: 0, placeholder2: 0 };
const IPV6_ALL_ONES = '340282366920938463463374607431768211455';

const readAxon = (who: string, netuid = NETUID): More => ({ read: [['SubtensorModule.Axons', netuid, who]] });
const axon = (name: string, by: string, change: Partial<typeof AXON> | { ip: string } = {}, more: More = {}) =>
  call(name, by, 'SubtensorModule.serve_axon', { ...AXON, ...change }, { ...readAxon(by), ...more });
const readTls = (who: string): More => ({
  read: [
    ['SubtensorModule.Axons', NETUID, who],
    ['SubtensorModule.NeuronCertificates', NETUID, who],
  ],
});
/** Only at 424 does the pool look at this call. */
const inThePool = (result: string) => ({
  differs: differs('serving-in-the-pool', { result: `pool 1010 Custom ${result}` }),
});
const tls = (name: string, by: string, certificate: string, change: Partial<typeof AXON> = {}, more: More = {}) =>
  call(name, by, 'SubtensorModule.serve_axon_tls', { ...AXON, ...change, certificate }, { ...readTls(by), ...more });
const prometheus = (name: string, by: string, change: Partial<typeof ENDPOINT> = {}, more: More = {}) =>
  call(
    name,
    by,
    'SubtensorModule.serve_prometheus',
    { ...ENDPOINT, ...change },
    { read: [['SubtensorModule.Prometheus', NETUID, by]], ...more },
  );

const noLimit = () => level('no rate limit', [[['SubtensorModule.ServingRateLimit', NETUID], 0]]);

export const axons = scenario('axons', [
  freshSubnet(),
  neurons('@Bob', '@Charlie'),
  axon('an axon', '@Bob/hot'),
  axon('the same again, within the rate limit', '@Bob/hot'),
  axon('the rate limit comes before the port', '@Bob/hot', { port: 0 }),
  axon('the address comes before the rate limit', '@Bob/hot', { ip: 0x7f00_0001 }),
  axon('the type comes before the address', '@Bob/hot', { ip_type: 5, ip: 0x7f00_0001 }),
  axon('the registration comes before the type', '@Nobody', { ip_type: 5 }),
  axon('a coldkey is no hotkey', '@Bob'),
  axon(
    'a subnet that does not exist, by a hotkey of another',
    '@Charlie/hot',
    { netuid: 77 },
    {
      ...readAxon('@Charlie/hot', 77),
      differs: differs('serving-registration', {
        result: 'pool 1010 Custom 10 HotKeyNotRegisteredInNetwork',
        storage: { 'SubtensorModule.Axons(77, @Charlie/hot)': null },
      }),
    },
  ),
  axon(
    'another subnet than the one of the hotkey',
    '@Charlie/hot',
    { netuid: 1 },
    {
      ...readAxon('@Charlie/hot', 1),
      differs: differs('serving-registration', {
        result: 'pool 1010 Custom 10 HotKeyNotRegisteredInNetwork',
        storage: { 'SubtensorModule.Axons(1, @Charlie/hot)': null },
      }),
    },
  ),
  axon('port 0', '@Charlie/hot', { port: 0 }),
  axon('the first block after the limit', '@Charlie/hot', { ip: 0 }),
  blocks('49 blocks', 48),
  axon('one block too soon', '@Charlie/hot', { ip: 1 }),
  axon('just late enough', '@Charlie/hot', { ip: 1 }),
  noLimit(),
  axon('255.255.255.255', '@Bob/hot', { ip: 0xffff_ffff }),
  axon('an address too large for its type', '@Bob/hot', { ip: 0x1_0000_0000 }),
  axon('255.255.255.254', '@Bob/hot', { ip: 0xffff_fffe }),
  axon('127.0.0.2', '@Bob/hot', { ip: 0x7f00_0002 }),
  axon('a private address', '@Bob/hot', { ip: 0x0a00_0001 }),
  axon('::1', '@Bob/hot', { ip_type: 6, ip: 1 }),
  axon('all ones', '@Bob/hot', { ip_type: 6, ip: IPV6_ALL_ONES }),
  axon(':: and all fields', '@Bob/hot', {
    ip_type: 6,
    ip: 0,
    version: 4_294_967_295,
    port: 65_535,
    protocol: 255,
    placeholder1: 254,
    placeholder2: 253,
  }),
  axon('127.0.0.1 as version 6', '@Bob/hot', { ip_type: 6, ip: 0x7f00_0001 }),
  sudo('not in the name of root', 'SubtensorModule.serve_axon', AXON),
  call(
    'within a batch a refusal is a dispatch error',
    '@Bob/hot',
    'Utility.batch',
    { calls: [inner('SubtensorModule.serve_axon', { ...AXON, port: 0 })] },
    {
      differs: differs('free-batches', {
        result: 'ok',
        fee: 0,
        events: ['Utility.BatchInterrupted(0, {"error":"SubtensorModule.InvalidPort"})'],
      }),
    },
  ),
]);

const KEY = '11'.repeat(32);

export const certificates = scenario('certificates', [
  freshSubnet(),
  neurons('@Bob'),
  noLimit(),
  tls('an algorithm and a key', '@Bob/hot', `0xed${KEY}`),
  axon('without a certificate the old one stays', '@Bob/hot', { port: 1 }, readTls('@Bob/hot')),
  tls('an empty one is ignored', '@Bob/hot', '0x', { port: 2 }),
  tls('an algorithm without a key', '@Bob/hot', '0x07', { port: 3 }),
  tls('the longest', '@Bob/hot', `0x01${'22'.repeat(64)}`, { port: 4 }),
  tls('one byte too long is ignored', '@Bob/hot', `0x02${'33'.repeat(65)}`, { port: 5 }),
  tls('with a refused axon it is not kept', '@Bob/hot', `0x04${KEY}`, { port: 0 }, inThePool('13 InvalidPort')),
  tls('by nobody', '@Nobody', `0x04${KEY}`, {}, inThePool('10 HotKeyNotRegisteredInNetwork')),
]);

const AGAIN = `0xee${KEY}`;
const LIMITED = inThePool('12 ServingRateLimitExceeded');

export const certificatesRefused = scenario('certificates-refused', [
  freshSubnet(),
  neurons('@Bob', '@Charlie'),
  tls('a certificate', '@Bob/hot', `0xed${KEY}`),
  tls('again, within the rate limit', '@Bob/hot', AGAIN, {}, LIMITED),
  axon('nor an axon without one', '@Bob/hot', {}, readTls('@Bob/hot')),
  tls('the rate limit comes before the port', '@Bob/hot', AGAIN, { port: 0 }, LIMITED),
  tls('the address before the rate limit', '@Bob/hot', AGAIN, { ip: 0x7f00_0001 }, inThePool('11 InvalidIpAddress')),
  tls('the type before the address', '@Bob/hot', AGAIN, { ip_type: 5, ip: 0x7f00_0001 }, inThePool('255 BadRequest')),
  tls('the registration first', '@Nobody', AGAIN, { ip_type: 5 }, inThePool('10 HotKeyNotRegisteredInNetwork')),
  tls('port 0', '@Charlie/hot', AGAIN, { port: 0 }, inThePool('13 InvalidPort')),
  tls(
    'too long a certificate is no refusal, its axon is',
    '@Charlie/hot',
    `0x02${'33'.repeat(65)}`,
    { port: 0 },
    {
      ...inThePool('13 InvalidPort'),
    },
  ),
  call(
    'another subnet than the one of the hotkey',
    '@Charlie/hot',
    'SubtensorModule.serve_axon_tls',
    { ...AXON, netuid: 1, certificate: AGAIN },
    {
      read: [['SubtensorModule.NeuronCertificates', 1, '@Charlie/hot']],
      differs: differs('serving-registration', {
        result: 'pool 1010 Custom 10 HotKeyNotRegisteredInNetwork',
        storage: { 'SubtensorModule.NeuronCertificates(1, @Charlie/hot)': null },
      }),
    },
  ),
  blocks('until the limit is over', 39),
  tls('one block too soon', '@Bob/hot', AGAIN, {}, LIMITED),
  tls('just late enough', '@Bob/hot', AGAIN),
  sudo('not in the name of root', 'SubtensorModule.serve_axon_tls', { ...AXON, certificate: AGAIN }),
]);

export const prometheuses = scenario('prometheus', [
  freshSubnet(),
  neurons('@Bob', '@Charlie'),
  prometheus('an endpoint', '@Bob/hot'),
  prometheus('again, within the rate limit', '@Bob/hot', {}, inThePool('12 ServingRateLimitExceeded')),
  prometheus('the rate limit comes before the port', '@Bob/hot', { port: 0 }, inThePool('12 ServingRateLimitExceeded')),
  prometheus('the type comes first', '@Nobody', { ip_type: 5, ip: 0 }, inThePool('255 BadRequest')),
  prometheus('then the address', '@Nobody', { ip: 0 }, inThePool('11 InvalidIpAddress')),
  prometheus('then the registration', '@Nobody', { port: 0 }, inThePool('10 HotKeyNotRegisteredInNetwork')),
  prometheus('port 0', '@Charlie/hot', { port: 0 }, inThePool('13 InvalidPort')),
  prometheus('localhost', '@Charlie/hot', { ip: 0x7f00_0001 }, inThePool('11 InvalidIpAddress')),
  prometheus(
    "a subnet that is not the hotkey's",
    '@Charlie/hot',
    { netuid: 1 },
    {
      read: [['SubtensorModule.Prometheus', 1, '@Charlie/hot']],
      differs: differs('serving-registration', {
        result: 'pool 1010 Custom 10 HotKeyNotRegisteredInNetwork',
        storage: { 'SubtensorModule.Prometheus(1, @Charlie/hot)': null },
      }),
    },
  ),
  prometheus('all ones', '@Charlie/hot', { ip: 0xffff_ffff }, inThePool('11 InvalidIpAddress')),
  prometheus('::1', '@Charlie/hot', { ip_type: 6, ip: 1 }, inThePool('11 InvalidIpAddress')),
  prometheus('::', '@Charlie/hot', { ip_type: 6, ip: 0 }, inThePool('11 InvalidIpAddress')),
  prometheus('a coldkey is no hotkey', '@Bob', {}, inThePool('10 HotKeyNotRegisteredInNetwork')),
  sudo('not in the name of root', 'SubtensorModule.serve_prometheus', ENDPOINT),
  axon('an axon is limited by itself', '@Bob/hot'),
  read('both rows', [
    ['SubtensorModule.Axons', NETUID, '@Bob/hot'],
    ['SubtensorModule.Prometheus', NETUID, '@Bob/hot'],
  ]),
]);
