// PM2: `pm2 start configs/ecosystem.config.cjs --only miner` (or `--only validator`: two daemons on one hotkey would
// overwrite each other's axon). What is not in the YAML file goes into `args`, secrets into the environment.
const path = require('node:path');

const root = path.resolve(__dirname, '..');

const neuron = (name) => ({
  name,
  script: path.join(root, 'neurons', `${name}.js`),
  args: ['--config', path.join(root, 'configs', `${name}.yaml`)],
  cwd: root,
  exec_mode: 'fork',
  instances: 1,
  // The daemon says "ready" once it answers; PM2's own 3 s and 1.6 s are too short for chain and checkpoint.
  wait_ready: true,
  listen_timeout: 120_000,
  kill_timeout: 40_000,
  // Sealed jobs outlive the daemon by design and are taken up again.
  treekill: false,
  exp_backoff_restart_delay: 500,
  max_restarts: 50,
  min_uptime: '60s',
  // 78: only the operator can put it right; starting again would not help.
  stop_exit_codes: [78],
  max_memory_restart: '2G',
  merge_logs: true,
  time: false,
});

module.exports = { apps: [neuron('miner'), neuron('validator')] };
