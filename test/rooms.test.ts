import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ALONE } from './support/alone.ts';
import {
  allImports,
  besideFindings,
  circles,
  globalFindings,
  holdsPageState,
  importFindings,
  interfaceFindings,
  lockFindings,
  loads,
  pastIndexFindings,
  pathFindings,
  testOnly,
  wasmFindings,
  workerFindings,
} from './support/rules.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const sources = (readdirSync(join(root, 'src'), { recursive: true }) as string[])
  .map(path => `src/${path.replaceAll('\\', '/')}`)
  .filter(path => /\.tsx?$/.test(path));
const text = (path: string): string => readFileSync(join(root, path), 'utf8');
const helpers = testOnly(new Map(sources.map(path => [path, text(path)])));

describe('rooms', () => {
  it('import only what lies below them, and the lower ones no package', () => {
    expect(sources.flatMap(path => importFindings(path, text(path), helpers.has(path)))).toEqual([]);
  });

  it('would not pass an import that points up, sideways or to a package', () => {
    const up = "import { Domain } from '../hypervisor/domain.ts';";
    expect(importFindings('src/cpu/a.ts', up)).toHaveLength(1);
    expect(importFindings('src/dom0/host/a.ts', "import { Domain } from '../../hypervisor/domain.ts';")).toEqual([]);
    expect(importFindings('src/cpu/a.ts', "import type { Domain } from '../hypervisor/domain.ts';")).toHaveLength(1);
    expect(importFindings('src/cpu/a.ts', "export * from '../devices/pit.ts';")).toHaveLength(1);
    expect(importFindings('src/cpu/a.ts', "const later = import('../devices/pit.ts');")).toHaveLength(1);
    expect(
      importFindings('src/hypervisor/a.ts', "new Worker(new URL('../ui/worker.ts', import.meta.url));"),
    ).toHaveLength(1);
    expect(importFindings('src/cli/a.ts', "import '../ui/page.ts';")).toHaveLength(1);
    expect(importFindings('src/ui/a.ts', "import '../cli/main.ts';")).toHaveLength(1);
    expect(importFindings('src/cli/a.ts', "import '../workshop/median.ts';")).toHaveLength(1);
    expect(importFindings('src/cli/a.test.ts', "import '../workshop/median.ts';")).toHaveLength(1);
    expect(importFindings('src/workshop/a.ts', "import '../cli/main.ts';")).toEqual([]);
    expect(importFindings('src/workshop/a.ts', "import '../ui/page.ts';")).toHaveLength(1);
    expect(importFindings('src/devices/a.ts', "import { gunzipSync } from 'fflate';")).toHaveLength(1);
    expect(importFindings('src/devices/a.ts', "import { readFileSync } from 'node:fs';")).toHaveLength(1);
    expect(
      importFindings('src/hypervisor/worker/worker.ts', "import { parentPort } from 'node:worker_threads';"),
    ).toEqual([]);
    expect(importFindings('src/dom0/host/a.ts', "import { gunzipSync } from 'fflate';")).toEqual([]);
    expect(importFindings('src/devices/a.test.ts', "import { it } from 'vitest';")).toEqual([]);
    expect(importFindings('src/attic/a.ts', '')).toHaveLength(1);
  });

  it('of Domain 0 have arrows in one direction, and no file beside them', () => {
    const up = "import type { HostCore } from '../service/index.ts';";
    expect(importFindings('src/dom0/shell/a.ts', up)).toHaveLength(1);
    expect(importFindings('src/dom0/shell/a.test.ts', up)).toEqual([]);
    expect(importFindings('src/dom0/backends/a.ts', "import '../definitions/index.ts';")).toHaveLength(1);
    expect(importFindings('src/dom0/service/a.ts', "import '../shell/index.ts';")).toEqual([]);
    expect(importFindings('src/dom0/a.ts', '')).toHaveLength(1);
    expect(pastIndexFindings('src/dom0/service/a.ts', "import '../shell/bash.ts';")).toHaveLength(1);
  });

  it('offer what others may import by the index.ts of a folder, and nobody goes past it', () => {
    expect(sources.flatMap(path => pastIndexFindings(path, text(path), helpers.has(path)))).toEqual([]);
  });

  it('have workers made by the page and the command line alone: in Firefox a worker that makes one may stand for ever (src/ui/workers.ts)', () => {
    expect(sources.flatMap(path => workerFindings(path, text(path), helpers.has(path)))).toEqual([]);
    const made = "const worker = new Worker(new URL('./b.ts', import.meta.url), { type: 'module' });";
    expect(workerFindings('src/dom0/a.ts', made)).toHaveLength(1);
    expect(workerFindings('src/hypervisor/worker/worker.ts', made)).toHaveLength(1);
    expect(workerFindings('src/ui/a.ts', made)).toEqual([]);
  });

  it('would not pass an import past an index', () => {
    expect(
      pastIndexFindings('src/dom0/host/a.ts', "import { Machine } from '../../hypervisor/memory/machine.ts';"),
    ).toHaveLength(1);
    expect(pastIndexFindings('src/ui/a.tsx', "import type { HostApi } from '../dom0/service/api.ts';")).toHaveLength(1);
    expect(pastIndexFindings('src/cli/a.ts', "const later = import('../cpu/cpu.ts');")).toHaveLength(1);
    expect(
      pastIndexFindings(
        'src/dom0/host/a.ts',
        "import { Machine } from '../../hypervisor/memory/index.ts'; import { b } from './b.ts';",
      ),
    ).toEqual([]);
    expect(
      pastIndexFindings(
        'src/dom0/host/a.ts',
        "new Worker(new URL('../../hypervisor/worker/worker.ts', import.meta.url));",
      ),
    ).toEqual([]);
  });

  it('are free of the rules in files that only tests use', () => {
    const files = new Map([
      ['src/cpu/a.ts', "import './shared.ts';"],
      ['src/cpu/a.test.ts', "import './a.ts'; import './shared.ts'; import './helper.ts';"],
      ['src/cpu/helper.ts', "import './inner.ts'; import 'node:fs';"],
      ['src/cpu/inner.ts', ''],
      ['src/cpu/shared.ts', ''],
    ]);
    expect([...testOnly(files)].sort()).toEqual(['src/cpu/a.test.ts', 'src/cpu/helper.ts', 'src/cpu/inner.ts']);
  });

  it('take clocks, timers and randomness from outside, and use no WebAssembly', () => {
    expect(sources.flatMap(path => globalFindings(path, text(path), helpers.has(path)))).toEqual([]);
  });

  it('would not pass a clock, a timer, randomness or WebAssembly', () => {
    for (const bad of [
      'Date.now()',
      'performance.now()',
      'Math.random()',
      'setTimeout(f, 1)',
      'globalThis.setInterval(f)',
      'new Date()',
      'g(setImmediate)',
    ])
      expect(globalFindings('src/hypervisor/a.ts', bad), bad).toHaveLength(1);
    for (const good of [
      'new Date(ms).getUTCHours()',
      'clock.now()',
      'timers.setTimeout(f)',
      '({ setTimeout: f })',
      '// Date.now()',
      'Math.imul(1, 2)',
    ])
      expect(globalFindings('src/hypervisor/a.ts', good), good).toEqual([]);
    expect(globalFindings('src/hypervisor/worker/worker.ts', 'Date.now()')).toEqual([]);
    expect(globalFindings('src/ui/a.tsx', 'setTimeout(() => <b/>, 1)')).toEqual([]);
    expect(globalFindings('src/ui/a.ts', 'WebAssembly.compile(x)')).toHaveLength(1);
  });
});

/** Circles of value imports that may be, and why. One that is broken leaves the list; a new one is broken rather than listed. */
const CIRCLES: readonly { why: string; files: readonly string[] }[] = [
  {
    why: 'loading a segment may switch tasks, and a task switch loads segments: honest recursion; a new task may have a virtual interrupt pending',
    files: ['src/cpu/segments.ts', 'src/cpu/tasks.ts', 'src/cpu/virtual-interrupts.ts'],
  },
];

/** Circles where imports of types count, too: as above, and Domain 0 has none. */
const TYPE_CIRCLES: typeof CIRCLES = [
  {
    why: "its parts name the processor that they are parts of, most of them to run on: without its type they would be told of each other's words one by one",
    files: [
      'src/cpu/access.ts',
      'src/cpu/addressing.ts',
      'src/cpu/code-cache.ts',
      'src/cpu/cpu.ts',
      'src/cpu/emulate-exit.ts',
      'src/cpu/flat-transfers.ts',
      'src/cpu/interrupts.ts',
      'src/cpu/long-mode.ts',
      'src/cpu/long-records.ts',
      'src/cpu/long-transfers.ts',
      'src/cpu/loop.ts',
      'src/cpu/mode.ts',
      'src/cpu/monitor.ts',
      'src/cpu/ops/arithmetic.ts',
      'src/cpu/ops/context.ts',
      'src/cpu/ops/control-register-writes.ts',
      'src/cpu/ops/control.ts',
      'src/cpu/ops/index.ts',
      'src/cpu/ops/long-control.ts',
      'src/cpu/ops/long-index.ts',
      'src/cpu/ops/long-rows.ts',
      'src/cpu/ops/long-sse.ts',
      'src/cpu/ops/long-system.ts',
      'src/cpu/ops/long.ts',
      'src/cpu/ops/msr.ts',
      'src/cpu/ops/ports.ts',
      'src/cpu/ops/string.ts',
      'src/cpu/ops/system.ts',
      'src/cpu/plain-walks.ts',
      'src/cpu/real-transfers.ts',
      'src/cpu/record-writer.ts',
      'src/cpu/region/compilation.ts',
      'src/cpu/region/tier.ts',
      'src/cpu/region/transfers.ts',
      'src/cpu/segments.ts',
      'src/cpu/stack.ts',
      'src/cpu/tasks.ts',
      'src/cpu/translator.ts',
      'src/cpu/virtual-interrupts.ts',
      'src/cpu/warm.ts',
    ],
  },
];

/** Files of the hypervisor's core that name an interface that guests may see, and why. One that is mended leaves the list; there are no new ones. */
const NAMES_INTERFACES: readonly { why: string; file: string }[] = [
  {
    why: 'the entry of a worker loads the interface of its domain and no other',
    file: 'src/hypervisor/worker/worker.ts',
  },
];

describe("the hypervisor's core", () => {
  it('knows no interface that a guest may see, Xen’s included', () => {
    const naming = new Set(sources.filter(path => interfaceFindings(path, text(path), helpers.has(path)).length > 0));
    expect([...naming].sort()).toEqual(NAMES_INTERFACES.map(({ file }) => file));
  });

  it('would not pass one, by value, by type or later', () => {
    for (const bad of [
      "import { Ports } from '../interfaces/xen/events/ports.ts';",
      "import type { XenGuest } from '../interfaces/xen/guest.ts';",
      "const later = import('../interfaces/xen/guest.ts');",
    ])
      expect(interfaceFindings('src/hypervisor/memory/a.ts', bad), bad).toHaveLength(1);
    expect(interfaceFindings('src/hypervisor/interfaces/none/a.ts', "import '../xen/guest.ts';")).toEqual([]);
    expect(interfaceFindings('src/hypervisor/memory/a.test.ts', "import '../interfaces/xen/abi.ts';")).toEqual([]);
    expect(interfaceFindings('src/dom0/a.ts', "import '../hypervisor/interfaces/xen/index.ts';")).toEqual([]);
  });
});

describe('Xen and KVM', () => {
  it('know nothing of each other', () => {
    expect(sources.flatMap(path => besideFindings(path, text(path), helpers.has(path)))).toEqual([]);
  });

  it('would not pass an import from the other', () => {
    const bad = "import type { XenTime } from '../xen/time.ts';";
    expect(besideFindings('src/hypervisor/interfaces/kvm/a.ts', bad)).toHaveLength(1);
    expect(besideFindings('src/hypervisor/interfaces/xen/hvm/a.ts', "import '../../kvm/abi.ts';")).toHaveLength(1);
    expect(besideFindings('src/hypervisor/interfaces/kvm/a.ts', "import '../none/plain-pc.ts';")).toEqual([]);
  });
});

describe('circles of imports', () => {
  it('are those of the list and no others', () => {
    const files = new Map(sources.map(path => [path, text(path)]));
    expect(circles(files)).toEqual(CIRCLES.map(({ files }) => files));
    expect(circles(files, allImports)).toEqual(TYPE_CIRCLES.map(({ files }) => files));
  });

  it('would be found: of two, of many, of a file with itself, through re-exports; types and later imports make none', () => {
    const of = (texts: Record<string, string>): string[][] => circles(new Map(Object.entries(texts)));
    expect(of({ 'a.ts': "import { b } from './b.ts';", 'b.ts': "export * from './a.ts';" })).toEqual([
      ['a.ts', 'b.ts'],
    ]);
    expect(
      of({
        'a.ts': "import './b.ts';",
        'b.ts': "import './c.ts'; import './d.ts';",
        'c.ts': "export { x } from './a.ts';",
        'd.ts': '',
      }),
    ).toEqual([['a.ts', 'b.ts', 'c.ts']]);
    expect(
      of({
        'd.ts': "import './c.ts';",
        'c.ts': "import './d.ts';",
        'a.ts': "import './b.ts'; import './c.ts';",
        'b.ts': "import './a.ts';",
      }),
    ).toEqual([
      ['a.ts', 'b.ts'],
      ['c.ts', 'd.ts'],
    ]);
    expect(of({ 'a.ts': "import { a } from './a.ts';" })).toEqual([['a.ts']]);
    expect(
      of({ 'a.ts': "import type { B } from './b.ts'; const b = import('./b.ts');", 'b.ts': "import './a.ts';" }),
    ).toEqual([]);
    const ofTypes = new Map([
      ['a.ts', "import type { B } from './b.ts'; const b = import('./c.ts');"],
      ['b.ts', "import './a.ts';"],
      ['c.ts', "import './a.ts';"],
    ]);
    expect(circles(ofTypes, allImports)).toEqual([['a.ts', 'b.ts']]);
    expect(
      of({
        'a.ts': "import './b.ts'; import './c.ts';",
        'b.ts': "import './d.ts';",
        'c.ts': "import './d.ts';",
        'd.ts': '',
      }),
    ).toEqual([]);
  });
});

describe('tests', () => {
  it('have modules of their own where they keep the page’s state, put modules in others’ places, want a document or take WebCrypto away, and only there', () => {
    const tests = [...sources, 'test/adding/panel.test.ts'].filter(path => path.endsWith('.test.ts'));
    const files = new Map([...sources, ...tests].map(path => [path, text(path)]));
    const alone = tests.filter(
      path =>
        // Hosts of files before them seal by it what they say yet.
        /@vitest-environment|\bvi\.(doMock|mock)\(|\bvi\.stubGlobal\('crypto'/.test(text(path)) ||
        (!/^src\/(?!ui\/)/.test(path) &&
          [...loads(files, path)].some(each => holdsPageState(each, files.get(each) ?? ''))),
    );
    expect(alone.sort()).toEqual(ALONE);
  });
});

describe('readers of machine memory', () => {
  const files = new Map(sources.map(path => [path, text(path)]));
  const readers = sources.filter(path => path.startsWith('src/hypervisor/view/') && !path.endsWith('.test.ts'));
  const makers = [
    'src/hypervisor/memory/machine.ts',
    'src/hypervisor/domain/domain.ts',
    'src/cpu/cpu.ts',
    'src/cpu/index.ts',
  ];

  it('load neither Machine nor Domain nor a processor', () => {
    expect(readers.length).toBeGreaterThan(5);
    for (const reader of [...readers, 'src/hypervisor/domain/report.ts', 'src/ui/counters.ts', 'src/ui/sessions.ts']) {
      const loaded = loads(files, reader);
      expect(
        makers.filter(maker => loaded.has(maker)),
        reader,
      ).toEqual([]);
    }
  });

  it('would be found out: types are free, what is loaded by another counts', () => {
    const some = new Map([
      [
        'a/a.ts',
        "import type { M } from './m.ts'; import { type N } from './n.ts'; import { b, type B } from './b.ts';",
      ],
      ['a/b.ts', "export { c } from '../c.ts'; export type { D } from '../d.ts';"],
      ['c.ts', "import './e.ts'; const later = import('./f.ts');"],
    ]);
    expect([...loads(some, 'a/a.ts')].sort()).toEqual(['a/b.ts', 'c.ts', 'e.ts']);
    expect([...loads(files, 'src/hypervisor/index.ts')]).toEqual(expect.arrayContaining(makers));
  });
});

describe('the repository', () => {
  it('locks every package, and names no registry', () => {
    const lock = JSON.parse(text('package-lock.json'));
    expect(lockFindings(lock)).toEqual([]);
    expect(lockFindings({ packages: { 'node_modules/a': { resolved: 'https://mirror.example/a.tgz' } } })).toHaveLength(
      1,
    );
    expect(lockFindings({ packages: { 'node_modules/a': { optionalDependencies: { b: '1.0.0' } } } })).toHaveLength(1);
    expect(existsSync(join(root, '.npmrc')), '.npmrc').toBe(false);
  });

  it('holds no absolute path of the machine it was written on', () => {
    const tracked = existsSync(join(root, '.git'))
      ? execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' }).split('\0').filter(Boolean)
      : [];
    // '/root' alone is a path of guests, too.
    const here = [
      root.replace(/[\\/]$/, ''),
      homedir(),
      ['', 'work', 'main'].join('/'),
      ['', 'work', 'shared'].join('/'),
    ].filter(path => path.length > 6);
    const findings = tracked
      .filter(path => existsSync(join(root, path)))
      .flatMap(path => pathFindings(path, readFileSync(join(root, path), 'latin1'), here));
    expect(findings).toEqual([]);
    expect(pathFindings('a.ts', `const x = '${root}a';`, here)).not.toEqual([]);
  });
});

describe('the built page', () => {
  it("gives Domain 0's worker no processor: another has one, where domains run in it, and inspectors have its tables (sideEffects in package.json lets the bundler leave it out)", () => {
    const assets = join(root, 'dist', 'assets');
    const scripts = existsSync(assets) ? readdirSync(assets).filter(path => path.endsWith('.js')) : [];
    if (process.env.RINGSIDE_STRICT === '1') expect(scripts).not.toEqual([]);
    // An instruction's name is in the tables of the processor and nowhere else: in the script of a domain's worker, what it shares with the page's
    // disassembler, and in what the workers of domains in turns and of experiments, which are bundled alone, share with the parts that they load later.
    const carriers = scripts.filter(path => readFileSync(join(assets, path), 'utf8').includes('arpl'));
    if (scripts.length === 0) return;
    expect(carriers.map(path => path.replace(/-[\w-]{8}\.js$/, '')).sort()).toEqual([
      'guest',
      'guest-for-page',
      'operands',
      'rows',
      'system',
      'system',
    ]);
    // All that is loaded with it.
    const loaded = new Set(scripts.filter(path => path.startsWith('dom0-service-worker-')));
    expect(loaded.size).toBe(1);
    for (const path of loaded)
      for (const [, next] of readFileSync(join(assets, path), 'utf8').matchAll(/(?:from|import)"\.\/([^"]+)"/g))
        loaded.add(next!);
    expect(loaded.size).toBeGreaterThan(5);
    expect(carriers.filter(path => loaded.has(path))).toEqual([]);
  });

  it("has the shell's syntax and text tools in a script of their own, which nothing loads before the first line", () => {
    const assets = join(root, 'dist', 'assets');
    const scripts = existsSync(assets) ? readdirSync(assets).filter(path => path.endsWith('.js')) : [];
    // The name of one of its text tools' options, and of a file that only asks for it.
    const carriers = scripts.filter(path =>
      readFileSync(join(assets, path), 'utf8').includes('suppress automatic printing'),
    );
    // Each of Domain 0's two workers may have its own.
    if (scripts.length > 0)
      expect([...new Set(carriers.map(path => path.replace(/-[\w-]{8}\.js$/, '')))]).toEqual(['browser']);
  });

  it('has no WebAssembly in it', () => {
    const dist = join(root, 'dist');
    const files = existsSync(dist)
      ? (readdirSync(dist, { recursive: true }) as string[]).filter(
          path => /\.\w+$/.test(path) && !path.startsWith('guests'),
        )
      : [];
    if (process.env.RINGSIDE_STRICT === '1') expect(files).toContain('index.html');
    expect(files.flatMap(path => wasmFindings(path, readFileSync(join(dist, path))))).toEqual([]);
    expect(wasmFindings('a.bin', Buffer.from('\0asm\x01\0\0\0'))).toHaveLength(1);
    expect(wasmFindings('a.js', Buffer.from('WebAssembly.instantiate(x)'))).toHaveLength(1);
    expect(wasmFindings('a.js', Buffer.from('const blob = "AGFzbQEAAAA="'))).toHaveLength(1);
    expect(
      wasmFindings('a.js', Buffer.from('{prop:"WebAssembly",target:globalThis,violationType:"webassembly"}')),
    ).toEqual([]);
    expect(wasmFindings('a.js', Buffer.from('const name = "WebAssembly"; globalThis[name]'))).toHaveLength(1);
    expect(wasmFindings('a.js', Buffer.from('"TypeScript, without WebAssembly; nothing is installed"'))).toEqual([]);
    expect(wasmFindings('a.js', Buffer.from('"without "+WebAssembly.x+" no WebAssembly.x"'))).toHaveLength(1);
  });
});
