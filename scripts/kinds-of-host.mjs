/** The page's views on hosts other than the usual one with Xen: one with KVM, and one whose processors have no VT. */
import { readFileSync } from 'node:fs';
import { at } from './lib.mjs';

/** Entries of the boot menu, and a definition of a guest with a disk and a card that such a host starts. */
const KINDS = {
  kvm: {
    boot: 'kvm',
    text: 'type = "hvm"\nkvm = 1\nmemory = 16\nkernel = "minipv"\nserial = "pty"\ndisk = [ "blank.img,raw,vda,w" ]\nvif = [ "model=virtio" ]\n',
    disk: 'vda',
  },
  plain: {
    boot: 'xen-no-vt',
    text: 'type = "pv"\nmemory = 16\nkernel = "minipv"\ndisk = [ "blank.img,raw,xvda,w" ]\nvif = [ "" ]\n',
    disk: 'xvda',
  },
};
/** Words that choose views by their host; `xen`: all others. */
export const KIND_WORDS = ['xen', ...Object.keys(KINDS)];

/** What a name of a view says of its host. */
export const kindOf = name => Object.keys(KINDS).find(kind => name.startsWith(`${kind}-`)) ?? 'xen';

const given = (name, buffer) => ({ name, mimeType: '', buffer });

/** Drops files where a person chooses them. */
async function give(page, ...files) {
  const newGuest = page.getByRole('button', { name: 'New guest' });
  if (await newGuest.isVisible()) await newGuest.click();
  await page.locator('input[type=file]').first().setInputFiles(files);
}

/**
 * Views of each kind, in their order: names, what draws them, and the view that each goes on from. `acts`: what a person does in any view (views.mjs); `address`:
 * of a page whose host has these words.
 */
export function viewsOfKinds(acts, host, timeout) {
  const { tab, toHost, inspect, prompt, type, choose, runWays } = acts;
  const of = (kind, { boot, text, disk }) => {
    const views = [
      [
        'first',
        async page => {
          await page.goto(`./?boot=${boot}&${host}`);
          await page
            .getByRole('treeitem', { name: '/dev/sda', includeHidden: true })
            .waitFor({ state: 'attached', timeout });
        },
      ],
      [
        'guest',
        async page => {
          await give(
            page,
            given('web.cfg', Buffer.from(`name = "web"\n${text}`)),
            given('minipv', readFileSync(at('guests', 'minipv', 'minipv.elf'))),
            given('blank.img', Buffer.alloc(2 ** 20)),
          );
          await page.getByRole('button', { name: 'Start web' }).click();
          await page.locator('.bh h2', { hasText: 'web' }).waitFor({ timeout });
          await prompt(page);
          await type(page, 'dhcp', 'disks', `time ${disk} write 2048 4 8`, 'ping 10.0.2.2 5');
        },
        'first',
      ],
      ['overview', page => tab(page, 'Overview'), 'guest'],
      ['details', page => tab(page, 'Details'), 'guest'],
      ['history', page => tab(page, 'History'), 'guest'],
      ['exits', page => inspect(page), 'guest'],
      ['memory', page => inspect(page, 'Memory'), 'guest'],
      ['host', page => toHost(page, 'Host'), 'guest'],
      ['storage', page => toHost(page, 'Storage'), 'guest'],
      ['network', page => toHost(page, 'Network'), 'guest'],
      [
        'scheduler',
        async page => {
          await toHost(page, 'Inspect');
          await tab(page, 'Scheduler');
        },
        'guest',
      ],
      [
        'shell',
        async page => {
          await choose(page, kind === 'kvm' ? 'Go to Shell of the host' : 'Go to Shell of Domain-0');
          await page.getByTestId('shell-text').filter({ hasText: /# *$/ }).waitFor({ timeout });
        },
        'guest',
      ],
      [
        'dropped',
        async page => {
          await toHost(page, 'Desktop');
          await give(
            page,
            given('other.cfg', Buffer.from(`name = "other"\n${text.replace('blank.img', 'other.img')}`)),
            given(
              'xen.cfg',
              Buffer.from('name = "whole"\ntype = "hvm"\nmemory = 16\ndisk = [ "other.img,raw,hda,w" ]\n'),
            ),
            given('notes.txt', Buffer.from('Nothing that boots.\n')),
          );
          await page.locator('.sev-v').first().waitFor({ timeout });
        },
        'guest',
      ],
    ];
    return views.map(([name, show, ...after]) => [`${kind}-${name}`, show, ...after.map(each => `${kind}-${each}`)]);
  };
  return [
    ...of('kvm', KINDS.kvm),
    [
      'kvm-ways',
      async page => {
        await toHost(page, 'Inspect');
        await tab(page, 'Three ways');
        await runWays(page);
      },
      'kvm-first',
    ],
    ...of('plain', KINDS.plain),
  ];
}
