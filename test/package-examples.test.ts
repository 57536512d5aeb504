/** The examples of docs/package.md run as they stand. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { createHost } from '../src/cli/package.ts';

const text = readFileSync(new URL('../docs/package.md', import.meta.url), 'utf8');
const examples = [...text.matchAll(/^## ([^\n]+)\n[^#]*?```ts\n([^]*?)```/gm)].map(([, title, code]) => ({
  title,
  code,
}));

it('there are three', () => expect(examples).toHaveLength(3));

it.each(examples)('$title', async ({ code }) => {
  const said: string[] = [];
  const body = code!.replace("import { createHost } from 'ringside';", '');
  expect(body).not.toContain('import');
  const run = new Function('createHost', 'console', `return (async () => { ${body} })()`) as (
    ...given: unknown[]
  ) => Promise<void>;
  // One processor: tests have no bundle of a worker.
  const here = (options: object): ReturnType<typeof createHost> => createHost({ ...options, pcpus: 1 });
  await run(here, { log: (...words: unknown[]) => said.push(words.join(' ')) });
  expect(said.join('\n')).toMatch(/echo|running|gone minipv-pv/);
});
