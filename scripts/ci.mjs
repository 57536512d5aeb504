/**
 * What .ci/run does: a clean install, both test commands with nothing skipped, and one last line `N passed, N failed`.
 * Limits add up to less than the 90 minutes that the whole may take.
 */
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { at, npm, say } from './lib.mjs';

const env = { CI: 'true', RINGSIDE_STRICT: '1' };
const total = { passed: 0, failed: 0 };
const failed = [];
const again = [];

async function tests(script, limitSeconds) {
  const summary = at('.cache', `summary-${script.replace(':', '-')}.json`);
  rmSync(summary, { force: true });
  say(`== npm run ${script}`);
  const status = await npm(['run', script], { env: { ...env, RINGSIDE_SUMMARY: summary }, limitSeconds });
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
  await tests('test', 32 * 60);
  await tests('test:guests', 51 * 60);
}
for (const line of again) console.log(`SECOND ATTEMPT ${line}`);
for (const line of failed) console.log(`FAILED ${line}`);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 ? 0 : 1;
