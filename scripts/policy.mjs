/**
 * The Content-Security-Policy (CSP Level 3) of the page and of its workers: what scripts may run, and who may show the page in a frame. A document is judged
 * by its own policy and a worker by that of its script, so that text becomes code in workers alone, where guest code is compiled (new Function).
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** Of documents and workers alike. Pools, lessons, images and etcd are at addresses that people name, so that connections go to all. */
const SHARED = [
  "default-src 'self'",
  "connect-src 'self' data: blob: http: https: ws: wss:",
  "img-src 'self' data: blob:",
  "base-uri 'none'",
  "object-src 'none'",
  "form-action 'self'",
];

/** Of scripts, which may be workers'. */
export const WORKER_POLICY = [...SHARED, "script-src 'self' 'unsafe-eval'"].join('; ');

/** A placeholder in the policy for the origins that may frame the page. */
export const FRAMES = '__FRAMES__';

/** `html`: the document, whose scripts without an address are named by their hashes. `evals`: one that compiles itself. */
export function documentPolicy(html, evals = false) {
  const inline = [...html.matchAll(/<script>([\s\S]*?)<\/script>/g)].map(
    ([, text]) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`,
  );
  return [
    ...SHARED,
    ["script-src 'self'", ...(evals ? ["'unsafe-eval'"] : []), ...inline].join(' '),
    // The terminal and the tints of domains make rules.
    "style-src 'self' 'unsafe-inline'",
    `frame-ancestors ${FRAMES}`,
  ].join('; ');
}

/** A lesson for a course's page. Its address says so, and the page shows nothing else there. */
export const mayBeFramed = search => {
  const asked = new URLSearchParams(search);
  return asked.get('embed') === '1' && asked.has('lesson');
};

/** Measurements that have a processor on the page's own thread. */
const COMPILES = /[/\\]bench\.html$/;
/** By file, for as long as that is the same. */
const known = new Map();

/** The policy of what is in a file. `ancestors`: origins that may frame any document. */
export function policyOf({ file, tag }, search, ancestors = []) {
  if (!file.endsWith('.html')) return WORKER_POLICY;
  if (known.get(file)?.tag !== tag)
    known.set(file, { tag, policy: documentPolicy(readFileSync(file, 'utf8'), COMPILES.test(file)) });
  const frames = mayBeFramed(search) ? '*' : ancestors.length > 0 ? ancestors.join(' ') : "'none'";
  return known.get(file).policy.replace(FRAMES, frames);
}

/** An origin as a policy takes it. @throws Error with a sentence */
export function readOrigin(text, option) {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  // What ends a source or a rule in a policy may be in a URL's host.
  if (
    !/^https?:\/\/[\w.:[\]-]+$/.test(url?.origin ?? '') ||
    url.pathname !== '/' ||
    url.search ||
    url.hash ||
    url.username
  )
    throw new Error(`${option} ${text}: write SCHEME://HOST or SCHEME://HOST:PORT, as https://course.example.`);
  return url.origin;
}
