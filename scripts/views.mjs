/** The page's views, walked one after the other in each size and theme: for what looks at all of them. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildPage } from './build.mjs';
import { courseAnswers } from './course-page.mjs';
import { faultyFloppy } from './faulty-floppy.mjs';
import { KIND_WORDS, kindOf, viewsOfKinds } from './kinds-of-host.mjs';
import { at } from './lib.mjs';
import { serve } from './serve.mjs';
import { ensureDependencies } from './setup.mjs';

export const SIZES = { desktop: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };
/** Where nothing may be lost: a window of 1440 × 900 at 200 %, and the narrowest that WCAG names (1.4.4, 1.4.10). */
export const TIGHT = { zoomed: { width: 720, height: 450 }, narrow: { width: 320, height: 640 } };
export const THEMES = {
  light: { colorScheme: 'light' },
  dark: { colorScheme: 'dark' },
  contrast: { colorScheme: 'dark', contrast: 'more' },
};
const PROMPT_MS = 240_000,
  /** Until guests have run that are compared, some of them after others. */
  RUNS_MS = 600_000;
/** INT 82h, by which a paravirtual guest calls Xen. */
const CALL_BYTES = 2;
/** What comes with a picture's last numbers. */
const SETTLE_MS = 1500;
/** A view that looks each second has looked. */
const LOOK_MS = 1200;

/** A guest that `npm run guests` fetches, and what it is called. */
const FETCHED = 'Debian Linux, 686-pae',
  LINUX = 'debian-686-pae';
/** Two processors and the memory that the guests below fill: what is shown there can be distinguished. */
const HOST = 'host=pcpus=2,memory=512';
/** How long guests work before the charts are shown: they are of a minute. */
const HISTORY_MS = 45_000;
/** What a host is installed with; of these one stays defined. */
const SHIPPED = ['debian-686', 'debian-686-pae', 'demo', 'minipv-pv', 'minipv-pvh', 'pcos'];
/** What a guest does by turns: packets, its processor, its disk. */
const TURNS = Array.from({ length: 5 }, (_, i) => [
  `ping 10.0.2.2 ${60 + 40 * i} 1400`,
  `hog ${2000 + 600 * i} 60`,
  `time xvda read ${20000 << (i % 2)} 64 4`,
  'sleep 1000',
]).flat();

/** A guest that reaches its disk by the ports of an IDE drive: for printf. */
const EMULATED =
  'name="legacy"\\ntype="hvm"\\nmemory=16\\nkernel="/boot/minipv"\\nserial="pty"\\ndisk=["phy:/dev/vg0/legacy,hda,w"]\\ndevice_model_stubdomain_override=0\\n';

/** One with the same disk, and a ring to it. */
const DIRECT =
  'name="direct"\\ntype="pvh"\\nmemory=16\\nkernel="/boot/minipv"\\ndisk=["phy:/dev/vg0/direct,xvda,w"]\\n';

/** A guest of a pool, whose network all of its hosts share. */
const POOLED = 'name="NAME"\\ntype="pvh"\\nmemory=16\\nkernel="/boot/minipv"\\nextra="dhcp"\\nvif=[""]\\n';

/** A Linux with a driver for the ring to its disk, and what has it ask for much at once: six readers of what it wrote. */
const READER =
  'type = "pvh"\nmemory = 96\nkernel = "vmlinuz"\nramdisk = "initrd-modules"\nextra = "console=hvc0 cryptomgr.notests mods=xen-blkfront"\ndisk = [ "phy:/dev/vg0/reader,xvda,w" ]\n';
const READS = [
  // Each reader asks for half a MiB ahead, in several requests.
  'mount -t sysfs sys /sys 2>/dev/null; echo 512 > /sys/block/xvda/queue/read_ahead_kb',
  'yes Ringside | head -c 65536 > /r; for i in 1 2 3 4 5 6 7 8; do cat /r /r > /s; mv /s /r; done; cat /r > /dev/xvda; sync; rm /r',
  'while :; do echo 1 > /proc/sys/vm/drop_caches; for i in 0 1 2 3 4 5; do dd if=/dev/xvda of=/dev/null bs=64k count=40 skip=$((i*40)) & done; wait; done >/dev/null 2>&1',
];

/** A guest frame that the reader has granted, seen in its ring. */
let granted = 0;

/** Who works while they are compared, where it was fetched or is there. */
const OTHERS = ['web', 'db', 'debian-686-pae', 'pcos', 'reader'];

/** Rows of the log above the one that is shown, and from it on; what makes a part of the log worth a picture. */
const ABOVE = 3,
  BELOW = 9,
  GOOD = 74,
  /** How often the log is moved on to look for one. */
  PARTS = 10;
/** The same with a disk of its own, emulated next to the guest: for the host's exits. */
const FILES = EMULATED.replaceAll('legacy', 'files').replace(/device_model\w+=0\\n/, '');

/** Logs that are held until one tells much. */
const MOST_LOGS = 10;
/** Addresses that are followed at a time. */
const MOST_WALKS = 24;
/** How often the inspector of rings looks; how long the rarest of moments is waited for, then as long for one that was seen. */
const RING_LOOK_MS = 250,
  RING_MS = 30_000,
  RING_BRIEF_MS = 1000,
  /** Names of indices have room next to at most this many slots in use. */
  MOST_USED = 14;
/** Guests with their weights; all but the first compute without end: more than two processors can give. */
const WEIGHED = { web: 256, batch: 512, render: 256, backup: 128 };
/** What a server does: it computes, asks its disk, and sleeps. */
const SERVES = 'hog 2\ntime xvda read 512 64 4\nsleep 12\n'.repeat(400);

/** Each line says what it has done: a packet there and back, a node of XenStore, events to itself. */
const TELLS = ['ping 10.0.2.2 1', 'sleep 25', 'read memory/target', 'sleep 15', 'events 3', 'sleep 30\n']
  .join('\n')
  .repeat(400);

const prompt = page =>
  page.getByTestId('serial-text').first().filter({ hasText: 'minipv>' }).waitFor({ timeout: PROMPT_MS });
/** A Linux's shell: the kernel may write behind its first prompt. */
const shellOf = page =>
  page
    .getByTestId('serial-text')
    .filter({ hasText: '/ # ' })
    .waitFor({ timeout: 2 * PROMPT_MS });
const tab = (page, name) => page.getByRole('tab', { name, exact: true }).click();
/** Those who leave by a key see where the focus went; a picture is of somebody who reads. */
const unfocus = page => page.evaluate(() => document.activeElement?.blur());
/** Gives a console the keyboard, where it has not got it by itself after Boot. */
async function useConsole(within, which = 'terminal') {
  const button = within.getByRole('button', { name: `Use this ${which}` }).first();
  await button.or(within.locator(`.${which === 'terminal' ? 'serial' : 'screen'} .ws.on`).first()).waitFor();
  if (await button.isVisible()) await button.click();
}
/** Each line waits for a prompt; the last may go on for long. */
const type = async (page, ...lines) => {
  await useConsole(page);
  for (const line of lines) {
    await page.keyboard.type(`${line}\n`);
    if (line === lines.at(-1)) break;
    // The text next to a terminal follows it by half a second.
    await page.waitForTimeout(600);
    await page
      .getByTestId('serial-text')
      .first()
      .filter({ hasText: /[>#] *$/ })
      .waitFor({ timeout: PROMPT_MS });
  }
  await page.keyboard.press('Shift+Tab');
  await unfocus(page);
};
/** Lines that a guest reads as it comes to them. */
const typeAhead = async (page, ...lines) => {
  await useConsole(page);
  for (const line of lines) await page.keyboard.type(`${line}\n`);
  await page.keyboard.press('Shift+Tab');
  await unfocus(page);
};
/** At Domain 0's shell, each a moment after the one before: two tasks of one second look the same. */
const atShell = async (page, ...lines) => {
  await choose(page, 'Go to Shell of Domain-0');
  for (const line of lines) {
    await typeAhead(page, line);
    await page.waitForTimeout(LOOK_MS);
  }
};
/** As many lines as nobody types. */
const paste = async (page, text) => {
  await useConsole(page);
  await page.evaluate(pasted => {
    const clipboardData = new DataTransfer();
    clipboardData.setData('text/plain', pasted);
    document.activeElement.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true }));
  }, text);
  await page.keyboard.press('Shift+Tab');
  await unfocus(page);
};
const leaveScreen = async page => {
  await page.keyboard.down('ControlLeft');
  await page.keyboard.down('AltLeft');
  await page.keyboard.up('AltLeft');
  await page.keyboard.up('ControlLeft');
  await unfocus(page);
};
const drawnRows = page =>
  page
    .locator('.elog tbody tr')
    .evaluateAll(all => all.map(({ cells }) => [...cells].map(cell => cell.innerText).join(' | ')));
/** Of the log: -1 is the last that is drawn. */
const pickRow = async (page, at) => {
  await page
    .locator('.elog tbody tr')
    .nth(at)
    .evaluate(row => row.click());
  await page.waitForTimeout(50);
};
/** Rows of a held log, newest first: what is drawn of it moves with the one that is chosen. */
const readLog = async page => {
  const seen = new Set();
  await page.locator('.counted tbody tr').first().click();
  for (let before = -1, part = 0; seen.size > before && part < PARTS; part++, await pickRow(page, -1)) {
    before = seen.size;
    for (const key of await drawnRows(page)) seen.add(key);
  }
  return [...seen].map(key => ({ key, cells: key.split(' | ') }));
};
/** Of the accesses to an emulated drive the one among the most kinds of exits; rather one that took what its kind takes. */
const telling = log => {
  const scored = log.map(({ key, cells }, i) => {
    const about = log.slice(Math.max(0, i - ABOVE), i + BELOW).map(row => `${row.cells[1]} ${row.cells[2]}`);
    const kind = !cells[1].trim().startsWith('files')
      ? 0
      : /string, port 0x1f0$/.test(cells[5])
        ? 20
        : /→ port 0x1f7$/.test(cells[5])
          ? 15
          : 5;
    return {
      key,
      score: /port/.test(cells[5]) ? 10 * new Set(about).size + kind + (cells[6].startsWith('~') ? 15 : 0) : 0,
    };
  });
  return scored.reduce((best, each) => (each.score > (best?.score ?? 0) ? each : best), undefined);
};
/** Chooses it where it comes to be drawn; its place among the rows. */
const findInLog = async (page, key) => {
  await page.locator('.counted tbody tr').first().click();
  for (let part = 0, at = -1; part < PARTS && at < 0; part++) {
    at = (await drawnRows(page)).indexOf(key);
    await pickRow(page, at);
  }
  return page.locator('.elog tbody tr').evaluateAll(all => all.findIndex(row => row.classList.contains('sel')));
};
/** By the palette: the tree is behind a button on a phone. */
const choose = async (page, what) => {
  await page.keyboard.press('Control+k');
  await page.getByRole('combobox', { name: 'Search and commands' }).fill(what);
  await page.keyboard.press('Enter');
  await unfocus(page);
};
/** What was chosen at the guest before holds for the next. */
const showWindow = async (page, name) => {
  const button = page.getByRole('button', { name, exact: true });
  // A phone offers a screen when the guest has drawn on one.
  if (name === 'Screen') await button.waitFor({ timeout: PROMPT_MS });
  if (await button.isVisible()) await button.click();
  // The place that was gone to takes the focus.
  await page.waitForTimeout(200);
  await unfocus(page);
};
const goTo = async (page, name) => {
  await choose(page, `Go to ${name}`);
  await page.locator('.bh h2', { hasText: name }).waitFor();
  await showWindow(page, 'Serial');
};
const boot = async (page, title, name, view) => {
  await choose(page, `Boot ${title}`);
  await page.locator('.bh h2', { hasText: name }).waitFor({ timeout: PROMPT_MS });
  await showWindow(page, view);
};
const inspect = async (page, name) => {
  await tab(page, 'Inspect');
  if (name) await tab(page, name);
};
const toHost = async (page, name) => {
  await page.getByRole('link', { name: 'Ringside' }).click();
  await tab(page, name);
};
/** Next to its command, as a person who moves the slider sees it. */
const setLive = async (page, label, value) => {
  await tab(page, 'Overview');
  const field = page.getByRole('spinbutton', { name: label });
  await field.fill(`${value}`);
  await field.press('Enter');
  await tab(page, 'Console');
};
/** What a guest writes is stopped where it would ring for the `rings`th time: then what it has pushed is in its ring. */
const stopAtDoorbell = async (page, name, line, rings) => {
  const [run, pause, step] = [0, 1, 2].map(i => page.locator('.mtime button').nth(i));
  const ring = page.getByRole('region', { name: `Ring of ${name}` });
  // A phone has no room for the ring.
  if (!(await ring.isVisible())) return;
  const has = async () => /req_prod \d+/.exec(await ring.textContent())?.[0];
  await useConsole(page);
  await page.keyboard.type(line);
  await page.keyboard.press('Shift+Tab');
  await pause.click();
  await page.waitForTimeout(SETTLE_MS);
  const before = await has();
  await useConsole(page);
  await page.keyboard.press('Enter');
  await page.keyboard.press('Shift+Tab');
  // The exit after which the index has moved is the first doorbell: its instruction is behind it.
  for (let i = 0; i < 12 && (await has()) === before; i++) {
    await step.click();
    await page.waitForTimeout(SETTLE_MS / 2);
  }
  await choose(page, `Go to ${name}`);
  await page.locator('.bh h2', { hasText: name }).waitFor();
  await inspect(page, 'Processor');
  const registers = page
    .locator('dl.regs')
    .filter({ hasText: /EIP\s*[\da-f]{8}/ })
    .first();
  await registers.waitFor();
  const behind = Number.parseInt(/EIP\s*([\da-f]{8})/.exec(await registers.innerText())[1], 16);
  await page.getByLabel('Linear address').fill((behind - CALL_BYTES).toString(16));
  await page.getByRole('button', { name: 'Stop there' }).click();
  for (let i = 1; i < rings; i++) {
    await run.click();
    await page.locator('.stops .why').waitFor({ timeout: PROMPT_MS });
    await page.waitForTimeout(SETTLE_MS);
  }
  while (!(await ring.isVisible())) {
    await page.goBack();
    await page.waitForTimeout(SETTLE_MS / 2);
  }
  await unfocus(page);
};
/** Names, lessons and languages of the texts that the page has. */
function lessonTexts() {
  const idsOf = folder => readdirSync(folder).flatMap(name => /^(.+)\.md$/.exec(name)?.slice(1) ?? []),
    folder = at('src', 'ui', 'lessons', 'texts');
  return [...idsOf(folder).map(id => [id, id, 'en']), ...idsOf(join(folder, 'es')).map(id => [`${id}-es`, id, 'es'])];
}
const lessonAddress = id => `./?time=virtual&lesson=${id}&seed=ringside`;
/** A lesson at the beginning of a round. */
const openRound = async (page, id, round, rest = '') => {
  await page.goto(`${lessonAddress(id)}&round=${round}${rest}`);
  await page.locator('.lstep.here').waitFor({ timeout: 2 * PROMPT_MS });
};
/** Students of a class: the step, and what was predicted and measured. */
const CLASS = [
  [0],
  [1, 50],
  [1, 256],
  [2, 33],
  [2, 64],
  [2, 32],
  [3, 33, 33],
  [3, 40, 41],
  [3, 256, 37],
  [4, 49, 49],
  [4, 64, 33],
  [4, 32, 45],
  [5, 37, 37],
  [5, 128, 41],
  [8, 45, 45],
];
/** Runs in the page: what the pages of a class tell its wall. */
function fillWall(students) {
  const channel = new BroadcastChannel('ringside-class-class');
  for (const [i, [step, said, measured]] of students.entries())
    channel.postMessage(
      JSON.stringify({
        version: 1,
        kind: 'student',
        id: `student${i}`,
        lesson: 'ring-request',
        step,
        isOff: false,
        said: said === undefined ? [] : [['guess', said]],
        measured: measured === undefined ? [] : [['guess', measured]],
      }),
    );
}
/** Measures a guest in all the ways that there are here. */
const runWays = async page => {
  await page.getByRole('button', { name: 'Run all three' }).click();
  await page.getByRole('button', { name: 'Run again' }).waitFor({ timeout: RUNS_MS });
};
const hasFetched = page => page.evaluate(async () => (await fetch('guests/catalogue.json')).ok);
/** A picture of what is on its way is one of a moment in which something is. */
const holdButton = page => page.locator('.sub').getByRole('button', { name: /^Hold/ });
const pauseWhen = async (page, isSo) => {
  const button = holdButton(page);
  for (let i = 0; i < 200; i++) {
    // It may have gone on before the click: the state at that time counts.
    if (await isSo()) {
      await button.click();
      if (await isSo()) return true;
      await button.click();
    }
    await page.waitForTimeout(100);
  }
  return false;
};
/**
 * A picture of a ring is one of a moment with all of its states. A request is a draft for microseconds: the inspector, `open`ed here, looks some twenty times
 * as often as for people, and is held at the first look that has them all; where they do not come together, at one with as many as were seen.
 */
const holdRing = async (page, partMs, open) => {
  await page.evaluate(
    ([usual, often]) => {
      const own = window.setInterval;
      window.setInterval = (call, ms, ...rest) => own(call, ms === usual ? often : ms, ...rest);
      window.asBefore = () => {
        window.setInterval = own;
      };
    },
    [RING_LOOK_MS, RING_LOOK_MS / 20],
  );
  await open();
  await page.locator('.ringw').waitFor({ timeout: PROMPT_MS });
  await page.evaluate(
    async ([part, MOST_USED]) => {
      window.asBefore();
      const ring = document.querySelector('.ringw'),
        hold = [...document.querySelectorAll('.sub button')].find(button => button.textContent.startsWith('Hold')),
        began = performance.now();
      /** How many of the four states are there; what waits and a draft count for a little more: they are rare. */
      const score = () => {
        const [waits, taken, answered, drafted = 0] =
          /: (\d+) wait.* (\d+) in Domain-0’s hands, (\d+) answered, unread, (?:(\d+) drafted)?/
            .exec(ring.getAttribute('aria-label'))
            .slice(1)
            .map(count => Number(count ?? 0));
        return taken > 0
          ? [waits, taken, answered, drafted].filter(count => count > 0).length +
              (waits > 0 ? 0.6 : 0) +
              (drafted > 0 ? 0.5 : 0) -
              (waits + taken + answered + drafted > MOST_USED ? 0.4 : 0)
          : 0;
      };
      const change = () =>
        new Promise(done => {
          const observer = new MutationObserver(() => (observer.disconnect(), done()));
          observer.observe(ring, { attributes: true, attributeFilter: ['aria-label'] });
          setTimeout(() => (observer.disconnect(), done()), 1000);
        });
      for (let best = 2; ; await change()) {
        const ms = performance.now() - began,
          now = score();
        if (now >= (ms < part ? 5 : ms < 2 * part ? best : 2) || ms > 3 * part) {
          hold.click();
          // A look that was under way may have come behind it.
          await new Promise(done => setTimeout(done, 100));
          if (score() >= now) return;
          hold.click();
        }
        best = Math.max(best, now);
      }
    },
    [partMs, MOST_USED],
  );
};

const definition = (name, more) => ({
  name: `${name}.cfg`,
  mimeType: 'text/plain',
  buffer: Buffer.from(`name = "${name}"\n${more}`),
});
/** Of the host's disk, in GiB: a guest that reads one from end to end has long to do. */
const VOLUMES = { web: '20', db: '2' };

/** Two hosts of a pool, each with a guest; the second one in a tab of its own. */
async function meetInPool(page) {
  const hosts = [
    [page, 'alfa', 'web'],
    [await page.context().newPage(), 'bravo', 'db'],
  ];
  for (const [tab, name, guest] of hosts) {
    await tab.goto(`./?boot=0&${HOST}`);
    await tab
      .getByRole('treeitem', { name: /Domain-0 D0/, includeHidden: true })
      .waitFor({ state: 'attached', timeout: PROMPT_MS });
    await choose(tab, 'Go to Shell of Domain-0');
    await typeAhead(
      tab,
      `pool join tabs ${name}`,
      `printf '${POOLED.replace('NAME', guest)}' > ${guest}.cfg; xl create -q ${guest}.cfg`,
    );
    // Who makes the pool is alone in it then, and gives leases.
    await tab
      .getByTestId('shell-text')
      .filter({ hasText: `This host is ${name}` })
      .waitFor({ timeout: PROMPT_MS });
  }
  await toHost(page, 'Pool');
  for (const [, name, guest] of hosts)
    await page
      .locator(`[data-host=${name}] [data-guest=${guest}]`, { hasText: 'lease 1' })
      .waitFor({ timeout: PROMPT_MS });
}
/**
 * In their order: a name, what draws it, and the views that it goes on from; where it names none it opens the page itself. Where it is a picture, it waits for
 * a moment that shows much.
 */
const VIEWS = [
  [
    'boot-menu',
    async page => {
      // Any key ends the countdown, which is of one second: on a busy machine it may be over before.
      for (let stands = false; !stands; ) {
        await page.goto('./?boot=menu', { waitUntil: 'commit' });
        await page.getByTestId('bootmenu').waitFor();
        await page.keyboard.press('ArrowUp');
        await page.waitForTimeout(SETTLE_MS);
        stands = await page.getByText('waits for your choice').isVisible();
      }
    },
  ],
  [
    'first',
    async page => {
      await page.goto(`./?boot=0&${HOST}`);
      // Definitions and disk are opened when a page has been quiet for some seconds.
      await page
        .getByRole('treeitem', { name: '/dev/sda', includeHidden: true })
        .waitFor({ state: 'attached', timeout: PROMPT_MS });
      // Somebody has been here before: how long a guest takes is measured.
      for (const name of (await hasFetched(page)) ? [FETCHED, 'pcos'] : ['pcos']) {
        const row = page.locator('.offers tr', {
          has: page.getByRole('button', { name: `Boot ${name}`, exact: true }),
        });
        await page.getByRole('button', { name: `Boot ${name}`, exact: true }).click();
        await page.locator('.hero').waitFor({ state: 'detached', timeout: PROMPT_MS });
        await toHost(page, 'Desktop');
        await page.getByRole('button', { name: 'New guest' }).click();
        await row.filter({ hasText: /\d s/ }).waitFor({ timeout: 2 * PROMPT_MS });
      }
      await choose(page, 'Go to Shell of Domain-0');
      await typeAhead(page, `xl destroy ${LINUX}; xl destroy pcos`);
      await toHost(page, 'Desktop');
      // Next to a guest that works: what lives on the view has something to tell.
      await page.getByRole('button', { name: 'Boot minipv-pv', exact: true }).click();
      await prompt(page);
      await type(page, 'dhcp', 'ping 10.0.2.2 3');
      await toHost(page, 'Desktop');
      await page.getByRole('button', { name: 'New guest' }).click();
      await page.getByRole('button', { name: 'Boot minipv-pvh', exact: true }).click();
      // The view that is left has a console, too.
      await page.locator('.bh h2', { hasText: 'minipv-pvh' }).waitFor({ timeout: PROMPT_MS });
      await prompt(page);
      await type(page, 'dhcp', 'read name', 'ping 10.0.2.2 3');
      await paste(page, TELLS);
      await toHost(page, 'Desktop');
      await page.getByRole('button', { name: 'New guest' }).click();
      await page.locator('.justh li').first().waitFor();
    },
  ],
  [
    'figure',
    async page => {
      await page.goto(`./?boot=0&${HOST}`);
      await page.getByRole('button', { name: 'Start three side by side' }).click();
      await prompt(page);
      // The third one's screen comes last; a phone shows one window at a time.
      await page
        .getByRole('treeitem', { name: /demo HVM/, includeHidden: true })
        .waitFor({ state: 'attached', timeout: PROMPT_MS });
      await goTo(page, 'minipv-pv');
      await type(page, 'read name', 'calls 200000', 'tables 2000', 'hog 9000000 20');
      await goTo(page, 'minipv-pvh');
      await type(page, 'dhcp', 'ping 10.0.2.2 3', 'events 2000', 'net', 'hog 9000000 30');
      await goTo(page, 'demo');
      await type(page, 'timer', 'exits 20000');
      await toHost(page, 'Desktop');
    },
  ],
  [
    'several',
    async page => {
      // The figure was one thing; this is a host at work, from its first domain on.
      await page.goto(`./?boot=0&${HOST}`);
      await page
        .getByRole('treeitem', { name: /Domain-0 D0/, includeHidden: true })
        .waitFor({ state: 'attached', timeout: PROMPT_MS });
      await choose(page, 'Go to Shell of Domain-0');
      await page.getByTestId('shell-text').filter({ hasText: /# *$/ }).waitFor({ timeout: PROMPT_MS });
      await typeAhead(page, `for guest in ${SHIPPED.join(' ')}; do xm delete $guest; done`);
      await page
        .getByRole('treeitem', { name: /minipv-pv /, includeHidden: true })
        .waitFor({ state: 'detached', timeout: PROMPT_MS });
      await toHost(page, 'Storage');
      for (const [name, gib] of Object.entries(VOLUMES)) {
        await page.getByLabel('Name of the new volume').fill(name);
        await page.getByLabel('Size of the new volume').fill(gib);
        await page.getByRole('button', { name: 'New volume' }).click();
        await page.getByRole('cell', { name: `/dev/vg0/${name}`, exact: true }).waitFor();
      }
      await page.getByRole('button', { name: 'New guest' }).click();
      const kernel = { name: 'minipv', mimeType: '', buffer: readFileSync(at('guests', 'minipv', 'minipv.elf')) };
      const files = [
        definition(
          'web',
          'type = "pvh"\nmemory = 64\nkernel = "minipv"\ndisk = [ "phy:/dev/vg0/web,xvda,w" ]\nvif = [ "bridge=xenbr0" ]\nacpi = 0\n',
        ),
        definition(
          'db',
          'type = "pvh"\nmemory = 96\nkernel = "minipv"\ndisk = [ "phy:/dev/vg0/db,xvda,w" ]\nvif = [ "bridge=xenbr0" ]\n',
        ),
        definition(
          'lab',
          '# a class works here\ntype = "pv"\nmemory = 16\nkernel = "minipv"\ncpu_weight = 128\non_crash = "preserve"\n',
        ),
        definition(
          'mail',
          'type = "pvh"\nmemory = 32\nkernel = "minipv"\ncpu_wieght = 512\nvif = [ "bridge=xenbr0" ]\npci = [ "03:10.1" ]\non_crash = "preserv"\n',
        ),
        kernel,
      ];
      await page.locator('input[type=file]').first().setInputFiles(files);
      await page.locator('.sev-v .bad-at').first().waitFor();
    },
  ],
  [
    'console',
    async page => {
      await page.getByRole('button', { name: 'Start 3' }).click();
      await page
        .getByRole('treeitem', { name: /lab PV/, includeHidden: true })
        .waitFor({ state: 'attached', timeout: PROMPT_MS });
      await page.getByRole('button', { name: 'Discard' }).click();
      await goTo(page, 'web');
      await type(page, 'dhcp', 'disks', 'time xvda write 2048 4 8', 'ping 10.0.2.2 5', 'net');
      await goTo(page, 'db');
      await type(page, 'disks', 'time xvda write 512', 'dhcp');
      await goTo(page, 'lab');
      await type(page, 'tables 2000');
      // Linux where it was fetched; else the kernel that comes with the page.
      if (await hasFetched(page)) {
        await boot(page, FETCHED, 'debian-686-pae', 'Serial');
        await shellOf(page);
        await type(
          page,
          "dmesg -n 1; export PS1='\\n\\[\\e[1;32m\\]root@debian\\[\\e[0m\\]:\\[\\e[1;34m\\]\\w\\[\\e[0m\\]# '; clear",
          // As narrow as a phone's terminal.
          'uname -srm',
          'cat /sys/hypervisor/type /sys/hypervisor/version/major',
          "dmesg | grep -io 'xen:[a-z_]*: .*' | cut -d: -f2-",
          "grep -i xen /proc/interrupts | tr -s ' '",
          'while :; do find / >/dev/null 2>&1;sleep 2; done &',
        );
      } else await goTo(page, 'web');
    },
    'several',
  ],
  [
    'pcos',
    async page => {
      await goTo(page, 'db');
      await type(page, 'writer xvda 1024 1000000');
      if (await hasFetched(page)) {
        await goTo(page, 'debian-686-pae');
        await setLive(page, 'memory', 112);
      }
      await goTo(page, 'web');
      await setLive(page, 'weight', 512);
      await boot(page, 'pcos', 'pcos', 'Screen');
      await page
        .getByTestId('screen-text')
        .filter({ hasText: 'pcos>' })
        .waitFor({ state: 'attached', timeout: PROMPT_MS });
      await useConsole(page, 'screen');
      for (const line of ['dhcp', 'ls', 'pci', 'spin', 'tasks']) {
        await page.keyboard.type(`${line}\n`, { delay: 20 });
        await page.waitForTimeout(SETTLE_MS);
      }
      await leaveScreen(page);
    },
    'console',
  ],
  [
    'windows',
    async page => {
      // Something has failed, too.
      await goTo(page, 'lab');
      await type(page, 'crash');
      await toHost(page, 'Desktop');
      const kept = ['pcos, VGA', (await hasFetched(page)) ? 'debian-686-pae, Serial' : 'web, PV'];
      for (let left = true; left; ) {
        await page.getByRole('button', { name: 'Open windows', exact: true }).click();
        const names = await page.getByRole('menuitem').allInnerTexts();
        const other = names.find(name => name.startsWith('Close ') && !kept.some(each => name.includes(each)));
        left = other !== undefined;
        await (left ? page.getByRole('menuitem', { name: other, exact: true }).click() : page.keyboard.press('Escape'));
      }
      // One that may compute little gives its memory back as slowly: the picture is of a moment at which it does.
      if (await hasFetched(page)) await atShell(page, `xl sched-credit -d ${LINUX} -c 5`, `xl mem-set ${LINUX} 80`);
      await toHost(page, 'Desktop');
      await unfocus(page);
      const use = page.getByRole('button', { name: 'Use this screen' });
      if (await use.isVisible()) await use.click();
    },
    'pcos',
  ],
  [
    'host',
    async (page, { isPicture }) => {
      await leaveScreen(page);
      if (await hasFetched(page)) await atShell(page, `xl sched-credit -d ${LINUX} -c 0`);
      await goTo(page, 'web');
      // What it writes in the end is a pattern: the pages of its requests hold something.
      await typeAhead(page, ...TURNS, 'ping 10.0.2.2 12000 1400', 'fill xvda 0 1024 7', 'time xvda write 40000000 4 9');
      await page.waitForTimeout(isPicture ? HISTORY_MS : SETTLE_MS);
      await toHost(page, 'Host');
    },
    'console',
  ],
  ['storage', page => toHost(page, 'Storage'), 'console'],
  ['network', page => toHost(page, 'Network'), 'console'],
  [
    'host-exits',
    async (page, { isPicture }) => {
      // A guest that copies its disk by the ports of an emulated drive: what an exit is for is seen best there.
      await choose(page, 'Go to Shell of Domain-0');
      await typeAhead(page, 'lvcreate -L 1G -n files vg0', `printf '${FILES}' > files.cfg; xl create files.cfg`);
      await page
        .getByRole('treeitem', { name: /files HVM/, includeHidden: true })
        .waitFor({ state: 'attached', timeout: PROMPT_MS });
      await goTo(page, 'files');
      await prompt(page);
      await paste(page, 'time pio read 64 4\nsleep 2\n'.repeat(2000));
      await toHost(page, 'Inspect');
      // A log that has an access to the drive among exits of several guests for several reasons; where none has, any access to a port.
      const hold = holdButton(page);
      let best;
      for (let tries = 0; tries < (isPicture ? MOST_LOGS : 1) && !(best?.score > GOOD); tries++) {
        if (tries > 0) await hold.click();
        await page.waitForTimeout(SETTLE_MS);
        await hold.click();
        // What was on its way when the view was held comes to the log after it.
        await page.waitForTimeout(SETTLE_MS);
        best = telling(await readLog(page));
      }
      const rows = page.locator('.elog tbody tr');
      const chosen = await findInLog(page, best?.key);
      // Near the top, as somebody reads it who looks for what came before.
      const top = await rows
        .nth(Math.max(0, chosen - ABOVE))
        .evaluate(row => row.offsetTop - row.closest('table').tHead.offsetHeight);
      await page.locator('.logged .rows').evaluate((log, y) => log.scrollTo(0, y), top);
      await page.mouse.move(0, 0);
      await unfocus(page);
    },
    'console',
  ],
  [
    'host-memory',
    async page => {
      await choose(page, 'Go to Shell of Domain-0');
      await typeAhead(page, 'xl destroy files');
      await page
        .getByRole('treeitem', { name: /files HVM/, includeHidden: true })
        .waitFor({ state: 'detached', timeout: PROMPT_MS });
      await toHost(page, 'Inspect');
      await tab(page, 'Memory');
    },
    'console',
  ],
  [
    'overview',
    async page => {
      await goTo(page, 'web');
      await tab(page, 'Overview');
    },
    'console',
  ],
  [
    'hardware',
    async page => {
      await tab(page, 'Details');
      await page.getByRole('tab', { name: 'Add hardware' }).click();
      await page.locator('.says').waitFor();
    },
    'overview',
  ],
  [
    'domain-xml',
    async page => {
      await page.getByRole('tablist', { name: 'Hardware of web' }).getByRole('tab', { name: 'Overview' }).click();
      await page.getByRole('group', { name: 'View' }).getByRole('button', { name: 'XML' }).click();
      await page.locator('.edt-v button').first().waitFor();
    },
    'hardware',
  ],
  ['history', page => tab(page, 'History'), 'overview'],
  ['exits', page => inspect(page), 'overview'],
  [
    'rings',
    async (page, { isPicture }) => {
      // A Linux where it was fetched asks for more before it has read what it was answered: all of a ring's states at once.
      if (await hasFetched(page)) {
        await choose(page, 'Go to Shell of Domain-0');
        await typeAhead(page, 'lvcreate -L 1G -n reader vg0');
        await page
          .getByRole('treeitem', { name: /vg0\/reader/, includeHidden: true })
          .waitFor({ state: 'attached', timeout: PROMPT_MS });
        await toHost(page, 'Desktop');
        await page.getByRole('button', { name: 'New guest' }).click();
        const [kernel, ramdisk] = ['vmlinuz', 'initrd-modules'].map(name => ({
          name,
          mimeType: '',
          buffer: readFileSync(at('.cache', 'guests', 'debian-686-pae', name)),
        }));
        await page
          .locator('input[type=file]')
          .first()
          .setInputFiles([definition('reader', READER), kernel, ramdisk]);
        await page.getByRole('button', { name: 'Start reader' }).click();
        await page.locator('.bh h2', { hasText: 'reader' }).waitFor({ timeout: PROMPT_MS });
        await shellOf(page);
        await type(page, ...READS);
      } else {
        await goTo(page, 'db');
        await typeAhead(page, 'time xvda write 6000000 4 9');
      }
      await holdRing(page, isPicture ? RING_MS : RING_BRIEF_MS, () => inspect(page, 'Rings'));
      const frame = await page.locator('.chain li b').allInnerTexts();
      granted = Number.parseInt(frame[1] ?? '0', 16);
    },
    'console',
  ],
  [
    'event-channels',
    async page => {
      await goTo(page, 'web');
      await inspect(page, 'Event channels');
    },
    'console',
  ],
  ['grants', page => tab(page, 'Grants'), 'event-channels'],
  [
    'i-o-path',
    async page => {
      // The same request on another way: a guest whose disk is an emulated drive, driven by its registers.
      await choose(page, 'Go to Shell of Domain-0');
      const both = { direct: DIRECT, legacy: EMULATED };
      await typeAhead(
        page,
        ...Object.entries(both).map(
          ([name, text]) => `lvcreate -L 256M -n ${name} vg0; printf '${text}' > ${name}.cfg; xl create ${name}.cfg`,
        ),
      );
      await page
        .getByRole('treeitem', { name: /legacy HVM/, includeHidden: true })
        .waitFor({ state: 'attached', timeout: PROMPT_MS });
      // What else runs would have the processors while a request waits.
      await typeAhead(page, `for guest in ${OTHERS.join(' ')}; do xl pause $guest; done`);
      // One request at a time on either way.
      for (const [name, disk] of [
        ['direct', 'xvda'],
        ['legacy', 'pio'],
      ]) {
        await goTo(page, name);
        await prompt(page);
        await typeAhead(page, `time ${disk} read 2000000 4`);
      }
      await inspect(page, 'I/O path');
      await page.getByLabel('Next to a request of').selectOption('direct');
      await page.locator('.lane-h h4').nth(1).waitFor({ timeout: PROMPT_MS });
      // Means are of many.
      await page.waitForTimeout(2 * SETTLE_MS);
    },
    'console',
  ],
  [
    'xenstore',
    async page => {
      await choose(page, 'Go to Shell of Domain-0');
      await typeAhead(page, `for guest in ${OTHERS.join(' ')}; do xl unpause $guest; done`);
      await goTo(page, 'web');
      await inspect(page, 'XenStore');
    },
    'console',
  ],
  [
    'processor',
    async page => {
      await goTo(page, (await hasFetched(page)) ? 'debian-686-pae' : 'pcos');
      await inspect(page, 'Processor');
    },
    'pcos',
  ],
  [
    'memory',
    async (page, { isPicture }) => {
      await tab(page, 'Memory');
      if (!isPicture || !(await hasFetched(page))) return;
      // The guest whose frames are of most kinds, and an address whose walk leads through all tables to where they lie side by side.
      await goTo(page, 'reader');
      await inspect(page, 'Memory');
      const tables = new Set();
      const follow = async linear => {
        const field = page.getByRole('textbox', { name: 'linear address' });
        await field.fill(linear.toString(16));
        await field.press('Enter');
        await page.waitForTimeout(LOOK_MS);
        const [, table, frame] =
          /(table) \[.*machine frame\s+frame 0x(\w+)/s.exec(await page.locator('.walk').innerText()) ?? [];
        const column = (Number.parseInt(frame, 16) >> 8) % 32,
          counts = new Map();
        for (const kind of await page
          .locator('.frames .fr')
          .evaluateAll(all => all.map(each => each.className.split(' ')[1])))
          counts.set(kind, (counts.get(kind) ?? 0) + 1);
        // Kinds other than the most frequent one, and how many frames are of those.
        const most = Math.max(...counts.values()),
          others = [...counts.values()].reduce((sum, n) => sum + n, -most);
        // Where its tables lie themselves, as the guest has all of its memory from 3 GiB on (Linux: PAGE_OFFSET).
        for (const [, physical] of (await page.locator('.walk').innerText()).matchAll(/at 0x(\w+)/g))
          tables.add((0xc0000000 + Number.parseInt(physical, 16)) >>> 0);
        // What is granted alone is one colour.
        const isMixed = (counts.get('gr') ?? 0) < most || most < 128;
        return column > 5 && column < 26
          ? 20 * (counts.size - 1) + Math.min(80, others) + (table ? 15 : 0) + (isMixed ? 60 : 0)
          : 0;
      };
      let best = { linear: 0xc1000000, score: 0 };
      // Near what it has granted for its disk lies most.
      const near = [-2, -1, 0, 1, 2]
        .map(miB => 0xc0000000 + granted * 0x1000 + miB * 0x100000)
        .filter(linear => linear > 0xc0000000);
      const followed = new Set();
      const followAll = async all => {
        for (const linear of [...all].filter(each => !followed.has(each)).slice(0, MOST_WALKS)) {
          followed.add(linear);
          const score = await follow(linear);
          if (score > best.score) best = { linear, score };
        }
      };
      await followAll([...near, ...Array.from({ length: 16 }, (_, i) => 0xc0010000 + i * 0x5c3000)]);
      await followAll(tables);
      await follow(best.linear);
      await page.waitForTimeout(SETTLE_MS);
      await unfocus(page);
    },
    'rings',
    'processor',
  ],
  ['engine', page => tab(page, 'Engine'), 'processor'],
  [
    'define',
    async page => {
      await choose(page, 'Go to Shell of Domain-0');
      await typeAhead(page, 'lvcreate -L 4G -n shop vg0');
      await page
        .getByRole('treeitem', { name: /vg0\/shop/, includeHidden: true })
        .waitFor({ state: 'attached', timeout: PROMPT_MS });
      await toHost(page, 'Desktop');
      await page.getByRole('button', { name: 'New guest' }).click();
      await page.getByRole('button', { name: 'Write one' }).click();
      await page
        .getByLabel('Text of the definition')
        .fill(
          '# a shop: web server and its disk\nname    = "shop"\ntype    = "pvh"\nmemory  = "24M"\nvcpus   = 2\nkernel  = "/boot/minipv"\ncpu_weight = 512\ndisk    = [ "phy:/dev/vg0/shop,xvda,w" ]\nvif     = [ "bridge=xenbr0,model=e1000" ]\nvnc     = 1\nacpi    = 0\non_crash = "preserve"',
        );
      await page.locator('.edt-m li').first().waitFor();
      // A phone shows the page from its top.
      await page.evaluate(() => scrollTo(0, 0));
    },
    'console',
  ],
  [
    'four-ways',
    async page => {
      await page.goto('./?boot=0');
      await toHost(page, 'Desktop');
      await page.getByRole('button', { name: 'Same guest, five ways' }).click();
      await page.getByRole('button', { name: 'Run again' }).waitFor({ timeout: RUNS_MS });
    },
  ],
  [
    'types',
    async page => {
      await toHost(page, 'Inspect');
      await tab(page, 'Types');
      await page.getByRole('button', { name: 'Run all four' }).click();
      await page.getByRole('button', { name: 'Run again' }).waitFor({ timeout: RUNS_MS });
    },
    'four-ways',
  ],
  [
    'side-by-side',
    async page => {
      await tab(page, 'Side by side');
      await page.getByRole('button', { name: 'Start minipv in four modes' }).click();
      await page.getByText('minipv>').nth(3).waitFor({ timeout: PROMPT_MS });
      await page.getByRole('textbox', { name: 'A line for all consoles' }).fill('calls 200');
      await page.getByRole('button', { name: 'Type it into all' }).click();
      await page.waitForTimeout(SETTLE_MS);
    },
    'types',
  ],
  [
    'scheduler',
    async page => {
      await page.goto(`./?boot=0&${HOST}`);
      await page
        .getByRole('treeitem', { name: /Domain-0 D0/, includeHidden: true })
        .waitFor({ state: 'attached', timeout: PROMPT_MS });
      await choose(page, 'Go to Shell of Domain-0');
      await page.getByTestId('shell-text').filter({ hasText: /# *$/ }).waitFor({ timeout: PROMPT_MS });
      const define = ([name, weight]) =>
        `printf 'name="${name}"\\ntype="pvh"\\nmemory=16\\nkernel="/boot/minipv"\\ncpu_weight=${weight}\\n${name === 'web' ? 'disk=["phy:/dev/vg0/site,xvda,w"]' : 'extra="hog 9000000"'}\\n' > ${name}.cfg`;
      await typeAhead(
        page,
        'lvcreate -L 1G -n site vg0',
        ...Object.entries(WEIGHED).map(each => `${define(each)}; xl create ${each[0]}.cfg`),
      );
      await page
        .getByRole('treeitem', { name: /backup PVH/, includeHidden: true })
        .waitFor({ state: 'attached', timeout: PROMPT_MS });
      await goTo(page, 'web');
      await prompt(page);
      await paste(page, SERVES);
      await toHost(page, 'Inspect');
      await tab(page, 'Scheduler');
      // A guest that always has work is shown for the last second, and the first one is a guest's own start.
      await page.waitForTimeout(2 * SETTLE_MS);
      // A moment with all priorities, in which each has about what its weight gives; where that does not come, any with all priorities.
      let tries = 0;
      const isFair = () =>
        page
          .locator('.pred')
          .evaluateAll(bars =>
            bars.every(
              ({ firstElementChild: ran, children: [, mark] }) =>
                !mark || Math.abs(Number.parseFloat(ran.style.width) - Number.parseFloat(mark.style.left)) < 12,
            ),
          );
      const hasAll = async () =>
        new Set(await page.locator('.decided .mk').allInnerTexts()).size > 2 && (++tries > 80 || (await isFair()));
      if (!(await pauseWhen(page, hasAll))) await holdButton(page).click();
    },
  ],
  [
    'lesson',
    async page => {
      await page.goto('./?time=virtual&lesson=ring-request&seed=ringside');
      await prompt(page);
      const predict = async (question, answer) => {
        await page.getByLabel(question).fill(answer);
        await page.getByRole('button', { name: 'Keep the answer' }).click();
      };
      // The first round whole: the second one shows what it has cost.
      const round = async (question, answer) => {
        await predict(question, answer);
        await page.getByRole('button', { name: 'Run it for me' }).click();
        await page.getByRole('button', { name: 'Measure' }).click();
        await page.getByRole('row', { name: /doorbells that Domain-0 heard \d+/ }).waitFor({ timeout: PROMPT_MS });
      };
      await round(/How many doorbells does/, '50');
      await page.getByRole('button', { name: 'Go on' }).click();
      await page.getByRole('button', { name: 'Go on' }).click();
      await predict(/How many doorbells now/, '7');
      await stopAtDoorbell(page, 'lab', await page.locator('.acts .now .what code').innerText(), 5);
    },
  ],
  [
    'lesson-teacher',
    async page => {
      await page.goto('./?time=virtual&lesson=ring-request&seed=ringside&view=teacher');
      await page.getByRole('switch', { name: 'Show the answers' }).click();
    },
  ],
  [
    'lesson-editor',
    async page => {
      await page.goto('./?time=virtual&lesson=ring-request&seed=ringside&view=edit');
      const text = page.getByLabel('Text of the lesson');
      await text.fill((await text.inputValue()).replace('```predict', '```pedict'));
      await page.getByText('Did you mean').first().waitFor({ timeout: PROMPT_MS });
    },
  ],
  // Of these the page itself does what is before the round.
  ...[
    ['deprivileged', 2],
    ['binary-translation', 4],
    ['spinner', 2],
    ['clocks', 3],
    ['shadow-or-nested', 3],
  ].map(([id, round]) => [`lesson-${id}`, page => openRound(page, id, round)]),
  [
    'lesson-live-migration',
    async page => {
      await openRound(page, 'live-migration', 3);
      await page.locator('.ask input').fill('60');
      await page.getByRole('button', { name: 'Keep the answer' }).click();
      await page.getByRole('button', { name: 'Run it for me' }).click();
      await page.getByRole('button', { name: 'Measure' }).click();
      await page
        .getByRole('region', { name: /round by round/ })
        .getByText('It was paused')
        .waitFor({ timeout: PROMPT_MS });
    },
  ],
  [
    'lesson-paravirtual',
    async page => {
      await openRound(page, 'paravirtual', 3);
      await page.locator('.ask input').fill('10');
      await page.getByRole('button', { name: 'Keep the answer' }).click();
      await page.getByLabel('Source of lab').waitFor({ timeout: PROMPT_MS });
    },
  ],
  [
    'lesson-more',
    async page => {
      await openRound(page, 'event-channels', 1);
      await page.getByText('More', { exact: true }).click();
      await page.getByRole('button', { name: 'QR code' }).click();
      await page.getByRole('img', { name: /^QR code of/ }).waitFor();
    },
  ],
  [
    'lesson-projector',
    async page => {
      await page.getByRole('button', { name: 'QR code' }).click();
      await page.getByRole('button', { name: 'Large, for a wall' }).click();
      await page.getByText('More', { exact: true }).click();
      await unfocus(page);
    },
    'lesson-more',
  ],
  ...['handout', 'answers', 'guide', 'glossary', 'progress'].map(view => [
    `lesson-${view}`,
    async page => {
      await page.goto(`${lessonAddress('grant-tables')}&view=${view}`);
      await page.locator('.lview h1, .lbegin h2').first().waitFor({ timeout: PROMPT_MS });
    },
  ]),
  // All that a lesson says, in each language that it has.
  ...lessonTexts().map(([name, id, lang]) => [
    `text-${name}`,
    async page => {
      await page.goto(`${lessonAddress(id)}&lang=${lang}&view=answers`);
      await page.locator('.lview h1').waitFor({ timeout: PROMPT_MS });
    },
  ]),
  [
    'experiment',
    async page => {
      await page.goto('./?boot=0#/experiment/ballooning');
      await page.getByRole('button', { name: 'Run it' }).click({ timeout: PROMPT_MS });
      await page
        .getByText('The claim ')
        .first()
        .waitFor({ timeout: 2 * PROMPT_MS });
    },
  ],
  [
    'lesson-course',
    async page => {
      await page.goto(`${lessonAddress('course')}&view=course&course=virtualization`);
      await page.locator('.lview li a').first().waitFor({ timeout: PROMPT_MS });
    },
  ],
  [
    'lesson-wall',
    async page => {
      await page.goto(`${lessonAddress('ring-request')}&view=wall&room=class`);
      await page.getByText('0 students').waitFor({ timeout: PROMPT_MS });
      await page.evaluate(fillWall, CLASS);
      await page.getByText(`${CLASS.length} students`).waitFor({ timeout: PROMPT_MS });
    },
  ],
  [
    'lesson-held',
    async page => {
      await openRound(page, 'ring-request', 1, '&room=class');
      await page.getByText('This lesson is taken in a class.').waitFor({ timeout: PROMPT_MS });
      await page.evaluate(() => {
        const says = { lesson: 'grant-tables', seed: 'a', isHeld: true, asks: false, seats: [] };
        new BroadcastChannel('ringside-class-class').postMessage(JSON.stringify({ version: 1, kind: 'wall', ...says }));
      });
      await page.getByText('Your teacher holds the class.').waitFor({ timeout: PROMPT_MS });
    },
  ],
  [
    'past',
    async page => {
      await page.goto('./?time=virtual&boot=0');
      const kernel = { name: 'demo.elf', mimeType: '', buffer: readFileSync(at('guests', 'demo', 'demo.elf')) };
      await page.locator('input[type=file]').first().setInputFiles([kernel]);
      await page.getByRole('button', { name: 'Start demo' }).click({ timeout: PROMPT_MS });
      await page.getByText('demo>').first().waitFor({ state: 'attached', timeout: PROMPT_MS });
      await tab(page, 'Inspect');
      await tab(page, 'Processor');
      await page.getByRole('button', { name: 'Keep its past from now on' }).click();
      await page.getByRole('button', { name: 'Mark this place' }).click();
      await page.waitForTimeout(SETTLE_MS);
      await page.getByRole('button', { name: 'One instruction back' }).click();
      await page.getByText('before the present').waitFor({ timeout: PROMPT_MS });
    },
  ],
  [
    'boot-sector',
    async page => {
      await page.goto('./?boot=0');
      await page.getByText('A dozen boot sectors').click();
      await page.getByRole('button', { name: 'Boot Plasma' }).click();
      await page.getByText('VGA, 320 × 200').waitFor({ state: 'attached', timeout: PROMPT_MS });
      await page.getByLabel('Source of').fill('bits 16\norg 7c00h\nmov ax, [bx+ax]\n');
      await page.getByText('1 mistake').waitFor({ timeout: PROMPT_MS });
    },
  ],
  [
    'pcos-source',
    async page => {
      await page.goto('./?boot=0&pcos');
      await page.getByRole('button', { name: 'Boot pcos', exact: true }).click();
      await page
        .getByTestId('screen-text')
        .filter({ hasText: 'pcos>' })
        .waitFor({ state: 'attached', timeout: PROMPT_MS });
    },
  ],
  [
    'saved',
    async page => {
      await page.goto(`./?boot=0&${HOST}`);
      await toHost(page, 'Desktop');
      await page.getByRole('button', { name: 'Start three side by side' }).click();
      // Its windows may have been closed before.
      await page
        .getByRole('treeitem', { name: /demo HVM/, includeHidden: true })
        .waitFor({ state: 'attached', timeout: PROMPT_MS });
      // A guest that still boots does not answer.
      await page.waitForTimeout(3 * SETTLE_MS);
      await tab(page, 'Storage');
      await page.getByRole('button', { name: 'Save all now' }).click();
      // The last of three; the paravirtual one cannot be saved, and says why.
      await page.locator('.checkpoints tr', { hasText: /demo.*\d\d:\d\d/ }).waitFor({ timeout: PROMPT_MS });
      await page.locator('.checkpoints').evaluate(part => part.scrollIntoView({ block: 'center' }));
    },
  ],
  ['reset', page => page.getByRole('button', { name: 'Reset the host' }).click(), 'saved'],
  [
    'pool-alone',
    async page => {
      await page.goto(`./?boot=0&${HOST}&pool=0123-4567-89ab-cdef`);
      await page.getByText('This host is in no pool.').waitFor({ timeout: PROMPT_MS });
    },
  ],
  ['pool', meetInPool],
  [
    'migration',
    async page => {
      await meetInPool(page);
      await page.getByRole('button', { name: 'Migrate web to…' }).click();
      await page.getByRole('menuitem', { name: 'Migrate to bravo' }).waitFor();
    },
  ],
  ...viewsOfKinds({ tab, toHost, inspect, prompt, type, choose, runWays }, HOST, PROMPT_MS),
  [
    'embedded',
    async page => {
      await page.goto('./course/');
      await page.waitForFunction(
        () => document.querySelector('ringside-guest')?.shadowRoot?.textContent.includes('demo>'),
        undefined,
        { timeout: PROMPT_MS },
      );
    },
  ],
  [
    'post-mortem',
    async page => {
      await page.goto(`./?boot=0&${HOST}`);
      await page
        .getByRole('treeitem', { name: '/dev/sda', includeHidden: true })
        .waitFor({ state: 'attached', timeout: PROMPT_MS });
      await toHost(page, 'Desktop');
      await page.waitForTimeout(SETTLE_MS);
      const another = async () => {
        await toHost(page, 'Desktop');
        // A desktop has it, the first view needs none.
        const button = page.getByRole('button', { name: 'New guest' });
        if (await button.isVisible()) await button.click();
      };
      // While other guests go on.
      for (const [name, ...lines] of [
        ['minipv-pv', 'dhcp', 'tables 2000', SERVES.slice(0, 2000)],
        ['minipv-pvh', 'dhcp', 'sleep 2', 'hog 9000000 40'],
      ]) {
        await another();
        await page.getByRole('button', { name: `Boot ${name}`, exact: true }).click();
        await page.locator('.bh h2', { hasText: name }).waitFor({ timeout: PROMPT_MS });
        await prompt(page);
        await paste(page, `${lines.join('\n')}\n`);
      }
      await another();
      const more =
        'type = "hvm"\nmemory = 16\nfda = "fault.img"\nboot = "a"\non_reboot = "preserve"\nvmtrace_buf_kb = 4\n';
      await page
        .locator('input[type=file]')
        .first()
        .setInputFiles([
          definition('lab-fault', more),
          { name: 'fault.img', mimeType: 'application/octet-stream', buffer: faultyFloppy() },
        ]);
      await page.getByRole('button', { name: 'Start lab-fault' }).click();
      await page.getByRole('tab', { name: 'Post-mortem' }).click({ timeout: 2 * PROMPT_MS });
      await page.locator('.pm-end').waitFor();
      await page.locator('.pm-code').waitFor();
    },
  ],
  [
    'components',
    async page => {
      await page.goto('./components.html');
      await page.getByRole('heading', { name: 'Several at once' }).waitFor();
    },
  ],
];

/** Of words of a command line, the first that is no size, no theme, no kind of host and no view: an error with those that there are. */
export function checkWords(command, words, sizes = SIZES, options = []) {
  const names = VIEWS.map(([name]) => name);
  const known = [...options, ...Object.keys({ ...sizes, ...THEMES }), ...KIND_WORDS, ...names];
  const kinds = KIND_WORDS.filter(kind => words.includes(kind));
  const unknown = words.find(word => !known.includes(word) && !kinds.some(kind => names.includes(`${kind}-${word}`)));
  if (unknown !== undefined) throw new Error(`${command}: unknown option ${unknown}; there are ${known.join(', ')}.`);
}

/** Of all views those that words name: kinds of host, names, and names of views of these kinds without their beginning. */
function viewsAmong(words) {
  const kinds = KIND_WORDS.filter(kind => words.includes(kind)),
    ofKinds = VIEWS.filter(([name]) => kinds.length === 0 || kinds.includes(kindOf(name))),
    named = ofKinds.filter(
      ([name]) => words.includes(name) || (kinds.length > 0 && words.includes(name.replace(`${kindOf(name)}-`, ''))),
    );
  return named.length > 0 ? named : ofKinds;
}

/** What a view is drawn from, and is not there yet: itself last. */
function wayTo([name, , ...after], shown) {
  const before = after.filter(each => !shown.has(each));
  return [
    ...before.flatMap(each =>
      wayTo(
        VIEWS.find(([other]) => other === each),
        shown,
      ),
    ),
    name,
  ];
}

/** What a view that does not come is to its caller, who goes on with the next one where this returns. */
const refuse = error => {
  throw error;
};

/**
 * Calls `look` with each view as it is drawn: (page, its name, size, theme). `only`: sizes, themes, kinds of host and views, all where it names none; what a
 * view goes on from is drawn before it, without a look. `failed`: called with one that does not come. `isPicture`: a moment that shows much is waited for.
 */
export async function walkViews(look, { only = [], sizes = SIZES, failed = refuse, isPicture = false }) {
  const among = all => {
    const named = all.filter(([name]) => only.includes(name));
    return named.length > 0 ? named : all;
  };
  await ensureDependencies({ quiet: true });
  await buildPage();
  const { chromium } = await import('@playwright/test');
  const { server, url } = await serve({ port: 0, answers: await courseAnswers() });
  const browser = await chromium.launch({
    executablePath: process.env.RINGSIDE_CHROMIUM || '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu'],
  });
  try {
    for (const [size, viewport] of among(Object.entries(sizes)))
      for (const [theme, media] of among(Object.entries(THEMES))) {
        const context = await browser.newContext({ viewport, ...media, baseURL: url, serviceWorkers: 'block' });
        const page = await context.newPage();
        page.on('dialog', dialog => void dialog.accept());
        // Drawn since the page was opened.
        const shown = new Set();
        for (const view of viewsAmong(only)) {
          const [name] = view;
          try {
            for (const step of new Set(wayTo(view, shown))) {
              const [, show, ...after] = VIEWS.find(([other]) => other === step);
              if (after.length === 0) shown.clear();
              shown.add(step);
              await show(page, { isPicture: isPicture && step === name });
            }
            await page.waitForTimeout(SETTLE_MS);
            await look(page, name, size, theme);
          } catch (error) {
            const picture = `failed-${name}-${size}-${theme}.png`;
            await page.screenshot({ path: at('.cache', 'screenshots', picture) });
            failed(new Error(`${name}, ${size}, ${theme} (.cache/screenshots/${picture}): ${error.message}`));
          }
          // Tabs that the view has opened.
          for (const other of context.pages()) if (other !== page) await other.close();
        }
        await context.close();
      }
  } finally {
    await browser.close();
    server.close();
    server.closeAllConnections();
  }
}
