/**
 * npm run -s counts     the source in numbers: lines by room, circles of imports, what is longer than test/lengths.test.ts wants
 */
import { readFileSync, readdirSync } from 'node:fs';
import { at } from './lib.mjs';
import { ensureDependencies } from './setup.mjs';
import { explain } from './usage.mjs';

explain(import.meta.url);

await ensureDependencies({ quiet: true });
const { runnerImport } = await import('vite');
const { allImports, circles, FILE_LINES, FUNCTION_LINES, roomOf, tooLong } = (
  await runnerImport(at('test', 'support', 'rules.ts'))
).module;

const ofTests = path => /\.test\.|test-support/.test(path);
const texts = new Map(
  readdirSync(at('src'), { recursive: true })
    .map(path => `src/${path.replaceAll('\\', '/')}`)
    .filter(path => /\.tsx?$/.test(path))
    .sort()
    .map(path => [path, readFileSync(at(path), 'utf8')]),
);
const sources = new Map([...texts].filter(([path]) => !ofTests(path)));

/** Files, their lines, and the lines of their tests, by room. */
function byRoom() {
  const rooms = new Map();
  for (const [path, text] of texts) {
    const room = roomOf(path) ?? 'beside the rooms';
    const sum = rooms.get(room) ?? { files: 0, lines: 0, 'lines of tests': 0 };
    const lines = text.split('\n').length - 1;
    if (ofTests(path)) sum['lines of tests'] += lines;
    else Object.assign(sum, { files: sum.files + 1, lines: sum.lines + lines });
    rooms.set(room, sum);
  }
  const together = {};
  for (const sum of rooms.values())
    for (const [what, count] of Object.entries(sum)) together[what] = (together[what] ?? 0) + count;
  return { ...Object.fromEntries([...rooms].sort()), together };
}

/** Circles, as "40 files from src/cpu/access.ts". */
const told = found => found.map(files => `${files.length} files from ${files[0]}`).join('; ') || 'none';

const long = [...sources].flatMap(([path, text]) => [...tooLong(path, text).keys()]);
const longFiles = long.filter(what => !what.includes(' '));

console.table(byRoom());
const byValue = circles(sources);
const byType = circles(sources, allImports);
console.log(`circles of imports of values: ${byValue.length} (${told(byValue)})`);
console.log(`circles where types count: ${byType.length} (${told(byType)})`);
console.log(`files over ${FILE_LINES} lines: ${longFiles.length} of ${sources.size}`);
console.log(`functions over ${FUNCTION_LINES} lines: ${long.length - longFiles.length}`);
