/**
 * Looks for what WCAG 2.1 A and AA do not allow (axe-core) on every view of the page, in each size and theme, and for what the narrow ones lose: a page wider
 * than its window, and words that are cut off where nothing scrolls. Its status is 1 where there is any.
 *
 *   npm run -s axe [-- [desktop|phone|zoomed|narrow] [light|dark|contrast] [VIEW…]]
 *
 * zoomed: a window of 1440 × 900 at 200 %; narrow: 320 pixels. Themes differ in their colours alone: all rules are asked in the first, those of colour in each.
 */
import { readFileSync } from 'node:fs';
import { at, isMain } from './lib.mjs';
import { checkWords, SIZES, THEMES, TIGHT, walkViews } from './views.mjs';
import { explain } from './usage.mjs';

explain(import.meta.url);

/** Runs in the page: another theme is there as a whole, however long its colours take to fade. */
async function drawn(theme) {
  const { dataset } = document.documentElement;
  const frame = () => new Promise(requestAnimationFrame);
  // A page that is not ours has one theme.
  while (dataset.theme !== undefined && dataset.theme !== theme) await frame();
  for (let fading; fading?.length !== 0; await frame()) {
    fading = document.getAnimations().filter(each => each instanceof CSSTransition);
    for (const each of fading) each.finish();
  }
}

const LEVELS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa'];

/** Runs in the page: what its rules find, all of them or those of colour. */
function asked([levels, isFirst]) {
  const rules = globalThis.axe
    .getRules(levels)
    .filter(({ tags }) => !tags.some(tag => tag === 'experimental' || tag === 'deprecated'))
    .filter(({ tags }) => isFirst || tags.includes('cat.color'))
    .map(({ ruleId }) => ruleId);
  return globalThis.axe.run(document, { runOnly: { type: 'rule', values: rules }, resultTypes: ['violations'] });
}

/** Runs in the page: what cannot be read there, each as an element and why. */
function lost() {
  const SLACK = 2;
  const found = [];
  const where = element =>
    `${element.tagName.toLowerCase()}${element.id ? `#${element.id}` : ''}${[...element.classList].map(name => `.${name}`).join('')}`;
  /** Where what is too wide begins: down to the element that has no wider part. */
  const widest = element => {
    const right = each => each.getBoundingClientRect().right,
      part = [...element.children].reduce((most, each) => (right(each) > right(most) ? each : most), element);
    if (part !== element) return widest(part);
    const beyond = [...element.children].find(each => right(each) === right(element));
    return beyond ? widest(beyond) : where(element);
  };
  const root = document.documentElement;
  if (root.scrollWidth > root.clientWidth + SLACK)
    found.push(`the page is ${root.scrollWidth} pixels wide, its window ${root.clientWidth}: ${widest(root)}`);
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    const element = node.parentElement;
    // What a terminal holds, pictures, and what is for ears alone.
    if (
      !node.data.trim() ||
      element.closest('.tty, .xterm, svg, canvas, [aria-hidden=true], .hidden, .skip') ||
      !element.checkVisibility({ visibilityProperty: true })
    )
      continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const box = range.getBoundingClientRect();
    if (box.width < 1 || box.height < 1) continue;
    for (let outer = element; outer && outer !== root; outer = outer.parentElement) {
      const { overflowX, overflowY, position } = getComputedStyle(outer);
      if (/auto|scroll/.test(`${overflowX} ${overflowY}`)) break;
      const frame = outer.getBoundingClientRect();
      // Kept for ears alone, or until it has the focus.
      if (frame.width < SLACK) break;
      const beyond = /hidden|clip/.test(overflowX) ? Math.max(box.right - frame.right, frame.left - box.left) : 0;
      const below = /hidden|clip/.test(overflowY) ? Math.max(box.bottom - frame.bottom, frame.top - box.top) : 0;
      const isSaid = element.closest('[title]');
      if ((beyond > SLACK || below > box.height / 2) && !isSaid)
        found.push(`${where(element)} “${node.data.trim().slice(0, 40)}” is cut off by ${where(outer)}`);
      if (beyond > SLACK || below > SLACK || position === 'fixed') break;
    }
  }
  return found;
}

async function main(only) {
  const sizes = { ...SIZES, ...TIGHT };
  checkWords('axe', only, sizes);
  const axe = readFileSync(at('node_modules', 'axe-core', 'axe.min.js'), 'utf8');
  const found = new Set();
  let looked = 0;
  const named = Object.keys(THEMES).filter(theme => only.includes(theme)),
    themes = named.length > 0 ? named : Object.keys(THEMES);
  const tell = (key, text) => {
    if (!found.has(key)) console.log(text);
    found.add(key);
  };
  await walkViews(
    async (page, name, size) => {
      await page.evaluate(axe);
      for (const theme of themes) {
        // A button that can be pressed from now on would fade while it is looked at.
        await page.emulateMedia({ contrast: 'no-preference', reducedMotion: 'reduce', ...THEMES[theme] });
        await page.evaluate(drawn, theme);
        const { violations } = await page.evaluate(asked, [LEVELS, theme === themes[0]]);
        looked++;
        for (const { id, help, nodes } of violations)
          for (const { target, html } of nodes)
            tell(
              `${id} ${target.join(' ')}`,
              `${name}, ${size}, ${theme}: ${help} (${id}) at ${target.join(' ')}: ${html.slice(0, 120)}`,
            );
      }
      await page.emulateMedia({ contrast: 'no-preference', ...THEMES[themes[0]] });
      if (size in TIGHT)
        for (const what of await page.evaluate(lost)) tell(`${name} ${what}`, `${name}, ${size}: ${what}`);
    },
    {
      // Each view is shown once in a size: the page follows what is asked of it.
      only: [...only.filter(word => !(word in THEMES)), themes[0]],
      sizes,
      failed: error => tell(error.message, error.message),
    },
  );
  console.log(`${looked} views, ${found.size} findings`);
  process.exitCode = found.size > 0 ? 1 : 0;
}

if (isMain(import.meta.url))
  await main(process.argv.slice(2)).catch(error => {
    console.error(error.message);
    process.exitCode = 1;
  });
