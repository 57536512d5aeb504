/**
 * What .ci/run does: a clean install, both test commands with nothing skipped, and one last line `N passed, N failed`.
 * The whole may take 90 minutes. The second command has what the first one leaves: machines are now and then three times slower than usual.
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { at, npm, say } from './lib.mjs';

const env = { CI: 'true', RINGSIDE_STRICT: '1' };
const total = { passed: 0, failed: 0 };
const failed = [];
const again = [];

/** Less than the 90 minutes, as what runs last is ended and tells of it. */
const WHOLE_S = 88 * 60;
const leftSeconds = () => WHOLE_S - performance.now() / 1000;

async function tests(script, mostSeconds) {
  const limitSeconds = Math.floor(Math.min(mostSeconds, leftSeconds()));
  const summary = at('.cache', `summary-${script.replace(':', '-')}.json`);
  rmSync(summary, { force: true });
  say(`== npm run ${script}`);
  const status = await npm(['run', script], {
    env: { ...env, RINGSIDE_SUMMARY: summary, RINGSIDE_LIMIT_S: `${limitSeconds}` },
    limitSeconds,
  });
  if (!existsSync(summary)) {
    total.failed++;
    failed.push(`npm run ${script} (status ${status}, no summary)`);
    return;
  }
  const result = JSON.parse(readFileSync(summary, 'utf8'));
  if (status !== 0 && result.failed === 0) result.failed = 1;
  total.passed += result.passed;
  total.failed += result.failed;
  failed.push(...result.failures.map(line => `npm run ${script}: ${line}`));
  again.push(...result.again.map(line => `npm run ${script}: ${line}`));
}

mkdirSync(at('.cache'), { recursive: true });
say('== npm ci');
if ((await npm(['ci', '--no-audit', '--no-fund', '--loglevel=error'], { env, limitSeconds: 400 })) !== 0) {
  total.failed++;
  failed.push('npm ci');
} else {
  await tests('test', 38 * 60);
  await tests('test:guests', WHOLE_S);
}
for (const line of again) console.log(`SECOND ATTEMPT ${line}`);
for (const line of failed) console.log(`FAILED ${line}`);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 ? 0 : 1;
