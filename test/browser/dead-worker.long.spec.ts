/** Workers that end without a word, as browsers end them: those of domains, at ten random moments under load, and Domain 0's own. */
import { readFileSync } from 'node:fs';
import type { Page, Worker } from '@playwright/test';
import { build, type Rollup } from 'vite';
import type * as Probe from './probe.ts';
import { domainRows, drop, expect, open, serialText, test, type GivenFile, useConsole } from './page.ts';
import { openShell, run } from './shell.ts';
import { patient } from '../support/patience.ts';

declare const probe: typeof Probe;
/** In Domain 0's worker: machine memory. */
declare const started: { memory: SharedArrayBuffer };
/** In the page: the workers that it has made, by their names. */
declare const madeWorkers: Map<string, globalThis.Worker>;

const SEED = 10,
  ROUNDS = 1,
  // struct state in neighbour.c
  STATE_WORDS = 19,
  MOST_WAIT_MS = 500;

let seed = SEED;
const random = (below: number): number => (seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0) % below;

const guest = (path: string): Buffer => readFileSync(new URL(`../../guests/${path}`, import.meta.url));
const KERNELS = {
  pvh: guest('neighbour/neighbour-hvm.elf'),
  hvm: guest('neighbour/neighbour-hvm.elf'),
  pv: guest('neighbour/neighbour-pv.elf'),
  demo: guest('demo/demo.elf'),
};
type Kind = keyof typeof KERNELS;

/** The self-checking guest (guests/neighbour), which exchanges messages with the domain `other`, each through a page of its own that it grants; or the demo, a PC without Xen. */
function files(name: string, kind: Kind, other = 0): GivenFile[] {
  const kernel = Buffer.from(KERNELS[kind]);
  if (kind !== 'demo') {
    // The state page begins with its magic, and nothing has been counted yet.
    const words = (at: number): number[] =>
      Array.from({ length: STATE_WORDS }, (_, i) => kernel.readUInt32LE(at + 4 * i));
    let at = kernel.indexOf('ROBN', 0, 'latin1');
    while (
      at >= 0 &&
      (at + 4 * STATE_WORDS > kernel.length ||
        words(at)
          .slice(1)
          .some(word => word !== 0))
    )
      at = kernel.indexOf('ROBN', at + 1, 'latin1');
    // to, from, stolen
    for (const [word, value] of [
      [12, other],
      [13, other],
      [18, 1],
    ] as const)
      kernel.writeUInt32LE(value, at + 4 * word);
  }
  const definition = `name = "${name}"\ntype = "${kind === 'demo' ? 'hvm' : kind}"\nmemory = ${kind === 'demo' ? 16 : 8}\nkernel = "${name}.elf"\n`;
  return [
    { name: `${name}.cfg`, buffer: Buffer.from(definition) },
    { name: `${name}.elf`, buffer: kernel },
  ];
}

async function start(page: Page, name: string, kind: Kind, other?: number): Promise<void> {
  await drop(page, files(name, kind, other));
  await page.getByRole('button', { name: `Start ${name}` }).click();
  await expect(page.getByRole('toolbar', { name })).toBeVisible();
}

/** Has the page say which workers it makes. */
const tellWorkers = (page: Page): Promise<unknown> =>
  page.addInitScript(() => {
    const made = new Map<string, globalThis.Worker>();
    Object.assign(globalThis, { madeWorkers: made });
    const Real = globalThis.Worker;
    globalThis.Worker = class extends Real {
      constructor(url: string | URL, options?: WorkerOptions) {
        super(url, options);
        made.set(options?.name ?? '', this);
      }
    };
  });

/** Ends the worker of a domain, or the one that watches them. They are counted (dom0/service/worker.ts): the watching one is made first, and domains have ids from 1. */
const terminate = (page: Page, which: number | 'watcher'): Promise<void> =>
  page.evaluate(id => {
    const ending = id === 'watcher' ? /-watch-\d+$/ : new RegExp(`^ringside-[a-z\\d]+-${id + 1}$`);
    for (const [name, worker] of madeWorkers) if (ending.test(name)) worker.terminate();
  }, which);

/** Opens the page; Domain 0's worker says from now on where machine memory is, and runs the probe. */
async function openWithProbe(page: Page): Promise<Worker> {
  await tellWorkers(page);
  const found = page.waitForEvent('worker');
  await open(page);
  const dom0 = await found;
  const bundle = (await build({
    configFile: 'vite.config.ts',
    logLevel: 'error',
    build: { write: false, lib: { entry: 'test/browser/probe.ts', formats: ['iife'], name: 'probe' } },
  })) as Rollup.RollupOutput[];
  await dom0.evaluate(`${bundle[0]!.output[0].code}; globalThis.probe = probe;`);
  await dom0.evaluate(() => {
    const mine = { memory: undefined as SharedArrayBuffer | undefined };
    const post = MessagePort.prototype.postMessage;
    MessagePort.prototype.postMessage = function (
      message: { memory: SharedArrayBuffer; boot?: object },
      ...rest: []
    ): void {
      // The start of a domain.
      if (message?.boot) mine.memory = message.memory;
      post.call(this, message, ...rest);
    };
    Object.assign(globalThis, { started: mine });
  });
  return dom0;
}

const health = (dom0: Worker, id: number) => dom0.evaluate(which => probe.health(started.memory, which), id);
const free = async (page: Page): Promise<string> => (await page.getByText(/MiB free/).textContent()) ?? '';

/** One whose frames another has mapped is listed as dying until that one is destroyed, too. */
async function destroy(page: Page, ...names: string[]): Promise<void> {
  for (const name of names) {
    await domainRows(page).filter({ hasText: name }).click();
    await page.getByRole('toolbar', { name }).getByRole('button', { name: 'Destroy' }).click();
  }
  await expect(domainRows(page).filter({ hasText: /dying|crashed/ })).toHaveCount(0);
  await page.getByRole('treeitem', { name: 'ringside-1' }).click();
  for (const name of names) await expect(domainRows(page).filter({ hasText: name })).toHaveCount(0);
}

test("domains' workers that are terminated under load crash their guests alone: others check themselves, new ones start, and all memory comes back", async ({
  page,
}) => {
  const dom0 = await openWithProbe(page);
  const before = await free(page);
  // Two that talk to each other through grants and events, and are never ended.
  await start(page, 'left', 'pvh', 2);
  await start(page, 'right', 'pv', 1);
  await expect.poll(async () => (await health(dom0, 2))?.answered, { timeout: patient(60_000) }).toBeGreaterThan(2);
  let id = 2;
  for (let round = 0; round < ROUNDS; round++) {
    const kinds: Kind[] = ['pvh', 'pv', 'hvm', 'demo', 'pvh'];
    const victims: { id: number; name: string }[] = [];
    for (const kind of kinds) {
      // The first two talk to each other.
      const other = victims.length === 0 ? id + 2 : victims.length === 1 ? id : 0;
      victims.push({ id: ++id, name: `victim${id}` });
      await start(page, `victim${id}`, kind, other);
    }
    // The worker that watches the others may end, too.
    if (round === 1) await terminate(page, 'watcher');
    const progress = await Promise.all([1, 2].map(async survivor => (await health(dom0, survivor))!.iterations));
    for (const victim of [...victims].sort(() => random(3) - 1)) {
      await page.waitForTimeout(random(MOST_WAIT_MS));
      await terminate(page, victim.id);
    }
    await expect(domainRows(page).filter({ hasText: 'crashed' })).toHaveCount(victims.length, {
      timeout: patient(30_000),
    });
    await expect(page.getByRole('toolbar').getByText(/ended without a word/)).toBeVisible();
    // What it left behind is shown as that of a guest that fell by itself.
    await domainRows(page).filter({ hasText: victims[0]!.name }).click();
    await page.getByRole('tab', { name: 'Post-mortem' }).click();
    await expect(page.locator('.pm-lead')).toContainText('ended without a word');
    await expect(page.getByRole('list', { name: 'How it came to that' }).getByRole('listitem').last()).toHaveText(
      /Domain-0.*found it ended.*without a word/,
    );
    await expect(page.locator('.pm .regs')).toContainText(/EIP[0-9a-f]{8}/);
    for (const [i, survivor] of [1, 2].entries())
      await expect
        .poll(async () => (await health(dom0, survivor))?.iterations, { timeout: patient(60_000) })
        .toBeGreaterThan(progress[i]! + 10);
    expect(await Promise.all([1, 2].map(async survivor => (await health(dom0, survivor))?.errors))).toEqual(['', '']);
    await destroy(page, ...victims.map(({ name }) => name));
  }
  await destroy(page, 'left', 'right');
  expect(await free(page)).toBe(before);
  expect(await dom0.evaluate(() => probe.problems(started.memory))).toEqual([]);
  await page.getByRole('button', { name: 'Show task log' }).click();
  const report = page.getByRole('row').filter({ hasText: 'victim3 crashed' });
  await expect(report).toContainText('ended without a word');
  await expect(report).toContainText('last exits');
});

test("Domain 0's worker that is terminated is started again, and its guests are listed as crashed, to be booted again", async ({
  page,
}) => {
  await tellWorkers(page);
  await open(page);
  const before = await free(page);
  await start(page, 'first', 'demo');
  await start(page, 'second', 'pvh');
  await expect.poll(() => serialText(page)).toMatch(/line 0/);
  await page.evaluate(() => madeWorkers.get('Domain-0')!.terminate());
  await expect(page.getByRole('alert')).toContainText(
    'Domain-0’s worker ended and was started again. With it ended: first, second.',
  );
  await expect(domainRows(page).filter({ hasText: 'crashed' })).toHaveCount(2);
  // What it said is still there.
  expect(await serialText(page)).toMatch(/line 0/);
  await expect(page.getByRole('toolbar').getByText(/it ended with Domain-0/)).toBeVisible();
  await page.getByRole('button', { name: 'Boot it again' }).click();
  await expect(domainRows(page).filter({ hasText: 'second' }).filter({ hasText: 'crashed' })).toHaveCount(0);
  await expect(page.getByText('id 3, 8 MiB')).toBeVisible();
  await expect.poll(() => serialText(page)).toMatch(/line 0/);
  await page.getByRole('alert').getByRole('button', { name: 'Dismiss' }).click();
  await expect(page.getByRole('alert')).toHaveCount(0);
  await destroy(page, 'first', 'second');
  expect(await free(page)).toBe(before);
});

test("Domain 0's worker that closes itself is started again", async ({ page }) => {
  const found = page.waitForEvent('worker');
  await open(page);
  const dom0 = await found;
  await dom0.evaluate(() => close()).catch(() => {});
  await expect(page.getByRole('alert')).toContainText(
    'Domain-0’s worker ended and was started again. No guest was running.',
  );
  await start(page, 'first', 'pvh');
  await expect.poll(() => serialText(page)).toMatch(/line 0/);
});

/** Ends the worker that has the host's files and disk, `afterMs` from now, and says how many there have been. */
const endStorage = (page: Page, afterMs = 0): Promise<void> =>
  page.evaluate(async wait => {
    await new Promise(resolve => setTimeout(resolve, wait));
    const [, worker] = [...madeWorkers].find(([name]) => name.endsWith('-storage'))!;
    worker.terminate();
  }, afterMs);

/** Ends all workers of domains, also one that is kept for the next domain (dom0/toolstack/runners/kept-worker.ts). */
const terminateAll = (page: Page): Promise<void> =>
  page.evaluate(() => {
    for (const [name, worker] of madeWorkers) if (/^ringside-[a-z\d]+-\d+$/.test(name)) worker.terminate();
  });

/** Locks that workers of domains hold, also ended ones that are not noticed yet. */
const domainLocks = (page: Page): Promise<string[]> =>
  page.evaluate(async () => {
    const { held = [] } = await navigator.locks.query();
    return held.flatMap(({ name = '' }) => (/^ringside-[a-z\d]+-\d+$/.test(name) ? [name] : []));
  });

/** Ends the next worker of a domain as soon as it is made. */
const endNextDomain = (page: Page): Promise<void> =>
  page.evaluate(async () => {
    const known = new Set(madeWorkers.keys());
    for (;;) {
      const made = [...madeWorkers].find(([name]) => !known.has(name) && /^ringside-[a-z\d]+-\d+$/.test(name));
      if (made) return made[1].terminate();
      await new Promise(resolve => setTimeout(resolve, 1));
    }
  });

const row = (page: Page, name: string) => page.locator(`[role=treeitem][data-domain][data-name="${name}"]`);

/** A line in Domain 0's shell, in the middle of which the storage worker ends. */
async function runEnding(page: Page, line: string, afterMs: number): Promise<string> {
  const [said] = await Promise.all([run(page, line), endStorage(page, afterMs)]);
  return said;
}

/** A command of the guest that is shown: what it says, until it waits again. */
async function tell(page: Page, line: string, answer: RegExp): Promise<void> {
  await useConsole(page);
  await page.keyboard.type(`${line}\n`);
  await expect.poll(() => serialText(page), { timeout: patient(30_000) }).toMatch(answer);
  await page.keyboard.press('Shift+Tab');
}

test('the storage worker that is terminated is made again at each moment: what was asked of it is answered, and nothing is lost', async ({
  page,
}) => {
  await tellWorkers(page);
  await open(page, './?boot=0');
  await openShell(page);
  await run(page, 'lvcreate -L 8M -n disk vg0 > /dev/null; echo first > note');
  // While nobody asks it for anything, and in the middle of commands that use disk and files.
  await endStorage(page);
  expect(await run(page, 'lvs; cat note')).toMatch(/disk[^]*first/);
  for (const [i, afterMs] of [0, 30, 100, 300].entries())
    expect(
      await runEnding(
        page,
        `for n in 1 2 3; do lvcreate -L 8M -n v${i}$n vg0 && echo ${i}$n >> note; done; lvs | grep -c v${i}; tail -n 1 note`,
        afterMs,
      ),
    ).toMatch(new RegExp(`^3\n${i}3$`, 'm'));
  // A guest whose emulated drive it serves, and one with a PV driver: they wait for their answers as for a slow disk.
  for (const [type, vdev, driver] of [
    ['hvm', 'hda', 'dma'],
    ['pvh', 'xvda', 'xvda'],
  ] as const) {
    const made = await runEnding(
      page,
      `printf 'name="${type}"\\ntype="${type}"\\nmemory=16\\nkernel="/boot/minipv"\\ndisk=["phy:/dev/vg0/v0${type === 'hvm' ? 1 : 2},${vdev},w"]\\n' > ${type}.cfg; xl create ${type}.cfg; xl list | grep -c ${type}`,
      50,
    );
    expect(made).toMatch(/^1$/m);
    await page.keyboard.press('Shift+Tab');
    await row(page, type).click();
    await expect.poll(() => serialText(page), { timeout: patient(20_000) }).toMatch(/minipv>\s*$/);
    for (const [sectors, afterMs] of [
      [8000, 50],
      [7200, 150],
    ] as const)
      await Promise.all([
        tell(page, `time ${driver} write ${sectors} 64 8`, new RegExp(`${sectors / 2} KiB in \\d+ us[^]*minipv>\\s*$`)),
        endStorage(page, afterMs),
      ]);
    await openShell(page);
  }
  // Saved with its state in a file, snapshot and gone back to, exported whole.
  expect(await runEnding(page, 'xl save -c pvh pvh.save && echo saved', 100)).toMatch(/^saved$/m);
  expect(await runEnding(page, 'xl snapshot pvh one && xl snapshot-list pvh', 100)).toMatch(/one/);
  expect(await runEnding(page, 'xl revert pvh one && echo reverted', 100)).toMatch(/^reverted$/m);
  await page.keyboard.press('Shift+Tab');
  await page.getByRole('treeitem', { name: 'ringside-1' }).click();
  await page.getByRole('tab', { name: 'Storage' }).click();
  const saved = page.waitForEvent('download');
  await Promise.all([page.getByRole('button', { name: 'Export everything' }).click(), endStorage(page, 100)]);
  expect((await saved).suggestedFilename()).toMatch(/\.state$/);
  // People see a message, and what is there is there at the next visit.
  await page.getByRole('button', { name: 'Show task log' }).click();
  await expect(
    page.getByRole('row').filter({ hasText: 'was started again. What was asked of it was answered' }).first(),
  ).toBeVisible();
  await page.reload();
  await openShell(page);
  expect(await run(page, 'lvs | grep -c "^ *v[0-3][1-3] "; wc -l < note; xl snapshot-list pvh | grep -c one')).toMatch(
    /^12\n13\n1$/m,
  );
});

test("a domain's worker that ends while Domain 0 saves it, takes a snapshot of it, or starts it: the command ends, and the host goes on", async ({
  page,
}) => {
  await tellWorkers(page);
  await open(page, './?boot=0');
  await openShell(page);
  await run(page, 'lvcreate -L 8M -n disk vg0 > /dev/null');
  await run(
    page,
    `printf 'name="web"\\ntype="pvh"\\nmemory=16\\nkernel="/boot/minipv"\\ndisk=["phy:/dev/vg0/disk,xvda,w"]\\n' > web.cfg`,
  );
  for (const [line, afterMs] of [
    ['true', 0],
    ['xl save -c web web.save', 20],
    ['xl save web web.save', 60],
    ['xl snapshot web one', 20],
    ['xl reboot web', 0],
  ] as const) {
    expect(await run(page, 'xl create web.cfg && xl list | grep -c web')).toMatch(/^1$/m);
    // Whatever comes of the command, it comes to an end, and the domain is gone or shown as crashed.
    await Promise.all([run(page, `${line} 2>&1`), page.waitForTimeout(afterMs).then(() => terminateAll(page))]);
    // What ended while it was suspended for a save has crashed, and is not shown as suspended.
    expect(
      await run(
        page,
        'xl list | grep -c -e -ss-; xl destroy web 2> /dev/null; xl list | grep -c web; lvs | grep -c disk',
      ),
    ).toMatch(/^0\n0\n1$/m);
  }
  // One that is kept may end, too: nobody starts a domain there.
  expect(await run(page, 'xl create web.cfg && xl destroy web && echo gone')).toMatch(/^gone$/m);
  await terminateAll(page);
  // Domain 0 learns it by the lock of that worker, for which it has asked (hypervisor/worker/life-lock.ts).
  await expect.poll(() => domainLocks(page)).toEqual([]);
  // One whose worker ends while it is built.
  await Promise.all([run(page, 'xl create web.cfg 2>&1; echo "status $?"'), endNextDomain(page)]);
  expect(await run(page, 'xl destroy web 2> /dev/null; xl create web.cfg && xl list | grep -c web')).toMatch(/^1$/m);
  expect(await run(page, 'xl snapshot web two && xl snapshot-list web | grep -c two')).toMatch(/^1$/m);
});

test("Domain 0's worker that ends in the middle of its commands leaves a disk that the next one opens", async ({
  page,
}) => {
  await tellWorkers(page);
  await open(page, './?boot=0');
  const shellAgain = async (): Promise<void> => {
    await page.getByRole('treeitem', { name: 'Domain-0' }).click();
    await page.getByRole('button', { name: 'New shell' }).click();
  };
  for (const [i, afterMs] of [50, 400].entries()) {
    if (i > 0) await shellAgain();
    await openShell(page);
    await page.keyboard.type(
      `for n in 1 2 3 4 5 6 7 8; do lvcreate -L 8M -n v${i}$n vg0 && echo ${i}$n >> note; done; xl save -c none none.save\n`,
    );
    await page.waitForTimeout(afterMs);
    await page.evaluate(() => madeWorkers.get('Domain-0')!.terminate());
    await expect(page.getByRole('alert')).toContainText('Domain-0’s worker ended and was started again.');
    await page.getByRole('alert').getByRole('button', { name: 'Dismiss' }).click();
    await page.getByRole('treeitem', { name: 'ringside-1' }).click();
  }
  await shellAgain();
  await openShell(page);
  // Each line of the file is there whole, and its volume, which was made before it.
  const said = await run(
    page,
    'for n in $(cat note); do lvs vg0/v$n > /dev/null || echo "lost $n"; done; lvcreate -L 8M -n last vg0',
  );
  expect(said).toContain('Logical volume "last" created.');
  expect(said).not.toContain('lost');
});
