/** Domain 0's shell in the page, over files and volumes in the browser's storage. */
import { createHash } from 'node:crypto';
import { MemoryStore, Storage, writerKernel, writerProblem } from '../../src/dom0/host/storage/index.ts';
import { domainRows, drop, expect, open, serialText, test } from './page.ts';
import { openShell, prompt, run, shellText } from './shell.ts';
import { patient } from '../support/patience.ts';

const writerFiles = [
  {
    name: 'writer.cfg',
    buffer: Buffer.from(
      'name = "writer"\ntype = "hvm"\nmemory = 4\nkernel = "writer.elf"\ndisk = ["phy:/dev/vg0/web,xvda,w"]\n',
    ),
  },
  { name: 'writer.elf', buffer: Buffer.from(writerKernel) },
];

test('the shell lists domains, makes a volume and a definition, and they are there after a reload, with the history', async ({
  page,
}) => {
  await open(page);
  await openShell(page);
  await expect(page.getByText('shell, files and volumes in this browser’s storage')).toBeVisible();
  expect(await run(page, 'xl list')).toMatch(/^Name +ID +Mem VCPUs\tState\tTime\(s\)|^Name +ID/m);
  expect(await run(page, 'lvcreate -L 1G -n a vg0')).toContain('Logical volume "a" created.');
  await run(page, 'echo \'name = "x"\' > /etc/xen/vm/x');
  expect(await run(page, 'xl create /etc/xen/vm/minipv-pv; xl list minipv-pv')).toMatch(/^minipv-pv +1 +16 +1 /m);
  // Tab puts in what is missing of a name.
  await page.keyboard.type('clear; cat /etc/xen/v\t\t');
  await page.keyboard.type('x\n');
  await expect.poll(() => shellText(page)).toMatch(/^name = "x"$/m);

  await page.reload();
  await openShell(page);
  expect(await run(page, 'cat /etc/xen/vm/x; lvs')).toMatch(/^name = "x"\n.*\n {2}a +vg0 +-wi-a----- +1\.00g/m);
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('ArrowUp');
  await expect.poll(() => shellText(page)).toContain('# clear; cat /etc/xen/vm/x');
  // Ctrl-C gives the line up, and ends a command.
  await page.keyboard.press('Control+C');
  await page.keyboard.type('clear; sleep 1000\n');
  await page.waitForTimeout(300);
  await page.keyboard.press('Control+C');
  await expect.poll(() => shellText(page)).toMatch(prompt);
  expect(await run(page, 'echo "status $?"')).toContain('status');
  // Shift + Tab leaves the terminal (WCAG 2.1.2).
  await page.keyboard.press('Shift+Tab');
  expect(await page.evaluate(() => !!document.activeElement?.closest('.xterm'))).toBe(false);
});

test('the figure runs from one command: three guests, and a file of one of them on the disk of 500 GB', async ({
  page,
}) => {
  await open(page);
  await openShell(page);
  await page.keyboard.type('clear; bash figure.sh\n');
  await expect
    .poll(() => shellText(page), { timeout: patient(60_000) })
    .toMatch(/sector \d+ of \/dev\/sda\nThe bytes are the same\./);
  // The tree has the volume by that name, too.
  for (const name of ['files', 'web', 'demo'])
    await expect(page.locator(`[role=treeitem][data-domain][data-name="${name}"]`)).toBeVisible();
});

test('a second tab is told who has files and volumes, and takes them over once they are flushed and closed', async ({
  page,
  context,
}) => {
  await open(page);
  await openShell(page);
  await run(page, 'lvcreate -L 8M -n first vg0');
  const second = await context.newPage();
  await open(second);
  const note = second.getByRole('status').filter({ hasText: 'live in memory' });
  // At once, before anybody asks for them.
  await expect(note).toContainText('Another tab of this browser has them.');
  await openShell(second);
  expect(await run(second, 'lvs')).not.toContain('first');
  await expect(note).toContainText('Another tab of this browser has them. It has had them since');
  // A person who never opens a shell reads that where the disk is shown.
  await second.getByRole('link', { name: 'Ringside' }).click();
  await second.getByRole('tab', { name: 'Storage', exact: true }).click();
  await expect(note).toBeVisible();
  await openShell(second);
  await note.getByRole('button', { name: 'Take over' }).click();
  await expect(second.getByText('shell, files and volumes in this browser’s storage')).toBeVisible();
  // The keyboard is in the new shell already.
  await expect.poll(() => shellText(second)).toMatch(prompt);
  expect(await run(second, 'lvs')).toContain('first');
  // The first one has lost them, says so, and can take them back.
  await expect.poll(() => shellText(page)).toContain('another tab’s now: this shell ends.');
  await page.getByRole('button', { name: 'Take over' }).click();
  await expect.poll(() => shellText(page)).toMatch(prompt);
  expect(await run(page, 'lvs')).toContain('first');
});

test('a tab that is closed leaves files and volumes to the next one at once', async ({ page, context }) => {
  await open(page);
  await openShell(page);
  await run(page, 'echo kept > /root/note');
  const second = await context.newPage();
  await open(second);
  await page.close();
  await openShell(second);
  expect(await run(second, 'cat note')).toContain('kept');
});

test('a domain that /etc/xen/auto names starts with the page', async ({ page }) => {
  await open(page);
  await openShell(page);
  await run(
    page,
    `lvcreate -L 8M -n web vg0 > /dev/null; echo ${Buffer.from(writerKernel).toString('base64')} | base64 -d > /boot/writer.elf`,
  );
  await run(
    page,
    `printf 'name = "auto"\\ntype = "hvm"\\nmemory = 4\\nkernel = "/boot/writer.elf"\\ndisk = ["phy:/dev/vg0/web,xvda,w"]\\n' > /etc/xen/vm/auto; ln -s /etc/xen/vm/auto /etc/xen/auto/auto`,
  );
  await page.reload();
  await expect(domainRows(page).filter({ hasText: 'auto' })).toHaveCount(1, { timeout: patient(30_000) });
  await domainRows(page).filter({ hasText: 'auto' }).click();
  await expect.poll(() => serialText(page), { timeout: patient(30_000) }).toContain('...');
});

const PLAIN = process.env.RINGSIDE_TEST_PLAIN!;

test('without shared memory files are kept by the one worker that there is', async ({ page }) => {
  await open(page, PLAIN);
  await openShell(page);
  await run(page, 'echo kept > /root/note; lvcreate -L 8M -n plain vg0');
  await page.reload();
  await openShell(page);
  expect(await run(page, 'cat note; lvs')).toMatch(/^kept\n[^]*plain/m);
});

test('where the browser keeps no files the shell says so, and works', async ({ page }) => {
  // As a private window of Firefox has it.
  await page.route('**/turns-worker-*.js', async route => {
    const answer = await route.fetch();
    await route.fulfill({
      response: answer,
      body: `StorageManager.prototype.getDirectory = async () => { throw new DOMException('Security error', 'SecurityError'); };${await answer.text()}`,
    });
  });
  await open(page, PLAIN);
  await openShell(page);
  await expect(page.getByRole('status').filter({ hasText: 'live in memory' })).toContainText(
    'This window may keep no files: it is a private one',
  );
  expect(await run(page, 'lvcreate -L 8M -n gone vg0; lvs')).toContain('gone');
  await page.getByRole('link', { name: 'Ringside' }).click();
  await page.getByRole('tab', { name: 'Storage', exact: true }).click();
  await expect(page.getByText('The whole host in one file')).toBeVisible();
  await expect(page.getByText('it is a private one')).toHaveCount(1);
});

test('a guest on a volume finds there what it wrote before the page was closed', async ({ page, context }) => {
  await open(page);
  await openShell(page);
  await run(page, 'lvcreate -L 8M -n web vg0');
  await drop(page, writerFiles);
  await page.getByRole('button', { name: 'Start writer' }).click();
  // A dot is a write that the drive called durable.
  await expect
    .poll(async () => (await serialText(page)).split('.').length - 1, { timeout: patient(60_000) })
    .toBeGreaterThan(20);
  const second = await context.newPage();
  await page.close();
  await open(second);
  const files = await second.evaluate(async () => {
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('ringside');
    // As text of base 64: a list of that many numbers takes Playwright half a minute.
    const text: Record<string, string> = {};
    for (const name of ['disk.data', 'disk.0', 'disk.1']) {
      const file = await (await folder.getFileHandle(name)).getFile();
      const address = await new Promise<string>(resolve => {
        const reader = new FileReader();
        reader.onload = () => resolve(reader.result as string);
        reader.readAsDataURL(file);
      });
      text[name] = address.slice(address.indexOf(',') + 1);
    }
    return text;
  });
  // Node reads the same files.
  const store = new MemoryStore();
  for (const [name, text] of Object.entries(files))
    (await store.open(name)).write(0, Uint8Array.from(Buffer.from(text, 'base64')));
  const storage = await Storage.open({ store, epochMs: () => 0, random: () => 0 });
  const content = new Uint8Array(256 * 512);
  storage.medium('/dev/vg0/web').read(0, content);
  expect(writerProblem(content, 20)).toBeUndefined();
  expect(new Uint32Array(content.buffer).some(word => word > 20)).toBe(true);
});

test('what a guest writes to an image of Domain 0 is in the file, also after a reload', async ({ page }) => {
  await open(page);
  await openShell(page);
  const image = '/var/lib/xen/images/web.img';
  const definition = [
    'name = "web"',
    'type = "pvh"',
    'memory = 16',
    'kernel = "/boot/minipv"',
    `disk = ["${image},raw,xvda,w"]`,
  ].join('\\n');
  expect(
    await run(
      page,
      `truncate -s 20G ${image}; printf '${definition}\\n' > /etc/xen/vm/web; ls -l ${image} | cut -c 1-40`,
    ),
  ).toContain(' 21474836480');
  await page.keyboard.type('clear\nxl create -c /etc/xen/vm/web\n');
  await expect.poll(() => shellText(page), { timeout: patient(30_000) }).toMatch(/minipv> *\n*$/);
  // Sectors 5 to 304, of words that follow from their place and a seed.
  await page.keyboard.type('fill xvda 5 300 7\n');
  await expect.poll(() => shellText(page)).toMatch(/crc [0-9a-f]+/);
  await page.keyboard.press('Control+]');
  await expect.poll(() => shellText(page)).toMatch(prompt);
  const words = Uint32Array.from({ length: 300 * 128 }, (_, i) => Math.imul(5 * 128 + i, 2654435761) + 7);
  const sum = createHash('sha256').update(new Uint8Array(words.buffer)).digest('hex');
  const read = `dd if=${image} skip=5 count=300 status=none | sha256sum`;
  expect(await run(page, read)).toContain(sum);
  expect(await run(page, `{ rm ${image}; xl disk-path web xvda 5; } 2>&1`)).toMatch(
    /volume vg0\/image\+web\.img: sector 5 [^]*web has .* open/,
  );
  await run(page, 'xl destroy web');
  await page.reload();
  await openShell(page);
  expect(await run(page, read)).toContain(sum);
});

test('what cannot be done is refused in the words and with the status of the tool, and nothing is left of it', async ({
  page,
}) => {
  await open(page);
  await openShell(page);
  const definition = (name: string, disk: string, more = ''): string =>
    `printf 'name = "${name}"\\ntype = "pvh"\\nmemory = 16\\nkernel = "/boot/minipv"\\ndisk = ["${disk}"]\\n${more}' > ${name}`;
  await run(page, 'lvcreate -L 8M -n web vg0; lvcreate -L 8M -n mail vg0');
  const uuid = '6d4a4b9a-1f0e-4b7c-9a51-0d5b7c3f2e11';
  await run(page, definition('web', 'phy:/dev/vg0/web,xvda,w', `uuid = "${uuid}"\\n`));
  expect(await run(page, 'xl create web; echo status $?')).toContain('status 0');
  const refusals: [string, string | RegExp][] = [
    ['xl create web', 'Domain with name "web" already exists.'],
    [`${definition('twin', 'phy:/dev/vg0/mail,xvda,w', `uuid = "${uuid}"\\n`)}; xl create twin`, /UUID/],
    [
      `${definition('other', 'phy:/dev/vg0/web,xvda,w')}; xl create other`,
      /Device \/dev\/vg0\/web is mounted read-write in web/,
    ],
    [`${definition('none', '/var/lib/xen/images/none.img,raw,xvda,w')}; xl create none`, /none\.img/],
    [`${definition('wrong', 'transfer:0,xvda,w')}; xl create wrong`, /transfer:0/],
    ['lvremove vg0/web', /Logical volume vg0\/web in use/],
    ['lvcreate -L 2T -n big vg0', /insufficient free space/],
    ['truncate -s 2T /var/lib/xen/images/big.img', /insufficient free space/],
    ['xl block-attach web phy:/dev/vg0/web,xvdb,w', /is mounted read-write in web/],
    ['printf "a = [\\nb = 1\\nmemroy = 3\\n" > bad; xl create bad', /bad:/],
  ];
  for (const [line, says] of refusals) {
    const said = (await run(page, `{ ${line}; echo status $?; } 2>&1`)).replace(/\n/g, '');
    expect(said, line).toMatch(says);
    expect(said, line).toMatch(/status [1-9]/);
  }
  expect(
    await run(page, 'xl list | tail -n +3 | cut -d " " -f 1; ls /var/lib/xen/images | wc -l; lvs | wc -l'),
  ).toMatch(/^web\n0\n3$/m);
});
