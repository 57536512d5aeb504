/**
 * Makes pictures of the page's views: in a wide window and on a phone, light, dark and with high contrast.
 *
 *   npm run -s screenshots [-- --docs] [desktop|phone] [light|dark|contrast] [xen|kvm|plain] [VIEW…]
 *
 * `kvm` are the views of a host with KVM, `plain` those of one whose processors have no VT. A view can be asked for alone. They are put into .cache/screenshots; --docs: those of them that the README shows into docs/pictures, too.
 */
import { copyFileSync, mkdirSync } from 'node:fs';
import { at, isMain } from './lib.mjs';
import { ensureTypeface } from './setup.mjs';
import { checkWords, SIZES, walkViews } from './views.mjs';
import { explain } from './usage.mjs';

explain(import.meta.url);

/** Pictures in docs/pictures, by their names here. */
const SHOWN = ['figure-desktop-dark', 'define-desktop-light', 'rings-desktop-light', 'lesson-desktop-light'];

async function main(options) {
  const only = options.filter(option => option !== '--docs');
  checkWords('screenshots', options, SIZES, ['--docs']);
  await ensureTypeface();
  const folder = at('.cache', 'screenshots');
  mkdirSync(folder, { recursive: true });
  const made = new Set();
  await walkViews(
    async (page, name, size, theme) => {
      await page.screenshot({ path: `${folder}/${name}-${size}-${theme}.png` });
      made.add(`${name}-${size}-${theme}`);
    },
    {
      only,
      isPicture: true,
      failed: error => {
        console.error(error.message);
        process.exitCode = 1;
      },
    },
  );
  console.log(`${made.size} pictures in .cache/screenshots`);
  if (!options.includes('--docs')) return;
  mkdirSync(at('docs', 'pictures'), { recursive: true });
  for (const name of SHOWN.filter(each => made.has(each)))
    copyFileSync(`${folder}/${name}.png`, at('docs', 'pictures', `${name}.png`));
}

if (isMain(import.meta.url))
  await main(process.argv.slice(2)).catch(error => {
    console.error(error.message);
    process.exitCode = 1;
  });
