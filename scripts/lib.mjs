/**
 * What the scripts share. Plain Node, no packages: `npm start` and `npm test` run on a machine where nothing is installed yet.
 */
import { spawn } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, realpathSync } from 'node:fs';
import { constants as osConstants, setPriority } from 'node:os';
import { delimiter, extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository. */
export const root = fileURLToPath(new URL('..', import.meta.url));
export const at = (...parts) => join(root, ...parts);

/** True in the module that node was started with, also through a link. */
export const isMain = url => process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(url);

/** Where `npm run guests` puts what it fetched and made. */
export const guestsFolder = at('.cache', 'guests');

/** Nothing may be skipped (set by .ci/run). */
export const strict = process.env.RINGSIDE_STRICT === '1';

const started = performance.now();
/** A progress line on standard error, with the seconds since the script began. */
export function say(text) {
  process.stderr.write(`[${((performance.now() - started) / 1000).toFixed(1).padStart(6)} s] ${text}\n`);
}

/** Judgements, each printed as it falls; `end`: how many there were, and the end of the process. */
export function judgements() {
  let passed = 0,
    failed = 0;
  return {
    judge: (what, holds, otherwise = '') => {
      if (holds) passed++;
      else failed++;
      say(`${holds ? 'passed' : 'FAILED'}: ${what}${holds || !otherwise ? '' : `: ${otherwise}`}`);
    },
    end: () => {
      process.stdout.write(`${passed} passed, ${failed} failed\n`);
      process.exit(failed === 0 ? 0 : 1);
    },
  };
}

/** The environment with the folders of mke2fs and e2fsck, which are not in everybody's PATH. */
export const withSbin = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin` };

/** Full path of the first of these programs that is installed, also where only root looks (mke2fs), or undefined. */
export function which(...names) {
  for (const name of names)
    for (const folder of withSbin.PATH.split(delimiter)) {
      const path = join(folder, name);
      try {
        accessSync(path, constants.X_OK);
        return path;
      } catch {}
    }
  return undefined;
}

/**
 * Runs a program to its end and returns its exit status (128 + signal number is not distinguished: a killed program gives 1).
 * `quiet`: its output goes nowhere unless it fails, then to standard error. `limitSeconds`: it is ended after that, status 124. `beside`: another runs
 * at the same time, so its output comes through a pipe: on a terminal it would draw over the other's lines. `yields`: it gets the processor time that the
 * other leaves.
 */
export function run(
  program,
  args,
  { quiet = false, beside = false, yields = false, env = {}, cwd = root, limitSeconds = 0, stdout = 'inherit' } = {},
) {
  return new Promise(resolve => {
    const child = spawn(program, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', quiet || beside ? 'pipe' : stdout, quiet || beside ? 'pipe' : 'inherit'],
    });
    // Before it has threads and processes, which inherit it; it may have ended.
    if (yields && child.pid !== undefined) {
      try {
        setPriority(child.pid, osConstants.priority.PRIORITY_BELOW_NORMAL);
      } catch {}
    }
    if (beside) {
      child.stdout.pipe(process.stdout, { end: false });
      child.stderr.pipe(process.stderr, { end: false });
    }
    let output = '';
    let late = false;
    if (quiet) for (const stream of [child.stdout, child.stderr]) stream.on('data', data => (output += data));
    const timer =
      limitSeconds > 0 &&
      setTimeout(() => {
        late = true;
        child.kill('SIGTERM');
        setTimeout(() => child.kill('SIGKILL'), 10_000).unref();
      }, limitSeconds * 1000);
    child.on('error', error => {
      clearTimeout(timer);
      process.stderr.write(`${program}: ${error.message}\n`);
      resolve(127);
    });
    child.on('close', status => {
      clearTimeout(timer);
      if (late) say(`${program} ${args[0] ?? ''} did not end within ${limitSeconds} s`);
      if (quiet && status !== 0) process.stderr.write(output);
      resolve(late ? 124 : (status ?? 1));
    });
  });
}

/** npm of the run that started us, also where `npm` itself is a .cmd file. */
export function npm(args, options) {
  const script = process.env.npm_execpath;
  if (script?.endsWith('js')) return run(process.execPath, [script, ...args], options);
  return run(process.platform === 'win32' ? 'npm.cmd' : 'npm', args, options);
}

/** Debian (not a derivative: Ubuntu's chromium is a snap) with the right to install packages. */
export function canInstallPackages() {
  if (process.getuid?.() !== 0 || !which('apt-get')) return false;
  return existsSync('/etc/os-release') && /^ID=debian$/m.test(readFileSync('/etc/os-release', 'utf8'));
}

/** guests/catalogue.json of a page that is built without the guests that are fetched. */
export const NO_GUESTS = '{ "guests": [] }\n';

/** Files that shrink, by their endings; kernels and images are compressed already. */
const SHRINKS = new Set(['.html', '.js', '.css', '.json', '.svg', '.cfg']);
/** Shorter ones cost more in headers than they lose. */
const LEAST_BYTES = 1024;
/** Whether a file is worth being compressed for the way over a network. */
export const shrinks = (path, size) => SHRINKS.has(extname(path)) && size >= LEAST_BYTES;
/** The ending of what the build puts next to such a file of the page: the same by Brotli. */
export const BROTLI = '.br';
