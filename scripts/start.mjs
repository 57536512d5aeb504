/**
 * npm start [-- --no-open] [--port N] [--host ADDRESS]
 *
 * Everything from a fresh clone to the page in a browser: npm packages, guests (where they can be fetched), the build, a local server.
 */
import { spawn } from 'node:child_process';
import { parseArgs } from 'node:util';
import { buildPage } from './build.mjs';
import { say, which } from './lib.mjs';
import { serve } from './serve.mjs';
import { ensureDependencies, ensureGuests, guestsFetched } from './setup.mjs';

/** Shows the page in the person's browser; where there is none to open, the printed address has to do. */
function openPage(url) {
  const [program, ...args] =
    process.platform === 'darwin' ? ['open', url] : process.platform === 'win32' ? ['cmd', '/c', 'start', '', url] : [which('xdg-open') ?? '', url];
  if (!program || (process.platform === 'linux' && !process.env.DISPLAY && !process.env.WAYLAND_DISPLAY)) return;
  spawn(program, args, { stdio: 'ignore', detached: true })
    .on('error', () => {})
    .unref();
}

function options() {
  const { values } = parseArgs({ options: { 'no-open': { type: 'boolean' }, port: { type: 'string' }, host: { type: 'string' } } });
  const port = Number(values.port ?? 5173);
  if (!Number.isInteger(port) || port < 0 || port > 65535) throw new Error(`--port ${values.port}: a port is a number from 0 to 65535`);
  return { open: !values['no-open'], port, host: values.host ?? '127.0.0.1' };
}

try {
  const { open, port, host } = options();
  await ensureDependencies();
  const guests = guestsFetched() ? Promise.resolve(undefined) : ensureGuests({ limitSeconds: 900 });
  if (await buildPage()) say('the page is built');
  const why = await guests;
  if (why) say(`the Debian guests are not here (${why}); the demo guest and whatever you drop work without them`);
  const { url } = await serve({ port, host });
  console.log(`Ringside is at ${url}\n(Ctrl-C ends it.)`);
  if (host !== '127.0.0.1' && host !== 'localhost')
    console.log('From another machine over plain http a browser gives the page no shared memory: all domains then share one worker.');
  if (open) openPage(url);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
