import { resolve } from 'node:path';
import { checkHub, type HubReport } from '@tuning/devnet';
import type { Command } from 'commander';
import { createLogger } from '../logging.ts';
import { wholeNumber } from '../number-flag.ts';
import { shutdownSignal } from '../process-lifecycle.ts';

const HOUR_MS = 3_600_000;
/** Rubbish beyond this many lines is only counted. */
const SHOWN_ORPHANS = 20;

/** `tuning hub fsck`: reads a stopped hub's folder from end to end. Exit code 1 where content is lost or changed. */
export function addHubCheck(hub: Command): void {
  hub
    .command('fsck')
    .description(
      "check a stopped hub's folder: objects against names, commits against ids, refs and files against both",
    )
    .option(
      '--repair',
      'remove what nothing needs: uploads never committed, commits of deleted branches, rubbish',
      false,
    )
    .option('--older-than <hours>', 'remove only what is older', '24')
    .option('--json', 'print the report as JSON', false)
    .action(async (_options: unknown, command: Command) => {
      // --data-dir is the option of `tuning hub`.
      const options = command.optsWithGlobals<{ dataDir: string; repair: boolean; olderThan: string; json: boolean }>();
      const hours = wholeNumber('--older-than', options.olderThan, { min: 0, max: 100_000 });
      const report = await checkHub({
        dataDir: resolve(options.dataDir),
        repair: options.repair,
        olderThanMs: hours * HOUR_MS,
        signal: shutdownSignal(createLogger('info').logger),
      });
      process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : describe(report));
      process.exit(report.problems.length === 0 ? 0 : 1);
    });
}

function describe(report: HubReport): string {
  const { repos, commits, objects, bytes, problems, orphans } = report;
  const lines = [`${repos} repos, ${commits} commits, ${objects} objects of ${bytes} bytes`];
  for (const { where, message } of problems) lines.push(`DAMAGED ${where}: ${message}`);
  for (const { kind, where, bytes: size, removed } of orphans.slice(0, SHOWN_ORPHANS)) {
    lines.push(`${removed ? 'removed' : 'unused'} ${kind} ${where} (${size} bytes)`);
  }
  if (orphans.length > SHOWN_ORPHANS) lines.push(`and ${orphans.length - SHOWN_ORPHANS} more unused things`);
  lines.push(
    problems.length === 0 ? 'nothing is damaged' : `${problems.length} things are damaged: bring back a backup`,
  );
  return `${lines.join('\n')}\n`;
}
