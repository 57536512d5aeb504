/** A page of somebody else's that has a guest in it (docs/package.md), for what serves and looks at one: on the server of the page, below /course/. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { buildEmbed } from './build.mjs';
import { isolation } from './serve.mjs';

const COURSE = `<!doctype html><html lang="en"><title>Course</title>
<script type="module" src="ringside/ringside.js"></script><ringside-guest definition="demo"></ringside-guest></html>`;

const answer = (type, content) => response =>
  response.writeHead(200, { ...isolation, 'Content-Type': type }).end(content());

/** What is answered there, by path: builds the scripts where they are stale. */
export async function courseAnswers() {
  const scripts = await buildEmbed();
  return {
    '/course/': answer('text/html', () => COURSE),
    ...Object.fromEntries(
      readdirSync(scripts, { recursive: true })
        .filter(name => statSync(join(scripts, name)).isFile())
        .map(name => [
          `/course/ringside/${name}`,
          answer(extname(name) === '.js' ? 'text/javascript' : '', () => readFileSync(join(scripts, name))),
        ]),
    ),
  };
}
