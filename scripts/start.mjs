/**
 * npm start [-- --no-open] [--port N] [--host ADDRESS] [--allow-host NAME] [--frame-ancestors ORIGIN]
 *
 * Everything from a fresh clone to the page in a browser: npm packages, the build, a local server. Guests are fetched behind it, where they can be: the page
 * lists each as soon as it is there.
 */
import { spawn } from 'node:child_process';
import { parseArgs } from 'node:util';
import { buildPage } from './build.mjs';
import { say, which } from './lib.mjs';
import { readOrigin } from './policy.mjs';
import { serve } from './serve.mjs';
import { ensureDependencies, fetchGuests, guestsFetched } from './setup.mjs';
import { explain } from './usage.mjs';

explain(import.meta.url);

/** Shows the page in the person's browser; where there is none to open, the printed address has to do. */
function openPage(url) {
  const [program, ...args] =
    process.platform === 'darwin'
      ? ['open', url]
      : process.platform === 'win32'
        ? ['cmd', '/c', 'start', '', url]
        : [which('xdg-open') ?? '', url];
  if (!program || (process.platform === 'linux' && !process.env.DISPLAY && !process.env.WAYLAND_DISPLAY)) return;
  spawn(program, args, { stdio: 'ignore', detached: true })
    .on('error', () => {})
    .unref();
}

function options() {
  const { values } = parseArgs({
    options: {
      'no-open': { type: 'boolean' },
      port: { type: 'string' },
      host: { type: 'string' },
      'allow-host': { type: 'string', multiple: true },
      'frame-ancestors': { type: 'string', multiple: true },
    },
  });
  const port = Number(values.port ?? 5173);
  if (!Number.isInteger(port) || port < 0 || port > 65535)
    throw new Error(`--port ${values.port}: a port is a number from 0 to 65535`);
  return {
    open: !values['no-open'],
    port,
    host: values.host ?? '127.0.0.1',
    allowHosts: values['allow-host'] ?? [],
    ancestors: (values['frame-ancestors'] ?? []).map(origin => readOrigin(origin, '--frame-ancestors')),
  };
}

try {
  const { open, port, host, allowHosts, ancestors } = options();
  await ensureDependencies();
  if (await buildPage()) say('the page is built');
  let coming;
  const { url, others } = await serve({
    port,
    host,
    allowHosts,
    ancestors,
    coming: () => (coming?.problem && guestsFetched() ? undefined : coming),
  });
  console.log(`Ringside is at ${url}\n(Ctrl-C ends it.)`);
  if (others.length > 0)
    console.log(
      `From other machines it is at ${others.join(', ')}\nOver plain http a browser gives the page no shared memory there: all domains then share one worker.`,
    );
  if (open) openPage(url);
  if (!guestsFetched()) {
    coming = { text: 'looking for packages', done: 0, of: 0 };
    await fetchGuests(told => (coming = told));
    if (coming.problem)
      say(`the Debian guests are not here (${coming.problem}); the demo guest and whatever you drop work without them`);
    else {
      coming = undefined;
      say('the Debian guests are here');
    }
  }
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
