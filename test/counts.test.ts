/** What `npm run -s counts` counts of the structure of sources. */
import { execFileSync } from 'node:child_process';
import { parseSync } from 'vite';
import { expect, it } from 'vitest';
// @ts-expect-error: scripts have no types.
import { structureOf } from '../scripts/structure.mjs';
import * as english from './support/english.ts';
import { file } from './support/needs.ts';

/** `files`: texts by paths. */
const counted = (files: Record<string, string>, documents: string[] = []) =>
  structureOf({
    files: new Map(Object.entries(files)),
    documents,
    parse: parseSync,
    english,
    entries: new Set(['src/cli/main.ts']),
  });

it('finds lines that ask for the kind of a guest or of the hypervisor', () => {
  const asks = [
    "if (definition.type === 'hvm') take();",
    "const isXen = host.hypervisor.kind === 'xen';",
    'const place = kvm ? here : there;',
    'if (member.blueprint.xen) detach();',
    'const bus = !definition.kvm && first;',
    'return hasBoard(kind);',
    'const shown = isWithout() ? words.some : words.all;',
    'if (modelHere) attach();',
  ];
  const others = [
    "import { isXen } from './layout.ts';",
    '// kvm ? one : other',
    "const words = 'kvm, xen and pc';",
    'kindOf(member).memory(mib);',
    'this.xen.flush();',
    "type Kind = 'pc' | 'kvm';",
    'const one = two.xenstored ?? three;',
    'start({ xen, kvm });',
  ];
  const { rows, places } = counted({
    'src/dom0/toolstack/a.ts': [...asks, ...others].join('\n'),
    'src/dom0/toolstack/kinds/pc/b.ts': 'if (kvm) load();',
    'src/hypervisor/interfaces/xen/c.ts': 'if (isXen(record)) load();',
    'src/dom0/toolstack/a.test.ts': 'if (kvm) load();',
  });
  expect(places.asks.map((place: string) => place.replace(/^.*?:\d+: /, ''))).toEqual([...asks, 'if (kvm) load();']);
  expect(rows).toMatchObject({
    'lines that ask the kind': asks.length + 1,
    'of them outside kinds/ and hypervisors/': asks.length,
  });
});

it('counts fields, optional members, casts, files named by time and imports at run time', () => {
  const { rows } = counted({
    'src/hypervisor/domain/domain.ts':
      'export class Domain {\n  private a = 1;\n  readonly b: number;\n  static c = 2;\n  run(): void {}\n}\n',
    'src/dom0/service/host.ts': 'export class HostCore {}\n',
    'src/dom0/toolstack/running-domain.ts':
      'export interface Member {\n  a: string;\n  b?: number;\n  c?(): void;\n}\n',
    'src/dom0/toolstack/later-parts.ts':
      "const a = await import('./a.ts');\ntype B = typeof import('./b.ts');\nconst c = a as unknown as B; // as unknown as\n",
  });
  expect(rows).toMatchObject({
    'fields of Domain': 2,
    'lines of the file with HostCore': 1,
    'optional fields of Member': 2,
    'files named by when they load': 1,
    'import() sites': 1,
    'as unknown as': 1,
  });
});

it('finds names that tests alone import, also through an index, and those that nothing names', () => {
  const { places } = counted({
    'src/cpu/index.ts': "export { used, forTests } from './a.ts';\nexport * as all from './b.ts';\n",
    'src/cpu/a.ts': 'export const used = 1, forTests = 2, nowhere = 3, own = 4;\nexport const sum = own + 1;\n',
    'src/cpu/b.ts': 'export const first = 1;\nexport const second = 2;\n',
    'src/cli/main.ts': "import { all, used } from '../cpu/index.ts';\nexport const main = () => all.first + used;\n",
    'src/cpu/a.test.ts': "import { forTests, used } from './index.ts';\nimport { sum } from './a.ts';\n",
  });
  expect(places.forTests).toEqual(['src/cpu/a.ts forTests', 'src/cpu/a.ts sum']);
  expect(places.nowhere).toEqual(['src/cpu/a.ts nowhere', 'src/cpu/b.ts second']);
});

it('counts avoided words by where they are', () => {
  const { rows } = counted(
    { 'src/ui/a.ts': "/** Of theirs, told anew. */\nexport const a = 'it stands beside it';\n" },
    ['Whoever reads this.'],
  );
  expect(rows).toMatchObject({
    'avoided words in documents': 1,
    'avoided words in strings': 2,
    'avoided words in comments': 3,
  });
});

it('prints the counts of this checkout', () => {
  const text = execFileSync(process.execPath, [file('scripts/counts.mjs')], { encoding: 'utf8' });
  expect(text).toMatch(/^functions over 80 lines: \d+$/m);
  expect(text).toMatch(/^lines in all: \d{6}$/m);
});
