import { call, differs, type ItemSpec, inner, type More, type Step, scenario, submit, sudo } from '../scenario.ts';

const account = (...names: string[]): ItemSpec[] => names.map((name) => ['System.Account', name]);
const send = (name: string, by: string, dest: unknown, value: number | bigint, more: More = {}): Step =>
  call(name, by, 'Balances.transfer_keep_alive', { dest, value }, more);
/** Root moves it, so that no fee blurs the amounts. */
const force = (name: string, source: string, dest: unknown, value: number | bigint, more: More = {}): Step =>
  sudo(name, 'Balances.force_transfer', { source, dest, value }, more);
const set = (name: string, who: string, free: number, more: More = {}): Step =>
  sudo(name, 'Balances.force_set_balance', { who, new_free: free }, more);

export const balances = scenario('balances', [
  send('less than an account may have', '@Bob', '@New', 499, { read: account('@New') }),
  send('as much as an account must have', '@Bob', '@New', 500, { read: account('@New') }),
  send('nothing to one that is there', '@Bob', '@New', 0, { read: account('@New') }),
  send('nothing to one that is not', '@Bob', '@Nobody', 0, { read: account('@Nobody') }),
  send('to oneself', '@Bob', '@Bob', 1000),
  send('more than there is, to oneself', '@Bob', '@Bob', 10n ** 18n),
  send('more than there is', '@Bob', '@New', 10n ** 18n, { read: account('@New') }),
  send('to an address that is no account', '@Bob', { Address20: `0x${'11'.repeat(20)}` }, 1000),
  send('to an account by its bytes', '@Bob', { Address32: `0x${'12'.repeat(32)}` }, 1000),
  submit('by one who cannot pay the fee', '@New', 'Balances.transfer_keep_alive', { dest: '@Bob', value: 1 }),
  submit('by one who has nothing', '@Nobody', 'Balances.transfer_keep_alive', { dest: '@Bob', value: 1 }),
  call('root only', '@Bob', 'Balances.force_transfer', { source: '@New', dest: '@Bob', value: 1 }),
  call('root only, too', '@Bob', 'Balances.force_set_balance', { who: '@Bob', new_free: 1 }),
  set('a new account by decree', '@Decree', 10_000, { read: account('@Decree') }),
  set('more for it', '@Decree', 20_000, { read: account('@Decree') }),
  set('less for it', '@Decree', 15_000, { read: account('@Decree') }),
  set('the same again', '@Decree', 15_000, { read: account('@Decree') }),
  force('part of it', '@Decree', '@New', 5000, { read: account('@Decree', '@New') }),
  force('more than is left', '@Decree', '@New', 10_001, { read: account('@Decree') }),
  force('all but dust', '@Decree', '@New', 9900, { read: account('@Decree', '@New') }),
  force('from one who is gone', '@Decree', '@New', 1),
  force('all to the last, and into a new account', '@New', '@Heir', 15_400, {
    read: account('@New', '@Heir'),
  }),
  force('too little for a new account', '@Heir', '@Nobody', 499, { read: account('@Heir', '@Nobody') }),
  force('to oneself by decree', '@Heir', '@Heir', 100),
  set('less than an account must have is nothing', '@Heir', 499, { read: account('@Heir') }),
  set('nothing for nobody', '@Nobody', 0, { read: account('@Nobody') }),
]);

/** In the name of the sender but at the cost of @Alice, so that no fee blurs the amounts. */
const as = (name: string, who: string, target: string, args: object, ...more: string[]): Step =>
  call(
    name,
    '@Alice',
    'Sudo.sudo_as',
    { who, call: inner(`Balances.${target}`, { ...args }) },
    {
      read: account(who, ...more),
    },
  );
const death = (name: string, who: string, dest: unknown, value: number): Step =>
  as(name, who, 'transfer_allow_death', { dest, value }, ...(typeof dest === 'string' ? [dest] : []));
const everything = (name: string, who: string, dest: string, keep_alive: boolean): Step =>
  as(name, who, 'transfer_all', { dest, keep_alive }, dest);

export const transfers = scenario('transfers', [
  set('some for the first', '@First', 100_000),
  as('kept alive: all but what an account must have', '@First', 'transfer_keep_alive', {
    dest: '@Second',
    value: 99_501,
  }),
  as('kept alive', '@First', 'transfer_keep_alive', { dest: '@Second', value: 50_000 }, '@Second'),
  death('more than there is', '@First', '@Second', 50_001),
  death('too little for a new account', '@First', '@Third', 499),
  death('to an address that is no account', '@First', { Raw: '0x0102' }, 1000),
  death('some', '@First', '@Third', 10_000),
  death('to oneself', '@First', '@First', 40_000),
  death('nothing', '@First', '@Third', 0),
  death('all but dust', '@First', '@Third', 39_800),
  death('by one who is gone', '@First', '@Third', 1),
  everything('all that may go', '@Second', '@Third', true),
  everything('and the rest', '@Second', '@Third', false),
  everything('nothing, by one who is gone', '@Second', '@Third', false),
  everything('nothing, kept alive', '@Second', '@Third', true),
  everything('to oneself, all', '@Third', '@Third', false),
  everything('into a new account', '@Third', '@Second', false),
  set('what an account must have', '@First', 500),
  everything('which nothing may go of', '@First', '@Second', true),
  call('root is nobody’s account', '@Alice', 'Sudo.sudo', {
    call: inner('Balances.transfer_all', { dest: '@Bob', keep_alive: true }),
  }),
]);

const remark = inner('System.remark', { remark: '0x01' });
const noSuchSubnet = inner('AdminUtils.sudo_set_tempo', { netuid: 99, tempo: 5 });
const poor = inner('Balances.transfer_keep_alive', { dest: '@Alice', value: 10n ** 18n });
const gift = (value: number) => inner('Balances.transfer_keep_alive', { dest: '@Alice', value });

export const sudoAndBatches = scenario('sudo-and-batches', [
  call('sudo by another', '@Bob', 'Sudo.sudo', { call: remark }),
  sudo('sudo', 'System.remark', { remark: '0x02' }),
  sudo('what fails within', 'AdminUtils.sudo_set_tempo', { netuid: 99, tempo: 5 }),
  sudo('what root cannot do', 'Balances.transfer_keep_alive', { dest: '@Bob', value: 5 }),
  sudo('sudo within sudo', 'Sudo.sudo', { call: remark }),
  sudo('a batch in the name of root', 'Utility.batch', { calls: [remark, noSuchSubnet, remark] }),
  call('with a weight of its own', '@Alice', 'Sudo.sudo_unchecked_weight', {
    call: noSuchSubnet,
    weight: { refTime: 1000, proofSize: 0 },
  }),
  call('in the name of another', '@Alice', 'Sudo.sudo_as', { who: '@Bob', call: gift(1000) }),
  call('in the name of another, failing', '@Alice', 'Sudo.sudo_as', { who: '@Bob', call: poor }),
  call('in the name of another, by another', '@Bob', 'Sudo.sudo_as', { who: '@Alice', call: remark }),
  call('the key, by another', '@Bob', 'Sudo.set_key', { new: '@Bob' }),
  call('the key', '@Alice', 'Sudo.set_key', { new: '@Bob' }, { read: [['Sudo.Key']] }),
  sudo('by the old key', 'System.remark', { remark: '0x02' }),
  call('by the new key', '@Bob', 'Sudo.sudo', { call: remark }),
  call('back', '@Bob', 'Sudo.set_key', { new: '@Alice' }, { read: [['Sudo.Key']] }),
  call('an empty batch', '@Bob', 'Utility.batch', { calls: [] }, { differs: differs('free-batches', { fee: 0 }) }),
  call('a batch', '@Bob', 'Utility.batch', { calls: [gift(1000), gift(2000)] }),
  call('a batch that stops', '@Bob', 'Utility.batch', { calls: [gift(1000), poor, gift(2000)] }),
  call('all or nothing', '@Bob', 'Utility.batch_all', { calls: [gift(1000), gift(2000)] }),
  call('nothing', '@Bob', 'Utility.batch_all', { calls: [gift(1000), poor, gift(2000)] }),
  call('on and on', '@Bob', 'Utility.force_batch', { calls: [gift(1000), poor, gift(2000), noSuchSubnet] }),
  call('on and on without a failure', '@Bob', 'Utility.force_batch', { calls: [gift(1000)] }),
  call('batches in batches', '@Bob', 'Utility.batch', {
    calls: [inner('Utility.batch', { calls: [poor] }), inner('Utility.batch_all', { calls: [gift(1), poor] }), gift(5)],
  }),
  call('sudo in a batch', '@Alice', 'Utility.batch', { calls: [inner('Sudo.sudo', { call: noSuchSubnet }), remark] }),
]);
