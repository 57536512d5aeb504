/**
 * Set-up of a fresh machine, each part done only when it is missing: npm packages, browsers, guests.
 */
import { execFileSync, fork } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { at, canInstallPackages, guestsFolder, npm, root, run, say, which } from './lib.mjs';

const lockOf = path => JSON.parse(readFileSync(path, 'utf8')).packages;

/** True if node_modules holds what the lock file says (optional packages belong to other platforms and are not looked at). */
function dependenciesInstalled() {
  const installedPath = at('node_modules', '.package-lock.json');
  if (!existsSync(installedPath)) return false;
  const installed = lockOf(installedPath);
  return Object.entries(lockOf(at('package-lock.json'))).every(
    ([path, { version, optional }]) => path === '' || optional || installed[path]?.version === version,
  );
}

/** Installs the npm packages of the lock file where they are missing. Throws a sentence when that fails. Prints nothing else when `quiet`. */
export async function ensureDependencies({ quiet = false } = {}) {
  if (dependenciesInstalled()) return;
  if (!quiet) say('installing npm packages');
  const status = await npm(['ci', '--no-audit', '--no-fund', '--loglevel=error'], { quiet: true });
  if (status !== 0) throw new Error('npm ci failed (see above): check the network, then try again');
}

let listsUpdated = false;
/**
 * Installs Debian packages where we may; returns undefined when the programs are there afterwards, else a sentence that says why not.
 * `wanted`: program, or a file by its whole path → package.
 */
export async function ensurePrograms(wanted, extraPackages = []) {
  const missing = () => Object.keys(wanted).filter(one => (isAbsolute(one) ? !existsSync(one) : !which(one)));
  if (missing().length === 0) return undefined;
  const packages = [...new Set([...missing().map(program => wanted[program]), ...extraPackages])];
  if (!canInstallPackages())
    return `${missing().join(', ')} not installed (on Debian: apt-get install ${packages.join(' ')})`;
  await install(packages);
  const left = missing();
  return left.length ? `${left.join(', ')} could not be installed` : undefined;
}

async function install(packages) {
  say(`installing ${packages.join(', ')} with apt-get`);
  const env = { DEBIAN_FRONTEND: 'noninteractive' };
  // One list failing (a mirror in the middle of a sync) must not stop the rest.
  if (!listsUpdated) await run('apt-get', ['update', '-q'], { quiet: true, env, limitSeconds: 300 });
  listsUpdated = true;
  await run('apt-get', ['install', '-q', '-y', '--no-install-recommends', ...packages], {
    quiet: true,
    env,
    limitSeconds: 1200,
  });
}

/**
 * The typeface that the page asks for where the system has none of its own, as on most desktops of Debian. A bare system has only DejaVu Sans, which is a
 * sixth wider. A machine where it cannot be installed goes without.
 */
export async function ensureTypeface() {
  const isThere = which('fc-list') && execFileSync('fc-list', ['Liberation Sans'], { encoding: 'utf8' }).trim() !== '';
  if (!isThere && canInstallPackages()) await install(['fonts-liberation']);
}

/** The system's Chromium: its path, or why there is none. */
export async function ensureChromium() {
  const find = () =>
    process.env.RINGSIDE_CHROMIUM ?? which('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable');
  if (find()) return { path: find() };
  const why = await ensurePrograms({ chromium: 'chromium' });
  return find() ? { path: find() } : { why };
}

/** A Chromium without a window for most browser tests: what RINGSIDE_HEADLESS_SHELL names, or Debian's. Undefined where Chromium itself must do. */
export async function ensureHeadlessShell() {
  const find = () => process.env.RINGSIDE_HEADLESS_SHELL ?? which('chromium-headless-shell');
  if (!find()) await ensurePrograms({ 'chromium-headless-shell': 'chromium-headless-shell' });
  return find();
}

/** True once `npm run guests` has come to its end: it writes the catalogue last. */
export const guestsFetched = () => existsSync(join(guestsFolder, 'catalogue.json'));

/**
 * The same behind a page that is served already: `told` hears how far it is, and which guests are whole (`Coming` in guests.ts), or `{ problem }` where it ended
 * without them. Resolves when it has ended.
 */
export function fetchGuests(told, { limitSeconds = 900 } = {}) {
  return new Promise(resolve => {
    let why;
    const child = fork(at('scripts', 'guests.mjs'), { cwd: root, stdio: ['ignore', 2, 'inherit', 'ipc'] });
    const timer = setTimeout(() => {
      why = `it took more than ${limitSeconds / 60} minutes`;
      child.kill('SIGTERM');
    }, limitSeconds * 1000);
    child.on('message', message => {
      if ('problem' in message) why ??= message.problem;
      else told(message);
    });
    child.on('error', error => (why ??= error.message));
    child.on('close', status => {
      clearTimeout(timer);
      if (status !== 0 || !guestsFetched()) told({ problem: why ?? `npm run guests ended with status ${status}` });
      resolve();
    });
  });
}

/** Fetches and assembles the guests that are missing, with those that options of `npm run guests` ask for; returns undefined, or a sentence that says why some are. */
export async function ensureGuests({ limitSeconds = 1200, options = [] } = {}) {
  if (!existsSync(at('scripts', 'guests.mjs'))) return 'this version has no guests to fetch';
  const status = await run(process.execPath, [at('scripts', 'guests.mjs'), ...options], {
    limitSeconds,
    stdout: 2,
  });
  return status === 0 && guestsFetched() ? undefined : `npm run guests ended with status ${status}`;
}
