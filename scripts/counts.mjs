/**
 * npm run -s counts [-- --at FOLDER] [--places asks|byTime|forTests|nowhere]
 *
 * The source in numbers: lines by room, circles of imports, what is larger than test/lengths.test.ts wants, and how it is structured (scripts/structure.mjs has
 * each count's pattern). `--at`: of another checkout, such as an older commit's, by the same patterns. `--places`: where one of the counts finds what it counts.
 */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { at, root } from './lib.mjs';
import { ensureDependencies } from './setup.mjs';
import { isOfTests, structureOf } from './structure.mjs';
import { explain } from './usage.mjs';

explain(import.meta.url);

await ensureDependencies({ quiet: true });
const { values } = parseArgs({ options: { at: { type: 'string', default: root }, places: { type: 'string' } } });
const { parseSync, runnerImport } = await import('vite');
const support = async name => (await runnerImport(at('test', 'support', name))).module;
const { allImports, circles, CLASS_FIELDS, CLASS_METHODS, FUNCTION_LINES, roomOf, testOnly, tooLarge } =
  await support('rules.ts');

const here = (...parts) => join(resolve(values.at), ...parts);
const read = path => readFileSync(here(path), 'utf8');
/** Sources of a folder, path → text. */
const sourcesOf = (folder, pattern) =>
  !existsSync(here(folder))
    ? []
    : readdirSync(here(folder), { recursive: true })
        .map(path => `${folder}/${path.replaceAll('\\', '/')}`)
        .filter(path => pattern.test(path) && !path.includes('node_modules'))
        .sort()
        .map(path => [path, read(path)]);
const texts = new Map(sourcesOf('src', /\.tsx?$/));
const sources = new Map([...texts].filter(([path]) => !isOfTests(path)));

/** Files, their lines, and the lines of their tests, by room. */
function byRoom() {
  const rooms = new Map();
  for (const [path, text] of texts) {
    const room = roomOf(path) ?? 'outside of the rooms';
    const sum = rooms.get(room) ?? { files: 0, lines: 0, 'lines of tests': 0 };
    const lines = text.split('\n').length - 1;
    if (isOfTests(path)) sum['lines of tests'] += lines;
    else Object.assign(sum, { files: sum.files + 1, lines: sum.lines + lines });
    rooms.set(room, sum);
  }
  const together = {};
  for (const sum of rooms.values())
    for (const [what, count] of Object.entries(sum)) together[what] = (together[what] ?? 0) + count;
  return { ...Object.fromEntries([...rooms].sort()), together };
}

/** Circles, as "40 files from src/cpu/access.ts". */
const inWords = found => found.map(files => `${files.length} files from ${files[0]}`).join('; ') || 'none';

/** Files that programs, pages and workers begin with. */
const entries = new Set([
  ...[...read('scripts/build.mjs').matchAll(/'(src\/[^']+\.tsx?)'/g)].map(([, path]) => path),
  ...[...sources].flatMap(([path, text]) =>
    [...text.matchAll(/new URL\('(\.[^']+\.ts)', import\.meta\.url\)/g)].map(([, to]) => join(path, '..', to)),
  ),
]);
const { rows, places } = structureOf({
  files: new Map([
    ...texts,
    ...['test', 'guests', 'bench', 'scripts'].flatMap(folder => sourcesOf(folder, /\.(tsx?|mjs)$/)),
    ...readdirSync(here())
      .filter(name => /\.ts$/.test(name))
      .map(name => [name, read(name)]),
  ]),
  documents: ['README.md', 'CONTRIBUTING.md', ...sourcesOf('docs', /(?<!\.es)\.md$/).map(([path]) => path)].map(read),
  parse: parseSync,
  english: await support('english.ts'),
  entries,
  // Helpers of tests by other names than theirs.
  helpers: testOnly(texts),
});

if (values.places !== undefined) {
  for (const place of places[values.places] ?? [`counts: there are places of ${Object.keys(places).join(', ')}.`])
    console.log(place);
} else {
  const large = [...sources].flatMap(([path, text]) => [...tooLarge(path, text).keys()]);
  const ofClasses = kind => large.filter(what => what.endsWith(` ${kind}`)).length;
  const byValue = circles(sources),
    byType = circles(sources, allImports);
  console.table(byRoom());
  console.log(`circles of imports of values: ${byValue.length} (${inWords(byValue)})`);
  console.log(`circles where types count: ${byType.length} (${inWords(byType)})`);
  const [fields, methods] = [ofClasses('fields'), ofClasses('methods')];
  console.log(`functions over ${FUNCTION_LINES} lines: ${large.length - fields - methods}`);
  console.log(`classes with more than ${CLASS_FIELDS} fields: ${fields}`);
  console.log(`classes with more than ${CLASS_METHODS} methods: ${methods}`);
  for (const [name, count] of Object.entries(rows)) console.log(`${name}: ${count}`);
}
