/**
 * Looks for what WCAG 2.1 A and AA do not allow (axe-core) on every view of the page, in each size and theme. Its status is 1 where there is any.
 *
 *   npm run -s axe
 */
import { readFileSync } from 'node:fs';
import { at, isMain } from './lib.mjs';
import { walkViews } from './views.mjs';

async function main() {
  const axe = readFileSync(at('node_modules', 'axe-core', 'axe.min.js'), 'utf8');
  const found = new Set();
  let looked = 0;
  await walkViews(async (page, name, size, theme) => {
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'] }));
    looked++;
    for (const { id, help, nodes } of violations)
      for (const { target, html } of nodes) {
        const key = `${id} ${target.join(' ')}`;
        if (!found.has(key)) console.log(`${name}, ${size}, ${theme}: ${help} (${id}) at ${target.join(' ')}: ${html.slice(0, 120)}`);
        found.add(key);
      }
  });
  console.log(`${looked} views, ${found.size} findings`);
  process.exitCode = found.size > 0 ? 1 : 0;
}

if (isMain(import.meta.url))
  await main().catch(error => {
    console.error(error.message);
    process.exitCode = 1;
  });
